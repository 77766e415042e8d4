//! Duties: a row for each, with the node that has it.

use async_trait::async_trait;

use super::super::rows;
use super::PostgresNode;
use crate::store::{Duties, Duty, StoreError};

/// Gives the node a duty that no node has that is there. Another's row is locked for a moment, and not
/// written.
const ENTER: &str = "
    with taken as (insert into duties (duty, node) values ($1, $2)
        on conflict (duty) do update set node = $2 where duties.node <> $2 and not exists
            (select from nodes n where n.id = duties.node and n.beat > now() - interval '5 seconds')
        returning node)
    select exists (select from taken) or exists (select from duties where duty = $1 and node = $2) is_mine";

#[async_trait]
impl Duties for PostgresNode {
    async fn is_mine(&self, duty: Duty) -> Result<bool, StoreError> {
        let row = self.0.connections.query(ENTER, &[&name(duty), &self.0.number]).await?.pop();
        row.map_or(Ok(false), |row| rows::column(&row, "is_mine"))
    }
}

/// The name of a duty in its row, which all versions know.
fn name(duty: Duty) -> &'static str {
    match duty {
        Duty::Recover => "recover",
        Duty::Publish => "publish",
        Duty::Sweep => "sweep",
        Duty::Orphans => "orphans",
        Duty::Leftovers => "leftovers",
    }
}
