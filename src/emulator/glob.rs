//! Wildcards: `*` for any text in filter patterns, `*` and `?` in policies. Linear in memory, no recursion.

/// Whether `text` matches a filter pattern's word, in which `*` stands for any text.
pub fn word(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes(), false)
}

/// Whether `text` matches a policy's pattern, in which `?` stands for one character as well.
pub fn policy(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes(), true)
}

fn matches(pattern: &[u8], text: &[u8], one: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    // The last star: where it stands and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') if one => {
                p += 1;
                t += 1;
                // The rest of the same character.
                while text.get(t).is_some_and(|byte| byte & 0xC0 == 0x80) {
                    t += 1;
                }
            }
            Some(byte) if text.get(t) == Some(byte) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abbc"), ("*.html*", "/x.html?q"), ("a*b*c", "aXbXbXc"), ("", ""), ("ü*", "üx")]
        {
            assert!(word(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*c", "abb"), ("a", ""), ("", "a"), ("a?c", "abc"), ("4*", "304")] {
            assert!(!word(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_question_mark_of_a_policy_stands_for_one_character() {
        assert!(policy("a?c", "abc"));
        assert!(policy("a?c", "aüc"));
        assert!(!policy("a?c", "ac"));
        assert!(!policy("a?", "abc"));
        assert!(policy("*?*", "x"));
    }
}
