//! An event as patterns see it: its leaves by path, each with the array elements that it stands in.

use std::borrow::Cow;

use super::json::{self, Kind, Token};
use super::number::comparable;

/// Array elements, as (array, index), ordered by array.
pub type Membership = Vec<(u32, u32)>;

/// A value that is no object and no array.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf<'a> {
    Text(Cow<'a, str>),
    /// The text, and the value where it can be compared.
    Number(Cow<'a, str>, Option<f64>),
    /// `true`, `false` or `null`.
    Literal(Kind),
}

/// A leaf with its path and place.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'a> {
    /// Names joined by dots.
    pub path: String,
    pub leaf: Leaf<'a>,
    pub membership: Membership,
}

/// An event, ready to be matched against any number of patterns.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// Ordered by path.
    fields: Vec<Field<'a>>,
}

impl<'a> Event<'a> {
    /// Reads an event; `None` when the text is no JSON object.
    pub fn parse(text: &'a str) -> Option<Self> {
        Some(Self::flatten(json::object(text)?))
    }

    fn flatten(tokens: Vec<Token<'a>>) -> Self {
        let mut flat = Flat::default();
        for token in tokens {
            flat.take(token);
        }
        let mut fields = flat.fields;
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Self { fields }
    }

    /// The leaves of one path.
    pub fn at(&self, path: &str) -> &[Field<'a>] {
        let start = self.fields.partition_point(|field| field.path.as_str() < path);
        let len = self.fields[start..].partition_point(|field| field.path == path);
        &self.fields[start..start + len]
    }
}

/// An open container: its length of path, and its number when it is an array, with the index of the next element.
enum Open {
    Object { path: usize, in_element: bool },
    Array { number: u32, index: u32, in_element: bool },
}

#[derive(Default)]
struct Flat<'a> {
    fields: Vec<Field<'a>>,
    path: String,
    open: Vec<Open>,
    membership: Membership,
    arrays: u32,
}

impl<'a> Flat<'a> {
    fn take(&mut self, token: Token<'a>) {
        match token.kind {
            Kind::Name => {
                if let Some(Open::Object { path, .. }) = self.open.last() {
                    self.path.truncate(*path);
                }
                if !self.path.is_empty() || self.open.len() > 1 {
                    self.path.push('.');
                }
                self.path.push_str(&token.text);
            }
            Kind::ObjectStart => {
                let in_element = self.enter();
                self.open.push(Open::Object { path: self.path.len(), in_element });
            }
            Kind::ArrayStart => {
                let in_element = self.enter();
                self.open.push(Open::Array { number: self.arrays, index: 0, in_element });
                self.arrays += 1;
            }
            Kind::ObjectEnd | Kind::ArrayEnd => {
                let in_element = match self.open.pop() {
                    Some(Open::Object { path, in_element }) => {
                        self.path.truncate(path);
                        in_element
                    }
                    Some(Open::Array { in_element, .. }) => in_element,
                    None => false,
                };
                if in_element {
                    self.membership.pop();
                }
            }
            Kind::Text => self.leaf(Leaf::Text(token.text)),
            Kind::Number => {
                let value = comparable(&token.text);
                self.leaf(Leaf::Number(token.text, value));
            }
            Kind::True | Kind::False | Kind::Null => self.leaf(Leaf::Literal(token.kind)),
        }
    }

    /// Enters a container: inside an array it is an element that its leaves belong to.
    fn enter(&mut self) -> bool {
        if let Some(Open::Array { number, index, .. }) = self.open.last_mut() {
            self.membership.push((*number, *index));
            *index += 1;
            return true;
        }
        false
    }

    fn leaf(&mut self, leaf: Leaf<'a>) {
        if let Some(Open::Array { index, .. }) = self.open.last_mut() {
            *index += 1;
        }
        self.fields.push(Field { path: self.path.clone(), leaf, membership: self.membership.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_found_by_path_with_the_elements_they_stand_in() {
        let event =
            Event::parse(r#"{"d":[{"a":1,"b":[{"c":"x"}]},{"a":2}],"t":["p","q"],"e.f":null}"#).expect("an event");
        let memberships: Vec<&Membership> = event.at("d.a").iter().map(|field| &field.membership).collect();
        assert_eq!(memberships, [&vec![(0, 0)], &vec![(0, 1)]]);
        assert_eq!(event.at("d.b.c")[0].membership, [(0, 0), (1, 0)]);
        assert_eq!(event.at("t").len(), 2);
        assert_eq!(event.at("e.f")[0].leaf, Leaf::Literal(Kind::Null));
        assert!(event.at("d").is_empty() && Event::parse("[1]").is_none());
    }
}
