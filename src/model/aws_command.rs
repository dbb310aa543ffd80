//! A call as a line for the AWS CLI: what to type to make it again. It holds no credentials, and of what is not known a
//! word in capitals stands to be filled in.

/// The arguments that the CLI cannot do without, and words for what has to be filled in. The operations are those that
/// are called here.
const ARGUMENTS: [(&str, &str, &str); 50] = [
    ("cloudformation", "CreateChangeSet", "--stack-name STACK --change-set-name CHANGE_SET"),
    ("cloudformation", "CreateStack", "--stack-name STACK --template-body TEMPLATE"),
    ("cloudformation", "DeleteChangeSet", "--stack-name STACK --change-set-name CHANGE_SET"),
    ("cloudformation", "DeleteStack", "--stack-name STACK"),
    ("cloudformation", "DescribeChangeSet", "--stack-name STACK --change-set-name CHANGE_SET"),
    ("cloudformation", "DescribeStackEvents", "--stack-name STACK"),
    ("cloudformation", "DescribeStacks", "--stack-name STACK"),
    ("cloudformation", "ExecuteChangeSet", "--stack-name STACK --change-set-name CHANGE_SET"),
    ("cloudformation", "GetTemplate", "--stack-name STACK"),
    ("cloudformation", "ListChangeSets", "--stack-name STACK"),
    ("cloudformation", "ListStackResources", "--stack-name STACK"),
    ("cloudformation", "ValidateTemplate", "--template-body TEMPLATE"),
    ("dynamodb", "GetItem", "--table-name TABLE --key ITEM_KEY"),
    ("dynamodb", "PutItem", "--table-name TABLE --item ITEM"),
    (
        "dynamodb",
        "Query",
        "--table-name TABLE --key-condition-expression CONDITION --expression-attribute-values VALUES",
    ),
    ("events", "DescribeRule", "--name RULE"),
    ("events", "ListTargetsByRule", "--rule RULE"),
    ("events", "PutEvents", "--entries ENTRIES"),
    ("logs", "DescribeLogGroups", "--log-group-name-prefix PREFIX"),
    ("logs", "FilterLogEvents", "--log-group-name LOG_GROUP"),
    ("logs", "StartLiveTail", "--log-group-identifiers LOG_GROUP_ARN"),
    ("s3", "AbortMultipartUpload", "--bucket BUCKET --key KEY --upload-id UPLOAD_ID"),
    ("s3", "CompleteMultipartUpload", "--bucket BUCKET --key KEY --upload-id UPLOAD_ID --multipart-upload PARTS"),
    ("s3", "CopyObject", "--bucket BUCKET --key KEY --copy-source SOURCE"),
    ("s3", "CreateMultipartUpload", "--bucket BUCKET --key KEY"),
    ("s3", "DeleteObject", "--bucket BUCKET --key KEY"),
    ("s3", "DeleteObjectTagging", "--bucket BUCKET --key KEY"),
    ("s3", "DeleteObjects", "--bucket BUCKET --delete OBJECTS"),
    ("s3", "GetObject", "--bucket BUCKET --key KEY FILE"),
    ("s3", "GetObjectTagging", "--bucket BUCKET --key KEY"),
    ("s3", "HeadObject", "--bucket BUCKET --key KEY"),
    ("s3", "ListMultipartUploads", "--bucket BUCKET"),
    ("s3", "ListObjectVersions", "--bucket BUCKET"),
    ("s3", "ListObjectsV2", "--bucket BUCKET"),
    ("s3", "ListParts", "--bucket BUCKET --key KEY --upload-id UPLOAD_ID"),
    ("s3", "PutObject", "--bucket BUCKET --key KEY --body FILE"),
    ("s3", "PutObjectTagging", "--bucket BUCKET --key KEY --tagging TAGS"),
    ("s3", "UploadPart", "--bucket BUCKET --key KEY --upload-id UPLOAD_ID --part-number NUMBER --body FILE"),
    (
        "s3",
        "UploadPartCopy",
        "--bucket BUCKET --key KEY --upload-id UPLOAD_ID --part-number NUMBER --copy-source SOURCE",
    ),
    ("scheduler", "GetSchedule", "--name SCHEDULE"),
    ("sqs", "DeleteMessage", "--queue-url QUEUE_URL --receipt-handle HANDLE"),
    ("sqs", "GetQueueAttributes", "--queue-url QUEUE_URL --attribute-names All"),
    ("sqs", "ReceiveMessage", "--queue-url QUEUE_URL"),
    ("sqs", "SendMessageBatch", "--queue-url QUEUE_URL --entries ENTRIES"),
    ("states", "DescribeExecution", "--execution-arn EXECUTION_ARN"),
    ("states", "DescribeStateMachine", "--state-machine-arn STATE_MACHINE_ARN"),
    ("states", "GetExecutionHistory", "--execution-arn EXECUTION_ARN"),
    ("states", "ListExecutions", "--state-machine-arn STATE_MACHINE_ARN"),
    ("states", "StartExecution", "--state-machine-arn STATE_MACHINE_ARN --input INPUT"),
    ("states", "StopExecution", "--execution-arn EXECUTION_ARN"),
];

