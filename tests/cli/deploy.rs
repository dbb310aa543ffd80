//! `deploy`, `destroy`, `stacks` and `template` as a user runs them: what is shown first, what is refused with a sentence,
//! and what an interruption leaves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_sdk_cloudformation::types::{Capability, Tag};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::Value;
use tempfile::TempDir;
use vaultscope::deploy::{Architecture, Bootstrap, EVENT_PROCESSING, Host};

use super::support::{Alone, Ended, run, signal, vaultscope, wait};

/// Our template with a bucket that the next deployment takes away.
fn with_an_old_bucket() -> String {
    EVENT_PROCESSING.text.replace("\nResources:\n", "\nResources:\n  oldBucket:\n    Type: AWS::S3::Bucket\n\n")
}

/// Makes a stack as another version of vaultscope would have, or somebody else.
fn make(url: &str, template: &str, is_ours: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(url)
            .load()
            .await;
        let client = aws_sdk_cloudformation::Client::new(&config);
        let mut request = client.create_stack().stack_name("EventProcessingStack").template_body(template);
        if template.contains("functionCodeBucket") {
            Box::pin(put_functions(&config)).await;
            for (key, value) in [("functionCodeBucket", "zips"), ("functionCodeKey", "f.zip")] {
                let parameter = aws_sdk_cloudformation::types::Parameter::builder();
                request = request.parameters(parameter.parameter_key(key).parameter_value(value).build());
            }
        }
        if is_ours {
            request = request.tags(Tag::builder().key("vaultscope").value("stack").build());
        }
        request.capabilities(Capability::CapabilityIam).send().await.expect("accepted");
        loop {
            let answer = client.describe_stacks().stack_name("EventProcessingStack").send().await.expect("a stack");
            let stack = answer.stacks().first().expect("one").clone();
            match stack.stack_status().expect("a status").as_str() {
                "CREATE_COMPLETE" => return,
                "CREATE_IN_PROGRESS" => tokio::task::yield_now().await,
                other => panic!("{other}: {stack:?}"),
            }
        }
    });
}

/// A zip for the functions of a stack that is made without vaultscope.
async fn put_functions(config: &aws_config::SdkConfig) {
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    s3.create_bucket().bucket("zips").send().await.expect("a bucket");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).expect("a file");
    zip.write_all(b"#!/bin/sh\n").expect("written");
    let bytes = zip.finish().expect("a zip").into_inner();
    s3.put_object().bucket("zips").key("f.zip").body(bytes.into()).send().await.expect("stored");
}

