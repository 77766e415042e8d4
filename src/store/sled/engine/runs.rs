//! Sets of keys, many of them in one row of sled, which copies a leaf for every row that it is given.
//!
//! Some tables are sets: their rows are empty, and their keys differ in a few bytes at the end, the suffix,
//! after the prefix that names the set. sled has them in runs: a row under the key of the first, with the
//! suffixes of those that follow. A key alone, with an empty row, is the shortest run.
//!
//! **A run ends where the next one begins**, even if its row has keys after that. So a run is split by
//! writing the later part first, and a kill between two rows shows every key once. Changes that are given
//! again afterwards are merged into what is there.
//!
//! **Keys move while they are read.** sled is read leaf by leaf, each as it was when the reader came to it. A
//! reader that goes forwards meets the later part of a run after the shortened one, so it meets both. One
//! that goes backwards may come from a leaf in which the later part was not there yet to a leaf in which the
//! run is shortened already. So it looks once more after each run.

use std::collections::BTreeSet;
use std::iter;
use std::ops::Bound;
use std::ops::Range;

use sled::{IVec, Tree};

use super::key::{self, Key};
use super::layout::Layout;

/// The most keys in a run that is written. From a longer one, taking out single keys would cost more.
const LONGEST: usize = 16;

/// Rows of sled, and the keys of runs as if they were rows of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) layout: &'static Layout,
}

/// A row, or the error of reading it.
pub(crate) type Row = sled::Result<(Key, IVec)>;

/// Keys to put into sets, or, where `false`, to take out of them.
pub(crate) type Members<'a> = [(&'a Key, bool)];

impl<'a> Stored<'a> {
    pub(crate) fn get(self, key: &[u8]) -> sled::Result<Option<IVec>> {
        let Some(suffix) = (self.layout.suffix_of_set)(key) else { return self.tree.get(key) };
        let mut run = self.tree.range(&key[..1]..=key).next_back().transpose()?;
        for later in self.tree.range((behind(run.as_ref(), key), Bound::Included(key.to_vec()))) {
            run = Some(later?);
        }
        let is_there = run.is_some_and(|run| members(&run, suffix, None).any(|member| *member == *key));
        Ok(is_there.then(IVec::default))
    }

