//! What a call asked for, kept as it was sent so that it can be told as a command. Keeping costs a call next to nothing: a
//! reference to bytes that are there already, and for REST a line of text; they are only read when somebody wants to
//! know. It must keep neither what signs a call nor what an object holds.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::Uri;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::model::aws_command;

/// Bytes of a body that are kept, those of the longest template and of the largest batch.
const LONGEST_BODY: usize = 256 << 10;

/// Headers of S3 that say what is asked, and the members that they are.
const HEADERS: [(&str, &str); 21] = [
    ("cache-control", "CacheControl"),
    ("content-encoding", "ContentEncoding"),
    ("content-type", "ContentType"),
    ("if-match", "IfMatch"),
    ("if-none-match", "IfNoneMatch"),
    ("range", "Range"),
    ("x-amz-acl", "ACL"),
    ("x-amz-checksum-mode", "ChecksumMode"),
    ("x-amz-checksum-type", "ChecksumType"),
    ("x-amz-copy-source", "CopySource"),
    ("x-amz-copy-source-if-match", "CopySourceIfMatch"),
    ("x-amz-copy-source-if-none-match", "CopySourceIfNoneMatch"),
    ("x-amz-copy-source-range", "CopySourceRange"),
    ("x-amz-expected-bucket-owner", "ExpectedBucketOwner"),
    ("x-amz-metadata-directive", "MetadataDirective"),
    ("x-amz-mp-object-size", "MpuObjectSize"),
    ("x-amz-request-payer", "RequestPayer"),
    ("x-amz-server-side-encryption", "ServerSideEncryption"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId"),
    ("x-amz-storage-class", "StorageClass"),
    ("x-amz-tagging", "Tagging"),
];
/// What precedes the names of an object's metadata.
const METADATA: &str = "x-amz-meta-";

/// Members of CloudFormation that are true or false; its protocol writes them as text.
const TRUTHS: [&str; 7] = [
    "DisableRollback",
    "EnableTerminationProtection",
    "ImportExistingResources",
    "IncludeNestedStacks",
    "RetainExceptOnCreate",
    "UsePreviousTemplate",
    "UsePreviousValue",
];

/// A request as it was sent, as far as it tells what was asked.
#[derive(Debug)]
pub(super) struct Called {
    service: &'static str,
    /// Where REST says what is asked; of no other protocol.
    uri: String,
    headers: Vec<(String, String)>,
    /// `None` where it was too long or was not in memory.
    body: Option<SdkBody>,
    /// Whether the body has no bytes.
    is_empty: bool,
}

impl Called {
    /// Keeps of a request what says what it asks.
    pub(super) fn of(service: &'static str, operation: &str, request: &HttpRequest) -> Self {
        let is_rest = matches!(service, "s3" | "scheduler");
        let is_told = |name: &str| HEADERS.iter().any(|row| row.0 == name) || name.starts_with(METADATA);
        let headers = request.headers().iter().filter(|(name, _)| service == "s3" && is_told(name));
        let length = request.body().content_length();
        // What an object holds is not kept.
        let is_kept = !holds_object(service, operation)
            && request.body().bytes().is_some_and(|bytes| !bytes.is_empty() && bytes.len() <= LONGEST_BODY);
        Self {
            service,
            uri: if is_rest { request.uri().to_owned() } else { String::new() },
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: if is_kept { request.body().try_clone() } else { None },
            is_empty: length == Some(0),
        }
    }

    /// The command that makes the same call.
    pub(super) fn command(&self, operation: &str) -> Option<String> {
        aws_command::command(self.service, operation, self.members(operation).as_ref())
    }

    /// The members of the input as AWS spells them; `None` where what was kept does not tell.
    fn members(&self, operation: &str) -> Option<Map<String, Value>> {
        match self.service {
            "s3" => self.of_s3(operation),
            "scheduler" => self.of_scheduler(),
            "cloudformation" | "sts" => Some(form(self.text()?)),
            _ if self.is_empty => Some(Map::new()),
            _ => serde_json::from_str(self.text()?).ok(),
        }
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.body.as_ref()?.bytes()?).ok()
    }

    fn of_scheduler(&self) -> Option<Map<String, Value>> {
        let uri: Uri = self.uri.parse().ok()?;
        let mut members = Map::new();
        if let Some(name) = uri.path().strip_prefix("/schedules/") {
            members.insert("Name".to_owned(), decoded(name).into());
        }
        members.extend(pairs(uri.query().unwrap_or_default()).map(|(name, value)| (pascal(&name), value.into())));
        Some(members)
    }

    fn of_s3(&self, operation: &str) -> Option<Map<String, Value>> {
        let uri: Uri = self.uri.parse().ok()?;
        let (bucket, key) = place(uri.host().unwrap_or_default(), uri.path());
        let mut members = Map::new();
        for (name, value) in [("Bucket", bucket), ("Key", key)] {
            if !value.is_empty() {
                members.insert(name.to_owned(), value.into());
            }
        }
        for (name, value) in pairs(uri.query().unwrap_or_default()) {
            // Those without a value, and the operation's name, say which operation it is.
            if !value.is_empty() && !matches!(name.as_str(), "list-type" | "x-id") {
                members.insert(pascal(&name), value.into());
            }
        }
        let mut metadata = Map::new();
        for (name, value) in &self.headers {
            if let Some(name) = name.strip_prefix(METADATA) {
                metadata.insert(name.to_owned(), value.clone().into());
            } else if let Some((_, member)) = HEADERS.iter().find(|row| row.0 == name) {
                // The CLI encodes a source itself.
                let value = if *member == "CopySource" { decoded(value) } else { value.clone() };
                members.insert((*member).to_owned(), value.into());
            }
        }
        if !metadata.is_empty() {
            members.insert("Metadata".to_owned(), metadata.into());
        }
        if !matches!(operation, "PutObject" | "CopyObject" | "CreateMultipartUpload") {
            // They are the request's, not the object's.
            members.retain(|name, _| !matches!(name.as_str(), "ContentType" | "ContentEncoding"));
        }
        let more = match operation {
            "PutObject" | "UploadPart" if !self.is_empty => Some(("Body", "FILE".into())),
            "CompleteMultipartUpload" => Some(("MultipartUpload", self.records("Part", "Parts"))),
            "PutObjectTagging" => Some(("Tagging", self.records("Tag", "TagSet"))),
            _ => None,
        };
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Some(members)
    }

    /// The elements of that name in a document, each with its leaves; where there is no document, the file to read.
    fn records(&self, element: &str, list: &str) -> Value {
        let Some(text) = self.text() else { return format!("file://{}", list.to_ascii_uppercase()).into() };
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let records = text.split(&open).skip(1).map(|rest| {
            let mut record = Map::new();
            let mut rest = rest.split(&close).next().unwrap_or_default();
            while let Some((name, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                let Some((value, after)) = after.split_once(&format!("</{name}>")) else { break };
                let value =
                    quick_xml::escape::unescape(value).map_or_else(|_| value.into(), std::borrow::Cow::into_owned);
                let number = (name == "PartNumber").then(|| value.parse::<u32>().ok()).flatten();
                record.insert(name.to_owned(), number.map_or_else(|| value.into(), Value::from));
                rest = after;
            }
            Value::Object(record)
        });
        json!({ list: records.collect::<Vec<_>>() })
    }
}

/// Whether a request carries the bytes of an object.
fn holds_object(service: &str, operation: &str) -> bool {
    service == "s3" && matches!(operation, "PutObject" | "UploadPart")
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The names and values of a query.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(&value.replace('+', " ")))
    })
}

