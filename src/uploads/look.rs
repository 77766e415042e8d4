//! Looking at uploads.

use std::ops::Range;

use super::Uploads;
use super::error::UploadError;
use super::standing::Standing;
use crate::message::UserId;
use crate::store::{ByteStream, Elsewhere, NoTurn, Place, Source, Wanted};
use crate::upload::{Concat, State, Upload, UploadId};

/// The most unfinished uploads that are listed.
const MOST_LISTED: usize = 1000;

impl Uploads {
    /// The answer to HEAD. It takes over from any older request, so that the offset is the one that the next
    /// PATCH has to name, and drives a complete upload on until its message is committed.
    ///
    /// # Errors
    /// [`UploadError::Busy`] while draining or if the message takes long; [`UploadError::Expired`];
    /// [`UploadError::Rejected`]; [`UploadError::NotFound`].
    pub async fn head(&self, owner: &UserId, id: UploadId) -> Result<Standing, UploadError> {
        let (upload, elsewhere) = self.find_with_holder(owner, id).await?;
        if self.draining.is_cancelled() {
            return Err(UploadError::Busy);
        }
        let settled = self.settle_for_head(id, upload, elsewhere).await;
        // A client that gets any other error here throws its upload away.
        settled.map_err(|error| match error {
            UploadError::NoRoom | UploadError::Displaced => UploadError::Busy,
            error => error,
        })
    }

    async fn settle_for_head(
        &self,
        id: UploadId,
        upload: Upload,
        elsewhere: Elsewhere,
    ) -> Result<Standing, UploadError> {
        if matches!(upload.concat, Concat::Final(_)) {
            // No client sends bytes to a final upload, and the server's join is waited for.
            return self.settle_found(upload).await;
        }
        let lease = self.stores.leases.take_held(id, Wanted::WhatCame, elsewhere).await;
        match lease.map(|lease| lease.is_some()) {
            Ok(false) => self.settle_found(upload).await,
            // Or a newer request has the upload: the answer is the recorded offset, which that request may
            // move on.
            Ok(true) | Err(NoTurn::Displaced) => self.settle(id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The upload as it stands, without displacing any request.
    ///
    /// # Errors
    /// [`UploadError::NotFound`], [`UploadError::Expired`].
    pub async fn status(&self, owner: &UserId, id: UploadId) -> Result<Standing, UploadError> {
        let upload = self.find(owner, id).await?;
        self.standing(upload).await
    }

    /// The caller's uploads that can be continued, newest first.
    ///
    /// # Errors
    /// [`UploadError::Store`].
    pub async fn unfinished(&self, owner: &UserId) -> Result<Vec<Standing>, UploadError> {
        let mut standings = Vec::new();
        for upload in self.stores.records.unfinished(owner, MOST_LISTED).await? {
            if upload.state.needs_bytes() && !self.is_overdue(&upload).await? {
                standings.push(self.standing(upload).await?);
            }
        }
        Ok(standings)
    }

    /// The bytes of a complete upload, wherever they are by now.
    ///
    /// # Errors
    /// [`UploadError::Store`] if they cannot be read.
    pub async fn read(&self, standing: &Standing, range: Range<u64>) -> Result<ByteStream, UploadError> {
        let (payloads, source) = (&self.stores.payloads, source_of(standing));
        if let Source::Part(id) = source
            && standing.upload.state != State::Receiving
        {
            payloads.seal(id, standing.upload.offset).await?;
        }
        Ok(payloads.read(&source, range).await?)
    }
}

fn source_of(Standing { upload, message, .. }: &Standing) -> Source {
    match message {
        Some(message) => {
            let place = Place::of(message);
            Source::Placed(place, message.upload_id.into())
        }
        None => Source::Part(upload.id),
    }
}
