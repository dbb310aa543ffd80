//! Completions and manual pages name what the program has.

use crate::support::run;

#[test]
fn completions_of_every_shell_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}");
        for word in ["emulator", "replay", "endpoint-url"] {
            assert!(ended.stdout.contains(word), "{shell}: {word}");
        }
    }
    let ended = run(&["completions", "ksh"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("possible values"), "{}", ended.stderr);
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let page = run(&["man"]);
    assert_eq!(page.code, Some(0));
    assert!(page.stdout.contains(".TH vaultscope 1") && page.stdout.contains("endpoint\\-url"), "{}", page.stdout);
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("man");
    let ended = run(&["man", "--to", to.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for name in ["vaultscope.1", "vaultscope-run.1", "vaultscope-emulator.1"] {
        assert!(to.join(name).exists(), "{name}");
    }
}
