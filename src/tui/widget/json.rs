//! JSON as rows of pieces, each with what it is: a name, a type, a value, or what stands between them. Typed JSON is
//! DynamoDB's: `{"objectSize": {"N": "65536"}}`, one attribute a row where it has room.

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthChar;

use super::super::theme::Role;
use super::text;

/// Text, and what it is.
pub(crate) type Piece = (Role, String);

/// Characters of one value that are shown; its end is told by its length.
const VALUE_CHARS: usize = 4_096;

/// An item with its types, in rows of at most `cells` columns.
pub(crate) fn typed(item: &Value, cells: usize) -> Vec<Vec<Piece>> {
    let mut writer = Writer { rows: vec![(0, Vec::new())] };
    match item {
        Value::Object(attributes) => writer.members(attributes, 0),
        other => writer.literal(other),
    }
    writer.rows.into_iter().flat_map(|(depth, pieces)| folded(depth, pieces, cells)).collect()
}

/// Rows as they are written, each with its depth.
struct Writer {
    rows: Vec<(usize, Vec<Piece>)>,
}

impl Writer {
    fn push(&mut self, role: Role, text: impl Into<String>) {
        if let Some((_, row)) = self.rows.last_mut() {
            row.push((role, text.into()));
        }
    }

    fn row(&mut self, depth: usize) {
        self.rows.push((depth, Vec::new()));
    }

    /// Names with attribute values, a row each.
    fn members(&mut self, members: &Map<String, Value>, depth: usize) {
        self.push(Role::Dim, "{");
        for (at, (name, value)) in members.iter().enumerate() {
            self.row(depth + 1);
            self.push(Role::Member, Value::from(name.as_str()).to_string());
            self.push(Role::Dim, ": ");
            self.attribute(value, depth + 1);
            if at + 1 < members.len() {
                self.push(Role::Dim, ",");
            }
        }
        if !members.is_empty() {
            self.row(depth);
        }
        self.push(Role::Dim, "}");
    }

    /// `{"N": "65536"}`; maps and lists over several rows.
    fn attribute(&mut self, value: &Value, depth: usize) {
        let typed = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        let Some((kind, inside)) = typed else { return self.literal(value) };
        self.push(Role::Dim, "{");
        self.push(Role::Type, format!("\"{kind}\""));
        self.push(Role::Dim, ": ");
        match (kind.as_str(), inside) {
            ("M", Value::Object(members)) => self.members(members, depth),
            ("L", Value::Array(values)) => {
                self.push(Role::Dim, "[");
                for (at, value) in values.iter().enumerate() {
                    self.row(depth + 1);
                    self.attribute(value, depth + 1);
                    if at + 1 < values.len() {
                        self.push(Role::Dim, ",");
                    }
                }
                if !values.is_empty() {
                    self.row(depth);
                }
                self.push(Role::Dim, "]");
            }
            (_, Value::Array(values)) => {
                self.push(Role::Dim, "[");
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        self.push(Role::Dim, ", ");
                    }
                    self.literal(value);
                }
                self.push(Role::Dim, "]");
            }
            (_, value) => self.literal(value),
        }
        self.push(Role::Dim, "}");
    }

    fn literal(&mut self, value: &Value) {
        let whole = value.to_string();
        let Some((end, _)) = whole.char_indices().nth(VALUE_CHARS) else { return self.push(Role::Literal, whole) };
        self.push(Role::Literal, &whole[..end]);
        self.push(Role::Dim, format!("… {} characters", text::count(whole.chars().count())));
    }
}

/// A row indented by its depth, and what does not fit below it, further in.
fn folded(depth: usize, pieces: Vec<Piece>, cells: usize) -> Vec<Vec<Piece>> {
    let cells = cells.max(2);
    let (first, further) = ((depth * 2).min(cells / 2), (depth * 2 + 4).min(cells / 2));
    let start = |indent: usize| vec![(Role::Dim, " ".repeat(indent))];
    let mut rows = vec![start(first)];
    let mut used = first;
    for (role, text) in pieces {
        let mut part = String::new();
        for char in text::shown(&text).chars() {
            let wide = char.width().unwrap_or(0);
            if used + wide > cells {
                if let Some(row) = rows.last_mut() {
                    row.push((role, std::mem::take(&mut part)));
                }
                rows.push(start(further));
                used = further;
            }
            used += wide;
            part.push(char);
        }
        if let Some(row) = rows.last_mut() {
            row.push((role, part));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(rows: &[Vec<Piece>]) -> Vec<String> {
        rows.iter().map(|row| row.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn an_attribute_is_a_row_with_its_type() {
        let item = json!({"setId": {"S": "a\"b"}, "objectSize": {"N": "65536"}, "ok": {"BOOL": true}});
        let rows = typed(&item, 60);
        let wanted = [
            "{",
            r#"  "setId": {"S": "a\"b"},"#,
            r#"  "objectSize": {"N": "65536"},"#,
            r#"  "ok": {"BOOL": true}"#,
            "}",
        ];
        assert_eq!(told(&rows), wanted);
        let roles: Vec<Role> = rows[2].iter().map(|(role, _)| *role).collect();
        let (dim, member, of_type, literal) = (Role::Dim, Role::Member, Role::Type, Role::Literal);
        assert_eq!(roles, [dim, member, dim, dim, of_type, dim, literal, dim, dim]);
    }

    #[test]
    fn maps_lists_and_sets_are_written_out() {
        let item =
            json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"NULL": true}]}, "e": {"M": {}}}}, "s": {"SS": ["a", "b"]}});
        let wanted = r#"{
  "m": {"M": {
    "l": {"L": [
      {"N": "1"},
      {"NULL": true}
    ]},
    "e": {"M": {}}
  }},
  "s": {"SS": ["a", "b"]}
}"#;
        assert_eq!(told(&typed(&item, 60)).join("\n"), wanted);
    }

    #[test]
    fn nothing_is_wider_than_its_room_and_nothing_is_lost() {
        let key = "grüße/日本語/".repeat(9);
        let item = json!({"objectKey": {"S": key}, "turn": {"S": "\u{202e}"}});
        for cells in 4..50 {
            let rows = told(&typed(&item, cells));
            assert!(rows.iter().all(|row| text::width(row) <= cells), "{cells}: {rows:?}");
            let all: String = rows.iter().map(|row| row.trim_start()).collect();
            assert!(all.contains(&key) || cells < 8, "{cells}: {all}");
            assert!(!all.contains('\u{202e}'));
        }
        let long = json!({"a": {"S": "x".repeat(400_000)}});
        let rows = told(&typed(&long, 80));
        assert!(rows.len() < 60 && rows.concat().contains("400,002 characters"), "{}", rows.len());
    }
}
