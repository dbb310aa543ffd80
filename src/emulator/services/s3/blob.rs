//! The bytes of objects and parts. Small ones stay in memory; larger ones go to files of a temporary folder, piece by
//! piece. A whole made of parts, and a copy, share the pieces instead of copying bytes.
//!
//! Where state is kept the files are in the data folder and outlive the process, and what stays in memory is written into
//! the rows that name it: less of it, since the database is no place for bodies.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::checksum::{Digested, Digests};
use super::wire;
use crate::emulator::keep::Shelf;

/// Bodies up to this many bytes may stay in memory.
pub(super) const LARGEST_IN_MEMORY: usize = 64 * 1024;
/// The same where state is kept, which is what a row holds beside its own shape.
const LARGEST_IN_ROW: usize = 1024;
/// Bytes of such bodies that are held in memory together; what comes then goes to files, small or not.
const MEMORY_BUDGET: u64 = 32 * 1024 * 1024;
/// Bytes that are read from a file at once.
const READ_CHUNK: u64 = 256 * 1024;

/// The temporary folder: made for the first large body, removed when the endpoint shuts down.
#[derive(Debug, Default)]
pub struct Spill {
    folder: Mutex<Folder>,
    next: AtomicU64,
    held: Arc<AtomicU64>,
}

/// The bytes of a body in memory, counted as long as anything refers to them.
struct Held {
    bytes: Box<[u8]>,
    held: Arc<AtomicU64>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
enum Folder {
    #[default]
    Unmade,
    Made(TempDir),
    /// In the data folder.
    Kept(Arc<KeptFolder>),
    Closed,
}

/// The folder of a store whose state is kept.
struct KeptFolder {
    path: PathBuf,
    shelf: Shelf,
    /// Set when the endpoint ends: from then on a file that nothing refers to is still one that a row names.
    ended: AtomicBool,
}

impl std::fmt::Debug for KeptFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptFolder").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file of the folder, removed when nothing refers to it any more.
#[derive(Debug)]
pub struct SpillFile {
    path: PathBuf,
    kept: Option<Arc<KeptFolder>>,
}

impl SpillFile {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first `len` bytes of it, which are all that were written.
    pub fn whole(self: Arc<Self>, len: u64) -> Blob {
        Blob { kind: Kind::Pieces(Arc::new([Piece { source: Source::File(self), offset: 0, len }])) }
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        match &self.kept {
            None => remove(&self.path),
            Some(folder) if folder.ended.load(Ordering::Acquire) => {}
            Some(folder) => {
                let path = std::mem::take(&mut self.path);
                folder.shelf.afterwards(move || remove(&path));
            }
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, path = %path.display(), "cannot remove the file of a body");
    }
}

/// A blob as it is written down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlobRow(Vec<PieceRow>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum PieceRow {
    File {
        file: String,
        offset: u64,
        len: u64,
    },
    /// Base64.
    Bytes {
        bytes: String,
    },
}

/// Files that rows name, by name.
pub type Files = HashMap<String, Arc<SpillFile>>;

#[derive(Debug, Clone)]
enum Source {
    Memory(Bytes),
    File(Arc<SpillFile>),
}

/// A run of bytes of a source.
#[derive(Debug, Clone)]
struct Piece {
    source: Source,
    offset: u64,
    len: u64,
}

impl Piece {
    /// Hands its bytes to `to`, a chunk at a time.
    fn each(&self, buffer: &mut Vec<u8>, mut to: impl FnMut(&[u8])) -> io::Result<()> {
        let spilled = match &self.source {
            Source::Memory(bytes) => {
                to(&bytes[range(bytes, self.offset, self.len)]);
                return Ok(());
            }
            Source::File(spilled) => spilled,
        };
        let file = File::open(&spilled.path)?;
        let mut done = 0;
        while done < self.len {
            buffer.resize(chunk_len(self.len - done), 0);
            file.read_exact_at(buffer, self.offset + done)?;
            to(buffer);
            done += buffer.len() as u64;
        }
        Ok(())
    }
}

/// Bytes of the next chunk where `left` are left.
fn chunk_len(left: u64) -> usize {
    usize::try_from(left.min(READ_CHUNK)).unwrap_or_default()
}

