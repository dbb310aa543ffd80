//! S3 Inventory: `manifest.json`, and files of gzip CSV whose columns it names. Read as AWS delivers them, with every check
//! that they allow, and written in the same shape for buckets of an endpoint.

use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::error::S3TarError;
use super::location::Location;
use super::manifest::decode_key;
use super::member::{Member, bare_etag};
use super::port::{Head, Port};
use super::toc::io_error;

/// The columns that are written, in this order.
const SCHEMA: &str =
    "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded, EncryptionStatus, BucketKeyStatus";
const VERSION: &str = "2016-11-30";
/// Rows of one file.
const ROWS: usize = 100_000;
/// What stays as it is in a key; a space is `+`.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');
/// Classes that have to be restored before anything can be read.
const FROZEN: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Whose objects it lists.
    pub source_bucket: String,
    /// `arn:aws:s3:::bucket`
    pub destination_bucket: String,
    /// `2016-11-30`
    pub version: String,
    /// Milliseconds since 1970, as text.
    pub creation_timestamp: String,
    /// `CSV`; ORC and Parquet are refused.
    pub file_format: String,
    /// The columns' names, separated by commas.
    pub file_schema: String,
    /// The files.
    pub files: Vec<DataFile>,
}

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its key in the destination bucket.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// Its MD5 in hexadecimal.
    #[serde(rename = "MD5checksum")]
    pub md5: String,
}

/// A column that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `Bucket`
    Bucket,
    /// `Key`
    Key,
    /// `Size`
    Size,
    /// `LastModifiedDate`
    Modified,
    /// `ETag`
    ETag,
    /// `StorageClass`
    Class,
    /// `IsLatest`, of inventories with versions.
    Latest,
    /// `IsDeleteMarker`, of the same.
    DeleteMarker,
    /// Any other.
    Other,
}

impl Column {
    fn of(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "bucket" => Self::Bucket,
            "key" => Self::Key,
            "size" => Self::Size,
            "lastmodifieddate" | "lastmodified" => Self::Modified,
            "etag" => Self::ETag,
            "storageclass" => Self::Class,
            "islatest" => Self::Latest,
            "isdeletemarker" => Self::DeleteMarker,
            _ => Self::Other,
        }
    }
}

/// A row: an object and its storage class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The object.
    pub member: Member,
    /// Whether it has to be restored before it can be read.
    pub frozen: bool,
}

fn corrupt(what: &str, problem: impl Into<String>) -> S3TarError {
    S3TarError::Corrupt { what: what.to_owned(), problem: problem.into() }
}

impl Inventory {
    /// Reads `manifest.json`, and compares it with `manifest.checksum` where that is there; `what` names it in an error.
    ///
    /// # Errors
    /// When it is no manifest of an inventory in CSV.
    pub fn read(bytes: &[u8], checksum: Option<&[u8]>, what: &str) -> Result<Self, S3TarError> {
        if let Some(wanted) = checksum
            && !String::from_utf8_lossy(wanted).trim().eq_ignore_ascii_case(&hex::encode(Md5::digest(bytes)))
        {
            return Err(corrupt(what, "its MD5 is not the one of manifest.checksum"));
        }
        let inventory: Self = serde_json::from_slice(bytes).map_err(|error| corrupt(what, error.to_string()))?;
        if !inventory.file_format.eq_ignore_ascii_case("CSV") {
            let problem = format!("its format is {}: configure the inventory with CSV", inventory.file_format);
            return Err(corrupt(what, problem));
        }
        let columns = inventory.columns();
        for (column, name) in [(Column::Bucket, "Bucket"), (Column::Key, "Key"), (Column::Size, "Size")] {
            if !columns.contains(&column) {
                return Err(corrupt(what, format!("its schema has no column {name}: {}", inventory.file_schema)));
            }
        }
        inventory.created().ok_or_else(|| corrupt(what, "its creationTimestamp is no number"))?;
        Ok(inventory)
    }

