//! Who may use whom, read from the sources: the table of ARCHITECTURE.md, kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each part of the library with the parts it may use; `cli` may use everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("emulator", &["model", "clock", "sim"]),
    ("sim", &["model", "clock"]),
    ("aws", &["model", "clock"]),
    ("functions", &["model"]),
    ("tui", &["model"]),
    ("s3tar", &["model", "aws"]),
    ("vault", &["model"]),
    ("deploy", &["model", "aws"]),
    ("observe", &["model", "clock", "aws", "s3tar"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that follow `prefix` in code: `crate::model::SetId` → `model`, `crate::{model, aws}` → both.
fn named_after(prefix: &str, source: &str) -> BTreeSet<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let ident = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let preceded = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
        let rest = &code[at + prefix.len()..];
        if preceded {
            continue;
        }
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.insert(ident(name.trim()));
                        name.clear();
                    }
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            names.insert(ident(name.trim()));
        } else {
            names.insert(ident(rest));
        }
    }
    names.remove("");
    names
}

fn part_of(path: &Path, root: &Path) -> String {
    let inside = path.strip_prefix(root).expect("a source below the root");
    let first = inside.components().next().expect("a component").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn parts_use_only_what_the_architecture_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut offences = Vec::new();
    let mut seen = BTreeSet::new();
    for file in &files {
        let part = part_of(file, &root);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == part) else { continue };
        seen.insert(part.clone());
        let source = fs::read_to_string(file).expect("a readable source");
        for used in named_after("crate::", &source) {
            let is_part = MAY_USE.iter().any(|(name, _)| *name == used) || used == "cli";
            if is_part && used != part && !allowed.contains(&used.as_str()) {
                offences.push(format!("{} uses {used}", file.strip_prefix(&root).expect("below root").display()));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
    assert_eq!(seen.len(), MAY_USE.len(), "a part of the table has no sources: {seen:?}");
}

#[test]
fn services_of_the_emulator_never_import_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/emulator/services");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let services: BTreeSet<String> =
        files.iter().filter(|file| file.parent() != Some(&root)).map(|file| part_of(file, &root)).collect();
    assert!(services.len() > 5, "the services were not found: {services:?}");
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.parent() != Some(&root)) {
        let own = part_of(file, &root);
        let source = fs::read_to_string(file).expect("a readable source");
        for other in named_after("services::", &source).into_iter().filter(|name| services.contains(name)) {
            if other != own {
                offences.push(format!("{} uses {other}", file.strip_prefix(&root).expect("below root").display()));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn the_reader_of_imports_sees_paths_and_groups() {
    let names = |source| named_after("crate::", source).into_iter().collect::<Vec<_>>();
    assert_eq!(names("use crate::model::{A, B};\nlet x = crate::clock::real_now();"), ["clock", "model"]);
    assert_eq!(names("use crate::{aws::{Target, x}, model};"), ["aws", "model"]);
    assert_eq!(names("// use crate::tui;\nuse othercrate::deploy;"), Vec::<String>::new());
}
