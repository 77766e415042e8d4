//! Any history of groups, turns and restarts, and files as kills and bad disks leave them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use sled::IVec;
use smallvec::smallvec;
use tempfile::TempDir;

use super::super::memtable::Change;
use super::*;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn group(rows: &[(u8, Option<u8>)]) -> Memtable {
    let mut changes = Memtable::default();
    for (key, row) in rows {
        changes.insert(smallvec![*key], row.map(|row| IVec::from(vec![row])).into());
    }
    changes
}

fn apply(rows: &mut Rows, changes: &Memtable) {
    for (key, row) in changes.iter() {
        match row {
            Some(row) => rows.insert(key.to_vec(), row.to_vec()),
            None => rows.remove(&key[..]),
        };
    }
}

fn open(folder: &TempDir) -> (Journal, Found) {
    open_with(folder, Durability::Process)
}

fn open_with(folder: &TempDir, durability: Durability) -> (Journal, Found) {
    Journal::open(folder.path(), false, durability).expect("opened")
}

fn file(folder: &TempDir, name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(folder.path().join(name)).expect("there")
}

/// The next record of the journal as it would be written.
fn next(journal: &Journal, seed: u32, changes: &Memtable) -> Vec<u8> {
    let mut bytes = Vec::new();
    record::encode(&mut bytes, seed, journal.sequence + 1, journal.flushed, changes);
    bytes
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, Option<u8>)>),
    /// The changes of the other file arrive in sled, and the journal turns to it.
    Turn,
    /// The changes of the other file arrive in sled.
    Arrive,
    Restart(Durability),
    /// A kill in the middle of a write.
    Tear(Vec<(u8, Option<u8>)>, prop::sample::Index),
}

fn durability() -> impl Strategy<Value = Durability> {
    prop_oneof![Just(Durability::Process), Just(Durability::Power)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rows = || prop::collection::vec((0..6u8, prop::option::of(any::<u8>())), 1..4);
    let step = prop_oneof![
        6 => rows().prop_map(Step::Append),
        2 => Just(Step::Turn),
        1 => Just(Step::Arrive),
        1 => durability().prop_map(Step::Restart),
        1 => (rows(), any::<prop::sample::Index>()).prop_map(|(rows, at)| Step::Tear(rows, at)),
    ];
    prop::collection::vec(step, 1..40)
}

/// The rows that sled has, those on their way to it, and all rows.
#[derive(Default)]
struct Model {
    flushed: Rows,
    frozen: Memtable,
    active: Memtable,
    all: Rows,
}

impl Model {
    fn arrive(&mut self) {
        apply(&mut self.flushed, &std::mem::take(&mut self.frozen));
    }

    fn turn(&mut self) {
        self.arrive();
        self.frozen = std::mem::take(&mut self.active);
    }

    /// Checks that after a restart sled and the journal together have all rows.
    fn compare(&mut self, found: Found) {
        let mut rows = self.flushed.clone();
        apply(&mut rows, &found.earlier);
        apply(&mut rows, &found.later);
        assert_eq!(rows, self.all);
        (self.frozen, self.active) = (found.earlier, found.later);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn every_history_is_found(steps in steps(), first in durability()) {
        let folder = folder();
        let (mut journal, found) = open_with(&folder, first);
        prop_assert_eq!(found, Found::default());
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append(rows) => {
                    journal.append(&group(&rows)).expect("written");
                    model.active.merge(group(&rows));
                    apply(&mut model.all, &group(&rows));
                }
                Step::Arrive => {
                    journal.other_is_flushed();
                    model.arrive();
                }
                Step::Turn => {
                    journal.other_is_flushed();
                    journal.turn().expect("turned");
                    model.turn();
                }
                Step::Restart(durability) => {
                    drop(journal);
                    let (opened, found) = open_with(&folder, durability);
                    model.compare(found);
                    journal = opened;
                }
                Step::Tear(rows, at) => {
                    let bytes = next(&journal, journal.files[journal.current].seed(), &group(&rows));
                    let torn = &bytes[..at.index(bytes.len())];
                    let file = file(&folder, NAMES[journal.current]);
                    file.write_all_at(torn, journal.offset).expect("written");
                    let mut there = vec![0; bytes.len()];
                    file.read_exact_at(&mut there, journal.offset).expect("read");
                    if there == bytes {
                        // A former turn left just the bytes that were missing.
                        model.active.merge(group(&rows));
                        apply(&mut model.all, &group(&rows));
                    }
                    let durability = journal.durability;
                    drop(journal);
                    let (opened, found) = open_with(&folder, durability);
                    model.compare(found);
                    journal = opened;
                }
            }
        }
        drop(journal);
        model.compare(open(&folder).1);
    }
}

/// Three records in one file, two in the other, and where the first file's second record begins.
fn two_files(folder: &TempDir) -> u64 {
    let (mut journal, _) = open(folder);
    journal.append(&group(&[(1, Some(1))])).expect("written");
    let second = journal.offset;
    journal.append(&group(&[(2, Some(2))])).expect("written");
    journal.append(&group(&[(3, Some(3))])).expect("written");
    journal.turn().expect("turned");
    journal.append(&group(&[(4, Some(4))])).expect("written");
    journal.append(&group(&[(5, Some(5))])).expect("written");
    second
}

fn damage(folder: &TempDir, name: &str, at: u64) {
    file(folder, name).write_all_at(b"damage", at + 10).expect("written");
}

