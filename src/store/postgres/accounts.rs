//! The sums over the unfinished uploads of each owner.

use super::change::Tx;
use super::fault::Fault;
use crate::message::UserId;
use crate::upload::{Held, Weight};

/// Changes the sums of an owner by the change of an upload's weight.
pub(super) async fn reweigh(tx: &Tx, owner: &UserId, [before, after]: [Weight; 2]) -> Result<(), Fault> {
    if before.held == after.held {
        return Ok(());
    }
    let sql = "insert into accounts (member, uploads, bytes)
            values ($1, greatest($2::bigint, 0), greatest($3::text::numeric, 0))
        on conflict (member) do update set uploads = greatest(accounts.uploads + $2::bigint, 0),
            bytes = greatest(accounts.bytes + $3::text::numeric, 0)";
    let uploads = after.held.uploads.cast_signed() - before.held.uploads.cast_signed();
    let bytes = after.held.bytes.cast_signed() - before.held.bytes.cast_signed();
    tx.execute(sql, &[&owner.as_str(), &uploads, &bytes.to_string()]).await?;
    Ok(())
}

/// Inserts the sums of an owner who had none. It fails if there are some by now.
pub(super) async fn open(tx: &Tx, owner: &UserId, held: Held) -> Result<(), Fault> {
    let sql = "insert into accounts (member, uploads, bytes) values ($1, $2, $3::text::numeric)";
    tx.execute(sql, &[&owner.as_str(), &held.uploads.cast_signed(), &held.bytes.to_string()]).await?;
    Ok(())
}
