//! The configuration file of the original's archiving solution, `s3tar-app-config.json`, taken as it is: its bucket names
//! and prefixes are parameters of our template. Nothing is called and no file is read here.

use serde_json::{Map, Value};

/// Where the values stand, and the parameters that they are.
const PARAMETERS: [(&str, &str, &str); 7] = [
    ("Stack.ECRInfra", "RepoName", "repoName"),
    ("Stack.ECRInfra", "ImageTag", "imageTag"),
    (STACK, "SourceBucketName", "sourceBucketName"),
    (STACK, "DestBucketName", "destBucketName"),
    (STACK, "DestBucketInventoryPrefix", "destBucketInventoryPrefix"),
    (STACK, "DestBucketRegion", "destBucketRegion"),
    (STACK, "DestBucketS3TarPrefix", "destBucketS3TarPrefix"),
];
const STACK: &str = "Stack.S3TarECSStack";

/// Every object of the file with its keys.
const SHAPE: [(&str, &[&str]); 5] = [
    ("", &["Project", "Stack"]),
    ("Project", &["Name", "Account", "Region", "Profile"]),
    ("Stack", &["ECRInfra", "S3TarECSStack"]),
    ("Stack.ECRInfra", &["Name", "RepoName", "ImageTag"]),
    (
        STACK,
        &[
            "Name",
            "SourceBucketName",
            "DestBucketName",
            "DestBucketInventoryPrefix",
            "DestBucketRegion",
            "DestBucketS3TarPrefix",
        ],
    ),
];

/// What such a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppConfig {
    /// Parameters by key.
    pub parameters: Vec<(String, String)>,
    /// The account that the stack is for; `None` where the file still holds the original's placeholder.
    pub account: Option<String>,
    /// The region that the stack is for.
    pub region: String,
    /// The profile that the original deploys with.
    pub profile: String,
}

/// A file that is none, with the key that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppConfigError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// A key is not there.
    #[error("it has no key {0}, which the original's s3tar-app-config.json has")]
    Missing(String),
    /// A key means nothing.
    #[error("it has the key {key}, which means nothing here: known are {}", known.join(", "))]
    Unknown {
        /// The key with those above it.
        key: String,
        /// What may stand there.
        known: Vec<String>,
    },
    /// A value is of another kind.
    #[error("its key {key} is {found}, and {wanted} is wanted")]
    Kind {
        /// The key with those above it.
        key: String,
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
}

impl AppConfig {
    /// Reads the text of such a file. Every key of the original's is wanted, and no other one is taken.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn read(text: &str) -> Result<Self, AppConfigError> {
        let document: Value = serde_json::from_str(text).map_err(|error| AppConfigError::Json(error.to_string()))?;
        for (place, keys) in SHAPE {
            let members = object(&document, place)?;
            if let Some(other) = members.keys().find(|key| !keys.contains(&key.as_str())) {
                let known = keys.iter().map(|key| (*key).to_owned()).collect();
                return Err(AppConfigError::Unknown { key: path(place, other), known });
            }
            if let Some(missing) = keys.iter().find(|key| !members.contains_key(**key)) {
                return Err(AppConfigError::Missing(path(place, missing)));
            }
        }
        let mut parameters = Vec::with_capacity(PARAMETERS.len());
        for (place, key, parameter) in PARAMETERS {
            parameters.push((parameter.to_owned(), text_of(&document, place, key)?));
        }
        let account = text_of(&document, "Project", "Account")?;
        let is_number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self {
            parameters,
            account: is_number.then_some(account),
            region: text_of(&document, "Project", "Region")?,
            profile: text_of(&document, "Project", "Profile")?,
        })
    }
}

fn path(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn object<'a>(document: &'a Value, place: &str) -> Result<&'a Map<String, Value>, AppConfigError> {
    let found = place.split('.').filter(|key| !key.is_empty()).fold(document, |at, key| &at[key]);
    let key = if place.is_empty() { "of everything".to_owned() } else { place.to_owned() };
    found.as_object().ok_or_else(|| AppConfigError::Kind { key, found: word(found), wanted: "an object" })
}

