//! No terminal, no dashboard; and no terminal, no question.

use super::support::{Alone, run};

#[test]
fn without_a_terminal_the_headless_command_is_named() {
    let ended = run(&[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.sentence().contains("vaultscope run"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn destroying_is_never_done_unasked() {
    let alone = Alone::start(&[]);
    let deployed = alone.run(&["deploy"]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    let refused = alone.run(&["destroy"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.sentence().contains("--yes"), "{refused:?}");
    let again = alone.run(&["deploy", "--json"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.json()["stack"]["status"], "CREATE_COMPLETE", "nothing was to be changed: {again:?}");
}
