//! The archiving stack seen through the real binary: `watch` line by line and the dashboard in a terminal, while its
//! schedule fires, its task archives a day, and its topic is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, Parameter};
use serde_json::json;
use vaultscope::aws::{Access, Clients, Target};
use vaultscope::clock::real_now;
use vaultscope::deploy::S3TAR;
use vaultscope::emulator::{Emulator, EmulatorConfig};
use vaultscope::s3tar::{Location, Port, publish, write_log_data};

use crate::dashboard::Terminal;
use crate::support::{signal, vaultscope, wait};

const DAY: u64 = 86_400;
/// Nothing that is waited for here takes so long.
const LIMIT: Duration = Duration::from_secs(120);

async fn stack(emulator: &Emulator) -> Clients {
    let target = Target::endpoint(&emulator.url(), Some("us-east-1")).expect("an endpoint");
    let clients = Clients::connect(target, Access::Write, "").await;
    for bucket in ["source-bucket", "dest-bucket", "code-bucket"] {
        clients.s3.create_bucket().bucket(bucket).send().await.expect("a bucket");
    }
    // No task fails here, so that nobody calls the function.
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default()).expect("an entry");
    let zip = zip.finish().expect("an archive").into_inner();
    clients.s3.put_object().bucket("code-bucket").key("code.zip").body(zip.into()).send().await.expect("the zip");
    let image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/vaultscope/s3tar:v1";
    let image = json!({ image: [env!("CARGO_BIN_EXE_vaultscope"), "s3tar-task"] }).to_string();
    let url = emulator.url();
    tokio::task::spawn_blocking(move || post(&url, "/_vaultscope/images", &image)).await.expect("it ends");
    let parameters = [
        ("sourceBucketName", "source-bucket"),
        ("destBucketName", "dest-bucket"),
        ("destBucketInventoryPrefix", "dest-bucket/source-bucket/s3tarinventory/"),
        ("destBucketS3TarPrefix", "dest-bucket/s3tar"),
        ("functionCodeBucket", "code-bucket"),
        ("functionCodeKey", "code.zip"),
    ];
    let parameters =
        parameters.map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build());
    let request = clients.cloudformation.create_stack().stack_name(S3TAR.stack).template_body(S3TAR.text);
    let request = request.capabilities(Capability::CapabilityIam).set_parameters(Some(parameters.to_vec()));
    request.send().await.expect("the stack is begun");
    let began = real_now();
    loop {
        let answer = clients.cloudformation.describe_stacks().stack_name(S3TAR.stack).send().await.expect("an answer");
        let status = answer.stacks()[0].stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        if status == "CREATE_COMPLETE" {
            return clients;
        }
        assert!(status.ends_with("IN_PROGRESS") && began.elapsed() < LIMIT, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn post(url: &str, path: &str, body: &str) {
    let authority = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).expect("it listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Lets midnight pass on a day whose inventory is there.
async fn midnight(emulator: &Emulator, clients: &Clients) {
    let clock = emulator.clock();
    let since_midnight = clock.now().secs().cast_unsigned() % DAY;
    clock.step(Duration::from_secs(DAY - since_midnight - 30));
    let port = Port::of(clients, 3);
    write_log_data(&port, "source-bucket", 1, clock.now(), 1).await.expect("log files");
    clock.step(Duration::from_secs(2));
    let to = Location { bucket: "dest-bucket".to_owned(), key: String::new() };
    publish(&port, "source-bucket", &to, "s3tarinventory", clock.now()).await.expect("an inventory");
    clock.step(Duration::from_secs(40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_archived_before_the_eyes_of_watch_and_of_the_dashboard() {
    let emulator = Emulator::start(EmulatorConfig::default()).await.expect("the endpoint starts");
    // Noon: no midnight passes by chance.
    let clock = emulator.clock();
    clock.step(Duration::from_secs(DAY - clock.now().secs().cast_unsigned() % DAY + DAY / 2));
    let clients = Box::pin(stack(&emulator)).await;
    let url = emulator.url();
    let named = ["--stack", "s3tar", "--endpoint-url", &url];
    let mut child = vaultscope(&[&["watch"], &named[..]].concat()).spawn().expect("the binary starts");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (send, lines) = mpsc::channel();
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let mut terminal = Terminal::open_with(&named, 120, 40);
    let (terminal_shown, watched) = (
        tokio::task::spawn_blocking(move || {
            terminal.shows("next run");
            terminal.shows("The stack stands");
            terminal
        })
        .await,
        midnight(&emulator, &clients).await,
    );
    let () = watched;
    let mut terminal = terminal_shown.expect("the dashboard shows the stack");
    let shown = tokio::task::spawn_blocking(move || {
        terminal.shows("✓ 1 told");
        terminal.shows("100 members");
        terminal.shows("objects are to be archived");
        // The event processing stack is not there; who comes back finds everything as it was.
        terminal.press("2");
        terminal.shows("◉ observed");
        terminal.press("\r");
        terminal.shows("Pipeline");
        terminal.press("2jjj\r");
        terminal.shows("✓ 1 told");
        terminal.press("5");
        terminal.shows("NotifySuccess");
        terminal.press("q");
        terminal.press("q");
        terminal.ends();
    });
    shown.await.expect("the dashboard shows the day");
    let mut said = Vec::new();
    while !(said.iter().any(|line: &String| line.contains("contents "))
        && said.iter().any(|line: &String| line.contains("notified ")))
    {
        said.push(lines.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no further line: {said:#?}")));
    }
    for wanted in [
        "schedule    S3TarStack-s3tarSchedule",
        "T00:00:00Z",
        "inventory   source-bucket/s3tarinventory/",
        "task        run ",
        "succeeded with exit code 0",
        "holds 100 members",
        "notified    \"Task successfully processed.\"",
        "SUCCEEDED",
    ] {
        let wanted = wanted.to_lowercase();
        assert!(said.iter().any(|line| line.to_lowercase().contains(&wanted)), "{wanted}: {said:#?}");
    }
    signal("INT", child.id());
    let ended = wait(child);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    emulator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_reconciles_nothing_is_not_waited_for() {
    let emulator = Emulator::start(EmulatorConfig::default()).await.expect("the endpoint starts");
    Box::pin(stack(&emulator)).await;
    let url = emulator.url();
    let ended = tokio::task::spawn_blocking(move || {
        crate::support::run(&["watch", "--stack", "S3TarStack", "--until-reconciled", "--endpoint-url", &url])
    });
    let ended = ended.await.expect("it ends");
    assert_eq!(ended.code, Some(2));
    assert!(ended.sentence().contains("reconciles nothing"), "{}", ended.sentence());
    emulator.shutdown().await;
}
