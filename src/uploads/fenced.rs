//! The reason why a holder's row was refused.

use super::error::UploadError;
use crate::store::{Records, StoreError};
use crate::upload::{Epoch, State, UploadId};

/// The reason, for a holder in this epoch. Mostly a newer request has the upload. If none has, either its time
/// was up while this process stood still, or the store has forgotten this holder, as a database may that
/// another one took the place of: then the client is to come again.
pub(super) async fn reason(records: &dyn Records, id: UploadId, holder: Epoch) -> UploadError {
    match records.find(id).await {
        Ok(Some(recorded)) if recorded.epoch < holder => {
            StoreError::Unavailable("the store has forgotten who has the upload".into()).into()
        }
        Ok(Some(recorded)) if recorded.state == State::Expired => UploadError::Expired,
        Ok(_) => UploadError::Displaced,
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Taking;
    use crate::store::contract::samples::unbound;
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn a_holder_whose_row_was_refused_is_told_why() {
        let (memory, upload) = (Memory::new(), unbound());
        memory.create(&upload, Taking::IfFree).await.expect("stored");
        let (id, epoch) = (upload.id, upload.epoch);
        let forgotten = reason(&memory, id, epoch.next()).await;
        assert!(matches!(forgotten, UploadError::Store(StoreError::Unavailable(_))), "{forgotten:?}");
        let displaced = reason(&memory, id, epoch).await;
        assert!(matches!(displaced, UploadError::Displaced), "{displaced:?}");
        memory.transition(id, epoch, &upload.state, &State::Expired).await.expect("changed");
        let expired = reason(&memory, id, epoch).await;
        assert!(matches!(expired, UploadError::Expired), "{expired:?}");
        let gone = reason(&memory, UploadId::random(), epoch.next()).await;
        assert!(matches!(gone, UploadError::Displaced), "{gone:?}");
    }
}
