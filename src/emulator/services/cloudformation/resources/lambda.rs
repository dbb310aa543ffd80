//! `AWS::Lambda::Function`, `AWS::Lambda::Permission` and `AWS::Lambda::EventSourceMapping`.

use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

/// The largest inline source, in bytes.
const LARGEST_INLINE: usize = 4 * 1024 * 1024;

const FUNCTION: &[Property] = &[
    property("Architectures", TEXT_LIST),
    property(
        "Code",
        Shape::Object(&[
            property("S3Bucket", Shape::Text),
            property("S3Key", Shape::Text),
            property("S3ObjectVersion", Shape::Text),
            property("ZipFile", Shape::Text),
        ]),
    )
    .required(),
    property("DeadLetterConfig", Shape::Object(&[property("TargetArn", Shape::Text)])),
    property("Description", Shape::Text),
    property("Environment", Shape::Object(&[property("Variables", Shape::Texts)])),
    property("EphemeralStorage", Shape::Object(&[property("Size", Shape::Integer).required()])),
    property("FunctionName", Shape::Text).replaces(),
    property("Handler", Shape::Text),
    property(
        "LoggingConfig",
        Shape::Object(&[
            property("ApplicationLogLevel", Shape::Text),
            property("LogFormat", Shape::Text),
            property("LogGroup", Shape::Text),
            property("SystemLogLevel", Shape::Text),
        ]),
    ),
    property("MemorySize", Shape::Integer),
    property("PackageType", Shape::Text).replaces(),
    property("ReservedConcurrentExecutions", Shape::Integer),
    property("Role", Shape::Text).required(),
    property("Runtime", Shape::Text),
    property("Tags", TAGS),
    property("Timeout", Shape::Integer),
    property("TracingConfig", Shape::Object(&[property("Mode", Shape::Text)])),
];

/// Members of `CreateFunction` and `UpdateFunctionConfiguration` that are properties of the same name.
const CONFIGURATION: [&str; 11] = [
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
];

const TAGGING: Tagging =
    Tagging { service: "lambda", operations: UNTAG_AND_TAG, members: ["Resource", "TagKeys", "Tags"] };

provider!(Function, "AWS::Lambda::Function", FUNCTION, Some("FunctionName"), create, update, delete);

/// The code as the service takes it: inline source becomes a zip with one file.
fn code(request: Request<'_>) -> Result<Map<String, Value>, Failure> {
    let code = request.get("Code");
    let Some(source) = code.get("ZipFile").and_then(Value::as_str) else {
        return Ok(code.as_object().cloned().unwrap_or_default());
    };
    if source.len() > LARGEST_INLINE {
        return Err(Failure::new("Properties validation failed for resource: #/Code/ZipFile: longer than 4 MB"));
    }
    let runtime = request.text("Runtime");
    let file = match runtime {
        runtime if runtime.starts_with("python") => "index.py",
        runtime if runtime.starts_with("nodejs") => "index.js",
        _ => {
            return Err(Failure::new(format!(
                "Resource handler returned message: \"ZipFile can only be used when Runtime is set to either of the nodejs or python runtimes, not {runtime:?}.\" (HandlerErrorCode: InvalidRequest)"
            )));
        }
    };
    let mut files = vec![(file, source)];
    // AWS adds this module to inline code, and only to that.
    files.push(match file {
        "index.py" => ("cfnresponse.py", include_str!("cfnresponse.py")),
        _ => ("node_modules/cfn-response/index.js", include_str!("cfn-response.js")),
    });
    let zipped = zipped(&files).map_err(|error| Failure::new(format!("cannot zip the inline code: {error}")))?;
    Ok(Map::from_iter([("ZipFile".to_owned(), Value::from(STANDARD.encode(zipped)))]))
}

