//! Folders as kills, other processes and bad disks leave them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use super::Fixture;
use crate::store::contract::samples::{found, store, whole};
use crate::store::sled::{OpenError, SledStore};
use crate::store::{Durability, Records};

/// A closed folder with some rows.
async fn closed() -> Fixture {
    let mut fixture = Fixture::new();
    for _ in 0..20 {
        store(&fixture, &whole(Some(&uuid::Uuid::new_v4().to_string()))).await;
    }
    fixture.store = None;
    fixture
}

/// The database below the store. The threads of an earlier store let go of its lock a little later.
fn database(folder: &Path) -> sled::Db {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match sled::open(folder) {
            Ok(database) => return database,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn open(folder: &Path) -> Result<SledStore, OpenError> {
    SledStore::open(folder, Durability::Power)
}

/// The names and lengths of the files, without the snapshots, of which sled makes new ones.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable"));
    entries
        .map(|entry| {
            let length = entry.metadata().expect("readable").len();
            (entry.file_name().to_string_lossy().into_owned(), length)
        })
        .filter(|(name, _)| !name.starts_with("snap."))
        .collect()
}

#[tokio::test]
async fn a_missing_folder_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a/b/records");
    drop(open(&path).expect("opened"));
    drop(open(&path).expect("opened again"));
}

#[tokio::test]
async fn an_unfinished_snapshot_does_not_prevent_opening() {
    let mut fixture = Fixture::new();
    let upload = whole(None);
    store(&fixture, &upload).await;
    fixture.store = None;
    let left = fixture.path().join("snap.00000000003AF4E0.generating");
    fs::write(&left, b"half a snapshot").expect("written");
    fixture.open();
    assert_eq!(found(&fixture, upload.id).await, upload);
    assert!(!left.exists());
}

/// Whether a file of this folder can be given the attribute.
fn can_write_through(folder: &Path) -> bool {
    let file = fs::File::create(folder.join("scratch")).expect("made");
    let flags = ioctl_getflags(&file).map(|flags| ioctl_setflags(&file, flags | IFlags::SYNC));
    fs::remove_file(folder.join("scratch")).expect("removed");
    matches!(flags, Ok(Ok(())))
}

#[tokio::test]
async fn the_log_is_written_through_where_a_power_cut_is_to_be_survived() {
    let fixture = closed().await;
    let can = can_write_through(&fixture.path());
    let is_set = |durability| {
        drop(SledStore::open(&fixture.path(), durability).expect("opened"));
        let db = fs::File::open(fixture.path().join("db")).expect("there");
        ioctl_getflags(db).is_ok_and(|flags| flags.contains(IFlags::SYNC))
    };
    // Where the file system cannot, the store opens all the same.
    assert_eq!(is_set(Durability::Power), can);
    assert!(!is_set(Durability::Process));
}

#[tokio::test]
async fn a_folder_is_opened_by_one_at_a_time() {
    let mut fixture = Fixture::new();
    let path = fixture.path();
    let snapshot = path.join("snap.00000000003AF4E0.generating");
    fs::write(&snapshot, b"of the one who has it open").expect("written");
    let second = open(&path).expect_err("in use");
    assert!(snapshot.exists());
    assert!(matches!(second, OpenError::InUse(_)), "{second}");
    assert_eq!(second.to_string(), format!("{} is in use by another process", path.display()));
    let upload = whole(None);
    store(&fixture, &upload).await;
    fixture.store = None;
    fixture.open();
    assert_eq!(found(&fixture, upload.id).await, upload);
}

#[tokio::test]
async fn the_folder_is_free_once_sled_has_been_locked_by_a_predecessor() {
    let fixture = closed().await;
    let db = fs::File::open(fixture.path().join("db")).expect("there");
    db.lock().expect("locked");
    let letting_go = std::thread::spawn(move || db.unlock());
    drop(open(&fixture.path()).expect("opened"));
    letting_go.join().expect("no panic").expect("unlocked");
}

#[tokio::test]
async fn damage_is_told_and_no_file_is_deleted() {
    let garbage = |path: &Path| {
        let length = usize::try_from(fs::metadata(path).expect("there").len()).expect("small");
        fs::write(path, vec![0xa5; length]).expect("written");
    };
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 7] = [
        ("an empty log", &|folder| fs::write(folder.join("db"), b"").expect("written")),
        ("no log", &|folder| fs::remove_file(folder.join("db")).expect("removed")),
        ("a short log", &|folder| fs::write(folder.join("db"), b"garbage").expect("written")),
        ("garbage for a log", &|folder| garbage(&folder.join("db"))),
        ("garbage for parameters", &|folder| garbage(&folder.join("conf"))),
        ("a later format", &|folder| {
            database(folder).insert([0], b"longhaul records, format 3\n").expect("written");
        }),
        ("an earlier format", &|folder| {
            database(folder).insert([0], b"longhaul records, format 1\n").expect("written");
        }),
    ];
    for (name, damage) in damages {
        let folder = closed().await.folder;
        let path = folder.path().join("records");
        damage(&path);
        let before = files(&path);
        let error = open(&path).expect_err(name);
        assert!(matches!(error, OpenError::Damaged { .. }), "{name}: {error}");
        let after = files(&path);
        for (file, length) in before {
            assert!(after.get(&file).is_some_and(|now| *now >= length), "{name}: {file}");
        }
    }
}

#[tokio::test]
async fn a_database_of_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let db = database(folder.path());
    db.insert(b"theirs", b"row").expect("written");
    drop(db);
    let error = open(folder.path()).expect_err("not ours");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let db = database(folder.path());
    assert_eq!(db.len(), 1);
}

#[tokio::test]
async fn a_file_in_the_place_of_the_folder_is_an_error_of_io() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let error = open(file.path()).expect_err("a file");
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

#[tokio::test]
async fn a_kill_before_the_mark_is_made_up_for() {
    let fixture = closed().await;
    let path = fixture.path();
    fs::remove_file(path.join("format")).expect("removed");
    let store = open(&path).expect("opened");
    assert_eq!(store.owed(None, 99).await.expect("readable").len(), 20);
    assert!(path.join("format").exists());
}

/// sled takes a log that ends early for one whose end was never written.
#[tokio::test]
async fn a_log_that_is_older_than_the_journal_is_damage() {
    let mut fixture = closed().await;
    let (path, earlier) = (fixture.path(), tempfile::tempdir().expect("a temporary folder"));
    let of_sled = |folder: &Path| -> Vec<_> {
        let files = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
        let is_ours = |file: &PathBuf| {
            let name = file.file_name().expect("named").to_string_lossy().into_owned();
            name == "format" || name.starts_with("journal")
        };
        files.filter(|file| file.is_file() && !is_ours(file)).collect()
    };
    for file in of_sled(&path) {
        fs::copy(&file, earlier.path().join(file.file_name().expect("named"))).expect("copied");
    }
    fixture.open();
    store(&fixture, &whole(None)).await;
    fixture.store = None;
    for file in of_sled(&path) {
        fs::remove_file(file).expect("removed");
    }
    for file in of_sled(earlier.path()) {
        fs::copy(&file, path.join(file.file_name().expect("named"))).expect("put back");
    }
    let error = open(&path).expect_err("rows are gone");
    assert!(error.to_string().contains("its latest rows are gone"), "{error}");
    // Without syncs a power cut may do this.
    SledStore::open(&path, Durability::Process).expect("opened");
}
