//! `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::{Failure, Made, Request, provider};

const FILTER: Shape = Shape::Object(&[property(
    "S3Key",
    Shape::Object(&[property(
        "Rules",
        Shape::List(&Shape::Object(&[
            property("Name", Shape::Text).required(),
            property("Value", Shape::Text).required(),
        ])),
    )
    .required()]),
)
.required()]);

const NOTIFICATION: Shape = Shape::Object(&[
    property("EventBridgeConfiguration", Shape::Object(&[property("EventBridgeEnabled", Shape::Flag)])),
    property(
        "LambdaConfigurations",
        Shape::List(&Shape::Object(&[
            property("Event", Shape::Text).required(),
            property("Filter", FILTER),
            property("Function", Shape::Text).required(),
        ])),
    ),
    property(
        "QueueConfigurations",
        Shape::List(&Shape::Object(&[
            property("Event", Shape::Text).required(),
            property("Filter", FILTER),
            property("Queue", Shape::Text).required(),
        ])),
    ),
]);

const ENCRYPTION: Shape = Shape::Object(&[property(
    "ServerSideEncryptionConfiguration",
    Shape::List(&Shape::Object(&[
        property("BucketKeyEnabled", Shape::Flag),
        property(
            "ServerSideEncryptionByDefault",
            Shape::Object(&[property("KMSMasterKeyID", Shape::Text), property("SSEAlgorithm", Shape::Text).required()]),
        ),
    ])),
)
.required()]);

const TRANSITION: Shape = Shape::Object(&[
    property("StorageClass", Shape::Text).required(),
    property("TransitionDate", Shape::Text),
    property("TransitionInDays", Shape::Integer),
]);

const LIFECYCLE: Shape = Shape::Object(&[property(
    "Rules",
    Shape::List(&Shape::Object(&[
        property(
            "AbortIncompleteMultipartUpload",
            Shape::Object(&[property("DaysAfterInitiation", Shape::Integer).required()]),
        ),
        property("ExpirationDate", Shape::Text),
        property("ExpirationInDays", Shape::Integer),
        property("ExpiredObjectDeleteMarker", Shape::Flag),
        property("Id", Shape::Text),
        property(
            "NoncurrentVersionExpiration",
            Shape::Object(&[
                property("NewerNoncurrentVersions", Shape::Integer),
                property("NoncurrentDays", Shape::Integer).required(),
            ]),
        ),
        property("Prefix", Shape::Text),
        property("Status", Shape::Text).required(),
        property(
            "TagFilters",
            Shape::List(&Shape::Object(&[
                property("Key", Shape::Text).required(),
                property("Value", Shape::Text).required(),
            ])),
        ),
        property("Transitions", Shape::List(&TRANSITION)),
    ])),
)
.required()]);

const CORS: Shape = Shape::Object(&[property(
    "CorsRules",
    Shape::List(&Shape::Object(&[
        property("AllowedHeaders", TEXT_LIST),
        property("AllowedMethods", TEXT_LIST).required(),
        property("AllowedOrigins", TEXT_LIST).required(),
        property("ExposedHeaders", TEXT_LIST),
        property("Id", Shape::Text),
        property("MaxAge", Shape::Integer),
    ])),
)
.required()]);

const BUCKET: &[Property] = &[
    property("AccessControl", Shape::Text),
    property("BucketEncryption", ENCRYPTION),
    property("BucketName", Shape::Text).replaces(),
    property("CorsConfiguration", CORS),
    property("LifecycleConfiguration", LIFECYCLE),
    property("NotificationConfiguration", NOTIFICATION),
    property(
        "OwnershipControls",
        Shape::Object(&[
            property("Rules", Shape::List(&Shape::Object(&[property("ObjectOwnership", Shape::Text)]))).required()
        ]),
    ),
    property(
        "PublicAccessBlockConfiguration",
        Shape::Object(&[
            property("BlockPublicAcls", Shape::Flag),
            property("BlockPublicPolicy", Shape::Flag),
            property("IgnorePublicAcls", Shape::Flag),
            property("RestrictPublicBuckets", Shape::Flag),
        ]),
    ),
    property("Tags", TAGS),
    property("VersioningConfiguration", Shape::Object(&[property("Status", Shape::Text).required()])),
];

provider!(Bucket, "AWS::S3::Bucket", BUCKET, Some("BucketName"), create, update, delete);

/// The owner alone has access here: an access control list that says so is taken, any other is refused by name.
fn check_access(request: Request<'_>) -> Result<(), Failure> {
    match request.text("AccessControl") {
        "" | "Private" | "BucketOwnerFullControl" => Ok(()),
        other => Err(Failure::new(format!(
            "the embedded endpoint does not implement AccessControl {other} of a bucket: use Private and a bucket policy"
        ))),
    }
}

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    check_access(request)?;
    let name = request.lower_name("BucketName", 63);
    let mut input = json!({"Bucket": name});
    let region = &request.fabric.identity().region;
    if region != "us-east-1" {
        input["CreateBucketConfiguration"] = json!({"LocationConstraint": region});
    }
    request.call("s3", "CreateBucket", input).await?;
    configure(request, &name, &Value::Null).await.map_err(|failure| failure.after(&name))?;
    Ok(made(request, &name))
}

