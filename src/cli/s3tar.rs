//! `vaultscope s3tar`: archives on S3, with the flags of the original tool.
//!
//! As that tool does, it works on AWS where no endpoint is named; what changes something there needs `--write`.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::args::{Args, Command, Global, TargetName};
use super::config::Config;
use super::session::needs_endpoint;
use super::settings::Settings;
use super::{Exit, Usage, output, transfer};
use crate::aws::Clients;
use crate::clock::real_now;
use crate::model::Timestamp;
use crate::model::words::counted;
use crate::s3tar::{
    Creation, Entry, Extraction, Format, Location, ManifestOptions, Member, Port, S3TarError, Storing, Wish, create,
    extract, list_objects, open_toc, read_manifest, read_toc, scan_file, write_manifest, write_toc,
};
use crate::vault::human;

/// Calls of one request before it is given up, unless another number is chosen.
const ATTEMPTS: u32 = 10;
/// The class that S3 takes where none is named.
const STANDARD: &str = "STANDARD";
/// What one archive may have: 5 TiB.
const LARGEST: u64 = 5 << 40;

/// Arguments of `s3tar`.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["create", "extract", "list", "generate_toc", "generate_manifest"]))]
pub struct S3tarArgs {
    /// Make an archive of the objects under a prefix, or of those that --manifest names
    #[arg(short, long)]
    pub create: bool,
    /// Take members out of an archive, to -C
    #[arg(short = 'x', long)]
    pub extract: bool,
    /// Print the names of an archive's members
    #[arg(short = 't', long)]
    pub list: bool,
    /// Write the table of contents of an archive that has none, to -C or standard output
    #[arg(long)]
    pub generate_toc: bool,
    /// Write a manifest of the objects under the prefix -f, to -C or standard output
    #[arg(long)]
    pub generate_manifest: bool,
    /// The archive: s3://bucket/prefix/file.tar
    #[arg(short, long, value_name = "ARCHIVE")]
    pub file: String,
    /// Where to: s3://bucket/prefix/ of -x, a file of --generate-toc and --generate-manifest
    #[arg(short = 'C', long, value_name = "PLACE")]
    pub location: Option<String>,
    /// Of -c: CSV lines of bucket, key, size and perhaps ETag: a file, or s3://bucket/key
    #[arg(short, long, value_name = "FILE", conflicts_with = "path")]
    pub manifest: Option<String>,
    /// The first line of the manifest is no object
    #[arg(long, alias = "skipManifestHeader")]
    pub skip_manifest_header: bool,
    /// The keys of the manifest are encoded as in a URL
    #[arg(long)]
    pub urldecode: bool,
    /// Say more: each member
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Of -t: name, first byte, length and ETag as CSV
    #[arg(long)]
    pub extended: bool,
    /// Of -x and -t: a table of contents that --generate-toc has written: a file, or s3://bucket/key
    #[arg(long, value_name = "FILE")]
    pub external_toc: Option<String>,
    /// How long names and sizes are written
    #[arg(long, value_name = "FORMAT", default_value = "pax", ignore_case = true)]
    pub format: FormatArg,
    /// The archive's storage class, such as DEEP_ARCHIVE
    #[arg(long, value_name = "CLASS", default_value = STANDARD)]
    pub storage_class: String,
    /// The archive's tags: {"TagSet": [{"Key": "k", "Value": "v"}]}
    #[arg(long, value_name = "JSON", value_parser = tags)]
    pub tagging: Option<String>,
    /// The archive's encryption: aws:kms or AES256
    #[arg(long, value_name = "ALGORITHM")]
    pub sse_algo: Option<String>,
    /// The key of --sse-algo aws:kms
    #[arg(long, value_name = "KEY")]
    pub sse_kms_key_id: Option<String>,
    /// Bytes of one archive at the most; more make archive.01.tar, archive.02.tar, …
    #[arg(long, value_name = "BYTES", default_value_t = LARGEST, value_parser = clap::value_parser!(u64).range(1..=LARGEST))]
    pub size_limit: u64,
    /// Read every object through memory, large ones too
    #[arg(long)]
    pub concat_in_memory: bool,
    /// MB of a part that is joined in memory [default: 8, or more where there would be too many parts]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(5..=5_000))]
    pub max_part_size: Option<u64>,
    /// Objects that are read at a time
    #[arg(long, alias = "concurrency", value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub goroutines: u16,
    /// How often a call is tried; 0 does not give up
    #[arg(long, value_name = "N", default_value_t = ATTEMPTS)]
    pub max_attempts: u32,
    /// Permissions, owner and times are taken from the objects' metadata with -c, and written into it with -x
    #[arg(long)]
    pub preserve_posix_metadata: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Of -c: the prefix s3://bucket/prefix; of -x: the member, or the prefix of members, to take out
    #[arg(value_name = "PATH")]
    pub path: Option<String>,
}

