//! The tables, made and changed by the process that starts first. A database tells which version it has, and
//! which one a process must know to use it: so older processes go on beside newer ones during an update.

use deadpool_postgres::Transaction;

use super::connect::Connections;
use crate::store::StoreError;

/// The steps from an empty schema to the tables of this version, each with the oldest version that can use
/// the tables after it.
const STEPS: [Step; 3] = [
    Step { version: 1, usable_from: 1, sql: include_str!("migrations/0001.sql") },
    Step { version: 2, usable_from: 1, sql: include_str!("migrations/0002.sql") },
    Step { version: 3, usable_from: 1, sql: include_str!("migrations/0003.sql") },
];

/// Makes the first schema of the search path, if none of them is there. The text of the path is quoted as a
/// name is.
const SCHEMA: &str = r#"
do $$
declare first text := split_part(current_setting('search_path'), ',', 1);
begin
    if current_schema() is null and first not in ('', '"$user"') then
        execute format('create schema if not exists %s', first);
    end if;
end $$"#;

/// The version of the tables that this process knows.
const KNOWN: i32 = STEPS[STEPS.len() - 1].version;

/// A step that makes, changes or takes away tables. Where it leaves tables that older versions may not use,
/// it has to make their changes fail as well, as by other names: some may be at work still.
struct Step {
    version: i32,
    usable_from: i32,
    sql: &'static str,
}

/// The reason why the database cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database cannot be asked, or refuses a change of its tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables are those of a newer version, which this one cannot use.
    #[error("the tables in the database are for versions from {0} on, and this server knows version {1}")]
    TooNew(i32, i32),
}

/// Makes the tables those of this version. Other processes that start wait meanwhile.
pub(super) async fn apply(connections: &Connections) -> Result<(), MigrationError> {
    let mut client = connections.client().await?;
    let transaction = client.transaction().await.map_err(StoreError::from)?;
    let outcome = apply_in(&transaction).await;
    if outcome.is_ok() {
        transaction.commit().await.map_err(StoreError::from)?;
        client.give_back();
    }
    outcome
}

/// Whether this process may use the tables as they are: a newer one may have changed them since the start.
pub(super) async fn are_usable(connections: &Connections) -> Result<bool, StoreError> {
    let newer = "select 1 from longhaul_tables where usable_from > $1 limit 1";
    Ok(connections.query(newer, &[&KNOWN]).await?.is_empty())
}

async fn apply_in(tx: &Transaction<'_>) -> Result<(), MigrationError> {
    tx.batch_execute("select pg_advisory_xact_lock(hashtext('longhaul'))").await.map_err(StoreError::from)?;
    // That something is there already is no news, and another process may take long.
    tx.batch_execute("set local client_min_messages = warning; set local lock_timeout = 0")
        .await
        .map_err(StoreError::from)?;
    tx.batch_execute(SCHEMA).await.map_err(StoreError::from)?;
    let table = "create table if not exists longhaul_tables (
        version int primary key, usable_from int not null, made_at timestamptz not null default now())";
    tx.batch_execute(table).await.map_err(StoreError::from)?;
    let found = "select coalesce(max(version), 0), coalesce(max(usable_from), 0) from longhaul_tables";
    let found = tx.query_one(found, &[]).await.map_err(StoreError::from)?;
    let (version, usable_from): (i32, i32) = (found.get(0), found.get(1));
    if usable_from > KNOWN {
        return Err(MigrationError::TooNew(usable_from, KNOWN));
    }
    for step in STEPS.iter().filter(|step| step.version > version) {
        tx.batch_execute(step.sql).await.map_err(StoreError::from)?;
        let done = "insert into longhaul_tables (version, usable_from) values ($1, $2)";
        tx.execute(done, &[&step.version, &step.usable_from]).await.map_err(StoreError::from)?;
    }
    Ok(())
}
