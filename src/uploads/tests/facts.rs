//! Single facts about the use cases.

use std::future::poll_fn;
use std::task::Poll;

use super::*;
use crate::message::MessageKind;
use crate::time::Timestamp;
use crate::upload::{AppendRefusal, Binding, Epoch, RejectionReason, Upload};

over_both! {
    an_upload_in_one_piece_that_is_under_way_is_no_orphan,
    the_last_byte_makes_the_message,
    what_came_before_a_break_is_kept,
    a_body_that_breaks_off_after_its_last_byte_makes_the_message,
    a_client_that_goes_away_cancels_no_commit,
    a_newcomer_takes_over_and_keeps_what_came,
    draining_ends_a_body_and_keeps_its_bytes,
    no_byte_beyond_the_length_is_kept,
    another_users_upload_is_not_there,
    whoever_left_the_conversation_is_rejected_and_the_reason_stays,
    a_file_that_is_not_the_announced_one_is_rejected,
    creation_is_idempotent_by_client_message_id,
    one_client_message_id_is_one_message_over_all_ways_in,
    a_one_shot_that_is_not_finished_leaves_nothing,
    an_unbound_upload_waits_for_its_message,
    what_is_owed_is_found_without_anyone_asking,
    the_sweeper_takes_what_nobody_came_back_for_and_nothing_else,
    bytes_without_a_record_are_freed_at_the_start,
    bytes_that_a_request_has_are_freed_after_it,
}

async fn the_last_byte_makes_the_message(house: House) {
    let id = house.create(6, &bound(&[("content", "look")])).await.expect("created").standing.upload.id;
    let first = house.append(id, 0, body(&[b"ab", b"c"])).await.expect("appended");
    assert_eq!((first.upload.offset, first.message), (3, None));
    let last = house.append(id, 3, body(&[b"def"])).await.expect("appended");
    let message = last.message.expect("made");
    assert_eq!((message.kind, message.file_size), (MessageKind::Video, 6));
    assert_eq!(message.content.as_deref(), Some("look"));
    assert_eq!(message.sha256, last.upload.sha256());
    assert_eq!(house.messages().await, std::slice::from_ref(&message));
    assert_eq!(house.parts().await, 0);
    let again = house.append(id, 6, body(&[])).await.expect("asked again");
    assert_eq!(again.message, Some(message.clone()));
    assert_eq!(house.uploads.head(&ada(), id).await.expect("there").message, Some(message));
}

async fn what_came_before_a_break_is_kept(house: House) {
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let outcome = house.append(id, 0, broken(b"abc")).await;
    assert!(matches!(outcome, Err(UploadError::BodyBroken)), "{outcome:?}");
    assert_eq!(house.offset(id).await, 3);
}

async fn a_body_that_breaks_off_after_its_last_byte_makes_the_message(house: House) {
    let id = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    assert!(matches!(house.append(id, 0, broken(b"abc")).await, Err(UploadError::BodyBroken)));
    while house.messages().await.is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn a_client_that_goes_away_cancels_no_commit(house: House) {
    let id = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    // The request is polled once, then dropped, as a handler is when its connection ends.
    let late = stream::once(async {
        tokio::task::yield_now().await;
        Ok(BodyFrame::Data(Bytes::from_static(b"abc")))
    });
    let mut handler = Box::pin(house.append(id, 0, unchecked(late)));
    let first = poll_fn(|context| Poll::Ready(handler.as_mut().poll(context))).await;
    assert!(first.is_pending());
    drop(handler);
    while house.messages().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.messages().await.len(), 1);
}

