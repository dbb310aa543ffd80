//! ListObjects, ListObjectsV2, ListObjectVersions and ListBuckets: pages of a walk.

use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::bucket::{State, Store};
use super::contents::Entry;
use super::listing::{Filter, Found, walk};
use super::object::{Version, moment};

const MOST_KEYS: i32 = 1_000;
/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// What writes keys into an answer: as they are, or percent-encoded.
pub fn encoder(encode: bool) -> impl Fn(&str) -> String {
    move |text| if encode { utf8_percent_encode(text, PLAIN).to_string() } else { text.to_owned() }
}

/// A page of keys and rolled-up prefixes.
struct Page {
    objects: Vec<(String, Arc<Version>)>,
    prefixes: Vec<String>,
    /// The last key or prefix of the page, when there is more.
    next: Option<String>,
}

fn page(state: &State, filter: Filter<'_>, max: i32) -> Page {
    let most = usize::try_from(max).unwrap_or_default();
    let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
    let mut last = String::new();
    let mut more = false;
    if most > 0 {
        walk(
            filter,
            |from| state.contents.range(from),
            |entry: &Entry| !entry.current.is_marker(),
            |found| {
                if page.objects.len() + page.prefixes.len() == most {
                    more = true;
                    return ControlFlow::Break(());
                }
                match found {
                    Found::Prefix(prefix) => {
                        prefix.clone_into(&mut last);
                        page.prefixes.push(prefix.to_owned());
                    }
                    Found::Key(key, entry) => {
                        key.clone_into(&mut last);
                        page.objects.push((key.to_owned(), Arc::clone(&entry.current)));
                    }
                }
                ControlFlow::Continue(())
            },
        );
    }
    page.next = more.then_some(last);
    page
}

impl Page {
    fn contents(&self, encode: impl Fn(&str) -> String, owner: Option<&dto::Owner>) -> Vec<dto::Object> {
        self.objects
            .iter()
            .filter_map(|(key, version)| {
                let object = version.object.as_ref()?;
                Some(dto::Object {
                    key: Some(encode(key)),
                    e_tag: Some(object.etag.to_dto()),
                    last_modified: Some(moment(version.modified)),
                    size: i64::try_from(object.size).ok(),
                    storage_class: Some(dto::ObjectStorageClass::from(object.headers().storage_class().to_owned())),
                    checksum_algorithm: Some(vec![dto::ChecksumAlgorithm::from_static(
                        object.checksum.algorithm.name(),
                    )]),
                    checksum_type: Some(object.checksum.kind()),
                    owner: owner.cloned(),
                    ..Default::default()
                })
            })
            .collect()
    }

    fn common_prefixes(&self, encode: impl Fn(&str) -> String) -> Vec<dto::CommonPrefix> {
        self.prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(encode(prefix)) }).collect()
    }
}

