//! Where an event stands in its group, and the ids that callers see for it.
//!
//! An id is the number `timestamp << 144 | group << 64 | sequence` in 56 decimal digits: ids are unique in the endpoint
//! and, as text or as number, ordered as the events are.

/// A place in the order of a group's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The event's timestamp, milliseconds since the epoch.
    pub millis: i64,
    /// Which event of its group it is; the first one is 1.
    pub sequence: u64,
}

/// Digits of an id.
const DIGITS: usize = 56;
/// Decimal digits that one division yields.
const STEP: u64 = 1_000_000_000_000_000_000;

impl Position {
    /// After every event.
    pub const END: Self = Self { millis: i64::MAX, sequence: u64::MAX };

    /// Before every event of that millisecond.
    pub const fn start_of(millis: i64) -> Self {
        Self { millis, sequence: 0 }
    }

    /// The place right after this one.
    pub const fn next(self) -> Self {
        Self { millis: self.millis, sequence: self.sequence.saturating_add(1) }
    }

    /// The place right before this one; sequences begin with 1, so it is the same millisecond's.
    pub const fn previous(self) -> Self {
        Self { millis: self.millis, sequence: self.sequence.saturating_sub(1) }
    }

    /// The id of the event here, in the group of that number.
    pub fn id(self, group: u64) -> String {
        let millis = u64::try_from(self.millis).unwrap_or_default() & ((1 << 48) - 1);
        // 192 bits, most significant word first; the group has the lower 32 bits of those between.
        let mut words = [millis << 16, group & u64::from(u32::MAX), self.sequence];
        let mut parts = [0_u64; 4];
        for part in parts.iter_mut().rev() {
            let mut rest = 0_u64;
            for word in &mut words {
                let dividend = u128::from(rest) << 64 | u128::from(*word);
                *word = low(dividend / u128::from(STEP));
                rest = low(dividend % u128::from(STEP));
            }
            *part = rest;
        }
        let [a, b, c, d] = parts;
        let digits = format!("{a:018}{b:018}{c:018}{d:018}");
        let leading = digits.len() - DIGITS;
        let kept = digits.bytes().take(leading).take_while(|digit| *digit == b'0').count();
        digits.get(kept..).unwrap_or_default().to_owned()
    }

    /// Reads an id of the group of that number back; `None` when it is none.
    pub fn of_id(id: &str, group: u64) -> Option<Self> {
        if !(DIGITS..=58).contains(&id.len()) {
            return None;
        }
        let mut words = [0_u64; 3];
        for digit in id.bytes() {
            let mut carry = u128::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            for word in words.iter_mut().rev() {
                let product = u128::from(*word) * 10 + carry;
                *word = low(product);
                carry = product >> 64;
            }
            if carry != 0 {
                return None;
            }
        }
        let [millis, own, sequence] = words;
        let is_own = own == group & u64::from(u32::MAX) && millis.trailing_zeros() >= 16;
        is_own.then_some(Self { millis: i64::try_from(millis >> 16).ok()?, sequence })
    }
}

/// The lower 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the lower word is what is asked for")]
const fn low(number: u128) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_56_digits_that_begin_with_its_moment() {
        let id = Position { millis: 1_687_207_000_000, sequence: 0 }.id(0);
        assert_eq!(id, "37625973404177257078761054619640224071420699738112000000");
        assert_eq!(Position { millis: 0, sequence: 1 }.id(0), format!("{:056}", 1));
    }

    proptest! {
        #[test]
        fn ids_are_read_back_and_ordered_as_their_events(
            a in 0_i64..1 << 47, b in 0_i64..1 << 47, s in any::<u64>(), t in any::<u64>(), group in 0_u64..1 << 32
        ) {
            let (a, b) = (Position { millis: a, sequence: s }, Position { millis: b, sequence: t });
            prop_assert_eq!(Position::of_id(&a.id(group), group), Some(a));
            prop_assert_eq!(Position::of_id(&a.id(group), group ^ 1), None);
            if a.id(group).len() == b.id(group).len() {
                prop_assert_eq!(a.id(group).cmp(&b.id(group)), a.cmp(&b));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*|[0-9]{50,60}") {
            let _ = Position::of_id(&text, 1);
        }
    }
}
