//! Paging of lists: limits, and tokens that hold what the page before ended with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::LogsError;

/// First character of what a token holds, so that chance texts are told apart.
const MARK: char = '\u{1}';

/// The page's size: `given`, or `most` without it.
///
/// # Errors
/// When it is not in `1..=most`.
pub fn limit(given: Option<i64>, most: usize) -> Result<usize, LogsError> {
    let Some(given) = given else {
        return Ok(most);
    };
    match usize::try_from(given) {
        Ok(0) | Err(_) => Err(LogsError::constraint(given, "limit", "have value greater than or equal to 1")),
        Ok(size) if size > most => {
            Err(LogsError::constraint(given, "limit", format!("have value less than or equal to {most}")))
        }
        Ok(size) => Ok(size),
    }
}

/// The token after an entry known by `last`.
pub fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{MARK}{last}"))
}

/// What a token holds.
///
/// # Errors
/// When it is none of ours.
pub fn read(token: &str) -> Result<String, LogsError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix(MARK).map(str::to_owned))
        .ok_or_else(invalid)
}

/// The refusal of a token.
pub fn invalid() -> LogsError {
    LogsError::invalid("The specified nextToken is invalid.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_others_are_refused() {
        assert_eq!(read(&token("a/b:ü")), Ok("a/b:ü".to_owned()));
        for other in ["", "x", "%%%", "YWJj"] {
            assert!(read(other).is_err(), "{other}");
        }
    }

    #[test]
    fn limits_outside_the_range_are_refused() {
        assert_eq!(limit(None, 50), Ok(50));
        assert_eq!(limit(Some(50), 50), Ok(50));
        for given in [0, -1, 51, i64::MAX] {
            assert!(limit(Some(given), 50).is_err(), "{given}");
        }
    }
}
