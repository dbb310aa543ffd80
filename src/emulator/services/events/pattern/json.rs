//! Reads JSON text into a flat list of tokens, with the exact text of numbers and the place of each token.
//!
//! It never recurses, so that no depth of nesting can hurt it, and words its complaints as EventBridge does.

use std::borrow::Cow;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// A member's name.
    Name,
    Text,
    Number,
    True,
    False,
    Null,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    /// The text without quotes and escapes; a number or literal as it is written.
    pub text: Cow<'a, str>,
    /// The offset, in bytes, at which EventBridge's parser stands when it has seen this token.
    pub at: usize,
}

/// A complaint about JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    pub message: String,
    pub at: usize,
}

/// Tokens up to the end of the first value, and what follows them: nothing, or where the text went wrong.
#[derive(Debug)]
pub struct Tokens<'a> {
    pub list: Vec<Token<'a>>,
    pub error: Option<SyntaxError>,
    /// The offset behind the first value.
    pub end: usize,
}

/// Reads the first JSON value of `text`.
pub fn tokens(text: &str) -> Tokens<'_> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, tokens: Vec::new() };
    let error = reader.value().err();
    Tokens { end: reader.at, list: reader.tokens, error }
}

/// The tokens of a text that is one JSON object and nothing else.
pub fn object(text: &str) -> Option<Vec<Token<'_>>> {
    let read = tokens(text);
    let whole = read.error.is_none() && text.as_bytes()[read.end..].iter().all(u8::is_ascii_whitespace);
    (whole && read.list.first()?.kind == Kind::ObjectStart).then_some(read.list)
}

/// The same JSON without white space between its tokens; `text` must be valid.
pub fn compact(text: &str) -> String {
    let (mut out, mut in_text, mut escaped) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        if in_text {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = false,
                _ => {}
            }
        } else if !matches!(c, ' ' | '\t' | '\n' | '\r') {
            out.push(c);
            in_text = c == '"';
        }
    }
    out
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token<'a>>,
}

type Read<T> = Result<T, SyntaxError>;