/// A parameter's name as its member's: `max-keys` is `MaxKeys`, `uploadId` is `UploadId`.
fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split('-') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}

/// Bucket and key: of AWS's own hosts the bucket may be the host's first word.
fn place(host: &str, path: &str) -> (String, String) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let in_host = host.find(".s3.").or_else(|| host.find(".s3-")).filter(|_| host.contains(".amazonaws."));
    let (bucket, key) = match in_host {
        Some(end) => (&host[..end], path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    (decoded(bucket), decoded(key))
}

/// The members that a form of the query protocol holds: `Tags.member.1.Key=a` is the first of a list.
fn form(text: &str) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in pairs(text).filter(|(name, _)| !matches!(name.as_str(), "Action" | "Version")) {
        let last = name.rsplit('.').next().unwrap_or_default();
        let value = match value.as_str() {
            "true" | "false" if TRUTHS.contains(&last) => (value == "true").into(),
            _ => value.into(),
        };
        let path: Vec<&str> = name.split('.').collect();
        put(&mut members, &path, value);
    }
    members.into_iter().map(|(name, value)| (name, settled(value))).collect()
}

fn put(members: &mut Map<String, Value>, path: &[&str], value: Value) {
    let [name, rest @ ..] = path else { return };
    if rest.is_empty() {
        members.insert((*name).to_owned(), value);
        return;
    }
    let inner = members.entry(*name).or_insert_with(|| Map::new().into());
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// What was numbered is a list; numbers come in order.
fn settled(value: Value) -> Value {
    let Value::Object(mut members) = value else { return value };
    if members.len() == 1
        && let Some(Value::Object(numbered)) = members.remove("member")
    {
        return numbered.into_iter().map(|(_, item)| settled(item)).collect();
    }
    members.into_iter().map(|(name, value)| (name, settled(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&'static str, &'static str)], body: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_uri(uri.to_owned()).expect("a URI");
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        request
    }

    fn command(service: &'static str, operation: &str, request: &HttpRequest) -> String {
        Called::of(service, operation, request).command(operation).expect("a command")
    }

    #[test]
    fn json_is_told_as_it_was_sent() {
        let body = r#"{"TableName":"t","KeyConditionExpression":"setId = :set","ExpressionAttributeValues":{":set":{"S":"x"}},"ConsistentRead":true}"#;
        let query = command("dynamodb", "Query", &request("http://h/", &[("authorization", "secret")], body));
        assert_eq!(
            query,
            "aws dynamodb query --table-name t --key-condition-expression 'setId = :set' \
             --expression-attribute-values '{\":set\":{\"S\":\"x\"}}' --consistent-read --no-paginate"
        );
        let broken = command("events", "PutEvents", &request("http://h/", &[], "{\"Entr"));
        assert_eq!(broken, "aws events put-events --cli-input-json file://INPUT");
    }

    #[test]
    fn a_form_is_told_with_its_lists_and_what_is_true() {
        let body = "Action=CreateChangeSet&Version=2010-05-15&StackName=my+stack&TemplateBody=a%3A%201%0A\
             &Parameters.member.1.ParameterKey=Kept&Parameters.member.1.UsePreviousValue=true\
             &Parameters.member.2.ParameterKey=Given&Parameters.member.2.ParameterValue=true\
             &Capabilities.member.1=CAPABILITY_IAM&Capabilities.member.2=CAPABILITY_NAMED_IAM&IncludeNestedStacks=false";
        assert_eq!(
            command("cloudformation", "CreateChangeSet", &request("http://h/", &[], body)),
            "aws cloudformation create-change-set --stack-name 'my stack' --template-body 'a: 1\n' --parameters \
             '[{\"ParameterKey\":\"Kept\",\"UsePreviousValue\":true},{\"ParameterKey\":\"Given\",\"ParameterValue\":\"true\"}]' \
             --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM --no-include-nested-stacks"
        );
        let who = request("http://h/", &[], "Action=GetCallerIdentity&Version=2011-06-15");
        assert_eq!(command("sts", "GetCallerIdentity", &who), "aws sts get-caller-identity");
    }

    #[test]
    fn rest_is_told_from_its_path_and_query() {
        let schedule = request("http://h/schedules/daily%20one?groupName=g", &[], "");
        assert_eq!(
            command("scheduler", "GetSchedule", &schedule),
            "aws scheduler get-schedule --name 'daily one' --group-name g"
        );
        let list = "?list-type=2&prefix=a%2Fb%20c&delimiter=%2F&max-keys=100&continuation-token=x%2By";
        let wanted = "aws s3api list-objects-v2 --bucket b --prefix 'a/b c' --delimiter / --max-keys 100 \
             --continuation-token x+y --no-paginate";
        for uri in [
            "http://127.0.0.1:4566/b",
            "https://b.s3.eu-central-1.amazonaws.com/",
            "https://b.s3-fips.us-gov-west-1.amazonaws.com/",
            "https://s3.eu-central-1.amazonaws.com/b",
            "http://minio.s3.internal:9000/b/",
        ] {
            assert_eq!(command("s3", "ListObjectsV2", &request(&format!("{uri}{list}"), &[], "")), wanted, "{uri}");
        }
    }

    #[test]
    fn an_object_is_told_by_its_place_and_never_with_what_it_holds() {
        let headers = [
            ("authorization", "AWS4-HMAC-SHA256 secret"),
            ("x-amz-security-token", "secret"),
            ("x-amz-server-side-encryption-customer-key", "secret"),
            ("content-type", "text/plain"),
            ("content-length", "6"),
            ("x-amz-meta-mode", "0644"),
            ("x-amz-storage-class", "DEEP_ARCHIVE"),
        ];
        let put = request("http://127.0.0.1:1/b/dir/a%27b?x-id=PutObject", &headers, "secret");
        let wanted = r#"aws s3api put-object --bucket b --key 'dir/a'\''b' --content-type text/plain --storage-class DEEP_ARCHIVE --metadata '{"mode":"0644"}' --body FILE"#;
        assert_eq!(command("s3", "PutObject", &put), wanted);
        assert!(!format!("{:?}", Called::of("s3", "PutObject", &put)).contains("secret"));
        let folder = request("http://127.0.0.1:1/b/dir/?x-id=PutObject", &[], "");
        assert_eq!(command("s3", "PutObject", &folder), "aws s3api put-object --bucket b --key dir/");
        let headers = [("x-amz-copy-source", "b/a%20b"), ("x-amz-copy-source-range", "bytes=0-9")];
        let copy = request("http://127.0.0.1:1/b/k?partNumber=7&uploadId=u", &headers, "");
        assert_eq!(
            command("s3", "UploadPartCopy", &copy),
            "aws s3api upload-part-copy --bucket b --key k --part-number 7 --upload-id u --copy-source 'b/a b' \
             --copy-source-range bytes=0-9"
        );
    }

    #[test]
    fn documents_of_s3_are_told_as_what_they_list() {
        let body = "<CompleteMultipartUpload xmlns=\"x\"><Part><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber></Part>\
             <Part><ETag>b</ETag><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>";
        let completed = request("http://h/b/k?uploadId=u", &[("content-type", "application/xml")], body);
        assert_eq!(
            command("s3", "CompleteMultipartUpload", &completed),
            r#"aws s3api complete-multipart-upload --bucket b --key k --upload-id u --multipart-upload '{"Parts":[{"ETag":"\"a\"","PartNumber":1},{"ETag":"b","PartNumber":2}]}'"#
        );
        let body = "<Tagging><TagSet><Tag><Key>k</Key><Value>a &amp; b</Value></Tag></TagSet></Tagging>";
        assert_eq!(
            command("s3", "PutObjectTagging", &request("http://h/b/k?tagging", &[], body)),
            r#"aws s3api put-object-tagging --bucket b --key k --tagging '{"TagSet":[{"Key":"k","Value":"a & b"}]}'"#
        );
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let body = format!("{{\"Entries\":[\"{}\"]}}", "x".repeat(LONGEST_BODY));
        let called = Called::of("events", "PutEvents", &request("http://h/", &[], &body));
        assert!(called.body.is_none());
        assert_eq!(called.command("PutEvents").as_deref(), Some("aws events put-events --cli-input-json file://INPUT"));
    }
}
