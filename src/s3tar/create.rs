//! Makes archives: plans them, uploads the parts of all of them, and only then lets any appear under its name. Whatever
//! ends this before that leaves neither an archive nor an upload.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::S3TarError;
use super::fetch::{Run, fill};
use super::header::{self, Format};
use super::layout::{self, Options, Part, Segment, Shape};
use super::location::Location;
use super::member::Member;
use super::port::{Port, Stored, Storing, Upload};
use super::posix::Posix;
use super::report::Archive;
use super::resume::{self, Plan};
use super::{split, toc, weld};

/// Bytes of parts that are in memory together.
const MEMORY: u64 = 40 << 20;
/// What one permit of that memory stands for.
const GRAIN: u64 = 64 << 10;
/// Parts that S3 copies at a time; each is a request that waits.
const COPIES: usize = 16;
/// Questions about objects at a time.
const HEADS: usize = 32;

/// What is wanted of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Where it is to be.
    pub destination: Location,
    /// How it is written.
    pub format: Format,
    /// How it is stored.
    pub storing: Storing,
    /// The most bytes of one archive; more make several.
    pub size_limit: u64,
    /// Objects that are read at a time.
    pub concurrency: usize,
    /// Whether S3 copies nothing and every byte goes through memory.
    pub in_memory: bool,
    /// Bytes of a joined part, where they are chosen.
    pub part_size: Option<u64>,
    /// Whether permissions, owner and times that objects carry in their metadata are those of the members.
    pub posix: bool,
    /// Seconds since 1970 for members whose time no list says; the same in a run that goes on with an earlier one.
    pub fallback_time: i64,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The archives, in order.
    pub archives: Vec<Archive>,
}

/// Makes the archives of these members; `told` is called with bytes as they are uploaded or copied.
///
/// # Errors
/// When an object is gone or another one, a call fails, or the user ends it. Nothing stands under the archives' names then,
/// and no upload of them is left.
pub async fn create(
    port: &Port,
    members: Vec<Member>,
    wish: &Wish,
    cancel: &CancellationToken,
    told: &(dyn Fn(u64) + Sync),
) -> Result<Creation, S3TarError> {
    if members.is_empty() {
        return Err(S3TarError::Empty { source_of: wish.destination.to_string() });
    }
    members.iter().try_for_each(Member::check)?;
    let interrupted = || S3TarError::Interrupted { archive: wish.destination.to_string() };
    let members = tokio::select! {
        known = resolved(port, members, wish.posix) => known?,
        () = cancel.cancelled() => return Err(interrupted()),
    };
    let ranges = split::split(&members, wish.size_limit, wish.format);
    let places = split::names(&wish.destination, ranges.len());
    let mut plans = Vec::with_capacity(ranges.len());
    for (range, place) in ranges.into_iter().zip(places) {
        plans.push(plan(place, &members[range], wish)?);
    }
    let work = async {
        let mut ready = Vec::with_capacity(plans.len());
        for plan in &plans {
            ready.push(upload(port, plan, wish, told).await?);
        }
        Ok::<_, S3TarError>(ready)
    };
    let uploaded = tokio::select! {
        uploaded = work => uploaded,
        () = cancel.cancelled() => Err(interrupted()),
    };
    // From here on it takes a moment and is not interrupted.
    let completed = match uploaded {
        Ok(ready) => complete(port, &plans, ready).await,
        Err(error) => Err(error),
    };
    let swept = resume::sweep_all(port, plans.iter().map(|plan| &plan.place)).await;
    match (completed, swept) {
        (Ok(archives), Ok(())) => Ok(Creation { archives }),
        (Ok(archives), Err(problem)) => {
            tracing::warn!(%problem, "temporary objects are left; the next run removes them");
            Ok(Creation { archives })
        }
        (Err(cause), Ok(())) => Err(cause),
        (Err(cause), Err(problem)) => Err(S3TarError::Left {
            cause: Box::new(cause),
            archive: wish.destination.to_string(),
            problem: problem.to_string(),
        }),
    }
}

