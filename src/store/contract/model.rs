//! The model: any sequence of changes gives the same answers everywhere. An implementation runs beside the
//! one in memory, and everything that can be read of both is compared after each step.

use std::collections::HashMap;
use std::fmt::Debug;

use proptest::prelude::*;

use super::DatabaseFixture;
use super::samples::{at, binding, conversation, digest, unbound, user};
use crate::message::{Message, MessageId, Stamp};
use crate::store::memory::Memory;
use crate::store::{Claim, Memberships, Messages, Records, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Chunk, Epoch, Length, RejectionReason, State, Upload, UploadId};

const UPLOADS: u8 = 5;
const CONVERSATIONS: u8 = 2;
const LENGTH: u64 = 4;

/// A change. There are few uploads, conversations and client message ids, so that they meet.
#[derive(Debug, Clone)]
pub enum Step {
    Create { upload: u8, binding: Option<(u8, Option<u8>)>, offset: u64, taking: Taking },
    Append { upload: u8, offset: Option<u64>, length: u64 },
    Reject(u8),
    Expire(u8),
    Adopt { upload: u8, message: u8 },
    Bind { upload: u8, binding: (u8, Option<u8>), taking: Taking },
    Claim { upload: u8, now: u64 },
    Commit { upload: u8, message: u8 },
    Publish(u8),
    Remove(u8),
    Put { conversation: u8, users: Vec<u8> },
    Reopen,
}

/// Sequences of changes, most of which fit the state that they meet.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let upload = || 0..UPLOADS;
    let binding = || (0..CONVERSATIONS, prop::option::weighted(0.8, 0..2u8));
    let taking = || prop::sample::select(vec![Taking::IfFree, Taking::Overtake, Taking::Beside]);
    let step = prop_oneof![
        4 => (upload(), prop::option::weighted(0.8, binding()), prop_oneof![Just(0), Just(LENGTH)], taking())
            .prop_map(|(upload, binding, offset, taking)| Step::Create { upload, binding, offset, taking }),
        4 => (upload(), prop::option::weighted(0.1, 0..=LENGTH), 0..=LENGTH)
            .prop_map(|(upload, offset, length)| Step::Append { upload, offset, length }),
        1 => upload().prop_map(Step::Reject),
        1 => upload().prop_map(Step::Expire),
        1 => (upload(), upload()).prop_map(|(upload, message)| Step::Adopt { upload, message }),
        1 => (upload(), binding(), taking())
            .prop_map(|(upload, binding, taking)| Step::Bind { upload, binding, taking }),
        4 => (upload(), 1_000..9_000u64).prop_map(|(upload, now)| Step::Claim { upload, now }),
        4 => upload().prop_map(|upload| Step::Commit { upload, message: upload }),
        1 => (upload(), upload()).prop_map(|(upload, message)| Step::Commit { upload, message }),
        1 => upload().prop_map(Step::Publish),
        1 => upload().prop_map(Step::Remove),
        1 => (0..CONVERSATIONS, prop::collection::vec(0..3u8, 0..3))
            .prop_map(|(conversation, users)| Step::Put { conversation, users }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..60)
}

/// Runs the steps on the fixture and in memory, and compares the answers.
pub async fn same_answers(mut fixture: impl DatabaseFixture, steps: Vec<Step>) {
    let memory = Memory::new();
    let (mut here, mut there) = (Names::default(), Names::default());
    for step in steps {
        if matches!(step, Step::Reopen) {
            fixture.reopen();
        }
        let (records, messages, memberships) = (fixture.records(), fixture.messages(), fixture.memberships());
        let store = Store { records: &*records, messages: &*messages, memberships: &*memberships };
        let model = Store { records: &memory, messages: &memory, memberships: &memory };
        assert_eq!(here.take(&store, &step).await, there.take(&model, &step).await, "{step:?}");
        assert_eq!(here.everything(&store).await, there.everything(&model).await, "after {step:?}");
    }
}

struct Store<'a> {
    records: &'a dyn Records,
    messages: &'a dyn Messages,
    memberships: &'a dyn Memberships,
}

