//! The members that optimised integrations add to a service's answer: what the HTTP call looked like.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::emulator::Fabric;
use crate::model::Timestamp;

/// Adds `SdkHttpMetadata` and `SdkResponseMetadata` to an answer of `length` bytes; `further` are headers of the service.
pub(super) fn add(
    fabric: &Fabric,
    answer: &mut Map<String, Value>,
    content_type: &str,
    length: usize,
    further: &[(&str, &str)],
) {
    let id = fabric.uuid();
    let (date, length) = (http_date(fabric.clock().now()), length.to_string());
    let common = [
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", &id),
        ("Content-Length", &length),
        ("Date", &date),
        ("Content-Type", content_type),
    ];
    let (mut lists, mut headers) = (Map::new(), Map::new());
    for (name, value) in further.iter().chain(&common) {
        lists.insert((*name).to_owned(), json!([value]));
        headers.insert((*name).to_owned(), (*value).into());
    }
    answer.insert(
        "SdkHttpMetadata".to_owned(),
        json!({"AllHttpHeaders": lists, "HttpHeaders": headers, "HttpStatusCode": 200}),
    );
    answer.insert("SdkResponseMetadata".to_owned(), json!({ "RequestId": id }));
}

/// `Thu, 05 Nov 2020 12:34:56 GMT`, as HTTP writes moments.
fn http_date(moment: Timestamp) -> String {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let date = OffsetDateTime::from_unix_timestamp(moment.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(form).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Timestamp::from_secs(1_604_579_696)), "Thu, 05 Nov 2020 12:34:56 GMT");
    }
}
