//! AWS Security Token Service: says who calls, and hands out credentials that the endpoint accepts as it accepts any.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::{Context, Fabric, Interface, QueryInterface, Service, ServiceError, form};
use crate::model::Arn;

static INTERFACE: Interface = Interface {
    id: "sts",
    title: "AWS STS",
    target_prefix: None,
    json_version: "1.1",
    query: Some(QueryInterface {
        version: "2011-06-15",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        flattened: &[],
    }),
    rest: false,
};

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The secret of every key: nothing is kept from anybody here.
const SECRET: &str = "test";

/// The shortest and the longest session, in seconds.
const DURATIONS: std::ops::RangeInclusive<i64> = 900..=43_200;

/// The service.
pub struct Sts {
    fabric: Fabric,
}

impl Sts {
    /// It keeps nothing.
    #[must_use]
    pub fn new(fabric: Fabric) -> Arc<Self> {
        Arc::new(Self { fabric })
    }
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    #[serde(default, deserialize_with = "form::integer")]
    duration_seconds: Option<i64>,
}

async fn get_caller_identity(sts: &Sts, _: Nothing, _: &Context) -> Result<Value, ServiceError> {
    let account = &sts.fabric.identity().account;
    Ok(json!({"UserId": account, "Account": account, "Arn": format!("arn:aws:iam::{account}:root")}))
}

async fn assume_role(sts: &Sts, input: AssumeRole, _: &Context) -> Result<Value, ServiceError> {
    let refused = |problem: String| ServiceError::client("ValidationError", problem);
    let arn: Arn = input.role_arn.parse().map_err(|_| refused(format!("{} is invalid", input.role_arn)))?;
    let Some(name) = arn.resource.strip_prefix("role/").filter(|_| arn.service == "iam") else {
        return Err(refused(format!("{} is invalid", input.role_arn)));
    };
    let duration = input.duration_seconds.unwrap_or(3_600);
    if !DURATIONS.contains(&duration) {
        return Err(refused(format!("DurationSeconds {duration} is not between 900 and 43200")));
    }
    let session = &input.role_session_name;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_=,.@-".contains(&byte);
    if !(2..=64).contains(&session.len()) || !session.bytes().all(fits) {
        return Err(refused(format!("RoleSessionName {session:?} is not 2 to 64 of the characters [\\w+=,.@-]")));
    }
    let role = name.rsplit('/').next().unwrap_or(name);
    let id = format!("AROA{}:{session}", sts.fabric.token(UPPER, 17));
    let seconds = u64::try_from(duration).unwrap_or_default();
    let expiration = sts.fabric.clock().now() + Duration::from_secs(seconds);
    let key = format!("ASIA{}", sts.fabric.token(UPPER, 16));
    sts.fabric.issue(&key, SECRET);
    Ok(json!({
        "AssumedRoleUser": {
            "AssumedRoleId": id,
            "Arn": format!("arn:aws:sts::{}:assumed-role/{role}/{session}", arn.account),
        },
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": SECRET,
            "SessionToken": sts.fabric.token(MIXED, 128),
            "Expiration": expiration.iso_seconds(),
        },
    }))
}

impl Service for Sts {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        AssumeRole => assume_role,
        GetCallerIdentity => get_caller_identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::Identity;

    #[tokio::test]
    async fn a_role_is_assumed_and_a_bad_arn_refused() {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        fabric.join(vec![Sts::new(fabric.clone())]);
        let assume = |arn: &str| {
            let input = json!({"RoleArn": arn, "RoleSessionName": "me", "DurationSeconds": "900"});
            let fabric = fabric.clone();
            async move { fabric.call("test", "sts", "AssumeRole", input).await }
        };
        let answer = assume("arn:aws:iam::000000000000:role/path/r").await.expect("credentials");
        assert_eq!(answer["AssumedRoleUser"]["Arn"], "arn:aws:sts::000000000000:assumed-role/r/me");
        for bad in ["r", "arn:aws:iam::000000000000:user/u", "arn:aws:s3:::role/r"] {
            assert_eq!(assume(bad).await.expect_err(bad).code, "ValidationError");
        }
    }
}
