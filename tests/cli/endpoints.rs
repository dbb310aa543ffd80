//! Endpoints that cannot be worked on: one sentence that says why, soon.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::support::{Alone, run};

/// A person waits so long at the most.
const SOON: Duration = Duration::from_secs(5);

/// A server on a free port that treats each connection so; returns its URL.
fn serve(treat: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            treat(stream);
        }
    });
    url
}

fn complaint(command: &str, url: &str) -> String {
    let ended = run(&[command, "--endpoint-url", url]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert!(ended.took < SOON, "{ended:?}");
    let sentence = ended.sentence();
    assert!(sentence.contains(url), "{sentence}");
    sentence.to_owned()
}

#[test]
fn a_closed_port_is_said_to_have_no_listener() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    for command in ["run", "deploy", "sim", "watch", "destroy"] {
        let sentence = complaint(command, &url);
        assert!(sentence.contains("nothing listens") && sentence.contains("vaultscope emulator"), "{sentence}");
    }
}

#[test]
fn a_web_server_is_said_to_answer_not_as_aws_does() {
    for status in ["200 OK", "404 Not Found"] {
        let url = serve(move |mut stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let page = "<!doctype html><title>router</title><p>welcome";
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        });
        let sentence = complaint("deploy", &url);
        assert!(sentence.contains("not as AWS does") && sentence.contains("text/html"), "{sentence}");
    }
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_long() {
    let kept = std::sync::Mutex::new(Vec::new());
    let url = serve(move |stream| kept.lock().expect("no panic before").push(stream));
    let sentence = complaint("run", &url);
    assert!(sentence.contains("did not answer within"), "{sentence}");
}

#[test]
fn a_url_that_is_none_is_wrong_usage() {
    for url in ["4566", "ftp://127.0.0.1:1", "http://127.0.0.1:1/path"] {
        let ended = run(&["deploy", "--endpoint-url", url]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.sentence().contains(url), "{ended:?}");
    }
}

#[test]
fn a_taken_port_is_named_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ended = run(&["emulator", "--port", &port]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let sentence = ended.sentence();
    assert!(sentence.contains(&port) && sentence.contains("--port"), "{sentence}");
}

#[test]
fn commands_that_need_a_deployed_stack_say_how_to_get_one() {
    let alone = Alone::start(&[]);
    for command in ["sim", "watch"] {
        let ended = alone.run(&[command]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.sentence().contains("run `vaultscope deploy` first"), "{ended:?}");
        let embedded = run(&[command]);
        assert_eq!(embedded.code, Some(2), "{embedded:?}");
        assert!(embedded.sentence().contains("vaultscope emulator"), "{embedded:?}");
    }
    let ended = alone.run(&["destroy", "--yes"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.contains("nothing to destroy"), "{ended:?}");
}
