//! The judgement whether a complete upload may become its message.

use crate::store::{Memberships, StoreError};
use crate::upload::{Binding, RejectionReason, Upload};

/// The reason to reject the upload for good, if there is one.
pub(super) async fn fault(
    memberships: &dyn Memberships,
    upload: &Upload,
    binding: &Binding,
) -> Result<Option<RejectionReason>, StoreError> {
    if let Some(fault) = upload.digest_fault() {
        return Ok(Some(fault));
    }
    Ok(match memberships.is_participant(binding.conversation_id, &upload.owner).await? {
        Some(true) => None,
        Some(false) => Some(RejectionReason::NotAParticipant),
        None => Some(RejectionReason::ConversationGone),
    })
}
