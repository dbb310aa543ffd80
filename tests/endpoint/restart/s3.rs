//! Amazon S3 over a restart.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, ObjectOwnership, OwnershipControls,
    OwnershipControlsRule, Tag, Tagging, VersioningConfiguration,
};

use super::Life;

const PART: usize = 5 * 1024 * 1024;

fn client(life: &Life) -> Client {
    Client::from_conf(Builder::from(&life.config).force_path_style(true).build())
}

/// `len` bytes that are not all the same.
fn bytes(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 31 + at / 251 + seed) % 256).expect("a byte")).collect()
}

async fn get(client: &Client, bucket: &str, key: &str, version: Option<&str>) -> Vec<u8> {
    let get = client.get_object().bucket(bucket).key(key).set_version_id(version.map(str::to_owned));
    let body = get.send().await.expect("found").body;
    body.collect().await.expect("read").into_bytes().to_vec()
}

#[tokio::test]
async fn objects_of_any_size_are_there_again_with_what_was_said_of_them() {
    let life = Life::begin().await;
    let s3 = client(&life);
    s3.create_bucket().bucket("bucket").send().await.expect("made");
    let sizes = [0, 1, 1_024, 1_025, 65_536, 300_000];
    for size in sizes {
        let put = s3.put_object().bucket("bucket").key(format!("höhe/{size}/ü")).metadata("a", "b").tagging("k=v");
        put.content_type("text/x").body(ByteStream::from(bytes(size, size))).send().await.expect("put");
    }
    s3.copy_object()
        .bucket("bucket")
        .key("copy")
        .copy_source("bucket/h%C3%B6he/300000/%C3%BC")
        .send()
        .await
        .expect("copied");
    s3.put_object().bucket("bucket").key("gone").body(ByteStream::from(bytes(99_999, 0))).send().await.expect("put");
    s3.delete_object().bucket("bucket").key("gone").send().await.expect("deleted");
    let tag = Tag::builder().key("t").value("u").build().expect("a tag");
    let tagging = Tagging::builder().tag_set(tag).build().expect("tags");
    s3.put_bucket_tagging().bucket("bucket").tagging(tagging).send().await.expect("tagged");
    let rule =
        OwnershipControlsRule::builder().object_ownership(ObjectOwnership::ObjectWriter).build().expect("a rule");
    let controls = OwnershipControls::builder().rules(rule).build().expect("controls");
    s3.put_bucket_ownership_controls().bucket("bucket").ownership_controls(controls).send().await.expect("put");
    let before = s3.list_objects_v2().bucket("bucket").send().await.expect("listed");

    let life = life.killed().await;
    let s3 = client(&life);
    let after = s3.list_objects_v2().bucket("bucket").send().await.expect("listed");
    assert_eq!(before.contents(), after.contents());
    for size in sizes {
        let key = format!("höhe/{size}/ü");
        assert_eq!(get(&s3, "bucket", &key, None).await, bytes(size, size), "{size}");
        let head = s3.head_object().bucket("bucket").key(&key).send().await.expect("found");
        assert_eq!(head.content_type(), Some("text/x"));
        assert_eq!(head.metadata().and_then(|all| all.get("a")).map(String::as_str), Some("b"));
        let tags = s3.get_object_tagging().bucket("bucket").key(&key).send().await.expect("tags");
        assert_eq!(tags.tag_set().first().map(Tag::value), Some("v"));
    }
    assert_eq!(get(&s3, "bucket", "copy", None).await, bytes(300_000, 300_000));
    let tags = s3.get_bucket_tagging().bucket("bucket").send().await.expect("tags");
    assert_eq!(tags.tag_set().first().map(Tag::key), Some("t"));
    let controls = s3.get_bucket_ownership_controls().bucket("bucket").send().await.expect("controls");
    let rules = controls.ownership_controls.expect("controls").rules;
    assert_eq!(rules[0].object_ownership(), &ObjectOwnership::ObjectWriter);
    // The one that a copy shares goes with the last that names it, over restarts too.
    s3.delete_object().bucket("bucket").key("höhe/300000/ü").send().await.expect("deleted");
    let life = life.killed().await;
    assert_eq!(get(&client(&life), "bucket", "copy", None).await, bytes(300_000, 300_000));
    client(&life).delete_object().bucket("bucket").key("copy").send().await.expect("deleted");
    let life = life.killed().await;
    let files = std::fs::read_dir(life.folder.path().join("s3")).expect("a folder").count();
    assert_eq!(files, 2, "one each of 1,025 and of 65,536 bytes");
}

#[tokio::test]
async fn versions_keep_their_order_and_an_upload_goes_on() {
    let life = Life::begin().await;
    let s3 = client(&life);
    s3.create_bucket().bucket("bucket").send().await.expect("made");
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    s3.put_bucket_versioning().bucket("bucket").versioning_configuration(versioning).send().await.expect("switched on");
    life.emulator.clock().pause();
    for n in 0..5 {
        s3.put_object().bucket("bucket").key("k").body(ByteStream::from(bytes(2_000, n))).send().await.expect("put");
    }
    life.emulator.clock().resume();
    s3.delete_object().bucket("bucket").key("k").send().await.expect("marked");
    let upload = s3.create_multipart_upload().bucket("bucket").key("large").send().await.expect("begun");
    let upload = upload.upload_id().expect("an id");
    let part = |s3: &Client, number: i32, body: Vec<u8>| {
        let send = s3.upload_part().bucket("bucket").key("large").upload_id(upload).part_number(number);
        send.body(ByteStream::from(body)).send()
    };
    let first = part(&s3, 1, bytes(PART, 1)).await.expect("taken");
    let given_up = s3.create_multipart_upload().bucket("bucket").key("other").send().await.expect("begun");
    let id = given_up.upload_id().expect("an id");
    s3.abort_multipart_upload().bucket("bucket").key("other").upload_id(id).send().await.expect("given up");
    let before = s3.list_object_versions().bucket("bucket").send().await.expect("listed");

    let life = life.killed().await;
    let s3 = client(&life);
    let after = s3.list_object_versions().bucket("bucket").send().await.expect("listed");
    assert_eq!(before.versions(), after.versions());
    assert_eq!(before.delete_markers(), after.delete_markers());
    for (n, version) in after.versions().iter().rev().enumerate() {
        assert_eq!(get(&s3, "bucket", "k", version.version_id()).await, bytes(2_000, n));
    }
    let uploads = s3.list_multipart_uploads().bucket("bucket").send().await.expect("listed");
    assert_eq!(uploads.uploads().len(), 1);
    let second = part(&s3, 2, bytes(700, 2)).await.expect("taken");
    let life = life.killed().await;
    let s3 = client(&life);
    let completed = [(1, first.e_tag), (2, second.e_tag)]
        .map(|(number, tag)| CompletedPart::builder().part_number(number).set_e_tag(tag).build());
    let parts = CompletedMultipartUpload::builder().set_parts(Some(completed.to_vec())).build();
    let complete =
        s3.complete_multipart_upload().bucket("bucket").key("large").upload_id(upload).multipart_upload(parts);
    complete.send().await.expect("completed");
    let life = life.killed().await;
    let whole = [bytes(PART, 1), bytes(700, 2)].concat();
    assert_eq!(get(&client(&life), "bucket", "large", None).await, whole);
    let uploads = client(&life).list_multipart_uploads().bucket("bucket").send().await.expect("listed");
    assert_eq!(uploads.uploads().len(), 0);
}
