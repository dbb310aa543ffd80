//! Compiles the JSON text of an event pattern into rules, with EventBridge's own complaints.

use std::sync::Arc;

use super::address::Block;
use super::json::{self, Kind, SyntaxError, Token};
use super::matcher::{AnythingBut, Bound, Matcher};
use super::number::comparable;
use super::wildcard::{Wildcard, WildcardError};
use super::{PatternError, Rule};

/// Rules that the `$or`s of one pattern may multiply to.
const MOST_RULES: usize = 1_000;

/// Names that cannot be fields inside `$or`.
const RESERVED: &[&str] = &[
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// Objects that a pattern may nest.
const DEEPEST: usize = 100;

type Compiled<T> = Result<T, PatternError>;

/// Compiles a pattern.
pub fn compile(source: &str) -> Compiled<Vec<Rule>> {
    let read = json::tokens(source);
    let mut compiler = Compiler { source, tokens: read.list, syntax: read.error, next: 0, depth: 0 };
    if compiler.token()?.0 != Kind::ObjectStart {
        return compiler.fail("Filter is not an object");
    }
    let mut rules = Vec::new();
    compiler.object(&mut rules, "", false)?;
    for rule in &mut rules {
        rule.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    Ok(rules)
}

struct Compiler<'a> {
    source: &'a str,
    tokens: Vec<Token<'a>>,
    syntax: Option<SyntaxError>,
    next: usize,
    depth: usize,
}

impl Compiler<'_> {
    /// The next token; where the text stops being JSON, that is the complaint.
    fn token(&mut self) -> Compiled<(Kind, String)> {
        let Some(token) = self.tokens.get(self.next) else {
            let (message, at) = match &self.syntax {
                Some(error) => (error.message.clone(), error.at),
                None => ("Unexpected end-of-input".to_owned(), self.source.len()),
            };
            return Err(PatternError(format!("{message}{}", location(self.source, at))));
        };
        self.next += 1;
        Ok((token.kind, token.text.to_string()))
    }

    /// A complaint about the last token.
    fn fail<T>(&self, message: impl std::fmt::Display) -> Compiled<T> {
        let at = self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |token| token.at);
        Err(PatternError(format!("{message}{}", location(self.source, at))))
    }

    fn close(&mut self, complaint: &str) -> Compiled<()> {
        if self.token()?.0 == Kind::ObjectEnd { Ok(()) } else { self.fail(complaint) }
    }

    fn object(&mut self, rules: &mut Vec<Rule>, path: &str, in_or: bool) -> Compiled<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.fail("Pattern nests too deep");
        }
        let mut empty = true;
        loop {
            let (kind, name) = self.token()?;
            if kind == Kind::ObjectEnd {
                break;
            }
            empty = false;
            if name == "$or" {
                self.or(rules, path)?;
                continue;
            }
            if in_or && RESERVED.contains(&name.as_str()) {
                return self.fail(format!("{name} is Ruler reserved fieldName which cannot be used inside $or."));
            }
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match self.token()?.0 {
                Kind::ObjectStart => self.object(rules, &inner, in_or)?,
                Kind::ArrayStart => {
                    let matchers: Arc<[Matcher]> = self.values()?.into();
                    if rules.is_empty() {
                        rules.push(Rule::default());
                    }
                    for rule in rules.iter_mut() {
                        rule.set(&inner, Arc::clone(&matchers));
                    }
                }
                _ => return self.fail(format!("\"{name}\" must be an object or an array")),
            }
        }
        self.depth -= 1;
        if empty { self.fail("Empty objects are not allowed") } else { Ok(()) }
    }

    fn or(&mut self, rules: &mut Vec<Rule>, path: &str) -> Compiled<()> {
        let before = std::mem::take(rules);
        if self.token()?.0 != Kind::ArrayStart {
            return self.fail("It must be an Array followed with $or.");
        }
        let mut alternatives = 0;
        loop {
            match self.token()?.0 {
                Kind::ArrayEnd => break,
                Kind::ObjectStart => {
                    alternatives += 1;
                    let mut branch = if before.is_empty() { vec![Rule::default()] } else { before.clone() };
                    self.object(&mut branch, path, true)?;
                    rules.append(&mut branch);
                    if rules.len() > MOST_RULES {
                        return self
                            .fail(format!("Rule is too complex - $or makes more than {MOST_RULES} combinations"));
                    }
                }
                _ => return self.fail("Only JSON object is allowed in array of $or relationship."),
            }
        }
        if alternatives < 2 {
            return self.fail("There must have at least 2 Objects in $or relationship.");
        }
        Ok(())
    }

    fn values(&mut self) -> Compiled<Vec<Matcher>> {
        let mut matchers = Vec::new();
        loop {
            let (kind, text) = self.token()?;
            matchers.push(match kind {
                Kind::ArrayEnd => break,
                Kind::ObjectStart => self.expression()?,
                Kind::Text => match Block::single(&text) {
                    Some(address) => Matcher::Address(address),
                    None => Matcher::Text(text),
                },
                Kind::Number => Matcher::Number(comparable(&text), text),
                Kind::True | Kind::False | Kind::Null => Matcher::Literal(kind),
                _ => return self.fail("Match value must be String, number, true, false, or null"),
            });
        }
        if matchers.is_empty() { self.fail("Empty arrays are not allowed") } else { Ok(matchers) }
    }

    fn expression(&mut self) -> Compiled<Matcher> {
        const ONE_KEY: &str = "Only one key allowed in match expression";
        let (kind, name) = self.token()?;
        if kind != Kind::Name {
            return self.fail("Match expression name not found");
        }
        let matcher = match name.as_str() {
            "exactly" => Matcher::Text(self.text("exact match pattern must be a string")?),
            "prefix" => self.affix(Matcher::Prefix, Matcher::PrefixIgnoreCase, "prefix", "Prefix")?,
            "suffix" => self.affix(Matcher::Suffix, Matcher::SuffixIgnoreCase, "suffix", "Suffix")?,
            "numeric" => {
                if self.token()?.0 != Kind::ArrayStart {
                    return self.fail("Value of numeric must be an array.");
                }
                let range = self.numeric()?;
                self.close("Too many elements in numeric expression")?;
                return Ok(range);
            }
            "anything-but" => return self.anything_but(),
            "exists" => match self.token()?.0 {
                Kind::True => Matcher::Exists,
                Kind::False => Matcher::Absent,
                _ => return self.fail("exists match pattern must be either true or false."),
            },
            "cidr" => {
                let text = self.text("prefix match pattern must be a string")?;
                // A malformed block is complained about without a place.
                Matcher::Address(Block::cidr(&text).map_err(PatternError)?)
            }
            "equals-ignore-case" => {
                Matcher::IgnoreCase(self.text("equals-ignore-case match pattern must be a string")?)
            }
            "wildcard" => {
                let text = self.text("wildcard match pattern must be a string")?;
                Matcher::Wildcard(self.wildcard(&text)?)
            }
            _ => return self.fail(format!("Unrecognized match type {name}")),
        };
        self.close(ONE_KEY)?;
        Ok(matcher)
    }

    fn text(&mut self, complaint: &str) -> Compiled<String> {
        let (kind, text) = self.token()?;
        if kind == Kind::Text { Ok(text) } else { self.fail(complaint) }
    }

    fn wildcard(&self, text: &str) -> Compiled<Wildcard> {
        Wildcard::parse(text).or_else(|error| match error {
            WildcardError::Malformed(message) => self.fail(message),
            WildcardError::TooComplex => Err(PatternError(
                "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character".to_owned(),
            )),
        })
    }

    fn affix(
        &mut self,
        plain: fn(String) -> Matcher,
        ignoring_case: fn(String) -> Matcher,
        name: &str,
        title: &str,
    ) -> Compiled<Matcher> {
        let (kind, text) = self.token()?;
        match kind {
            Kind::Text => Ok(plain(text)),
            Kind::ObjectStart => {
                let (kind, operator) = self.token()?;
                if kind != Kind::Name {
                    return self.fail(format!("{title} expression name not found"));
                }
                if operator != "equals-ignore-case" {
                    return self.fail(format!("Unsupported {name} pattern: {operator}"));
                }
                let text = self.text("equals-ignore-case match pattern must be a string")?;
                self.close("Only one key allowed in match expression")?;
                Ok(ignoring_case(text))
            }
            _ => self.fail(format!("{name} match pattern must be a string")),
        }
    }

    fn anything_but(&mut self) -> Compiled<Matcher> {
        const TOO_MANY: &str = "Too many elements in numeric expression";
        let (mut kind, mut text) = self.token()?;
        let mut operator = None;
        if kind == Kind::ObjectStart {
            let (name_kind, name) = self.token()?;
            if name_kind != Kind::Name {
                return self.fail("Anything-But expression name not found");
            }
            if !["equals-ignore-case", "prefix", "suffix", "wildcard"].contains(&name.as_str()) {
                return self.fail(format!("Unsupported anything-but pattern: {name}"));
            }
            operator = Some(name);
            (kind, text) = self.token()?;
        }
        let matcher = match (kind, &operator) {
            (Kind::ArrayStart, None) => self.anything_but_list()?,
            (Kind::Text, None) => AnythingBut::Texts(vec![text]),
            (Kind::Number, None) => match comparable(&text) {
                Some(number) => AnythingBut::Numbers(vec![number]),
                None => return Err(PatternError(format!("Cannot compare number : {text}"))),
            },
            (Kind::ArrayStart | Kind::Text | Kind::Number, Some(operator)) => {
                self.anything_but_set(kind, text, operator)?
            }
            _ => return self.fail("Value of anything-but must be an array or single string/number value."),
        };
        self.close(TOO_MANY)?;
        if operator.is_some() {
            self.close(TOO_MANY)?;
        }
        Ok(Matcher::AnythingBut(matcher))
    }

    /// A complaint from inside a list carries its place twice, as EventBridge's does.
    fn fail_in_list<T>(&self, message: impl std::fmt::Display) -> Compiled<T> {
        self.fail::<T>(message).or_else(|PatternError(message)| self.fail(message))
    }

    fn anything_but_list(&mut self) -> Compiled<AnythingBut> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        loop {
            let (kind, text) = self.token()?;
            match kind {
                Kind::ArrayEnd => break,
                Kind::Text => texts.push(text),
                Kind::Number => match comparable(&text) {
                    Some(number) => numbers.push(number),
                    None => return self.fail(format!("Cannot compare number : {text}")),
                },
                _ => return self.fail_in_list("Inside anything but list, start|null|boolean is not supported."),
            }
        }
        match (texts.is_empty(), numbers.is_empty()) {
            (false, true) => Ok(AnythingBut::Texts(texts)),
            (true, false) => Ok(AnythingBut::Numbers(numbers)),
            _ => self
                .fail("Inside anything but list, either all values are number or string, mixed type is not supported"),
        }
    }

    fn anything_but_set(&mut self, kind: Kind, text: String, operator: &str) -> Compiled<AnythingBut> {
        let in_list = kind == Kind::ArrayStart;
        let mut texts = Vec::new();
        let (mut kind, mut text) = if in_list { self.token()? } else { (kind, text) };
        while kind != Kind::ArrayEnd {
            let complaint = match (kind, operator) {
                (Kind::Text, "prefix" | "suffix") if text.is_empty() => Some("Null prefix/suffix not allowed"),
                (Kind::Text, _) => None,
                (_, "equals-ignore-case") => {
                    Some("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")
                }
                (_, "wildcard") => Some("wildcard match pattern must be a string"),
                _ => Some("prefix/suffix match pattern must be a string"),
            };
            match complaint {
                Some(complaint) if in_list => return self.fail_in_list(complaint),
                Some(complaint) => return self.fail(complaint),
                None => texts.push(text),
            }
            if !in_list {
                break;
            }
            (kind, text) = self.token()?;
        }
        Ok(match operator {
            "equals-ignore-case" => AnythingBut::IgnoreCase(texts),
            "prefix" => AnythingBut::Prefixes(texts),
            "suffix" => AnythingBut::Suffixes(texts),
            _ => AnythingBut::Wildcards(texts.iter().map(|text| self.wildcard(text)).collect::<Compiled<_>>()?),
        })
    }

    fn numeric(&mut self) -> Compiled<Matcher> {
        let (kind, operator) = self.token()?;
        if kind != Kind::Text {
            return self.fail(format!("Invalid member in numeric match: {operator}"));
        }
        let name = match operator.as_str() {
            "=" => "equals",
            "<" | "<=" | ">" | ">=" => operator.as_str(),
            _ => {
                // Their parser has read one token ahead by now.
                self.token()?;
                return self.fail(format!("Unrecognized numeric range operator: {operator}"));
            }
        };
        let first = self.number(name)?;
        let (kind, second_operator) = self.token()?;
        if kind == Kind::ArrayEnd {
            let value = self.value_of(&first)?;
            let open = !operator.ends_with('=');
            return Ok(match operator.as_str() {
                "=" => Matcher::Number(Some(value), first),
                "<" | "<=" => Matcher::Range { low: None, high: Some(Bound { value, open }) },
                _ => Matcher::Range { low: Some(Bound { value, open }), high: None },
            });
        }
        if !operator.starts_with('>') {
            return self.fail("Too many elements in numeric expression");
        }
        if kind != Kind::Text {
            return self.fail(format!("Bad value in numeric range: {second_operator}"));
        }
        if second_operator != "<" && second_operator != "<=" {
            return self.fail(format!("Bad numeric range operator: {second_operator}"));
        }
        let second = self.number(&second_operator)?;
        if self.token()?.0 != Kind::ArrayEnd {
            return self.fail("Too many terms in numeric range expression");
        }
        let (bottom, top) = (self.value_of(&first)?, self.value_of(&second)?);
        if bottom >= top {
            return self.fail("Bottom must be less than top");
        }
        Ok(Matcher::Range {
            low: Some(Bound { value: bottom, open: operator == ">" }),
            high: Some(Bound { value: top, open: second_operator == "<" }),
        })
    }

    fn number(&mut self, operator: &str) -> Compiled<String> {
        let (kind, text) = self.token()?;
        if kind == Kind::Number { Ok(text) } else { self.fail(format!("Value of {operator} must be numeric")) }
    }

    fn value_of(&self, text: &str) -> Compiled<f64> {
        comparable(text).map_or_else(|| self.fail(format!("Cannot compare number : {text}")), Ok)
    }
}

/// The place of a complaint, as EventBridge writes it.
fn location(source: &str, at: usize) -> String {
    /// Characters of the source that are shown.
    const SHOWN: usize = 500;
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() + 1;
    let shown: String = source.chars().take(SHOWN).collect();
    let left = source.chars().count().saturating_sub(SHOWN);
    let cut = if left > 0 { format!("[truncated {left} chars]") } else { String::new() };
    format!("\n at [Source: (String)\"{shown}\"{cut}; line: {line}, column: {column}]")
}
