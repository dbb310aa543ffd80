//! Buckets as they are looked at on a screen: read once when somebody asks, a bounded number of calls each time, since on
//! AWS each of them costs. It must not change anything.

use aws_sdk_s3::primitives::DateTime;

use crate::aws::{Clients, Problem};
use crate::model::Timestamp;
use crate::model::objects::{Found, Level, Look, ObjectRow, PEEK_BYTES, PartialUpload, Parts, Peek, Start, Uploads};

/// Uploads that are listed.
const UPLOADS: i32 = 100;
/// Those whose parts are counted, the first ones.
const COUNTED: usize = 20;

/// Looks at what was asked for.
///
/// # Errors
/// One sentence that names the bucket and says what to do.
pub async fn look(clients: &Clients, look: &Look) -> Result<Found, String> {
    match look {
        Look::Level { bucket, prefix, after, pages } => {
            let found = level(clients, bucket, prefix, after.clone(), *pages).await;
            found.map(Found::Level).map_err(|problem| sentence(bucket, None, &problem))
        }
        Look::Uploads { bucket } => {
            uploads(clients, bucket).await.map(Found::Uploads).map_err(|problem| sentence(bucket, None, &problem))
        }
        Look::Peek { bucket, key } => {
            let found = peek(clients, bucket, key).await;
            found.map(|peek| Found::Peek(Box::new(peek))).map_err(|problem| sentence(bucket, Some(key), &problem))
        }
    }
}

/// What went wrong, for whoever looked.
fn sentence(bucket: &str, key: Option<&str>, problem: &Problem) -> String {
    match problem.code.as_deref() {
        Some("NoSuchBucket") => format!("there is no bucket {bucket} any more: deploy its stack again"),
        Some("NoSuchKey" | "NotFound") => {
            format!("there is no object {:?} any more: read its folder again", key.unwrap_or_default())
        }
        Some("AccessDenied" | "Forbidden") => {
            let actions = if key.is_some() { "s3:GetObject" } else { "s3:ListBucket, s3:ListBucketMultipartUploads" };
            format!("these credentials may not read s3://{bucket}: they need {actions} on it")
        }
        Some("InvalidObjectState") => {
            format!("object {:?} is archived: restore it to read it", key.unwrap_or_default())
        }
        _ => problem.sentence.clone(),
    }
}

fn moment(at: Option<DateTime>) -> Option<Timestamp> {
    let micros = at?.as_nanos() / 1_000;
    i64::try_from(micros).ok().map(Timestamp::from_micros)
}

fn bytes(count: Option<i64>) -> u64 {
    u64::try_from(count.unwrap_or_default()).unwrap_or_default()
}

async fn level(
    clients: &Clients,
    bucket: &str,
    prefix: &str,
    after: Option<String>,
    pages: u32,
) -> Result<Level, Problem> {
    let mut level = Level { next: after, ..Level::default() };
    for _ in 0..pages.max(1) {
        let answer = clients
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .delimiter("/")
            .set_continuation_token(level.next.take())
            .send()
            .await
            .map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
        let folders = answer.common_prefixes.unwrap_or_default().into_iter();
        level.folders.extend(folders.filter_map(|folder| folder.prefix));
        let objects = answer.contents.unwrap_or_default().into_iter();
        level.objects.extend(objects.filter_map(|object| {
            Some(ObjectRow {
                key: object.key?,
                size: bytes(object.size),
                modified: moment(object.last_modified),
                storage_class: object.storage_class.map_or_else(String::new, |class| class.as_str().to_owned()),
            })
        }));
        level.next = answer.next_continuation_token.filter(|_| answer.is_truncated.unwrap_or_default());
        if level.next.is_none() {
            break;
        }
    }
    Ok(level)
}

async fn uploads(clients: &Clients, bucket: &str) -> Result<Uploads, Problem> {
    let answer = clients
        .s3
        .list_multipart_uploads()
        .bucket(bucket)
        .max_uploads(UPLOADS)
        .send()
        .await
        .map_err(|error| Problem::of("s3 ListMultipartUploads", &error))?;
    let mut found = Uploads { list: Vec::new(), is_cut: answer.is_truncated.unwrap_or_default() };
    for upload in answer.uploads.unwrap_or_default() {
        let (Some(key), Some(upload_id)) = (upload.key, upload.upload_id) else { continue };
        let counted = found.list.len() < COUNTED;
        // One that ends meanwhile is none any more, and its parts are not worth a problem of their own.
        let parts = if counted { parts(clients, bucket, &key, &upload_id).await.ok() } else { None };
        found.list.push(PartialUpload { key, upload_id, initiated: moment(upload.initiated), parts });
    }
    Ok(found)
}

