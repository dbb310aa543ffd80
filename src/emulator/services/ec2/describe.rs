//! The one `Describe`: by ids and filters, page by page.

use serde_json::{Value, json};

use super::error::Error;
use super::input::Input;
use super::kind::Kind;
use super::store::{Resource, Store, Work};
use super::view;
use crate::emulator::glob;

/// A filter as a request has it.
#[derive(Debug)]
pub struct Filter {
    name: String,
    values: Vec<String>,
}

impl Filter {
    /// The filters of an input.
    ///
    /// # Errors
    /// When one has no name or no values.
    pub fn read(input: Input<'_>) -> Result<Vec<Self>, Error> {
        let read = |filter: Input<'_>| {
            let name = filter.text("Name").ok_or_else(|| Error::missing("Filter.Name"))?;
            let values = filter.texts("Value");
            if values.is_empty() {
                return Err(Error::new("InvalidParameterValue", format!("The filter '{name}' has no values")));
            }
            Ok(Self { name, values })
        };
        input.objects("Filter").into_iter().map(read).collect()
    }

    /// Refuses a filter that there is not.
    ///
    /// # Errors
    /// `InvalidParameterValue`, in the words of EC2.
    pub fn check(&self, known: &[(&str, &str)]) -> Result<(), Error> {
        let is_tag = self.name == "tag-key" || self.name == "tag-value" || self.name.starts_with("tag:");
        if is_tag || known.iter().any(|(name, _)| *name == self.name) {
            return Ok(());
        }
        Err(Error::new("InvalidParameterValue", format!("The filter '{}' is invalid", self.name)))
    }

    /// Whether a shown resource passes.
    #[must_use]
    pub fn accepts(&self, known: &[(&str, &str)], shown: &Value) -> bool {
        if let Some(key) = self.name.strip_prefix("tag:") {
            let tags = shown["Tags"].as_array().into_iter().flatten();
            return tags.filter(|tag| tag["Key"] == key).any(|tag| self.fits(&tag["Value"]));
        }
        let path = match self.name.as_str() {
            "tag-key" => "Tags.Key",
            "tag-value" => "Tags.Value",
            name => match known.iter().find(|(known, _)| *known == name) {
                Some((_, path)) => path,
                None => return false,
            },
        };
        let parts: Vec<&str> = path.split('.').collect();
        self.walk(shown, &parts)
    }

    fn walk(&self, value: &Value, path: &[&str]) -> bool {
        match (value, path) {
            (Value::Array(entries), _) => entries.iter().any(|entry| self.walk(entry, path)),
            (_, []) => self.fits(value),
            (_, [first, rest @ ..]) => self.walk(&value[*first], rest),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => return false,
            other => other.to_string(),
        };
        self.values.iter().any(|pattern| glob::policy(pattern, &text))
    }
}

/// Everything of a kind that an input asks for, as it is shown.
///
/// # Errors
/// When an id, a filter or the page is none.
pub fn wanted(store: &Store, kind: &'static Kind, input: Input<'_>) -> Result<Vec<Value>, Error> {
    let filters = Filter::read(input)?;
    filters.iter().try_for_each(|filter| filter.check(kind.filters))?;
    let ids = input.texts(kind.id);
    let shown: Vec<Value> = if ids.is_empty() {
        store.of(kind).map(|one| view::of(store, one)).collect()
    } else {
        let found: Result<Vec<&Resource>, Error> = ids.iter().map(|id| store.get(kind, id)).collect();
        found?.into_iter().map(|one| view::of(store, one)).collect()
    };
    Ok(shown.into_iter().filter(|one| filters.iter().all(|filter| filter.accepts(kind.filters, one))).collect())
}

/// The page of `entries` that an input asks for, under `list`.
///
/// # Errors
/// When its size or token is none.
pub fn page(list: &str, mut entries: Vec<Value>, input: Input<'_>) -> Result<Value, Error> {
    let most = match input.integer("MaxResults")? {
        None => None,
        Some(most @ 5..) => Some(usize::try_from(most.min(1_000)).unwrap_or(1_000)),
        Some(most) => return Err(Error::value("maxResults", format!(" {most} "), "Expecting a value greater than 5.")),
    };
    let start = match input.text("NextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|start| start.parse::<usize>().ok())
            .ok_or_else(|| Error::new("InvalidNextToken", format!("The token '{token}' is invalid.")))?,
    };
    let mut rest = entries.split_off(start.min(entries.len()));
    let mut answer = json!({});
    if let Some(most) = most.filter(|most| *most < rest.len()) {
        rest.truncate(most);
        answer["NextToken"] = Value::from(format!("page-{}", start + most));
    }
    answer[list] = Value::Array(rest);
    Ok(answer)
}

/// A `Describe` of one kind.
///
/// # Errors
/// As [`wanted`] and [`page`].
pub fn describe(work: &mut Work<'_>, kind: &'static Kind, input: Input<'_>) -> Result<Value, Error> {
    page(kind.list, wanted(work.store, kind, input)?, input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_go_into_lists_and_know_wildcards() {
        let shown = json!({"VpcId": "vpc-1", "IsDefault": false, "Tags": [{"Key": "Name", "Value": "vault"}],
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.1.0.0/16"}]});
        for (name, values, expected) in [
            ("cidr-block-association.cidr-block", &["10.1.*"][..], true),
            ("cidr-block-association.cidr-block", &["10.2.*"], false),
            ("is-default", &["false"], true),
            ("tag:Name", &["other", "v?ult"], true),
            ("tag:name", &["vault"], false),
            ("tag-key", &["Name"], true),
            ("tag-value", &["x"], false),
            ("state", &["*"], false),
        ] {
            let filter =
                Filter { name: name.to_owned(), values: values.iter().map(|value| (*value).to_owned()).collect() };
            filter.check(super::super::kind::VPC.filters).expect("a filter");
            assert_eq!(filter.accepts(super::super::kind::VPC.filters, &shown), expected, "{name} {values:?}");
        }
    }
}
