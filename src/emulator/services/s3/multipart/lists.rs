//! ListParts and ListMultipartUploads.

use std::ops::{Bound, ControlFlow};

use s3s::{S3Request, S3Result, dto};

use crate::emulator::services::s3::bucket::Store;
use crate::emulator::services::s3::checksum::s3_set_checksum;
use crate::emulator::services::s3::listing::{Filter, Found, walk};
use crate::emulator::services::s3::lists::encoder;
use crate::emulator::services::s3::object::moment;

const MOST_LISTED: i32 = 1_000;

impl Store {
    pub async fn list_parts(&self, request: S3Request<dto::ListPartsInput>) -> S3Result<dto::ListPartsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let mut state = bucket.open()?;
        let upload = state.uploads.get(&input.key, &input.upload_id)?;
        let marker = input.part_number_marker.unwrap_or_default();
        let max = input.max_parts.unwrap_or(MOST_LISTED).clamp(0, MOST_LISTED);
        let mut rest = upload.parts.range((Bound::Excluded(marker), Bound::Unbounded));
        let page: Vec<dto::Part> = rest
            .by_ref()
            .take(usize::try_from(max).unwrap_or_default())
            .map(|(number, part)| {
                let mut shown = dto::Part {
                    e_tag: Some(part.etag.to_dto()),
                    last_modified: Some(moment(part.modified)),
                    part_number: Some(*number),
                    size: i64::try_from(part.size).ok(),
                    ..Default::default()
                };
                if upload.named {
                    s3_set_checksum!(shown, part.checksum);
                }
                shown
            })
            .collect();
        let truncated = max > 0 && rest.next().is_some();
        Ok(dto::ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(marker),
            next_part_number_marker: Some(page.last().and_then(|part| part.part_number).unwrap_or_default()),
            max_parts: Some(max),
            is_truncated: Some(truncated),
            checksum_algorithm: upload.named.then(|| dto::ChecksumAlgorithm::from_static(upload.algorithm.name())),
            checksum_type: upload.named.then(|| upload.kind()),
            storage_class: Some(dto::StorageClass::from(upload.headers.storage_class().to_owned())),
            owner: Some(self.owner()),
            initiator: Some(dto::Initiator { display_name: None, id: Some(self.owner_id()) }),
            parts: Some(page),
            ..Default::default()
        })
    }

    pub async fn list_multipart_uploads(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> S3Result<dto::ListMultipartUploadsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let state = bucket.open()?;
        let encode = encoder(input.encoding_type.is_some());
        let max = input.max_uploads.unwrap_or(MOST_LISTED).clamp(0, MOST_LISTED);
        let most = usize::try_from(max).unwrap_or_default();
        let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
        let id_marker = input.upload_id_marker.as_deref().filter(|_| key_marker.is_some());
        let filter = Filter {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: key_marker,
            again: id_marker.is_some(),
        };
        let mut uploads = Vec::new();
        let mut prefixes = Vec::new();
        let mut last = (None, None);
        let mut truncated = false;
        let by_key = &state.uploads.by_key;
        walk(
            filter,
            |from| by_key.range::<str, _>((from, Bound::Unbounded)).map(|(key, value)| (&**key, value)),
            |_| true,
            |found| {
                let (key, ids) = match found {
                    Found::Prefix(prefix) => {
                        if uploads.len() + prefixes.len() == most {
                            truncated = most > 0;
                            return ControlFlow::Break(());
                        }
                        prefixes.push(dto::CommonPrefix { prefix: Some(encode(prefix)) });
                        last = (Some(prefix.to_owned()), None);
                        return ControlFlow::Continue(());
                    }
                    Found::Key(key, ids) => (key, ids),
                };
                for (id, upload) in ids {
                    if Some(key) == key_marker && id_marker.is_some_and(|marker| **id <= *marker) {
                        continue;
                    }
                    if uploads.len() + prefixes.len() == most {
                        truncated = most > 0;
                        return ControlFlow::Break(());
                    }
                    uploads.push(dto::MultipartUpload {
                        initiated: Some(moment(upload.initiated)),
                        key: Some(encode(key)),
                        upload_id: Some(id.to_string()),
                        owner: Some(self.owner()),
                        initiator: Some(dto::Initiator { display_name: None, id: Some(self.owner_id()) }),
                        storage_class: Some(dto::StorageClass::from(upload.headers.storage_class().to_owned())),
                        ..Default::default()
                    });
                    last = (Some(key.to_owned()), Some(id.to_string()));
                }
                ControlFlow::Continue(())
            },
        );
        let (next_key, next_id) = if truncated { last } else { (None, None) };
        Ok(dto::ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix.as_deref().map(&encode),
            delimiter: input.delimiter.as_deref().map(&encode),
            key_marker: Some(input.key_marker.as_deref().map(&encode).unwrap_or_default()),
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            next_key_marker: next_key.as_deref().map(&encode),
            next_upload_id_marker: next_id,
            max_uploads: Some(max),
            is_truncated: Some(truncated),
            encoding_type: input.encoding_type,
            uploads: Some(uploads),
            common_prefixes: Some(prefixes),
            ..Default::default()
        })
    }
}
