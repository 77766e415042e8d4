//! A folder with everything that there may be in one.

use longhaul::store::contract::samples::{at, conversation, user};
use longhaul::store::{Claim, Last, Place, Source, Stores, Taking};
use longhaul::upload::{
    Appended, Binding, Chunk, Concat, Digests, Length, Metadata, Rejection, RejectionReason, RunningDigest,
    State, Upload, UploadId,
};

use crate::MIB;
use crate::cluster::{bytes, pieces};

/// What was made, by what becomes of it.
pub(super) struct Made {
    pub(super) uploads: Vec<UploadId>,
    /// Receiving, of which the journal carries bytes.
    pub(super) small: UploadId,
    /// Receiving, of several parts.
    pub(super) large: UploadId,
    /// Receiving, of an unknown length.
    pub(super) deferred: UploadId,
    /// A part of an upload that is waited for.
    pub(super) part: UploadId,
    /// Complete, and nothing's.
    pub(super) unbound: UploadId,
    /// Complete and bound.
    pub(super) owed: UploadId,
    /// Its message is claimed.
    pub(super) claimed: UploadId,
    /// Its file is placed as well.
    pub(super) placed: UploadId,
}

/// The digest of the first bytes of a seed.
pub(super) fn digest(seed: u64, to: u64) -> Option<longhaul::upload::DigestState> {
    let mut running = RunningDigest::default();
    running.update(&bytes(seed, 0..to));
    Some(running.state())
}

fn upload(length: Length, client: Option<Option<&str>>) -> Upload {
    let binding = client.map(|client| Binding {
        conversation_id: conversation(1),
        content: Some("words \0 and more".into()),
        reply_to: None,
        client_message_id: client.map(|id| id.parse().expect("valid")),
    });
    let metadata = Metadata::of([("filename", "holiday.mp4"), ("other", "thing")]);
    Upload::new(UploadId::random(), user("ann"), length, metadata, binding, Digests::Every, at(1_000))
}

async fn create(stores: &Stores, upload: &Upload, taking: Taking) -> UploadId {
    assert!(stores.records.create(upload, taking).await.expect("stored").is_new());
    upload.id
}

/// Appends the bytes of a seed up to an offset, few of them carried by the journal.
async fn send(stores: &Stores, id: UploadId, seed: u64, to: u64) {
    let upload = stores.records.find(id).await.expect("read").expect("there");
    let mut append = stores.appends.open(id, upload.epoch, upload.offset).await.expect("opened");
    let chunk = Chunk {
        offset: upload.offset,
        length: to - upload.offset,
        at: at(2_000 + to),
        digest: digest(seed, to),
    };
    let state = if upload.length.is_reached_at(to) { State::Complete } else { State::Receiving };
    let row = Appended { chunk, length: upload.length, state, epoch: upload.epoch };
    let mut data = pieces(seed, upload.offset..to);
    let last = if data.len() > 1 { Vec::new() } else { std::mem::take(&mut data) };
    append.sync(data).await.expect("durable");
    append.record(Last { data: last, ..Last::default() }, &row, None).await.expect("recorded");
}

async fn whole(stores: &Stores, length: u64, seed: u64, client: Option<Option<&str>>) -> UploadId {
    let id = create(stores, &upload(Length::Known(length), client), Taking::Beside).await;
    if length > 0 {
        send(stores, id, seed, length).await;
    }
    id
}

async fn claim(stores: &Stores, id: UploadId) -> longhaul::message::Message {
    let Claim::Finalizing(stamp) = stores.messages.claim(id, at(5_000)).await.expect("claimed") else {
        panic!("it is the first")
    };
    let upload = stores.records.find(id).await.expect("read").expect("there");
    upload.message(stamp).expect("bound")
}

async fn place(stores: &Stores, message: &longhaul::message::Message) {
    let id = message.upload_id.into();
    stores.payloads.place(id, message.file_size, &Place::of(message)).await.expect("placed");
}

async fn commit(stores: &Stores, message: &longhaul::message::Message) {
    place(stores, message).await;
    stores.messages.commit(message, at(6_000)).await.expect("committed");
}

/// A part of this length, with its bytes of seed 4 up to an offset.
async fn part(stores: &Stores, length: u64, to: u64) -> UploadId {
    let part = Upload { concat: Concat::Partial, ..upload(Length::Known(length), None) };
    let id = create(stores, &part, Taking::IfFree).await;
    send(stores, id, 4, to).await;
    id
}

