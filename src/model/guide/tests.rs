use super::*;
use crate::model::flow::{ExecutionSeen, GatewayStep, JobReport, LogLine, UploadItem};
use crate::model::{SetId, Timestamp};

fn facts() -> Facts {
    Facts {
        target: "the embedded endpoint".to_owned(),
        account: Some("000000000000".to_owned()),
        stack: "S".to_owned(),
        has_screens: true,
        gateways: Some(Gateways::default()),
        flags: "--endpoint-url http://127.0.0.1:4566".to_owned(),
        ..Facts::default()
    }
}

fn deployed() -> Facts {
    Facts { status: Some("CREATE_COMPLETE".to_owned()), bucket: Some("b-1".to_owned()), ..facts() }
}

fn see(guide: &mut Guide, what: Seen) {
    guide.see(&FlowEvent { at: Timestamp::default(), what });
}

fn line(guide: &mut Guide, role: LogRole) {
    let line = LogLine { role, event_id: "1".to_owned(), message: String::new(), upload: None };
    see(guide, Seen::Log(line));
}

fn state(guide: &Guide, facts: &Facts, id: &str) -> (StepState, String) {
    let report = guide.report(facts);
    let step = report.iter().flat_map(|module| &module.steps).find(|step| step.id == id);
    step.map_or_else(|| panic!("step {id}"), |step| (step.state, step.why.clone()))
}

#[test]
fn steps_are_numbered_by_their_modules_and_say_what_to_do() {
    for (at, module) in MODULES.iter().enumerate() {
        for (place, step) in module.steps.iter().enumerate() {
            assert_eq!(step.id, format!("{}.{}", at + 1, place + 1));
            assert!(!step.what.is_empty() && !step.hint.is_empty() && !step.title.is_empty(), "{}", step.id);
            assert!(!step.what.contains("  "), "{}", step.what);
        }
    }
}

#[test]
fn what_was_done_once_stays_done_until_the_guide_begins_anew() {
    let mut guide = Guide::default();
    guide.settle(&facts());
    assert_eq!(state(&guide, &facts(), "2.1").0, StepState::Done);
    assert_eq!(state(&guide, &facts(), "3.1"), (StepState::Open, "there is no stack S".to_owned()));
    guide.settle(&deployed());
    assert_eq!(state(&guide, &deployed(), "3.1"), (StepState::Done, "S is in CREATE_COMPLETE".to_owned()));
    assert_eq!(state(&guide, &deployed(), "7.2").0, StepState::Open);
    guide.settle(&facts());
    assert_eq!(state(&guide, &facts(), "3.1").0, StepState::Done, "it was deployed");
    assert_eq!(state(&guide, &facts(), "7.2"), (StepState::Done, "S is gone".to_owned()));
    guide.reset();
    guide.settle(&facts());
    assert_eq!(state(&guide, &facts(), "3.1").0, StepState::Open);
    assert_eq!(state(&guide, &facts(), "7.2"), (StepState::Open, "there was no stack yet".to_owned()));
}

#[test]
fn one_step_is_next_and_reading_is_ticked() {
    let mut guide = Guide::default();
    guide.settle(&facts());
    let next = |guide: &Guide| {
        let report = guide.report(&facts());
        let next: Vec<_> =
            report.iter().flat_map(|module| &module.steps).filter(|step| step.state == StepState::Next).collect();
        assert_eq!(next.len(), 1);
        next[0].id
    };
    assert_eq!(next(&guide), "1.1");
    assert!(guide.tick("1.1", &facts()) && guide.tick("1.2", &facts()));
    assert_eq!(next(&guide), "2.3", "what is found to be done is passed over");
    assert!(guide.tick("1.1", &facts()), "and taken back");
    assert_eq!(next(&guide), "1.1");
    assert!(!guide.tick("3.1", &facts()), "it is not for the user to say");
    assert!(!guide.tick("2.1", &facts()), "it is done");
    assert!(!guide.tick("9.9", &facts()));
    assert!(guide.tick("5.1", &facts()), "nothing here tells, so the user may");
}

