//! The observer on an endpoint: a live tail beside FilterLogEvents, throttling, an outage; each line told once.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use vaultscope::aws::{Access, Clients, Target};
use vaultscope::clock::{Clock, real_timestamp};
use vaultscope::emulator::Emulator;
use vaultscope::model::board::{Boards, ItemKey, News};
use vaultscope::model::{FlowEvent, LogRole, Seen, SetId, Source, SourceState};
use vaultscope::observe::{CHANNEL_CAPACITY, LiveTail, LiveTailState, Observer, Watched, item};

use crate::support::{send, start};

/// Four log groups and an observer of them.
struct Watching {
    clients: Clients,
    observer: Observer,
    events: mpsc::Receiver<FlowEvent>,
    /// What was seen so far: texts of lines with their ids, and states of the data group's source.
    lines: Vec<(String, String)>,
    states: Vec<SourceState>,
}

const DATA: Source = Source::Logs(LogRole::DataFileUpload);

async fn watch(url: &str, live_tail: LiveTail) -> Watching {
    let clients = Clients::connect(Target::endpoint(url, None).expect("a valid url"), Access::Write, "").await;
    let mut log_groups = Vec::new();
    for role in LogRole::ALL {
        let name = format!("stack-{}", role.stem());
        clients.logs.create_log_group().log_group_name(&name).send().await.expect("created");
        clients.logs.create_log_stream().log_group_name(&name).log_stream_name("s").send().await.expect("created");
        log_groups.push((role, name));
    }
    let watched = Watched { log_groups, live_tail, ..Watched::default() };
    let (sink, events) = mpsc::channel(CHANNEL_CAPACITY);
    let observer = Observer::start(&clients, &watched, &Clock::default(), &sink);
    Watching { clients, observer, events, lines: Vec::new(), states: Vec::new() }
}

impl Watching {
    /// Puts lines `from..to` into the data group, all of one moment.
    async fn put(&self, from: usize, to: usize) {
        put(&self.clients, from, to).await;
    }

    /// Takes in what is seen until a condition holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let looking = async {
            while !holds(self) {
                let event = self.events.recv().await.expect("the observer goes on");
                match event.what {
                    Seen::Log(line) => self.lines.push((line.message, line.event_id)),
                    Seen::Source(report) if report.source == DATA => self.states.push(report.state),
                    _ => {}
                }
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), looking).await.is_ok();
        assert!(in_time, "waited in vain for {what}: {} lines, {:?}", self.lines.len(), self.states);
    }

    /// Every line of `0..count` was told, each once, under an id of its own.
    fn assert_told_once(&self, count: usize) {
        let texts: HashSet<&str> = self.lines.iter().map(|(text, _)| text.as_str()).collect();
        let ids: HashSet<&str> = self.lines.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!((self.lines.len(), texts.len(), ids.len()), (count, count, count));
    }

    fn is_tailing(&self) -> bool {
        matches!(self.states.last(), Some(SourceState::Tailing { .. }))
    }
}

async fn put(clients: &Clients, from: usize, to: usize) {
    let now = real_timestamp().millis();
    let events = (from..to)
        .map(|n| InputLogEvent::builder().timestamp(now).message(format!("line {n}")).build().expect("an event"));
    let group = format!("stack-{}", LogRole::DataFileUpload.stem());
    let put =
        clients.logs.put_log_events().log_group_name(group).log_stream_name("s").set_log_events(Some(events.collect()));
    put.send().await.expect("put");
}

async fn fault(emulator: &Emulator, fault: serde_json::Value) {
    let added = send(emulator, "POST", "/_vaultscope/faults", &[], &fault.to_string()).await;
    assert_eq!(added.status, 200, "{added:?}");
}

#[tokio::test]
async fn lines_that_a_live_tail_sends_are_told_once_and_so_are_those_that_it_leaves_out() {
    let (emulator, _) = start().await;
    let mut watching = watch(&emulator.url(), LiveTail::Auto).await;
    watching.put(0, 5).await;
    watching.until("a session", Watching::is_tailing).await;
    watching.put(5, 20).await;
    watching.until("what was there before and what came since", |seen| seen.lines.len() >= 20).await;
    // More than 500 events of one update are sampled; the rest is read, and then the session is whole again.
    watching.put(20, 2_000).await;
    let sampled = |seen: &Watching| seen.states.contains(&SourceState::Tailing { sampled: true });
    watching.until("a sampled update", sampled).await;
    let whole = |seen: &Watching| {
        seen.lines.len() >= 2_000 && seen.states.last() == Some(&SourceState::Tailing { sampled: false })
    };
    watching.until("everything, and a session that is whole again", whole).await;
    watching.put(2_000, 2_010).await;
    watching.until("the last ones", |seen| seen.lines.len() >= 2_010).await;
    watching.assert_told_once(2_010);
    assert_eq!(*watching.observer.live_tail().borrow(), LiveTailState::Up);
    watching.observer.stop().await;
}

