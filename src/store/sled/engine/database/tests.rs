//! Groups on their way to sled.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use sled::IVec;
use tempfile::TempDir;

use super::super::layered::Rows;
use super::*;

const KEY: &[u8] = b"\x10key";
const VOLATILE: &[u8] = b"\x60key";
const LAYOUT: Layout =
    Layout { format: b"\x00", flushed: b"\x7f", is_volatile: |key| key == VOLATILE, suffix_of_set: |_| None };

fn open() -> (TempDir, Database, Journal) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (database, journal) = open_in(folder.path(), None).expect("opened");
    (folder, database, journal)
}

fn open_in(folder: &Path, outside: Option<Arc<dyn Outside>>) -> Result<(Database, Journal), OpenError> {
    Database::open(folder, Durability::Power, &LAYOUT, outside)
}

fn change(row: &'static str) -> Memtable {
    let mut changes = Memtable::default();
    changes.insert(KEY.into(), Change::put(row));
    changes
}

async fn read(database: &Database) -> Result<Option<IVec>, StoreError> {
    database.read(|stored| stored.get(KEY)).await
}

#[tokio::test]
async fn a_group_is_read_wherever_it_is() {
    let (_folder, database, _journal) = open();
    assert_eq!(read(&database).await.expect("read"), None);
    database.show(change("one"));
    assert_eq!(read(&database).await.expect("read"), Some("one".into()));
    database.freeze(1);
    assert!(database.is_frozen() && database.active_bytes() == 0);
    assert_eq!(read(&database).await.expect("read"), Some("one".into()));
    database.flush(&|_| ()).expect("stored");
    assert!(!database.is_frozen());
    assert_eq!(read(&database).await.expect("read"), Some("one".into()));
    database.show(change("two"));
    assert_eq!(read(&database).await.expect("read"), Some("two".into()));
}

#[tokio::test]
async fn what_the_journal_has_is_there_after_a_restart() {
    let (folder, database, mut journal) = open();
    journal.append(&change("one")).expect("written");
    drop((database, journal));
    let (database, journal) = open_in(folder.path(), None).expect("opened");
    assert_eq!(read(&database).await.expect("read"), Some("one".into()));
    drop((database, journal));
}

#[tokio::test]
async fn a_reader_waits_while_sled_is_opened_again() {
    let (_folder, database, _journal) = open();
    database.show(change("one"));
    database.put_away();
    assert!(matches!(database.with(|_| ()), Err(StoreError::Full)), "whoever changes it is told why");
    let (found, reopened) = tokio::join!(read(&database), async {
        tokio::task::yield_now().await;
        database.reopen()
    });
    reopened.expect("opened again");
    assert_eq!(found.expect("read"), Some("one".into()));
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_a_while_where_the_disk_was_too_full_to_open_sled() {
    let (_folder, database, _journal) = open();
    database.show(change("one"));
    let full = || {
        database.put_away();
        database.state_mut().stored = Stored::Reopening(Some(StoreError::Full));
    };
    full();
    let (found, reopened) = tokio::join!(read(&database), async {
        tokio::time::sleep(PATIENCE_WHEN_FULL / 2).await;
        database.reopen()
    });
    reopened.expect("opened again");
    assert_eq!(found.expect("read"), Some("one".into()));
    full();
    let before = Instant::now();
    assert!(matches!(read(&database).await, Err(StoreError::Full)), "nobody opened it");
    assert_eq!(before.elapsed(), PATIENCE_WHEN_FULL);
}

/// The case that the first attempt to open sled found no room.
#[test]
fn a_flush_opens_what_is_not_open() {
    let (_folder, database, _journal) = open();
    database.show(change("one"));
    database.freeze(1);
    database.put_away();
    database.state_mut().stored = Stored::Reopening(Some(StoreError::Full));
    let database = Arc::new(database);
    let (done, outcome) = mpsc::channel();
    let flushing = Arc::clone(&database);
    std::thread::spawn(move || done.send(flushing.flush(&|_| ())));
    let outcome = outcome.recv_timeout(Duration::from_secs(60)).expect("it does not wait for itself");
    outcome.expect("stored");
    assert!(!database.is_frozen());
}

/// An outside that cannot settle anything the first time.
#[derive(Default)]
struct Reluctant(AtomicBool);

impl Outside for Reluctant {
    fn settle(&self, keys: &[&Key]) -> Result<(), StoreError> {
        assert_eq!(keys, [&Key::from_slice(VOLATILE)]);
        let is_ready = self.0.swap(true, Ordering::Relaxed);
        if is_ready { Ok(()) } else { Err(StoreError::Unavailable("too many open files".into())) }
    }

    fn restore(&self, _: &Layered<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn what_cannot_be_settled_for_the_moment_closes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let outside = Arc::new(Reluctant::default());
    let (database, _journal) = open_in(folder.path(), Some(outside)).expect("opened");
    let mut changes = change("one");
    changes.insert(VOLATILE.into(), Change::put("bytes"));
    database.show(changes);
    database.freeze(1);
    assert!(matches!(database.flush(&|_| ()), Err(StoreError::Unavailable(_))));
    assert!(database.is_frozen());
    assert_eq!(read(&database).await.expect("read"), Some("one".into()));
    database.flush(&|_| ()).expect("stored");
    assert!(!database.is_frozen());
    let volatile = database.read(|stored| stored.get(VOLATILE)).await;
    assert_eq!(volatile.expect("read"), None, "sled never gets it");
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let (_folder, database, _journal) = open();
    database.show(change("one"));
    database.freeze(1);
    database.close(&StoreError::Full);
    assert!(matches!(read(&database).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(database.flush(&|_| ()), Err(StoreError::Unavailable(_))));
}

/// A sweep of many uploads reads without a pause.
#[test]
fn whoever_reads_without_a_pause_lets_groups_in() {
    const GROUPS: usize = 20;
    const MOST_LOOKS: usize = 50 * GROUPS;
    let (_folder, database, _journal) = open();
    let (looks, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) && looks.fetch_add(1, Ordering::Relaxed) < MOST_LOOKS {
                // Busy: a thread that sleeps meanwhile would let others in.
                database.with(|_| (0..100_000).map(std::hint::black_box).max()).expect("open");
            }
        });
        while looks.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        for _ in 0..GROUPS {
            database.show(change("one"));
        }
        is_done.store(true, Ordering::Relaxed);
    });
    let looks = looks.into_inner();
    assert!(looks < MOST_LOOKS, "{GROUPS} groups waited for {looks} looks");
}
