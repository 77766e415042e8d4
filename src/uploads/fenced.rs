//! The reason why a holder's row was refused.

use crate::store::{Records, StoreError};
use crate::upload::{Epoch, UploadId};

/// The reason, for a holder in this epoch. Mostly a newer request has the upload. If none has, the store has
/// forgotten this one, as a database may that another one took the place of: the client is to come again.
pub(super) async fn reason(records: &dyn Records, id: UploadId, holder: Epoch) -> StoreError {
    match records.find(id).await {
        Ok(Some(recorded)) if recorded.epoch < holder => {
            StoreError::Unavailable("the store has forgotten who has the upload".into())
        }
        Ok(_) => StoreError::Fenced,
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Taking;
    use crate::store::contract::samples::unbound;
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn only_a_holder_that_the_store_forgot_may_come_again() {
        let (memory, upload) = (Memory::new(), unbound());
        memory.create(&upload, Taking::IfFree).await.expect("stored");
        let forgotten = reason(&memory, upload.id, upload.epoch.next()).await;
        assert!(matches!(forgotten, StoreError::Unavailable(_)), "{forgotten:?}");
        let displaced = reason(&memory, upload.id, upload.epoch).await;
        assert!(matches!(displaced, StoreError::Fenced), "{displaced:?}");
        let gone = reason(&memory, UploadId::random(), upload.epoch.next()).await;
        assert!(matches!(gone, StoreError::Fenced), "{gone:?}");
    }
}
