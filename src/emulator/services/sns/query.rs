//! Maps in the query protocol: `Attributes.entry.1.key`, and `MessageAttributes.entry.1.Name`.

use serde_json::{Map, Value, json};

/// Lists that stand without a wrapping element.
pub const FLATTENED: &[(&str, &str)] = &[("entry", "entry")];

/// The members that are maps.
const MAPS: [&str; 2] = ["Attributes", "MessageAttributes"];

/// Makes maps of the entries that a form has, wherever they are.
pub fn read_maps(input: &mut Value) {
    match input {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if MAPS.contains(&name.as_str())
                    && let Some(map) = map_of(member)
                {
                    *member = map;
                }
                read_maps(member);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(read_maps),
        _ => {}
    }
}

fn map_of(member: &Value) -> Option<Value> {
    // `Attributes=` is how an empty map is sent.
    if member.as_str() == Some("") {
        return Some(json!({}));
    }
    let entries = member.get("entry")?.as_array()?;
    let mut map = Map::new();
    for entry in entries {
        let part = |small: &str, large: &str| entry.get(small).or_else(|| entry.get(large));
        let key = part("key", "Name")?.as_str()?;
        map.insert(key.to_owned(), part("value", "Value").cloned().unwrap_or_default());
    }
    Some(Value::Object(map))
}

/// Makes entries of the maps in an answer.
pub fn write_maps(mut output: Value) -> Value {
    for name in MAPS {
        if let Some(Value::Object(map)) = output.get_mut(name) {
            let entries: Vec<Value> =
                std::mem::take(map).into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
            output[name] = json!({ "entry": entries });
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_a_form_become_maps_and_answers_entries() {
        let mut input = json!({
            "Attributes": {"entry": [{"key": "DisplayName", "value": "d"}]},
            "PublishBatchRequestEntries": [{"MessageAttributes": {"entry": [{"Name": "a", "Value": {"DataType": "String"}}]}}],
        });
        read_maps(&mut input);
        assert_eq!(
            input,
            json!({
                "Attributes": {"DisplayName": "d"},
                "PublishBatchRequestEntries": [{"MessageAttributes": {"a": {"DataType": "String"}}}],
            })
        );
        let output = write_maps(json!({"Attributes": {"Owner": "0"}}));
        assert_eq!(output, json!({"Attributes": {"entry": [{"key": "Owner", "value": "0"}]}}));
    }
}
