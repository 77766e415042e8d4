//! The statement that lets uploads go.

use tokio_postgres::Client;
use uuid::Uuid;

/// Takes the node's name off uploads that are in these epochs still.
pub(super) async fn let_go(
    client: &Client,
    number: i32,
    ids: &[Uuid],
    epochs: &[i64],
) -> Result<(), tokio_postgres::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "update uploads u set node = null from unnest($1::uuid[], $2::bigint[]) l (id, epoch)
        where u.id = l.id and u.epoch = l.epoch and u.node = $3";
    client.execute(sql, &[&ids, &epochs, &number]).await.map(drop)
}