#[tokio::test]
async fn where_a_live_tail_is_refused_lines_are_read_and_the_reason_is_told_once() {
    let (emulator, _) = start().await;
    fault(&emulator, json!({"kind": "error", "service": "logs", "operation": "StartLiveTail"})).await;
    let mut watching = watch(&emulator.url(), LiveTail::On).await;
    watching.put(0, 30).await;
    watching.until("the lines", |seen| seen.lines.len() >= 30).await;
    let mut state = watching.observer.live_tail();
    let refused = |state: &LiveTailState| matches!(state, LiveTailState::Refused { .. });
    let refused = tokio::time::timeout(Duration::from_secs(30), state.wait_for(refused)).await.expect("in time");
    let LiveTailState::Refused { problem } = refused.expect("the live tail gives up").clone() else { return };
    assert!(problem.contains("StartLiveTail") && problem.contains("FilterLogEvents"), "{problem}");
    watching.put(30, 40).await;
    watching.until("more lines", |seen| seen.lines.len() >= 40).await;
    watching.assert_told_once(40);
    assert!(watching.states.iter().all(|state| *state == SourceState::Live), "{:?}", watching.states);
    assert!(!state.has_changed().unwrap_or(false), "it is told once");
}

#[tokio::test]
async fn a_throttled_group_is_asked_less_often_says_so_and_loses_nothing() {
    let (emulator, _) = start().await;
    let mut watching = watch(&emulator.url(), LiveTail::Off).await;
    watching.put(0, 10).await;
    watching.until("the first lines", |seen| seen.lines.len() >= 10).await;
    let operation = "FilterLogEvents";
    fault(&emulator, json!({"kind": "throttle", "service": "logs", "operation": operation, "rate": 1.0, "count": 20}))
        .await;
    watching.put(10, 20).await;
    let throttled = |seen: &Watching| seen.states.iter().any(|state| matches!(state, SourceState::Throttled { .. }));
    watching.until("throttling", throttled).await;
    watching.until("an answer", |seen| seen.lines.len() >= 20).await;
    watching.until("a live source", |seen| seen.states.last() == Some(&SourceState::Live)).await;
    watching.assert_told_once(20);
    // All of them reached the observer: the SDK has not tried again by itself.
    assert_eq!(watching.observer.throttled(), 20);
    assert!(watching.states.len() <= 5, "told when it changes: {:?}", watching.states);
}

/// A way to an endpoint that can be closed and opened again.
struct Way {
    to: SocketAddr,
    address: SocketAddr,
    open: Arc<Mutex<Vec<JoinHandle<()>>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Way {
    async fn to(emulator: &Emulator) -> Self {
        let to = emulator.url().replace("http://", "").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut way = Self { to, address, open: Arc::default(), accepting: None };
        way.accept(listener);
        way
    }

    fn accept(&mut self, listener: TcpListener) {
        let (open, to) = (Arc::clone(&self.open), self.to);
        self.accepting = Some(tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let relay = tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(to).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
                open.lock().expect("no panic before").push(relay);
            }
        }));
    }

    async fn close(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        self.open.lock().expect("no panic before").drain(..).for_each(|relay| relay.abort());
    }

    async fn reopen(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free again");
        self.accept(listener);
    }
}

