//! The Objects page: what it looks like, and that it reads what is opened, when it is opened, and no more.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use vaultscope::model::objects::{Found, Level, Look, ObjectRow, PartialUpload, Parts, Peek, Start, Uploads};
use vaultscope::model::{Seen, StackSeen, Timestamp};
use vaultscope::tui::{Effect, Event, State, Theme, ViewState, draw, update};

use super::{press, screen, story};

const BUCKET: &str = "eventprocessingstack-fileuploadbucket-1x2y";
const ROOT: &str = "DhoTdbmBHm3DfBWL-vaultjob/";

#[expect(clippy::unnecessary_wraps, reason = "it is given to what takes none as well")]
fn moment(millis: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(story::START * 1_000 + millis))
}

pub fn object(key: &str, size: u64) -> ObjectRow {
    ObjectRow { key: key.to_owned(), size, modified: moment(61_000), storage_class: "STANDARD".to_owned() }
}

/// What a small bucket answers.
#[expect(clippy::unnecessary_wraps, reason = "it is given to what takes an answer")]
pub fn answer(look: &Look) -> Result<Found, String> {
    match look {
        Look::Level { prefix, after, .. } => Ok(Found::Level(match (prefix.as_str(), after) {
            ("", _) => Level {
                folders: vec![ROOT.to_owned(), "archives/".to_owned(), "kQ2mZr81LwXa0PfT-vaultjob/".to_owned()],
                objects: vec![object("notes.json", 52)],
                next: None,
            },
            (ROOT, None) => Level {
                folders: vec![format!("{ROOT}dir-0vna5LIcm0W7/"), format!("{ROOT}dir-1vna5LIcm0W7/")],
                objects: vec![
                    object(ROOT, 0),
                    object(&format!("{ROOT}DhoTdbmBHm3DfBWL.manifest"), 83_112),
                    object(&format!("{ROOT}file-00000000"), 220_000_000),
                ],
                next: Some("token".to_owned()),
            },
            (ROOT, Some(_)) => {
                Level { objects: vec![object(&format!("{ROOT}file-00000001"), 65_536)], ..Level::default() }
            }
            _ => Level::default(),
        })),
        Look::Uploads { .. } => Ok(Found::Uploads(Uploads {
            list: vec![
                PartialUpload {
                    key: "archives/2020-11-05.tar".to_owned(),
                    upload_id: "upload-1".to_owned(),
                    initiated: moment(-3_600_000),
                    parts: Some(Parts { count: 12, bytes: 96_000_000, is_cut: false }),
                },
                PartialUpload {
                    key: "archives/2020-11-04.tar".to_owned(),
                    upload_id: "upload-2".to_owned(),
                    initiated: moment(-90_000_000),
                    parts: None,
                },
            ],
            is_cut: false,
        })),
        Look::Peek { key, .. } => Ok(Found::Peek(Box::new(peek(key)))),
    }
}

fn peek(key: &str) -> Peek {
    let json = b" {\"dataset\":\"DhoTdbmBHm3DfBWL\",\"files\":46,\"ok\":true}";
    let (size, start) = match key {
        "notes.json" => (52, Start::of(json, 52)),
        key if key.ends_with(".manifest") => (83_112, Start::of(format!("{ROOT}\n{ROOT}dir\tx\n").as_bytes(), 83_112)),
        key if key.ends_with('/') => (0, Start::Empty),
        _ => (65_536, Start::of(&(0..=255).cycle().take(1_000).collect::<Vec<u8>>(), 65_536)),
    };
    Peek {
        size,
        modified: moment(61_000),
        storage_class: "STANDARD".to_owned(),
        content_type: Some("application/octet-stream".to_owned()),
        etag: Some("\"9b2cf535f27731c974343645a3985328\"".to_owned()),
        encryption: Some("AES256".to_owned()),
        metadata: vec![
            ("file-owner".to_owned(), "65534".to_owned()),
            ("file-permissions".to_owned(), "0666".to_owned()),
        ],
        tags: Ok(vec![("stage".to_owned(), "vaulted".to_owned())]),
        start,
    }
}

/// Answers what was asked, and what is asked because of the answers.
pub fn answered(state: &mut State, effects: Vec<Effect>) -> Vec<Look> {
    let mut looks = Vec::new();
    let mut waiting = effects;
    while let Some(effect) = waiting.pop() {
        if let Effect::Look(look) = effect {
            waiting.extend(update(state, Event::Found { look: look.clone(), found: answer(&look) }));
            looks.push(look);
        }
    }
    looks
}

/// Presses keys, each of which is answered before the next.
pub fn keyed(state: &mut State, keys: &str) -> Vec<Look> {
    keys.chars()
        .flat_map(|key| {
            let effects = press(state, &key.to_string());
            answered(state, effects)
        })
        .collect()
}

