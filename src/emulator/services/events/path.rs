//! The JSON paths of `InputPath` and `InputPathsMap`: `$`, `.name`, `['name']`, `[0]`, `[*]`.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    Every,
}

/// A path into an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPath(Vec<Step>);

impl InputPath {
    /// Reads a path; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, left) = after.split_at(end);
                if name.is_empty() {
                    return None;
                }
                steps.push(if name == "*" { Step::Every } else { Step::Name(name.to_owned()) });
                rest = left;
            } else {
                let after = rest.strip_prefix('[')?;
                let quote = after.chars().next().filter(|c| *c == '\'' || *c == '"');
                let (step, left) = if let Some(quote) = quote {
                    let (name, left) = after[1..].split_once(quote)?;
                    (Step::Name(name.to_owned()), left.strip_prefix(']')?)
                } else {
                    let (index, left) = after.split_once(']')?;
                    (if index == "*" { Step::Every } else { Step::Index(index.parse().ok()?) }, left)
                };
                steps.push(step);
                rest = left;
            }
        }
        Some(Self(steps))
    }

    /// What the path leads to; a list of all when a step is `*`.
    pub fn find(&self, event: &Value) -> Option<Value> {
        let mut found = vec![event];
        let mut many = false;
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| match (step, value) {
                    (Step::Name(name), value) => value.get(name).into_iter().collect(),
                    (Step::Index(index), value) => value.get(index).into_iter().collect(),
                    (Step::Every, Value::Array(entries)) => entries.iter().collect(),
                    (Step::Every, Value::Object(members)) => members.values().collect::<Vec<_>>(),
                    (Step::Every, _) => Vec::new(),
                })
                .collect();
            many |= *step == Step::Every;
        }
        if many { Some(found.into_iter().cloned().collect()) } else { found.first().map(|value| (*value).clone()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_into_an_event() {
        let event = json!({"detail": {"a-b": [{"c": 1}, {"c": 2}], "d.e": "x"}});
        let find = |path: &str| InputPath::parse(path).expect("a path").find(&event);
        assert_eq!(find("$"), Some(event.clone()));
        assert_eq!(find("$.detail.a-b[1].c"), Some(json!(2)));
        assert_eq!(find("$.detail['d.e']"), Some(json!("x")));
        assert_eq!(find("$.detail.a-b[*].c"), Some(json!([1, 2])));
        assert_eq!(find("$.nothing"), None);
        for bad in ["", "detail", "$detail", "$.", "$[x]", "$['a]", "$.a["] {
            assert!(InputPath::parse(bad).is_none(), "{bad}");
        }
    }
}