#[tokio::test]
async fn an_observer_keeps_what_it_has_and_goes_on_after_an_outage() {
    for live_tail in [LiveTail::Off, LiveTail::Auto] {
        let (emulator, _) = start().await;
        let mut way = Way::to(&emulator).await;
        let straight =
            Clients::connect(Target::endpoint(&emulator.url(), None).expect("a valid url"), Access::Write, "").await;
        let mut watching = watch(&format!("http://{}", way.address), live_tail).await;
        watching.put(0, 10).await;
        watching.until("the first lines", |seen| seen.lines.len() >= 10).await;
        way.close().await;
        put(&straight, 10, 20).await;
        let failing = |seen: &Watching| matches!(seen.states.last(), Some(SourceState::Failing { .. }));
        watching.until("the outage", failing).await;
        put(&straight, 20, 30).await;
        way.reopen().await;
        watching.until("what came meanwhile", |seen| seen.lines.len() >= 30 && !failing(seen)).await;
        watching.put(30, 40).await;
        watching.until("what came since", |seen| seen.lines.len() >= 40).await;
        watching.assert_told_once(40);
        let outages = watching.states.iter().filter(|state| matches!(state, SourceState::Failing { .. })).count();
        assert!(outages <= 3, "told when it changes: {:?}", watching.states);
    }
}

/// A table with the keys of the pipeline's, and an item of it.
async fn table(clients: &Clients) {
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
    };
    let text = |name: &str| {
        let of = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        of.build().expect("an attribute")
    };
    let request = clients.dynamodb.create_table().table_name("items").billing_mode(BillingMode::PayPerRequest);
    let request = request.attribute_definitions(text("setId")).attribute_definitions(text("objectKey"));
    let request = request.key_schema(key("setId", KeyType::Hash)).key_schema(key("objectKey", KeyType::Range));
    request.send().await.expect("created");
}

async fn put_item(clients: &Clients, size: u32, more: Option<AttributeValue>) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u32| AttributeValue::N(number.to_string());
    let request = clients.dynamodb.put_item().table_name("items").item("setId", text("s")).item("objectKey", text("k"));
    let request = request.item("bucketName", text("b")).item("objectSize", number(size)).item("eventTime", number(7));
    let request = more.into_iter().fold(request, |request, more| request.item("note", more));
    request.send().await.expect("put");
}

#[tokio::test]
async fn an_item_that_is_written_again_is_told_again_and_read_whole_when_it_is_asked_for() {
    let (emulator, _) = start().await;
    let target = Target::endpoint(&emulator.url(), None).expect("a valid url");
    let clients = Clients::connect(target, Access::Write, "").await;
    table(&clients).await;
    put_item(&clients, 10, None).await;
    let watched = Watched { table: Some("items".to_owned()), ..Watched::default() };
    let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
    let observer = Observer::start(&clients, &watched, &Clock::default(), &sink);
    let set = SetId::from("s");
    observer.interest().add(&set);
    let mut next = async || {
        let looking = async {
            loop {
                let event = events.recv().await.expect("the observer goes on");
                if let Seen::Item(item) = event.what {
                    return (item, event.at);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), looking).await.expect("an item in time")
    };
    let mut boards = Boards::default();
    let (first, at) = next().await;
    assert_eq!((first.object_size, boards.item(&first, at, 1)), (10, News::New));
    put_item(&clients, 4_000_000_000, Some(AttributeValue::Ss(vec!["x".to_owned(), "y".to_owned()]))).await;
    // As a line of the log does that announces it.
    observer.interest().line(&set);
    let (second, at) = next().await;
    assert_eq!((second.object_size, boards.item(&second, at, 2)), (4_000_000_000, News::Changed));
    let board = boards.get(&set).expect("a board");
    assert_eq!((board.items.len(), board.items["k"].changed_ms), (1, Some(2)));

    let key = ItemKey { set_id: set.clone(), object_key: "k".to_owned() };
    let read = item(&clients, "items", &key).await.expect("an answer").expect("an item");
    let wanted = json!({
        "setId": {"S": "s"}, "objectKey": {"S": "k"}, "bucketName": {"S": "b"}, "eventTime": {"N": "7"},
        "note": {"SS": ["x", "y"]}, "objectSize": {"N": "4000000000"},
    });
    assert_eq!(read.to_string(), wanted.to_string(), "its keys first, and what nobody queries as well");
    let absent = ItemKey { object_key: "none".to_owned(), ..key.clone() };
    assert_eq!(item(&clients, "items", &absent).await, Ok(None));
    let said = item(&clients, "gone", &key).await.expect_err("no such table");
    assert!(said.contains("there is no table gone any more"), "{said}");
    let throttle = json!({"kind": "throttle", "service": "dynamodb", "operation": "GetItem", "rate": 1.0});
    fault(&emulator, throttle).await;
    let said = item(&clients, "items", &key).await.expect_err("throttled");
    assert!(said.contains("table items is throttled"), "{said}");
    observer.stop().await;
}
