//! `ItemReader`, `ItemBatcher` and `ResultWriter` of a distributed map.

use serde_json::Value;

use super::super::eval::Template;
use super::super::eval::template::Language;
use super::fields::Fields;
use super::{Count, Problem};

/// Where the items of a distributed map come from.
#[derive(Debug)]
pub struct Reader {
    /// What is read.
    pub source: Source,
    /// `Parameters` or `Arguments` of the call.
    pub parameters: Option<Template>,
    /// How an object is read.
    pub format: Format,
    /// `MaxItems`.
    pub most: Option<Count>,
}

/// What a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The contents of one object.
    Object,
    /// The objects of a bucket.
    Objects,
}

/// `InputType`.
#[derive(Debug, PartialEq, Eq)]
pub enum Format {
    /// A list.
    Json,
    /// A value a line.
    JsonLines,
    /// A table with that delimiter.
    Csv(Headers, char),
}

/// `CSVHeaderLocation`.
#[derive(Debug, PartialEq, Eq)]
pub enum Headers {
    /// In the first row.
    FirstRow,
    /// In the definition.
    Given(Vec<String>),
}

/// `ItemBatcher`.
#[derive(Debug)]
pub struct Batcher {
    /// `MaxItemsPerBatch`.
    pub most: Option<Count>,
    /// `MaxInputBytesPerBatch`.
    pub bytes: Option<Count>,
    /// `BatchInput`.
    pub input: Option<Template>,
}

fn call_field(language: Language) -> &'static str {
    if language == Language::Jsonata { "Arguments" } else { "Parameters" }
}

/// The object of a field of the map.
fn inner<'a>(fields: &Fields<'a>, field: &str, problems: &mut Vec<Problem>) -> Option<Fields<'a>> {
    Fields::of(fields.get(field)?, fields.place(field), fields.language, problems)
}

/// Reads `ItemReader`; the field that the endpoint lacks goes into `lacking`.
pub(super) fn read_reader(
    fields: &Fields<'_>,
    lacking: &mut Option<&'static str>,
    problems: &mut Vec<Problem>,
) -> Option<Reader> {
    let reader = inner(fields, "ItemReader", problems)?;
    let call = call_field(reader.language);
    reader.only(&[&["Resource", "ReaderConfig", call]], problems);
    reader.require(&["Resource"], problems);
    let resource = reader.string("Resource", problems)?;
    let source = match resource.rsplit(":::").next().unwrap_or_default() {
        "s3:getObject" => Source::Object,
        "s3:listObjectsV2" => Source::Objects,
        _ => {
            problems.push(Problem::schema("Value is not a valid resource ARN", reader.place("Resource")));
            return None;
        }
    };
    let parameters = reader.template(call, problems);
    let mut format = Format::Json;
    let mut most = None;
    if let Some(config) = inner(&reader, "ReaderConfig", problems) {
        let known: &[&str] = &[
            "InputType",
            "CSVHeaderLocation",
            "CSVHeaders",
            "CSVDelimiter",
            "MaxItems",
            "MaxItemsPath",
            "ItemsPointer",
            "ManifestType",
            "Transformation",
        ];
        config.only(&[known], problems);
        if ["ItemsPointer", "ManifestType", "Transformation"].iter().any(|field| config.has(field)) {
            *lacking = Some("ItemReader.ReaderConfig beyond InputType, CSV settings and MaxItems");
        }
        format = match config.string("InputType", problems) {
            Some("CSV") => read_csv(&config, problems),
            Some("JSONL") => Format::JsonLines,
            Some("MANIFEST" | "PARQUET") => {
                *lacking = Some("ItemReader.ReaderConfig.InputType (MANIFEST and PARQUET)");
                Format::Json
            }
            Some("JSON") | None => Format::Json,
            Some(_) => {
                let message =
                    "The field 'InputType' should have one of these values: [CSV, JSON, JSONL, PARQUET, MANIFEST]";
                problems.push(Problem::schema(message, config.place("InputType")));
                Format::Json
            }
        };
        most = config.bounded_count("MaxItems", 0.0, f64::MAX, true, problems);
    }
    Some(Reader { source, parameters, format, most })
}

fn read_csv(config: &Fields<'_>, problems: &mut Vec<Problem>) -> Format {
    let names = config.get("CSVHeaders").and_then(Value::as_array);
    let names = names.map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect());
    let headers = match (config.string("CSVHeaderLocation", problems), names) {
        (Some("GIVEN"), Some(names)) => Headers::Given(names),
        (Some("GIVEN"), None) => {
            config.require(&["CSVHeaders"], problems);
            Headers::FirstRow
        }
        _ => Headers::FirstRow,
    };
    let delimiter = match config.string("CSVDelimiter", problems) {
        Some("PIPE") => '|',
        Some("SEMICOLON") => ';',
        Some("SPACE") => ' ',
        Some("TAB") => '\t',
        _ => ',',
    };
    Format::Csv(headers, delimiter)
}

/// Reads `ItemBatcher`.
pub(super) fn read_batcher(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<Batcher> {
    let batcher = inner(fields, "ItemBatcher", problems)?;
    let known: &[&str] = &[
        "BatchInput",
        "MaxItemsPerBatch",
        "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatch",
        "MaxInputBytesPerBatchPath",
    ];
    batcher.only(&[known], problems);
    Some(Batcher {
        most: batcher.count("MaxItemsPerBatch", 0.0, problems),
        bytes: batcher.count("MaxInputBytesPerBatch", 0.0, problems),
        input: batcher.template("BatchInput", problems),
    })
}

/// Reads `ResultWriter`: the parameters of its call.
pub(super) fn read_writer(
    fields: &Fields<'_>,
    lacking: &mut Option<&'static str>,
    problems: &mut Vec<Problem>,
) -> Option<Template> {
    let writer = inner(fields, "ResultWriter", problems)?;
    let call = call_field(writer.language);
    writer.only(&[&["Resource", "WriterConfig", call]], problems);
    if writer.has("WriterConfig") || !writer.has("Resource") {
        *lacking = Some("ResultWriter.WriterConfig");
        return None;
    }
    if writer.string("Resource", problems).is_some_and(|resource| !resource.ends_with(":::s3:putObject")) {
        problems.push(Problem::schema("Value is not a valid resource ARN", writer.place("Resource")));
    }
    writer.template(call, problems)
}