async fn a_newcomer_takes_over_and_keeps_what_came(house: House) {
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let uploads = Arc::clone(&house.uploads);
    let request = AppendRequest { offset: 0, content_length: Some(6), upload_length: None };
    let dead = tokio::spawn(async move { uploads.append(&ada(), id, request, stalled(b"abcd")).await });
    while house.stores.leases.take_idle(id).await.expect("local").is_some() {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    let standing = house.uploads.head(&ada(), id).await.expect("takes over");
    assert!(matches!(dead.await.expect("no panic"), Err(UploadError::Displaced)));
    assert_eq!(standing.upload.offset, house.offset(id).await);
    let rest = &b"abcdef"[usize::try_from(standing.upload.offset).expect("small")..];
    let done = house.append(id, standing.upload.offset, body(&[rest])).await.expect("goes on");
    assert!(done.message.is_some());
}

/// A request of a dead connection may be read only after HEAD was answered on a new one.
#[tokio::test]
async fn a_newcomer_at_the_recorded_offset_needs_nothing_of_what_came() {
    for body_of_the_dead in [stalled, broken] {
        let house = House::new().await;
        let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
        let mut dead = Box::pin(house.append(id, 0, body_of_the_dead(b"abcd")));
        assert!(futures_util::poll!(&mut dead).is_pending());
        let (dead, newcomer) = tokio::join!(dead, house.append(id, 0, body(&[b"abc", b"def"])));
        assert!(matches!(dead, Err(UploadError::Displaced | UploadError::BodyBroken)), "{dead:?}");
        assert_eq!(newcomer.expect("goes on").upload.offset, 6);
        assert_eq!(house.messages().await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_the_offset_has_what_broke_off_recorded() {
    let house = House::new().await;
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let mut dead = Box::pin(house.append(id, 0, broken(b"abcd")));
    assert!(futures_util::poll!(&mut dead).is_pending());
    let before = tokio::time::Instant::now();
    let (dead, head) = tokio::join!(dead, async { house.uploads.head(&ada(), id).await });
    assert!(matches!(dead, Err(UploadError::BodyBroken)), "{dead:?}");
    assert_eq!(head.expect("there").upload.offset, 4);
    assert_eq!(before.elapsed(), std::time::Duration::ZERO, "and waits for nothing");
}

#[tokio::test(start_paused = true)]
async fn an_idle_body_is_given_up_and_its_bytes_kept() {
    let house = House::new().await;
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let outcome = house.append(id, 0, stalled(b"ab")).await;
    assert!(matches!(outcome, Err(UploadError::BodyIdle)), "{outcome:?}");
    assert_eq!(house.offset(id).await, 2);
}

async fn draining_ends_a_body_and_keeps_its_bytes(house: House) {
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    house.draining.cancel();
    let outcome = house.append(id, 0, stalled(b"ab")).await;
    assert!(matches!(outcome, Err(UploadError::Busy)), "{outcome:?}");
    assert!(matches!(house.uploads.head(&ada(), id).await, Err(UploadError::Busy)));
}

#[tokio::test]
async fn only_a_message_that_may_be_made_is_claimed_ahead() {
    for (state, participants, may_be_claimed) in [
        (State::Complete, vec![ada()], true),
        (State::Complete, vec![bob()], false),
        (State::Receiving, vec![ada()], false),
    ] {
        let house = House::new().await;
        let upload = house.create(2, &bound(&[])).await.expect("created").standing.upload;
        house.stores.memberships.put(conversation(), &participants).await.expect("memory");
        let at = house.finalizer.claim_ahead(&Upload { state, ..upload }).await;
        assert_eq!(at.is_some(), may_be_claimed);
    }
}

async fn no_byte_beyond_the_length_is_kept(house: House) {
    let id = house.create(4, &Metadata::default()).await.expect("created").standing.upload.id;
    let outcome = house.append(id, 0, body(&[b"abc", b"defg"])).await;
    assert!(matches!(outcome, Err(UploadError::Append(AppendRefusal::TooLong))), "{outcome:?}");
    assert_eq!(house.offset(id).await, 4);
}

async fn another_users_upload_is_not_there(house: House) {
    let id = house.create(4, &bound(&[])).await.expect("created").standing.upload.id;
    for outcome in [
        house.uploads.head(&bob(), id).await.map(|_| ()),
        house.uploads.status(&bob(), id).await.map(|_| ()),
        house.uploads.terminate(&bob(), id).await,
    ] {
        assert!(matches!(outcome, Err(UploadError::NotFound)), "{outcome:?}");
    }
}

async fn whoever_left_the_conversation_is_rejected_and_the_reason_stays(house: House) {
    let id =
        house.create(2, &bound(&[("client_message_id", "c")])).await.expect("created").standing.upload.id;
    house.record_all(id, b"ab").await;
    house.stores.memberships.put(conversation(), &[bob()]).await.expect("memory");
    let reason = RejectionReason::NotAParticipant;
    let outcome = house.uploads.head(&ada(), id).await;
    assert!(matches!(outcome, Err(UploadError::Rejected(why)) if why == reason), "{outcome:?}");
    let standing = house.uploads.status(&ada(), id).await.expect("recorded");
    assert_eq!(standing.state(), "rejected");
    assert_eq!((house.parts().await, house.messages().await.len()), (0, 0));
    house.stores.memberships.put(conversation(), &[ada(), bob()]).await.expect("memory");
    let again = house.create(2, &bound(&[("client_message_id", "c")])).await;
    assert!(matches!(again, Err(UploadError::Rejected(why)) if why == reason), "{again:?}");
}

async fn a_file_that_is_not_the_announced_one_is_rejected(house: House) {
    let wrong = "00".repeat(32);
    for metadata in [bound(&[("sha256", &wrong)]), Metadata::of([("sha256", wrong.as_str())])] {
        let id = house.create(2, &metadata).await.expect("created").standing.upload.id;
        let outcome = house.append(id, 0, body(&[b"ab"])).await;
        let reason = RejectionReason::DigestMismatch;
        assert!(matches!(outcome, Err(UploadError::Rejected(why)) if why == reason), "{outcome:?}");
    }
    assert_eq!((house.parts().await, house.messages().await.len()), (0, 0));
}

async fn creation_is_idempotent_by_client_message_id(house: House) {
    let metadata = bound(&[("client_message_id", "c")]);
    let first = house.create(3, &metadata).await.expect("created");
    house.append(first.standing.upload.id, 0, body(&[b"ab"])).await.expect("appended");
    let again = house.create(3, &metadata).await.expect("found");
    assert!(again.existed && !first.existed);
    assert_eq!((again.standing.upload.id, again.standing.upload.offset), (first.standing.upload.id, 2));
    assert!(matches!(house.create(4, &metadata).await, Err(UploadError::AnotherFile)));
    house.append(first.standing.upload.id, 2, body(&[b"c"])).await.expect("appended");
    let done = house.create(3, &metadata).await.expect("found");
    assert!(done.standing.message.is_some());
}

async fn one_client_message_id_is_one_message_over_all_ways_in(house: House) {
    let metadata = bound(&[("client_message_id", "c")]);
    let slow = house.create(3, &metadata).await.expect("created").standing.upload.id;
    house.append(slow, 0, body(&[b"ab"])).await.expect("appended");
    let binding = Binding::of_creation(&metadata, None).expect("valid").expect("bound");
    let mut made = Vec::new();
    for _ in 0..2 {
        let mut one_shot = house.uploads.one_shot(ada(), MAX);
        one_shot.write(Bytes::from_static(b"abc")).await.expect("written");
        made.push(
            one_shot.finish(Metadata::of([("filename", "a.mp4")]), binding.clone()).await.expect("made"),
        );
    }
    let late = house.append(slow, 2, body(&[b"c"])).await.expect("appended").message.expect("the same");
    assert!(made.iter().all(|message| message.id == late.id));
    assert_eq!(house.messages().await.len(), 1);
    while house.parts().await > 0 {
        tokio::task::yield_now().await;
    }
}

async fn a_one_shot_that_is_not_finished_leaves_nothing(house: House) {
    let mut one_shot = house.uploads.one_shot(ada(), MAX);
    one_shot.write(Bytes::from_static(b"abc")).await.expect("written");
    drop(one_shot);
    while house.parts().await > 0 {
        tokio::task::yield_now().await;
    }
    let mut large = house.uploads.one_shot(ada(), 2);
    assert!(matches!(large.write(Bytes::from_static(b"abc")).await, Err(UploadError::TooLarge(_))));
}

async fn an_unbound_upload_waits_for_its_message(house: House) {
    let id =
        house.create(3, &Metadata::of([("filename", "a.png")])).await.expect("created").standing.upload.id;
    let complete = house.append(id, 0, body(&[b"abc"])).await.expect("appended");
    assert_eq!((complete.state(), complete.message.is_none()), ("complete", true));
    assert!(complete.expires_at.is_some(), "it waits until it expires");
    let binding = Binding {
        conversation_id: conversation(),
        content: Some("later".into()),
        reply_to: None,
        client_message_id: None,
    };
    let bound = house.uploads.bind(&ada(), id, binding.clone()).await.expect("bound");
    let again = house.uploads.bind(&ada(), id, binding.clone()).await.expect("bound already");
    assert_eq!(bound.message.map(|m| m.id), again.message.map(|m| m.id));
    let other = Binding { content: None, ..binding };
    assert!(matches!(house.uploads.bind(&ada(), id, other).await, Err(UploadError::AlreadyBound)));
    assert_eq!(house.messages().await.len(), 1);
}

async fn what_is_owed_is_found_without_anyone_asking(house: House) {
    let id = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    house.record_all(id, b"abc").await;
    assert_eq!(house.finalizer.recover().await.expect("memory"), 1);
    assert_eq!(house.finalizer.recover().await.expect("memory"), 0);
    assert_eq!(house.messages().await.len(), 1);
}

#[tokio::test]
async fn what_is_owed_grows_old_until_it_is_done() {
    let house = House::new().await;
    house.create(3, &bound(&[])).await.expect("created");
    let id = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    let ages = async || {
        let later = house.finalizer.overdue(Timestamp::now().plus_secs(60)).await.expect("memory");
        [later.message, later.announcement].map(|age| age.as_secs() / 60)
    };
    assert_eq!(ages().await, [0, 0], "an upload that is being sent is not late");
    house.record_all(id, b"abc").await;
    assert_eq!(ages().await, [1, 0]);
    house.finalizer.recover().await.expect("memory");
    assert_eq!(ages().await, [0, 1]);
    let message = house.messages().await.pop().expect("made");
    house.stores.messages.published(&[message.id]).await.expect("memory");
    assert_eq!(ages().await, [0, 0]);
}

async fn the_sweeper_takes_what_nobody_came_back_for_and_nothing_else(house: House) {
    let stale = house.create(3, &bound(&[("client_message_id", "c")])).await.expect("created");
    let unbound = house.create(1, &Metadata::default()).await.expect("created").standing.upload.id;
    house.append(unbound, 0, body(&[b"a"])).await.expect("appended");
    let done = house.create(1, &bound(&[])).await.expect("created").standing.upload.id;
    house.append(done, 0, body(&[b"a"])).await.expect("appended");
    assert_eq!(house.uploads.sweep(Timestamp::now()).await.expect("memory"), 0);
    assert_eq!(house.uploads.sweep(Timestamp::now().plus_secs(61)).await.expect("memory"), 2);
    for id in [stale.standing.upload.id, unbound] {
        assert!(matches!(house.uploads.head(&ada(), id).await, Err(UploadError::Expired)));
    }
    assert!(house.uploads.head(&ada(), done).await.expect("kept").message.is_some());
    assert_eq!(house.parts().await, 0);
    let fresh = house.create(3, &bound(&[("client_message_id", "c")])).await.expect("free again");
    assert!(!fresh.existed);
    let later = Timestamp::now().plus_secs(3 * 24 * 60 * 60);
    house.uploads.sweep(later).await.expect("memory");
    assert!(matches!(house.uploads.head(&ada(), unbound).await, Err(UploadError::NotFound)));
}

async fn bytes_without_a_record_are_freed_at_the_start(house: House) {
    let kept = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    house.append(kept, 0, body(&[b"a"])).await.expect("appended");
    let in_two_days = Timestamp::now().plus_secs(2 * 24 * 60 * 60);
    let mut orphan = house.stores.payloads.open(UploadId::random(), Epoch::FIRST, 0).await.expect("memory");
    orphan.sync(vec![Bytes::from_static(b"abc")]).await.expect("memory");
    assert_eq!(house.uploads.free_orphans(in_two_days).await.expect("memory"), 1);
    assert_eq!(
        house
            .stores
            .payloads
            .parts(Timestamp::from_millis(u64::MAX), None, usize::MAX)
            .await
            .expect("memory"),
        [kept]
    );
}

/// A request may ask for it just then, and finds that there is nothing to do.
async fn bytes_that_a_request_has_are_freed_after_it(house: House) {
    let id = UploadId::random();
    let mut orphan = house.stores.payloads.open(id, Epoch::FIRST, 0).await.expect("memory");
    orphan.sync(vec![Bytes::from_static(b"abc")]).await.expect("memory");
    let lease = house.stores.leases.take_idle(id).await.expect("local").expect("idle");
    let request = async move { lease.displaced().await };
    let in_two_days = Timestamp::now().plus_secs(2 * 24 * 60 * 60);
    let (_, freed) = tokio::join!(request, house.uploads.free_orphans(in_two_days));
    assert_eq!(freed.expect("memory"), 1);
    assert_eq!(house.parts().await, 0);
}

/// The upload's record comes with its last byte.
async fn an_upload_in_one_piece_that_is_under_way_is_no_orphan(house: House) {
    let mut one_shot = house.uploads.one_shot(ada(), 3 << 20);
    one_shot.write(Bytes::from(vec![7; 2 << 20])).await.expect("taken");
    while house.parts().await == 0 {
        tokio::task::yield_now().await;
    }
    let in_two_days = Timestamp::now().plus_secs(2 * 24 * 60 * 60);
    assert_eq!(house.uploads.free_orphans(in_two_days).await.expect("listed"), 0);
    let binding =
        Binding { conversation_id: conversation(), content: None, reply_to: None, client_message_id: None };
    let message = one_shot.finish(bound(&[]), binding).await.expect("made");
    assert_eq!(message.file_size, 2 << 20);
}
