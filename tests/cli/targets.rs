//! Targets: which one is meant, who is calling, and one sentence soon where it cannot be worked on.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::support::{Alone, Ended, run, vaultscope, wait};

/// A person waits so long at the most.
const SOON: Duration = Duration::from_secs(5);

/// A shared configuration of a test's own, whose profiles lead to servers on loopback.
struct Profiles {
    folder: TempDir,
}

impl Profiles {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("config"), text).expect("writable");
        Self { folder }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = vaultscope(args);
        command.env("AWS_CONFIG_FILE", self.config()).env("HOME", self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        wait(self.command(args).spawn().expect("the binary starts"))
    }
}

/// A profile with keys whose every service answers at `url`.
fn keyed(name: &str, url: &str) -> String {
    format!(
        "[profile {name}]\nregion = us-east-1\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\nendpoint_url = {url}\n"
    )
}

fn soon(ended: &Ended, code: i32) -> String {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.took < SOON, "{ended:?}");
    ended.sentence().to_owned()
}

/// Answers every request with this status and body.
fn answering(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 8192];
            let _ = stream.read(&mut request);
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close");
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    url
}

#[test]
fn without_region_or_credentials_aws_is_not_called() {
    let sentence = soon(&run(&["doctor", "--target", "aws"]), 1);
    assert!(sentence.contains("--region us-east-1"), "{sentence}");
    let sentence = soon(&run(&["doctor", "--target", "aws", "--region", "us-east-1"]), 1);
    assert!(sentence.contains("no credentials for AWS") && sentence.contains("--profile"), "{sentence}");
    let unknown = run(&["doctor", "--target", "aws", "--region", "us-east-1", "--profile", "nobody"]);
    let sentence = soon(&unknown, 1);
    assert!(sentence.contains("profile nobody gives no credentials"), "{sentence}");
}

#[test]
fn a_region_that_is_none_is_named() {
    let sentence = soon(&run(&["doctor", "--target", "aws", "--region", "virginia"]), 2);
    assert!(sentence.contains("\"virginia\" is no region"), "{sentence}");
    // Well formed, and without an address anywhere: no such host, with a network and without one.
    let profiles = Profiles::new("[profile far]\naws_access_key_id = a\naws_secret_access_key = b\n");
    let far = profiles.run(&["doctor", "--target", "aws", "--profile", "far", "--region", "us-nowhere-9"]);
    let sentence = soon(&far, 1);
    assert!(sentence.contains("us-nowhere-9"), "{sentence}");
}

#[test]
fn a_sign_in_that_is_over_names_the_command_that_renews_it() {
    let profiles = Profiles::new(
        "[profile class]\nregion = us-east-1\nsso_session = school\nsso_account_id = 123456789012\nsso_role_name = teacher\n[sso-session school]\nsso_region = us-east-1\nsso_start_url = https://school.example.com/start\n",
    );
    let cache = profiles.folder.path().join(".aws/sso/cache");
    fs::create_dir_all(&cache).expect("a folder");
    // The cache's file has the session's name, hashed by SHA-1.
    let name = "655f83be7512e5b5b3ba4c9976c043ece4b3ce51";
    let token = r#"{"accessToken":"t","expiresAt":"2020-01-01T00:00:00Z","region":"us-east-1","startUrl":"https://school.example.com/start"}"#;
    fs::write(cache.join(format!("{name}.json")), token).expect("writable");
    let ended = profiles.run(&["doctor", "--target", "aws", "--profile", "class"]);
    let sentence = soon(&ended, 1);
    assert!(sentence.contains("aws sso login --profile class"), "{sentence}");
}

#[test]
fn credentials_that_aws_does_not_know_are_said_to_be_refused() {
    let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>";
    let url = answering("403 Forbidden", error.to_owned());
    let profiles = Profiles::new(&keyed("class", &url));
    for command in ["doctor", "watch"] {
        let ended = profiles.run(&[command, "--target", "aws", "--profile", "class"]);
        let sentence = soon(&ended, 1);
        assert!(
            sentence.contains("does not accept the credentials") && sentence.contains("security token"),
            "{sentence}"
        );
    }
}

