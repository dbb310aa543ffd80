//! What stands around the dashboard: no terminal at all, terminals of few colours, and programs in between.

use std::fs;

use super::dashboard::Terminal;
use super::support::{Alone, run, vaultscope, wait};

const VAULTSCOPE: &str = env!("CARGO_BIN_EXE_vaultscope");

/// The colours that were asked for: `38;2;36;41;47`, `48;5;4`.
fn colours(written: &str) -> Vec<String> {
    let sequences = written.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
    let sequences = sequences.filter(|(parts, _)| parts.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'));
    sequences
        .map(|(parts, _)| parts.to_owned())
        .filter(|parts| parts.contains("8;2;") || parts.contains("8;5;"))
        .collect()
}

#[test]
fn without_a_terminal_it_prints_plainly_what_is_there_and_names_the_headless_commands() {
    let ended = run(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.sentence().contains("vaultscope run") && ended.sentence().contains("vaultscope watch"), "{ended:?}");
    assert!(ended.stdout.contains("EventProcessingStack"), "{ended:?}");
    assert!(!ended.stdout.contains('\u{1b}'), "plain: {ended:?}");
    assert_eq!(ended.stdout, run(&["stacks"]).stdout);
    let refused = run(&["--record", "/nonexistent/session.jsonl"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.sentence().contains("--record needs a terminal"), "{refused:?}");
}

#[test]
fn a_terminal_of_sixteen_colours_is_sent_no_others() {
    for (term, theme) in [("linux", "auto"), ("xterm-16color", "auto"), ("xterm-16color", "colour-blind")] {
        let mut terminal =
            Terminal::running(&[VAULTSCOPE, "--theme", theme], &[("TERM", term), ("COLORTERM", "")], 80, 24);
        terminal.shows("EMBEDDED");
        terminal.shows("deploy the event processing stack");
        terminal.press("3");
        terminal.shows("no line yet");
        let colours = colours(&terminal.written());
        assert!(!colours.is_empty(), "{term}, {theme}");
        for colour in colours {
            let mut parts = colour.split(';').map(|part| part.parse::<u8>().expect("a number"));
            while let Some(part) = parts.next() {
                if part == 38 || part == 48 {
                    assert_eq!(parts.next(), Some(5), "{term}, {theme}: {colour}");
                    assert!(parts.next().is_some_and(|index| index < 16), "{term}, {theme}: {colour}");
                }
            }
        }
        terminal.press("\u{3}");
        terminal.ends();
    }
}

#[test]
fn no_color_is_kept_until_a_theme_is_named() {
    let env = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")];
    let mut terminal = Terminal::running(&[VAULTSCOPE], &env, 80, 24);
    terminal.shows("deploy the event processing stack");
    assert_eq!(colours(&terminal.written()), Vec::<String>::new());
    // The picker shows colours to whoever asks for them.
    terminal.press("Tj");
    terminal.is_sent("38;2;220;223;228");
    terminal.press("\u{3}");
    terminal.ends();
    let mut named = Terminal::running(&[VAULTSCOPE, "--theme", "light"], &env, 80, 24);
    named.is_sent("38;2;36;41;47");
    named.press("\u{3}");
    named.ends();
}

#[test]
fn the_terminal_is_asked_for_its_background_and_nothing_waits_for_the_answer() {
    let env = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
    let mut terminal = Terminal::running(&[VAULTSCOPE], &env, 80, 24);
    // The picture is there before the answer, and the answer is no row of keys.
    terminal.is_sent("\u{1b}]11;?");
    terminal.shows("deploy the event processing stack");
    assert!(terminal.written().contains("38;2;220;223;228"), "dark until it is known better");
    terminal.press("\u{1b}]11;rgb:ffff/ffff/dddd\u{1b}\\");
    terminal.is_sent("38;2;36;41;47");
    terminal.press("?");
    terminal.shows("Keys · j/k scroll");
    terminal.press("\u{1b}");
    terminal.shows("▸1 Flow");
    terminal.press("\u{3}");
    terminal.ends();
}

#[test]
fn it_works_under_script_and_restores_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let typescript = folder.path().join("typescript");
    let words = ["script", "-qec", VAULTSCOPE, typescript.to_str().expect("UTF-8")];
    let mut terminal = Terminal::running(&words, &[("TERM", "xterm-256color")], 100, 30);
    terminal.shows("deploy the event processing stack");
    terminal.press("2");
    terminal.shows("deploys the stack");
    terminal.press("qq");
    terminal.is_sent("\u{1b}[?1049l");
    terminal.ends();
    let kept = fs::read(&typescript).expect("a typescript");
    assert!(String::from_utf8_lossy(&kept).contains("EMBEDDED"));
}

#[test]
fn keys_and_colours_come_from_the_configuration_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    fs::write(&file, "theme = \"high-contrast\"\nmouse = true\n[keys]\nshow-stacks = \"b\"\n").expect("written");
    let config = file.to_str().expect("UTF-8");
    let env = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
    let mut terminal = Terminal::running(&[VAULTSCOPE, "--config", config, "--present"], &env, 120, 40);
    terminal.shows(" b Stacks ");
    assert!(terminal.written().contains("48;2;0;0;0"), "its own ground");
    terminal.is_sent("\u{1b}[?1006h");
    // A click on the tab of the table, as xterm tells of it.
    let tabs = terminal.text();
    let column = tabs.lines().nth(1).and_then(|line| line.find("4 Table")).expect("a tab") + 1;
    terminal.press(&format!("\u{1b}[<0;{column};2M\u{1b}[<0;{column};2m"));
    terminal.shows("Reconcile");
    terminal.press("b");
    terminal.shows("▸b Stacks");
    terminal.shows("••••••••••••");
    terminal.press("\u{3}");
    terminal.ends();

    fs::write(&file, "[keys]\nzoom = \"Z\"\ndeploy = \"s\"\n").expect("written");
    let refused = run(&["--config", config, "stacks"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = refused.sentence();
    assert!(said.contains(config) && said.contains("line 3") && said.contains("that of start-job; choose"), "{said}");
    let mut command = vaultscope(&["stacks", "--config"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/config.toml"));
    let sample = wait(command.spawn().expect("the binary starts"));
    assert_eq!(sample.code, Some(0), "{sample:?}");
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