    /// The rows of a range, which lies within a table.
    pub(crate) fn rows(self, keys: Range<&[u8]>) -> Box<dyn Iterator<Item = Row> + 'a> {
        let Some(suffix) = (self.layout.suffix_of_set)(keys.start) else {
            return Box::new(self.tree.range(keys).map(|row| row.map(owned)));
        };
        let (start, end) = (Key::from_slice(keys.start), Key::from_slice(keys.end));
        let mut runs = self.runs(&keys).peekable();
        let rows = iter::from_fn(move || {
            let run = match runs.next()? {
                Ok(run) => run,
                Err(error) => return Some(vec![Err(error)]),
            };
            let next = runs.peek().and_then(|next| next.as_ref().ok());
            let members = members(&run, suffix, next.map(|(key, _)| &**key));
            let inside = members.filter(|key| (&start..&end).contains(&key));
            Some(inside.map(|key| Ok((key, IVec::default()))).collect())
        });
        Box::new(rows.flatten())
    }

    /// The rows of a range, which lies within a table, the last one first.
    pub(crate) fn rows_back(self, keys: Range<&[u8]>) -> Box<dyn Iterator<Item = Row> + 'a> {
        let Some(suffix) = (self.layout.suffix_of_set)(keys.start) else {
            return Box::new(self.tree.range(keys).rev().map(|row| row.map(owned)));
        };
        let (start, end) = (Key::from_slice(keys.start), Key::from_slice(keys.end));
        let mut next: Option<IVec> = None;
        let rows = self.runs_back(&keys).map(move |run| {
            let run = match run {
                Ok(run) => run,
                Err(error) => return vec![Err(error)],
            };
            let members = members(&run, suffix, next.as_deref());
            let inside = members.filter(|key| (&start..&end).contains(&key));
            let mut rows: Vec<Row> = inside.map(|key| Ok((key, IVec::default()))).collect();
            rows.reverse();
            next = Some(run.0);
            rows
        });
        Box::new(rows.flatten())
    }

    /// The runs that may have keys of a range. The first of them may begin before the range.
    fn runs(self, keys: &Range<&[u8]>) -> sled::Iter {
        let table = &keys.start[..1];
        match self.tree.range(table..keys.start).next_back() {
            Some(Ok((first, _))) => self.tree.range(&*first..keys.end),
            // A row that cannot be read is reported by the reads that follow.
            Some(Err(_)) | None => self.tree.range(table..keys.end),
        }
    }

    /// The runs that may have keys of a range, the last one first.
    fn runs_back(self, keys: &Range<&[u8]>) -> impl Iterator<Item = sled::Result<(IVec, IVec)>> + use<'a> {
        let table = keys.start[..1].to_vec();
        let mut end = keys.end.to_vec();
        let mut runs = self.runs(keys).rev().fuse();
        let mut found = Vec::new();
        iter::from_fn(move || {
            if found.is_empty() {
                let run = match runs.next().transpose() {
                    Ok(run) => run,
                    Err(error) => return Some(Err(error)),
                };
                let later = self.tree.range((behind(run.as_ref(), &table), Bound::Excluded(end.clone())));
                found = run.into_iter().map(Ok).chain(later).collect();
            }
            let run = found.pop()?;
            if let Ok((first, _)) = &run {
                end = first.to_vec();
            }
            Some(run)
        })
    }

    /// Writes changes of sets to sled, in the order of their keys, with a pause after each run.
    pub(crate) fn write(self, mut changes: &Members<'_>, mut pause: impl FnMut()) -> sled::Result<()> {
        let tree = self.tree;
        while let Some((key, _)) = changes.first() {
            let suffix = (self.layout.suffix_of_set)(key).expect("it is of a set");
            let prefix = &key[..key.len() - suffix];
            let run = tree.range(prefix..=key.as_slice()).next_back().transpose()?;
            let behind = (Bound::Excluded(key.to_vec()), Bound::Excluded(key::end_of(prefix).to_vec()));
            let next = tree.range(behind).next().transpose()?.map(|(key, _)| key);
            let is_of_it =
                |key: &Key| key.starts_with(prefix) && next.as_deref().is_none_or(|next| **key < *next);
            let (of_it, others) =
                changes.split_at(changes.iter().take_while(|(key, _)| is_of_it(key)).count());
            for (key, row) in rewritten(run.as_ref(), next.as_deref(), suffix, of_it) {
                match row {
                    Some(row) => tree.insert(key, row)?,
                    None => tree.remove(key)?,
                };
            }
            changes = others;
            pause();
        }
        Ok(())
    }
}

/// The start of the runs after this one, or of all runs of this key's table.
fn behind(run: Option<&(IVec, IVec)>, key: &[u8]) -> Bound<Vec<u8>> {
    run.map_or_else(|| Bound::Included(key[..1].to_vec()), |(first, _)| Bound::Excluded(first.to_vec()))
}

/// The rows to write, in this order, to apply these changes, which all come before the next run, to the keys
/// of a run. `None` deletes a row.
fn rewritten(
    run: Option<&(IVec, IVec)>,
    next: Option<&[u8]>,
    suffix: usize,
    changes: &Members<'_>,
) -> Vec<(Key, Option<Vec<u8>>)> {
    let before: Vec<Key> = run.into_iter().flat_map(|run| members(run, suffix, next)).collect();
    let mut after: BTreeSet<&Key> = before.iter().collect();
    for (key, is_there) in changes {
        if *is_there {
            after.insert(key)
        } else {
            after.remove(key)
        };
    }
    if after.iter().copied().eq(&before) {
        return Vec::new();
    }
    let after: Vec<&Key> = after.into_iter().collect();
    let row = |run: &[&Key]| {
        let rest = run[1..].iter().flat_map(|key| &key[key.len() - suffix..]);
        (run[0].clone(), Some(rest.copied().collect()))
    };
    let mut rows: Vec<_> = after.chunks(LONGEST).rev().map(row).collect();
    // The run was under the key of its first member. Its other members are in the other rows by now.
    rows.extend(
        before.first().filter(|first| after.first() != Some(first)).map(|first| (first.clone(), None)),
    );
    rows
}

