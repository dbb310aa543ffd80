//! The form of a job: opened empty or with a scenario's fields, typed into, turned, refused at the field, and started.

use crossterm::event::KeyCode;
use vaultscope::tui::{Effect, JobRequest, ScenarioOffer, Setup, State, TargetInfo, update};

use super::{key, press, screen, story};

/// A scenario whose manifest comes early and whose cache is small.
fn early() -> JobRequest {
    JobRequest {
        files: 60,
        dirs: 3,
        seed: 103,
        manifest_early: true,
        copy_ms: 2_000,
        settling: Some(60),
        strict: true,
        cache: Some(500_000),
        ..JobRequest::default()
    }
}

fn setup() -> Setup {
    let offer = |name: &str, job, left_out: &[&str]| ScenarioOffer {
        name: name.to_owned(),
        about: "what it shows".to_owned(),
        load: "60 files".to_owned(),
        job,
        left_out: left_out.iter().map(|&words| words.to_owned()).collect(),
    };
    let many = ["11 other clients", "3 faults", "a stack that gives up after 5 checks"];
    let scenarios = vec![
        offer("early-manifest", Some(early()), &[]),
        offer("many-clients", Some(JobRequest::default()), &many),
        offer("of-an-old-recording", None, &[]),
    ];
    Setup { scenarios, ..story::setup() }
}

/// The Gateway page, with the stack deployed.
fn gateway() -> State {
    let mut state = State::new(setup());
    update(&mut state, vaultscope::tui::Event::Flows(story::deployed()));
    press(&mut state, "7");
    state
}

fn tap(state: &mut State, code: KeyCode, times: usize) {
    for _ in 0..times {
        assert_eq!(update(state, key(code)), []);
    }
}

/// Gives the keys to the field of that name.
fn go_to(state: &mut State, label: &str) {
    let is_there = |state: &mut State| screen(state, 100, 40).contains(&format!("▸ {label} "));
    for _ in 0..27 {
        if is_there(state) {
            return;
        }
        tap(state, KeyCode::Tab, 1);
    }
    panic!("there is no field {label}: {}", screen(state, 100, 40));
}

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (120, 40), (50, 20)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

#[test]
fn the_form_of_a_scenario_its_end_and_what_is_left_out() {
    let opened = |keys: &str| {
        let mut state = gateway();
        press(&mut state, keys);
        state
    };
    snapshots("form", || opened("e"));
    snapshots("form_end", || {
        let mut state = opened("e");
        tap(&mut state, KeyCode::BackTab, 1);
        state
    });
    snapshots("form_left_out", || opened("je"));
    snapshots("form_refused", || {
        let mut state = opened("e");
        go_to(&mut state, "Cache bytes");
        press(&mut state, "\u{8}\n");
        state
    });
}

#[test]
fn a_scenarios_fields_are_changed_and_its_dataset_is_vaulted() {
    let mut state = gateway();
    assert_eq!(press(&mut state, "e\n"), [Effect::StartJob(early())], "as it is");
    let mut state = gateway();
    assert!(press(&mut state, "e").is_empty());
    press(&mut state, "\u{8}\u{8}12");
    go_to(&mut state, "Manifest");
    press(&mut state, " xyz1");
    go_to(&mut state, "Secs per copy");
    press(&mut state, "x.25");
    go_to(&mut state, "Dataset id");
    press(&mut state, "my set-1");
    go_to(&mut state, "Upload order");
    tap(&mut state, KeyCode::Right, 1);
    go_to(&mut state, "Names");
    tap(&mut state, KeyCode::Left, 3);
    go_to(&mut state, "Strict");
    press(&mut state, "  ");
    let wanted = JobRequest {
        files: 12,
        manifest_early: false,
        copy_ms: 2_250,
        set_id: Some("my set-1".to_owned()),
        in_order: true,
        hostile_names: true,
        ..early()
    };
    assert_eq!(press(&mut state, "\n"), [Effect::StartJob(wanted)]);
    press(&mut state, "s");
    let shown = screen(&mut state, 100, 40);
    assert!(shown.contains("Start a job") && shown.contains("Files              200"), "no habit: {shown}");
}

#[test]
fn a_bad_value_is_said_at_its_field_and_goes_when_it_is_mended() {
    let mut state = gateway();
    press(&mut state, "e");
    go_to(&mut state, "Partial uploads");
    press(&mut state, "61");
    go_to(&mut state, "Offline for secs");
    assert!(press(&mut state, "\n").is_empty());
    let shown = screen(&mut state, 80, 24);
    assert!(shown.contains("▸ Partial uploads") && shown.contains("✗ Partial uploads: no more than there"), "{shown}");
    press(&mut state, "\u{8}\u{8}1");
    assert!(!screen(&mut state, 80, 24).contains('✗'));
    let wanted = JobRequest { stuck: 1, ..early() };
    assert_eq!(press(&mut state, "\n"), [Effect::StartJob(wanted)]);
}

#[test]
fn there_is_no_form_without_a_stack_a_right_or_the_fields() {
    let mut state = State::new(setup());
    press(&mut state, "7e");
    assert!(screen(&mut state, 100, 30).contains("a job needs the stack: press d on the Flow page"));
    let mut state = gateway();
    press(&mut state, "jje");
    assert!(screen(&mut state, 100, 30).contains("there is no scenario to edit"));
    let target = TargetInfo { read_only: true, ..story::setup().target };
    update(&mut state, vaultscope::tui::Event::Target(target));
    press(&mut state, "ke");
    assert!(screen(&mut state, 100, 30).contains("READ-ONLY: start vaultscope with --write to start a job"));
}

#[test]
fn a_request_of_an_older_recording_is_read_as_it_was_meant() {
    let old = r#"{"files":40,"dirs":2,"seed":5,"missing":1,"duplicates":0,"late":0,"smallest":1,"largest":9,"settling":null,"speed":100,"inOrder":true}"#;
    let read: JobRequest = serde_json::from_str(old).expect("read");
    let wanted = JobRequest {
        files: 40,
        dirs: 2,
        seed: 5,
        missing: 1,
        smallest: 1,
        largest: 9,
        in_order: true,
        ..JobRequest::default()
    };
    assert_eq!(read, wanted);
    let offer: ScenarioOffer = serde_json::from_str(r#"{"name":"n","about":"a","load":"l"}"#).expect("read");
    assert_eq!((offer.job, offer.left_out.len()), (None, 0));
}
