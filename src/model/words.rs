//! Numbers of things, in words.

use std::fmt::Display;

/// `1 line`, `2 lines`, `1 directory`, `0 directories`.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let is_one = number == N::from(1);
    format!("{number} {}", plural(is_one, noun))
}

/// A noun, as it is said of one or of another number.
#[must_use]
pub fn plural(is_one: bool, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if is_one => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_is_no_plural() {
        for (number, noun, wanted) in [
            (0, "line", "0 lines"),
            (1, "line", "1 line"),
            (2, "line", "2 lines"),
            (1, "directory", "1 directory"),
            (3, "directory", "3 directories"),
            (3, "key", "3 keys"),
        ] {
            assert_eq!(counted::<u32>(number, noun), wanted);
        }
    }
}