fn opened(keys: &str) -> State {
    let mut state = story::landing();
    keyed(&mut state, "6");
    keyed(&mut state, keys);
    state
}

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (140, 45), (50, 20)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

#[test]
fn the_page_with_folders_objects_and_uploads() {
    snapshots("objects_none", || {
        let mut state = State::new(story::setup());
        press(&mut state, "6");
        state
    });
    snapshots("objects_root", || opened(""));
    snapshots("objects_open", || opened("j\njjj"));
    snapshots("objects_json", || opened("jjjj"));
    snapshots("objects_bytes", || opened("j\njjjjj"));
    snapshots("objects_uploads", || opened("jjjjj\nj"));
    snapshots("objects_refused", || {
        let mut state = story::landing();
        for effect in press(&mut state, "6") {
            let Effect::Look(look) = effect else { continue };
            let found = Err(format!("these credentials may not read s3://{BUCKET}: they need s3:ListBucket on it"));
            update(&mut state, Event::Found { look, found });
        }
        state
    });
    snapshots("objects_aws", || {
        let mut state = story::landing();
        update(&mut state, Event::Target(story::aws()));
        keyed(&mut state, "6j\njjj");
        state
    });
}

/// The same page in each scheme: colours differ, words do not, and without colour there is none.
pub fn themes(state: &mut State) {
    update(state, Event::Resize(140, 45));
    let frame = |theme: Theme| {
        let mut terminal = Terminal::new(TestBackend::new(140, 45)).expect("a terminal");
        terminal.draw(|frame| draw(frame, state, &mut ViewState::new(theme))).expect("a frame");
        terminal.backend().clone()
    };
    let [dark, light, mono] = [Theme::Dark, Theme::Light, Theme::Mono].map(frame);
    assert_eq!(dark.to_string(), light.to_string());
    assert_eq!(dark.to_string(), mono.to_string());
    assert_ne!(dark.buffer(), light.buffer());
    let is_plain = |colour: Color| colour == Color::Reset;
    assert!(mono.buffer().content().iter().all(|cell| is_plain(cell.fg) && is_plain(cell.bg)));
}

#[test]
fn no_word_depends_on_a_colour() {
    themes(&mut opened("j\njjj"));
    themes(&mut opened("jjjjj\nj"));
}

fn levels(looks: &[Look]) -> Vec<(&str, Option<&str>)> {
    looks
        .iter()
        .filter_map(|look| match look {
            Look::Level { prefix, after, .. } => Some((prefix.as_str(), after.as_deref())),
            _ => None,
        })
        .collect()
}

#[test]
fn nothing_is_read_before_the_page_is_opened_and_a_level_only_when_it_is() {
    let mut state = story::landing();
    assert_eq!(press(&mut state, "12345"), [], "other pages read nothing of a bucket");
    let looks = keyed(&mut state, "6");
    assert_eq!(levels(&looks), [("", None)]);
    assert!(looks.contains(&Look::Uploads { bucket: BUCKET.to_owned() }) && looks.len() == 2, "{looks:?}");
    assert_eq!(keyed(&mut state, "1616"), [], "once");
    assert_eq!(levels(&keyed(&mut state, "j\n")), [(ROOT, None)]);
    assert_eq!(keyed(&mut state, "\n\n"), [], "folding reads nothing, nor does opening again");
    let text = screen(&mut state, 140, 45);
    assert!(text.contains("there is more: Enter reads the next thousand"), "{text}");
    assert!(text.contains("≥ 220 MB") && text.contains("≥ 3 objects"), "{text}");
    let looks = keyed(&mut state, "jjjjjj\n");
    assert_eq!(levels(&looks), [(ROOT, Some("token"))], "{looks:?}");
    assert!(!screen(&mut state, 140, 45).contains("there is more"));
}

#[test]
fn what_is_open_is_read_again_by_itself_on_the_embedded_endpoint_alone() {
    let mut state = opened("j\n");
    let later = |state: &mut State, ms| update(state, Event::Tick(ms));
    let effects = later(&mut state, 10_000);
    let looks = answered(&mut state, effects);
    assert_eq!(levels(&looks).len(), 2, "{looks:?}");
    let effects = later(&mut state, 10_250);
    assert_eq!(effects, []);
    press(&mut state, "1");
    assert_eq!(later(&mut state, 60_000), [], "nobody looks");
    for target in [story::endpoint(), story::aws()] {
        let mut state = opened("j\n");
        update(&mut state, Event::Target(target));
        assert_eq!(later(&mut state, 600_000), []);
        let looks = keyed(&mut state, "r");
        assert_eq!(levels(&looks), [(ROOT, None)], "by its key, the level that is selected");
    }
}

