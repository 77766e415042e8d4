//! The sums over unfinished uploads: made once for a folder without any, and compared with the records.

use super::super::SledStore;
use super::super::engine::view::View;
use super::super::tables::{keys, sums};
use super::Fixture;
use crate::store::contract::DatabaseFixture as _;
use crate::store::contract::samples::{bound, store, unbound, user, whole};
use crate::store::{Records, StoreError};
use crate::upload::{Held, Length, Upload};

async fn filled() -> Fixture {
    let fixture = Fixture::new();
    for number in 0..30 {
        let owner = user(["ann", "anna", "bob"][number % 3]);
        store(&fixture, &Upload { owner, length: Length::Known(2 << 20), ..unbound() }).await;
    }
    store(&fixture, &whole(None)).await;
    fixture
}

async fn told(store: &SledStore) -> ([Held; 3], u128) {
    let held = async |owner| store.held(&user(owner)).await.expect("readable");
    let held = [held("ann").await, held("anna").await, held("bob").await];
    (held, store.missing().await.expect("readable"))
}

async fn faults(store: &SledStore) -> Vec<String> {
    let mut faults = Vec::new();
    store.audit(|fault| faults.push(fault)).await.expect("readable");
    faults
}

/// Changes the sums without the records.
async fn damage(
    store: &SledStore,
    work: impl FnOnce(&mut View<'_>) -> Result<(), StoreError> + Send + 'static,
) {
    store.core.change(work).await.expect("changed");
}

/// As a folder is that was written before there were sums, or whose opening was killed while it made them.
#[tokio::test]
async fn a_folder_without_sums_gets_them_when_it_is_opened() {
    let mut fixture = filled().await;
    let held = |uploads: u64, bytes: u128| Held { uploads, bytes: (u128::from(10u64) << 21) + bytes };
    let expected = ([held(11, 10), held(10, 0), held(10, 0)], 30 << 21);
    assert_eq!(told(&fixture.store()).await, expected);
    for lost in [&["ann", "anna", "bob"][..], &["bob"]] {
        damage(&fixture.store(), move |view| {
            lost.iter().for_each(|owner| view.delete(keys::held(&user(owner))));
            view.delete(keys::missing());
            Ok(())
        })
        .await;
        fixture.reopen();
        assert_eq!(told(&fixture.store()).await, expected, "{lost:?}");
        assert_eq!(faults(&fixture.store()).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn sums_that_differ_from_the_records_are_faults() {
    let (ann, bob) = (Held { uploads: 1, bytes: 10 }, Held { uploads: 1, bytes: 11 });
    for (owner, held, missing, expected) in [
        ("ann", ann, 0, &[][..]),
        ("ann", bob, 0, &["the sums of ann are not those of 1 uploads of 10 bytes"]),
        ("ann", Held::default(), 0, &["missing in the index of summed uploads"]),
        ("bob", bob, 0, &["the sums of bob are not those of 0 uploads of 0 bytes"]),
        ("ann", ann, 5, &["what uploads lack is not 0 bytes"]),
    ] {
        let fixture = Fixture::new();
        store(&fixture, &bound(None)).await;
        damage(&fixture.store(), move |view| {
            sums::put_held(view, &user(owner), held)?;
            sums::put_missing(view, missing)
        })
        .await;
        let faults = faults(&fixture.store()).await;
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        assert!(faults.iter().zip(expected).all(|(fault, what)| fault.contains(what)), "{faults:?}");
    }
}
