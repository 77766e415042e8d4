//! Upload records.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::{Memory, Tables};
use crate::message::UserId;
use crate::store::{Created, Records, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Bounds, Conflict, Epoch, Held, State, Upload, UploadId, Weight};

#[async_trait]
impl Records for Memory {
    async fn create_with(
        &self,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        let mut tables = self.tables();
        match tables.uploads.get(&upload.id) {
            Some(there) if there == upload => return Ok(Created::New(upload.state.clone())),
            Some(_) => return Err(Conflict::AnotherUpload.into()),
            None => {}
        }
        if let Some(holder) = tables.claims.keeper(upload, taking) {
            return Ok(Created::Taken(holder));
        }
        if let Err(refusal) = bounds.admit(tables.held(&upload.owner), upload) {
            return Ok(Created::Refused(refusal));
        }
        tables.claims.take(upload, taking);
        tables.uploads.insert(upload.id, upload.clone());
        tables.use_up(upload);
        Ok(Created::New(tables.go_along(upload.id, claim)?))
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        Ok(self.tables().uploads.get(&id).cloned())
    }

    async fn holder(&self, upload: &Upload) -> Result<Option<UploadId>, StoreError> {
        Ok(self.tables().claims.holder(upload).map(|holder| holder.upload))
    }

    async fn raise(&self, id: UploadId) -> Result<Option<Epoch>, StoreError> {
        let mut tables = self.tables();
        let Some(upload) = tables.uploads.get_mut(&id) else { return Ok(None) };
        *upload = upload.clone().taken();
        Ok(Some(upload.epoch))
    }

    async fn append_with(
        &self,
        id: UploadId,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        let mut tables = self.tables();
        let upload = tables.upload(id)?;
        *upload = upload.clone().append(row)?;
        let upload = upload.clone();
        tables.use_up(&upload);
        tables.go_along(id, claim)
    }

    async fn transition(
        &self,
        id: UploadId,
        seen: Epoch,
        from: &State,
        to: &State,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let upload = tables.upload(id)?;
        *upload = upload.clone().end(seen, from, to)?;
        let upload = upload.clone();
        if from.takes_back(to) {
            tables.claims.take_back(&upload);
        } else if *to == State::Expired {
            tables.claims.release(&upload);
        }
        Ok(())
    }

    async fn bind(&self, id: UploadId, binding: &Binding, taking: Taking) -> Result<Created, StoreError> {
        let mut tables = self.tables();
        let bound = tables.upload(id)?.clone().bind(binding.clone())?;
        if let Some(holder) = tables.claims.keeper(&bound, taking) {
            return Ok(Created::Taken(holder));
        }
        tables.claims.take(&bound, taking);
        let state = bound.state.clone();
        tables.uploads.insert(id, bound);
        Ok(Created::New(state))
    }

    async fn remove(&self, id: UploadId, seen: Epoch) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let Some(upload) = tables.uploads.get(&id).cloned() else {
            return Ok(());
        };
        upload.removable(seen)?;
        tables.claims.release(&upload);
        tables.uploads.remove(&id);
        tables.used.remove(&id);
        Ok(())
    }

    async fn unfinished(&self, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<_> = tables
            .uploads
            .values()
            .filter(|upload| upload.owner == *owner && !matches!(upload.state, State::Committed(_)))
            .filter(|upload| !tables.used.contains(&upload.id))
            .cloned()
            .collect();
        found.sort_by_key(|upload| Reverse((upload.created_at, upload.id)));
        found.truncate(limit);
        Ok(found)
    }

    async fn held(&self, owner: &UserId) -> Result<Held, StoreError> {
        Ok(self.tables().held(owner))
    }

    async fn missing(&self) -> Result<u128, StoreError> {
        Ok(self.tables().weights().map(|(_, weight)| weight.missing).sum())
    }

    async fn owed(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let tables = self.tables();
        let owed = tables.uploads.values().filter(|upload| upload.is_driven()).map(|upload| upload.id);
        Ok(owed.filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
    }

    async fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let tables = self.tables();
        // An upload that expires after no time at all expires at its last byte.
        let idle =
            tables.uploads.values().filter(|upload| upload.expires_at(0).is_some_and(|at| at < cutoff));
        Ok(idle.map(|upload| upload.id).take(limit).collect())
    }

    async fn committed_before(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let tables = self.tables();
        let committed = tables.uploads.values().filter(|u| matches!(u.state, State::Committed(_)));
        let mut found: Vec<_> = committed.map(|upload| (upload.active_at, upload.id)).collect();
        found.sort_unstable();
        found.retain(|(at, _)| *at < cutoff);
        Ok(found.into_iter().map(|(_, id)| id).take(limit).collect())
    }
}

impl Tables {
    /// What each upload weighs. The sums are made anew whenever they are asked for.
    fn weights(&self) -> impl Iterator<Item = (&Upload, Weight)> {
        let unused = self.uploads.values().filter(|upload| !self.used.contains(&upload.id));
        unused.map(|upload| (upload, upload.weight()))
    }

    fn held(&self, owner: &UserId) -> Held {
        let own = self.weights().filter(|(upload, _)| upload.owner == *owner);
        own.fold(Held::default(), |held, (_, weight)| held.changed(Held::default(), weight.held))
    }

    fn use_up(&mut self, upload: &Upload) {
        let parts = upload.joined_parts().map_or(&[][..], |parts| parts.ids());
        self.used.extend(parts.iter().filter(|part| self.uploads.contains_key(part)));
    }

    /// A claim that is refused leaves the upload as it is. Answers its state.
    fn go_along(&mut self, id: UploadId, claim: Option<Timestamp>) -> Result<State, StoreError> {
        let _ = claim.map(|now| self.claim(id, now));
        Ok(self.upload(id)?.state.clone())
    }

    pub(super) fn upload(&mut self, id: UploadId) -> Result<&mut Upload, StoreError> {
        self.uploads.get_mut(&id).ok_or(StoreError::Conflict(Conflict::Gone))
    }
}
