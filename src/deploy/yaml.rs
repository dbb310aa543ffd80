//! A template's text as JSON: YAML's short forms written out, every scalar a text. So two templates can be compared by
//! what they say, whoever has written them and in which notation.

use saphyr_parser::{Event, Parser, Tag};
use serde_json::{Map, Value};

/// Levels of a template at the most; CloudFormation takes far fewer.
const DEEPEST: usize = 64;

/// A collection whose end has not come.
struct Open {
    value: Collection,
    form: Option<String>,
}

enum Collection {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// Reads YAML, or JSON, which is YAML; `None` when the text is neither, or has anchors, which no template needs.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut stack: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let done = match event.ok()?.0 {
            Event::MappingStart(..) | Event::SequenceStart(..) if stack.len() >= DEEPEST => return None,
            Event::MappingStart(_, tag) => {
                stack.push(Open { value: Collection::Map(Map::new(), None), form: form(tag.as_deref()) });
                continue;
            }
            Event::SequenceStart(_, tag) => {
                stack.push(Open { value: Collection::List(Vec::new()), form: form(tag.as_deref()) });
                continue;
            }
            Event::Scalar(text, _, _, tag) => written_out(form(tag.as_deref()), Value::from(text.into_owned())),
            Event::MappingEnd | Event::SequenceEnd => {
                let open = stack.pop()?;
                let value = match open.value {
                    Collection::List(entries) => Value::Array(entries),
                    Collection::Map(members, _) => Value::Object(members),
                };
                written_out(open.form, value)
            }
            Event::Alias(_) => return None,
            _ => continue,
        };
        match stack.last_mut().map(|open| &mut open.value) {
            None => return Some(done),
            Some(Collection::List(entries)) => entries.push(done),
            Some(Collection::Map(members, key)) => match key.take() {
                Some(key) => {
                    members.insert(key, done);
                }
                None => *key = Some(done.as_str()?.to_owned()),
            },
        }
    }
    None
}

/// The function that a short form such as `!Sub` stands for.
fn form(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| tag.handle == "!")?;
    Some(match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

fn written_out(form: Option<String>, value: Value) -> Value {
    let Some(form) = form else {
        return value;
    };
    let value = match value.as_str().and_then(|text| text.split_once('.')) {
        Some((resource, attribute)) if form == "Fn::GetAtt" => Value::from(vec![resource, attribute]),
        _ => value,
    };
    Value::Object(Map::from_iter([(form, value)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_notations_say_the_same() {
        let yaml = "A: !Ref b\nB: !GetAtt c.Arn\nC: [1, true, !Sub '${d}']\nD: {}\n";
        let long = json!({
            "D": {}, "A": {"Ref": "b"}, "B": {"Fn::GetAtt": ["c", "Arn"]}, "C": ["1", "true", {"Fn::Sub": "${d}"}],
        });
        assert_eq!(read(yaml), Some(long.clone()));
        assert_eq!(read(&long.to_string()), Some(long));
    }

    #[test]
    fn what_is_no_template_is_not_read() {
        for text in ["", "a: &x 1\nb: *x\n", "a: [", "? {a: b}\n: c\n"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"[".repeat(1_000)), None);
    }
}