#[test]
fn aws_is_read_only_until_it_is_said_otherwise() {
    let alone = Alone::start(&[]);
    let profiles = Profiles::new(&keyed("class", &alone.url));
    let on_aws = ["--target", "aws", "--profile", "class"];
    for command in [["run", "--files=3"].as_slice(), &["deploy"], &["sim"], &["destroy", "--yes"]] {
        let sentence = soon(&profiles.run(&[command, &on_aws].concat()), 2);
        assert!(sentence.contains("read-only") && sentence.contains("--write"), "{sentence}");
    }
    let examined = profiles.run(&[["doctor", "--json"].as_slice(), &on_aws].concat());
    assert_eq!(examined.code, Some(0), "{examined:?}");
    let found = examined.json();
    assert_eq!((&found["readOnly"], &found["account"]), (&true.into(), &"000000000000".into()), "{found:#}");
    // What was called is counted, and its price told at the end.
    let listed = profiles.run(&[["stacks"].as_slice(), &on_aws].concat());
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stderr.contains("calls of AWS") && listed.stderr.contains("about $0.0000"), "{listed:?}");
    // With --write it goes on to what AWS needs: an executable of its own.
    let sentence = soon(&profiles.run(&[["deploy", "--write", "--yes"].as_slice(), &on_aws].concat()), 1);
    assert!(sentence.contains("--bootstrap"), "{sentence}");
}

#[test]
fn targets_that_exclude_each_other_are_wrong_usage() {
    let mut exported = vaultscope(&["doctor", "--target", "aws", "--region", "us-east-1"]);
    exported.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let sentence = soon(&wait(exported.spawn().expect("the binary starts")), 2);
    assert!(sentence.contains("AWS_ENDPOINT_URL"), "{sentence}");
    for (args, said) in [
        (["doctor", "--write"].as_slice(), "--write goes with AWS"),
        (&["doctor", "--profile", "class"], "--target aws"),
        (&["doctor", "--target", "embedded", "--endpoint-url", "http://127.0.0.1:1"], "exclude each other"),
    ] {
        let sentence = soon(&run(args), 2);
        assert!(sentence.contains(said), "{sentence}");
    }
}

#[test]
fn doctor_says_what_answers_and_what_is_missing() {
    let alone = Alone::start(&[]);
    let well = alone.run(&["doctor"]);
    assert_eq!(well.code, Some(0), "{well:?}");
    for shown in ["vaultscope emulator", "000000000000", "EventProcessingStack is not there", "✓ dynamodb"] {
        assert!(well.stdout.contains(shown), "{shown}: {well:?}");
    }
    // A server that knows who calls and nothing else.
    let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>x</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let ill = run(&["doctor", "--endpoint-url", &answering("200 OK", identity.to_owned())]);
    assert_eq!(ill.code, Some(1), "{ill:?}");
    assert!(ill.stdout.contains("123456789012") && ill.stdout.contains("✗ dynamodb"), "{ill:?}");
}

#[test]
fn the_configuration_file_settles_what_flags_leave_open() {
    let alone = Alone::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("vaultscope.toml");
    fs::write(&file, format!("endpoint-url = \"{}\"\nstack = \"FromFile\"\n", alone.url)).expect("writable");
    let path = file.to_str().expect("UTF-8");
    let ended = run(&["doctor", "--config", path]);
    assert!(ended.stdout.contains(&alone.url) && ended.stdout.contains("FromFile is not there"), "{ended:?}");
    let flagged = run(&["doctor", "--config", path, "--stack", "FromFlag", "--target", "embedded"]);
    assert!(flagged.stdout.contains("embedded") && flagged.stdout.contains("FromFlag is not there"), "{flagged:?}");
    fs::write(&file, "stak = \"x\"\n").expect("writable");
    let sentence = soon(&run(&["doctor", "--config", path]), 2);
    assert!(sentence.contains(path) && sentence.contains("stak"), "{sentence}");
    let sentence = soon(&run(&["doctor", "--config", "/nonexistent/x.toml"]), 2);
    assert!(sentence.contains("/nonexistent/x.toml"), "{sentence}");
}
