//! Who may take how much: the counts against the limits and the disk.

use std::sync::Arc;

use super::{Reservation, Reservations};
use crate::store::Payloads;
use crate::upload::{Admission, Length, Upload};
use crate::uploads::{Limits, UploadError};

/// The decision about room, for creations and for uploads under way.
#[derive(Clone)]
pub(in crate::uploads) struct Allowance {
    pub(in crate::uploads) reservations: Arc<Reservations>,
    pub(in crate::uploads) payloads: Arc<dyn Payloads>,
    pub(in crate::uploads) limits: Limits,
}

impl Allowance {
    /// Counts a creation if there is room for it.
    ///
    /// # Errors
    /// [`UploadError::TooManyUnfinished`], [`UploadError::TooMuchReserved`], [`UploadError::NoRoom`].
    pub(in crate::uploads) async fn reserve(&self, upload: &Upload) -> Result<Reservation<'_>, UploadError> {
        let room = self.payloads.room().await?;
        self.reservations.reserve(upload, room, &self.limits)
    }

    /// Whether an upload may take a body that was found to fit it. One of a known length was promised all of its
    /// bytes, so only the disk itself can be in the way.
    ///
    /// # Errors
    /// [`UploadError::NoRoom`], [`UploadError::NoMoreBytes`].
    pub(in crate::uploads) async fn take(
        &self,
        upload: &Upload,
        admission: &Admission,
        content_length: Option<u64>,
    ) -> Result<(), UploadError> {
        match upload.length {
            Length::Known(_) => self.has_room_for(content_length.unwrap_or(0)).await,
            Length::Deferred => {
                let room = self.payloads.room().await?;
                let bytes = content_length.unwrap_or(0);
                self.reservations.extend(upload, admission.length, bytes, room, &self.limits)
            }
        }
    }

    /// Whether an upload under way that may end anywhere may go on beyond its last row.
    ///
    /// # Errors
    /// As [`Allowance::take`].
    pub(in crate::uploads) async fn go_on(&self, upload: &Upload) -> Result<(), UploadError> {
        if upload.length != Length::Deferred {
            return Ok(());
        }
        let room = self.payloads.room().await?;
        self.reservations.extend(upload, Length::Deferred, 1, room, &self.limits)
    }

    /// Whether so many more bytes can be stored without touching the reserve.
    ///
    /// # Errors
    /// [`UploadError::NoRoom`].
    pub(in crate::uploads) async fn has_room_for(&self, bytes: u64) -> Result<(), UploadError> {
        if self.payloads.room().await? < bytes { Err(UploadError::NoRoom) } else { Ok(()) }
    }

    /// The same for bytes that were promised to nobody.
    ///
    /// # Errors
    /// [`UploadError::NoRoom`].
    pub(in crate::uploads) async fn has_room_beside_others_for(&self, bytes: u64) -> Result<(), UploadError> {
        self.has_room_for(bytes.saturating_add(self.reservations.missing())).await
    }
}

impl std::fmt::Debug for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowance").field("limits", &self.limits).finish_non_exhaustive()
    }
}