/// Members with the ETags that lists without them lack, and with what their metadata says where that is wanted; an object
/// that is another one than the list says is refused.
async fn resolved(port: &Port, members: Vec<Member>, posix: bool) -> Result<Vec<Member>, S3TarError> {
    stream::iter(members)
        .map(|mut member| async move {
            if !member.etag.is_empty() && !posix {
                return Ok(member);
            }
            let object = member.location();
            let Some((head, metadata)) = port.head_with_metadata(&object).await? else {
                return Err(S3TarError::Gone { object });
            };
            if head.size != member.size {
                let how = format!("it has {} bytes, and the list says {}", head.size, member.size);
                return Err(S3TarError::Changed { object, how });
            }
            if posix {
                member.posix = Posix::of_metadata(&object, &metadata)?.map(Box::new);
            }
            // An object that was changed since then is noticed when it is read.
            if member.etag.is_empty() {
                member.etag = head.etag.into();
            }
            member.modified = member.modified.or(head.modified);
            Ok(member)
        })
        .buffered(HEADS)
        .try_collect()
        .await
}

fn plan<'a>(place: Location, members: &'a [Member], wish: &Wish) -> Result<Plan<'a>, S3TarError> {
    let front = toc::front(members, wish.format, wish.fallback_time)?;
    let shape = |member: &Member| Shape { header: header::len_of(member, wish.format), size: member.size };
    let shapes: Vec<Shape> = members.iter().map(shape).collect();
    let options = Options { in_memory: wish.in_memory, part_size: wish.part_size };
    let parts = layout::layout(front.len() as u64, &shapes, options)?;
    let fingerprint = resume::fingerprint(&place, members, wish);
    Ok(Plan { place, members, front: front.into(), parts, fingerprint })
}

/// What one archive's parts are made with.
struct Work<'a> {
    port: &'a Port,
    plan: &'a Plan<'a>,
    wish: &'a Wish,
    upload: &'a Upload,
    reads: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// An upload whose parts are all there.
struct Ready {
    upload: Upload,
    parts: Vec<Stored>,
    resumed: usize,
}

async fn upload(port: &Port, plan: &Plan<'_>, wish: &Wish, told: &(dyn Fn(u64) + Sync)) -> Result<Ready, S3TarError> {
    let begun = resume::begin(port, plan, &wish.storing).await?;
    let resumed = begun.stored.len();
    let work = Work {
        port,
        plan,
        wish,
        upload: &begun.upload,
        reads: Arc::new(Semaphore::new(wish.concurrency.max(1))),
        memory: Arc::new(Semaphore::new(permits(MEMORY))),
    };
    let work = &work;
    let stored = &begun.stored;
    // By number, not by reference: only so can the whole be spawned.
    let count = i32::try_from(plan.parts.len()).unwrap_or(i32::MAX);
    let mut parts: Vec<Stored> = stream::iter(1..=count)
        .map(|number| async move {
            let part = usize::try_from(number - 1).ok().and_then(|index| plan.parts.get(index));
            let part = part.ok_or_else(|| S3TarError::Layout(format!("there is no part {number}")))?;
            let done = match stored.get(&number) {
                Some(stored) => stored.clone(),
                None => work.part(part, number).await?,
            };
            told(part.len());
            Ok::<_, S3TarError>(done)
        })
        .buffer_unordered(COPIES)
        .try_collect()
        .await?;
    parts.sort_unstable_by_key(|part| part.number);
    Ok(Ready { upload: begun.upload, parts, resumed })
}

async fn complete(port: &Port, plans: &[Plan<'_>], ready: Vec<Ready>) -> Result<Vec<Archive>, S3TarError> {
    let mut archives = Vec::with_capacity(ready.len());
    for (plan, ready) in plans.iter().zip(ready) {
        let bytes = plan.parts.iter().map(Part::len).sum();
        let etag = port.complete(&ready.upload, &ready.parts, bytes).await?;
        archives.push(Archive {
            place: plan.place.clone(),
            members: plan.members.len(),
            bytes,
            in_memory: plan.parts.iter().map(Part::in_memory).sum(),
            parts: plan.parts.len(),
            resumed: ready.resumed,
            etag,
        });
    }
    Ok(archives)
}

fn permits(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(GRAIN)).unwrap_or(usize::MAX)
}

