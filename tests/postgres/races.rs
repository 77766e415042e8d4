//! Many requests change the same few uploads through two stores at once. What becomes of each change is
//! decided by what it finds, and nothing that is read afterwards contradicts the rest.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use longhaul::message::{Message, UserId};
use longhaul::store::contract::samples::{at, binding, conversation, digest, unbound, user, whole};
use longhaul::store::postgres::Postgres;
use longhaul::store::{Messages, Records, StoreError, Taking};
use longhaul::time::Timestamp;
use longhaul::upload::{
    Appended, Binding, Bounds, Chunk, Held, Length, Quota, RejectionReason, State, Upload, UploadId,
};
use proptest::prelude::*;

use super::Fixture;

const UPLOADS: u8 = 6;
const CONVERSATIONS: u8 = 2;
const LENGTH: u64 = 4 << 20;
/// No owner gets more than this many uploads.
const QUOTA: Quota = Quota { uploads: 2, bytes: u64::MAX };

#[derive(Debug, Clone)]
enum Step {
    Create { upload: u8, is_whole: bool, taking: Taking, claims: bool },
    Bind { upload: u8, taking: Taking },
    Append { upload: u8, is_last: bool, claims: bool },
    Raise(u8),
    Expire(u8),
    Reject(u8),
    Claim(u8),
    Commit(u8),
    Remove(u8),
    Publish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let upload = || 0..UPLOADS;
    let taking = || prop::sample::select(vec![Taking::IfFree, Taking::Overtake, Taking::Beside]);
    let step = prop_oneof![
        4 => (upload(), any::<bool>(), taking(), any::<bool>())
            .prop_map(|(upload, is_whole, taking, claims)| Step::Create { upload, is_whole, taking, claims }),
        1 => (upload(), taking()).prop_map(|(upload, taking)| Step::Bind { upload, taking }),
        4 => (upload(), any::<bool>(), any::<bool>())
            .prop_map(|(upload, is_last, claims)| Step::Append { upload, is_last, claims }),
        1 => upload().prop_map(Step::Raise),
        1 => upload().prop_map(Step::Expire),
        1 => upload().prop_map(Step::Reject),
        3 => upload().prop_map(Step::Claim),
        3 => upload().prop_map(Step::Commit),
        2 => upload().prop_map(Step::Remove),
        1 => Just(Step::Publish),
    ];
    prop::collection::vec(step, 1..40)
}

fn id(number: u8) -> UploadId {
    UploadId::from_bytes([number; 16])
}

fn owner(number: u8) -> UserId {
    user(["ann", "bob"][usize::from(number % 2)])
}

fn bound(number: u8) -> Binding {
    let client = format!("client {}", number % 3);
    Binding { conversation_id: conversation(number % CONVERSATIONS), ..binding(Some(&client)) }
}

/// Every third upload is bound later.
fn new(number: u8, is_whole: bool) -> Upload {
    let (offset, state) = if is_whole { (LENGTH, State::Complete) } else { (0, State::Receiving) };
    let binding = (!number.is_multiple_of(3)).then(|| bound(number));
    let length = Length::Known(LENGTH);
    Upload { id: id(number), owner: owner(number), length, binding, state, offset, ..unbound() }
}

/// Takes a step, which fails only because others were quicker.
async fn take(store: &Postgres, step: &Step) {
    let outcome = attempt(store, step).await;
    let is_met = matches!(outcome, Ok(()) | Err(StoreError::Conflict(_) | StoreError::Fenced));
    assert!(is_met, "{step:?}: {outcome:?}");
}

async fn attempt(store: &Postgres, step: &Step) -> Result<(), StoreError> {
    let find = async |number: &u8| Records::find(store, id(*number)).await;
    match step {
        Step::Create { upload, is_whole, taking, claims } => {
            let bounds = Bounds { quota: Some(QUOTA), has_room: true };
            let claim = claims.then(|| at(5_000));
            store.create_with(&new(*upload, *is_whole), *taking, bounds, claim).await.map(drop)
        }
        Step::Bind { upload, taking } => store.bind(id(*upload), &bound(*upload), *taking).await.map(drop),
        Step::Append { upload, is_last, claims } => {
            let Some(there) = find(upload).await? else { return Ok(()) };
            let length = if *is_last { LENGTH - there.offset } else { 1 };
            let end = there.offset + length;
            let state = if end >= LENGTH { State::Complete } else { State::Receiving };
            let chunk = Chunk { offset: there.offset, length, at: at(2_000), digest: digest(0) };
            let row = Appended { chunk, length: there.length, state, epoch: there.epoch };
            store.append_with(id(*upload), &row, claims.then(|| at(5_000))).await.map(drop)
        }
        Step::Raise(upload) => store.raise(id(*upload)).await.map(drop),
        Step::Expire(upload) => end(store, find(upload).await?, |state| state.expire().ok()).await,
        Step::Reject(upload) => {
            end(store, find(upload).await?, |state| state.reject(RejectionReason::Damaged).ok()).await
        }
        Step::Claim(upload) => store.claim(id(*upload), at(5_000)).await.map(drop),
        Step::Commit(upload) => {
            let Some(there) = find(upload).await? else { return Ok(()) };
            let State::Finalizing(stamp) = there.state else { return Ok(()) };
            store.commit(&there.message(stamp).expect("claimed, so bound"), at(6_000)).await
        }
        Step::Remove(upload) => match find(upload).await? {
            Some(there) => store.remove(there.id, there.epoch).await,
            None => Ok(()),
        },
        Step::Publish => {
            let waiting = store.outbox(Timestamp::MAX, None, 1).await?;
            store.published(&waiting.iter().map(|message| message.id).collect::<Vec<_>>()).await
        }
    }
}

