//! Uploads that have this node's name on them for nothing: it took them without learning of it, as the answer
//! was lost or did not come in time; or the database crashed, and forgot that they were let go. The node
//! lives on, so the others would take each of them for held, and none would ever be swept.

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

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn ids(&self) -> Vec<UploadId> {
        self.0.keys().copied().collect()
    }

    /// Notes that these were looked at once more; answers those that were looked at for the last time.
    pub(super) fn looked_at(&mut self, ids: &[UploadId]) -> Vec<UploadId> {
        for id in ids {
            if let Some(beats) = self.0.get_mut(id) {
                *beats -= 1;
            }
        }
        self.0.extract_if(|_, beats| *beats == 0).map(|(id, _)| id).collect()
    }
}

/// Lets go which of these have the node's name on them and are held by no request of this node. An epoch that
/// is read before it is looked whether a request holds the upload is either that request's or a stray's; a
/// request that comes later takes another epoch, from which nothing is taken here.
pub(super) async fn let_strays_go(
    client: &Client,
    number: i32,
    strays: &[UploadId],
    is_held: impl Fn(UploadId) -> bool,
) -> Result<(), tokio_postgres::Error> {
    if strays.is_empty() {
        return Ok(());
    }
    let all: Vec<Uuid> = strays.iter().copied().map(UploadId::uuid).collect();
    let sql = "select id, epoch from uploads where id = any($1) and node = $2";
    let (mut ids, mut epochs) = (Vec::new(), Vec::new());
    for row in client.query(sql, &[&all, &number]).await? {
        let id: Uuid = row.try_get("id")?;
        if !is_held(id.into()) {
            ids.push(id);
            epochs.push(row.try_get("epoch")?);
        }
    }
    let_go(client, number, &ids, &epochs).await
}