fn of_parts(ids: &[UploadId], length: Length) -> Upload {
    let urls: Vec<_> = ids.iter().map(|id| format!("/files/{id}")).collect();
    let concat = Concat::parse(&format!("final;{}", urls.join(" "))).expect("parts");
    Upload { concat, ..upload(length, Some(None)) }
}

/// Makes a message of two parts.
async fn joined(stores: &Stores) -> Vec<UploadId> {
    let parts = [part(stores, 40, 40).await, part(stores, 30, 30).await];
    let whole = Upload { digest: None, ..of_parts(&parts, Length::Known(70)) };
    let id = create(stores, &whole, Taking::IfFree).await;
    let ranges = vec![(parts[0], 0..40), (parts[1], 0..30)];
    stores.payloads.copy(id, whole.epoch, 0, ranges).await.expect("copied");
    let chunk = Chunk { offset: 0, length: 70, at: at(3_000), digest: None };
    let row = Appended { chunk, length: Length::Known(70), state: State::Complete, epoch: whole.epoch };
    stores.records.append(id, &row).await.expect("recorded");
    commit(stores, &claim(stores, id).await).await;
    vec![id, parts[0], parts[1]]
}

async fn ended(stores: &Stores, to: State) -> UploadId {
    let id = create(stores, &upload(Length::Known(50), Some(Some("ended"))), Taking::Beside).await;
    send(stores, id, 9, 20).await;
    let found = stores.records.find(id).await.expect("read").expect("there");
    stores.records.transition(id, found.epoch, &found.state, &to).await.expect("ended");
    stores.payloads.discard(id).await.expect("discarded");
    id
}

/// Messages of no byte, of few, and of more than a part; one of them was overtaken, and one is announced.
async fn messages(stores: &Stores) -> Vec<UploadId> {
    let empty = whole(stores, 0, 0, Some(None)).await;
    commit(stores, &claim(stores, empty).await).await;
    let (slow, fast) =
        (whole(stores, 50, 11, Some(Some("slow"))).await, whole(stores, 17 * MIB, 12, Some(None)).await);
    let (overtaken, overtakes) = (claim(stores, slow).await, claim(stores, fast).await);
    commit(stores, &overtakes).await;
    commit(stores, &overtaken).await;
    stores.messages.published(&[overtakes.id]).await.expect("published");
    vec![empty, slow, fast]
}

/// Makes everything.
pub(super) async fn make(stores: &Stores) -> Made {
    for (number, members) in [(1, &["ann", "bob"][..]), (2, &["ann"]), (3, &[])] {
        let members: Vec<_> = members.iter().map(|name| user(name)).collect();
        stores.memberships.put(conversation(number), &members).await.expect("put");
    }
    let mut uploads = messages(stores).await;
    uploads.extend(joined(stores).await);
    let rejected = State::Rejected(Rejection { reason: RejectionReason::DigestMismatch });
    uploads.extend([ended(stores, rejected).await, ended(stores, State::Expired).await]);
    let small = create(stores, &upload(Length::Known(90), Some(Some("twice"))), Taking::IfFree).await;
    send(stores, small, 1, 20).await;
    send(stores, small, 1, 30).await;
    let beside = create(stores, &upload(Length::Known(90), Some(Some("twice"))), Taking::Beside).await;
    let large = create(stores, &upload(Length::Known(30 * MIB), None), Taking::IfFree).await;
    send(stores, large, 2, 9 * MIB).await;
    send(stores, large, 2, 20 * MIB + 5).await;
    let deferred = create(stores, &upload(Length::Deferred, Some(None)), Taking::IfFree).await;
    send(stores, deferred, 3, 100).await;
    let (part, missing) = (self::part(stores, 40, 40).await, self::part(stores, 30, 10).await);
    let awaiting = create(stores, &of_parts(&[part, missing], Length::Deferred), Taking::IfFree).await;
    let (unbound, owed) = (whole(stores, 9 * MIB, 4, None).await, whole(stores, 60, 5, Some(None)).await);
    let claimed = whole(stores, 70, 6, Some(Some("claimed"))).await;
    claim(stores, claimed).await;
    let placed = whole(stores, 80, 7, Some(None)).await;
    let message = claim(stores, placed).await;
    place(stores, &message).await;
    assert!(stores.payloads.read(&Source::Placed(Place::of(&message), placed), 0..80).await.is_ok());
    uploads.extend([small, beside, large, deferred, part, missing, awaiting, unbound, owed, claimed, placed]);
    Made { uploads, small, large, deferred, part, unbound, owed, claimed, placed }
}
