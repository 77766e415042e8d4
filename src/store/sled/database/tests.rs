//! Readers beside groups that are applied, durable, failed.

use std::pin::pin;

use futures_util::FutureExt;
use tempfile::TempDir;

use super::super::view::{Changes, Rows, View};
use super::{Database, Reopened};
use crate::message::MessageIds;
use crate::store::{Durability, StoreError};

const KEY: &[u8] = b"\x10key";

fn open() -> (TempDir, Database) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Database::open(folder.path(), Durability::Power).expect("opened");
    (folder, database)
}

fn change(database: &Database, row: &'static str) -> Changes {
    let mut ids = MessageIds::new([0; 8]);
    let changes = database.with(|tree| {
        let mut view = View::new(tree, &mut ids);
        view.put(KEY.to_vec(), row).expect("small");
        view.into_changes()
    });
    changes.expect("open")
}

async fn read(database: &Database) -> Result<Option<sled::IVec>, StoreError> {
    database.read(|tree| Rows::get(tree, KEY)).await
}

#[tokio::test]
async fn a_reader_waits_until_what_it_saw_is_durable() {
    let (_folder, database) = open();
    database.commit(&change(&database, "old")).expect("committed");
    assert_eq!(read(&database).now_or_never().expect("durable").expect("read"), Some("old".into()));
    let applied = database.apply(&change(&database, "new")).expect("applied");
    let mut reader = pin!(read(&database));
    assert!((&mut reader).now_or_never().is_none(), "it is applied and not durable");
    database.flush().expect("flushed");
    database.sync().expect("synced");
    assert!((&mut reader).now_or_never().is_none(), "nobody said so");
    database.durable.send_replace(applied);
    assert_eq!(reader.await.expect("read"), Some("new".into()));
}

#[tokio::test]
async fn a_reader_of_a_failed_group_reads_again() {
    let (_folder, database) = open();
    database.apply(&change(&database, "new")).expect("applied");
    let mut reader = pin!(read(&database));
    assert!((&mut reader).now_or_never().is_none());
    database.put_away(database.slot_mut());
    assert!((&mut reader).now_or_never().is_none(), "it is being opened again");
    let mut newcomer = pin!(read(&database));
    assert!((&mut newcomer).now_or_never().is_none());
    assert_eq!(database.reopen(), Reopened::Yes);
    let found = reader.await.expect("read");
    assert_eq!(newcomer.await.expect("read"), found);
    database.commit(&change(&database, "newest")).expect("committed");
    assert_eq!(read(&database).await.expect("read"), Some("newest".into()));
}

#[tokio::test]
async fn a_reader_of_a_closed_database_is_told() {
    let (_folder, database) = open();
    database.apply(&change(&database, "new")).expect("applied");
    let mut reader = pin!(read(&database));
    assert!((&mut reader).now_or_never().is_none());
    database.close(StoreError::Full, true);
    assert!(matches!(reader.await, Err(StoreError::Unavailable(_))));
    assert!(matches!(read(&database).await, Err(StoreError::Unavailable(_))));
    assert_eq!(database.reopen(), Reopened::Never);
}
