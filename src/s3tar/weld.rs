//! An object and the few bytes after it as one part: S3 takes the bytes as the last part of a temporary object, which has no
//! least size, and copies that object.

use bytes::Bytes;

use super::error::S3TarError;
use super::location::Location;
use super::port::{Port, Stored, Storing, Upload};

/// A temporary object.
pub struct Weld<'a> {
    /// S3.
    pub port: &'a Port,
    /// Where it is for a moment.
    pub place: Location,
    /// Its bytes.
    pub size: u64,
}

impl Weld<'_> {
    /// Makes the object of a copied source and `tail`, has it copied as part `number`, and deletes it.
    ///
    /// What is left when this fails is found by its name; see `resume`.
    pub async fn copied_into(
        &self,
        upload: &Upload,
        number: i32,
        (from, etag, range): (Location, &str, Option<(u64, u64)>),
        tail: Bytes,
    ) -> Result<Stored, S3TarError> {
        let own = self.port.begin(&self.place, &Storing::default()).await?;
        let (first, last) =
            tokio::try_join!(self.port.copy(&own, 1, &from, etag, range), self.port.upload(&own, 2, tail))?;
        let etag = self.port.complete(&own, &[first, last], self.size).await?;
        let part = self.port.copy(upload, number, &self.place, &etag, None).await?;
        self.port.delete(&self.place).await?;
        Ok(part)
    }
}