impl Store {
    pub async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<dto::ListObjectsV2Output> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let max = max_keys(input.max_keys)?;
        let token = input.continuation_token.as_deref().map(read_token).transpose()?;
        let filter = Filter {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: token.as_deref().or(input.start_after.as_deref().filter(|after| !after.is_empty())),
            again: false,
        };
        let page = page(&*bucket.open()?, filter, max);
        let encode = encoder(input.encoding_type.is_some());
        let owner = self.owner();
        let contents = page.contents(&encode, input.fetch_owner.unwrap_or_default().then_some(&owner));
        let prefixes = page.common_prefixes(&encode);
        Ok(dto::ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(input.prefix.as_deref().map(&encode).unwrap_or_default()),
            delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()).map(&encode),
            start_after: input.start_after.as_deref().map(&encode),
            max_keys: Some(max),
            key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
            is_truncated: Some(page.next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: page.next.as_deref().map(write_token),
            encoding_type: input.encoding_type,
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            ..Default::default()
        })
    }

    pub async fn list_objects(&self, request: S3Request<dto::ListObjectsInput>) -> S3Result<dto::ListObjectsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let max = max_keys(input.max_keys)?;
        let filter = Filter {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
            again: false,
        };
        let page = page(&*bucket.open()?, filter, max);
        let encode = encoder(input.encoding_type.is_some());
        let delimited = !filter.delimiter.is_empty();
        Ok(dto::ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(input.prefix.as_deref().map(&encode).unwrap_or_default()),
            delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()).map(&encode),
            marker: Some(input.marker.as_deref().map(&encode).unwrap_or_default()),
            max_keys: Some(max),
            is_truncated: Some(page.next.is_some()),
            // S3 names the next marker only where a delimiter makes it more than the last key.
            next_marker: page.next.as_deref().filter(|_| delimited).map(&encode),
            encoding_type: input.encoding_type,
            contents: Some(page.contents(&encode, Some(&self.owner()))),
            common_prefixes: Some(page.common_prefixes(&encode)),
            ..Default::default()
        })
    }

    pub async fn list_object_versions(
        &self,
        request: S3Request<dto::ListObjectVersionsInput>,
    ) -> S3Result<dto::ListObjectVersionsOutput> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let max = max_keys(input.max_keys)?;
        let most = usize::try_from(max).unwrap_or_default();
        let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
        let id_marker = input.version_id_marker.as_deref().filter(|marker| !marker.is_empty());
        if id_marker.is_some() && key_marker.is_none() {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidArgument,
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        let filter = Filter {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: key_marker,
            again: id_marker.is_some(),
        };
        let encode = encoder(input.encoding_type.is_some());
        let mut output = dto::ListObjectVersionsOutput::default();
        let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0;
        let mut last: (String, Option<String>) = Default::default();
        let mut more = false;
        let state = bucket.open()?;
        walk(
            filter,
            |from| state.contents.range(from),
            |_| true,
            |found| {
                let (key, entry) = match found {
                    Found::Prefix(prefix) => {
                        if count == most {
                            more = most > 0;
                            return ControlFlow::Break(());
                        }
                        count += 1;
                        last = (prefix.to_owned(), None);
                        prefixes.push(dto::CommonPrefix { prefix: Some(encode(prefix)) });
                        return ControlFlow::Continue(());
                    }
                    Found::Key(key, entry) => (key, entry),
                };
                let mut listed = Some(key) == key_marker && id_marker.is_some();
                for (index, version) in entry.versions().enumerate() {
                    if listed {
                        listed = id_marker != Some(version.id());
                        continue;
                    }
                    if count == most {
                        more = most > 0;
                        return ControlFlow::Break(());
                    }
                    count += 1;
                    last = (key.to_owned(), Some(version.id().to_owned()));
                    match &version.object {
                        Some(object) => versions.push(dto::ObjectVersion {
                            key: Some(encode(key)),
                            version_id: Some(version.id().to_owned()),
                            is_latest: Some(index == 0),
                            last_modified: Some(moment(version.modified)),
                            e_tag: Some(object.etag.to_dto()),
                            size: i64::try_from(object.size).ok(),
                            storage_class: Some(dto::ObjectVersionStorageClass::from_static(
                                dto::ObjectVersionStorageClass::STANDARD,
                            )),
                            owner: Some(self.owner()),
                            ..Default::default()
                        }),
                        None => markers.push(dto::DeleteMarkerEntry {
                            key: Some(encode(key)),
                            version_id: Some(version.id().to_owned()),
                            is_latest: Some(index == 0),
                            last_modified: Some(moment(version.modified)),
                            owner: Some(self.owner()),
                        }),
                    }
                }
                ControlFlow::Continue(())
            },
        );
        drop(state);
        if more {
            output.next_key_marker = Some(encode(&last.0));
            output.next_version_id_marker = last.1;
        }
        output.is_truncated = Some(more);
        output.name = Some(input.bucket);
        output.prefix = Some(input.prefix.as_deref().map(&encode).unwrap_or_default());
        output.delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()).map(&encode);
        output.key_marker = Some(input.key_marker.as_deref().map(&encode).unwrap_or_default());
        output.version_id_marker = input.version_id_marker;
        output.max_keys = Some(max);
        output.encoding_type = input.encoding_type;
        output.versions = Some(versions);
        output.delete_markers = Some(markers);
        output.common_prefixes = Some(prefixes);
        Ok(output)
    }

    pub async fn list_buckets(&self, request: S3Request<dto::ListBucketsInput>) -> S3Result<dto::ListBucketsOutput> {
        let input = request.input;
        let region = &self.fabric.identity().region;
        let after = input.continuation_token.as_deref().map(read_token).transpose()?;
        let most = input.max_buckets.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or_default());
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let elsewhere = input.bucket_region.as_ref().is_some_and(|wanted| wanted != region);
        let mut matching = self.buckets().into_iter().filter(|bucket| {
            !elsewhere && bucket.name.starts_with(prefix) && after.as_ref().is_none_or(|after| bucket.name > *after)
        });
        let buckets: Vec<dto::Bucket> = matching
            .by_ref()
            .take(most)
            .map(|bucket| dto::Bucket {
                bucket_region: input.max_buckets.map(|_| region.clone()),
                creation_date: Some(moment(bucket.created)),
                name: Some(bucket.name.clone()),
            })
            .collect();
        let more = matching.next().is_some();
        let last = buckets.last().and_then(|bucket| bucket.name.as_deref());
        Ok(dto::ListBucketsOutput {
            continuation_token: last.filter(|_| more).map(write_token),
            buckets: Some(buckets),
            owner: Some(self.owner()),
            prefix: input.prefix,
        })
    }
}

fn max_keys(max: Option<i32>) -> S3Result<i32> {
    match max {
        Some(max) if max < 0 => Err(S3Error::with_message(
            S3ErrorCode::InvalidArgument,
            "Argument maxKeys must be an integer between 0 and 2147483647",
        )),
        max => Ok(max.unwrap_or(MOST_KEYS).min(MOST_KEYS)),
    }
}

fn write_token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

fn read_token(token: &str) -> S3Result<String> {
    URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        S3Error::with_message(S3ErrorCode::InvalidArgument, "The continuation token provided is incorrect")
    })
}
