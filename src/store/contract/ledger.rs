//! Facts of the ledger and its end.

use super::samples::{
    at, bound, claim, commit, digest, found, last_row, row, store, transition, unbound, whole,
};
use super::{DatabaseFixture, is_conflict};
use crate::upload::{Appended, Chunk, Epoch, Length, RejectionReason, State, Upload, UploadId};

pub async fn a_row_moves_the_offset(mut fixture: impl DatabaseFixture) {
    let upload = unbound();
    store(&fixture, &upload).await;
    for (offset, length) in [(0, 3), (3, 1), (4, 5)] {
        fixture.records().append(upload.id, &row(offset, length)).await.expect("appended");
        let end = offset + length;
        let expected =
            Upload { offset: end, active_at: at(2_000 + offset), digest: digest(end), ..upload.clone() };
        assert_eq!(found(&fixture, upload.id).await, expected);
        fixture.reopen();
        assert_eq!(found(&fixture, upload.id).await, expected);
    }
}

pub async fn a_row_that_starts_elsewhere_is_a_conflict(mut fixture: impl DatabaseFixture) {
    let id = store(&fixture, &unbound()).await;
    assert!(is_conflict(&fixture.records().append(id, &row(1, 1)).await));
    fixture.records().append(id, &row(0, 5)).await.expect("appended");
    fixture.reopen();
    let before = found(&fixture, id).await;
    for elsewhere in [row(0, 5), row(4, 2), row(6, 1), last_row(0), last_row(9)] {
        assert!(is_conflict(&fixture.records().append(id, &elsewhere).await), "{elsewhere:?}");
        assert_eq!(found(&fixture, id).await, before);
    }
}

pub async fn a_row_can_declare_the_length_without_a_byte(mut fixture: impl DatabaseFixture) {
    let upload = Upload { length: Length::Deferred, ..bound(None) };
    store(&fixture, &upload).await;
    let deferred = |row| Appended { length: Length::Deferred, ..row };
    fixture.records().append(upload.id, &deferred(row(0, 6))).await.expect("appended");
    assert_eq!(found(&fixture, upload.id).await.length, Length::Deferred);
    fixture.records().append(upload.id, &row(6, 0)).await.expect("appended");
    fixture.reopen();
    let declared = found(&fixture, upload.id).await;
    assert_eq!((declared.length, declared.offset), (Length::Known(10), 6));
    fixture.records().append(upload.id, &row(6, 2)).await.expect("appended");
    let chunk = Chunk { length: 0, ..row(8, 0).chunk };
    let end = Appended { chunk, length: Length::Known(8), state: State::Complete, epoch: Epoch::FIRST };
    fixture.records().append(upload.id, &end).await.expect("appended");
    fixture.reopen();
    let complete = found(&fixture, upload.id).await;
    assert_eq!((complete.length, complete.offset, complete.state), (Length::Known(8), 8, State::Complete));
}

pub async fn a_row_of_no_bytes_is_activity(mut fixture: impl DatabaseFixture) {
    for offset in [0, 4] {
        let upload = Upload { length: Length::Deferred, offset, digest: digest(offset), ..unbound() };
        store(&fixture, &upload).await;
        let end = Appended { length: Length::Known(offset), state: State::Complete, ..row(offset, 0) };
        fixture.records().append(upload.id, &end).await.expect("appended");
        fixture.reopen();
        let complete = found(&fixture, upload.id).await;
        assert_eq!(
            complete,
            Upload { length: end.length, state: end.state, active_at: end.chunk.at, ..upload }
        );
    }
}

pub async fn the_last_row_completes_the_upload(mut fixture: impl DatabaseFixture) {
    let id = store(&fixture, &bound(None)).await;
    fixture.records().append(id, &row(0, 5)).await.expect("appended");
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
    fixture.records().append(id, &last_row(5)).await.expect("appended");
    fixture.reopen();
    assert_eq!(found(&fixture, id).await.state, State::Complete);
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), [id]);
}

pub async fn nothing_is_appended_unless_receiving(fixture: impl DatabaseFixture) {
    let complete = store(&fixture, &whole(None)).await;
    let finalizing = store(&fixture, &whole(None)).await;
    claim(&fixture, finalizing).await;
    let committed = store(&fixture, &whole(None)).await;
    commit(&fixture, committed).await;
    let expired = store(&fixture, &unbound()).await;
    transition(&fixture, expired, &State::Expired).await;
    let rejected = store(&fixture, &unbound()).await;
    transition(&fixture, rejected, &State::Receiving.reject(RejectionReason::Damaged).expect("legal")).await;
    for id in [complete, finalizing, committed, expired, rejected] {
        let before = found(&fixture, id).await;
        assert!(is_conflict(&fixture.records().append(id, &row(before.offset, 0)).await), "{before:?}");
        assert_eq!(found(&fixture, id).await, before);
    }
    assert!(is_conflict(&fixture.records().append(UploadId::random(), &row(0, 1)).await));
}

/// A number of rows that no implementation drops at once.
const MANY: u64 = 700;

async fn with_long_ledger(fixture: &impl DatabaseFixture) -> Upload {
    let upload = Upload { length: Length::Known(MANY), ..bound(None) };
    store(fixture, &upload).await;
    for offset in 0..MANY {
        let state = if offset + 1 == MANY { State::Complete } else { State::Receiving };
        let chunk = Chunk { offset, length: 1, at: at(offset), digest: None };
        let row = Appended { chunk, length: Length::Known(MANY), state, epoch: Epoch::FIRST };
        fixture.records().append(upload.id, &row).await.expect("appended");
    }
    upload
}

pub async fn a_long_ledger_is_dropped_with_its_upload(mut fixture: impl DatabaseFixture) {
    let upload = with_long_ledger(&fixture).await;
    fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
    fixture.reopen();
    store(&fixture, &upload).await;
    assert_eq!(found(&fixture, upload.id).await, upload);
}

pub async fn a_long_ledger_ends_in_its_message(mut fixture: impl DatabaseFixture) {
    let upload = with_long_ledger(&fixture).await;
    let message = commit(&fixture, upload.id).await;
    fixture.reopen();
    let committed = found(&fixture, upload.id).await;
    assert_eq!((committed.offset, committed.active_at), (MANY, at(6_000)));
    assert_eq!(committed.state, State::Committed(message.id));
}

pub async fn of_two_rows_at_the_same_offset_one_is_kept(fixture: impl DatabaseFixture) {
    let id = store(&fixture, &unbound()).await;
    let records = fixture.records();
    let (one, other) = (row(0, 3), row(0, 4));
    let outcomes = tokio::join!(records.append(id, &one), records.append(id, &other));
    let kept = if outcomes.0.is_ok() { 3 } else { 4 };
    assert_eq!(usize::from(is_conflict(&outcomes.0)) + usize::from(is_conflict(&outcomes.1)), 1);
    assert_eq!(found(&fixture, id).await.offset, kept);
}