/// Bytes, wherever they are.
#[derive(Debug, Clone)]
pub struct Blob {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Memory(Bytes),
    Pieces(Arc<[Piece]>),
}

impl Blob {
    /// `blobs` one after another; nothing is copied.
    pub fn joined<'a>(blobs: impl IntoIterator<Item = &'a Self>) -> Self {
        let pieces = blobs.into_iter().flat_map(|blob| blob.pieces(0, u64::MAX)).collect();
        Self { kind: Kind::Pieces(pieces) }
    }

    /// `len` bytes from `offset` on; nothing is copied.
    pub fn slice(&self, offset: u64, len: u64) -> Self {
        Self { kind: Kind::Pieces(self.pieces(offset, len).into()) }
    }

    fn pieces(&self, offset: u64, len: u64) -> Vec<Piece> {
        match &self.kind {
            Kind::Memory(bytes) => {
                let whole = Piece { source: Source::Memory(bytes.clone()), offset: 0, len: bytes.len() as u64 };
                cut(std::slice::from_ref(&whole), offset, len)
            }
            Kind::Pieces(pieces) => cut(pieces, offset, len),
        }
    }

    /// The blob as it is written down.
    pub fn row(&self) -> BlobRow {
        let bytes = |bytes: &[u8]| PieceRow::Bytes { bytes: STANDARD.encode(bytes) };
        let row = |piece: &Piece| match &piece.source {
            Source::Memory(memory) => bytes(&memory[range(memory, piece.offset, piece.len)]),
            Source::File(spilled) => {
                let name = spilled.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                PieceRow::File { file: name, offset: piece.offset, len: piece.len }
            }
        };
        BlobRow(match &self.kind {
            Kind::Memory(memory) => vec![bytes(memory)],
            Kind::Pieces(pieces) => pieces.iter().map(row).collect(),
        })
    }

    /// `len` bytes from `offset` on as a body.
    pub fn read(&self, offset: u64, len: u64) -> StreamingBlob {
        if let Kind::Memory(bytes) = &self.kind {
            return StreamingBlob::from(Body::from(bytes.slice(range(bytes, offset, len))));
        }
        let reader = Reader { pieces: self.pieces(offset, len).into(), open: None };
        StreamingBlob::wrap(futures::stream::try_unfold(reader, |mut reader| async move {
            Ok::<_, io::Error>(reader.next().await?.map(|chunk| (chunk, reader)))
        }))
    }

    /// Digests the bytes as they are stored. Gigabytes take seconds, which no other request waits for.
    pub async fn digest(&self, mut digests: Digests) -> S3Result<Digested> {
        if let Kind::Memory(bytes) = &self.kind {
            digests.update(bytes);
            return Ok(digests.finish());
        }
        let pieces = self.pieces(0, u64::MAX);
        let digesting = tokio::task::spawn_blocking(move || {
            let mut buffer = Vec::new();
            for piece in &pieces {
                piece.each(&mut buffer, |chunk| digests.update(chunk))?;
            }
            Ok::<_, io::Error>(digests.finish())
        });
        let digested = digesting.await.map_err(S3Error::internal_error)?;
        digested.map_err(|error| S3Error::with_source(S3ErrorCode::InternalError, Box::new(error)))
    }

    /// The whole in memory, for the functions' code and for other services.
    pub async fn to_bytes(&self) -> S3Result<Bytes> {
        if let Kind::Memory(bytes) = &self.kind {
            return Ok(bytes.clone());
        }
        let mut whole = BytesMut::new();
        let mut body = self.read(0, u64::MAX);
        while let Some(chunk) = body.next().await {
            whole.extend_from_slice(&chunk.map_err(|error| S3Error::with_source(S3ErrorCode::InternalError, error))?);
        }
        Ok(whole.freeze())
    }
}

/// Where `len` bytes from `offset` on are in `bytes`.
fn range(bytes: &[u8], offset: u64, len: u64) -> std::ops::Range<usize> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    start..start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)).min(bytes.len())
}

/// The pieces that hold `len` bytes from `offset` on.
fn cut(pieces: &[Piece], mut offset: u64, mut len: u64) -> Vec<Piece> {
    let mut found = Vec::new();
    for piece in pieces {
        if len == 0 {
            break;
        }
        if offset >= piece.len {
            offset -= piece.len;
            continue;
        }
        let taken = (piece.len - offset).min(len);
        found.push(Piece { source: piece.source.clone(), offset: piece.offset + offset, len: taken });
        offset = 0;
        len -= taken;
    }
    found
}

