//! A view and the layers below it are one map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use smallvec::smallvec;

use super::*;
use crate::store::sled::engine::layout::Layout;
use crate::store::sled::engine::runs::Stored;

type Row = (Key, Option<Vec<u8>>);

/// Changes of few keys with few prefixes, so that they meet.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let key = (0x10..0x12u8, 0..3u8, 0..3u8).prop_map(|(table, id, part)| smallvec![table, id, part]);
    prop::collection::vec((key, prop::option::of(prop::collection::vec(any::<u8>(), 0..3))), 0..24)
}

fn below_of(db: &sled::Db) -> Stored<'_> {
    const LAYOUT: Layout =
        Layout { format: b"\x00", flushed: b"\x7f", is_volatile: |_| false, suffix_of_set: |_| None };
    Stored { tree: db, layout: &LAYOUT }
}

/// The key as an operation sees it that looks for it.
fn looked(key: &Key, was_there: bool) -> Result<Fresh, Key> {
    struct Rows(bool);
    impl super::Rows for Rows {
        fn get(&self, _: &[u8]) -> Result<Option<IVec>, StoreError> {
            Ok(self.0.then(IVec::default))
        }

        fn last(&self, _: &[u8]) -> Result<Option<(Key, IVec)>, StoreError> {
            unreachable!("a key is looked for")
        }

        fn end(&self, _: &[u8]) -> Result<Option<(Key, IVec)>, StoreError> {
            unreachable!("a key is looked for")
        }
    }
    Fresh::look(&Rows(was_there), key.clone()).expect("read")
}

fn change(view: &mut View<'_>, rows: &[Row]) {
    for (key, row) in rows {
        match row {
            Some(row) => view.put(key.clone(), row.as_slice()).expect("small"),
            None => view.delete(key.clone()),
        }
    }
}

