//! The reason why a holder's row was refused.

use super::error::UploadError;
use crate::store::{Records, StoreError};
use crate::time::Timestamp;
use crate::upload::{Epoch, State, Upload, UploadId};

/// The reason, for a holder in this epoch of an upload that expires so many seconds after its last byte.
/// Mostly a newer request has the upload. If none has, either its time was up while this process stood still,
/// and a sweep has it, or the store has forgotten this holder, as a database may that another one took the
/// place of: then the client is to come again.
pub(super) async fn reason(
    records: &dyn Records,
    id: UploadId,
    holder: Epoch,
    expire_after_secs: u64,
) -> UploadError {
    match records.find(id).await {
        Ok(Some(recorded)) if recorded.epoch < holder => {
            StoreError::Unavailable("the store has forgotten who has the upload".into()).into()
        }
        Ok(Some(recorded)) if is_over(&recorded, expire_after_secs) => UploadError::Expired,
        Ok(_) => UploadError::Displaced,
        Err(error) => error.into(),
    }
}

fn is_over(recorded: &Upload, expire_after_secs: u64) -> bool {
    let is_due = recorded.expires_at(expire_after_secs).is_some_and(|at| at <= Timestamp::now());
    is_due || recorded.state == State::Expired
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Taking;
    use crate::store::contract::samples::unbound;
    use crate::store::memory::Memory;

    const NEVER: u64 = u64::MAX;

    #[tokio::test]
    async fn a_holder_whose_row_was_refused_is_told_why() {
        let (memory, upload) = (Memory::new(), unbound());
        memory.create(&upload, Taking::IfFree).await.expect("stored");
        let (id, epoch) = (upload.id, upload.epoch);
        let forgotten = reason(&memory, id, epoch.next(), NEVER).await;
        assert!(matches!(forgotten, UploadError::Store(StoreError::Unavailable(_))), "{forgotten:?}");
        let displaced = reason(&memory, id, epoch, NEVER).await;
        assert!(matches!(displaced, UploadError::Displaced), "{displaced:?}");
        let swept = reason(&memory, id, epoch, 0).await;
        assert!(matches!(swept, UploadError::Expired), "{swept:?}");
        memory.transition(id, epoch, &upload.state, &State::Expired).await.expect("changed");
        let expired = reason(&memory, id, epoch, NEVER).await;
        assert!(matches!(expired, UploadError::Expired), "{expired:?}");
        let gone = reason(&memory, UploadId::random(), epoch.next(), NEVER).await;
        assert!(matches!(gone, UploadError::Displaced), "{gone:?}");
    }
}