/// How long names and sizes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FormatArg {
    /// POSIX.1-2001
    Pax,
    /// GNU tar
    Gnu,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Pax => Self::Pax,
            FormatArg::Gnu => Self::Gnu,
        }
    }
}

/// The AWS CLI's form of tags as a query: `k=v&l=w`.
fn tags(text: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tagging {
        tag_set: Vec<Tag>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: String,
        value: String,
    }
    let example = r#"write it as {"TagSet": [{"Key": "k", "Value": "v"}]}"#;
    let tagging: Tagging = serde_json::from_str(text).map_err(|error| format!("{error}; {example}"))?;
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        tagging.tag_set.iter().map(|tag| format!("{}={}", encode(&tag.key), encode(&tag.value))).collect();
    Ok(pairs.join("&"))
}

/// What the settings are made of: this tool and its task mean AWS where nobody names an endpoint.
#[must_use]
pub fn global(args: &Args) -> Global {
    let mut global = args.global.clone();
    let is_task = matches!(args.command, Some(Command::S3tarTask(_)));
    if !is_task && !matches!(args.command, Some(Command::S3tar(_))) {
        return global;
    }
    let is_set = |name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    let configured = Config::load(global.config.as_deref())
        .is_ok_and(|config| config.target.is_some() || config.endpoint_url.is_some());
    if global.target.is_none() && global.endpoint_url.is_none() && !is_set("AWS_ENDPOINT_URL") && !configured {
        global.target = Some(TargetName::Aws);
    }
    if is_task && global.target == Some(TargetName::Aws) {
        // Whoever gives a container this task gives it a role that may write.
        global.write = true;
        if !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION") && global.region.is_none() {
            global.region = std::env::var("DEST_BUCKET_REGION").ok().filter(|region| !region.is_empty());
        }
    }
    global
}

/// The flags that were given and mean nothing to what is asked for: none is passed over in silence.
fn misplaced(args: &S3tarArgs) -> Option<&'static str> {
    let (create, extract, list) = (args.create, args.extract, args.list);
    [
        (args.manifest.is_some(), "--manifest", create),
        (args.skip_manifest_header, "--skip-manifest-header", create && args.manifest.is_some()),
        (args.urldecode, "--urldecode", create && args.manifest.is_some()),
        (args.format == FormatArg::Gnu, "--format", create),
        (args.storage_class != STANDARD, "--storage-class", create),
        (args.tagging.is_some(), "--tagging", create),
        (args.sse_algo.is_some(), "--sse-algo", create),
        (args.sse_kms_key_id.is_some(), "--sse-kms-key-id", create && args.sse_algo.is_some()),
        (args.size_limit != LARGEST, "--size-limit", create),
        (args.concat_in_memory, "--concat-in-memory", create),
        (args.max_part_size.is_some(), "--max-part-size", create),
        (args.preserve_posix_metadata, "--preserve-posix-metadata", create || extract),
        (args.extended, "--extended", list),
        (args.external_toc.is_some(), "--external-toc", extract || list),
        (args.location.is_some(), "--location", !create && !list),
        (args.path.is_some(), "PATH", create || extract),
    ]
    .into_iter()
    .find_map(|(given, flag, counts)| (given && !counts).then_some(flag))
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &S3tarArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "s3tar")?;
    if let Some(flag) = misplaced(args) {
        return Err(Usage(format!(
            "{flag} means nothing here: leave it out, or see `vaultscope s3tar --help` for what it goes with"
        ))
        .into());
    }
    let clients = Clients::connect(settings.target.clone(), settings.access, "").await;
    let attempts = if args.max_attempts == 0 { u32::MAX } else { args.max_attempts };
    let port = Port::of(&clients, attempts);
    let ended = if args.create {
        settings.needs_write("making an archive")?;
        make(&clients, &port, args, &cancel).await
    } else if args.extract {
        settings.needs_write("extracting an archive")?;
        take_out(&port, args, &cancel).await
    } else if args.list {
        list(&port, args).await
    } else if args.generate_toc {
        generate_toc(&port, args).await
    } else {
        generate_manifest(&port, args).await
    };
    match ended {
        Err(error) if error.downcast_ref().is_some_and(S3TarError::is_interruption) => {
            output::complain(&error.to_string());
            Ok(Exit::Interrupted)
        }
        ended => ended,
    }
}