    /// Its columns, in order.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        self.file_schema.split(',').map(Column::of).collect()
    }

    /// When the inventory was taken.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.creation_timestamp.trim().parse().ok().map(Timestamp::from_millis)
    }

    /// Hands every object of a file, as it was delivered, to `row`; versions that are not the latest are passed over.
    ///
    /// # Errors
    /// When its bytes are not the ones that the manifest means, or a row is none.
    pub fn rows(&self, file: &DataFile, bytes: &[u8], mut row: impl FnMut(Row)) -> Result<(), S3TarError> {
        let what = file.key.as_str();
        if bytes.len() as u64 != file.size {
            let problem = format!("it has {} bytes, and manifest.json says {}", bytes.len(), file.size);
            return Err(corrupt(what, problem));
        }
        if !file.md5.eq_ignore_ascii_case(&hex::encode(Md5::digest(bytes))) {
            return Err(corrupt(what, "its MD5 is not the one of manifest.json"));
        }
        let is_packed = bytes.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read + '_> = if is_packed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
        let columns = self.columns();
        let mut bucket: Option<Arc<str>> = None;
        for (index, record) in reader.records().enumerate() {
            let line = |problem: String| corrupt(what, format!("row {}: {problem}", index + 1));
            let record = record.map_err(|error| line(error.to_string()))?;
            // Some tools put the names of the columns into the first row.
            if index == 0 && record.iter().map(Column::of).eq(columns.iter().copied()) && columns[0] != Column::Other {
                continue;
            }
            if record.len() != columns.len() {
                return Err(line(format!("it has {} fields, and the schema has {}", record.len(), columns.len())));
            }
            let field = |wanted: Column| {
                columns.iter().position(|column| *column == wanted).and_then(|at| record.get(at)).unwrap_or_default()
            };
            if field(Column::Latest).eq_ignore_ascii_case("false")
                || field(Column::DeleteMarker).eq_ignore_ascii_case("true")
            {
                continue;
            }
            let size = field(Column::Size);
            let size = size.parse().map_err(|_| line(format!("{size:?} is no size")))?;
            let key = decode_key(field(Column::Key)).ok_or_else(|| line("its key decodes to no UTF-8".to_owned()))?;
            let modified = match field(Column::Modified) {
                "" => None,
                text => Some(Timestamp::parse_rfc3339(text).ok_or_else(|| line(format!("{text:?} is no moment")))?),
            };
            let name = field(Column::Bucket);
            let bucket = match &bucket {
                Some(known) if **known == *name => Arc::clone(known),
                _ => Arc::clone(bucket.insert(name.into())),
            };
            let etag = bare_etag(field(Column::ETag)).into();
            let frozen = FROZEN.contains(&field(Column::Class));
            row(Row { member: Member { bucket, key: key.into(), size, etag, modified, posix: None }, frozen });
        }
        Ok(())
    }
}

/// An inventory that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its `manifest.json`.
    pub manifest: Location,
    /// Its objects.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Its files of rows.
    pub files: usize,
}

/// Writes the inventory `id` of a bucket below a place, as of `now`: the files of rows, `hive/…/symlink.txt`,
/// `manifest.json` and, as AWS does, `manifest.checksum` last.
///
/// # Errors
/// When a bucket is missing or a call fails.
pub async fn publish(
    port: &Port,
    source: &str,
    to: &Location,
    id: &str,
    now: Timestamp,
) -> Result<Publication, S3TarError> {
    let base = to.below(source).below(id);
    let bucket = Location { bucket: source.to_owned(), key: String::new() };
    let mut done = Publication { manifest: base.clone(), objects: 0, bytes: 0, files: 0 };
    let mut files = Vec::new();
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = port.list(&bucket, None, after).await?;
        done.objects += page.objects.len();
        done.bytes += page.objects.iter().map(|(_, head)| head.size).sum::<u64>();
        rows.extend(page.objects);
        after = page.next;
        if rows.len() >= ROWS || (after.is_none() && (!rows.is_empty() || files.is_empty())) {
            let packed = pack(source, &rows).map_err(|error| corrupt("the inventory's rows", error.to_string()))?;
            let md5: [u8; 16] = Md5::digest(&packed).into();
            let place = base.below("data").below(&format!("{}.csv.gz", uuid::Uuid::from_bytes(md5)));
            let size = packed.len() as u64;
            port.put(&place, packed.into(), "application/octet-stream").await?;
            files.push(DataFile { key: place.key, size, md5: hex::encode(md5) });
            rows.clear();
        }
        if after.is_none() {
            break;
        }
    }
    done.files = files.len();
    let moment = now.iso_seconds();
    let (day, hour, minute) = (&moment[..10], &moment[11..13], &moment[14..16]);
    let links: Vec<String> = files.iter().map(|file| base.at(file.key.as_str()).to_string()).collect();
    let hive = base.below(&format!("hive/dt={day}-{hour}-{minute}/symlink.txt"));
    port.put(&hive, links.join("\n").into(), "text/plain").await?;
    let inventory = Inventory {
        source_bucket: source.to_owned(),
        destination_bucket: format!("arn:aws:s3:::{}", to.bucket),
        version: VERSION.to_owned(),
        creation_timestamp: now.millis().to_string(),
        file_format: "CSV".to_owned(),
        file_schema: SCHEMA.to_owned(),
        files,
    };
    let json = serde_json::to_vec_pretty(&inventory).map_err(|error| corrupt("manifest.json", error.to_string()))?;
    let checksum = hex::encode(Md5::digest(&json));
    let folder = base.below(&format!("{day}T{hour}-{minute}Z"));
    done.manifest = folder.below("manifest.json");
    port.put(&done.manifest, json.into(), "application/json").await?;
    port.put(&folder.below("manifest.checksum"), checksum.into(), "text/plain").await?;
    Ok(done)
}

