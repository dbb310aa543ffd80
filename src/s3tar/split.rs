//! Which members go into which archive where one may not be larger than a limit, and what the archives are called. Pure.

use std::ops::Range;

use super::header::{BLOCK, Format};
use super::layout::END;
use super::location::Location;
use super::member::Member;
use super::toc;

/// Archives in the members' order, each as full as the limit lets it be; a member that is larger than the limit has one
/// of its own.
#[must_use]
pub fn split(members: &[Member], limit: u64, format: Format) -> Vec<Range<usize>> {
    // Header and padding of the table of contents, and the archive's end.
    const AROUND: u64 = 2 * BLOCK + END;
    let mut archives = Vec::new();
    let (mut first, mut bytes) = (0, AROUND);
    for (index, member) in members.iter().enumerate() {
        let weight = toc::weight(member, format);
        if index > first && bytes.saturating_add(weight) > limit {
            archives.push(first..index);
            (first, bytes) = (index, AROUND);
        }
        bytes = bytes.saturating_add(weight);
    }
    archives.push(first..members.len());
    archives
}

/// `archive.tar`, or `archive.01.tar`, `archive.02.tar`, … where there are several.
#[must_use]
pub fn names(archive: &Location, count: usize) -> Vec<Location> {
    if count == 1 {
        return vec![archive.clone()];
    }
    let (stem, end) = match archive.key.strip_suffix(".tar") {
        Some(stem) => (stem, ".tar"),
        None => (archive.key.as_str(), ""),
    };
    let width = count.to_string().len().max(2);
    (1..=count).map(|number| archive.at(format!("{stem}.{number:0width$}{end}"))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(sizes: &[u64]) -> Vec<Member> {
        let member = |&size| Member {
            bucket: "b".into(),
            key: "logs/x".into(),
            size,
            etag: "e".into(),
            modified: None,
            posix: None,
        };
        sizes.iter().map(member).collect()
    }

    #[test]
    fn several_archives_are_numbered_and_one_is_not() {
        let archive = Location::parse("s3://bucket/a/archive.tar", "").expect("a place");
        let keys = |count| names(&archive, count).into_iter().map(|place| place.key).collect::<Vec<_>>();
        assert_eq!(keys(1), ["a/archive.tar"]);
        assert_eq!(keys(2), ["a/archive.01.tar", "a/archive.02.tar"]);
        assert_eq!(keys(100)[8], "a/archive.009.tar");
    }

    proptest! {
        #[test]
        fn every_member_is_in_one_archive_and_only_one_alone_is_over_the_limit(
            sizes in proptest::collection::vec(0_u64..5_000, 1..80), limit in 1_000_u64..20_000,
        ) {
            let members = members(&sizes);
            let archives = split(&members, limit, Format::Pax);
            let all: Vec<usize> = archives.iter().cloned().flatten().collect();
            prop_assert_eq!(all, (0..members.len()).collect::<Vec<_>>());
            for archive in archives.iter().filter(|archive| archive.len() > 1) {
                let bytes: u64 = members[archive.clone()].iter().map(|member| {
                    super::super::header::len_of(member, Format::Pax) + member.size.next_multiple_of(512)
                }).sum();
                let front = toc::front(&members[archive.clone()], Format::Pax, 0).expect("a table").len() as u64;
                prop_assert!(front + bytes + END <= limit);
            }
        }
    }
}
