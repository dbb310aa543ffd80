//! Filter patterns: terms, space-delimited fields, and conditions on JSON.

mod condition;
mod json;
mod space;
mod terms;

use condition::Scanner;

/// A filter pattern, read once.
#[derive(Debug)]
pub enum Filter {
    /// The empty pattern.
    All,
    Terms(terms::Terms),
    Fields(space::Fields),
    Json(json::Expression),
}

impl Filter {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const LONGEST: usize = 1_024;
        if text.len() > LONGEST {
            return Err(format!("a pattern has {LONGEST} characters at the most"));
        }
        let text = text.trim();
        match text.as_bytes() {
            [] => Ok(Self::All),
            [b'{', .., b'}'] => json::parse(&text[1..text.len() - 1]).map(Self::Json),
            [b'[', .., b']'] => space::Fields::parse(&text[1..text.len() - 1]).map(Self::Fields),
            [b'{' | b'[', ..] => Err("the bracket that the pattern begins with is not closed".to_owned()),
            _ => terms::Terms::parse(Scanner::new(text)).map(Self::Terms),
        }
    }

    /// Whether a message fits.
    pub fn matches(&self, message: &str) -> bool {
        match self {
            Self::All => true,
            Self::Terms(terms) => terms.match_text(message),
            Self::Fields(fields) => fields.match_text(message),
            Self::Json(expression) => {
                message.trim_start().starts_with('{')
                    && serde_json::from_str(message).is_ok_and(|value| expression.holds(&value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, message: &str) -> bool {
        Filter::parse(pattern).unwrap_or_else(|problem| panic!("{pattern}: {problem}")).matches(message)
    }

    #[test]
    fn terms() {
        let message = "[ERROR] file a-b failed 42 times";
        for pattern in
            ["", "ERROR", "ERROR failed", "\"a-b failed\"", "?nothing ?failed", "ERROR -WARN", "%fail(ed|ure)%"]
        {
            assert!(fits(pattern, message), "{pattern}");
        }
        for pattern in ["error", "ERROR nothing", "ERROR -failed", "?x ?y", "-\"a-b\"", "%^fail%"] {
            assert!(!fits(pattern, message), "{pattern}");
        }
    }

    #[test]
    fn space_delimited_fields() {
        let message = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a HTTP/1.0" 404 1534"#;
        for pattern in [
            "[ip, id, user, time, request, status, bytes]",
            "[ip=127.*, id, user=frank, time, request=*GET*, status=4*, bytes>1000]",
            "[..., status=404 || status=500, bytes]",
            "[ip, ...]",
            "[ip, id, user, time, request, status>=400 && status<500, bytes]",
        ] {
            assert!(fits(pattern, message), "{pattern}");
        }
        for pattern in ["[ip, id]", "[..., bytes<1000]", "[ip!=127.0.0.1, ...]", "[a, b, c, d, e, f, g, h]"] {
            assert!(!fits(pattern, message), "{pattern}");
        }
    }

    #[test]
    fn conditions_on_json() {
        let message = r#"{"a":{"b":"x y","n":5},"l":[{"k":1},{"k":2}],"t":true,"z":null}"#;
        for pattern in [
            r#"{ $.a.b = "x y" }"#,
            "{ $.a.b = x* }",
            "{ $.a.n > 4 && $.a.n <= 5 }",
            "{ ($.a.n = 6) || ($.t IS TRUE) }",
            "{ $.z IS NULL }",
            "{ $.q NOT EXISTS }",
            "{ $.l[1].k = 2 }",
            "{ $.l[*].k = 2 }",
            "{ $.a.b = %^x.y$% }",
            "{ $.a.b != \"q\" }",
            "{ $['a']['n'] = 5 }",
        ] {
            assert!(fits(pattern, message), "{pattern}");
        }
        for pattern in ["{ $.a.b = \"x\" }", "{ $.a.n < 5 }", "{ $.q = 1 }", "{ $.t IS FALSE }", "{ $.t NOT EXISTS }"] {
            assert!(!fits(pattern, message), "{pattern}");
        }
        assert!(!fits("{ $.a.n = 5 }", "not json"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in [
            "{",
            "{ }",
            "{ $.a }",
            "{ $.a = }",
            "{ ($.a = 1 }",
            "{ a = 1 }",
            "[",
            "[a,,b]",
            "[..., a, ...]",
            "\"open",
            "%(%",
            "{ $.a = 1 x }",
        ] {
            assert!(Filter::parse(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_panics(pattern in "\\PC{0,40}", message in "\\PC{0,40}") {
            if let Ok(filter) = Filter::parse(&pattern) {
                filter.matches(&message);
            }
        }

        #[test]
        fn no_pattern_of_the_right_letters_panics(inner in "[$.a\\[\\]()=<>!&|\"%* 0-9INSUL-]{0,30}") {
            for pattern in [format!("{{{inner}}}"), format!("[{inner}]"), inner] {
                if let Ok(filter) = Filter::parse(&pattern) {
                    filter.matches(r#"{"a":[1,"x"]}"#);
                    filter.matches("a 1 \"b c\" [d]");
                }
            }
        }
    }
}