#[test]
fn an_object_is_looked_into_by_enter_and_on_the_embedded_endpoint_by_itself() {
    let mut state = opened("");
    let looks = keyed(&mut state, "jjjj");
    assert_eq!(looks, [Look::Peek { bucket: BUCKET.to_owned(), key: "notes.json".to_owned() }]);
    assert!(screen(&mut state, 140, 45).contains("\"dataset\": \"DhoTdbmBHm3DfBWL\""));
    let mut state = story::landing();
    update(&mut state, Event::Target(story::aws()));
    assert_eq!(keyed(&mut state, "6jjjj").len(), 2, "the root and its uploads");
    let text = screen(&mut state, 140, 45);
    assert!(text.contains("Enter reads how it begins, 16 KiB at the most"), "{text}");
    assert_eq!(keyed(&mut state, "\n").len(), 1);
    assert!(screen(&mut state, 140, 45).contains("tags stage=vaulted"));
    assert_eq!(keyed(&mut state, "\n"), [], "the second Enter goes to it");
    press(&mut state, "\u{1b}");
    assert!(screen(&mut state, 140, 45).contains("▸6 Objects"), "Esc comes back from it first");
}

#[test]
fn names_are_searched_for_and_uris_are_copied() {
    let mut state = opened("j\n");
    press(&mut state, "g/manifest\n");
    let uri = format!("s3://{BUCKET}/{ROOT}DhoTdbmBHm3DfBWL.manifest");
    assert!(press(&mut state, "y").contains(&Effect::Copy(uri)));
    press(&mut state, "n");
    assert!(screen(&mut state, 140, 45).contains("no further hit"));
    press(&mut state, "h");
    assert!(press(&mut state, "y").contains(&Effect::Copy(format!("s3://{BUCKET}/{ROOT}"))), "out of it");
    press(&mut state, "hh");
    assert!(press(&mut state, "y").contains(&Effect::Copy(format!("s3://{BUCKET}"))));
    press(&mut state, "ll");
    assert!(press(&mut state, "y").contains(&Effect::Copy(format!("s3://{BUCKET}/{ROOT}"))), "into it");
}

#[test]
fn a_bucket_goes_with_its_stack() {
    let mut state = opened("j\n");
    let gone = StackSeen::gone(story::STACK);
    update(&mut state, Event::Flows(vec![story::at(200_000, Seen::Stack(gone))]));
    let text = screen(&mut state, 80, 24);
    assert!(text.contains("no stack with a bucket was seen yet"), "{text}");
    assert_eq!(keyed(&mut state, "jkGg\nhlryn"), []);
}

#[test]
fn a_replay_shows_what_was_read_then_and_reads_nothing() {
    let mut state = State::replaying(story::setup());
    let recorded = |state: &mut State, event| update(state, Event::Replayed(Box::new(event)));
    recorded(&mut state, Event::Flows(story::deployed()));
    recorded(&mut state, super::key(crossterm::event::KeyCode::Char('6')));
    let (bucket, prefix) = (BUCKET.to_owned(), String::new());
    let look = Look::Level { bucket, prefix, after: None, pages: 1 };
    assert_eq!(recorded(&mut state, Event::Found { found: answer(&look), look }), []);
    assert!(screen(&mut state, 80, 24).contains("notes.json"));
    assert_eq!(press(&mut state, "jjjj\nr"), []);
    assert!(screen(&mut state, 80, 24).contains("this is a replay"));
}

#[test]
fn a_level_of_which_nothing_was_opened_has_no_figures() {
    let folders = vec![ROOT.to_owned(), "archives/".to_owned()];
    let mut state = story::landing();
    let effects = press(&mut state, "6");
    let asked: Vec<Look> = effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Look(look @ Look::Level { .. }) => Some(look),
            _ => None,
        })
        .collect();
    let [look] = asked.as_slice() else { panic!("{asked:?}") };
    let level = Level { folders, ..Level::default() };
    update(&mut state, Event::Found { look: look.clone(), found: Ok(Found::Level(level)) });
    for (width, height) in [(80, 24), (140, 45)] {
        let shown = screen(&mut state, width, height);
        assert!(!shown.contains('≥') && !shown.contains("0 objects"), "{shown}");
        assert!(shown.contains("folders that were never opened"), "{shown}");
    }
    // One of them is opened: what it holds is known, and what the other one holds is not.
    let effects = press(&mut state, "j\n");
    answered(&mut state, effects);
    let shown = screen(&mut state, 140, 45);
    assert!(shown.contains("≥ 3 objects"), "{shown}");
}
