//! Amazon S3 through the SDK.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete,
    EncodingType, ObjectIdentifier, VersioningConfiguration,
};

use crate::support;

const BUCKET: &str = "jobs-bucket";

fn client(config: &SdkConfig) -> Client {
    Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(true).build())
}

async fn with_bucket() -> (vaultscope::emulator::Emulator, Client) {
    let (emulator, config) = support::start().await;
    let client = client(&config);
    client.create_bucket().bucket(BUCKET).send().await.expect("the bucket is made");
    (emulator, client)
}

async fn put(client: &Client, key: &str, body: &'static [u8]) -> String {
    let put = client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(body)).send().await;
    put.expect("the object is put").e_tag.expect("an etag")
}

#[tokio::test]
async fn objects_come_back_with_etag_range_and_metadata() {
    let (_emulator, client) = with_bucket().await;
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .body(ByteStream::from_static(b"hello world"))
        .content_type("text/plain")
        .metadata("owner", "me")
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .expect("the object is put");
    assert_eq!(put.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    assert_eq!(put.checksum_sha256(), Some("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="));
    let got = client.get_object().bucket(BUCKET).key("a").checksum_mode(ChecksumMode::Enabled).send().await;
    let got = got.expect("the object is got");
    assert_eq!((got.content_type(), got.content_length()), (Some("text/plain"), Some(11)));
    assert_eq!(got.metadata().and_then(|m| m.get("owner")).map(String::as_str), Some("me"));
    assert_eq!(&got.body.collect().await.expect("the body").to_vec(), b"hello world");
    for (range, content, header) in [
        ("bytes=0-4", "hello", "bytes 0-4/11"),
        ("bytes=-5", "world", "bytes 6-10/11"),
        ("bytes=6-99", "world", "bytes 6-10/11"),
    ] {
        let got = client.get_object().bucket(BUCKET).key("a").range(range).send().await.expect("a range");
        assert_eq!(got.content_range(), Some(header));
        assert_eq!(got.body.collect().await.expect("the body").to_vec(), content.as_bytes());
    }
    let beyond =
        client.get_object().bucket(BUCKET).key("a").range("bytes=11-").send().await.expect_err("no such range");
    assert_eq!(beyond.raw_response().map(|raw| raw.status().as_u16()), Some(416));
    let missing = client.get_object().bucket(BUCKET).key("b").send().await.expect_err("no such key");
    assert_eq!(missing.code(), Some("NoSuchKey"));
}

#[tokio::test]
async fn conditions_hold() {
    let (_emulator, client) = with_bucket().await;
    let first = client.put_object().bucket(BUCKET).key("k").if_none_match("*").body(ByteStream::from_static(b"1"));
    let etag = first.send().await.expect("nothing is there").e_tag.expect("an etag");
    let again = client.put_object().bucket(BUCKET).key("k").if_none_match("*").body(ByteStream::from_static(b"2"));
    assert_eq!(again.send().await.expect_err("it is there").code(), Some("PreconditionFailed"));
    let replace = client.put_object().bucket(BUCKET).key("k").if_match(&etag).body(ByteStream::from_static(b"2"));
    replace.send().await.expect("the etag matches");
    let replace = client.put_object().bucket(BUCKET).key("k").if_match(&etag).body(ByteStream::from_static(b"3"));
    assert_eq!(replace.send().await.expect_err("it changed").code(), Some("PreconditionFailed"));
    let current = client.head_object().bucket(BUCKET).key("k").send().await.expect("it is there");
    let unchanged = client.get_object().bucket(BUCKET).key("k").if_none_match(current.e_tag().expect("an etag"));
    let unchanged = unchanged.send().await.expect_err("not modified");
    assert_eq!(unchanged.raw_response().map(|raw| raw.status().as_u16()), Some(304));
}

#[tokio::test]
async fn hostile_keys_are_listed_as_they_were_put() {
    let (_emulator, client) = with_bucket().await;
    let long = "x".repeat(1_024);
    let keys = [
        "a \"quoted\" name",
        "back\\slash",
        "dir-1/",
        "dir-1/é ü 漢字 🦀",
        "dir-1/a+b%20c",
        "dir-1/a&b<c>'d'",
        "dir-2/x",
        "dir-2/y",
        "~tilde",
        " leading and trailing ",
        "a//b",
        "./dot",
        "?query#fragment",
        long.as_str(),
    ];
    for key in keys {
        put(&client, key, b"x").await;
        client.head_object().bucket(BUCKET).key(key).send().await.unwrap_or_else(|error| panic!("{key}: {error:?}"));
    }
    let mut sorted: Vec<&str> = keys.to_vec();
    sorted.sort_unstable();
    let mut listed = Vec::new();
    let mut pages = client.list_objects_v2().bucket(BUCKET).max_keys(3).into_paginator().send();
    while let Some(page) = pages.next().await {
        listed.extend(page.expect("a page").contents().iter().map(|o| o.key().unwrap_or_default().to_owned()));
    }
    assert_eq!(listed, sorted);
    let rolled = client.list_objects_v2().bucket(BUCKET).prefix("dir-").delimiter("/").send().await.expect("a list");
    let prefixes: Vec<_> = rolled.common_prefixes().iter().filter_map(|p| p.prefix()).collect();
    assert_eq!(prefixes, ["dir-1/", "dir-2/"]);
    let encoded = client.list_objects_v2().bucket(BUCKET).prefix("dir-1/é").encoding_type(EncodingType::Url);
    let encoded = encoded.send().await.expect("a list");
    assert_eq!(encoded.contents()[0].key(), Some("dir-1/%C3%A9%20%C3%BC%20%E6%BC%A2%E5%AD%97%20%F0%9F%A6%80"));
    let too_long = client.put_object().bucket(BUCKET).key("x".repeat(1_025)).send().await.expect_err("too long");
    assert_eq!(too_long.code(), Some("KeyTooLongError"));
}

#[tokio::test]
async fn parts_make_an_object() {
    let (emulator, client) = with_bucket().await;
    let part = vec![7_u8; 5 * 1024 * 1024];
    let upload = client.create_multipart_upload().bucket(BUCKET).key("big").send().await.expect("an upload");
    let id = upload.upload_id().expect("an id");
    let mut parts = CompletedMultipartUpload::builder();
    let source = client.put_object().bucket(BUCKET).key("source").body(ByteStream::from(part.clone())).send().await;
    source.expect("the source is put");
    let first = client.upload_part().bucket(BUCKET).key("big").upload_id(id).part_number(1).body(part.clone().into());
    let first = first.send().await.expect("a part");
    parts = parts.parts(CompletedPart::builder().part_number(1).e_tag(first.e_tag().expect("an etag")).build());
    let copy = client.upload_part_copy().bucket(BUCKET).key("big").upload_id(id).part_number(2);
    let copy = copy.copy_source(format!("{BUCKET}/source")).copy_source_range("bytes=0-9").send().await;
    let copy = copy.expect("a copied part").copy_part_result.expect("a result");
    parts = parts.parts(CompletedPart::builder().part_number(2).e_tag(copy.e_tag().expect("an etag")).build());
    let listed = client.list_parts().bucket(BUCKET).key("big").upload_id(id).send().await.expect("parts");
    assert_eq!(listed.parts().iter().map(|p| p.size().unwrap_or_default()).collect::<Vec<_>>(), [5_242_880, 10]);
    assert_eq!(client.list_multipart_uploads().bucket(BUCKET).send().await.expect("uploads").uploads().len(), 1);
    let done = client.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(id);
    let done = done.multipart_upload(parts.build()).send().await.expect("the upload ends");
    assert!(done.e_tag().is_some_and(|etag| etag.ends_with("-2\"")), "{done:?}");
    let got = client.get_object().bucket(BUCKET).key("big").checksum_mode(ChecksumMode::Enabled).send().await;
    let got = got.expect("the object is got");
    assert_eq!(got.content_length(), Some(5_242_890));
    // The SDK compares the body with the checksum that the endpoint combined from the parts'.
    assert!(got.checksum_crc64_nvme().is_some());
    assert_eq!(got.body.collect().await.expect("the body").to_vec(), [part, vec![7; 10]].concat());
    assert_eq!(client.list_multipart_uploads().bucket(BUCKET).send().await.expect("uploads").uploads().len(), 0);
    let gone = client.abort_multipart_upload().bucket(BUCKET).key("big").upload_id(id).send().await;
    assert_eq!(gone.expect_err("it has ended").code(), Some("NoSuchUpload"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn checksums_of_parts_are_given_where_the_upload_began_with_an_algorithm_and_only_there() {
    let (_emulator, client) = with_bucket().await;
    for (named, given, refused) in [
        (None, None, None),
        (None, Some("y/Q5Jg=="), Some("InvalidPart")),
        (Some(ChecksumAlgorithm::Crc32), Some("y/Q5Jg=="), None),
        (Some(ChecksumAlgorithm::Crc32), Some("AAAAAA=="), Some("InvalidPart")),
        (Some(ChecksumAlgorithm::Crc32), None, Some("InvalidRequest")),
    ] {
        let begun = client.create_multipart_upload().bucket(BUCKET).key("k").set_checksum_algorithm(named.clone());
        let begun = begun.send().await.expect("an upload");
        let id = begun.upload_id().expect("an id");
        let body = ByteStream::from_static(b"123456789");
        let part = client.upload_part().bucket(BUCKET).key("k").upload_id(id).part_number(1).body(body);
        let part = part.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.expect("a part");
        let completed = CompletedPart::builder().part_number(1).e_tag(part.e_tag().expect("an etag"));
        let completed = completed.set_checksum_crc32(given.map(str::to_owned)).build();
        let parts = CompletedMultipartUpload::builder().parts(completed).build();
        let done = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id).multipart_upload(parts);
        let done = done.send().await;
        assert_eq!(done.as_ref().err().and_then(|error| error.code()), refused, "{named:?} {given:?}: {done:?}");
    }
}

#[tokio::test]
async fn versions_and_delete_markers_follow_one_another() {
    let (_emulator, client) = with_bucket().await;
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    client.put_bucket_versioning().bucket(BUCKET).versioning_configuration(on).send().await.expect("versioning");
    let one = client.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"1")).send().await;
    let one = one.expect("put").version_id.expect("a version");
    put(&client, "k", b"2").await;
    let marker = client.delete_object().bucket(BUCKET).key("k").send().await.expect("deleted");
    assert_eq!(marker.delete_marker(), Some(true));
    assert_eq!(client.get_object().bucket(BUCKET).key("k").send().await.expect_err("gone").code(), Some("NoSuchKey"));
    let old = client.get_object().bucket(BUCKET).key("k").version_id(&one).send().await.expect("the old version");
    assert_eq!(old.body.collect().await.expect("the body").to_vec(), b"1");
    let all = client.list_object_versions().bucket(BUCKET).send().await.expect("versions");
    assert_eq!((all.versions().len(), all.delete_markers().len()), (2, 1));
    assert!(client.list_objects_v2().bucket(BUCKET).send().await.expect("a list").contents().is_empty());
    let undo = client.delete_object().bucket(BUCKET).key("k").version_id(marker.version_id().expect("a version"));
    undo.send().await.expect("the marker goes");
    let current = client.get_object().bucket(BUCKET).key("k").send().await.expect("it is back");
    assert_eq!(current.body.collect().await.expect("the body").to_vec(), b"2");
}

#[tokio::test]
async fn a_bucket_is_deleted_when_it_is_empty() {
    let (_emulator, client) = with_bucket().await;
    for key in ["a", "b/c"] {
        put(&client, key, b"x").await;
    }
    let full = client.delete_bucket().bucket(BUCKET).send().await.expect_err("not empty");
    assert_eq!(full.code(), Some("BucketNotEmpty"));
    let objects = ["a", "b/c", "never there"].map(|key| ObjectIdentifier::builder().key(key).build().expect("a key"));
    let all = Delete::builder().set_objects(Some(objects.to_vec())).build().expect("keys");
    let gone = client.delete_objects().bucket(BUCKET).delete(all).send().await.expect("deleted");
    assert_eq!((gone.deleted().len(), gone.errors().len()), (3, 0));
    client.delete_bucket().bucket(BUCKET).send().await.expect("empty");
    assert_eq!(client.delete_bucket().bucket(BUCKET).send().await.expect_err("gone").code(), Some("NoSuchBucket"));
}

/// Every version and marker below a prefix, by pages of three: key and version.
async fn all_versions(client: &Client, prefix: &str) -> Vec<ObjectIdentifier> {
    let (mut all, mut key, mut version) = (Vec::new(), None, None);
    loop {
        let request = client.list_object_versions().bucket(BUCKET).prefix(prefix).max_keys(3);
        let page = request.set_key_marker(key).set_version_id_marker(version).send().await.expect("a page");
        assert!(page.versions().len() + page.delete_markers().len() <= 3);
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        for (key, version) in versions.chain(markers) {
            let built =
                ObjectIdentifier::builder().set_key(key.map(str::to_owned)).set_version_id(version.map(str::to_owned));
            all.push(built.build().expect("a key"));
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
        if page.is_truncated != Some(true) {
            return all;
        }
    }
}

#[tokio::test]
async fn a_versioned_bucket_is_emptied_by_pages_of_versions_and_then_deleted() {
    let (_emulator, client) = with_bucket().await;
    // Before versioning: its version is called null.
    put(&client, "job/old", b"0").await;
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    client.put_bucket_versioning().bucket(BUCKET).versioning_configuration(on).send().await.expect("versioning");
    for n in 0..4 {
        put(&client, "job/a", b"1").await;
        put(&client, "job/b", b"2").await;
        if n == 2 {
            client.delete_object().bucket(BUCKET).key("job/a").send().await.expect("a marker");
        }
    }
    put(&client, "other", b"3").await;
    let all = all_versions(&client, "job/").await;
    assert_eq!(all.len(), 10);
    let distinct: std::collections::BTreeSet<_> = all.iter().map(|one| (one.key(), one.version_id())).collect();
    assert_eq!(distinct.len(), 10);
    assert!(distinct.contains(&("job/old", Some("null"))));
    let delete = Delete::builder().set_objects(Some(all)).build().expect("versions");
    let gone = client.delete_objects().bucket(BUCKET).delete(delete).send().await.expect("deleted");
    assert_eq!((gone.deleted().len(), gone.errors().len()), (10, 0));
    assert!(all_versions(&client, "job/").await.is_empty());
    let full = client.delete_bucket().bucket(BUCKET).send().await.expect_err("the other one is there");
    assert_eq!(full.code(), Some("BucketNotEmpty"));
    for version in all_versions(&client, "").await {
        let request = client.delete_object().bucket(BUCKET).key(version.key());
        let gone = request.set_version_id(version.version_id().map(str::to_owned)).send().await.expect("deleted");
        assert_eq!(gone.version_id(), version.version_id());
    }
    client.delete_bucket().bucket(BUCKET).send().await.expect("empty");
}

#[tokio::test]
async fn presigned_urls_and_virtual_hosts_reach_the_bucket() {
    let (emulator, client) = with_bucket().await;
    put(&client, "k", b"presigned").await;
    let minute = PresigningConfig::expires_in(std::time::Duration::from_secs(60)).expect("a minute");
    let url = client.get_object().bucket(BUCKET).key("k").presigned(minute).await.expect("a url");
    let address = emulator.url().trim_start_matches("http://").to_owned();
    let path = url.uri().split_once(&address).expect("a url of the endpoint").1.to_owned();
    assert!(raw(&address, &address, &path).await.ends_with("presigned"));
    let host = format!("{BUCKET}.s3.us-east-1.amazonaws.com");
    assert!(raw(&address, &host, "/k").await.ends_with("presigned"));
    let expired = path.replace("X-Amz-Date=20", "X-Amz-Date=19");
    assert!(raw(&address, &address, &expired).await.contains("Request has expired"));
    let other = path.replace("/k?", "/l?");
    assert!(raw(&address, &address, &other).await.contains("<Code>SignatureDoesNotMatch</Code>"));
}

#[tokio::test]
async fn a_secret_that_is_not_the_keys_is_refused_and_an_unknown_key_let_in() {
    let (emulator, _client) = with_bucket().await;
    let role = serde_json::json!({"RoleArn": "arn:aws:iam::000000000000:role/r", "RoleSessionName": "me"});
    let assumed = emulator.fabric().call("test", "sts", "AssumeRole", role).await.expect("credentials");
    let issued = assumed["Credentials"]["AccessKeyId"].as_str().expect("a key").to_owned();
    for (key, secret, code) in [
        ("test", "test", None),
        ("test", "other", Some("SignatureDoesNotMatch")),
        (issued.as_str(), "test", None),
        (issued.as_str(), "other", Some("SignatureDoesNotMatch")),
        ("AKIAIOSFODNN7EXAMPLE", "whatever", None),
    ] {
        let credentials = aws_credential_types::Credentials::new(key, secret, None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(emulator.url())
            .force_path_style(true)
            .build();
        let client = Client::from_conf(config);
        let body = ByteStream::from_static(b"x");
        let put = client.put_object().bucket(BUCKET).key("a b/ü+(1)").body(body).send().await;
        assert_eq!(put.err().and_then(|error| error.code().map(str::to_owned)).as_deref(), code, "{key} {secret}");
    }
    emulator.shutdown().await;
}

/// One GET as it goes over the wire.
async fn raw(address: &str, host: &str, path: &str) -> String {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
}

async fn exchange(address: &str, request: String) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the endpoint listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn chunked_bodies_lose_their_frames_and_trailers_are_verified() {
    let (emulator, client) = with_bucket().await;
    let address = emulator.url().trim_start_matches("http://").to_owned();
    let put = |content_sha256: &str, signature: &str, length: usize, crc32: &str| {
        let framed = format!(
            "6{signature}\r\nhello \r\n5{signature}\r\nworld\r\n0{signature}\r\nx-amz-checksum-crc32:{crc32}\r\n\r\n"
        );
        let head = format!(
            "PUT /{BUCKET}/chunked HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Encoding: gzip,aws-chunked\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00\r\n\
             x-amz-content-sha256: {content_sha256}\r\nx-amz-trailer: x-amz-checksum-crc32\r\n\
             x-amz-decoded-content-length: {length}\r\nContent-Length: {}\r\n\r\n",
            framed.len()
        );
        exchange(&address, head + &framed)
    };
    let signature = ";chunk-signature=0123456789abcdef";
    for (kind, signature) in
        [("STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""), ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", signature)]
    {
        let stored = put(kind, signature, 11, "DUoRhQ==").await;
        assert!(stored.starts_with("HTTP/1.1 200") && stored.contains("x-amz-checksum-crc32: DUoRhQ=="), "{stored}");
        let got = client.get_object().bucket(BUCKET).key("chunked").send().await.expect("the object is got");
        assert_eq!(got.content_encoding(), Some("gzip"));
        assert_eq!(got.body.collect().await.expect("the body").to_vec(), b"hello world");
    }
    let damaged = put("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", 11, "AAAAAA==").await;
    assert!(damaged.starts_with("HTTP/1.1 400") && damaged.contains("BadDigest"), "{damaged}");
    let short = put("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", 12, "DUoRhQ==").await;
    assert!(short.starts_with("HTTP/1.1 400") && short.contains("IncompleteBody"), "{short}");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_the_clients_fault() {
    let (emulator, _) = with_bucket().await;
    let address = emulator.url().trim_start_matches("http://").to_owned();
    for (headers, body, code) in [
        (
            "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nContent-Length: 4\r\n",
            "zz\r\n",
            "InvalidRequest",
        ),
        (
            "x-amz-content-sha256: 0000000000000000000000000000000000000000000000000000000000000000\r\nContent-Length: 4\r\n",
            "<a/>",
            "XAmzContentSHA256Mismatch",
        ),
        ("Transfer-Encoding: chunked\r\n", "zz\r\n", "IncompleteBody"),
    ] {
        let head =
            format!("PUT /{BUCKET}?versioning HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
        let answer = exchange(&address, head + body).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(code), "{code}: {answer}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn events_of_objects_reach_a_rule() {
    let (emulator, config) = support::start().await;
    let client = client(&config);
    client.create_bucket().bucket(BUCKET).send().await.expect("the bucket is made");
    let on = aws_sdk_s3::types::NotificationConfiguration::builder()
        .event_bridge_configuration(aws_sdk_s3::types::EventBridgeConfiguration::builder().build())
        .build();
    let notify = client.put_bucket_notification_configuration().bucket(BUCKET).notification_configuration(on);
    notify.send().await.expect("notification is on");
    let sqs = aws_sdk_sqs::Client::new(&config);
    let queue = sqs.create_queue().queue_name("objects").send().await.expect("a queue").queue_url.expect("a url");
    let events = aws_sdk_eventbridge::Client::new(&config);
    let rule = events.put_rule().name("objects").event_pattern(r#"{"source":["aws.s3"]}"#);
    rule.send().await.expect("a rule");
    let target =
        aws_sdk_eventbridge::types::Target::builder().id("q").arn("arn:aws:sqs:us-east-1:000000000000:objects");
    let target = target.build().expect("a target");
    events.put_targets().rule("objects").targets(target).send().await.expect("a target");
    let etag = put(&client, "a \"b\"", b"hello").await;
    client.delete_object().bucket(BUCKET).key("a \"b\"").send().await.expect("deleted");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let received = sqs.receive_message().queue_url(&queue).wait_time_seconds(20).send().await.expect("messages");
        assert!(!received.messages().is_empty(), "an event is missing: {seen:?}");
        for message in received.messages() {
            let event: serde_json::Value = serde_json::from_str(message.body().expect("a body")).expect("json");
            seen.push(event);
        }
    }
    seen.sort_by_key(|event| event["detail"]["object"]["sequencer"].to_string());
    assert_eq!(seen[0]["detail-type"], "Object Created");
    assert_eq!(seen[0]["detail"]["object"]["key"], "a \"b\"");
    assert_eq!(seen[0]["detail"]["object"]["etag"], etag.trim_matches('"'));
    assert_eq!(seen[0]["detail"]["reason"], "PutObject");
    assert_eq!(seen[1]["detail-type"], "Object Deleted");
    assert_eq!(seen[1]["detail"]["deletion-type"], "Permanently Deleted");
    assert_eq!(seen[1]["resources"][0], format!("arn:aws:s3:::{BUCKET}"));
    emulator.shutdown().await;
}
