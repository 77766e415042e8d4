//! Bindings of uploads to the messages that they are to become.

use async_trait::async_trait;
use futures_util::try_join;

use super::change::{Change, Tx};
use super::client_ids;
use super::fault::Fault;
use super::seen::{self, Beside};
use super::uploads;
use crate::store::{Created, Taking};
use crate::upload::{Binding, UploadId};

/// Binds an unbound upload.
pub(super) struct Bind<'a> {
    pub(super) id: UploadId,
    pub(super) binding: &'a Binding,
    pub(super) taking: Taking,
}

#[async_trait]
impl Change for Bind<'_> {
    type Answer = Created;

    async fn make(&self, tx: &Tx) -> Result<Created, Fault> {
        let beside = Beside { binding: Some(self.binding), ..Beside::default() };
        let seen = seen::existing(tx, self.id, beside).await?;
        let bound = seen.upload.clone().bind(self.binding.clone())?;
        if let Some(holder) = seen.holder.filter(|holder| holder.keeps(&bound, self.taking)) {
            return Ok(Created::Taken(holder.upload));
        }
        try_join!(
            client_ids::take(tx, &bound, seen.holder, self.taking),
            uploads::replace(tx, &seen, &bound)
        )?;
        Ok(Created::New(bound.state))
    }
}