/// Prefixes and names are texts; an empty one says nothing.
fn text_of(document: &Value, place: &str, key: &str) -> Result<String, AppConfigError> {
    let found = &object(document, place)?[key];
    let kind = |wanted| AppConfigError::Kind { key: path(place, key), found: word(found), wanted };
    match found.as_str() {
        None => Err(kind("a text")),
        Some(text) if text.trim().is_empty() => Err(kind("a text that is not empty")),
        Some(text) => Ok(text.to_owned()),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::catalogue::S3TAR;
    use super::*;

    fn document() -> Value {
        json!({
            "Project": {"Name": "demo", "Account": "XXXXXXXXXXXX", "Region": "us-east-1", "Profile": "default"},
            "Stack": {
                "ECRInfra": {"Name": "images", "RepoName": "archives/s3tar", "ImageTag": "v2"},
                "S3TarECSStack": {
                    "Name": "Archiving", "SourceBucketName": "from-here", "DestBucketName": "to-there",
                    "DestBucketInventoryPrefix": "to-there/from-here/daily/", "DestBucketRegion": "eu-west-1",
                    "DestBucketS3TarPrefix": "to-there/s3tar",
                },
            },
        })
    }

    fn read(document: &Value) -> Result<AppConfig, AppConfigError> {
        AppConfig::read(&document.to_string())
    }

    #[test]
    fn every_value_is_a_parameter_of_our_template_and_keeps_its_constraints() {
        let read = read(&document()).expect("a file");
        assert_eq!((read.account, read.region.as_str(), read.profile.as_str()), (None, "us-east-1", "default"));
        let definitions = S3TAR.template().expect("a template").parameters();
        for (name, value) in &read.parameters {
            let known = definitions.iter().find(|one| one.name == *name).expect(name);
            assert_eq!(known.check(value), Ok(()), "{name}");
        }
        assert!(read.parameters.contains(&("destBucketS3TarPrefix".to_owned(), "to-there/s3tar".to_owned())));
        assert_eq!(read.parameters.len(), PARAMETERS.len());
    }

    #[test]
    fn an_account_that_was_filled_in_is_told() {
        let mut filled = document();
        filled["Project"]["Account"] = json!("012345678901");
        assert_eq!(read(&filled).expect("a file").account.as_deref(), Some("012345678901"));
    }

    #[test]
    fn what_is_missing_unknown_or_of_another_kind_is_named_with_its_place() {
        for (pointer, key, value, said) in [
            ("/Stack/S3TarECSStack", "DestBucketName", None, "no key Stack.S3TarECSStack.DestBucketName"),
            ("/Stack", "ECRInfra", None, "no key Stack.ECRInfra"),
            ("", "Project", None, "no key Project"),
            ("/Stack/S3TarECSStack", "DestBuckets", Some(json!("x")), "the key Stack.S3TarECSStack.DestBuckets"),
            ("", "Extra", Some(json!(1)), "the key Extra, which means nothing here: known are Project, Stack"),
            ("/Stack/ECRInfra", "RepoName", Some(json!(7)), "Stack.ECRInfra.RepoName is 7, and a text"),
            ("/Stack/ECRInfra", "ImageTag", Some(json!(" ")), "Stack.ECRInfra.ImageTag is \" \""),
            ("/Stack", "ECRInfra", Some(json!([])), "Stack.ECRInfra is a list, and an object"),
        ] {
            let mut wrong = document();
            let members = wrong.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object");
            match value {
                Some(value) => drop(members.insert(key.to_owned(), value)),
                None => drop(members.remove(key)),
            }
            let refused = read(&wrong).expect_err(said).to_string();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(AppConfig::read("{").expect_err("cut off").to_string().contains("no JSON"));
        assert!(AppConfig::read("[]").expect_err("a list").to_string().contains("an object is wanted"));
    }
}