async fn parts(clients: &Clients, bucket: &str, key: &str, upload_id: &str) -> Result<Parts, Problem> {
    let answer = clients
        .s3
        .list_parts()
        .bucket(bucket)
        .key(key)
        .upload_id(upload_id)
        .send()
        .await
        .map_err(|error| Problem::of("s3 ListParts", &error))?;
    let parts = answer.parts.unwrap_or_default();
    let bytes = parts.iter().map(|part| bytes(part.size)).sum();
    Ok(Parts { count: parts.len(), bytes, is_cut: answer.is_truncated.unwrap_or_default() })
}

async fn peek(clients: &Clients, bucket: &str, key: &str) -> Result<Peek, Problem> {
    let mut peek = match begin(clients, bucket, key).await {
        // Nothing of an object without bytes can be ranged over.
        Err(problem) if problem.is(&["InvalidRange"]) => head(clients, bucket, key).await?,
        found => found?,
    };
    let tags = clients.s3.get_object_tagging().bucket(bucket).key(key).send().await;
    peek.tags = match tags {
        Ok(answer) => Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
        Err(error) => Err(Problem::of("s3 GetObjectTagging", &error).sentence),
    };
    Ok(peek)
}

fn named(metadata: Option<std::collections::HashMap<String, String>>) -> Vec<(String, String)> {
    let mut metadata: Vec<_> = metadata.unwrap_or_default().into_iter().collect();
    metadata.sort_unstable();
    metadata
}

/// `STANDARD` is what S3 leaves out.
fn class(class: Option<aws_sdk_s3::types::StorageClass>) -> String {
    class.map_or_else(|| "STANDARD".to_owned(), |class| class.as_str().to_owned())
}

async fn begin(clients: &Clients, bucket: &str, key: &str) -> Result<Peek, Problem> {
    let answer = clients
        .s3
        .get_object()
        .bucket(bucket)
        .key(key)
        .range(format!("bytes=0-{}", PEEK_BYTES - 1))
        .send()
        .await
        .map_err(|error| Problem::of("s3 GetObject", &error))?;
    let whole = answer.content_range.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
    let size = whole.unwrap_or_else(|| bytes(answer.content_length));
    let mut body = answer.body;
    let mut start = Vec::new();
    // A server that does not know ranges sends all of it: no more is taken than was asked for.
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Problem::outage(format!("object {key:?} broke off: {error}")))?;
        start.extend_from_slice(&chunk);
        if start.len() as u64 >= PEEK_BYTES {
            break;
        }
    }
    start.truncate(usize::try_from(PEEK_BYTES).unwrap_or(usize::MAX));
    Ok(Peek {
        size,
        modified: moment(answer.last_modified),
        storage_class: class(answer.storage_class),
        content_type: answer.content_type,
        etag: answer.e_tag,
        encryption: answer.server_side_encryption.map(|kind| kind.as_str().to_owned()),
        metadata: named(answer.metadata),
        tags: Ok(Vec::new()),
        start: Start::of(&start, size),
    })
}

async fn head(clients: &Clients, bucket: &str, key: &str) -> Result<Peek, Problem> {
    let answer = clients
        .s3
        .head_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .map_err(|error| Problem::of("s3 HeadObject", &error))?;
    Ok(Peek {
        size: bytes(answer.content_length),
        modified: moment(answer.last_modified),
        storage_class: class(answer.storage_class),
        content_type: answer.content_type,
        etag: answer.e_tag,
        encryption: answer.server_side_encryption.map(|kind| kind.as_str().to_owned()),
        metadata: named(answer.metadata),
        tags: Ok(Vec::new()),
        start: Start::Empty,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Kind;

    #[test]
    fn what_went_wrong_is_said_with_what_to_do() {
        let problem = |code: &str| Problem {
            kind: Kind::Refused,
            code: Some(code.to_owned()),
            message: None,
            sentence: format!("s3 ListObjectsV2 was refused with {code}"),
        };
        assert!(sentence("b", None, &problem("NoSuchBucket")).contains("no bucket b any more"));
        assert!(sentence("b", None, &problem("AccessDenied")).contains("s3:ListBucket"));
        assert!(sentence("b", Some("k"), &problem("AccessDenied")).contains("s3:GetObject"));
        assert!(sentence("b", Some("k"), &problem("NoSuchKey")).contains("object \"k\""));
        assert_eq!(sentence("b", None, &problem("SlowDown")), "s3 ListObjectsV2 was refused with SlowDown");
    }
}
