//! Numbers as event patterns compare them: exactly, or not at all.

/// The value of a decimal text, when a double holds it without loss of a digit; else `None`.
///
/// EventBridge compares a number by value only then; any other number is compared by its text.
pub fn comparable(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    let shortest = format!("{value:e}");
    // Adding zero turns -0 into 0.
    (decimal(text)? == decimal(&shortest)?).then_some(value + 0.0)
}

/// Sign, significant digits without zeros at either end, and the power of ten of the last digit.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let scale = i64::try_from(fraction.len()).ok()?;
    Some((negative, significant.to_owned(), exponent.checked_sub(scale)?.checked_add(dropped)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_numbers_compare() {
        for (text, value) in
            [("300", 300.0), ("300.0", 300.0), ("3.0e2", 300.0), ("-0", 0.0), ("1E-320", 1e-320), ("0.1", 0.1)]
        {
            assert_eq!(comparable(text), Some(value), "{text}");
        }
        for text in [
            "2.0e422",
            "1E309",
            "1E-325",
            "0.12345678901234567890123",
            "12345678901234567890123",
            "1e99999999999999999999",
        ] {
            assert_eq!(comparable(text), None, "{text}");
        }
    }
}
