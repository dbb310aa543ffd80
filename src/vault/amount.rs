//! Amounts of data as the scripts count them: a MB is 1,048,576 bytes, a GB 1,024 of those.

/// Bytes of a MB.
pub const MIB: u64 = 1 << 20;
/// Bytes of a GB.
pub const GIB: u64 = 1 << 30;

/// The largest amount that is taken: a petabyte.
const MOST: u64 = 1 << 50;

/// Bytes of an amount in GB, such as `100` or `0.5`.
///
/// # Errors
/// A sentence when it is no such amount.
pub fn gigabytes(text: &str) -> Result<u64, String> {
    amount(text, GIB)
}

/// Bytes of an amount in MB.
///
/// # Errors
/// A sentence when it is no such amount.
pub fn megabytes(text: &str) -> Result<u64, String> {
    amount(text, MIB)
}

fn amount(text: &str, unit: u64) -> Result<u64, String> {
    let wrong = || "write an amount above 0, such as 100 or 0.5".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) || fraction.len() > 12 {
        return Err(wrong());
    }
    let number = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>().map_err(|_| wrong()) };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or_default());
    let parts = number(whole)?.checked_mul(scale).and_then(|whole| whole.checked_add(number(fraction).ok()?));
    let bytes = parts.and_then(|parts| parts.checked_mul(u128::from(unit))).map(|parts| parts / scale);
    match bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(0) => Err(wrong()),
        Some(bytes) if bytes <= MOST => Ok(bytes),
        _ => Err("that is more than a petabyte".to_owned()),
    }
}

/// An amount for a person, with one digit after the point where it is not whole.
#[must_use]
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut power = 0;
    let mut unit = "bytes";
    for (index, name) in UNITS.iter().enumerate() {
        if bytes >> (10 * (index + 1)) > 0 {
            (power, unit) = (10 * (index + 1), name);
        }
    }
    let tenths = (u128::from(bytes) * 10) >> power;
    if tenths % 10 == 0 { format!("{} {unit}", tenths / 10) } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_counted_as_the_scripts_do() {
        assert_eq!(gigabytes("100"), Ok(100 * GIB));
        assert_eq!(gigabytes("0.5"), Ok(GIB / 2));
        assert_eq!(gigabytes(".25"), Ok(GIB / 4));
        assert_eq!(megabytes("220"), Ok(230_686_720));
        for wrong in ["", ".", "0", "0.0", "-1", "1e3", "1,5", "GB", "inf", "0.0000000000001", "1 "] {
            assert!(gigabytes(wrong).is_err(), "{wrong}");
        }
        for huge in ["1048577", "340282366920938463463374607431768211455", "9999999999999999999999999999999999999999"] {
            assert!(gigabytes(huge).is_err(), "{huge}");
        }
    }

    #[test]
    fn amounts_are_told_in_the_unit_that_fits() {
        for (bytes, told) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_536, "1.5 KB"),
            (MIB - 1, "1023.9 KB"),
            (100 * GIB, "100 GB"),
            (1 << 45, "32 TB"),
            (u64::MAX, "16777215.9 TB"),
        ] {
            assert_eq!(human(bytes), told);
        }
    }
}
