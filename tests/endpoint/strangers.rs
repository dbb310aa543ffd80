//! Clients that are not what they should be: those that stop in the middle of a request are refused in the words of the
//! service, and a page in a browser has no way in.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vaultscope::emulator::{Emulator, EmulatorConfig};

use crate::support::start_with;

async fn endpoint() -> Emulator {
    let idle_limit = Duration::from_millis(150);
    start_with(EmulatorConfig { idle_limit, ..EmulatorConfig::default() }).await.0
}

/// What the endpoint says to these bytes when no more come, until it closes the connection.
async fn told(emulator: &Emulator, request: &str) -> String {
    let mut stream = TcpStream::connect(emulator.url().replace("http://", "")).await.expect("the endpoint listens");
    stream.write_all(request.as_bytes()).await.expect("half a request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the endpoint closes the connection");
    String::from_utf8(answer).expect("an answer in text")
}

fn half(line: &str, scope: &str, headers: &str, body: &str) -> String {
    // Without a service's scope it is a request of S3 that nobody signed.
    let signature = if scope.is_empty() {
        String::new()
    } else {
        format!(
            "authorization: AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{scope}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n"
        )
    };
    format!("{line} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n{signature}{headers}\r\n{body}")
}

#[tokio::test]
async fn a_body_that_never_comes_is_a_request_timeout_of_every_protocol() {
    let emulator = endpoint().await;
    let json = "x-amz-target: DynamoDB_20120810.ListTables\r\ncontent-type: application/x-amz-json-1.0\r\n";
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let s3 = ("HTTP/1.1 400", "<Code>RequestTimeout</Code>");
    let others = ("HTTP/1.1 408", "RequestTimeout");
    for (request, (status, code)) in [
        (half("POST /", "dynamodb", json, "{"), others),
        (half("POST /", "sns", form, "Action=ListTopics&"), others),
        (half("POST /", "ec2", form, "Action=DescribeVpcs&"), others),
        (half("POST /2015-03-31/functions", "lambda", "", "{"), others),
        (half("POST /schedules/x", "scheduler", "", ""), others),
        (half("POST /_vaultscope/clock", "x", "", "{"), others),
        (half("PUT /bucket/key", "", "", "part of it"), s3),
        (half("POST /bucket?delete", "", "", "<Delete>"), s3),
        (half("PUT /cloudformation-custom-resource-response-x/a%7Cb%7Cc", "", "", "{"), s3),
    ] {
        if request.starts_with("PUT /bucket") {
            let made = "PUT /bucket HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            assert!(told(&emulator, made).await.starts_with("HTTP/1.1 200"));
        }
        let answer = told(&emulator, &request).await;
        assert!(answer.starts_with(status) && answer.contains(code), "{request}\n{answer}");
        assert!(answer.contains("Idle connections will be closed."), "{answer}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_head_that_never_ends_loses_its_connection() {
    let emulator = endpoint().await;
    for head in ["", "POST /", "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n"] {
        let answer = told(&emulator, head).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_page_of_another_origin_and_a_foreign_name_of_this_machine_are_refused() {
    let emulator = endpoint().await;
    let host = emulator.url().replace("http://", "");
    let ask = |host: &str, more: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 2\r\n{more}\
             x-amz-target: AmazonSSM.DescribeParameters\r\n\r\n{{}}"
        )
    };
    assert!(told(&emulator, &ask(&host, "")).await.starts_with("HTTP/1.1 200"));
    for (host, more) in [
        (host.as_str(), "origin: https://evil.example\r\n"),
        (host.as_str(), "origin: null\r\nsec-fetch-site: cross-site\r\n"),
        ("evil.example", ""),
        ("127.0.0.1.evil.example:4566", ""),
    ] {
        let answer = told(&emulator, &ask(host, more)).await;
        assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains("access-control"), "{host} {more}\n{answer}");
    }
    // What a browser asks before it sends anything that is not simple: nothing allows it.
    let preflight = format!(
        "OPTIONS / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\norigin: https://evil.example\r\n\
         access-control-request-method: POST\r\naccess-control-request-headers: x-amz-target\r\n\r\n"
    );
    let answer = told(&emulator, &preflight).await;
    assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains("access-control"), "{answer}");
    emulator.shutdown().await;
}
