//! Any history of groups, turns and restarts, and files as kills and bad disks leave them.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use sled::IVec;
use smallvec::smallvec;
use tempfile::TempDir;

use super::super::changes::Change;
use super::*;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn group(rows: &[(u8, Option<u8>)]) -> Changes {
    let mut changes = Changes::default();
    for (key, row) in rows {
        changes.insert(smallvec![*key], row.map(|row| IVec::from(vec![row])).into());
    }
    changes
}

fn apply(rows: &mut Rows, changes: &Changes) {
    for (key, row) in changes.iter() {
        match row {
            Some(row) => rows.insert(key.to_vec(), row.to_vec()),
            None => rows.remove(&key[..]),
        };
    }
}

fn open(folder: &TempDir) -> (Journal, Found) {
    Journal::open(folder.path(), false, Durability::Process).expect("opened")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, Option<u8>)>),
    /// The other file arrives in sled, and this one is next.
    Turn,
    /// The other file arrives in sled.
    Arrive,
    Restart,
    /// A kill in the middle of a write.
    Tear(Vec<(u8, Option<u8>)>, prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rows = || prop::collection::vec((0..6u8, prop::option::of(any::<u8>())), 1..4);
    let step = prop_oneof![
        6 => rows().prop_map(Step::Append),
        2 => Just(Step::Turn),
        1 => Just(Step::Arrive),
        1 => Just(Step::Restart),
        1 => (rows(), any::<prop::sample::Index>()).prop_map(|(rows, at)| Step::Tear(rows, at)),
    ];
    prop::collection::vec(step, 1..40)
}

/// What sled has, what is on its way to it, and everything.
#[derive(Default)]
struct Model {
    stored: Rows,
    frozen: Changes,
    active: Changes,
    all: Rows,
}

impl Model {
    fn arrive(&mut self) {
        apply(&mut self.stored, &std::mem::take(&mut self.frozen));
    }

    fn turn(&mut self) {
        self.arrive();
        self.frozen = std::mem::take(&mut self.active);
    }

    /// After a restart sled and what the journal has are everything that there was.
    fn compare(&mut self, found: Found) {
        let mut rows = self.stored.clone();
        apply(&mut rows, &found.earlier);
        apply(&mut rows, &found.later);
        assert_eq!(rows, self.all);
        (self.frozen, self.active) = (found.earlier, found.later);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn every_history_is_found(steps in steps()) {
        let folder = folder();
        let (mut journal, found) = open(&folder);
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
                    journal.arrived();
                    model.arrive();
                }
                Step::Turn => {
                    journal.arrived();
                    journal.turn().expect("turned");
                    model.turn();
                }
                Step::Restart => {
                    drop(journal);
                    let (opened, found) = open(&folder);
                    model.compare(found);
                    journal = opened;
                }
                Step::Tear(rows, at) => {
                    let mut bytes = Vec::new();
                    record::encode(&mut bytes, journal.sequence + 1, journal.stored, &group(&rows));
                    let torn = &bytes[..at.index(bytes.len())];
                    let file = &journal.files[journal.current];
                    file.write_all_at(torn, journal.offset).expect("written");
                    let mut there = vec![0; bytes.len()];
                    file.read_exact_at(&mut there, journal.offset).expect("read");
                    if there == bytes {
                        // What a former turn left was just what was missing.
                        model.active.merge(group(&rows));
                        apply(&mut model.all, &group(&rows));
                    }
                    drop(journal);
                    let (opened, found) = open(&folder);
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
    let file = OpenOptions::new().write(true).open(folder.path().join(name)).expect("there");
    file.write_all_at(b"damage", at + 10).expect("written");
}

#[test]
fn a_record_that_is_gone_between_others_is_told() {
    let folder = folder();
    let second = two_files(&folder);
    damage(&folder, NAMES[0], second);
    let error = Journal::open(folder.path(), false, Durability::Power).expect_err("damaged");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // Without syncs that is what a power cut may do.
    let (_, found) = open(&folder);
    assert_eq!((found.earlier, found.later), (group(&[(1, Some(1))]), Changes::default()));
}

#[test]
fn damage_where_everything_has_arrived_is_none() {
    let folder = folder();
    let second = two_files(&folder);
    let (mut journal, _) = open(&folder);
    journal.arrived();
    journal.append(&group(&[(6, None)])).expect("written");
    drop(journal);
    damage(&folder, NAMES[0], second);
    let (_, found) = Journal::open(folder.path(), false, Durability::Power).expect("opened");
    assert_eq!(found.earlier, Changes::default());
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

#[test]
fn a_full_file_has_no_room() {
    let folder = folder();
    let (mut journal, _) = open(&folder);
    let mut large = Changes::default();
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