fn status(alone: &Alone) -> Value {
    let listed = alone.run(&["stacks", "--json"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    listed.json()["stacks"].clone()
}

fn file(folder: &TempDir, name: &str, text: &[u8]) -> String {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_preview_says_what_would_change_and_changes_nothing() {
    let alone = Alone::start(&[]);
    let preview = alone.run(&["deploy", "--preview", "--json"]);
    assert_eq!(preview.code, Some(0), "{preview:?}");
    let document = preview.json();
    assert_eq!(document["isNew"], true);
    assert_eq!(document["bootstrap"], "VaultscopeBootstrap");
    assert_eq!(document["losses"], serde_json::json!([]));
    assert!(document["changes"].as_array().expect("a list").len() > 30, "{document:#}");
    assert!(status(&alone).as_array().expect("a list").iter().all(|row| row["status"].is_null()));

    assert_eq!(alone.run(&["deploy"]).code, Some(0));
    let same = alone.run(&["deploy", "--preview"]);
    assert!(same.stdout.contains("would not change"), "{same:?}");
    let other = alone.run(&["deploy", "--preview", "--wait", "7"]);
    assert!(other.stdout.contains("Modify   AWS::StepFunctions::StateMachine"), "{other:?}");
    let rows = status(&alone);
    assert_eq!(rows[0]["status"], "CREATE_COMPLETE", "{rows:#}");
    assert_eq!(rows[0]["difference"], serde_json::json!({"template": false, "parameters": false, "functions": false}));
    assert_eq!(rows[1]["stack"], "VaultscopeBootstrap", "{rows:#}");
    assert_eq!(rows[1]["ours"], true, "{rows:#}");
}

#[test]
fn a_change_that_loses_a_bucket_needs_a_yes() {
    let alone = Alone::start(&[]);
    make(&alone.url, &with_an_old_bucket(), true);
    let rows = status(&alone);
    assert_eq!(rows[0]["difference"]["template"], true, "{rows:#}");
    let refused = alone.run(&["deploy"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let sentence = refused.sentence();
    assert!(sentence.contains("oldBucket (AWS::S3::Bucket, removed)") && sentence.contains("--yes"), "{sentence}");
    let refused = alone.run(&["run", "--files", "1"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.sentence().contains("oldBucket"), "{refused:?}");
    let preview = alone.run(&["deploy", "--preview"]);
    assert!(preview.stdout.contains("DATA WOULD BE LOST"), "{preview:?}");
    assert_eq!(status(&alone)[0]["status"], "CREATE_COMPLETE", "nothing was changed");
    let agreed = alone.run(&["deploy", "--yes", "--json"]);
    assert_eq!(agreed.code, Some(0), "{agreed:?}");
    assert_eq!(agreed.json()["stack"]["status"], "UPDATE_COMPLETE", "{agreed:?}");
}

/// Runs a command in a terminal, answers when it asks, and returns what was on the screen with the exit code.
fn answered(args: &[&str], answer: &str) -> (String, u32) {
    let pair = native_pty_system().openpty(PtySize { rows: 60, cols: 160, ..PtySize::default() }).expect("a terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_vaultscope"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.args(args);
    let mut child = pair.slave.spawn_command(command).expect("the binary starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut keys = pair.master.take_writer().expect("a writer");
    let (mut screen, mut asked) = (String::new(), false);
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        screen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if !asked && screen.contains("to go on:") {
            asked = true;
            keys.write_all(format!("{answer}\r").as_bytes()).expect("the terminal takes keys");
        }
    }
    assert!(asked, "nothing was asked: {screen}");
    (screen, child.wait().expect("it ended").exit_code())
}

#[test]
fn in_a_terminal_a_loss_is_shown_and_asked_about() {
    let alone = Alone::start(&[]);
    make(&alone.url, &with_an_old_bucket(), true);
    let args = ["deploy", "--endpoint-url", &alone.url];
    let (screen, code) = answered(&args, "no");
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("DATA WOULD BE LOST") && screen.contains("was left as it is"), "{screen}");
    assert_eq!(status(&alone)[0]["status"], "CREATE_COMPLETE");
    let (screen, code) = answered(&args, "yes");
    assert_eq!(code, 0, "{screen}");
    assert_eq!(status(&alone)[0]["status"], "UPDATE_COMPLETE", "{screen}");
}

#[test]
fn a_stack_of_somebody_else_is_left_alone_unless_its_name_is_said_twice() {
    let alone = Alone::start(&[]);
    make(&alone.url, "Resources: {q: {Type: AWS::SQS::Queue}}", false);
    let rows = status(&alone);
    assert_eq!((&rows[0]["ours"], &rows[0]["difference"]), (&Value::Bool(false), &Value::Null), "{rows:#}");
    let refused = alone.run(&["deploy", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.sentence().contains("was not made by vaultscope"), "{refused:?}");
    let refused = alone.run(&["destroy", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.sentence().contains("--foreign EventProcessingStack"), "{refused:?}");
    let wrong = alone.run(&["destroy", "--yes", "--foreign", "Another"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let unconfirmed = alone.run(&["destroy", "--foreign", "EventProcessingStack"]);
    assert_eq!(unconfirmed.code, Some(2), "{unconfirmed:?}");
    let agreed = alone.run(&["destroy", "--yes", "--foreign", "EventProcessingStack"]);
    assert_eq!(agreed.code, Some(0), "{agreed:?}");
    assert!(status(&alone)[0]["status"].is_null());
}

#[test]
fn parameters_come_from_four_places_and_are_checked_before_anything_is_called() {
    let folder = TempDir::new().expect("a folder");
    let context = file(
        &folder,
        "cdk.context.json",
        br#"{"reconcileCountIterations": 5, "reconcileWaitIterations": 6, "manifestSuffixName": ".list", "vpcCidr": "x"}"#,
    );
    let alone = Alone::start(&[]);
    let deployed = alone.run(&[
        "deploy",
        "--context",
        &context,
        "--parameter",
        "reconcileWaitIterations=7",
        "--wait",
        "8",
        "--parameter",
        "eventSources=aws.storagegateway",
    ]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    assert!(deployed.stderr.contains("vpcCidr"), "what is not used is named: {deployed:?}");
    // What the stack has now is what another deployment with the same choices would give it, and no other.
    for (parameter, differs) in [
        ("reconcileCountIterations=5", false),
        ("reconcileWaitIterations=8", false),
        ("manifestSuffixName=.list", false),
        ("eventSources=aws.storagegateway", false),
        ("reconcileWaitIterations=7", true),
    ] {
        let preview = alone.run(&["deploy", "--preview", "--parameter", parameter]);
        assert_eq!(!preview.stdout.contains("would not change"), differs, "{parameter}: {preview:?}");
    }
    // No endpoint is needed to be refused.
    for (args, said) in [
        (["--parameter", "reconcileCount=5"], "it has jobDirSuffixName"),
        (["--parameter", "functionCodeKey=x"], "--bootstrap"),
        (["--parameter", "logRetentionDays=2"], "must be one of 1, 3, 5"),
        (["--parameter", "nonsense"], "KEY=VALUE"),
        (["--log-retention", "2"], "must be one of 1, 3, 5"),
        (["--job-suffix", "a b"], "without slashes"),
        (["--stack", "VaultscopeBootstrap"], "choose another name"),
    ] {
        let refused = run(&[&["deploy", "--endpoint-url", "http://127.0.0.1:1"], args.as_slice()].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    let wrong = file(&folder, "wrong.json", b"[]");
    let refused = run(&["run", "--context", &wrong]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.sentence().contains("wrong.json"), "{refused:?}");
}

#[test]
fn what_cannot_be_the_functions_executable_is_refused_before_anything_is_called() {
    let folder = TempDir::new().expect("a folder");
    let script = file(&folder, "bootstrap", b"#!/bin/sh\n");
    for (path, said) in [
        (script.as_str(), "no Linux executable"),
        (env!("CARGO_BIN_EXE_vaultscope"), "vaultscope itself"),
        ("/nowhere/bootstrap", "/nowhere/bootstrap"),
    ] {
        let refused = run(&["deploy", "--endpoint-url", "http://127.0.0.1:1", "--bootstrap", path]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.sentence().contains(said), "{refused:?}");
        assert!(refused.sentence().contains("make functions"), "{refused:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn our_own_bootstrap_is_known_for_what_it_is() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let read = runtime.block_on(Bootstrap::read(env!("CARGO_BIN_EXE_bootstrap").as_ref())).expect("it is ours");
    assert_eq!(Some(read.executable.architecture), Architecture::of_this_machine());
    read.check(Host::ThisMachine, None).expect("it was built here");
    let other = if read.executable.architecture == Architecture::X86 { "arm64" } else { "x86_64" };
    let refused = read.check(Host::AmazonLinux, Some(other)).expect_err("another machine").to_string();
    assert!(refused.contains(other), "{refused}");
}

/// An endpoint that says of itself that it is LocalStack in a container, in front of one that is not.
fn in_a_container(behind: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let behind = behind.trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let behind = behind.clone();
            thread::spawn(move || {
                let mut first = [0; 20];
                client.peek(&mut first).expect("a request");
                if first.starts_with(b"GET /_localstack") {
                    let body = r#"{"version":"4.14.0","is_docker":true}"#;
                    let length = body.len();
                    let _ = client.read(&mut [0; 1_024]);
                    let _ = write!(client, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                    return;
                }
                let mut server = TcpStream::connect(behind).expect("it listens");
                let (mut from, mut to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
                let _ = std::io::copy(&mut server, &mut client);
            });
        }
    });
    url
}

#[test]
fn a_target_that_cannot_run_our_programs_says_so_before_anything_is_deployed() {
    let alone = Alone::start(&[]);
    let url = in_a_container(&alone.url);
    for command in ["deploy", "run"] {
        let refused = run(&[command, "--endpoint-url", &url]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let sentence = refused.sentence();
        assert!(sentence.contains("--bootstrap FILE") && sentence.contains("make functions"), "{sentence}");
    }
    assert!(status(&alone).as_array().expect("a list").iter().all(|row| row["status"].is_null()));
    let listed = run(&["stacks", "--endpoint-url", &url]);
    assert_eq!(listed.code, Some(0), "what is there can be looked at: {listed:?}");
}

/// Starts a command and kills it as soon as it has printed a line.
fn killed_at_the_first_line(alone: &Alone, args: &[&str]) -> Ended {
    let all = [args, &["--endpoint-url", &alone.url]].concat();
    let mut child = vaultscope(&all).stderr(Stdio::null()).spawn().expect("the binary starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut String::new()).expect("a line");
    signal("KILL", child.id());
    wait(child)
}

#[test]
fn what_was_killed_in_the_middle_is_gone_on_with() {
    let alone = Alone::start(&["--time-scale", "60"]);
    // Once in the bootstrap stack or the stack itself, wherever it is by then, and once in a change.
    for args in [&["deploy"][..], &["deploy", "--wait", "3"]] {
        killed_at_the_first_line(&alone, args);
        let next = alone.run(&[args, &["--json"]].concat());
        assert_eq!(next.code, Some(0), "{next:?}");
        let status = next.json()["stack"]["status"].as_str().expect("a status").to_owned();
        assert!(matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE"), "{next:?}");
    }
    let vaulted = alone.run(&["run", "--files", "300", "--json"]);
    assert_eq!(vaulted.code, Some(0), "{vaulted:?}");
    killed_at_the_first_line(&alone, &["destroy", "--yes"]);
    let next = alone.run(&["destroy", "--yes"]);
    assert_eq!(next.code, Some(0), "{next:?}");
    assert!(status(&alone)[0]["status"].is_null());
}

#[test]
fn the_bootstrap_stack_goes_when_nobody_uses_it() {
    let alone = Alone::start(&[]);
    assert_eq!(alone.run(&["deploy"]).code, Some(0));
    let refused = alone.run(&["destroy", "--bootstrap", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.sentence().contains("EventProcessingStack"), "{refused:?}");
    assert_eq!(alone.run(&["destroy", "--yes"]).code, Some(0));
    let removed = alone.run(&["destroy", "--bootstrap", "--yes"]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert!(removed.stdout.contains("and 1 object of its buckets"), "{removed:?}");
    assert!(status(&alone).as_array().expect("a list").iter().all(|row| row["status"].is_null()));
}

#[test]
fn templates_are_printed_as_they_are_deployed_and_validated_by_the_target() {
    let printed = run(&["template"]);
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(0), EVENT_PROCESSING.text), "{printed:?}");
    for name in ["event-processing", "bootstrap"] {
        let valid = run(&["template", name, "--validate"]);
        assert_eq!(valid.code, Some(0), "{valid:?}");
        assert!(valid.stdout.contains("of  51200 bytes"), "{valid:?}");
        assert!(valid.stdout.contains("the embedded endpoint takes it"), "{valid:?}");
    }
    let unknown = run(&["template", "else"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.sentence().contains("event-processing, bootstrap"), "{unknown:?}");
}
