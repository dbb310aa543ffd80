//! The Activity page: what was called, how it went, what it costs where.

use vaultscope::model::activity::{Activity, CallRow};
use vaultscope::tui::{Effect, Event, State, TargetInfo, update};

use super::{press, screen, story};

/// A command for the embedded endpoint.
fn copied(command: &str) -> Effect {
    Effect::Copy(format!("{command} --endpoint-url http://127.0.0.1:4566 --region us-east-1"))
}

fn counted() -> State {
    let mut state = State::new(story::setup());
    update(&mut state, Event::Activity(story::activity()));
    press(&mut state, "9");
    state
}

/// The row that names an operation.
fn row(state: &mut State, width: u16, operation: &str) -> String {
    let text = screen(state, width, 40);
    text.lines().find(|line| line.contains(operation)).unwrap_or_else(|| panic!("{operation} in {text}")).to_owned()
}

#[test]
fn every_operation_is_listed_by_its_calls_with_errors_times_and_price() {
    let mut state = counted();
    let text = screen(&mut state, 120, 40);
    let places: Vec<usize> = ["PutObject", "FilterLogEvents", "Query", "GetCallerIdentity"]
        .into_iter()
        .map(|operation| text.find(operation).unwrap_or_else(|| panic!("{operation} in {text}")))
        .collect();
    assert!(places.is_sorted(), "most calls first: {text}");
    let query = row(&mut state, 120, "Query");
    for figure in ["dynamodb", "918", "✗ 31", "⚠ 31", "4 ms", "96 ms", "$0.00011"] {
        assert!(query.contains(figure), "{figure} in {query}");
    }
    assert!(row(&mut state, 120, "FilterLogEvents").contains("free"));
    // 4,974 calls; 31 throttled ones are among the 35 errors.
    for figure in ["4,974 calls", "4,974 in the last minute", "✗ 35 errors", "⚠ 31 throttled"] {
        assert!(text.contains(figure), "{figure} in {text}");
    }
}

#[test]
fn off_aws_a_price_is_what_it_would_be() {
    let mut state = counted();
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("free on this target; on AWS it would be ≈ $0.013"), "{text}");
    assert!(text.lines().any(|line| line.contains("operation") && line.contains("on AWS")), "{text}");
    assert!(!text.lines().next().is_some_and(|header| header.contains('$')), "{text}");
    update(&mut state, Event::Target(story::aws()));
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("≈ $0.013 at list price") && !text.contains("would be"), "{text}");
    let header = text.lines().next().unwrap_or_default();
    assert!(header.contains("≈ $0.013 · 4,974 calls"), "{header}");
}

#[test]
fn calls_a_minute_are_those_of_the_last_one() {
    let mut state = counted();
    update(&mut state, Event::Tick(120_000));
    assert!(screen(&mut state, 120, 40).contains("0 in the last minute"));
    let mut more = story::activity();
    more.rows[0].calls += 7;
    update(&mut state, Event::Activity(more));
    assert!(screen(&mut state, 120, 40).contains(" 7 in the last minute"));
}

#[test]
fn a_row_stays_selected_when_others_overtake_it() {
    let mut state = counted();
    press(&mut state, "jj");
    assert_eq!(press(&mut state, "y"), [copied(story::QUERY)]);
    let mut more = story::activity();
    more.rows[0].calls += 10_000;
    update(&mut state, Event::Activity(more));
    assert_eq!(press(&mut state, "y"), [copied(story::QUERY)]);
    press(&mut state, "g");
    assert_eq!(
        press(&mut state, "y"),
        [copied("aws cloudformation describe-stack-events --stack-name EventProcessingStack --no-paginate")]
    );
    press(&mut state, "G");
    assert_eq!(press(&mut state, "y"), [copied("aws sts get-caller-identity")]);
}

#[test]
fn a_narrow_screen_has_every_figure_of_the_selected_row() {
    let mut state = counted();
    press(&mut state, "jj");
    let text = screen(&mut state, 50, 40);
    for figure in ["918 calls, 18 % of all", "0 failed · ⚠ 31 throttled", "mean 4 ms, slowest 96 ms", "$0.13 a million"]
    {
        assert!(text.contains(figure), "{figure} in {text}");
    }
    press(&mut state, "\t");
    assert!(screen(&mut state, 50, 12).contains("918 calls"), "on a low screen the keys' pane is the one shown");
}

#[test]
fn before_the_first_count_the_page_says_so() {
    let mut state = State::new(story::setup());
    press(&mut state, "9jGkeEy\nz");
    assert!(screen(&mut state, 80, 24).contains("j and k select a row"));
    press(&mut state, "z\t");
    assert!(screen(&mut state, 80, 24).contains("no call was counted yet"));
}

