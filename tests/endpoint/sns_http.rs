//! Subscriptions of programs on this machine: asked, confirmed, posted to, tried again, ended.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vaultscope::clock::Clock;
use vaultscope::emulator::{Emulator, EmulatorConfig};

use crate::sns::{call, queue, topic};
use crate::support::{start, wait_for};

/// Longer than any test takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A post as it came.
struct Post {
    line: String,
    headers: Vec<String>,
    body: String,
}

impl Post {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A program that takes posts.
struct Program {
    url: String,
    posts: mpsc::UnboundedReceiver<Post>,
    /// What it answers next; with 200 once there is nothing more.
    statuses: Arc<Mutex<Vec<u16>>>,
    ended: CancellationToken,
}

impl Program {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/sns?a=b", listener.local_addr().expect("an address"));
        let statuses: Arc<Mutex<Vec<u16>>> = Arc::default();
        let (sender, posts) = mpsc::unbounded_channel();
        let answers = Arc::clone(&statuses);
        let ended = CancellationToken::new();
        let over = ended.clone();
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = over.run_until_cancelled(listener.accept()).await {
                let post = take(stream, &answers).await;
                if sender.send(post).is_err() {
                    return;
                }
            }
        });
        Self { url, posts, statuses, ended }
    }

    async fn next(&mut self) -> Post {
        tokio::time::timeout(LIMIT, self.posts.recv()).await.expect("a post in time").expect("a post")
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://").split('/').next().unwrap_or_default()
    }

    fn answers(&self, statuses: &[u16]) {
        *self.statuses.lock().expect("a lock") = statuses.to_vec();
    }
}

async fn take(stream: TcpStream, statuses: &Mutex<Vec<u16>>) -> Post {
    let mut stream = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a line");
        match line.trim_end() {
            "" => break,
            line => headers.push(line.to_owned()),
        }
    }
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).await.expect("the body");
    let status = {
        let mut statuses = statuses.lock().expect("a lock");
        if statuses.is_empty() { 200 } else { statuses.remove(0) }
    };
    let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\n\r\nok");
    stream.write_all(answer.as_bytes()).await.expect("answered");
    let line = headers.remove(0);
    Post { line, headers, body: String::from_utf8(body).expect("text") }
}

