//! A call as a line for the AWS CLI: what to type to make it again. It must hold no credentials. What is not told, since it
//! is too long or not for a line to name, is a word in capitals to be filled in.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Characters of an argument that a line holds; a longer one is a file.
const LONGEST: usize = 8 << 10;
/// The same of a template, which nobody reads in a line.
const LONGEST_TEMPLATE: usize = 400;

/// Operations that take something away. Their words stay in capitals: what they are done to is for whoever types them to
/// name.
const HARMFUL: [&str; 3] = ["Abort", "Delete", "Stop"];

/// Their arguments, of those that are called here.
const HARMFUL_ARGUMENTS: [(&str, &str, &str); 9] = [
    ("cloudformation", "DeleteChangeSet", "--stack-name STACK --change-set-name CHANGE_SET"),
    ("cloudformation", "DeleteStack", "--stack-name STACK"),
    ("s3", "AbortMultipartUpload", "--bucket BUCKET --key KEY --upload-id UPLOAD_ID"),
    ("s3", "DeleteObject", "--bucket BUCKET --key KEY"),
    ("s3", "DeleteObjectTagging", "--bucket BUCKET --key KEY"),
    ("s3", "DeleteObjects", "--bucket BUCKET --delete OBJECTS"),
    ("sqs", "DeleteMessage", "--queue-url QUEUE_URL --receipt-handle HANDLE"),
    ("sqs", "DeleteMessageBatch", "--queue-url QUEUE_URL --entries ENTRIES"),
    ("states", "StopExecution", "--execution-arn EXECUTION_ARN"),
];

/// Operations beside `List…` of which the CLI reads every page unless it is told not to.
const PAGED: [&str; 9] = [
    "DescribeChangeSet",
    "DescribeLogGroups",
    "DescribeLogStreams",
    "DescribeStackEvents",
    "DescribeStacks",
    "FilterLogEvents",
    "GetExecutionHistory",
    "Query",
    "Scan",
];

/// The command for a call, as `aws dynamodb query --table-name items …`; `None` for what the CLI has no name of.
///
/// `members` are those of its input as AWS spells them; `None` where they are not known.
#[must_use]
pub fn command(service: &str, operation: &str, members: Option<&Map<String, Value>>) -> Option<String> {
    let group = match service {
        "s3" => "s3api",
        "states" => "stepfunctions",
        "other" => return None,
        name => name,
    };
    let mut line = format!("aws {group} {}", kebab(operation));
    if HARMFUL.iter().any(|verb| operation.starts_with(verb)) {
        let of_it = HARMFUL_ARGUMENTS.iter().find(|row| (row.0, row.1) == (service, operation));
        line.extend(of_it.iter().flat_map(|row| [" ", row.2]));
        return Some(line);
    }
    match members {
        None => line.push_str(" --cli-input-json file://INPUT"),
        Some(members) => match flags(members) {
            Some(flags) => line.push_str(&flags),
            None => {
                let _ = write!(line, " --cli-input-json {}", quoted(&Value::Object(members.clone()).to_string()));
            }
        },
    }
    if operation.starts_with("List") || PAGED.contains(&operation) {
        line.push_str(" --no-paginate");
    }
    if operation == "GetObject" {
        // The file that the object is written to.
        line.push_str(" FILE");
    }
    Some(line)
}

/// The members as flags; `None` where the CLI would take one for a file or a page to read.
fn flags(members: &Map<String, Value>) -> Option<String> {
    let mut flags = String::new();
    for (name, value) in members {
        let flag = kebab(name);
        let argument = match value {
            Value::Null => continue,
            Value::Bool(set) => {
                let _ = write!(flags, " --{}{flag}", if *set { "" } else { "no-" });
                continue;
            }
            Value::String(text) if is_fetched(name, text) => return None,
            Value::String(text) if name == "TemplateBody" && text.len() > LONGEST_TEMPLATE => file(&flag),
            Value::String(text) => quoted(text),
            Value::Array(items) => words(items).unwrap_or_else(|| quoted(&value.to_string())),
            Value::Number(_) | Value::Object(_) => quoted(&value.to_string()),
        };
        let argument = if argument.len() > LONGEST { file(&flag) } else { argument };
        // What begins with a dash is taken for a flag unless it hangs on one.
        let between = if argument.trim_start_matches('\'').starts_with('-') { '=' } else { ' ' };
        let _ = write!(flags, " --{flag}{between}{argument}");
    }
    Some(flags)
}

/// Whether the CLI would put in its place what is found there.
fn is_fetched(name: &str, text: &str) -> bool {
    let is_page = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    ["file://", "fileb://"].iter().any(|scheme| text.starts_with(scheme)) || (is_page && !name.ends_with("Url"))
}

/// Where an argument that is no part of the line is to be found.
fn file(flag: &str) -> String {
    format!("file://{}", flag.trim_end_matches("-body").replace('-', "_").to_ascii_uppercase())
}

/// A list of plain words as the CLI takes it; `None` where it has to be JSON.
fn words(items: &[Value]) -> Option<String> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_./:@+-#$*".contains(char);
    let word = |item: &Value| {
        let word = item.as_str().filter(|word| !word.is_empty() && !word.starts_with('-') && !word.contains("://"))?;
        word.chars().all(is_plain).then(|| quoted(word))
    };
    let words: Option<Vec<String>> = items.iter().map(word).collect();
    words.filter(|words| !words.is_empty()).map(|words| words.join(" "))
}