impl Work<'_> {
    async fn part(&self, part: &Part, number: i32) -> Result<Stored, S3TarError> {
        let stored = match part {
            Part::Bytes(segments) => {
                let _room = self.room(part.in_memory()).await?;
                let bytes = self.join(segments).await?;
                self.port.upload(self.upload, number, bytes).await?
            }
            Part::Copy { member, start, len } => {
                let (from, etag, range) = self.source(*member, *start, *len);
                self.port.copy(self.upload, number, &from, etag, range).await?
            }
            Part::Weld { member, start, len, tail } => {
                let _room = self.room(part.in_memory()).await?;
                let source = self.source(*member, *start, *len);
                let place = resume::temporary(&self.plan.place, &self.plan.fingerprint, number);
                let welded = weld::Weld { port: self.port, place, size: part.len() };
                welded.copied_into(self.upload, number, source, self.join(tail).await?).await?
            }
        };
        Ok(Stored { size: Some(part.len()), ..stored })
    }

    /// Waits until so many bytes may be in memory besides those that are.
    async fn room(&self, bytes: u64) -> Result<tokio::sync::SemaphorePermit<'_>, S3TarError> {
        let wanted = permits(bytes.min(MEMORY));
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        self.memory.acquire_many(wanted).await.map_err(|error| S3TarError::Layout(error.to_string()))
    }

    fn source(&self, member: usize, start: u64, len: u64) -> (Location, &str, Option<(u64, u64)>) {
        let member = &self.plan.members[member];
        let range = (len < member.size).then_some((start, len));
        (member.location(), &member.etag, range)
    }

    /// The bytes of segments one after another; objects are read at the same time, each into its own piece of one buffer.
    async fn join(&self, segments: &[Segment]) -> Result<Bytes, S3TarError> {
        let total: u64 = segments.iter().map(Segment::len).sum();
        let mut free = BytesMut::zeroed(usize::try_from(total).unwrap_or(usize::MAX));
        let mut whole = free.split_to(0);
        let pieces = segments.iter().map(|segment| {
            let piece = free.split_to(usize::try_from(segment.len()).unwrap_or(usize::MAX));
            self.piece(*segment, piece)
        });
        let pieces: Vec<_> = pieces.collect();
        let mut pieces = stream::iter(pieces).buffered(self.wish.concurrency.max(1));
        while let Some(piece) = pieces.try_next().await? {
            // Neighbours of one allocation: nothing is copied.
            whole.unsplit(piece);
        }
        Ok(whole.freeze())
    }

    async fn piece(&self, segment: Segment, mut piece: BytesMut) -> Result<BytesMut, S3TarError> {
        match segment {
            Segment::Zeros { .. } => {}
            Segment::Front { start, .. } => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                copy_into(&mut piece, self.plan.front.get(start..start.saturating_add(piece_len(segment))))?;
            }
            Segment::Header { member, .. } => {
                let member = &self.plan.members[member];
                let header = header::of_member(member, self.wish.format, self.wish.fallback_time)?;
                copy_into(&mut piece, Some(&header))?;
                // Nothing else would notice that an object without bytes is gone.
                if member.size == 0 {
                    self.read(member, 0, &mut BytesMut::new()).await?;
                }
            }
            Segment::Data { member, start, .. } => {
                self.read(&self.plan.members[member], start, &mut piece).await?;
            }
        }
        Ok(piece)
    }

    async fn read(&self, member: &Member, start: u64, into: &mut BytesMut) -> Result<(), S3TarError> {
        let _turn = self.reads.acquire().await.map_err(|error| S3TarError::Layout(error.to_string()))?;
        let place = member.location();
        let is_whole = into.len() as u64 == member.size;
        fill(self.port, Run { place: &place, etag: &member.etag, start, is_whole }, into).await
    }
}

fn piece_len(segment: Segment) -> usize {
    usize::try_from(segment.len()).unwrap_or(usize::MAX)
}

fn copy_into(piece: &mut BytesMut, bytes: Option<&[u8]>) -> Result<(), S3TarError> {
    match bytes {
        Some(bytes) if bytes.len() == piece.len() => {
            piece.copy_from_slice(bytes);
            Ok(())
        }
        _ => Err(S3TarError::Layout(format!("a run of {} bytes is not of that length", piece.len()))),
    }
}