/// Reads pieces one after another; keeps the file of the piece it is in.
struct Reader {
    pieces: VecDeque<Piece>,
    open: Option<Open>,
}

/// What is left of a piece whose file is open.
struct Open {
    file: File,
    offset: u64,
    len: u64,
    /// Holds the file in its folder.
    _spilled: Arc<SpillFile>,
}

impl Open {
    /// The next chunk, and what is left after it.
    fn read(mut self) -> io::Result<(Bytes, Option<Self>)> {
        let mut chunk = BytesMut::zeroed(chunk_len(self.len));
        self.file.read_exact_at(&mut chunk, self.offset)?;
        self.offset += chunk.len() as u64;
        self.len -= chunk.len() as u64;
        Ok((chunk.freeze(), (self.len > 0).then_some(self)))
    }
}

impl Reader {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let open = self.open.take();
        let piece = if open.is_none() { self.pieces.pop_front() } else { None };
        let reading = match (open, piece) {
            (Some(open), _) => tokio::task::spawn_blocking(move || open.read()),
            (None, Some(Piece { source: Source::Memory(bytes), offset, len })) => {
                return Ok(Some(bytes.slice(range(&bytes, offset, len))));
            }
            // One turn of another thread for a file that is opened and read to its end, which most are.
            (None, Some(Piece { source: Source::File(spilled), offset, len })) => {
                tokio::task::spawn_blocking(move || {
                    Open { file: File::open(&spilled.path)?, offset, len, _spilled: spilled }.read()
                })
            }
            (None, None) => return Ok(None),
        };
        let (chunk, open) = reading.await.map_err(io::Error::other)??;
        self.open = open;
        Ok(Some(chunk))
    }
}