#[test]
fn a_call_is_copied_as_the_command_that_makes_it_again() {
    let mut state = counted();
    press(&mut state, "jj");
    let text = screen(&mut state, 120, 40);
    for part in ["--key-condition-expression 'setId =", r#"'{":set":{"S":"DhoTdbmBHm3DfBWL"}}'"#, "--consistent-read"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(press(&mut state, "y"), [copied(story::QUERY)]);
    // What was told before is not told again, and is still known.
    let mut more = story::activity();
    for row in &mut more.rows {
        (row.command, row.failed_command) = (None, None);
        row.calls += 1;
    }
    update(&mut state, Event::Activity(more.clone()));
    assert_eq!(press(&mut state, "y"), [copied(story::QUERY)]);
    more.rows[1].command = Some("aws dynamodb query --table-name other".into());
    update(&mut state, Event::Activity(more));
    assert_eq!(press(&mut state, "y"), [copied("aws dynamodb query --table-name other")]);
}

#[test]
fn what_failed_last_is_copied_too() {
    let mut state = counted();
    press(&mut state, "jj");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("the last one that failed, Y copies it:") && text.contains("--table-name gone"), "{text}");
    assert_eq!(press(&mut state, "Y"), [copied("aws dynamodb query --table-name gone --no-paginate")]);
    press(&mut state, "k");
    let text = screen(&mut state, 120, 40);
    assert!(!text.contains("the last one that failed"), "the last call is the one that failed: {text}");
    let [Effect::Copy(line)] = &press(&mut state, "Y")[..] else { panic!("a copy") };
    assert!(line.starts_with("aws logs filter-log-events "), "{line}");
    press(&mut state, "G");
    assert_eq!(press(&mut state, "Y"), []);
    assert!(screen(&mut state, 120, 40).contains("no call of this operation is known to have failed"));
}

#[test]
fn a_command_names_the_target_as_it_is_called() {
    let mut state = counted();
    press(&mut state, "G");
    let identity = |place: &str| [Effect::Copy(format!("aws sts get-caller-identity {place}"))];
    let tls = TargetInfo { is_tls: true, address: "stack.example:4566".to_owned(), ..story::endpoint() };
    update(&mut state, Event::Target(tls));
    assert_eq!(press(&mut state, "y"), identity("--endpoint-url https://stack.example:4566 --region us-east-1"));
    assert!(!screen(&mut state, 120, 40).lines().next().is_some_and(|header| header.contains("https")));
    update(&mut state, Event::Target(story::aws()));
    assert_eq!(press(&mut state, "y"), identity("--profile workshop-admin --region eu-central-1"));
    assert!(screen(&mut state, 80, 24).contains("aws sts get-caller-identity --profile workshop-admin"));
}

#[test]
fn a_live_tail_is_asked_of_the_endpoint_and_not_of_a_host_of_its_own() {
    let mut state = State::new(story::setup());
    let tail = "aws logs start-live-tail --log-group-identifiers arn";
    let (service, operation) = ("logs".to_owned(), "StartLiveTail".to_owned());
    let row = CallRow { service, operation, calls: 1, command: Some(tail.into()), ..CallRow::default() };
    update(&mut state, Event::Activity(Activity { rows: vec![row] }));
    assert_eq!(press(&mut state, "9y"), [copied(&format!("AWS_DISABLE_HOST_PREFIX_INJECTION=true {tail}"))]);
    assert!(screen(&mut state, 120, 40).contains(" 1 call, 100 % of all"), "one call is no calls");
    update(&mut state, Event::Target(story::aws()));
    let on_aws = format!("{tail} --profile workshop-admin --region eu-central-1");
    assert_eq!(press(&mut state, "y"), [Effect::Copy(on_aws)]);
}

#[test]
fn a_command_that_is_longer_than_its_pane_is_cut_where_it_is_said_and_copied_whole() {
    let mut state = counted();
    let mut more = story::activity();
    let long = format!("aws events put-events --entries '{}'", "[{\"Detail\": \"x\"}] ".repeat(80));
    more.rows[2].command = Some(long.as_str().into());
    update(&mut state, Event::Activity(more));
    press(&mut state, "jjjj");
    for (width, height) in [(120, 40), (80, 30), (50, 40)] {
        let text = screen(&mut state, width, height);
        assert!(text.contains("rows more; y copies it whole"), "{text}");
    }
    assert_eq!(press(&mut state, "y"), [copied(&long)]);
    for (width, height) in [(80, 24), (30, 20), (12, 9), (5, 60)] {
        screen(&mut state, width, height);
    }
}

#[test]
fn what_the_last_action_called_stands_first_in_the_other_order() {
    let mut state = counted();
    press(&mut state, "jo");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("Calls by operation, latest changes first"), "{text}");
    let places = |text: &str| {
        let list = text.split("latest changes first").nth(1).unwrap_or_default().to_owned();
        ["PutObject", "PutEvents", "GetCallerIdentity", "GetQueueAttributes", "DescribeStackEvents"]
            .map(|operation| list.find(operation).unwrap_or_else(|| panic!("{operation} in {list}")))
    };
    assert!(places(&text).is_sorted(), "changes, then what reads, each the latest first: {text}");
    let [Effect::Copy(line)] = &press(&mut state, "y")[..] else { panic!("a copy") };
    assert!(line.starts_with("aws s3api put-object "), "the first row is selected: {line}");
    // A call of an action is the first row as soon as it is made, among reads that go on.
    let mut more = story::activity();
    let stack = "aws cloudformation create-change-set --stack-name EventProcessingStack";
    let (service, operation) = ("cloudformation".to_owned(), "CreateChangeSet".to_owned());
    let made = CallRow { service, operation, calls: 1, last: 20, changes: true, ..CallRow::default() };
    more.rows.insert(0, CallRow { command: Some(stack.into()), ..made });
    more.rows[4].last = 21;
    update(&mut state, Event::Activity(more));
    press(&mut state, "g");
    assert_eq!(press(&mut state, "y"), [copied(stack)]);
    press(&mut state, "o");
    assert!(screen(&mut state, 120, 40).contains("Calls by operation, most first"));
}

#[test]
fn account_numbers_of_a_command_are_masked_while_presenting() {
    let mut state = counted();
    press(&mut state, "jjjjjj\tP");
    for width in 20..140 {
        let text = screen(&mut state, width, 50);
        assert!(text.contains("get-execution-history") || width < 40, "{text}");
        assert!(!text.contains("0000"), "{width}: {text}");
    }
}
