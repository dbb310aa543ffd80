//! Space-delimited patterns: `[ip, user, ..., status = 4*, bytes > 1000]`.

use super::condition::{Comparison, Operator, Scanner};

/// A field: alternatives of conditions that must all hold; no alternative at all is any value.
#[derive(Debug, Default)]
struct Field {
    alternatives: Vec<Vec<Comparison>>,
}

impl Field {
    fn holds(&self, value: &str) -> bool {
        self.alternatives.is_empty()
            || self.alternatives.iter().any(|all| all.iter().all(|comparison| comparison.holds_for_text(value)))
    }
}

/// The fields of a pattern; between the first and the second list any number may stand when there is a `...`.
#[derive(Debug, Default)]
pub struct Fields {
    head: Vec<Field>,
    tail: Option<Vec<Field>>,
}

impl Fields {
    /// Reads what stands between the brackets.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scanner = Scanner::new(text);
        let mut fields = Self::default();
        loop {
            scanner.skip_space();
            if scanner.take("...") {
                if fields.tail.replace(Vec::new()).is_some() {
                    return Err("... can stand in a pattern once".to_owned());
                }
            } else {
                let field = field(&mut scanner)?;
                fields.tail.as_mut().unwrap_or(&mut fields.head).push(field);
            }
            scanner.skip_space();
            if scanner.is_done() {
                return Ok(fields);
            }
            if !scanner.take(",") {
                return Err("a comma is missing between two fields".to_owned());
            }
        }
    }

    /// Whether a message has these fields.
    pub fn match_text(&self, message: &str) -> bool {
        let values = split(message);
        let hold =
            |fields: &[Field], values: &[&str]| fields.iter().zip(values).all(|(field, value)| field.holds(value));
        match &self.tail {
            None => values.len() == self.head.len() && hold(&self.head, &values),
            Some(tail) => {
                values.len() >= self.head.len() + tail.len()
                    && hold(&self.head, &values)
                    && hold(tail, &values[values.len() - tail.len()..])
            }
        }
    }
}

fn field(scanner: &mut Scanner<'_>) -> Result<Field, String> {
    let mut alternatives: Vec<Vec<Comparison>> = vec![Vec::new()];
    let mut first = true;
    loop {
        scanner.skip_space();
        let name = scanner.take_while(|c| c.is_alphanumeric() || "_-.$".contains(c));
        if name.is_empty() {
            return Err("a field has no name".to_owned());
        }
        scanner.skip_space();
        let comparison = match Operator::scan(scanner) {
            Some(operator) => Some(Comparison::scan(operator, scanner)?),
            None if first => None,
            None => return Err(format!("field {name} has no condition")),
        };
        first = false;
        if let (Some(all), Some(comparison)) = (alternatives.last_mut(), comparison) {
            all.push(comparison);
        }
        scanner.skip_space();
        if scanner.take("||") {
            alternatives.push(Vec::new());
        } else if !scanner.take("&&") {
            break;
        }
    }
    if alternatives.len() == 1 && alternatives[0].is_empty() {
        alternatives.clear();
    }
    Ok(Field { alternatives })
}

/// The fields of a message: words, and what stands in quotes or brackets.
fn split(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim_start();
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let closed = close.and_then(|close| rest[1..].find(close).map(|end| (&rest[1..=end], &rest[end + 2..])));
        let (field, left) =
            closed.unwrap_or_else(|| rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())));
        fields.push(field);
        rest = left.trim_start();
    }
    fields
}
