//! Which bytes of an archive become which part of its multipart upload. Pure.
//!
//! S3's rules: every part but the last has 5 MiB to 5 GiB, and there are 10,000 at the most. A header is far smaller than
//! a part and stands between any two objects, so it has to share a part with neighbours:
//! - small objects and headers are joined in memory into parts of some MiB ([`Part::Bytes`]);
//! - a large object is copied by S3 ([`Part::Copy`]);
//! - what stands between two large objects and is less than 5 MiB is welded to the first: S3 copies the object and takes
//!   the rest as the last part of a temporary object, which is then copied as one part ([`Part::Weld`]);
//! - what stands before the first large object and is less than 5 MiB takes as many bytes of it as it lacks.

use super::error::S3TarError;
use super::header::padding;

/// The smallest part, unless it is the last.
pub const SMALLEST: u64 = 5 << 20;
/// The largest part.
pub const LARGEST: u64 = 5 << 30;
/// Parts of an upload. S3 takes one more, which marks the upload as ours; see `resume`.
pub const MOST: usize = 9_999;
/// Zeros at the end of an archive.
pub const END: u64 = 1_024;

/// Sizes of joined parts and of pieces of copies, tried one after another until the parts are few enough. Pieces leave
/// room for what is welded to them.
const SIZES: [(u64, u64); 4] = [
    (8 << 20, 1 << 30),
    (16 << 20, LARGEST - SMALLEST),
    (32 << 20, LARGEST - SMALLEST),
    (64 << 20, LARGEST - SMALLEST),
];

/// A member as far as its place goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of its header.
    pub header: u64,
    /// Bytes of its data.
    pub size: u64,
}

/// A run of the archive's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// Of the table of contents with its header and padding.
    Front {
        /// The first byte.
        start: u64,
        /// How many.
        len: u64,
    },
    /// The header of a member, whole.
    Header {
        /// Which.
        member: usize,
        /// How many bytes.
        len: u64,
    },
    /// Of an object.
    Data {
        /// Which member.
        member: usize,
        /// The first byte.
        start: u64,
        /// How many; never zero.
        len: u64,
    },
    /// Padding, or the archive's end.
    Zeros {
        /// How many.
        len: u64,
    },
}

impl Segment {
    /// Its bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match self {
            Self::Front { len, .. } | Self::Header { len, .. } | Self::Data { len, .. } | Self::Zeros { len } => *len,
        }
    }
}

/// A part of the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Joined in memory.
    Bytes(Vec<Segment>),
    /// Copied by S3.
    Copy {
        /// Which member.
        member: usize,
        /// The first byte.
        start: u64,
        /// How many.
        len: u64,
    },
    /// Copied by S3 together with a few bytes after it.
    Weld {
        /// Which member.
        member: usize,
        /// The first byte.
        start: u64,
        /// How many.
        len: u64,
        /// What follows.
        tail: Vec<Segment>,
    },
}

impl Part {
    /// Its bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(segments) => sum(segments),
            Self::Copy { len, .. } => *len,
            Self::Weld { len, tail, .. } => len + sum(tail),
        }
    }

    /// The bytes of it that are in this process's memory.
    #[must_use]
    pub fn in_memory(&self) -> u64 {
        match self {
            Self::Bytes(segments) => sum(segments),
            Self::Copy { .. } => 0,
            Self::Weld { tail, .. } => sum(tail),
        }
    }
}

fn sum(segments: &[Segment]) -> u64 {
    segments.iter().map(Segment::len).sum()
}

/// What may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Nothing is copied by S3: every byte goes through memory.
    pub in_memory: bool,
    /// Bytes of a joined part, where the user wants another size than ours.
    pub part_size: Option<u64>,
}

/// The parts of an archive whose table of contents with header and padding has `front` bytes.
///
/// # Errors
/// When there are more parts than an upload takes.
pub fn layout(front: u64, members: &[Shape], options: Options) -> Result<Vec<Part>, S3TarError> {
    let mut least = usize::MAX;
    for (target, piece) in SIZES {
        let target = options.part_size.map_or(target, |size| size.clamp(SMALLEST, LARGEST - 2 * SMALLEST));
        let parts = Layout { target, piece, in_memory: options.in_memory, ..Layout::default() }.run(front, members);
        if parts.len() <= MOST {
            return Ok(parts);
        }
        least = least.min(parts.len());
    }
    Err(S3TarError::TooMuch(format!("the archive needs {least} parts, and an upload takes {MOST}")))
}

#[derive(Debug, Default)]
struct Layout {
    target: u64,
    piece: u64,
    in_memory: bool,
    parts: Vec<Part>,
    pending: Vec<Segment>,
    held: u64,
}