#[test]
fn a_gateway_goes_from_appliance_to_share() {
    let guide = Guide::default();
    let of = |gateways: Gateways| Facts { gateways: Some(gateways), ..deployed() };
    let mut known = Gateways { appliances: 1, ..Gateways::default() };
    assert_eq!(state(&guide, &of(known.clone()), "3.3").1, "there is 1 appliance");
    assert_eq!(state(&guide, &of(known.clone()), "4.1").1, "no gateway is activated");
    known.gateways = vec!["cdk-app".to_owned()];
    assert_eq!(state(&guide, &of(known.clone()), "4.2").1, "there is neither a cache nor a share");
    known.caches = 1;
    known.shares = vec![GatewayShare { name: "s".to_owned(), state: "CREATING".to_owned(), ..GatewayShare::default() }];
    assert_eq!(state(&guide, &of(known.clone()), "4.2").1, "share s is CREATING");
    known.shares[0].state = "AVAILABLE".to_owned();
    assert_eq!(state(&guide, &of(known.clone()), "4.2").1, "share s announces no uploads");
    known.shares[0].announces = true;
    assert_eq!(state(&guide, &of(known.clone()), "4.2").0, StepState::Done);
    assert_eq!(state(&guide, &of(known.clone()), "4.3").0, StepState::Unknown);
    (known.shares[0].files, known.shares[0].folder) = (3, "/tmp/share".to_owned());
    assert_eq!(state(&guide, &of(known.clone()), "4.3").1, "3 files lie on share s");
    assert_eq!(state(&guide, &of(known.clone()), "5.1").0, StepState::Done);
    let report = guide.report(&of(known.clone()));
    assert_eq!(report[4].steps[1].command.as_deref(), Some("vaultscope vault -s sourcedata -t /tmp/share"));
    assert_eq!(report[5].steps[0].aws.as_deref(), Some("aws s3 ls s3://b-1 --recursive --summarize"));
    let mut guide = guide;
    guide.settle(&of(known));
    assert_eq!(state(&guide, &deployed(), "7.1"), (StepState::Done, "the gateway is gone".to_owned()));
}

#[test]
fn a_target_that_tells_of_no_gateways_leaves_them_to_the_user() {
    let mut guide = Guide::default();
    let aws = Facts { gateways: None, target: "AWS".to_owned(), ..deployed() };
    for id in ["3.3", "4.1", "4.2", "4.3", "7.1"] {
        assert_eq!(state(&guide, &aws, id).0, StepState::Unknown, "{id}");
        assert!(guide.tick(id, &aws), "{id}");
        assert_eq!(state(&guide, &aws, id), (StepState::Done, "you said so".to_owned()), "{id}");
    }
}

#[test]
fn the_simulated_gateway_stands_in() {
    let mut guide = Guide::default();
    let job = |state| JobReport { set_id: "s".into(), keys: 9, bytes: 1, state, route: None };
    see(&mut guide, Seen::Job(job(JobState::Started)));
    for id in ["3.3", "4.1", "4.2", "4.3", "5.1"] {
        assert_eq!(state(&guide, &deployed(), id).0, StepState::Done, "{id}");
    }
    assert_eq!(state(&guide, &deployed(), "5.2").0, StepState::Open);
    see(&mut guide, Seen::Job(job(JobState::Finished)));
    assert_eq!(state(&guide, &deployed(), "5.2").0, StepState::Done);
    assert_eq!(state(&guide, &deployed(), "7.1").0, StepState::Done);
}

#[test]
fn what_arrives_has_to_be_looked_at_where_somebody_can() {
    let mut guide = Guide::default();
    let set: SetId = "s".into();
    guide.look(Screen::Logs);
    assert_eq!(state(&guide, &deployed(), "6.2").1, "both log groups are empty", "an empty screen shows nothing");
    line(&mut guide, LogRole::DataFileUpload);
    assert_eq!(state(&guide, &deployed(), "6.2").1, "the manifest's line is still to come");
    line(&mut guide, LogRole::ManifestFileUpload);
    let step = GatewayStep {
        set_id: set.clone(),
        step: GatewayStepKind::Notified,
        object_key: "k".to_owned(),
        object_size: 1,
        modified: None,
    };
    see(&mut guide, Seen::Gateway(step));
    let item = UploadItem {
        set_id: set.clone(),
        object_key: "k".to_owned(),
        bucket_name: "b".to_owned(),
        object_size: 1,
        event_time: 0,
    };
    see(&mut guide, Seen::Item(item));
    let execution = ExecutionSeen {
        arn: "a".to_owned(),
        name: "a".to_owned(),
        set_id: Some(set),
        status: ExecutionStatus::Succeeded,
        started: Timestamp::default(),
        stopped: None,
    };
    see(&mut guide, Seen::Execution(execution));
    let headless = Facts { has_screens: false, ..deployed() };
    for (id, screen) in
        [("6.1", Screen::Objects), ("6.2", Screen::Logs), ("6.3", Screen::Table), ("6.4", Screen::Executions)]
    {
        assert_eq!(state(&guide, &headless, id).0, StepState::Unknown, "{id}");
        assert!(state(&guide, &deployed(), id).1.ends_with("wait to be looked at"), "{id}");
        guide.look(screen);
        assert_eq!(state(&guide, &deployed(), id).0, StepState::Done, "{id}");
    }
    assert_eq!(state(&guide, &deployed(), "6.5").0, StepState::Open);
    line(&mut guide, LogRole::ReconcileSuccessful);
    assert_eq!(state(&guide, &deployed(), "6.5").0, StepState::Done);
}
