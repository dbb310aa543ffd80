//! The objects under a prefix, as members.

use std::sync::Arc;

use super::error::S3TarError;
use super::location::Location;
use super::member::Member;
use super::port::Port;

/// Every object whose key begins with the place's key, but for those that stand for folders.
///
/// # Errors
/// When the bucket is missing or a call fails.
pub async fn list_objects(port: &Port, prefix: &Location) -> Result<Vec<Member>, S3TarError> {
    let bucket: Arc<str> = prefix.bucket.as_str().into();
    let mut members = Vec::new();
    let mut after = None;
    loop {
        let page = port.list(prefix, None, after).await?;
        members.extend(page.objects.into_iter().map(|(key, head)| Member {
            bucket: Arc::clone(&bucket),
            key: key.into(),
            size: head.size,
            etag: head.etag.into(),
            modified: head.modified,
            posix: None,
        }));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    members.retain(|member| !(member.is_folder() && member.size == 0));
    Ok(members)
}