impl Layout {
    fn run(mut self, front: u64, members: &[Shape]) -> Vec<Part> {
        self.pieces(front, |start, len| Segment::Front { start, len });
        for (member, shape) in members.iter().enumerate() {
            self.push(Segment::Header { member, len: shape.header });
            if self.in_memory || shape.size < SMALLEST {
                self.pieces(shape.size, |start, len| Segment::Data { member, start, len });
            } else {
                self.large(member, shape.size);
            }
            self.push(Segment::Zeros { len: padding(shape.size) });
        }
        self.push(Segment::Zeros { len: END });
        self.flush();
        self.parts
    }

    /// Adds what is not cut and is small.
    fn push(&mut self, segment: Segment) {
        if segment.len() == 0 {
            return;
        }
        self.held += segment.len();
        self.pending.push(segment);
        if self.held >= self.target {
            self.flush();
        }
    }

    /// Adds `len` bytes: whole where they are few, else cut so that no part outgrows its size.
    fn pieces(&mut self, len: u64, segment: impl Fn(u64, u64) -> Segment) {
        if len < SMALLEST {
            return self.push(segment(0, len));
        }
        let mut start = 0;
        while start < len {
            let next = (self.target - self.held).min(len - start);
            self.push(segment(start, next));
            start += next;
        }
    }

    fn flush(&mut self) {
        if self.held > 0 {
            self.parts.push(Part::Bytes(std::mem::take(&mut self.pending)));
            self.held = 0;
        }
    }

    fn large(&mut self, member: usize, size: u64) {
        let mut start = 0;
        if self.held >= SMALLEST {
            self.flush();
        } else if self.held > 0 {
            match self.parts.last_mut() {
                Some(Part::Bytes(segments)) => segments.append(&mut self.pending),
                Some(part) => {
                    let tail = std::mem::take(&mut self.pending);
                    if let Part::Copy { member, start, len } = *part {
                        *part = Part::Weld { member, start, len, tail };
                    } else {
                        // Only a copy can stand before a few bytes: whatever was welded is followed by a copy.
                        self.parts.push(Part::Bytes(tail));
                    }
                }
                None => {
                    let lacking = SMALLEST - self.held;
                    if size < lacking + SMALLEST {
                        return self.push(Segment::Data { member, start: 0, len: size });
                    }
                    self.pending.push(Segment::Data { member, start: 0, len: lacking });
                    self.held += lacking;
                    self.flush();
                    start = lacking;
                }
            }
            self.held = 0;
        }
        let count = (size - start).div_ceil(self.piece);
        for left in (1..=count).rev() {
            let len = (size - start).div_ceil(left);
            self.parts.push(Part::Copy { member, start, len });
            start += len;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn shapes(sizes: &[u64]) -> Vec<Shape> {
        sizes.iter().map(|&size| Shape { header: 512, size }).collect()
    }

    /// The archive's bytes in order, one segment a run, as the definition of an archive has them.
    fn stream(front: u64, members: &[Shape]) -> Vec<Segment> {
        let mut all = vec![Segment::Front { start: 0, len: front }];
        for (member, shape) in members.iter().enumerate() {
            all.push(Segment::Header { member, len: shape.header });
            all.push(Segment::Data { member, start: 0, len: shape.size });
            all.push(Segment::Zeros { len: padding(shape.size) });
        }
        all.push(Segment::Zeros { len: END });
        merged(all)
    }

    /// Adjacent runs of the same thing as one.
    fn merged(segments: Vec<Segment>) -> Vec<Segment> {
        let mut all: Vec<Segment> = Vec::new();
        for segment in segments.into_iter().filter(|segment| segment.len() > 0) {
            match (all.last_mut(), segment) {
                (Some(Segment::Zeros { len }), Segment::Zeros { len: more }) => *len += more,
                (Some(Segment::Front { start, len }), Segment::Front { start: next, len: more })
                    if *start + *len == next =>
                {
                    *len += more;
                }
                (
                    Some(Segment::Data { member, start, len }),
                    Segment::Data { member: same, start: next, len: more },
                ) if *member == same && *start + *len == next => {
                    *len += more;
                }
                (_, segment) => all.push(segment),
            }
        }
        all
    }

    fn flat(parts: &[Part]) -> Vec<Segment> {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(segments) => all.extend_from_slice(segments),
                Part::Copy { member, start, len } => {
                    all.push(Segment::Data { member: *member, start: *start, len: *len });
                }
                Part::Weld { member, start, len, tail } => {
                    all.push(Segment::Data { member: *member, start: *start, len: *len });
                    all.extend_from_slice(tail);
                }
            }
        }
        merged(all)
    }

