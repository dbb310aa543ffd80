//! Whole ways through the dashboard, by its keys: from the parameters to the deleted stack, through the log of a job that
//! goes on, and with an endpoint that is slow or dead.

use std::time::Duration;

use vaultscope::clock::real_now;

use super::dashboard::Terminal;
use super::support::{Alone, signal};

/// A key is answered within this, whatever the endpoint does: calls have longer to be answered.
const PROMPT: Duration = Duration::from_secs(2);

#[test]
fn from_the_parameters_to_the_trace_to_the_deleted_stack() {
    let mut terminal = Terminal::open(120, 40);
    terminal.shows("EMBEDDED");
    terminal.press("2");
    terminal.press_offered("p", "parameters");
    terminal.shows("Parameters of EventProcessingStack");
    // The third one: a comparison every 31 s.
    terminal.press("\t\t\t\u{8}\u{8}31");
    terminal.shows("~ reconcileWaitIterations");
    terminal.press("\r");
    terminal.shows("Enter deploy");
    terminal.press("\r");
    terminal.shows("CREATE_COMPLETE  35/35 resources");
    terminal.press_offered("v", "events");
    terminal.shows("Events");
    terminal.shows("✓ EventProcessingStack");
    terminal.starts_a_job();
    terminal.press("1");
    terminal.shows("Reconciliation Successful");
    terminal.press("4\t");
    terminal.press_offered("Enter", "trace");
    terminal.press("\r");
    terminal.shows("traced");
    terminal.shows("λ write");
    // With another key right behind it Esc would be Alt and that key.
    terminal.press("\u{1b}");
    terminal.shows("Items 212");
    terminal.press("2");
    // The keys are with the events still; what is deleted is the stack that is selected.
    terminal.press_offered("x", "delete");
    terminal.shows("Delete EventProcessingStack and everything in it?");
    terminal.press("y");
    terminal.shows("stack EventProcessingStack is gone");
    terminal.shows("DELETE_COMPLETE");
    terminal.press("1");
    terminal.press_offered("d", "deploy");
    terminal.shows("Enter deploy");
    terminal.press("\u{3}");
    terminal.ends();
}

/// Rows of the log that are lines of this kind.
fn lines_of(terminal: &Terminal, kind: &str) -> usize {
    terminal.text().lines().filter(|line| line.contains(&format!(" {kind} "))).count()
}

#[test]
fn a_log_is_filtered_and_followed_while_lines_come() {
    let mut terminal = Terminal::open(120, 40);
    terminal.deploys();
    terminal.starts_a_job();
    terminal.shows("Reconciliation Successful");
    terminal.press("3");
    terminal.shows("following");
    terminal.shows("✓ success");
    // Up from the end: it is not followed any more, and what comes is counted.
    terminal.press("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk");
    terminal.shows("▼");
    terminal.starts_a_job();
    terminal.shows(" new");
    terminal.press("fmanifest\r");
    terminal.shows("filter \"manifest\"");
    terminal.press("G");
    terminal.shows("following");
    // What came before the filter is filtered, and so is what comes now: the second job's manifest.
    while lines_of(&terminal, "manifest") < 2 {
        terminal.shows("manifest");
        terminal.looks();
    }
    assert_eq!(lines_of(&terminal, "data"), 0, "{}", terminal.text());
    terminal.press("f\u{1b}");
    terminal.shows(" data ");
    terminal.press("\u{3}");
    terminal.ends();
}

#[test]
fn a_slow_or_dead_endpoint_never_keeps_a_key() {
    let alone = Alone::start(&[]);
    let mut terminal = Terminal::open_with(&["--endpoint-url", &alone.url], 120, 40);
    terminal.deploys();
    let pages = [
        ("2", "Outputs"),
        ("3", "all groups"),
        ("4", "Reconcile"),
        ("5", "Executions"),
        ("6", "Bucket"),
        ("7", "Scenarios"),
        ("8", "The workshop"),
        ("9", "Calls by operation"),
        ("1", "Pipeline"),
    ];
    let answered = |terminal: &mut Terminal, when: &str| {
        for (key, title) in pages {
            let pressed = real_now();
            terminal.press(key);
            terminal.shows(title);
            assert!(pressed.elapsed() < PROMPT, "{when}: {title} came after {:?}", pressed.elapsed());
        }
    };
    // It takes connections and answers nothing.
    signal("STOP", alone.pid());
    answered(&mut terminal, "stopped");
    // What is asked of it hangs, and no key behind that does.
    terminal.press("d");
    terminal.shows("asking what would change");
    terminal.press("6r");
    answered(&mut terminal, "asked");
    terminal.shows("not answering");
    signal("CONT", alone.pid());
    signal("KILL", alone.pid());
    answered(&mut terminal, "dead");
    let pressed = real_now();
    terminal.press("\u{3}");
    terminal.ends();
    assert!(pressed.elapsed() < 5 * PROMPT, "leaving took {:?}", pressed.elapsed());
}