fn archive_of(args: &S3tarArgs) -> Result<Location, Usage> {
    Location::parse(&args.file, "archive.tar").map_err(|error| Usage(format!("-f: {error}")))
}

/// The bytes of a file of this machine or of S3, and when it was changed in seconds since 1970.
async fn load(port: &Port, name: &str) -> anyhow::Result<(bytes::Bytes, i64)> {
    if name.starts_with("s3://") {
        let place = Location::parse(name, "file.csv")?;
        let changed = port.head(&place).await?.and_then(|head| head.modified);
        return Ok((port.read(&place).await?, changed.map_or(0, Timestamp::secs)));
    }
    let path = Path::new(name);
    let bytes = tokio::fs::read(path).await.with_context(|| format!("cannot read {name}"))?;
    let changed = tokio::fs::metadata(path).await?.modified().ok();
    let seconds = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs());
    Ok((bytes.into(), i64::try_from(seconds).unwrap_or_default()))
}

async fn make(clients: &Clients, port: &Port, args: &S3tarArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let destination = archive_of(args)?;
    if destination.key.is_empty() || destination.key.ends_with('/') {
        return Err(Usage(format!(
            "-f {destination} names no archive: give one such as {}",
            destination.below("archive.tar")
        ))
        .into());
    }
    let (members, changed) = match (&args.manifest, &args.path) {
        (Some(manifest), _) => {
            let (bytes, changed) = load(port, manifest).await?;
            let options = ManifestOptions { skip_header: args.skip_manifest_header, url_decode: args.urldecode };
            (read_manifest(&bytes, options, manifest)?, changed)
        }
        (None, Some(prefix)) => {
            let prefix = Location::parse(prefix, "prefix/").map_err(|error| Usage(error.to_string()))?;
            let mut members = list_objects(port, &prefix).await?;
            // An archive that is made anew is no member of itself.
            members.retain(|member| member.location() != destination);
            (members, 0)
        }
        (None, None) => {
            return Err(Usage("-c needs objects: give s3://bucket/prefix, or a manifest with -m".to_owned()).into());
        }
    };
    if members.is_empty() {
        let source_of = args.manifest.clone().or_else(|| args.path.clone()).unwrap_or_default();
        return Err(S3TarError::Empty { source_of }.into());
    }
    if args.verbose > 0 && !args.json {
        members.iter().try_for_each(|member| output::line(&member.key))?;
    }
    let fallback_time = members.iter().filter_map(|member| member.modified).max().map_or(changed, Timestamp::secs);
    let wish = Wish {
        destination,
        format: args.format.into(),
        storing: Storing {
            class: Some(args.storage_class.clone()).filter(|class| class != STANDARD),
            tagging: args.tagging.clone(),
            sse: args.sse_algo.clone(),
            kms_key: args.sse_kms_key_id.clone(),
            ..Storing::default()
        },
        size_limit: args.size_limit,
        concurrency: args.goroutines.into(),
        in_memory: args.concat_in_memory,
        part_size: args.max_part_size.map(|mb| mb << 20),
        posix: args.preserve_posix_metadata,
        fallback_time,
    };
    let bar = transfer::bar(members.iter().map(|member| member.size).sum());
    let began = real_now();
    let made = create(port, members, &wish, cancel, &|more| bar.inc(more)).await;
    bar.finish_and_clear();
    tell(clients, args.json, &made?, began.elapsed())?;
    Ok(Exit::Done)
}

/// Says what was made, and what it took.
pub fn tell(clients: &Clients, as_json: bool, made: &Creation, took: std::time::Duration) -> anyhow::Result<()> {
    let activity = clients.meter().activity();
    if as_json {
        let archives = made.archives.iter().map(|archive| {
            json!({
                "archive": archive.place.to_string(),
                "members": archive.members,
                "bytes": archive.bytes,
                "bytesThroughMemory": archive.in_memory,
                "parts": archive.parts,
                "resumedParts": archive.resumed,
                "eTag": archive.etag,
            })
        });
        let requests: serde_json::Map<String, serde_json::Value> =
            activity.rows.iter().map(|row| (row.operation.clone(), row.calls.into())).collect();
        output::document(&json!({
            "version": 1,
            "kind": "s3tar",
            "archives": archives.collect::<Vec<_>>(),
            "seconds": took.as_secs_f64(),
            "requests": requests,
            "usdAtListPrice": activity.usd(),
        }))?;
        return Ok(());
    }
    for archive in &made.archives {
        let resumed = match archive.resumed {
            0 => String::new(),
            count => format!(", {count} of its {} parts by an earlier run", archive.parts),
        };
        output::line(&format!(
            "{}: {}, {}, {} of them through memory{resumed}",
            archive.place,
            counted(archive.members, "member"),
            human(archive.bytes),
            human(archive.in_memory)
        ))?;
    }
    output::line(&format!(
        "{} of S3 in {:.1} s, about ${:.4} at AWS's list price",
        counted(activity.calls(), "call"),
        took.as_secs_f64(),
        activity.usd()
    ))?;
    Ok(())
}