async fn end(
    store: &Postgres,
    there: Option<Upload>,
    to: impl Fn(&State) -> Option<State>,
) -> Result<(), StoreError> {
    let Some(there) = there else { return Ok(()) };
    match to(&there.state) {
        Some(to) => store.transition(there.id, there.epoch, &there.state, &to).await,
        None => Ok(()),
    }
}

/// Everything that is read agrees with everything else.
async fn agrees(store: &Postgres) {
    let mut uploads = Vec::new();
    for number in 0..UPLOADS {
        uploads.extend(Records::find(store, id(number)).await.expect("readable"));
    }
    for owner in [owner(0), owner(1)] {
        let own = uploads.iter().filter(|upload| upload.owner == owner).map(|upload| upload.weight().held);
        let expected = own.fold(Held::default(), |sum, held| sum.changed(Held::default(), held));
        assert_eq!(store.held(&owner).await.expect("readable"), expected, "{owner}: {uploads:?}");
        assert!(expected.uploads <= QUOTA.uploads);
    }
    let missing: u128 = uploads.iter().map(|upload| upload.weight().missing).sum();
    assert_eq!(store.missing().await.expect("readable"), missing);
    let driven: Vec<_> = uploads.iter().filter(|upload| upload.is_driven()).map(|upload| upload.id).collect();
    assert_eq!(store.owed(None, 99).await.expect("readable"), driven);
    let messages = messages(store).await;
    let ids: HashSet<_> = messages.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), messages.len());
    let clients: HashSet<_> =
        messages.iter().map(|m| (&m.sender, m.conversation_id, &m.client_message_id)).collect();
    assert_eq!(clients.len(), messages.len(), "each client_message_id has one message: {messages:?}");
    for message in store.outbox(Timestamp::MAX, None, 99).await.expect("readable") {
        assert!(messages.contains(&message));
    }
    for upload in &uploads {
        if let State::Committed(message) = upload.state {
            assert!(ids.contains(&message), "{upload:?}");
        }
        let holder = store.holder(upload).await.expect("readable");
        let is_claimed = matches!(upload.state, State::Finalizing(_) | State::Committed(_));
        assert!(!is_claimed || holder == Some(upload.id), "{upload:?} is not the holder, but {holder:?}");
    }
}

async fn messages(store: &Postgres) -> Vec<Message> {
    let mut messages = Vec::new();
    for number in 0..CONVERSATIONS {
        messages.extend(store.page(conversation(number), None, 99).await.expect("readable"));
    }
    messages
}

/// The answer to a statement may be looked at before that to the one which failed before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_are_the_first_of_a_conversation_are_all_stored() {
    let fixture = Fixture::new().await;
    let stores = [Arc::clone(&fixture.store), fixture.again()];
    for number in 0..50 {
        let creations = (0..6).map(|client| {
            let store = Arc::clone(&stores[client % 2]);
            let binding =
                Binding { conversation_id: conversation(number), ..binding(Some(&format!("c {client}"))) };
            let upload = Upload { binding: Some(binding), ..whole(None) };
            tokio::spawn(async move {
                store.create_with(&upload, Taking::IfFree, Bounds::NONE, Some(at(5_000))).await
            })
        });
        for created in join_all(creations).await {
            assert!(created.expect("no panic").expect("stored").is_new());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn what_many_change_at_once_agrees(tasks in prop::collection::vec(steps(), 6)) {
        super::BESIDE.block_on(async {
            let fixture = Fixture::new().await;
            let stores = [Arc::clone(&fixture.store), fixture.again()];
            let tasks = tasks.into_iter().enumerate().map(|(number, steps)| {
                let store = Arc::clone(&stores[number % 2]);
                tokio::spawn(async move {
                    for step in &steps {
                        take(&store, step).await;
                    }
                })
            });
            for task in join_all(tasks).await {
                task.expect("no step failed");
            }
            agrees(&stores[0]).await;
        });
    }
}