    fn check(front: u64, members: &[Shape], options: Options) -> Vec<Part> {
        let parts = layout(front, members, options).expect("a layout");
        assert_eq!(flat(&parts), stream(front, members));
        let (last, others) = parts.split_last().expect("a part");
        assert!(others.iter().all(|part| (SMALLEST..=LARGEST).contains(&part.len())), "{parts:?}");
        assert!(last.len() > 0 && last.len() <= LARGEST);
        assert!(parts.len() <= MOST);
        for part in &parts {
            if let Part::Weld { len, tail, .. } = part {
                assert!(*len >= SMALLEST && sum(tail) < SMALLEST, "{part:?}");
            }
        }
        parts
    }

    #[test]
    fn eight_mib_objects_are_copied_but_for_the_first() {
        let parts = check(10_240, &shapes(&[8 * MIB; 200]), Options::default());
        assert_eq!(parts.len(), 201);
        let passed: u64 = parts.iter().map(Part::in_memory).sum();
        assert!(passed < 9 * MIB, "{passed} bytes pass through memory");
    }

    #[test]
    fn a_total_over_six_gib_is_copied_in_legal_parts() {
        let parts = check(10_240, &shapes(&[64 * MIB; 100]), Options::default());
        assert!(parts.iter().map(Part::len).sum::<u64>() > 6 << 30);
        assert!(parts.iter().map(Part::in_memory).sum::<u64>() < 6 * MIB);
    }

    #[test]
    fn small_objects_are_joined_whole() {
        let parts = check(1 << 20, &shapes(&vec![50_000; 10_000]), Options::default());
        assert!(parts.len() < 65, "{}", parts.len());
        let cut = parts.iter().any(|part| {
            matches!(part, Part::Bytes(segments) if segments.iter().any(
            |segment| matches!(segment, Segment::Data { len, .. } if *len != 50_000)))
        });
        assert!(!cut, "an object of 50 KB is read twice");
    }

    #[test]
    fn an_object_of_a_tebibyte_is_copied_in_pieces() {
        let parts = check(1_024, &shapes(&[5 << 40, 100]), Options::default());
        assert!(parts.len() > 1_024, "{}", parts.len());
    }

    #[test]
    fn more_parts_than_an_upload_takes_are_refused_with_the_remedy() {
        let refused = layout(1_024, &shapes(&vec![SMALLEST; 10_500]), Options::default()).expect_err("too many");
        assert!(refused.to_string().contains("--size-limit"), "{refused}");
        // Many small ones make larger parts instead.
        let parts = check(1_024, &shapes(&vec![4 * MIB; 40_000]), Options::default());
        assert!(parts.iter().all(|part| part.in_memory() < 64 * MIB + 2 * SMALLEST));
    }

    proptest! {
        #[test]
        fn every_byte_is_in_one_part_and_every_part_is_of_a_legal_size(
            front in (1_u64..40_000).prop_map(|blocks| blocks * 512),
            sizes in proptest::collection::vec(
                prop_oneof![
                    Just(0_u64),
                    1..100_000_u64,
                    4 * MIB..11 * MIB,
                    Just(SMALLEST),
                    Just(SMALLEST - 1),
                    (1_u64 << 30)..(12 << 30),
                ],
                0..60,
            ),
            in_memory: bool,
            size in proptest::option::of(1_u64..64),
        ) {
            let small: Vec<u64> = sizes.iter().copied().filter(|size| !in_memory || *size < 1 << 30).collect();
            let options = Options { in_memory, part_size: size.map(|mib| mib * MIB) };
            let members = shapes(&small);
            let parts = check(front, &members, options);
            let target = options.part_size.unwrap_or(8 * MIB).max(SMALLEST);
            // Bounded memory, whatever the objects are.
            prop_assert!(parts.iter().all(|part| part.in_memory() <= target + 3 * SMALLEST), "{:?}", parts);
            if !in_memory {
                let passed: u64 = flat_in_memory(&parts).iter().map(|segment| match segment {
                    Segment::Data { member, len, .. } if small[*member] >= SMALLEST => *len,
                    _ => 0,
                }).sum();
                prop_assert!(passed <= 2 * SMALLEST, "{passed} bytes of large objects pass through memory");
            }
        }
    }

    fn flat_in_memory(parts: &[Part]) -> Vec<Segment> {
        parts
            .iter()
            .flat_map(|part| match part {
                Part::Bytes(segments) | Part::Weld { tail: segments, .. } => segments.clone(),
                Part::Copy { .. } => Vec::new(),
            })
            .collect()
    }
}