async fn take_out(port: &Port, args: &S3tarArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let archive = archive_of(args)?;
    let to = args.location.as_deref().ok_or_else(|| Usage("-x needs a place: -C s3://bucket/prefix/".to_owned()))?;
    let mut to = Location::parse(to, "prefix/").map_err(|error| Usage(format!("-C: {error}")))?;
    if !to.key.is_empty() && !to.key.ends_with('/') {
        to.key.push('/');
    }
    let contents = contents(port, args, &archive).await?;
    let prefix = args.path.as_deref().unwrap_or_default();
    let told = |place: &Location| {
        if args.verbose > 0 && !args.json {
            // A reader that has gone away does not stop the work.
            let _ = output::line(&format!("x {place}"));
        }
    };
    let began = real_now();
    let posix = args.preserve_posix_metadata;
    let wish = Extraction {
        archive: &archive,
        contents: &contents,
        prefix,
        to: &to,
        posix,
        concurrency: args.goroutines.into(),
    };
    let taken = extract(port, &wish, cancel, &told).await?;
    let seconds = began.elapsed().as_secs_f64();
    if args.json {
        output::document(&json!({
            "version": 1,
            "kind": "s3tar-extract",
            "archive": archive.to_string(),
            "to": to.to_string(),
            "objects": taken.objects,
            "bytes": taken.bytes,
            "seconds": seconds,
        }))?;
    } else {
        output::line(&format!("{to}: {}, {} in {seconds:.1} s", counted(taken.objects, "object"), human(taken.bytes)))?;
    }
    Ok(Exit::Done)
}

/// What the archive holds: by the table that was given, by its own, or by its headers.
async fn contents(port: &Port, args: &S3tarArgs, archive: &Location) -> anyhow::Result<crate::s3tar::Contents> {
    if let Some(name) = &args.external_toc {
        let (bytes, _) = load(port, name).await?;
        let entries = read_toc(&bytes, name)?;
        return Ok(crate::s3tar::Contents::external(port, archive, entries).await?);
    }
    let contents = open_toc(port, archive, false).await?;
    if !contents.has_toc {
        output::remark(&format!("{archive} has no table of contents: its headers were read"));
    }
    Ok(contents)
}

async fn list(port: &Port, args: &S3tarArgs) -> anyhow::Result<Exit> {
    let archive = archive_of(args)?;
    let entries = contents(port, args, &archive).await?.entries;
    if args.json {
        let entry = |it: &Entry| json!({ "name": it.name, "start": it.start, "length": it.len, "eTag": it.etag });
        output::document(&json!({
            "version": 1,
            "kind": "s3tar-list",
            "archive": archive.to_string(),
            "members": entries.iter().map(entry).collect::<Vec<_>>(),
        }))?;
    } else if args.extended {
        write_toc(entries.iter(), std::io::stdout().lock())?;
    } else {
        entries.iter().try_for_each(|entry| output::line(&entry.name))?;
    }
    Ok(Exit::Done)
}

async fn generate_toc(port: &Port, args: &S3tarArgs) -> anyhow::Result<Exit> {
    let entries = if args.file.starts_with("s3://") {
        open_toc(port, &archive_of(args)?, true).await?.entries
    } else {
        let path = PathBuf::from(&args.file);
        tokio::task::spawn_blocking(move || scan_file(&path)).await??
    };
    write_out(args.location.as_deref(), entries.len(), |to| write_toc(entries.iter(), to))
}

async fn generate_manifest(port: &Port, args: &S3tarArgs) -> anyhow::Result<Exit> {
    let prefix = Location::parse(&args.file, "prefix/").map_err(|error| Usage(format!("-f: {error}")))?;
    let mut members: Vec<Member> = list_objects(port, &prefix).await?;
    // Four fields, as the original's manifests have.
    for member in &mut members {
        member.modified = None;
    }
    write_out(args.location.as_deref(), members.len(), |to| write_manifest(&members, to))
}

