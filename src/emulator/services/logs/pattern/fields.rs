//! Patterns of space-delimited fields: `[ip, user, ..., status=4* && status!=404, bytes>1000]`.
//!
//! What stands in a message between `"` or between `[` and `]` is one field. The last field of a pattern takes what is
//! left of the message.

use super::PatternError;
use super::cursor::Cursor;
use super::value::{self, Comparison};

/// One field: alternatives of comparisons that must hold together; none of them takes any text.
#[derive(Debug, Default)]
struct Field {
    alternatives: Vec<Vec<Comparison>>,
}

impl Field {
    fn matches(&self, text: &str) -> bool {
        let number = value::number(text);
        self.alternatives.is_empty()
            || self.alternatives.iter().any(|all| all.iter().all(|comparison| comparison.holds(text, number)))
    }
}

/// The fields of a pattern.
#[derive(Debug)]
pub struct Fields {
    before: Vec<Field>,
    /// What follows `...`, where there is one.
    after: Option<Vec<Field>>,
}

impl Fields {
    pub fn matches(&self, message: &str) -> bool {
        let all = |fields: &[Field], texts: &[&str]| fields.iter().zip(texts).all(|(field, text)| field.matches(text));
        let Some(after) = &self.after else {
            let texts = split(message, self.before.len());
            return texts.len() == self.before.len() && all(&self.before, &texts);
        };
        let texts = split(message, usize::MAX);
        texts.len() >= self.before.len() + after.len()
            && all(&self.before, &texts)
            && all(after, texts.get(texts.len() - after.len()..).unwrap_or_default())
    }
}

/// The fields of a message; the last one of `most` is all that is left.
fn split(message: &str, most: usize) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() && texts.len() < most {
        let (text, left) = first(rest);
        if texts.len() + 1 == most && !left.trim_start().is_empty() {
            texts.push(rest);
            break;
        }
        texts.push(text);
        rest = left.trim_start();
    }
    texts
}

fn first(text: &str) -> (&str, &str) {
    for (open, close) in [('"', '"'), ('[', ']')] {
        if let Some((inner, left)) = text.strip_prefix(open).and_then(|inner| inner.split_once(close)) {
            return (inner, left);
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// Reads `[field, …]` up to the end.
pub fn parse(mut cursor: Cursor) -> Result<Fields, PatternError> {
    cursor.expect("[")?;
    let mut fields = Fields { before: Vec::new(), after: None };
    loop {
        cursor.skip_space();
        if cursor.eat("...") {
            if fields.after.replace(Vec::new()).is_some() {
                return PatternError::syntax("there can be one ellipsis");
            }
        } else {
            let field = field(&mut cursor)?;
            fields.after.as_mut().unwrap_or(&mut fields.before).push(field);
        }
        cursor.skip_space();
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect("]")?;
    cursor.end()?;
    Ok(fields)
}

fn field(cursor: &mut Cursor) -> Result<Field, PatternError> {
    let name = name(cursor);
    let ends = |c: char| matches!(c, ',' | ']' | '&' | '|');
    let Some(first) = Comparison::read(cursor, ends)? else {
        return Ok(Field::default());
    };
    let mut alternatives = vec![vec![first]];
    loop {
        cursor.skip_space();
        let and = cursor.eat("&&");
        if !and && !cursor.eat("||") {
            return Ok(Field { alternatives });
        }
        cursor.skip_space();
        if self::name(cursor) != name {
            return PatternError::syntax(format!("the conditions of field '{name}' must all be on it"));
        }
        let Some(comparison) = Comparison::read(cursor, ends)? else {
            return PatternError::syntax("an operator is missing");
        };
        match alternatives.last_mut() {
            Some(all) if and => all.push(comparison),
            _ => alternatives.push(vec![comparison]),
        }
    }
}

fn name<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;

    const LINE: &str = "127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534";

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).expect("a valid pattern").matches(message)
    }

    #[test]
    fn fields_are_matched_by_place() {
        for pattern in [
            "[ip, user, username, timestamp, request, status, bytes]",
            "[ip=127.0.0.*, user, username, timestamp, request=*.html*, status=4*, bytes>1000]",
            "[ip, user, username, timestamp=\"10/Oct*\", request, status!=200 && status!=3*, bytes<=1534]",
            "[ip, user=Prod || user=Dev, ...]",
            "[..., status=404, bytes]",
            "[ip=%^127%, ..., bytes=1.534e3]",
            "[...]",
            "[ip, rest=*frank*]",
        ] {
            assert!(matches(pattern, LINE), "{pattern}");
        }
        for pattern in [
            "[ip, user, username, timestamp, request, status, bytes, more]",
            "[ip=10.*, ...]",
            "[..., status=404]",
            "[..., bytes<1000]",
            "[ip, user!=Prod, ...]",
        ] {
            assert!(!matches(pattern, LINE), "{pattern}");
        }
    }

    #[test]
    fn the_last_field_takes_the_rest() {
        let line = "2026-11-21T00:00:00.000Z\tb6e1-aa\tINFO a message with spaces";
        assert!(matches("[timestamp=*Z, request_id=\"*-*\", event]", line));
        assert!(matches("[timestamp, id, event=\"INFO*spaces\"]", line));
    }

    #[test]
    fn what_is_no_list_of_fields_is_refused() {
        for pattern in
            ["[", "[a", "[a]x", "[..., ...]", "[a=]", "[a=1 && b=2]", "[a=1 &&]", "[a>x]", "[a b]", "[a=%(%]"]
        {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