/// A `GET` of a URL of the endpoint, unsigned, as whoever follows a link makes it.
async fn visit(url: &str) -> String {
    let (address, target) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(address).await.expect("the endpoint listens");
    let request = format!("GET /{target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

fn subscribe(topic: &str, url: &str, attributes: Value) -> Value {
    json!({"TopicArn": topic, "Protocol": "http", "Endpoint": url, "Attributes": attributes})
}

/// Subscribes the program and follows the link that it is sent; the subscription's ARN.
async fn subscribed(emulator: &Emulator, topic: &str, program: &mut Program, attributes: Value) -> String {
    call(emulator, "Subscribe", subscribe(topic, &program.url, attributes)).await.expect("asked");
    let question = program.next().await.json();
    let answer = visit(question["SubscribeURL"].as_str().expect("a URL")).await;
    let arn = answer.split_once("<SubscriptionArn>").expect("an ARN").1;
    arn.split_once('<').expect("its end").0.to_owned()
}

#[tokio::test]
async fn a_program_confirms_by_the_link_and_gets_messages_in_their_envelope_or_raw() {
    let (emulator, _) = start().await;
    let mut program = Program::start().await;
    let arn = topic(&emulator, "t").await;
    let asked = call(&emulator, "Subscribe", subscribe(&arn, &program.url, json!({}))).await.expect("asked");
    assert_eq!(asked["SubscriptionArn"], "pending confirmation");
    let post = program.next().await;
    let question = post.json();
    assert_eq!(post.line, "POST /sns?a=b HTTP/1.1");
    assert_eq!(post.header("x-amz-sns-message-type"), Some("SubscriptionConfirmation"));
    assert_eq!(post.header("x-amz-sns-subscription-arn"), None);
    assert_eq!(post.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(post.header("user-agent"), Some("Amazon Simple Notification Service Agent"));
    let names: Vec<&str> = question.as_object().expect("members").keys().map(String::as_str).collect();
    let expected = [
        "Type",
        "MessageId",
        "Token",
        "TopicArn",
        "Message",
        "SubscribeURL",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
    ];
    assert_eq!(names, expected);
    assert!(question["Message"].as_str().is_some_and(|text| text.contains(&arn)), "{question}");
    call(&emulator, "Publish", json!({"TopicArn": arn, "Message": "early"})).await.expect("published");
    // Whoever asks again is asked again, with the same token.
    call(&emulator, "Subscribe", subscribe(&arn, &program.url, json!({}))).await.expect("asked");
    assert_eq!(program.next().await.json()["Token"], question["Token"]);
    let listed = call(&emulator, "ListSubscriptions", json!({})).await.expect("a list");
    assert_eq!(listed["Subscriptions"][0]["SubscriptionArn"], "PendingConfirmation");

    let answer = visit(question["SubscribeURL"].as_str().expect("a URL")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("ConfirmSubscriptionResponse"), "{answer}");
    let listed = call(&emulator, "ListSubscriptions", json!({})).await.expect("a list");
    let subscription = listed["Subscriptions"][0]["SubscriptionArn"].clone();
    let told = call(&emulator, "GetSubscriptionAttributes", json!({"SubscriptionArn": subscription})).await;
    let told = told.expect("attributes")["Attributes"].clone();
    assert_eq!(
        (&told["PendingConfirmation"], &told["ConfirmationWasAuthenticated"]),
        (&json!("false"), &json!("false"))
    );
    let message = json!({"TopicArn": arn, "Message": "text", "Subject": "s"});
    let id = call(&emulator, "Publish", message.clone()).await.expect("published")["MessageId"].clone();
    let post = program.next().await;
    assert_eq!(post.header("x-amz-sns-message-type"), Some("Notification"));
    assert_eq!(post.header("x-amz-sns-message-id"), id.as_str());
    assert_eq!(post.header("x-amz-sns-topic-arn"), Some(arn.as_str()));
    assert_eq!(post.header("x-amz-sns-subscription-arn"), subscription.as_str());
    let envelope = post.json();
    assert_eq!(
        (&envelope["Message"], &envelope["Subject"], &envelope["MessageId"]),
        (&json!("text"), &json!("s"), &id)
    );

    for (name, value) in [
        ("RawMessageDelivery", "true"),
        ("DeliveryPolicy", r#"{"requestPolicy": {"headerContentType": "application/json"}}"#),
    ] {
        let set = json!({"SubscriptionArn": subscription, "AttributeName": name, "AttributeValue": value});
        call(&emulator, "SetSubscriptionAttributes", set).await.expect(name);
    }
    call(&emulator, "Publish", message).await.expect("published");
    let post = program.next().await;
    assert_eq!((post.body.as_str(), post.header("x-amz-sns-rawdelivery")), ("text", Some("true")));
    assert_eq!(post.header("content-type"), Some("application/json"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_a_program_does_not_take_is_tried_again_by_the_policy_and_ends_as_a_dead_letter() {
    let (emulator, config) = start().await;
    let sqs = Sqs::new(&config);
    let mut program = Program::start().await;
    let arn = topic(&emulator, "t").await;
    let (url, letters) = queue(&sqs, "letters").await;
    let redrive = json!({ "deadLetterTargetArn": letters }).to_string();
    subscribed(&emulator, &arn, &mut program, json!({ "RedrivePolicy": redrive })).await;
    let publish = async |text: &str| {
        call(&emulator, "Publish", json!({"TopicArn": arn, "Message": text})).await.expect("published");
    };
    // The code with which a message became a dead letter.
    let letter = async |text: &str| {
        wait_for(text, async || {
            let receive = sqs.receive_message().queue_url(&url).message_attribute_names("All");
            let messages = receive.send().await.expect("an answer").messages?;
            let letter = messages.first()?.clone();
            let code = letter.message_attributes().and_then(|all| all.get("ErrorCode")?.string_value());
            letter.body().filter(|body| body.contains(text)).and(code).map(str::to_owned)
        })
        .await
    };
    emulator.clock().set_rate(1_000.0).expect("a rate");
    // By default it is tried four times, 20 s apart.
    program.answers(&[500, 429, 503, 502]);
    let before = emulator.clock().now();
    publish("never").await;
    for _ in 0..4 {
        assert_eq!(program.next().await.json()["Message"], "never");
    }
    assert_eq!(letter("never").await, "502");
    assert!(emulator.clock().now().since(before).is_some_and(|time| time >= Duration::from_secs(60)));
    program.answers(&[500]);
    publish("at last").await;
    for _ in 0..2 {
        assert_eq!(program.next().await.json()["Message"], "at last");
    }
    // What is wrong for good is not tried again.
    program.answers(&[404]);
    publish("unknown").await;
    assert_eq!(letter("unknown").await, "404");
    assert_eq!(program.next().await.json()["Message"], "unknown");
    assert!(program.posts.try_recv().is_err());
    // Nobody listens any more.
    program.ended.cancel();
    wait_for("the end of the program", async || TcpStream::connect(program.address()).await.err()).await;
    publish("nobody").await;
    assert_eq!(letter("nobody").await, "ConnectionFailure");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_link_ends_a_subscription_and_another_one_brings_it_back_unless_it_is_guarded() {
    let (emulator, _) = start().await;
    let mut program = Program::start().await;
    let arn = topic(&emulator, "t").await;
    let subscription = subscribed(&emulator, &arn, &mut program, json!({})).await;
    let count = async || {
        let listed = call(&emulator, "ListSubscriptionsByTopic", json!({"TopicArn": arn})).await.expect("a list");
        listed["Subscriptions"].as_array().map(Vec::len)
    };
    call(&emulator, "Publish", json!({"TopicArn": arn, "Message": "m"})).await.expect("published");
    let link = program.next().await.json()["UnsubscribeURL"].as_str().expect("a link").to_owned();
    assert!(visit(&link).await.starts_with("HTTP/1.1 200"));
    assert_eq!(count().await, Some(0));
    let post = program.next().await;
    assert_eq!(post.header("x-amz-sns-message-type"), Some("UnsubscribeConfirmation"));
    assert_eq!(post.header("x-amz-sns-subscription-arn"), Some(subscription.as_str()));
    let back = visit(post.json()["SubscribeURL"].as_str().expect("a link")).await;
    assert!(back.contains(&subscription), "{back}");
    assert_eq!(count().await, Some(1));
    // The owner's own end is not told.
    call(&emulator, "Unsubscribe", json!({"SubscriptionArn": subscription})).await.expect("ended");
    call(&emulator, "Subscribe", subscribe(&arn, &program.url, json!({}))).await.expect("asked");
    let token = program.next().await.json()["Token"].clone();
    let link = format!(
        "{}/?Action=ConfirmSubscription&TopicArn={arn}&Token={}&AuthenticateOnUnsubscribe=true",
        emulator.url(),
        token.as_str().expect("a token")
    );
    assert!(visit(&link).await.starts_with("HTTP/1.1 403"), "only who signs can ask for that");
    let confirm = json!({"TopicArn": arn, "Token": token, "AuthenticateOnUnsubscribe": "true"});
    let guarded = call(&emulator, "ConfirmSubscription", confirm).await.expect("confirmed")["SubscriptionArn"].clone();
    let guarded = guarded.as_str().expect("an ARN");
    let refused = visit(&format!("{}/?Action=Unsubscribe&SubscriptionArn={guarded}", emulator.url())).await;
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("AuthorizationError"), "{refused}");
    assert_eq!(count().await, Some(1));
    emulator.shutdown().await;
}

#[tokio::test]
async fn questions_and_messages_on_their_way_are_posted_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async || {
        let data_dir = Some(folder.path().to_owned());
        let config = EmulatorConfig { data_dir, clock: Clock::default(), ..EmulatorConfig::default() };
        Emulator::start(config).await.expect("the endpoint starts")
    };
    let emulator = open().await;
    let mut program = Program::start().await;
    let arn = topic(&emulator, "t").await;
    program.answers(&[500]);
    call(&emulator, "Subscribe", subscribe(&arn, &program.url, json!({}))).await.expect("asked");
    program.next().await;
    emulator.shutdown().await;

    let emulator = open().await;
    let question = program.next().await.json();
    let confirm = json!({"TopicArn": arn, "Token": question["Token"]});
    call(&emulator, "ConfirmSubscription", confirm).await.expect("confirmed");
    program.answers(&[500]);
    call(&emulator, "Publish", json!({"TopicArn": arn, "Message": "kept"})).await.expect("published");
    program.next().await;
    emulator.shutdown().await;

    let emulator = open().await;
    assert_eq!(program.next().await.json()["Message"], "kept");
    emulator.shutdown().await;
}
