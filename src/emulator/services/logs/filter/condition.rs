//! What the kinds of patterns share: a scanner, comparison operators and the values they compare with.

use regex::Regex;

/// Reads a pattern from its start to its end.
#[derive(Debug, Clone, Copy)]
pub struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes a text if it comes next.
    pub fn take(&mut self, text: &str) -> bool {
        self.rest.strip_prefix(text).map(|rest| self.rest = rest).is_some()
    }

    /// Takes a keyword, in any case, if it comes next and ends there.
    pub fn keyword(&mut self, word: &str) -> bool {
        let Some(head) = self.rest.get(..word.len()) else { return false };
        let rest = &self.rest[word.len()..];
        let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        if head.eq_ignore_ascii_case(word) && ends {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Takes characters as long as they are wanted.
    pub fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes a text in double quotes, at its opening quote.
    pub fn quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                _ => text.push(c),
            }
        }
        Err("a quote is not closed".to_owned())
    }

    /// Takes a regular expression between percent signs, at the first.
    pub fn regex(&mut self) -> Result<Regex, String> {
        /// Bytes that a compiled expression may take.
        const LARGEST: usize = 1 << 20;
        let (source, rest) =
            self.rest.get(1..).and_then(|rest| rest.split_once('%')).ok_or("a regular expression is not closed")?;
        self.rest = rest;
        regex::RegexBuilder::new(source).size_limit(LARGEST).build().map_err(|error| error.to_string())
    }
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Takes an operator if one comes next.
    pub fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        const KNOWN: [(&str, Operator); 6] = [
            ("!=", Operator::Unequal),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
        ];
        KNOWN.into_iter().find(|(text, _)| scanner.take(text)).map(|(_, operator)| operator)
    }

    fn compares(self, a: f64, b: f64) -> bool {
        match self {
            Self::Equal => a.total_cmp(&b).is_eq(),
            Self::Unequal => a.total_cmp(&b).is_ne(),
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

/// What a value is compared with.
#[derive(Debug)]
enum Operand {
    /// A number, and as it was written.
    Number(f64, String),
    /// A text that may hold `*`.
    Text(String),
    Regex(Regex),
}

/// An operator with its operand.
#[derive(Debug)]
pub struct Comparison {
    operator: Operator,
    operand: Operand,
}

impl Comparison {
    /// Reads what follows an operator.
    pub fn scan(operator: Operator, scanner: &mut Scanner<'_>) -> Result<Self, String> {
        scanner.skip_space();
        let operand = match scanner.peek() {
            Some('"') => Operand::Text(scanner.quoted()?),
            Some('%') => Operand::Regex(scanner.regex()?),
            _ => {
                let word = scanner.take_while(|c| !c.is_whitespace() && !"()&|,]}\"%=<>!".contains(c));
                match word.parse::<f64>() {
                    _ if word.is_empty() => return Err("a value is missing behind an operator".to_owned()),
                    Ok(number) if number.is_finite() => Operand::Number(number + 0.0, word.to_owned()),
                    _ => Operand::Text(word.to_owned()),
                }
            }
        };
        let ordered = !matches!(operator, Operator::Equal | Operator::Unequal);
        if ordered && !matches!(operand, Operand::Number(..)) {
            return Err("only numbers can be compared by order".to_owned());
        }
        Ok(Self { operator, operand })
    }

    /// Whether a text fits, read as a number where the operand is one.
    pub fn holds_for_text(&self, text: &str) -> bool {
        let equal = match &self.operand {
            Operand::Number(number, written) => match text.parse::<f64>() {
                Ok(value) => return self.operator.compares(value + 0.0, *number),
                Err(_) => text == written,
            },
            Operand::Text(pattern) => {
                super::super::policy::fits(&pattern.replace('?', "\u{1}"), &text.replace('?', "\u{1}"))
            }
            Operand::Regex(regex) => regex.is_match(text),
        };
        match self.operator {
            Operator::Equal => equal,
            Operator::Unequal => !equal,
            _ => false,
        }
    }

    /// Whether a number fits.
    pub fn holds_for_number(&self, value: f64, written: &str) -> bool {
        match &self.operand {
            Operand::Number(number, _) => self.operator.compares(value + 0.0, *number),
            _ => self.holds_for_text(written),
        }
    }
}