fn zipped(files: &[(&str, &str)]) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (file, source) in files {
        archive.start_file(*file, SimpleFileOptions::default().unix_permissions(0o644))?;
        archive.write_all(source.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("FunctionName", 64);
    let mut input = request.members(&CONFIGURATION);
    input.extend(request.members(&["Architectures", "PackageType"]));
    input.insert("FunctionName".to_owned(), Value::from(name.as_str()));
    input.insert("Code".to_owned(), Value::Object(code(request)?));
    input.insert("Tags".to_owned(), request.tag_map());
    let created = request.call("lambda", "CreateFunction", input).await?;
    if let Some(reserved) = request.properties.get("ReservedConcurrentExecutions") {
        let input = json!({"FunctionName": name, "ReservedConcurrentExecutions": reserved});
        request.call("lambda", "PutFunctionConcurrency", input).await.map_err(|failure| failure.after(&name))?;
    }
    Ok(made(request, &name, &created))
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let differs = |property: &str| before.get(property) != request.properties.get(property);
    if differs("Code") || differs("Architectures") {
        let mut input = code(request)?;
        input.extend(request.members(&["Architectures"]));
        input.insert("FunctionName".to_owned(), Value::from(name));
        request.call("lambda", "UpdateFunctionCode", input).await?;
    }
    if CONFIGURATION.iter().any(|property| differs(property)) {
        let mut input = request.members(&CONFIGURATION);
        // What is gone from the template falls back to the service's default.
        for (property, default) in [
            ("Description", json!("")),
            ("Environment", json!({"Variables": {}})),
            ("MemorySize", json!(128)),
            ("Timeout", json!(3)),
            ("DeadLetterConfig", json!({"TargetArn": ""})),
        ] {
            if before.get(property).is_some() {
                input.entry(property).or_insert(default);
            }
        }
        input.insert("FunctionName".to_owned(), Value::from(name));
        request.call("lambda", "UpdateFunctionConfiguration", input).await?;
    }
    if differs("ReservedConcurrentExecutions") {
        match request.properties.get("ReservedConcurrentExecutions") {
            Some(reserved) => {
                let input = json!({"FunctionName": name, "ReservedConcurrentExecutions": reserved});
                request.call("lambda", "PutFunctionConcurrency", input).await?
            }
            None => request.call("lambda", "DeleteFunctionConcurrency", json!({"FunctionName": name})).await?,
        };
    }
    let arn = arn(request, name);
    request.retag(&TAGGING, arn, request.tag_map(), before).await?;
    Ok(made(request, name, &Value::Null))
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("lambda", "DeleteFunction", json!({"FunctionName": name})).await.map(|_| ())
}

fn arn(request: Request<'_>, name: &str) -> String {
    request.fabric.arn("lambda", format!("function:{name}")).to_string()
}

fn made(request: Request<'_>, name: &str, answer: &Value) -> Made {
    let arn = answer["FunctionArn"].as_str().map_or_else(|| arn(request, name), str::to_owned);
    Made::new(name).with("Arn", arn)
}

const PERMISSION: &[Property] = &[
    property("Action", Shape::Text).required().replaces(),
    property("EventSourceToken", Shape::Text).replaces(),
    property("FunctionName", Shape::Text).required().replaces(),
    property("Principal", Shape::Text).required().replaces(),
    property("SourceAccount", Shape::Text).replaces(),
    property("SourceArn", Shape::Text).replaces(),
];

provider!(Permission, "AWS::Lambda::Permission", PERMISSION, None, permit, keep_permission, revoke);

async fn permit(request: Request<'_>) -> Result<Made, Failure> {
    let id = request.name("", 100);
    let mut input = request.properties.clone();
    input["StatementId"] = Value::from(id.as_str());
    request.call("lambda", "AddPermission", input).await?;
    Ok(Made::new(id.as_str()).with("Id", id))
}

/// Every property replaces the resource.
async fn keep_permission(_: Request<'_>, id: &str, _: &Value) -> Result<Made, Failure> {
    Ok(Made::new(id).with("Id", id))
}

async fn revoke(request: Request<'_>, id: &str) -> Result<(), Failure> {
    let input = json!({"FunctionName": request.text("FunctionName"), "StatementId": id});
    request.call("lambda", "RemovePermission", input).await.map(|_| ())
}

const MAPPING: &[Property] = &[
    property("BatchSize", Shape::Integer),
    property("BisectBatchOnFunctionError", Shape::Flag),
    property("Enabled", Shape::Flag),
    property("EventSourceArn", Shape::Text).replaces(),
    property(
        "FilterCriteria",
        Shape::Object(&[property("Filters", Shape::List(&Shape::Object(&[property("Pattern", Shape::Text)])))]),
    ),
    property("FunctionName", Shape::Text).required(),
    property("FunctionResponseTypes", TEXT_LIST),
    property("MaximumBatchingWindowInSeconds", Shape::Integer),
    property("MaximumRetryAttempts", Shape::Integer),
    property("ScalingConfig", Shape::Object(&[property("MaximumConcurrency", Shape::Integer)])),
    property("StartingPosition", Shape::Text).replaces(),
    property("Tags", TAGS),
];

provider!(EventSourceMapping, "AWS::Lambda::EventSourceMapping", MAPPING, None, map, remap, unmap);

async fn map(request: Request<'_>) -> Result<Made, Failure> {
    let mut input = request.properties.clone();
    input["Tags"] = request.tag_map();
    let created = request.call("lambda", "CreateEventSourceMapping", input).await?;
    Ok(mapped(request, created["UUID"].as_str().unwrap_or_default()))
}

async fn remap(request: Request<'_>, id: &str, before: &Value) -> Result<Made, Failure> {
    let mut input = request.properties.as_object().cloned().unwrap_or_default();
    input.retain(|name, _| !matches!(name.as_str(), "EventSourceArn" | "StartingPosition" | "Tags"));
    for (property, default) in [
        ("BatchSize", json!(10)),
        ("Enabled", json!(true)),
        ("FilterCriteria", json!({})),
        ("FunctionResponseTypes", json!([])),
        ("MaximumBatchingWindowInSeconds", json!(0)),
        ("ScalingConfig", json!({})),
    ] {
        if before.get(property).is_some() {
            input.entry(property).or_insert(default);
        }
    }
    input.insert("UUID".to_owned(), Value::from(id));
    request.call("lambda", "UpdateEventSourceMapping", input).await?;
    Ok(mapped(request, id))
}

async fn unmap(request: Request<'_>, id: &str) -> Result<(), Failure> {
    request.call("lambda", "DeleteEventSourceMapping", json!({"UUID": id})).await.map(|_| ())
}

fn mapped(request: Request<'_>, id: &str) -> Made {
    let arn = request.fabric.arn("lambda", format!("event-source-mapping:{id}")).to_string();
    Made::new(id).with("Id", id).with("EventSourceMappingArn", arn)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn inline_source_becomes_a_zip() {
        let bytes = zipped(&[("index.py", "def handler(): pass"), ("b.py", "")]).expect("a zip");
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
        let mut source = String::new();
        archive.by_name("index.py").expect("the file").read_to_string(&mut source).expect("text");
        assert_eq!(source, "def handler(): pass");
    }
}
