//! Groups: operations of one group see each other's changes, and nothing of those that fail.

use std::sync::mpsc;

use futures_util::FutureExt;
use smallvec::smallvec;

use super::Fixture;
use crate::store::contract::samples::{at, bound, found, last_row, row, store, whole};
use crate::store::contract::{DatabaseFixture, is_conflict};
use crate::store::{Claim, Created, Messages, Records, Taking};
use crate::time::Timestamp;
use crate::upload::{Epoch, State};

/// Runs the operations as one group: the committer is held until all of them wait for it. Each expression is
/// polled once, in order, which hands its operation over.
macro_rules! as_one_group {
    ($fixture:expr, $($operation:expr),* $(,)?) => {{
        let (release, held) = mpsc::channel::<()>();
        let (entered, is_held) = mpsc::channel::<()>();
        let store = $fixture.store();
        let holder = store.core.submit(move |_| {
            entered.send(()).expect("the test waits for it");
            held.recv().expect("the test lets it go");
            Ok(())
        });
        let holder = holder.now_or_never().expect("there is room").expect("open");
        is_held.recv().expect("the committer is at it");
        ($({
            // An operation that was handed over is carried out before those that follow.
            let mut operation = $operation;
            assert!((&mut operation).now_or_never().is_none());
            operation
        },)*
        {
            release.send(()).expect("the committer is held");
            holder.wait().await.expect("held");
        })
    }};
}

#[tokio::test]
async fn operations_of_a_group_see_each_other() {
    let mut fixture = Fixture::new();
    let (first, second, third) = (bound(Some("c")), bound(Some("c")), whole(Some("c")));
    let (half, end) = (row(0, 4), last_row(4));
    let store = fixture.store();
    let (a, b, c, d, e, f, g, ()) = as_one_group!(
        fixture,
        store.create(&first, Taking::IfFree),
        store.create(&second, Taking::IfFree),
        store.append(first.id, &half),
        store.append(first.id, &half),
        store.append(first.id, &end),
        store.claim(first.id, at(5_000)),
        store.create(&third, Taking::Overtake),
    );
    assert!(a.await.expect("answered").is_new());
    assert_eq!(b.await.expect("answered"), Created::Taken(first.id));
    c.await.expect("appended");
    assert!(is_conflict(&d.await), "the first row has moved the end");
    e.await.expect("appended");
    let Claim::Finalizing(stamp) = f.await.expect("answered") else { panic!("nobody else has it") };
    assert_eq!(g.await.expect("answered"), Created::Taken(first.id));
    drop(store);
    fixture.reopen();
    let upload = found(&fixture, first.id).await;
    assert_eq!((&upload.state, upload.offset), (&State::Finalizing(stamp), 10));

    let message = upload.message(stamp).expect("bound");
    let (store, ids) = (fixture.store(), [message.id]);
    let (a, b, c, d, ()) = as_one_group!(
        fixture,
        store.commit(&message, at(6_000)),
        store.published(&ids),
        store.commit(&message, at(6_000)),
        store.claim(first.id, at(6_000)),
    );
    for committed in [a, b, c] {
        committed.await.expect("committed, published, and committed already");
    }
    assert!(is_conflict(&d.await));
    assert!(!store.is_unpublished(message.id).await.expect("readable"));
}

#[tokio::test]
async fn what_a_group_deletes_is_gone_for_its_later_operations() {
    let fixture = Fixture::new();
    let upload = bound(Some("c"));
    let other = bound(Some("c"));
    store(&fixture, &upload).await;
    fixture.records().append(upload.id, &row(0, 4)).await.expect("appended");
    fixture.records().append(upload.id, &row(4, 4)).await.expect("appended");
    let (three, eight, end) = (row(0, 3), row(8, 1), last_row(3));
    let store = fixture.store();
    let (a, b, c, d, e, f, ()) = as_one_group!(
        fixture,
        store
            .core
            .change({
                let id = upload.id;
                move |view| Ok(super::super::records::remove(view, id, Epoch::FIRST)?)
            })
            .boxed(),
        store.create(&upload, Taking::IfFree),
        store.append(upload.id, &eight),
        store.append(upload.id, &three),
        store.append(upload.id, &end),
        store.create(&other, Taking::IfFree),
    );
    a.await.expect("removed");
    assert!(b.await.expect("answered").is_new());
    assert!(is_conflict(&c.await), "the old ledger is gone");
    d.await.expect("appended");
    e.await.expect("appended");
    assert_eq!(f.await.expect("answered"), Created::Taken(upload.id));
    assert_eq!(found(&fixture, upload.id).await.offset, 10);
}

#[tokio::test]
async fn an_operation_that_panics_changes_nothing_and_harms_nobody() {
    let fixture = Fixture::new();
    let upload = bound(None);
    let store = fixture.store();
    let (a, b, ()) = as_one_group!(
        fixture,
        store
            .core
            .change(|view| -> Result<(), _> {
                view.mark(smallvec![0x43, 1], true)?;
                panic!("on purpose")
            })
            .boxed(),
        store.create(&upload, Taking::IfFree),
    );
    assert!(a.await.is_err());
    assert!(b.await.expect("answered").is_new());
    assert_eq!(store.outbox(Timestamp::MAX, None, 9).await.expect("readable"), []);
    assert_eq!(found(&fixture, upload.id).await, upload);
}
