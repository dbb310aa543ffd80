//! The Activity page: what was called, how it went, what it costs where.

use vaultscope::tui::{Effect, Event, State, update};

use super::{press, screen, story};

const QUERY: &str = "aws dynamodb query --table-name TABLE --key-condition-expression CONDITION \
     --expression-attribute-values VALUES --endpoint-url http://127.0.0.1:4566 --region us-east-1";

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
    assert_eq!(press(&mut state, "y"), [Effect::Copy(QUERY.to_owned())]);
    let mut more = story::activity();
    more.rows[0].calls += 10_000;
    update(&mut state, Event::Activity(more));
    assert_eq!(press(&mut state, "y"), [Effect::Copy(QUERY.to_owned())]);
    press(&mut state, "g");
    assert_eq!(press(&mut state, "y"), [copied("aws cloudformation describe-stack-events --stack-name STACK")]);
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
fn a_call_is_copied_as_a_command_with_what_is_known_of_the_stack() {
    let mut state = story::landing();
    update(&mut state, Event::Activity(story::activity()));
    let wanted = "aws s3api list-objects-v2 --bucket eventprocessingstack-fileuploadbucket";
    press(&mut state, "9jjjjj");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("s3 ListObjectsV2") && text.contains(wanted), "{text}");
    assert_eq!(press(&mut state, "y"), [copied(wanted)]);
    press(&mut state, "j");
    let history = "aws stepfunctions get-execution-history --execution-arn \
         arn:aws:states:us-east-1:000000000000:execution:reconcileStateMachine:DhoTdbmBHm3DfBWL";
    assert_eq!(press(&mut state, "y"), [copied(history)]);
    press(&mut state, "kk");
    let queue = "aws sqs get-queue-attributes --queue-url QUEUE_URL --attribute-names All";
    assert_eq!(
        press(&mut state, "kky"),
        [copied(
            "aws dynamodb query --table-name \
         eventprocessingstack-fileuploadeventtable --key-condition-expression CONDITION \
         --expression-attribute-values VALUES"
        )]
    );
    assert_eq!(press(&mut state, "jy"), [copied(queue)], "of two queues none is guessed");
    update(&mut state, Event::Target(story::aws()));
    let [Effect::Copy(line)] = &press(&mut state, "Gy")[..] else { panic!("a copy") };
    assert_eq!(line, "aws sts get-caller-identity --profile workshop-admin --region eu-central-1");
    assert!(screen(&mut state, 80, 24).contains("aws sts get-caller-identity --profile workshop-admin"));
}