impl<'a> Reader<'a> {
    fn value(&mut self) -> Read<()> {
        // Open containers: true for an object.
        let mut open: Vec<bool> = Vec::new();
        loop {
            self.skip_space();
            let first =
                self.tokens.last().is_some_and(|last| matches!(last.kind, Kind::ObjectStart | Kind::ArrayStart));
            match open.last().copied() {
                None if !self.tokens.is_empty() => return Ok(()),
                None => self.scalar_or_start(&mut open)?,
                Some(is_object) => {
                    let (close, kind) = if is_object { (b'}', Kind::ObjectEnd) } else { (b']', Kind::ArrayEnd) };
                    if self.peek() == Some(close) {
                        self.at += 1;
                        self.push(kind, "".into(), self.at);
                        open.pop();
                        continue;
                    }
                    if !first {
                        self.expect(b',', if is_object { "Object" } else { "Array" })?;
                        self.skip_space();
                    }
                    if is_object {
                        self.member_name()?;
                        let name = self.tokens.len() - 1;
                        self.scalar_or_start(&mut open)?;
                        // Their parser looks one token ahead after a name.
                        self.tokens[name].at = self.tokens[name + 1].at;
                    } else {
                        self.scalar_or_start(&mut open)?;
                    }
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn push(&mut self, kind: Kind, text: Cow<'a, str>, at: usize) {
        self.tokens.push(Token { kind, text, at });
    }

    fn fail<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(SyntaxError { message: message.into(), at: self.at })
    }

    fn unexpected<T>(&mut self, wanted: &str) -> Read<T> {
        let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
            return self.fail(format!("Unexpected end-of-input: {wanted}"));
        };
        self.at += c.len_utf8();
        self.fail(format!("Unexpected character ('{c}' (code {})): {wanted}", u32::from(c)))
    }

    fn expect(&mut self, byte: u8, container: &str) -> Read<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.unexpected(&format!("was expecting comma to separate {container} entries"))
    }

    fn member_name(&mut self) -> Read<()> {
        if self.peek() != Some(b'"') {
            return self.unexpected("was expecting double-quote to start field name");
        }
        let name = self.quoted()?;
        self.push(Kind::Name, name, self.at);
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.unexpected("was expecting a colon to separate field name and value");
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn scalar_or_start(&mut self, open: &mut Vec<bool>) -> Read<()> {
        match self.peek() {
            Some(byte @ (b'{' | b'[')) => {
                let is_object = byte == b'{';
                self.at += 1;
                self.push(if is_object { Kind::ObjectStart } else { Kind::ArrayStart }, "".into(), self.at);
                open.push(is_object);
                Ok(())
            }
            Some(b'"') => {
                let at = self.at + 1;
                let text = self.quoted()?;
                self.push(Kind::Text, text, at);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' => self.literal(),
            _ => self.unexpected(
                "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            ),
        }
    }

    fn literal(&mut self) -> Read<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$') {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        let kind = match word {
            "true" => Kind::True,
            "false" => Kind::False,
            "null" => Kind::Null,
            _ => {
                return self.fail(format!(
                    "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
                ));
            }
        };
        self.push(kind, Cow::Borrowed(word), self.at);
        Ok(())
    }

    fn number(&mut self) -> Read<()> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while reader.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                reader.at += 1;
            }
            reader.at - from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let whole = digits(self);
        if whole == 0 {
            return self.unexpected("expected digit (0-9) to follow minus sign, for valid numeric value");
        }
        if zero && whole > 1 {
            return self.fail("Invalid numeric value: Leading zeroes not allowed");
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if digits(self) == 0 {
                return self.unexpected("Decimal point not followed by a digit");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if digits(self) == 0 {
                return self.unexpected("Exponent indicator not followed by a digit");
            }
        }
        self.push(Kind::Number, Cow::Borrowed(&self.text[start..self.at]), self.at);
        Ok(())
    }

    /// Reads a quoted text, at its opening quote.
    fn quoted(&mut self) -> Read<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut copied = start;
        loop {
            match self.peek() {
                None => return self.fail("Unexpected end-of-input: was expecting closing quote for a string value"),
                Some(b'"') => {
                    let rest = &self.text[copied..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(rest),
                        Some(mut text) => {
                            text.push_str(rest);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(&self.text[copied..self.at]);
                    self.at += 1;
                    let c = self.escape()?;
                    unescaped.get_or_insert_default().push(c);
                    copied = self.at;
                }
                Some(byte) if byte < b' ' => {
                    return self.fail(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be included in string value"
                    ));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let Some(byte) = self.peek() else {
            return self.fail("Unexpected end-of-input in character escape sequence");
        };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                if (0xd800..0xdc00).contains(&high) && self.bytes[self.at..].starts_with(b"\\u") {
                    let back = self.at;
                    self.at += 2;
                    let low = self.hex()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = back;
                }
                // Half a surrogate pair is no character.
                char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => {
                self.at -= 1;
                return self.unexpected("unrecognized character escape");
            }
        })
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.fail("expected a hex-digit for character escape sequence"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_carry_the_exact_text_of_numbers() {
        let read = tokens(r#" {"a": [1.50, -2E+3, "x\n\u00e9\ud83d\ude80", null]} "#);
        assert_eq!(read.error, None);
        let texts: Vec<&str> = read.list.iter().map(|token| token.text.as_ref()).collect();
        assert_eq!(texts, ["", "a", "", "1.50", "-2E+3", "x\né🚀", "null", "", ""]);
    }

    #[test]
    fn what_is_no_json_is_named() {
        for text in [
            "",
            "{",
            "{\"a\"",
            "{\"a\":",
            "[1,",
            "[1 2]",
            "{a:1}",
            "\"open",
            "[01]",
            "[1.]",
            "[\"\\x\"]",
            "[\"\u{1}\"]",
        ] {
            assert!(tokens(text).error.is_some(), "{text}");
        }
        assert!(object("{} x").is_none());
        assert!(object("[]").is_none());
        assert!(object(" {} ").is_some());
    }

    #[test]
    fn white_space_goes_only_from_between_tokens() {
        assert_eq!(compact(r#"{ "a b" : "c \" d" , "e" : [ 1 ] }"#), r#"{"a b":"c \" d","e":[1]}"#);
    }

    proptest! {
        #[test]
        fn it_takes_what_serde_takes(text in "[\\[\\]{}\",:0-9a-z\\\\.eE+ -]{0,24}") {
            let ours = {
                let read = tokens(&text);
                read.error.is_none() && text.as_bytes()[read.end..].iter().all(u8::is_ascii_whitespace)
            };
            let theirs = match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(_) => true,
                // Magnitudes that no double holds are valid JSON all the same.
                Err(error) => error.to_string().contains("out of range"),
            };
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