/// The upload that was the first to claim each message: two stores give their messages different ids.
#[derive(Debug, Default)]
struct Names {
    claimed: HashMap<u8, Stamp>,
    owners: HashMap<MessageId, u8>,
}

impl Names {
    /// Takes a step, and describes its outcome without message ids.
    async fn take(&mut self, store: &Store<'_>, step: &Step) -> String {
        match step {
            Step::Create { upload, binding, offset, taking } => {
                let upload = new(*upload, *binding, *offset);
                told(store.records.create(&upload, *taking).await)
            }
            Step::Append { upload, offset, length } => self.append(store, *upload, *offset, *length).await,
            Step::Reject(upload) => {
                let to = |state: &State| state.reject(RejectionReason::DigestMismatch).or(state.lose()).ok();
                self.transition(store, *upload, to).await
            }
            Step::Expire(upload) => self.transition(store, *upload, |state| state.expire().ok()).await,
            Step::Adopt { upload, message } => {
                let message = self.message(*message).id;
                let to = |state: &State| (*state == State::Complete).then_some(State::Committed(message));
                self.transition(store, *upload, to).await
            }
            Step::Bind { upload, binding, taking } => {
                told(store.records.bind(id(*upload), &bound(*binding), *taking).await)
            }
            Step::Claim { upload, now } => self.claim(store, *upload, *now).await,
            Step::Commit { upload, message } => self.commit(store, *upload, *message).await,
            Step::Publish(upload) => told(store.messages.published(&[self.message(*upload).id]).await),
            Step::Remove(upload) => told(store.records.remove(id(*upload), Epoch::FIRST).await),
            Step::Put { conversation: number, users } => {
                let users: Vec<_> = users.iter().map(|number| user(&format!("user {number}"))).collect();
                told(store.memberships.put(conversation(*number), &users).await)
            }
            Step::Reopen => String::new(),
        }
    }

    async fn append(&self, store: &Store<'_>, upload: u8, offset: Option<u64>, length: u64) -> String {
        let there = store.records.find(id(upload)).await.expect("readable");
        let offset = offset.or(there.map(|upload| upload.offset)).unwrap_or(0);
        let length = length.min(LENGTH.saturating_sub(offset));
        let chunk = Chunk { offset, length, at: at(3_000 + offset), digest: digest(offset + length) };
        let state = if offset + length == LENGTH { State::Complete } else { State::Receiving };
        let row = Appended { chunk, length: Length::Known(LENGTH), state, epoch: Epoch::FIRST };
        told(store.records.append(id(upload), &row).await)
    }

    async fn transition(
        &self,
        store: &Store<'_>,
        upload: u8,
        to: impl Fn(&State) -> Option<State>,
    ) -> String {
        let there = store.records.find(id(upload)).await.expect("readable");
        let from = there.map_or(State::Receiving, |upload| upload.state);
        match to(&from) {
            Some(to) => told(store.records.transition(id(upload), Epoch::FIRST, &from, &to).await),
            None => "not possible".into(),
        }
    }

    async fn claim(&mut self, store: &Store<'_>, upload: u8, now: u64) -> String {
        let outcome = store.messages.claim(id(upload), at(now)).await;
        match outcome {
            Ok(Claim::Finalizing(stamp)) => {
                let owner = *self.owners.entry(stamp.id).or_insert(upload);
                self.claimed.insert(upload, stamp);
                format!("message of {owner} at {:?}", stamp.at)
            }
            Ok(Claim::Taken { message, upload }) => {
                format!("taken: message of {:?}, upload {upload}", self.owners.get(&message))
            }
            Err(error) => told::<()>(Err(error)),
        }
    }

    async fn commit(&self, store: &Store<'_>, upload: u8, message: u8) -> String {
        let there = store.records.find(id(upload)).await.expect("readable");
        let stamp = self.message(message);
        match there.and_then(|upload| upload.message(stamp)) {
            Some(message) => told(store.messages.commit(&message, at(6_000)).await),
            None => "nothing to commit".into(),
        }
    }

