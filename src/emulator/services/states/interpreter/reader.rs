//! What feeds a distributed map: items from S3, and batches of them.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::strand::Strand;
use super::{Fault, Visit};
use crate::emulator::services::states::asl::{Batcher, Count, Format, Headers, Reader, Source};
use crate::emulator::services::states::integration::PRINCIPAL;

/// The largest batch that an `ItemBatcher` may make: the input of an execution.
const LARGEST_BATCH: u64 = super::LARGEST_PAYLOAD as u64;

fn failed(cause: impl Into<String>) -> Fault {
    Fault::named("States.ItemReaderFailed", cause)
}

impl<'r> Strand<'r> {
    /// The items that a reader finds.
    pub(super) async fn read_items(
        &mut self,
        visit: &Visit<'r>,
        reader: &Reader,
        input: &Arc<Value>,
    ) -> Result<Vec<Value>, Fault> {
        let parameters = match &reader.parameters {
            Some(template) => self.make(visit, template, input, None)?,
            None => json!({}),
        };
        let most = match &reader.most {
            None => usize::MAX,
            Some(count) => {
                let (value, _) = self.count(visit, "MaxItems", count, input)?;
                let number = value.as_i64().ok_or_else(|| failed("field MaxItems must be a number"))?;
                match usize::try_from(number) {
                    Ok(0) => usize::MAX,
                    Ok(most) => most,
                    Err(_) => return Err(failed("field MaxItems must be positive")),
                }
            }
        };
        let mut items = match reader.source {
            Source::Objects => self.listed(&parameters, most).await?,
            Source::Object => {
                let answer = self.s3("GetObject", parameters).await?;
                let body = STANDARD.decode(answer["Body"].as_str().unwrap_or_default()).unwrap_or_default();
                let text = String::from_utf8(body).map_err(|_| failed("The object is not UTF-8."))?;
                parsed(&text, reader)?
            }
        };
        items.truncate(most);
        Ok(items)
    }

    async fn s3(&self, operation: &str, input: Value) -> Result<Value, Fault> {
        let answer = self.run.fabric.call(PRINCIPAL, "s3", operation, input).await;
        answer.map_err(|error| failed(format!("{} (Service: Amazon S3; Error Code: {})", error.message, error.code)))
    }

    /// Every object of a listing.
    async fn listed(&self, parameters: &Value, most: usize) -> Result<Vec<Value>, Fault> {
        let mut found = Vec::new();
        let mut input = parameters.clone();
        loop {
            let mut page = self.s3("ListObjectsV2", input.clone()).await?;
            if let Some(Value::Array(objects)) = page.get_mut("Contents").map(Value::take) {
                found.extend(objects);
            }
            let token = page.get("NextContinuationToken").filter(|token| token.is_string());
            match token {
                Some(token) if found.len() < most => input["ContinuationToken"] = token.clone(),
                _ => return Ok(found),
            }
        }
    }

    /// Brings items into batches, where the state says so.
    pub(super) fn batched(
        &mut self,
        visit: &Visit<'r>,
        batcher: Option<&Batcher>,
        input: &Arc<Value>,
        items: Vec<Arc<Value>>,
    ) -> Result<Vec<Arc<Value>>, Fault> {
        let Some(batcher) = batcher else { return Ok(items) };
        let mut limit = |field: &str, count: Option<&Count>| match count {
            Some(count) => {
                self.whole(visit, field, count, input).map(|limit| if limit == 0 { u64::MAX } else { limit })
            }
            None => Ok(u64::MAX),
        };
        let most = limit("MaxItemsPerBatch", batcher.most.as_ref())?;
        let bytes = limit("MaxInputBytesPerBatch", batcher.bytes.as_ref())?.min(LARGEST_BATCH);
        let common = match &batcher.input {
            Some(template) => Some(self.make(visit, template, input, None)?),
            None => None,
        };
        let whole = |items: Vec<Value>| {
            let mut batch = Map::new();
            batch.extend(common.clone().map(|common| ("BatchInput".to_owned(), common)));
            batch.insert("Items".to_owned(), items.into());
            Arc::new(Value::Object(batch))
        };
        let empty = whole(vec![]).to_string().len() as u64;
        let mut batches = Vec::new();
        let (mut batch, mut size) = (Vec::new(), empty);
        for item in items {
            let item = Arc::unwrap_or_clone(item);
            let length = item.to_string().len() as u64 + 1;
            if !batch.is_empty() && (batch.len() as u64 >= most || size + length > bytes) {
                batches.push(whole(std::mem::take(&mut batch)));
                size = empty;
            }
            size += length;
            batch.push(item);
        }
        if !batch.is_empty() {
            batches.push(whole(batch));
        }
        Ok(batches)
    }
}

