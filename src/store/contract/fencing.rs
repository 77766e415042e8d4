//! Facts of fencing: which of an upload's holders may still write.

use super::samples::{at, binding, bound, claim, found, last_row, message, row, store, unbound, whole};
use super::{DatabaseFixture, SharedFixture, is_fenced};
use crate::store::Taking;
use crate::upload::{Appended, Epoch, RejectionReason, State, Upload, UploadId};

async fn raised(fixture: &impl DatabaseFixture, id: UploadId) -> Epoch {
    fixture.records().raise(id).await.expect("raised").expect("there")
}

fn by(epoch: Epoch, row: Appended) -> Appended {
    Appended { epoch, ..row }
}

pub async fn a_late_row_of_an_older_epoch_is_fenced(fixture: impl SharedFixture) {
    let id = store(&fixture, &unbound()).await;
    let (first, second) = (fixture.records(), fixture.second());
    let older = raised(&fixture, id).await;
    first.append(id, &by(older, row(0, 3))).await.expect("held");
    let newer = raised(&second, id).await;
    assert!(newer > older);
    let before = found(&second, id).await;
    assert_eq!((before.epoch, before.offset), (newer, 3));
    for late in [row(3, 4), last_row(3), row(0, 3), row(9, 1)] {
        for epoch in [Epoch::FIRST, older, newer.next()] {
            assert!(is_fenced(&first.append(id, &by(epoch, late.clone())).await), "{epoch:?}");
        }
    }
    assert_eq!(found(&second, id).await, before);
    second.records().append(id, &by(newer, row(3, 4))).await.expect("held");
    assert_eq!(found(&fixture, id).await.offset, 7);
}

pub async fn a_displaced_holder_ends_nothing(fixture: impl SharedFixture) {
    let rejected = State::Receiving.reject(RejectionReason::Damaged).expect("legal");
    let id = store(&fixture, &bound(Some("c"))).await;
    let (records, older) = (fixture.records(), raised(&fixture, id).await);
    let newer = raised(&fixture.second(), id).await;
    let before = found(&fixture, id).await;
    for to in [&State::Expired, &rejected] {
        assert!(is_fenced(&records.transition(id, older, &State::Receiving, to).await), "{to:?}");
    }
    assert!(is_fenced(&records.remove(id, older).await));
    assert_eq!(found(&fixture, id).await, before);
    records.transition(id, newer, &State::Receiving, &State::Expired).await.expect("held");
    records.remove(id, newer).await.expect("held");
    assert_eq!(records.raise(id).await.expect("readable"), None, "there is nothing to take");
}

pub async fn an_epoch_outlives_a_restart(mut fixture: impl SharedFixture) {
    let id = store(&fixture, &unbound()).await;
    let older = raised(&fixture, id).await;
    let newer = raised(&fixture, id).await;
    fixture.reopen();
    assert_eq!(found(&fixture, id).await.epoch, newer);
    assert!(is_fenced(&fixture.records().append(id, &by(older, row(0, 3))).await));
    fixture.records().append(id, &by(newer, row(0, 3))).await.expect("held");
    fixture.reopen();
    assert_eq!(raised(&fixture, id).await, newer.next());
}

pub async fn an_epoch_changes_nothing_else(mut fixture: impl SharedFixture) {
    let finalizing = store(&fixture, &whole(None)).await;
    claim(&fixture, finalizing).await;
    let committed = whole(None);
    message(&fixture, &committed).await;
    let receiving = store(&fixture, &bound(Some("c"))).await;
    fixture.records().append(receiving, &row(0, 3)).await.expect("appended");
    for id in [receiving, finalizing, committed.id] {
        let before = found(&fixture, id).await;
        let epoch = raised(&fixture, id).await;
        fixture.reopen();
        assert_eq!(found(&fixture, id).await, Upload { epoch, ..before });
    }
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), [finalizing]);
    assert_eq!(fixture.records().committed_before(at(9_000), 9).await.expect("readable"), [committed.id]);
}

/// Stored state decides between two such changes, and no request is displaced for them.
pub async fn what_needs_no_holder_is_fenced_by_nothing(fixture: impl SharedFixture) {
    let id = store(&fixture, &unbound()).await;
    let holder = raised(&fixture, id).await;
    let second = fixture.second();
    let bound = second.records().bind(id, &binding(Some("c")), Taking::IfFree).await.expect("answered");
    assert!(bound.is_new());
    fixture.records().append(id, &by(holder, last_row(0))).await.expect("held");
    let stamp = claim(&second, id).await;
    raised(&fixture, id).await;
    let message = found(&second, id).await.message(stamp).expect("bound");
    second.messages().commit(&message, at(6_000)).await.expect("committed");
    assert_eq!(found(&fixture, id).await.state, State::Committed(message.id));
}