impl Spill {
    /// A spill over a folder that is kept, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn keeping(path: PathBuf, shelf: Shelf) -> io::Result<Self> {
        std::fs::create_dir_all(&path)?;
        let kept = KeptFolder { path, shelf, ended: AtomicBool::new(false) };
        Ok(Self { folder: Mutex::new(Folder::Kept(Arc::new(kept))), ..Self::default() })
    }

    /// The blob of a row; `files` has the files that rows before it named.
    pub fn restore(&self, row: BlobRow, files: &mut Files) -> Blob {
        let kept = self.kept();
        let path = kept.as_ref().map(|folder| folder.path.clone()).unwrap_or_default();
        let mut pieces = row.0.into_iter().map(|piece| match piece {
            PieceRow::File { file, offset, len } => {
                let spilled = files
                    .entry(file)
                    .or_insert_with_key(|name| Arc::new(SpillFile { path: path.join(name), kept: kept.clone() }));
                Piece { source: Source::File(Arc::clone(spilled)), offset, len }
            }
            PieceRow::Bytes { bytes } => {
                // It was written by ourselves: what cannot be decoded is damage, and reads as nothing.
                let bytes = STANDARD.decode(bytes).unwrap_or_default();
                let len = bytes.len() as u64;
                self.held.fetch_add(len, Ordering::Relaxed);
                let held = Held { bytes: bytes.into_boxed_slice(), held: Arc::clone(&self.held) };
                Piece { source: Source::Memory(Bytes::from_owner(held)), offset: 0, len }
            }
        });
        match (pieces.next(), pieces.next()) {
            (Some(Piece { source: Source::Memory(bytes), .. }), None) => Blob { kind: Kind::Memory(bytes) },
            (first, second) => {
                let pieces = first.into_iter().chain(second).chain(pieces).collect();
                Blob { kind: Kind::Pieces(pieces) }
            }
        }
    }

    /// Removes the files of a folder that is kept which are not among `files`: bodies that were not stored before the
    /// process ended.
    pub fn sweep(&self, files: &Files) {
        let Some(folder) = self.kept() else { return };
        let entries = std::fs::read_dir(&folder.path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !files.contains_key(&*entry.file_name().to_string_lossy())) {
            remove(&entry.path());
        }
    }

    fn kept(&self) -> Option<Arc<KeptFolder>> {
        match &*self.folder() {
            Folder::Kept(folder) => Some(Arc::clone(folder)),
            _ => None,
        }
    }

    /// Removes the folder with all that is in it, unless it is kept; a large body that comes later is refused.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn close(&self) -> io::Result<()> {
        match std::mem::replace(&mut *self.folder(), Folder::Closed) {
            Folder::Made(folder) => folder.close(),
            Folder::Kept(folder) => {
                folder.ended.store(true, Ordering::Release);
                Ok(())
            }
            Folder::Unmade | Folder::Closed => Ok(()),
        }
    }

    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder's path; the folder is made when there is none yet.
    fn path(&self) -> io::Result<(PathBuf, Option<Arc<KeptFolder>>)> {
        let mut folder = self.folder();
        if let Folder::Unmade = &*folder {
            *folder = Folder::Made(tempfile::Builder::new().prefix("vaultscope-s3-").tempdir()?);
        }
        match &*folder {
            Folder::Made(folder) => Ok((folder.path().to_owned(), None)),
            Folder::Kept(folder) => Ok((folder.path.clone(), Some(Arc::clone(folder)))),
            Folder::Unmade | Folder::Closed => Err(io::Error::other("the endpoint is shutting down")),
        }
    }

    /// Takes a body in, digesting it on the way; `expected` is the length that the client announced.
    ///
    /// # Errors
    /// `IncompleteBody` when the body ends early, and what the wire refuses.
    pub async fn take(
        &self,
        body: Option<StreamingBlob>,
        expected: Option<i64>,
        mut digests: Digests,
    ) -> S3Result<(Blob, Digested)> {
        let largest = if self.kept().is_some() { LARGEST_IN_ROW } else { LARGEST_IN_MEMORY };
        let mut memory = BytesMut::new();
        let mut file: Option<(tokio::fs::File, Arc<SpillFile>)> = None;
        if let Some(mut body) = body {
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(wire::body_error)?;
                digests.update(&chunk);
                if let Some((file, _)) = &mut file {
                    file.write_all(&chunk).await.map_err(S3Error::internal_error)?;
                } else if memory.len() + chunk.len() <= largest {
                    memory.extend_from_slice(&chunk);
                } else {
                    let (mut opened, spilled) = self.create().await.map_err(S3Error::internal_error)?;
                    opened.write_all(&memory).await.map_err(S3Error::internal_error)?;
                    opened.write_all(&chunk).await.map_err(S3Error::internal_error)?;
                    memory = BytesMut::new();
                    file = Some((opened, spilled));
                }
            }
        }
        let digested = digests.finish();
        if expected.is_some_and(|expected| u64::try_from(expected).ok() != Some(digested.len)) {
            return Err(S3Error::with_message(
                S3ErrorCode::IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ));
        }
        let Some((mut opened, spilled)) = file else {
            return Ok((self.hold(Vec::from(memory)).await.map_err(S3Error::internal_error)?, digested));
        };
        opened.flush().await.map_err(S3Error::internal_error)?;
        let piece = Piece { source: Source::File(spilled), offset: 0, len: digested.len };
        Ok((Blob { kind: Kind::Pieces(Arc::new([piece])) }, digested))
    }

    /// Keeps a small body: in memory while the budget lasts, else in a file.
    pub(super) async fn hold(&self, body: Vec<u8>) -> io::Result<Blob> {
        let len = body.len() as u64;
        if self.held.fetch_add(len, Ordering::Relaxed) + len <= MEMORY_BUDGET {
            // A copy of its own size: the body was read into a buffer that may be much larger.
            let held = Held { bytes: Box::from(&body[..]), held: Arc::clone(&self.held) };
            return Ok(Blob { kind: Kind::Memory(Bytes::from_owner(held)) });
        }
        self.held.fetch_sub(len, Ordering::Relaxed);
        let spilled = self.name()?;
        let path = spilled.path.clone();
        tokio::task::spawn_blocking(move || std::fs::write(path, &body)).await.map_err(io::Error::other)??;
        Ok(Blob { kind: Kind::Pieces(Arc::new([Piece { source: Source::File(spilled), offset: 0, len }])) })
    }

    /// A file that is not there yet.
    pub(super) fn name(&self) -> io::Result<Arc<SpillFile>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (path, kept) = self.path()?;
        // A start of its own names files of its own.
        let name = match &kept {
            Some(folder) => format!("{}-{number}", folder.shelf.starts()),
            None => number.to_string(),
        };
        Ok(Arc::new(SpillFile { path: path.join(name), kept }))
    }

    async fn create(&self) -> io::Result<(tokio::fs::File, Arc<SpillFile>)> {
        let spilled = self.name()?;
        Ok((tokio::fs::File::create_new(&spilled.path).await?, spilled))
    }
}

