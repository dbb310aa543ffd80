//! `aws-chunked`: the framing that clients put around a body whose checksum or signature comes piece by piece. Frames
//! and trailers are read, and the signatures compared where there is a signer.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use sha2::{Digest, Sha256};

use super::signature::ChunkSigner;
use super::wire::BodyError;

/// The longest line of framing: a size with a signature, or a trailer.
const LONGEST_LINE: usize = 8 * 1024;
/// Bytes of all trailers, at the most.
const MOST_TRAILERS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    End,
}

/// Takes frames off a body, as its bytes come.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    pending: BytesMut,
    trailers: HeaderMap,
    signer: Option<ChunkSigner>,
    /// Digest of the chunk that is being read, and the signature that it should have.
    chunk: (Sha256, String),
}

impl Decoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new(signer: Option<ChunkSigner>) -> Self {
        let chunk = (Sha256::new(), String::new());
        Self { state: State::Size, pending: BytesMut::new(), trailers: HeaderMap::new(), signer, chunk }
    }

    /// Compares the signature of the chunk that has ended.
    fn end_chunk(&mut self) -> Result<(), BodyError> {
        let Some(signer) = &mut self.signer else { return Ok(()) };
        let (hash, signature) = std::mem::take(&mut self.chunk);
        if signer.chunk(&hex::encode(hash.finalize()), &signature) { Ok(()) } else { Err(BodyError::Signature) }
    }

    /// Compares the signature of the trailers, where there are any.
    fn end_trailers(&mut self) -> Result<(), BodyError> {
        let Some(signer) = self.signer.as_mut().filter(|_| !self.trailers.is_empty()) else { return Ok(()) };
        let signature = self.trailers.get("x-amz-trailer-signature").and_then(|value| value.to_str().ok());
        if signer.trailers(&self.trailers, signature.unwrap_or_default()) { Ok(()) } else { Err(BodyError::Signature) }
    }

    /// Takes more of the framed body.
    pub fn feed(&mut self, chunk: &Bytes) {
        self.pending.extend_from_slice(chunk);
    }

    /// The next bytes of the content; `None` when more of the framed body is needed or there is no more.
    ///
    /// # Errors
    /// When the framing is broken.
    pub fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let text = std::str::from_utf8(&line).map_err(|_| BodyError::Framing)?;
                    let size = text.split(';').next().unwrap_or_default().trim();
                    let size = u64::from_str_radix(size, 16).map_err(|_| BodyError::Framing)?;
                    self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                    let signature = text.split(';').find_map(|part| part.trim().strip_prefix("chunk-signature="));
                    self.chunk = (Sha256::new(), signature.unwrap_or_default().trim().to_owned());
                    if size == 0 {
                        self.end_chunk()?;
                    }
                }
                State::Data(left) => {
                    if self.pending.is_empty() {
                        return Ok(None);
                    }
                    let taken = self.pending.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    let bytes = self.pending.split_to(taken).freeze();
                    if self.signer.is_some() {
                        self.chunk.0.update(&bytes);
                    }
                    return Ok(Some(bytes));
                }
                State::DataEnd => {
                    if self.pending.len() < 2 {
                        return Ok(None);
                    }
                    if !self.pending.starts_with(b"\r\n") {
                        return Err(BodyError::Framing);
                    }
                    self.pending.advance(2);
                    self.end_chunk()?;
                    self.state = State::Size;
                }
                State::Trailers => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    if line.is_empty() {
                        self.end_trailers()?;
                        self.state = State::End;
                    } else {
                        self.trailer(&line)?;
                    }
                }
                State::End => return Ok(None),
            }
        }
    }

    /// The trailers, once the framed body has ended.
    ///
    /// # Errors
    /// When it ended in the middle of a chunk.
    pub fn finish(mut self) -> Result<HeaderMap, BodyError> {
        match self.state {
            State::End => Ok(self.trailers),
            // Some clients leave out the empty line after the last chunk.
            State::Trailers if self.pending.is_empty() => {
                self.end_trailers()?;
                Ok(self.trailers)
            }
            _ => Err(BodyError::Incomplete),
        }
    }

    fn line(&mut self) -> Result<Option<BytesMut>, BodyError> {
        match self.pending.windows(2).take(LONGEST_LINE).position(|pair| pair == b"\r\n") {
            Some(end) => {
                let line = self.pending.split_to(end);
                self.pending.advance(2);
                Ok(Some(line))
            }
            None if self.pending.len() > LONGEST_LINE => Err(BodyError::Framing),
            None => Ok(None),
        }
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), BodyError> {
        let text = std::str::from_utf8(line).map_err(|_| BodyError::Framing)?;
        let (name, value) = text.split_once(':').ok_or(BodyError::Framing)?;
        let name: HeaderName = name.trim().parse().map_err(|_| BodyError::Framing)?;
        let value: HeaderValue = value.trim().parse().map_err(|_| BodyError::Framing)?;
        if self.trailers.len() == MOST_TRAILERS {
            return Err(BodyError::Framing);
        }
        self.trailers.insert(name, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(framed: &[u8], step: usize) -> Result<(Vec<u8>, HeaderMap), BodyError> {
        let mut decoder = Decoder::new(None);
        let mut content = Vec::new();
        for chunk in framed.chunks(step) {
            decoder.feed(&Bytes::copy_from_slice(chunk));
            while let Some(bytes) = decoder.next()? {
                content.extend_from_slice(&bytes);
            }
        }
        Ok((content, decoder.finish()?))
    }

    #[test]
    fn trailers_come_after_the_content() {
        let framed = b"4;chunk-signature=ab\r\nWiki\r\n5\r\npedia\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for step in 1..framed.len() {
            let (content, trailers) = decode(framed, step).expect("a good body");
            assert_eq!(content, b"Wikipedia");
            assert_eq!(trailers["x-amz-checksum-crc32"], "AAAAAA==");
        }
    }

    #[test]
    fn broken_framing_is_refused() {
        for framed in [
            &b"4\r\nWi"[..],
            b"zz\r\n",
            b"4\r\nWikiXX0\r\n\r\n",
            b"0\r\nno trailer\r\n\r\n",
            b"",
            b"fffffffffffffffff\r\n",
            &[b'1'; 9_000],
        ] {
            assert!(decode(framed, 3).is_err(), "{}", String::from_utf8_lossy(framed));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(framed in prop::collection::vec(any::<u8>(), 0..200), step in 1_usize..50) {
            let _ = decode(&framed, step);
        }

        #[test]
        fn content_survives(parts in prop::collection::vec("[a-z\r\n]{1,20}", 0..6), step in 1_usize..9) {
            let mut framed = String::new();
            for part in &parts {
                framed.push_str(&format!("{:x}\r\n{part}\r\n", part.len()));
            }
            framed.push_str("0\r\n\r\n");
            let (content, _) = decode(framed.as_bytes(), step).expect("a good body");
            prop_assert_eq!(content, parts.concat().into_bytes());
        }
    }
}
