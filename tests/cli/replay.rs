//! A session that was recorded is shown again, and made into pictures.

use std::fs;
use std::path::Path;

use crate::support::run;
use vaultscope::model::Timestamp;
use vaultscope::tui::{ClockReading, Entry, Event, Header, Setup, StackOffer, TargetInfo, TargetKind};

/// A recording of two seconds: a clock, and a problem at the end.
fn record(path: &Path) {
    let target = TargetInfo {
        kind: TargetKind::Embedded,
        address: "127.0.0.1:4566".to_owned(),
        region: "eu-west-1".to_owned(),
        ..TargetInfo::default()
    };
    let offer = StackOffer {
        id: "event-processing".to_owned(),
        stack: "EventProcessingStack".to_owned(),
        purpose: "processes".to_owned(),
        resources: 35,
        ..StackOffer::default()
    };
    let header = Header::new(Setup { target, stacks: vec![offer], ..Setup::default() });
    let reading = ClockReading { now: Timestamp::from_secs(1_604_579_696), rate: 60.0, paused: true };
    let entries = [
        Entry(0, Event::Resize(90, 30)),
        Entry(100, Event::Clock(reading)),
        Entry(2_000, Event::Problem("something broke".to_owned())),
    ];
    let lines = entries.iter().map(|entry| serde_json::to_string(entry).expect("written"));
    let head = serde_json::to_string(&header).expect("written");
    let text: String = std::iter::once(head).chain(lines).map(|line| line + "\n").collect();
    fs::write(path, text).expect("a recording");
}

fn export(recording: &Path, to: &Path, more: &[&str]) -> String {
    let args = ["replay", recording.to_str().expect("UTF-8"), "--export", to.to_str().expect("UTF-8")];
    let ended = run(&[&args, more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    fs::read_to_string(to).expect("a picture")
}

#[test]
fn a_recording_becomes_a_text_a_picture_and_an_asciicast() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = folder.path().join("session.jsonl");
    record(&recording);
    let text = export(&recording, &folder.path().join("end.txt"), &[]);
    assert_eq!(text.lines().count(), 30, "as large as the terminal was");
    assert!(text.contains("PAUSED") && text.contains("12:34:56") && text.contains("something broke"), "{text}");
    let early = export(&recording, &folder.path().join("early.txt"), &["--at", "1.5", "--size", "100x20"]);
    assert!(early.contains("12:34:56") && !early.contains("something broke"), "{early}");
    assert_eq!(early.lines().count(), 20);
    let svg = export(&recording, &folder.path().join("end.svg"), &["--theme", "light"]);
    assert!(svg.starts_with("<svg") && svg.contains("something broke"), "{svg}");
    let cast = export(&recording, &folder.path().join("end.cast"), &["--speed", "2"]);
    let mut lines = cast.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let header = lines.next().expect("a header");
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &90.into(), &30.into()));
    let mut screen = vt100::Parser::new(
        std::num::NonZeroU16::new(30).expect("rows"),
        std::num::NonZeroU16::new(90).expect("columns"),
        0,
    );
    let mut last = 0.0;
    for frame in lines {
        let at = frame[0].as_f64().expect("seconds");
        assert!(at >= last && frame[1] == "o", "{frame}");
        last = at;
        screen.process(frame[2].as_str().expect("text").as_bytes());
    }
    assert!((last - 1.0).abs() < 0.01, "two seconds at twice the speed: {last}");
    assert!(screen.screen().contents().contains("something broke"), "{}", screen.screen().contents());
}

#[test]
fn what_cannot_be_replayed_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notes.txt");
    fs::write(&file, "buy milk\n").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let ended = run(&["replay", file]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.sentence().contains("it is no recording of vaultscope"), "{}", ended.sentence());
    let recording = folder.path().join("session.jsonl");
    record(&recording);
    let recording = recording.to_str().expect("UTF-8");
    for (args, said) in [
        (&["replay", recording][..], "needs a terminal"),
        (&["replay", recording, "--export", "picture.png"], "names no kind of picture"),
        (&["replay", recording, "--export", "a.svg", "--size", "big"], "COLUMNSxROWS"),
        (&["replay", recording, "--speed", "0"], "give a number from 0.1 to 10000"),
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