#[test]
fn a_record_that_is_gone_between_others_is_told() {
    let folder = folder();
    let second = two_files(&folder);
    damage(&folder, NAMES[0], second);
    let error = Journal::open(folder.path(), false, Durability::Power).expect_err("damaged");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // Without syncs a power cut may do that.
    let (_, found) = open(&folder);
    assert_eq!((found.earlier, found.later), (group(&[(1, Some(1))]), Memtable::default()));
}

#[test]
fn damage_where_everything_has_arrived_is_none() {
    let folder = folder();
    let second = two_files(&folder);
    let (mut journal, _) = open(&folder);
    journal.other_is_flushed();
    journal.append(&group(&[(6, None)])).expect("written");
    drop(journal);
    damage(&folder, NAMES[0], second);
    let (_, found) = Journal::open(folder.path(), false, Durability::Power).expect("opened");
    assert_eq!(found.earlier, Memtable::default());
    assert_eq!(found.later, group(&[(4, Some(4)), (5, Some(5)), (6, None)]));
}

#[test]
fn a_file_that_was_not_finished_when_it_was_made_is_made_again() {
    let folder = folder();
    fs::write(folder.path().join(NAMES[1]), [0; 1000]).expect("written");
    drop(open(&folder));
    for name in NAMES {
        assert_eq!(fs::metadata(folder.path().join(name)).expect("there").len(), FILE_BYTES);
    }
}

#[test]
fn a_file_that_has_to_be_there_is_not_made_again() {
    let folder = folder();
    two_files(&folder);
    let path = folder.path().join(NAMES[0]);
    let bytes = fs::read(&path).expect("there");
    let damages = [
        Vec::new(),
        bytes[..5000].to_vec(),
        vec![0; bytes.len()],
        [vec![7; 9], bytes[9..].to_vec()].concat(),
    ];
    for damaged in damages {
        fs::write(&path, &damaged).expect("written");
        let error = Journal::open(folder.path(), true, Durability::Process).expect_err("damaged");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(fs::read(&path).expect("there") == damaged, "it stays as it is");
    }
    fs::write(&path, &bytes).expect("written");
    Journal::open(folder.path(), true, Durability::Process).expect("whole");
    fs::remove_file(&path).expect("there");
    let error = Journal::open(folder.path(), true, Durability::Process).expect_err("gone");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

/// Uploaded bytes lie in the journal as well, and may come after the last record.
#[test]
fn what_was_uploaded_is_no_record_whatever_it_looks_like() {
    let folder = folder();
    let (mut journal, _) = open(&folder);
    journal.append(&group(&[(1, Some(1))])).expect("written");
    let seed = journal.files[0].seed();
    for (seed, expected) in [(0, group(&[(1, Some(1))])), (seed, group(&[(1, Some(1)), (2, Some(2))]))] {
        let bytes = next(&journal, seed, &group(&[(2, Some(2))]));
        file(&folder, NAMES[0]).write_all_at(&bytes, journal.offset).expect("written");
        assert_eq!(open(&folder).1.later, expected);
    }
}

#[test]
fn long_and_short_records_take_turns() {
    let folder = folder();
    let (mut journal, _) = open_with(&folder, Durability::Power);
    let mut all = Memtable::default();
    for number in 0..12u8 {
        let length = [1, 400, 3_000, 66_000][usize::from(number % 4)];
        let mut changes = Memtable::default();
        changes.insert(smallvec![number], Change::put(vec![number; length]));
        journal.append(&changes).expect("written");
        all.merge(changes);
    }
    drop(journal);
    assert_eq!(open_with(&folder, Durability::Power).1.later, all);
}

/// A power cut may destroy the sector that is being written, and must not cost what was acknowledged.
#[test]
fn records_that_are_synced_share_no_sector() {
    let folder = folder();
    let (mut journal, _) = open_with(&folder, Durability::Power);
    let sector = u64::from(sector::of(&file(&folder, NAMES[0])));
    for length in [1, 600, 4_000, 70_000] {
        let before = journal.offset;
        let mut changes = Memtable::default();
        changes.insert(smallvec![1], Change::put(vec![7; length]));
        journal.append(&changes).expect("written");
        assert!(journal.offset.is_multiple_of(sector) && journal.offset > before, "{length}");
    }
}

/// A file that was made without syncs has records that share sectors.
#[test]
fn a_file_that_was_made_for_another_durability_gets_no_records() {
    for (made, wanted) in [(Durability::Process, Durability::Power), (Durability::Power, Durability::Process)]
    {
        let folder = folder();
        let (mut journal, _) = open_with(&folder, made);
        journal.append(&group(&[(1, Some(1))])).expect("written");
        assert!(journal.has_room_for(&group(&[(2, Some(2))])));
        drop(journal);
        let (mut journal, _) = open_with(&folder, wanted);
        assert!(!journal.has_room_for(&group(&[(2, Some(2))])));
        journal.turn().expect("turned");
        assert!(journal.has_room_for(&group(&[(2, Some(2))])));
    }
}

#[test]
fn a_full_file_has_no_room() {
    let folder = folder();
    let (mut journal, _) = open(&folder);
    let mut large = Memtable::default();
    for number in 0..200u8 {
        large.insert(smallvec![number], Change::put(vec![number; 7000]));
    }
    let mut count = 0;
    while journal.has_room_for(&large) {
        journal.append(&large).expect("written");
        count += 1;
    }
    assert_eq!(count, 5);
    assert_eq!(fs::metadata(folder.path().join(NAMES[0])).expect("there").len(), FILE_BYTES);
    journal.turn().expect("turned");
    assert!(journal.has_room_for(&large));
}