fn changes(rows: &[Row]) -> Memtable {
    let mut changes = Memtable::default();
    for (key, row) in rows {
        changes.insert(key.clone(), row.as_deref().map(IVec::from).into());
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Sled and all changes above it are like one map, and failed operations leave nothing.
    #[test]
    fn a_view_is_one_map(
        stored in rows(), earlier in rows(), current in rows(), changed in rows(), failed in rows(), later in rows()
    ) {
        let db = sled::Config::new().temporary(true).open().expect("opened");
        for (key, row) in changes(&stored).iter() {
            if let Some(row) = row { db.insert(key, row).expect("inserted"); }
        }
        let (frozen, active) = (changes(&earlier), changes(&current));
        let mut ids = MessageIds::new([0; 32]);
        let mut view = View::new(Layered::new(&active, Some(&frozen), below_of(&db)), &mut ids);
        view.attempt(|view| { change(view, &changed); Ok(()) }).expect("nothing fails");
        let refused = view.attempt(|view| {
            change(view, &failed);
            Err::<(), _>(StoreError::Full)
        });
        prop_assert!(refused.is_err());
        view.attempt(|view| { change(view, &later); Ok(()) }).expect("nothing fails");

        let mut map = BTreeMap::new();
        for (key, row) in stored.into_iter().chain(earlier).chain(current).chain(changed).chain(later) {
            match row {
                Some(row) => map.insert(key, row),
                None => map.remove(&key),
            };
        }
        for prefix in [vec![0x10], vec![0x11], vec![0x10, 1], vec![0x11, 2], vec![0x10, 2, 0], vec![0x12]] {
            let expected: Vec<_> = map.iter().filter(|(key, _)| key.starts_with(&prefix)).collect();
            let last = view.last(&prefix).expect("read").map(|(key, row)| (key, row.to_vec()));
            prop_assert_eq!(last.as_ref().map(|(key, row)| (key, row)), expected.last().copied());
            for limit in [0, 1, 3, usize::MAX] {
                let keys: Vec<_> = expected.iter().map(|(key, _)| (*key).clone()).take(limit).collect();
                prop_assert_eq!(view.keys(&prefix, limit).expect("read"), keys);
            }
            let back = view.layers().rows_back(Key::from_slice(&prefix)..key::end_of(&prefix));
            let back: Vec<_> = back.map(|row| row.expect("read")).map(|(key, row)| (key, row.to_vec())).collect();
            let expected: Vec<_> = expected.into_iter().rev().map(|(k, r)| (k.clone(), r.clone())).collect();
            prop_assert_eq!(back, expected);
        }
        for part in 0..3 {
            let key = [0x10, part, part];
            let found = view.get(&key).expect("read");
            prop_assert_eq!(found.as_deref(), map.get(&key[..]).map(Vec::as_slice));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Rows that are added behind each other and deleted from the front, in whichever layers they lie.
    #[test]
    fn the_end_is_the_last_row(steps in prop::collection::vec((0..4usize, 0..3u8), 0..12)) {
        let db = sled::Config::new().temporary(true).open().expect("opened");
        let mut layers = [(); 4].map(|()| Memtable::default());
        let (mut layer, mut first, mut next) = (0, 0, 0);
        for (at_least, deleted) in steps {
            layer = layer.max(at_least);
            layers[layer].insert(smallvec![0x10, next], Change::put(&[next]));
            next += 1;
            for key in first..next.min(first + deleted) {
                layers[layer].insert(smallvec![0x10, key], Change::delete());
            }
            first = next.min(first + deleted);
        }
        let [stored, frozen, active, group] = &layers;
        for (key, row) in stored.iter() {
            if let Some(row) = row { db.insert(key, row).expect("inserted"); }
        }
        let stored = Layered::new(active, Some(frozen), below_of(&db));
        for rows in [stored, stored.below(group)] {
            prop_assert_eq!(rows.end(&[0x10]).expect("read"), rows.last(&[0x10]).expect("read"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Rows come and go, some of them within a layer. A reader sees the same as if every deletion had been
    /// kept, and rows that come and go within a layer leave nothing in it.
    #[test]
    fn what_comes_and_goes_leaves_nothing(steps in prop::collection::vec((0..4usize, 0..3u8, 0..9usize), 0..40)) {
        let db = sled::Config::new().temporary(true).open().expect("opened");
        let mut layers = [(); 3].map(|()| Memtable::default());
        let (mut layer, mut model) = (0, BTreeMap::new());
        for (at_least, key, what) in steps {
            // Sled is below the layers, and rows get there by way of a layer of their own.
            layer = layer.max(at_least);
            let (key, row): (Key, _) = (smallvec![0x10, key], vec![u8::try_from(what).expect("small")]);
            let was_there = model.contains_key(&key);
            let change = |layer: &mut Memtable| match (what, looked(&key, was_there)) {
                (0..4, _) => drop(layer.insert(key.clone(), Change::delete())),
                (4 | 5, Ok(key)) => drop(layer.add(key, row.clone())),
                _ => drop(layer.insert(key.clone(), Change::put(row.clone()))),
            };
            match what {
                0..4 if !was_there => continue,
                0..4 => drop(model.remove(&key)),
                _ => drop(model.insert(key.clone(), row.clone())),
            }
            match layer {
                0 => {
                    let mut first = Memtable::default();
                    change(&mut first);
                    for (key, row) in first.iter() {
                        match row {
                            Some(row) => db.insert(key, row).expect("inserted"),
                            None => db.remove(key).expect("removed"),
                        };
                    }
                }
                // A group's changes are made by themselves.
                3 => {
                    let mut group = Memtable::default();
                    change(&mut group);
                    layers[2].merge(group);
                }
                layer => change(&mut layers[layer - 1]),
            }
        }
        let [frozen, active, group] = &layers;
        let mut rows = Layered::new(active, Some(frozen), below_of(&db)).below(group).rows(smallvec![0x10]..smallvec![0x11]);
        let seen = rows.by_ref().map(|row| row.expect("read")).map(|(key, row)| (key, row.to_vec()));
        prop_assert_eq!(seen.collect::<BTreeMap<_, _>>(), model);
    }
}

#[test]
fn a_queue_that_was_emptied_is_empty() {
    let db = sled::Config::new().temporary(true).open().expect("opened");
    let (mut active, mut ids) = (Memtable::default(), MessageIds::new([0; 32]));
    for is_there in [true, false] {
        for number in 0..9 {
            let mut view = View::new(Layered::new(&active, None, below_of(&db)), &mut ids);
            view.mark(smallvec![0x10, number], is_there).expect("read");
            let group = view.into_changes();
            active.merge(group);
        }
        assert_eq!(active.iter().count(), if is_there { 9 } else { 0 });
    }
    assert!(active.bytes() > 0, "what was put into them counts");
}

/// A row that comes and goes may hide one in any layer below.
#[test]
fn what_is_deleted_never_comes_back() {
    for below in 0..3 {
        let db = sled::Config::new().temporary(true).open().expect("opened");
        let key: Key = smallvec![0x10];
        let mut layers = [(); 2].map(|()| Memtable::default());
        match below {
            0 => drop(db.insert(&key, b"old").expect("inserted")),
            layer => drop(layers[layer - 1].insert(key.clone(), Change::put("old"))),
        }
        let [frozen, mut active] = layers;
        let mut ids = MessageIds::new([0; 32]);
        for is_marked in [false, true] {
            let mut view = View::new(Layered::new(&active, Some(&frozen), below_of(&db)), &mut ids);
            if is_marked {
                view.mark(key.clone(), true).expect("read");
            } else {
                view.put_for_a_while(key.clone(), "new").expect("small");
            }
            view.mark(key.clone(), false).expect("read");
            let group = view.into_changes();
            active.merge(group);
            let rows = Layered::new(&active, Some(&frozen), below_of(&db));
            assert_eq!(rows.get(&key).expect("read"), None, "below: {below}, marked: {is_marked}");
        }
    }
}

#[test]
fn a_row_that_is_too_large_is_refused() {
    let db = sled::Config::new().temporary(true).open().expect("opened");
    let (mut ids, active) = (MessageIds::new([0; 32]), Memtable::default());
    let mut view = View::new(Layered::new(&active, None, below_of(&db)), &mut ids);
    view.put(smallvec![0x10], vec![0; MAX_ROW_BYTES]).expect("just so");
    assert!(matches!(view.put(smallvec![0x10], vec![0; MAX_ROW_BYTES + 1]), Err(StoreError::Io(_))));
}