/// Writes lines to a file of this machine, or to standard output.
fn write_out(
    to: Option<&str>,
    lines: usize,
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> anyhow::Result<Exit> {
    match to {
        None => write(&mut std::io::stdout().lock())?,
        Some(name) if name.starts_with("s3://") => {
            return Err(Usage(format!("-C {name}: give a file of this machine")).into());
        }
        Some(name) => {
            let mut file = std::fs::File::create(name).with_context(|| format!("cannot write {name}"))?;
            write(&mut file).with_context(|| format!("cannot write {name}"))?;
            output::remark(&format!("{name}: {}", counted(lines, "line")));
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    fn parse(words: &[&str]) -> S3tarArgs {
        let all = [&["vaultscope", "s3tar"], words].concat();
        match Args::try_parse_from(all).expect("arguments").command {
            Some(Command::S3tar(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_originals_own_examples_are_understood() {
        let made = parse(&["--region", "us-west-2", "-cvf", "s3://b/p/archive.tar", "s3://b/files/"]);
        assert!(made.create && made.verbose == 1 && made.path.as_deref() == Some("s3://b/files/"));
        let split =
            parse(&["--region", "us-west-2", "--size-limit", "1074000000", "-cvf", "s3://b/a.tar", "s3://b/f/"]);
        assert_eq!(split.size_limit, 1_074_000_000);
        let manifest =
            parse(&["--region", "us-west-2", "-cvf", "s3://b/a.tar", "-m", "/x/m.csv", "--skipManifestHeader"]);
        assert!(manifest.skip_manifest_header && manifest.manifest.as_deref() == Some("/x/m.csv"));
        let out = parse(&["--region", "us-west-2", "-xvf", "s3://b/a.tar", "-C", "s3://b/d/", "folder/"]);
        assert!(out.extract && out.path.as_deref() == Some("folder/"));
        let toc = parse(&["--region", "us-west-2", "--generate-toc", "-f", "s3://b/a.tar", "-C", "a.toc.csv"]);
        assert!(toc.generate_toc && toc.location.as_deref() == Some("a.toc.csv"));
        let external = parse(&["--external-toc", "a.csv", "-xvf", "s3://b/a.tar", "-C", "s3://b/o/"]);
        assert_eq!(external.external_toc.as_deref(), Some("a.csv"));
        assert!(parse(&["--endpointUrl", "http://127.0.0.1:4566", "-tf", "s3://b/a.tar", "--extended"]).extended);
    }

    #[test]
    fn every_flag_is_on_its_page() {
        let page = include_str!("../../docs/s3tar.md");
        let command = Args::command();
        let s3tar = command.find_subcommand("s3tar").expect("the command");
        for flag in s3tar.get_arguments().filter(|it| !it.is_global_set()).filter_map(clap::Arg::get_long) {
            assert!(flag == "help" || flag == "verbose" || page.contains(&format!("`--{flag}")), "--{flag}");
        }
    }

    #[test]
    fn a_flag_that_means_nothing_is_named() {
        for (words, flag) in [
            (&["-xf", "s3://b/a.tar", "-C", "s3://b/o/", "--tagging", r#"{"TagSet": []}"#][..], Some("--tagging")),
            (&["-cf", "s3://b/a.tar", "s3://b/p/", "--external-toc", "t.csv"], Some("--external-toc")),
            (&["-cf", "s3://b/a.tar", "s3://b/p/", "--urldecode"], Some("--urldecode")),
            (&["-cf", "s3://b/a.tar", "s3://b/p/", "-C", "x"], Some("--location")),
            (&["-cf", "s3://b/a.tar", "s3://b/p/", "--sse-kms-key-id", "k"], Some("--sse-kms-key-id")),
            (&["-tf", "s3://b/a.tar", "--preserve-posix-metadata"], Some("--preserve-posix-metadata")),
            (&["-tf", "s3://b/a.tar", "folder/"], Some("PATH")),
            (&["-tf", "s3://b/a.tar", "--extended", "--external-toc", "t.csv"], None),
            (&["-cf", "s3://b/a.tar", "-m", "m.csv", "--urldecode", "--preserve-posix-metadata"], None),
            (&["--generate-toc", "-f", "s3://b/a.tar", "-C", "t.csv"], None),
        ] {
            assert_eq!(misplaced(&parse(words)), flag, "{words:?}");
        }
    }

    #[test]
    fn tags_are_those_of_the_aws_cli() {
        let text = r#"{"TagSet": [{"Key": "transition-to", "Value": "GDA"}, {"Key": "a b", "Value": "ü"}]}"#;
        assert_eq!(tags(text).expect("tags"), "transition%2Dto=GDA&a%20b=%C3%BC");
        assert!(tags("k=v").expect_err("no JSON").contains("TagSet"));
    }
}