/// The items of a text.
fn parsed(text: &str, reader: &Reader) -> Result<Vec<Value>, Fault> {
    match &reader.format {
        Format::Json => match serde_json::from_str(text) {
            Ok(Value::Array(items)) => Ok(items),
            Ok(_) => Err(failed("Attempting to map over non-iterable node.")),
            Err(error) => Err(failed(format!("The object is not valid JSON: {error}"))),
        },
        Format::JsonLines => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                serde_json::from_str(line).map_err(|error| failed(format!("A line is not valid JSON: {error}")))
            })
            .collect(),
        Format::Csv(headers, delimiter) => table(text, headers, *delimiter),
    }
}

fn table(text: &str, headers: &Headers, delimiter: char) -> Result<Vec<Value>, Fault> {
    let mut rows = rows(text, delimiter).into_iter();
    let names = match headers {
        Headers::Given(names) => names.clone(),
        Headers::FirstRow => rows.next().unwrap_or_default(),
    };
    let distinct: HashSet<&String> = names.iter().collect();
    if distinct.len() < names.len() {
        return Err(failed("CSV headers cannot contain duplicates."));
    }
    let item = |row: Vec<String>| {
        let values = row.into_iter().map(Value::from).chain(std::iter::repeat(Value::from("")));
        Value::Object(names.iter().cloned().zip(values).collect())
    };
    Ok(rows.map(item).collect())
}

/// The rows of a table as RFC 4180 has it; empty lines are none.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut field) = (Vec::new(), String::new());
    let (mut quoted, mut begun) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => (quoted, begun) = (true, true),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                if begun || !row.is_empty() || !field.is_empty() {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                begun = false;
            }
            c if c == delimiter && !quoted => {
                row.push(std::mem::take(&mut field));
                begun = true;
            }
            c => field.push(c),
        }
    }
    if begun || !row.is_empty() || !field.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(format: Format) -> Reader {
        Reader { source: Source::Object, parameters: None, format, most: None }
    }

    #[test]
    fn a_table_becomes_objects() {
        let csv = |headers| reader(Format::Csv(headers, ','));
        let text = "a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n2,\n3\n";
        let items = parsed(text, &csv(Headers::FirstRow)).expect("a table");
        let expected = json!([{"a": "1", "b": "x, \"y\"\nz"}, {"a": "2", "b": ""}, {"a": "3", "b": ""}]);
        assert_eq!(Value::from(items), expected);
        let given = csv(Headers::Given(vec!["H".to_owned()]));
        assert_eq!(Value::from(parsed("1,2\n", &given).expect("a table")), json!([{"H": "1"}]));
        let twice = csv(Headers::Given(vec!["H".to_owned(), "H".to_owned()]));
        assert!(parsed("1,2\n", &twice).is_err());
    }

    #[test]
    fn a_list_or_lines_of_json_become_items() {
        assert_eq!(parsed("[1, {}]", &reader(Format::Json)).expect("a list"), [json!(1), json!({})]);
        assert_eq!(parsed("1\n\n{}\n", &reader(Format::JsonLines)).expect("lines"), [json!(1), json!({})]);
        let fault = parsed("{}", &reader(Format::Json)).expect_err("no list");
        assert_eq!(fault.failure.error.as_deref(), Some("States.ItemReaderFailed"));
        assert!(parsed("{", &reader(Format::JsonLines)).is_err());
    }
}