fn pack(bucket: &str, rows: &[(String, Head)]) -> std::io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let mut text = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    for (key, head) in rows {
        let key = utf8_percent_encode(key, KEY).to_string().replace(' ', "+");
        let modified = head.modified.map(Timestamp::iso_millis).unwrap_or_default();
        let class = head.class.as_deref().unwrap_or("STANDARD");
        let multipart = if head.etag.contains('-') { "true" } else { "false" };
        let size = head.size.to_string();
        text.write_record([bucket, &key, &size, &modified, &head.etag, class, multipart, "SSE-S3", "DISABLED"])
            .map_err(io_error)?;
    }
    packed.write_all(&text.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)?;
    packed.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inventory(schema: &str, packed: &[u8]) -> Inventory {
        Inventory {
            source_bucket: "source".to_owned(),
            destination_bucket: "arn:aws:s3:::destination".to_owned(),
            version: VERSION.to_owned(),
            creation_timestamp: "1514944800000".to_owned(),
            file_format: "CSV".to_owned(),
            file_schema: schema.to_owned(),
            files: vec![DataFile {
                key: "data/a.csv.gz".to_owned(),
                size: packed.len() as u64,
                md5: hex::encode(Md5::digest(packed)),
            }],
        }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).expect("written");
        packed.finish().expect("packed")
    }

    fn rows(schema: &str, text: &str) -> Result<Vec<Row>, S3TarError> {
        let packed = gzip(text);
        let inventory = inventory(schema, &packed);
        let mut rows = Vec::new();
        inventory.rows(&inventory.files[0], &packed, |row| rows.push(row))?;
        Ok(rows)
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_versions_that_are_past_are_passed_over() {
        let plain = rows(
            "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass",
            "\"b\",\"a%20b/c%2Bd+e\",\"5\",\"2017-12-01T05:06:07.000Z\",\"abc\",\"GLACIER\"\n",
        )
        .expect("rows");
        assert_eq!((&*plain[0].member.key, plain[0].member.size, plain[0].frozen), ("a b/c+d e", 5, true));
        let versions = rows(
            "Key,ETag,IsDeleteMarker,Bucket,VersionId,IsLatest,Size",
            "Key,ETag,IsDeleteMarker,Bucket,VersionId,IsLatest,Size\nnew,e,false,b,v2,true,7\nnew,e,false,b,v1,false,6\ngone,,true,b,v3,true,0\n",
        )
        .expect("rows");
        assert_eq!(versions.len(), 1);
        assert_eq!((versions[0].member.size, versions[0].member.modified), (7, None));
    }

    #[test]
    fn what_is_corrupt_is_refused_with_its_place() {
        let schema = "Bucket, Key, Size";
        for (text, said) in [
            ("b,k\n", "row 1: it has 2 fields"),
            ("b,k,1\nb,k,many\n", "row 2: \"many\" is no size"),
            ("b,%FF,1\n", "row 1: its key decodes"),
        ] {
            let refused = rows(schema, text).expect_err(text).to_string();
            assert!(refused.contains(said) && refused.contains("data/a.csv.gz"), "{refused}");
        }
        let packed = gzip("b,k,1\n");
        let good = inventory(schema, &packed);
        let file = &good.files[0];
        let cut = &packed[..packed.len() - 9];
        assert!(good.rows(file, cut, |_| {}).expect_err("cut").to_string().contains("bytes, and manifest.json says"));
        let cut_file = DataFile { size: cut.len() as u64, md5: hex::encode(Md5::digest(cut)), ..file.clone() };
        assert!(good.rows(&cut_file, cut, |_| {}).is_err(), "a gzip stream that is cut off");
        let mut other = packed.clone();
        other[12] ^= 1;
        assert!(good.rows(file, &other, |_| {}).expect_err("changed").to_string().contains("MD5"));
    }

    #[test]
    fn a_manifest_is_read_with_its_checksum() {
        let inventory = inventory(SCHEMA, b"");
        let json = serde_json::to_vec(&inventory).expect("JSON");
        let checksum = hex::encode(Md5::digest(&json)) + "\n";
        assert_eq!(Inventory::read(&json, Some(checksum.as_bytes()), "m").expect("a manifest"), inventory);
        for (change, said) in [
            (("CSV", "ORC"), "configure the inventory with CSV"),
            (("Size", "Weight"), "no column Size"),
            (("1514944800000", "noon"), "creationTimestamp"),
            (("{", "["), "m cannot be read"),
        ] {
            let text = String::from_utf8(json.clone()).expect("text").replacen(change.0, change.1, 1);
            let refused = Inventory::read(text.as_bytes(), None, "m").expect_err(said).to_string();
            assert!(refused.contains(said), "{refused}");
            assert!(Inventory::read(text.as_bytes(), Some(checksum.as_bytes()), "m").is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_published_is_read_again(keys in proptest::collection::vec("[^\0]{1,60}", 1..30)) {
            let at = Timestamp::from_secs(1_700_000_000);
            let listed: Vec<(String, Head)> = keys.iter().map(|key| {
                (key.clone(), Head { size: 9, etag: "e".to_owned(), modified: Some(at), class: None })
            }).collect();
            let packed = pack("source", &listed).expect("packed");
            let inventory = inventory(SCHEMA, &packed);
            let mut read = Vec::new();
            inventory.rows(&inventory.files[0], &packed, |row| read.push(row.member)).expect("rows");
            let names: Vec<&str> = read.iter().map(|member| &*member.key).collect();
            prop_assert_eq!(names, keys.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert!(read.iter().all(|member| member.modified == Some(at) && member.size == 9));
        }
    }
}