async fn update(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    check_access(request)?;
    configure(request, name, before).await?;
    Ok(made(request, name))
}

async fn delete(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("s3", "DeleteBucket", json!({"Bucket": name})).await.map(|_| ())
}

fn made(request: Request<'_>, name: &str) -> Made {
    let region = &request.fabric.identity().region;
    Made::new(name)
        .with("Arn", format!("arn:aws:s3:::{name}"))
        .with("DomainName", format!("{name}.s3.amazonaws.com"))
        .with("DualStackDomainName", format!("{name}.s3.dualstack.{region}.amazonaws.com"))
        .with("RegionalDomainName", format!("{name}.s3.{region}.amazonaws.com"))
        .with("WebsiteURL", format!("http://{name}.s3-website-{region}.amazonaws.com"))
}

/// Sets every configuration that differs from `before`, and takes away those that are gone.
async fn configure(request: Request<'_>, name: &str, before: &Value) -> Result<(), Failure> {
    let changed = |property: &str| {
        let (old, new) = (before.get(property), request.properties.get(property));
        (old != new).then_some(new)
    };
    let set = |operation: &'static str, member: &'static str, value: Value| {
        let mut input = json!({"Bucket": name});
        input[member] = value;
        request.call("s3", operation, input)
    };
    let unset = |operation: &'static str| request.call("s3", operation, json!({"Bucket": name}));
    if let Some(new) = changed("VersioningConfiguration") {
        let value = new.cloned().unwrap_or_else(|| json!({"Status": "Suspended"}));
        set("PutBucketVersioning", "VersioningConfiguration", value).await?;
    }
    match changed("BucketEncryption") {
        Some(Some(new)) => {
            set("PutBucketEncryption", "ServerSideEncryptionConfiguration", encryption(new)).await?;
        }
        Some(None) => drop(unset("DeleteBucketEncryption").await?),
        None => {}
    }
    match changed("PublicAccessBlockConfiguration") {
        Some(Some(new)) => drop(set("PutPublicAccessBlock", "PublicAccessBlockConfiguration", new.clone()).await?),
        Some(None) => drop(unset("DeletePublicAccessBlock").await?),
        None => {}
    }
    match changed("OwnershipControls") {
        Some(Some(new)) => drop(set("PutBucketOwnershipControls", "OwnershipControls", new.clone()).await?),
        Some(None) => drop(unset("DeleteBucketOwnershipControls").await?),
        None => {}
    }
    match changed("LifecycleConfiguration") {
        Some(Some(new)) => {
            set("PutBucketLifecycleConfiguration", "LifecycleConfiguration", lifecycle(new)).await?;
        }
        Some(None) => drop(unset("DeleteBucketLifecycle").await?),
        None => {}
    }
    match changed("CorsConfiguration") {
        Some(Some(new)) => drop(set("PutBucketCors", "CORSConfiguration", cors(new)).await?),
        Some(None) => drop(unset("DeleteBucketCors").await?),
        None => {}
    }
    if let Some(new) = changed("NotificationConfiguration") {
        let value = notification(new.unwrap_or(&Value::Null));
        set("PutBucketNotificationConfiguration", "NotificationConfiguration", value).await?;
    }
    let tags = request.tag_list();
    let is_new = before.is_null();
    if tags.as_array().is_some_and(|tags| !tags.is_empty()) {
        if is_new || changed("Tags").is_some() {
            set("PutBucketTagging", "Tagging", json!({"TagSet": tags})).await?;
        }
    } else if changed("Tags").is_some() {
        unset("DeleteBucketTagging").await?;
    }
    Ok(())
}

fn encryption(properties: &Value) -> Value {
    let rules = properties["ServerSideEncryptionConfiguration"].as_array().into_iter().flatten().map(|rule| {
        let mut renamed = Map::new();
        if let Some(default) = rule.get("ServerSideEncryptionByDefault") {
            renamed.insert("ApplyServerSideEncryptionByDefault".to_owned(), default.clone());
        }
        if let Some(enabled) = rule.get("BucketKeyEnabled") {
            renamed.insert("BucketKeyEnabled".to_owned(), enabled.clone());
        }
        Value::Object(renamed)
    });
    json!({"Rules": rules.collect::<Value>()})
}