/// The command for an operation, as `aws dynamodb query --table-name TABLE …`; `None` for what the CLI has no name of.
///
/// `known` tells what stands for a word in capitals, where that is known. Operations that take something away keep their
/// words: what they are done to is for whoever types them to name.
#[must_use]
pub fn command(service: &str, operation: &str, known: impl Fn(&str) -> Option<String>) -> Option<String> {
    let group = match service {
        "s3" => "s3api",
        "states" => "stepfunctions",
        "other" => return None,
        name => name,
    };
    let is_harmless = !["Abort", "Delete", "Stop"].iter().any(|verb| operation.starts_with(verb));
    let arguments = ARGUMENTS.iter().find(|row| (row.0, row.1) == (service, operation)).map_or("", |row| row.2);
    let mut line = format!("aws {group} {}", kebab(operation));
    for word in arguments.split_whitespace() {
        let is_open = word.starts_with(|char: char| char.is_ascii_uppercase());
        let known = Some(word).filter(|_| is_open && is_harmless).and_then(&known);
        line.push(' ');
        line.push_str(&known.map_or_else(|| word.to_owned(), |value| quoted(&value)));
    }
    Some(line)
}

/// `ListObjectsV2` as the CLI spells it: `list-objects-v2`.
fn kebab(operation: &str) -> String {
    let mut name = String::with_capacity(operation.len() + 4);
    for char in operation.chars() {
        if char.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(char.to_ascii_lowercase());
    }
    name
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
    use super::*;

    fn unknown(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn operations_are_spelled_as_the_cli_spells_them() {
        for (service, operation, wanted) in [
            ("s3", "ListObjectsV2", "aws s3api list-objects-v2 --bucket BUCKET"),
            ("logs", "FilterLogEvents", "aws logs filter-log-events --log-group-name LOG_GROUP"),
            ("states", "GetExecutionHistory", "aws stepfunctions get-execution-history --execution-arn EXECUTION_ARN"),
            ("sts", "GetCallerIdentity", "aws sts get-caller-identity"),
        ] {
            assert_eq!(command(service, operation, unknown).as_deref(), Some(wanted));
        }
        assert_eq!(command("other", "Whatever", unknown), None);
    }

    #[test]
    fn what_is_known_is_filled_in_as_one_word() {
        let known = |word: &str| (word == "BUCKET").then(|| "it's $(mine)".to_owned());
        let line = command("s3", "PutObject", known).expect("a command");
        assert_eq!(line, r"aws s3api put-object --bucket 'it'\''s $(mine)' --key KEY --body FILE");
        let line = command("s3", "DeleteObject", known).expect("a command");
        assert_eq!(line, "aws s3api delete-object --bucket BUCKET --key KEY", "what goes away is named by hand");
    }

    #[test]
    fn each_operation_has_its_arguments_once() {
        assert!(ARGUMENTS.is_sorted_by(|one, other| (one.0, one.1) < (other.0, other.1)));
    }
}
