//! The buckets of a stack: one level of each, and the uploads that are under way.

use serde_json::{Value, json};

use super::Shown;
use crate::cli::session::Session;
use crate::deploy::Resources;
use crate::model::objects::{Found, Look};
use crate::model::words::counted;
use crate::observe::objects::look;

/// Pages of a level that are read at the most, of a thousand keys each.
const PAGES: u32 = 10;

/// Reads what lies right below a prefix in each bucket of a stack.
///
/// # Errors
/// When a call fails.
pub async fn show(session: &Session, stack: &str, prefix: Option<&str>) -> anyhow::Result<Shown> {
    let resources = Resources::of_stack(&session.clients, stack).await?;
    let names = resources.of_type("AWS::S3::Bucket").filter_map(|bucket| bucket.physical_id.clone());
    let mut prefix = prefix.unwrap_or_default().to_owned();
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    let (mut buckets, mut lines): (Vec<Value>, Vec<String>) = Default::default();
    for bucket in names.collect::<Vec<_>>() {
        let level = Look::Level { bucket: bucket.clone(), prefix: prefix.clone(), after: None, pages: PAGES };
        let level = look(&session.clients, &level).await.map_err(anyhow::Error::msg)?;
        let uploads = look(&session.clients, &Look::Uploads { bucket: bucket.clone() }).await;
        let (Found::Level(level), Found::Uploads(uploads)) = (level, uploads.map_err(anyhow::Error::msg)?) else {
            anyhow::bail!("bucket {bucket} was answered with something else than was asked for");
        };
        lines.push(format!("s3://{bucket}/{prefix}"));
        lines.extend(level.folders.iter().map(|folder| format!("  {folder}")));
        lines.extend(level.objects.iter().map(|object| format!("  {}  {} B", object.key, object.size)));
        if level.next.is_some() {
            let read = counted(level.folders.len() + level.objects.len(), "entry");
            lines.push(format!("  and more: {read} were read; name a folder to see what is in it"));
        }
        lines.extend(
            uploads.list.iter().map(|upload| format!("  partial upload {} of {}", upload.upload_id, upload.key)),
        );
        buckets.push(json!({ "bucket": bucket, "prefix": prefix, "level": level, "uploads": uploads }));
    }
    Ok(Shown { document: json!({ "buckets": buckets }), lines })
}
