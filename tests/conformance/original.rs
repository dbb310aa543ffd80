//! A stack as the original app's CDK would make it, as far as one looks at it from outside: constructs called as there,
//! logical IDs with a hash, no parameters, no dead-letter queue, and a rule that knows the gateway's source alone.

use regex::{Captures, Regex};
use sha2::{Digest, Sha256};

/// Ours, and the construct of the original.
const CONSTRUCTS: &[(&str, &str)] = &[
    ("fileUploadBucketNameParameter", "fileUploadBucketNameSsmParm"),
    ("fileUploadRule", "fileNotificationRule"),
    ("fileUploadQueue", "fileUploadEventSqsQueue"),
    ("fileUploadQueuePolicy", "fileUploadEventSqsQueuePolicy"),
    ("fileUploadQueueMapping", "checkFileUploadTypeLambdaSqsEventSource"),
    ("fileUploadEventBus", "customEventBus"),
    ("checkFileUploadTypeFunction", "checkFileUploadTypeLambda"),
    ("eventWriterFunction", "fileUploadEventWriterLambda"),
    ("dataFileUploadRule", "dataFileUploadEventRule"),
    ("dataFileUploadLogGroup", "dataFileUploadEventLogGroup"),
    ("manifestFileUploadRule", "manifestFileUploadEventRule"),
    ("manifestFileUploadLogGroup", "manifestFileUploadEventLogGroup"),
    ("reconcileNotifySuccessfulRule", "reconcileNotifySuccessfulEventRule"),
    ("reconcileNotifyTimeoutRule", "reconcileNotifyTimeoutEventRule"),
    ("reconcileIteratorFunction", "reconcileIteratorLambda"),
    ("reconcileCheckFunction", "reconcileCheckLambda"),
    ("reconcileNotifyFunction", "reconcileNotifyLambda"),
];

/// Our template as the original's, with the values of a deployed stack's parameters in place of the parameters.
pub fn template(ours: &str, parameters: &[(String, String)]) -> String {
    let mut text = without_dead_letters(&sections(ours, &["Metadata", "Parameters", "Rules"]));
    for (key, value) in parameters {
        let value = if key == "eventSources" { "[aws.storagegateway]" } else { value.as_str() };
        let reference = if value.starts_with('[') { value.to_owned() } else { format!("{value:?}") };
        let whole = Regex::new(&format!(r"!Ref {key}\b")).expect("a pattern");
        text = whole.replace_all(&text, reference.replace('$', "$$")).into_owned();
        text = text.replace(&format!("${{{key}}}"), value);
    }
    // Two stacks of one account cannot both have it.
    text = text.replace("Name: fileUploadBucketName", "Name: theirFileUploadBucketName");
    let ids: Vec<&str> = resources(&text).collect();
    assert!(ids.len() > 20, "{ids:?}");
    let any = Regex::new(&format!(r"\b({})\b", ids.join("|"))).expect("a pattern");
    let text = any.replace_all(&text, |found: &Captures<'_>| hashed(&found[1])).into_owned();
    assert!(!text.contains("DeadLetter"), "{text}");
    text
}

fn hashed(ours: &str) -> String {
    let construct = CONSTRUCTS.iter().find(|(id, _)| *id == ours).map_or(ours, |(_, construct)| construct);
    format!("{construct}{}", &hex::encode_upper(Sha256::digest(construct))[..8])
}

/// The template without these sections.
fn sections(template: &str, dropped: &[&str]) -> String {
    let mut keeps = true;
    let kept = template.lines().filter(|line| {
        if let Some((name, _)) = line.split_once(':').filter(|_| line.starts_with(char::is_alphabetic)) {
            keeps = !dropped.contains(&name);
        }
        keeps
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn resources(template: &str) -> impl Iterator<Item = &str> {
    let inside = template.lines().skip_while(|line| *line != "Resources:").skip(1);
    let inside = inside.take_while(|line| !line.starts_with(char::is_alphabetic));
    inside.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':').filter(|id| !id.starts_with(' ')))
}

fn without_dead_letters(template: &str) -> String {
    let parts = [
        // Resources of their own.
        r"(?m)^  fileUploadDeadLetterQueue(Policy)?:\n(    .*\n|\n)+",
        r"(?m)^ +RedrivePolicy:\n +deadLetterTargetArn: .*\n +maxReceiveCount: .*\n",
        r"(?m)^ +DeadLetterConfig: .*\n",
        r"(?m)^ +- Effect: Allow\n +Action: sqs:SendMessage\n +Resource: !GetAtt fileUploadDeadLetterQueue.Arn\n",
        r"(?m)^ +# .*\n",
    ];
    parts.iter().fold(template.to_owned(), |text, part| {
        Regex::new(part).expect("a pattern").replace_all(&text, "").into_owned()
    })
}