/// `ListObjectsV2` as the CLI spells it: `list-objects-v2`. An acronym is one word: `SSEKMSKeyId` is `ssekms-key-id`, and
/// `NotificationARNs` `notification-arns`.
fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (at, &char) in chars.iter().enumerate() {
        if at > 0 && char.is_ascii_uppercase() {
            let after_word = !chars[at - 1].is_ascii_uppercase();
            let is_plural = chars.get(at + 1) == Some(&'s') && at + 2 == chars.len();
            let before_word = chars.get(at + 1).is_some_and(char::is_ascii_lowercase) && !is_plural;
            if after_word || before_word {
                out.push('-');
            }
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

/// A word as a shell takes it for one.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_-./:@+,=".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(service: &str, operation: &str, members: Value) -> String {
        let Value::Object(members) = members else { panic!("members") };
        command(service, operation, Some(&members)).expect("a command")
    }

    #[test]
    fn members_are_flags_as_the_cli_spells_them() {
        for (service, operation, members, wanted) in [
            ("sts", "GetCallerIdentity", json!({}), "aws sts get-caller-identity"),
            (
                "s3",
                "ListObjectsV2",
                json!({"Bucket": "b", "MaxKeys": "7", "ContinuationToken": "-x"}),
                "aws s3api list-objects-v2 --bucket b --max-keys 7 --continuation-token=-x --no-paginate",
            ),
            (
                "logs",
                "FilterLogEvents",
                json!({"logGroupName": "/aws/events/x", "startTime": 1_604_577_600_000_i64, "filterPattern": "-\"a b\""}),
                "aws logs filter-log-events --log-group-name /aws/events/x --start-time 1604577600000 \
                 --filter-pattern='-\"a b\"' --no-paginate",
            ),
            (
                "states",
                "GetExecutionHistory",
                json!({"executionArn": "arn:aws:states:r:1:execution:m:x", "reverseOrder": true, "includeExecutionData": false}),
                "aws stepfunctions get-execution-history --execution-arn arn:aws:states:r:1:execution:m:x \
                 --reverse-order --no-include-execution-data --no-paginate",
            ),
            (
                "dynamodb",
                "Query",
                json!({"TableName": "t", "ExpressionAttributeValues": {":set": {"S": "it's"}}, "Limit": null}),
                r#"aws dynamodb query --table-name t --expression-attribute-values '{":set":{"S":"it'\''s"}}' --no-paginate"#,
            ),
            (
                "cloudformation",
                "CreateChangeSet",
                json!({"Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"], "NotificationARNs": ["a,b"]}),
                "aws cloudformation create-change-set --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM \
                 --notification-arns '[\"a,b\"]'",
            ),
            (
                "s3",
                "GetObject",
                json!({"Bucket": "b", "Key": "a b"}),
                "aws s3api get-object --bucket b --key 'a b' FILE",
            ),
            (
                "x",
                "DoIt",
                json!({"SSEKMSKeyId": "", "TargetIds": []}),
                "aws x do-it --ssekms-key-id '' --target-ids '[]'",
            ),
        ] {
            assert_eq!(line(service, operation, members), wanted);
        }
        assert_eq!(command("other", "Whatever", None), None);
    }

    #[test]
    fn what_the_cli_would_read_from_elsewhere_is_told_as_json() {
        let wanted = r#"aws states2 x --cli-input-json '{"Input":"file:///etc/passwd"}'"#;
        assert_eq!(line("states2", "X", json!({"Input": "file:///etc/passwd"})), wanted);
        let queue = line("sqs", "ReceiveMessage", json!({"QueueUrl": "http://127.0.0.1:4566/000000000000/q"}));
        assert_eq!(queue, "aws sqs receive-message --queue-url http://127.0.0.1:4566/000000000000/q");
    }

    #[test]
    fn what_is_too_long_for_a_line_is_a_file() {
        let template = "x: y\n".repeat(100);
        let deployed = line("cloudformation", "CreateStack", json!({"StackName": "s", "TemplateBody": template}));
        assert_eq!(deployed, "aws cloudformation create-stack --stack-name s --template-body file://TEMPLATE");
        let events = json!({"Entries": [{"Detail": "x".repeat(LONGEST)}], "EndpointId": "e"});
        assert_eq!(
            line("events", "PutEvents", events),
            "aws events put-events --entries file://ENTRIES --endpoint-id e"
        );
        let unknown = command("events", "PutEvents", None).expect("a command");
        assert_eq!(unknown, "aws events put-events --cli-input-json file://INPUT");
    }

    #[test]
    fn what_goes_away_is_named_by_hand() {
        let kept = line("s3", "DeleteObject", json!({"Bucket": "mine", "Key": "k"}));
        assert_eq!(kept, "aws s3api delete-object --bucket BUCKET --key KEY");
        let stopped = line("states", "StopExecution", json!({"executionArn": "mine"}));
        assert_eq!(stopped, "aws stepfunctions stop-execution --execution-arn EXECUTION_ARN");
        assert!(HARMFUL_ARGUMENTS.is_sorted_by(|one, other| (one.0, one.1) < (other.0, other.1)));
    }
}