#[cfg(test)]
mod tests {
    use super::super::checksum::Algorithm;
    use super::*;

    fn body(data: &[u8]) -> StreamingBlob {
        let chunks: Vec<io::Result<Bytes>> = data.chunks(10_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        StreamingBlob::wrap(futures::stream::iter(chunks))
    }

    async fn all(blob: &Blob, offset: u64, len: u64) -> Vec<u8> {
        let mut found = Vec::new();
        let mut body = blob.read(offset, len);
        while let Some(chunk) = body.next().await {
            found.extend_from_slice(&chunk.expect("a chunk"));
        }
        found
    }

    #[tokio::test]
    async fn large_bodies_go_to_files_that_go_with_the_blob() {
        let spill = Spill::default();
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let digests = || Digests::new(Algorithm::Crc32);
        let (large, digested) =
            spill.take(Some(body(&data)), Some(1_000_000), digests()).await.expect("the body is taken");
        assert_eq!(digested.len, 1_000_000);
        assert_eq!(std::fs::read_dir(spill.path().expect("a path").0).expect("the folder").count(), 1);
        assert_eq!(all(&large, 0, u64::MAX).await, data);
        assert_eq!(all(&large, 999_990, 100).await, &data[999_990..]);

        let (small, _) = spill.take(Some(body(b"small")), Some(5), digests()).await.expect("the body is taken");
        let joined = Blob::joined([&small, &large, &small]);
        let slice = joined.slice(3, 20);
        assert_eq!(all(&slice, 0, u64::MAX).await, [&b"ll"[..], &data[..18]].concat());
        assert_eq!(joined.to_bytes().await.expect("the bytes").len(), 1_000_010);
        assert_eq!(all(&joined, 4, 3).await, [&b"l"[..], &data[..2]].concat());
        drop((large, joined, slice));
        let path = spill.path().expect("a path").0;
        assert_eq!(std::fs::read_dir(&path).expect("the folder").count(), 0);
        let (_kept, _) = spill.take(Some(body(&data)), None, digests()).await.expect("the body is taken");
        spill.close().expect("the folder goes");
        assert!(!path.exists());
        assert!(spill.take(Some(body(&data)), None, digests()).await.is_err(), "nothing is stored after the end");
    }

    #[tokio::test]
    async fn small_bodies_go_to_files_once_memory_holds_enough_of_them() {
        let spill = Spill::default();
        let data = vec![7; LARGEST_IN_MEMORY];
        let digests = || Digests::new(Algorithm::Crc32);
        let mut blobs = Vec::new();
        for _ in 0..MEMORY_BUDGET / LARGEST_IN_MEMORY as u64 + 3 {
            let (blob, _) = spill.take(Some(body(&data)), None, digests()).await.expect("the body is taken");
            blobs.push(blob);
        }
        assert_eq!(spill.held.load(Ordering::Relaxed), MEMORY_BUDGET);
        assert_eq!(std::fs::read_dir(spill.path().expect("a path").0).expect("the folder").count(), 3);
        assert_eq!(all(blobs.last().expect("a blob"), 0, u64::MAX).await, data);
        blobs.clear();
        assert_eq!(spill.held.load(Ordering::Relaxed), 0);
        assert_eq!(std::fs::read_dir(spill.path().expect("a path").0).expect("the folder").count(), 0);
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_refused_and_leaves_no_file() {
        let spill = Spill::default();
        let data = vec![7; 200_000];
        let refused = spill.take(Some(body(&data)), Some(200_001), Digests::new(Algorithm::Crc32)).await;
        assert_eq!(refused.expect_err("too short").code(), &S3ErrorCode::IncompleteBody);
        assert_eq!(std::fs::read_dir(spill.path().expect("a path").0).expect("the folder").count(), 0);
    }
}
