//! Many callers at once.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use super::Fixture;
use crate::store::contract::DatabaseFixture;
use crate::store::contract::samples::{at, bound, conversation, last_row, row};
use crate::store::{Claim, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{State, Upload};

/// The number of callers, which is more than a group takes.
const CALLERS: usize = 64;

/// Makes a message, all the way from nothing to its announcement.
async fn make_message(fixture: &Fixture) -> Result<(), StoreError> {
    let (records, messages) = (fixture.records(), fixture.messages());
    let upload = bound(None);
    assert!(records.create(&upload, Taking::IfFree).await?.is_new());
    records.append(upload.id, &row(0, 4)).await?;
    records.append(upload.id, &last_row(4)).await?;
    let Claim::Finalizing(stamp) = messages.claim(upload.id, at(5_000)).await? else {
        panic!("nobody else has it");
    };
    let whole = records.find(upload.id).await?.expect("there");
    messages.commit(&whole.message(stamp).expect("bound"), at(6_000)).await?;
    messages.published(&[stamp.id]).await?;
    let committed = records.find(upload.id).await?.expect("there");
    assert_eq!(committed, Upload { state: State::Committed(stamp.id), active_at: at(6_000), ..whole });
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_caller_is_answered() {
    let mut fixture = Fixture::new();
    futures_util::future::try_join_all((0..CALLERS).map(|_| make_message(&fixture))).await.expect("answered");
    DatabaseFixture::reopen(&mut fixture);
    let page = fixture.messages().page(conversation(1), None, 2 * CALLERS).await.expect("readable");
    assert_eq!(page.len(), CALLERS);
    // Ids are in the order of claims, and a page in that of commits.
    let ids: BTreeSet<_> = page.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), CALLERS, "each has a message of its own");
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
    assert_eq!(fixture.messages().outbox(Timestamp::MAX, None, 9).await.expect("readable"), []);
}

#[tokio::test]
async fn a_change_is_carried_out_though_nobody_waits_for_it() {
    let mut fixture = Fixture::new();
    let upload = bound(None);
    {
        let records = fixture.records();
        let mut creation = records.create(&upload, Taking::IfFree);
        // Polled far enough to hand it over, and then dropped, whether it was answered by then or not.
        let _ = (&mut creation).now_or_never();
    }
    DatabaseFixture::reopen(&mut fixture);
    assert_eq!(fixture.records().find(upload.id).await.expect("readable"), Some(upload));
}
