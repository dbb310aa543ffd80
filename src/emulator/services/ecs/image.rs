//! Which program an image is. There are no containers here: an image is known by name and stands for the words that
//! start a local process, or it cannot be pulled.

use std::collections::BTreeMap;

use serde_json::Value;

/// What an image runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The program and its first words; never empty.
    pub program: Vec<String>,
    /// Words that follow when neither the task definition nor an override names an entry point.
    pub entry_point: Vec<String>,
}

impl Image {
    /// The words of a process: an entry point of the definition takes the place of the image's own. Where it begins with
    /// the program's own name, as `["vaultscope", "s3tar-task"]` does, that name is the program's.
    #[must_use]
    pub fn words(&self, entry_point: Option<Vec<String>>, command: Vec<String>) -> Vec<String> {
        let file_name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let own = self.program.first().map(|program| file_name(program));
        let entry_point = match entry_point.filter(|words| !words.is_empty()) {
            None => self.entry_point.clone(),
            Some(mut words) => {
                let first = file_name(&words[0]);
                if Some(&first) == own.as_ref() || NAMES.contains(&first.as_str()) && !self.entry_point.is_empty() {
                    words.remove(0);
                }
                words
            }
        };
        self.program.iter().cloned().chain(entry_point).chain(command).collect()
    }
}

/// The images of this project: their names end so.
const NAMES: [&str; 2] = ["vaultscope", "s3tar"];

/// The table of images.
#[derive(Debug, Default)]
pub struct Images {
    /// Without words: it cannot be pulled.
    registered: BTreeMap<String, Vec<String>>,
}

/// The name without registry, tag and digest: `vaultscope` of `123.dkr.ecr.x/team/vaultscope:1`.
fn name_of(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split(':').next().unwrap_or(last)
}

impl Images {
    /// What that image runs; the error says why it cannot be pulled, as Fargate words it.
    ///
    /// # Errors
    /// When the endpoint has no such image.
    pub fn resolve(&self, reference: &str) -> Result<Image, String> {
        let registered = self.registered.get(reference);
        if let Some(program) = registered.filter(|program| !program.is_empty()) {
            return Ok(Image { program: program.clone(), entry_point: Vec::new() });
        }
        let name = name_of(reference);
        if registered.is_some() || !NAMES.iter().any(|known| name.ends_with(known)) {
            return Err(format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {}: \
                 the embedded endpoint has no image of this name; give it a program with POST /_vaultscope/images",
                canonical(reference)
            ));
        }
        let this = std::env::current_exe().map_err(|error| {
            format!("CannotPullContainerError: the program of this endpoint cannot be found: {error}")
        })?;
        // The project's own image is built with this entry point.
        let entry_point = if name.ends_with("s3tar") { vec!["s3tar-task".to_owned()] } else { Vec::new() };
        Ok(Image { program: vec![this.to_string_lossy().into_owned()], entry_point })
    }

    /// The table, as `/_vaultscope/images` shows it.
    #[must_use]
    pub fn shown(&self) -> Value {
        let words =
            |program: &Vec<String>| if program.is_empty() { Value::Bool(false) } else { program.clone().into() };
        let images: Value = self.registered.iter().map(|(image, program)| (image.clone(), words(program))).collect();
        serde_json::json!({ "images": images })
    }

    /// Takes `{"image": ["program", "word", …]}`; `null` in place of the words takes an image out of the table, `false`
    /// keeps it from being pulled.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn register(&mut self, table: &Value) -> Result<(), String> {
        let table = table.as_object().ok_or("the body is no JSON object of image names")?;
        let mut changed = self.registered.clone();
        for (image, words) in table {
            if image.is_empty() {
                return Err("an image has no name".to_owned());
            }
            if words.is_null() {
                changed.remove(image);
                continue;
            }
            if words == &Value::Bool(false) {
                changed.insert(image.clone(), Vec::new());
                continue;
            }
            let words: Option<Vec<String>> =
                words.as_array().and_then(|words| words.iter().map(|word| word.as_str().map(str::to_owned)).collect());
            match words.filter(|words| words.first().is_some_and(|program| !program.is_empty())) {
                Some(words) => changed.insert(image.clone(), words),
                None => return Err(format!("image {image:?} needs a list of words, the program first")),
            };
        }
        self.registered = changed;
        Ok(())
    }
}

/// The name as a registry client writes it out: `docker.io/library/python:3`.
fn canonical(reference: &str) -> String {
    let with_tag = match reference.rsplit('/').next() {
        Some(last) if last.contains(':') || reference.contains('@') => reference.to_owned(),
        _ => format!("{reference}:latest"),
    };
    match with_tag.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => with_tag,
        Some(_) => format!("docker.io/{with_tag}"),
        None => format!("docker.io/library/{with_tag}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn names_are_read_without_registry_tag_and_digest() {
        for (reference, known) in [
            ("vaultscope", true),
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/vaultscope:1.2", true),
            ("localhost:5000/my-s3tar@sha256:00", true),
            ("python:3.12-slim", false),
            ("vaultscope/other", false),
            ("vaultscope-not:vaultscope", false),
        ] {
            assert_eq!(Images::default().resolve(reference).is_ok(), known, "{reference}");
        }
        let refused = Images::default().resolve("python:3.12").expect_err("no such image");
        assert!(refused.starts_with(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/python:3.12: "
        ));
    }

    #[test]
    fn an_entry_point_of_the_definition_takes_the_place_of_the_images() {
        let image = Image { program: texts(&["/opt/vaultscope"]), entry_point: texts(&["s3tar-task"]) };
        assert_eq!(image.words(None, texts(&["-v"])), ["/opt/vaultscope", "s3tar-task", "-v"]);
        assert_eq!(image.words(Some(texts(&["vaultscope", "emulator"])), vec![]), ["/opt/vaultscope", "emulator"]);
        assert_eq!(image.words(Some(texts(&["s3tar-task"])), vec![]), ["/opt/vaultscope", "s3tar-task"]);
        let shell = Image { program: texts(&["/bin/sh", "-e"]), entry_point: vec![] };
        assert_eq!(shell.words(Some(texts(&["sh", "-c"])), texts(&["true"])), ["/bin/sh", "-e", "-c", "true"]);
    }

    #[test]
    fn a_registered_image_can_be_taken_out_again() {
        let mut images = Images::default();
        images.register(&json!({"python:3": ["/bin/sh"]})).expect("registered");
        assert_eq!(images.resolve("python:3").expect("an image").program, ["/bin/sh"]);
        for bad in [json!([]), json!({"a": []}), json!({"a": [1]}), json!({"": ["x"]}), json!({"a": [""]})] {
            images.register(&bad).expect_err("refused");
        }
        images.register(&json!({"python:3": null})).expect("taken out");
        images.resolve("python:3").expect_err("gone");
        images.register(&json!({"a/s3tar:v1": false})).expect("kept from being pulled");
        let refused = images.resolve("a/s3tar:v1").expect_err("not there");
        assert!(refused.starts_with("CannotPullContainerError"), "{refused}");
        assert_eq!(images.shown(), json!({"images": {"a/s3tar:v1": false}}));
        images.register(&json!({"a/s3tar:v1": null})).expect("as before");
        images.resolve("a/s3tar:v1").expect("the project's own image");
    }
}
