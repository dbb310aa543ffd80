//! The walk of a listing: from a point on, below a prefix, rolled up at a delimiter. Pure, and never longer than the
//! page that it makes: a rolled-up prefix is jumped over, not walked through.

use std::ops::{Bound, ControlFlow};

/// What a walk comes by.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a, V> {
    /// Keys that share everything up to the delimiter.
    Prefix(&'a str),
    /// A key.
    Key(&'a str, &'a V),
}

/// What is asked of a listing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    pub prefix: &'a str,
    /// Empty rolls nothing up.
    pub delimiter: &'a str,
    /// Everything up to this key or rolled-up prefix was listed before.
    pub after: Option<&'a str>,
    /// Whether the key of `after` itself is looked at again: it has more versions or uploads.
    pub again: bool,
}

/// Walks what the filter lets through, until `visit` breaks; `range` gives entries in order from a bound on.
pub fn walk<'a, V: 'a, I: Iterator<Item = (&'a str, &'a V)>>(
    filter: Filter<'_>,
    range: impl Fn(Bound<&str>) -> I,
    shown: impl Fn(&V) -> bool,
    mut visit: impl FnMut(Found<'a, V>) -> ControlFlow<()>,
) {
    let Filter { prefix, delimiter, after, again } = filter;
    let mut from = match after {
        Some(after) if after >= prefix => {
            if again {
                Bound::Included(after.to_owned())
            } else {
                Bound::Excluded(after.to_owned())
            }
        }
        _ => Bound::Included(prefix.to_owned()),
    };
    'jump: loop {
        let bound = match &from {
            Bound::Included(key) => Bound::Included(key.as_str()),
            Bound::Excluded(key) => Bound::Excluded(key.as_str()),
            Bound::Unbounded => Bound::Unbounded,
        };
        for (key, value) in range(bound) {
            let Some(rest) = key.strip_prefix(prefix) else { return };
            if !shown(value) {
                continue;
            }
            let rolled = if delimiter.is_empty() { None } else { rest.find(delimiter) };
            let Some(index) = rolled else {
                if visit(Found::Key(key, value)).is_break() {
                    return;
                }
                continue;
            };
            let common = &key[..prefix.len() + index + delimiter.len()];
            if after != Some(common) && visit(Found::Prefix(common)).is_break() {
                return;
            }
            let Some(next) = successor(common) else { return };
            from = Bound::Included(next);
            continue 'jump;
        }
        return;
    }
}

/// The first text after all that begin with `prefix`; `None` when there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn list(map: &BTreeMap<String, bool>, filter: Filter<'_>, max: usize) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let mut more = false;
        walk(
            filter,
            |from| map.range::<str, _>((from, Bound::Unbounded)).map(|(key, value)| (key.as_str(), value)),
            |shown| *shown,
            |item| {
                if found.len() == max {
                    more = true;
                    return ControlFlow::Break(());
                }
                found.push(match item {
                    Found::Prefix(prefix) => format!("P{prefix}"),
                    Found::Key(key, _) => format!("K{key}"),
                });
                ControlFlow::Continue(())
            },
        );
        (found, more)
    }

    /// The same by definition: look at every key.
    fn naive(map: &BTreeMap<String, bool>, prefix: &str, delimiter: &str) -> Vec<String> {
        let mut found = Vec::new();
        for key in map.iter().filter(|(_, shown)| **shown).map(|(key, _)| key) {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            let item = match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
                Some(index) => format!("P{prefix}{}", &rest[..index + delimiter.len()]),
                None => format!("K{key}"),
            };
            if !found.contains(&item) {
                found.push(item);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn pages_joined_are_the_whole_list(
            keys in prop::collection::btree_map("[a/é\u{10FFFF}-]{1,5}", any::<bool>(), 0..40),
            prefix in "[a/]{0,2}",
            delimiter in prop::sample::select(vec!["", "/", "a", "a/", "\u{10FFFF}"]),
            page in 1_usize..4,
        ) {
            let mut all = Vec::new();
            let mut after: Option<String> = None;
            loop {
                let filter = Filter { prefix: &prefix, delimiter, after: after.as_deref(), again: false };
                let (found, more) = list(&keys, filter, page);
                after = found.last().map(|item| item[1..].to_owned());
                all.extend(found);
                if !more {
                    break;
                }
            }
            prop_assert_eq!(all, naive(&keys, &prefix, delimiter));
        }
    }

    #[test]
    fn a_prefix_is_jumped_over() {
        let map: BTreeMap<String, bool> = (0..1_000).map(|n| (format!("a/{n}"), true)).collect();
        let steps = std::cell::Cell::new(0);
        walk(
            Filter { delimiter: "/", ..Filter::default() },
            |from| {
                map.range::<str, _>((from, Bound::Unbounded)).map(|(key, value)| {
                    steps.set(steps.get() + 1);
                    (key.as_str(), value)
                })
            },
            |_| true,
            |_| ControlFlow::Continue(()),
        );
        assert!(steps.get() <= 2, "{}", steps.get());
    }
}