    /// The stamp that the upload claimed last, or one that no upload claimed.
    fn message(&self, upload: u8) -> Stamp {
        let nobodys = Stamp { id: MessageId::from_bytes([upload; 12]), at: at(0) };
        self.claimed.get(&upload).copied().unwrap_or(nobodys)
    }

    /// A description of everything that can be read.
    async fn everything(&self, store: &Store<'_>) -> Vec<String> {
        let mut seen = Vec::new();
        let Store { records, messages, memberships } = store;
        for number in 0..UPLOADS {
            let upload = records.find(id(number)).await.expect("readable");
            seen.push(format!("{:?}", upload.map(|upload| self.upload(upload))));
            let of_client = messages.of_client(&new(number, Some((0, Some(number % 2))), 0)).await;
            seen.push(format!("{:?}", of_client.expect("readable").map(|message| self.told(&message))));
            let unfinished = records.unfinished(&new(number, None, 0).owner, 9).await.expect("readable");
            seen.push(format!("{:?}", unfinished.iter().map(|upload| upload.id).collect::<Vec<_>>()));
            let held = records.held(&new(number, None, 0).owner).await.expect("readable");
            seen.push(format!("{held:?}"));
            let stamp = self.message(number);
            seen.push(format!("{:?}", messages.is_unpublished(stamp.id).await.expect("readable")));
        }
        for number in 0..CONVERSATIONS {
            let page = messages.page(conversation(number), None, 9).await.expect("readable");
            seen.push(format!("{:?}", page.iter().map(|message| self.told(message)).collect::<Vec<_>>()));
            let mut users = memberships.participants(conversation(number)).await.expect("readable");
            users.iter_mut().for_each(|users| users.sort());
            seen.push(format!("{users:?}"));
        }
        seen.push(format!("{:?}", records.owed(None, 9).await.expect("readable")));
        for cutoff in [3_003, 6_000, 6_001] {
            seen.push(format!("{:?}", records.committed_before(at(cutoff), 2).await.expect("readable")));
        }
        let mut idle = records.idle_since(at(4_000), 9).await.expect("readable");
        idle.sort();
        seen.push(format!("{idle:?}"));
        let outbox = messages.outbox(Timestamp::MAX, None, 99).await.expect("readable");
        let mut outbox: Vec<_> = outbox.iter().map(|message| self.told(message)).collect();
        // Across conversations, messages of one second are in the order of their random parts.
        outbox.sort();
        seen.push(format!("{outbox:?}"));
        seen
    }

    fn upload(&self, upload: Upload) -> String {
        let state = match upload.state {
            State::Finalizing(stamp) => format!("finalizing {:?} {:?}", self.owners.get(&stamp.id), stamp.at),
            State::Committed(message) => format!("committed {:?}", self.owners.get(&message)),
            ref state => format!("{state:?}"),
        };
        format!("{state} {:?}", Upload { state: State::Receiving, ..upload })
    }

    fn told(&self, message: &Message) -> String {
        let owner = self.owners.get(&message.id);
        format!("{owner:?} {:?}", Message { id: MessageId::from_bytes([0; 12]), ..message.clone() })
    }
}

fn id(number: u8) -> UploadId {
    UploadId::from_bytes([number; 16])
}

fn bound((number, client): (u8, Option<u8>)) -> Binding {
    let name = client.map(|number| format!("client {number}"));
    Binding { conversation_id: conversation(number), ..binding(name.as_deref()) }
}

fn new(number: u8, binding: Option<(u8, Option<u8>)>, offset: u64) -> Upload {
    let state = if offset == LENGTH { State::Complete } else { State::Receiving };
    Upload {
        id: id(number),
        owner: user(["ann", "bob"][usize::from(number % 3 / 2)]),
        length: Length::Known(LENGTH),
        binding: binding.map(bound),
        state,
        offset,
        digest: digest(offset),
        ..unbound()
    }
}

/// A description of an answer; texts of conflicts are each store's own.
fn told<T: Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Ok(answer) => format!("{answer:?}"),
        Err(StoreError::Conflict(_)) => "conflict".into(),
        Err(error) => panic!("{error}"),
    }
}
