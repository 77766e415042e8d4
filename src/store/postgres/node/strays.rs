//! Uploads that this node may have taken without learning of it: the answer was lost, or did not come in
//! time. It lives on, so the others would take each of them for held, and none would ever be swept.

use std::collections::HashMap;

use tokio_postgres::Client;
use uuid::Uuid;

use super::let_go::let_go;
use crate::upload::UploadId;

/// How many beats long an upload is looked at. A statement that was given up goes on in the database; it
/// waits for locks for a shorter time than this, and no beat is answered by a database that stands still.
const BEATS: u8 = 20;

/// The strays, each with the number of beats for which it is looked at.
#[derive(Debug, Default)]
pub(super) struct Strays(HashMap<UploadId, u8>);

impl Strays {
    pub(super) fn note(&mut self, id: UploadId) {
        self.0.insert(id, BEATS);
    }

    /// Lets go what has the node's name on it and is held by no request of this node. An epoch that is read
    /// before it is looked whether a request holds the upload is either that request's or a stray's; a
    /// request that comes later takes another epoch, from which nothing is taken here.
    pub(super) async fn let_go(
        &mut self,
        client: &Client,
        number: i32,
        is_held: impl Fn(UploadId) -> bool,
    ) -> Result<(), tokio_postgres::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = self.0.keys().copied().map(UploadId::uuid).collect();
        let sql = "select id, epoch from uploads where id = any($1) and node = $2";
        let (mut strays, mut epochs) = (Vec::new(), Vec::new());
        for row in client.query(sql, &[&ids, &number]).await? {
            let id: Uuid = row.try_get("id")?;
            if !is_held(id.into()) {
                strays.push(id);
                epochs.push(row.try_get("epoch")?);
            }
        }
        let_go(client, number, &strays, &epochs).await?;
        self.0.retain(|_, beats| {
            *beats -= 1;
            *beats > 0
        });
        Ok(())
    }
}