/// The keys of a run up to the next one.
fn members<'a>(
    (first, row): &'a (IVec, IVec),
    suffix: usize,
    next: Option<&'a [u8]>,
) -> impl Iterator<Item = Key> + use<'a> {
    let prefix = &first[..first.len().saturating_sub(suffix)];
    let followers = row.chunks_exact(suffix).map(move |suffix| [prefix, suffix].concat().into());
    iter::once(Key::from_slice(first))
        .chain(followers)
        .take_while(move |key: &Key| next.is_none_or(|next| **key < *next))
}

fn owned((key, row): (IVec, IVec)) -> (Key, IVec) {
    (Key::from_slice(&key), row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table of sets: a byte for the table, one for the set, and a suffix.
    const SETS: &[u8] = b"\x42";
    const SUFFIX: usize = 12;
    const LAYOUT: Layout = Layout {
        format: b"\x00",
        flushed: b"\x7f",
        is_volatile: |_| false,
        suffix_of_set: |key| key.starts_with(SETS).then_some(SUFFIX),
    };

    fn stored(tree: &Tree) -> Stored<'_> {
        Stored { tree, layout: &LAYOUT }
    }

    /// Keys that go into sets, and out of them: few sets, and enough keys that runs are split.
    type Step = Vec<(Key, bool)>;

    fn key(set: u8, number: u8) -> Key {
        [SETS, &[set], &[number; SUFFIX]].concat().into()
    }

    fn step() -> impl Strategy<Value = Step> {
        let one = ((1..3u8, 0..90u8), prop::bool::weighted(0.7));
        let many = (1..3u8, 0..60u8, 0..40u8, prop::bool::weighted(0.7));
        let many = many.prop_map(|(set, first, count, is_there)| {
            (first..first + count).map(|number| (key(set, number), is_there)).collect::<Vec<_>>()
        });
        let single = prop::collection::vec(one, 0..8);
        let single =
            single.prop_map(|rows| rows.into_iter().map(|((s, n), there)| (key(s, n), there)).collect());
        prop_oneof![single, many].prop_map(|rows: Step| {
            let last: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
            last.into_iter().collect()
        })
    }

    fn write_all(tree: &Tree, step: &Step) {
        let changes: Vec<_> = step.iter().map(|(key, is_there)| (key, *is_there)).collect();
        stored(tree).write(&changes, || ()).expect("written");
    }

    /// The keys of a table, read forwards. Read backwards, in parts and one by one they have to be the same.
    fn read(tree: &Tree) -> Vec<Key> {
        let stored = stored(tree);
        let (start, end) = (Key::from_slice(SETS), key::end_of(SETS));
        let of = |rows: Box<dyn Iterator<Item = Row> + '_>| {
            rows.map(|row| row.expect("read").0).collect::<Vec<_>>()
        };
        let found = of(stored.rows(&start..&end));
        let mut back = of(stored.rows_back(&start..&end));
        back.reverse();
        assert_eq!(found, back);
        for (start, end) in [(key(1, 0), key(1, 50)), (key(1, 20), key(2, 20)), (key(2, 7), key(2, 8))] {
            let within: Vec<_> = found.iter().filter(|key| (&start..&end).contains(key)).cloned().collect();
            assert_eq!(of(stored.rows(&start..&end)), within);
            let mut back = of(stored.rows_back(&start..&end));
            back.reverse();
            assert_eq!(back, within);
        }
        for (set, number) in (1..3).flat_map(|set| (0..90).map(move |number| (set, number))) {
            let key = key(set, number);
            assert_eq!(stored.get(&key).expect("read").is_some(), found.contains(&key));
        }
        found
    }

    fn open() -> sled::Db {
        sled::Config::new().temporary(true).open().expect("opened")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn runs_are_a_set(former in step(), steps in prop::collection::vec(step(), 1..8)) {
            let db = open();
            let mut set = BTreeSet::new();
            // The former format has a row for each key.
            for (key, _) in former {
                db.insert(&key, IVec::default()).expect("inserted");
                set.insert(key);
            }
            for step in steps {
                write_all(&db, &step);
                for (key, is_there) in step {
                    if is_there { set.insert(key) } else { set.remove(&key) };
                }
                prop_assert_eq!(read(&db), set.iter().cloned().collect::<Vec<_>>());
            }
        }

        /// A kill comes between any two rows: a key that does not change is there once, and giving all
        /// changes again completes them.
        #[test]
        fn a_kill_between_two_rows_loses_nothing(before in step(), more in step(), change in step(), at in 0..9usize) {
            let db = open();
            write_all(&db, &before);
            write_all(&db, &more);
            let there: BTreeSet<Key> = read(&db).into_iter().collect();
            let changed: BTreeSet<&Key> = change.iter().map(|(key, _)| key).collect();
            // One run at a time is written, and the rows of one of them not to the end.
            let changes: Vec<_> = change.iter().map(|(key, is_there)| (key, *is_there)).collect();
            let rows = db.scan_prefix([SETS, &[1]].concat()).keys();
            let firsts: Vec<_> = rows.map(|key| key.expect("read")).collect();
            for (position, first) in firsts.iter().enumerate() {
                let row = db.get(first).expect("read").expect("there");
                let next = firsts.get(position + 1).map(|next| &**next);
                let inside: Vec<_> = changes
                    .iter()
                    .filter(|(key, _)| ***key >= **first && key[1] == 1 && next.is_none_or(|next| ***key < *next))
                    .copied()
                    .collect();
                for (key, row) in rewritten(Some(&(first.clone(), row)), next, SUFFIX, &inside).into_iter().take(at) {
                    match row {
                        Some(row) => db.insert(key, row).expect("inserted"),
                        None => db.remove(key).expect("removed"),
                    };
                    let found = read(&db);
                    let untouched = |key: &&Key| !changed.contains(*key);
                    prop_assert_eq!(
                        found.iter().filter(untouched).collect::<Vec<_>>(),
                        there.iter().filter(untouched).collect::<Vec<_>>()
                    );
                }
            }
            write_all(&db, &change);
            let mut set = there;
            for (key, is_there) in change {
                if is_there { set.insert(key) } else { set.remove(&key) };
            }
            prop_assert_eq!(read(&db), set.into_iter().collect::<Vec<_>>());
        }
    }

    /// A key that a checkpoint does not change is seen once by a reader in either direction, wherever the
    /// checkpoint meets it.
    #[test]
    fn keys_that_move_are_seen_once() {
        let first: Vec<u64> = (0..300u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        // Keys shortly before others, so that they get to the ends of runs.
        let near = |number: u64, before: u64| {
            Key::from([SETS, &[1], &(number - before).to_be_bytes(), &[0; 4]].concat())
        };
        for is_backwards in [false, true] {
            let db = open();
            let mut kept = BTreeSet::new();
            for before in [10, 20] {
                let step: BTreeSet<_> = first.iter().skip(1).map(|number| near(*number, before)).collect();
                write_all(&db, &step.iter().map(|key| (key.clone(), true)).collect());
                kept.extend(step);
            }
            let (start, end) = (Key::from_slice(SETS), key::end_of(SETS));
            let rows = match is_backwards {
                false => stored(&db).rows(&start..&end),
                true => stored(&db).rows_back(&start..&end),
            };
            let mut seen = Vec::new();
            for key in rows.map(|row| row.expect("read").0) {
                if kept.contains(&key) {
                    let number = key[2..10].try_into().map(u64::from_be_bytes).expect("eight bytes");
                    write_all(&db, &(11..16).rev().map(|before| (near(number, before), true)).collect());
                    seen.push(key);
                }
            }
            if is_backwards {
                seen.reverse();
            }
            assert!(seen.iter().eq(&kept), "{} of {}, backwards: {is_backwards}", seen.len(), kept.len());
        }
    }

    #[test]
    fn keys_that_come_in_order_fill_rows() {
        let db = open();
        write_all(&db, &(0..90).map(|number| (key(1, number), true)).collect());
        assert_eq!(db.len(), 90usize.div_ceil(LONGEST));
        write_all(&db, &(0..90).map(|number| (key(1, number), false)).collect());
        assert!(db.is_empty());
    }
}