fn lifecycle(properties: &Value) -> Value {
    let rules = properties["Rules"].as_array().into_iter().flatten().map(|rule| {
        let mut renamed = json!({
            "ID": rule.get("Id"),
            "Status": rule["Status"],
            "Filter": filter(rule),
            "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
            "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
        });
        let expiration: Map<String, Value> = [
            ("Date", "ExpirationDate"),
            ("Days", "ExpirationInDays"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        ]
        .into_iter()
        .filter_map(|(to, from)| Some((to.to_owned(), rule.get(from)?.clone())))
        .collect();
        if !expiration.is_empty() {
            renamed["Expiration"] = Value::Object(expiration);
        }
        if let Some(transitions) = rule.get("Transitions").and_then(Value::as_array) {
            renamed["Transitions"] = transitions
                .iter()
                .map(|one| {
                    without_nulls(json!({
                        "StorageClass": one["StorageClass"],
                        "Days": one.get("TransitionInDays"),
                        "Date": one.get("TransitionDate"),
                    }))
                })
                .collect();
        }
        without_nulls(renamed)
    });
    json!({"Rules": rules.collect::<Value>()})
}

/// One criterion stands alone, several stand in `And`.
fn filter(rule: &Value) -> Value {
    let prefix = rule.get("Prefix").and_then(Value::as_str);
    let tags = rule.get("TagFilters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match (prefix, tags) {
        (prefix, []) => json!({"Prefix": prefix.unwrap_or_default()}),
        (None, [tag]) => json!({"Tag": tag}),
        (prefix, tags) => json!({"And": without_nulls(json!({"Prefix": prefix, "Tags": tags}))}),
    }
}

fn cors(properties: &Value) -> Value {
    const NAMES: [(&str, &str); 6] = [
        ("AllowedHeaders", "AllowedHeaders"),
        ("AllowedMethods", "AllowedMethods"),
        ("AllowedOrigins", "AllowedOrigins"),
        ("ExposedHeaders", "ExposeHeaders"),
        ("Id", "ID"),
        ("MaxAge", "MaxAgeSeconds"),
    ];
    let rules = properties["CorsRules"].as_array().into_iter().flatten().map(|rule| {
        let renamed = NAMES.iter().filter_map(|(from, to)| Some(((*to).to_owned(), rule.get(from)?.clone())));
        Value::Object(renamed.collect())
    });
    json!({"CORSRules": rules.collect::<Value>()})
}

fn notification(properties: &Value) -> Value {
    let mut value = Map::new();
    let bridge = properties.get("EventBridgeConfiguration");
    // Without the flag the mere presence switches it on, as on AWS.
    if bridge.is_some_and(|bridge| bridge.get("EventBridgeEnabled") != Some(&Value::Bool(false))) {
        value.insert("EventBridgeConfiguration".to_owned(), json!({}));
    }
    for (from, to, target, arn) in [
        ("QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"),
        ("LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    ] {
        let Some(entries) = properties.get(from).and_then(Value::as_array) else { continue };
        let renamed = entries.iter().map(|entry| {
            let mut renamed = json!({"Events": [entry["Event"]]});
            renamed[arn] = entry[target].clone();
            if let Some(rules) = entry.pointer("/Filter/S3Key/Rules") {
                renamed["Filter"] = json!({"Key": {"FilterRules": rules}});
            }
            renamed
        });
        value.insert(to.to_owned(), renamed.collect());
    }
    Value::Object(value)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().filter(|(_, member)| !member.is_null()).collect(),
        other => other,
    }
}

const POLICY: &[Property] =
    &[property("Bucket", Shape::Text).required().replaces(), property("PolicyDocument", Shape::Document).required()];

provider!(BucketPolicy, "AWS::S3::BucketPolicy", POLICY, None, put_policy, update_policy, delete_policy);

async fn put_policy(request: Request<'_>) -> Result<Made, Failure> {
    let bucket = request.text("Bucket");
    let policy = request.get("PolicyDocument").to_string();
    request.call("s3", "PutBucketPolicy", json!({"Bucket": bucket, "Policy": policy})).await?;
    Ok(Made::new(bucket))
}

async fn update_policy(request: Request<'_>, _: &str, _: &Value) -> Result<Made, Failure> {
    put_policy(request).await
}

async fn delete_policy(request: Request<'_>, bucket: &str) -> Result<(), Failure> {
    request.call("s3", "DeleteBucketPolicy", json!({"Bucket": bucket})).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_filtered_by_prefix_tag_or_both() {
        let tag = json!({"Key": "a", "Value": "b"});
        for (rule, expected) in [
            (json!({}), json!({"Prefix": ""})),
            (json!({"Prefix": "p/"}), json!({"Prefix": "p/"})),
            (json!({"TagFilters": [tag]}), json!({"Tag": tag})),
            (json!({"TagFilters": [tag, tag]}), json!({"And": {"Tags": [tag, tag]}})),
            (json!({"TagFilters": [tag], "Prefix": "p/"}), json!({"And": {"Prefix": "p/", "Tags": [tag]}})),
        ] {
            assert_eq!(filter(&rule), expected, "{rule}");
        }
    }
}
