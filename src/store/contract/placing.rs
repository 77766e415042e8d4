//! Facts of placing: a complete upload's bytes become the file of a message.

use super::payloads::{append, bytes, parts, read, seal};
use super::{PayloadsFixture, is_damaged};
use crate::message::MessageId;
use crate::store::{Place, Source};
use crate::upload::{Epoch, UploadId};

fn place(number: u8) -> Place {
    Place { message: MessageId::from_bytes([number; 12]), file_name: "a né.mp4".into() }
}

async fn assert_placed(fixture: &impl PayloadsFixture, number: u8, id: UploadId, length: u64) {
    let source = Source::Placed(place(number), id);
    let found = read(fixture, &source, 0..length).await.expect("readable");
    assert!(found == bytes(0..length), "{} of {length} bytes", found.len());
    assert!(read(fixture, &source, 0..length + 1).await.is_err(), "it ends there");
}

pub async fn placed_bytes_are_read_at_their_place(mut fixture: impl PayloadsFixture) {
    for (number, length) in [(1, 1), (2, 4_096), (3, 100_001)] {
        let id = UploadId::random();
        append(&fixture, id, 0..length).await;
        fixture.payloads().place(id, length, &place(number)).await.expect("placed");
        assert_placed(&fixture, number, id, length).await;
        fixture.reopen();
        assert_placed(&fixture, number, id, length).await;
        let tail = read(&fixture, &Source::Placed(place(number), id), length - 1..length).await;
        assert_eq!(tail.expect("readable"), bytes(length - 1..length));
    }
}

pub async fn placing_twice_is_placing_once(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..9_000).await;
    for _ in 0..3 {
        fixture.payloads().place(id, 9_000, &place(1)).await.expect("placed");
        assert_placed(&fixture, 1, id, 9_000).await;
        fixture.reopen();
    }
}

pub async fn a_sealed_upload_is_placed(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..9_000).await;
    seal(&fixture, id, 9_000).await;
    fixture.reopen();
    fixture.payloads().place(id, 9_000, &place(1)).await.expect("placed");
    assert_placed(&fixture, 1, id, 9_000).await;
}

pub async fn a_file_of_no_bytes_is_placed(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    for _ in 0..2 {
        fixture.payloads().place(id, 0, &place(1)).await.expect("placed");
        assert_placed(&fixture, 1, id, 0).await;
        fixture.reopen();
    }
}

/// A crash leaves bytes that no ledger knows; the upload can be complete without them.
pub async fn bytes_beyond_the_length_are_not_placed(fixture: impl PayloadsFixture) {
    for (number, written, length) in [(1, 9_000, 8_999), (2, 9_000, 4_096), (3, 800_000, 5), (4, 10, 0)] {
        let id = UploadId::random();
        append(&fixture, id, 0..written).await;
        fixture.payloads().place(id, length, &place(number)).await.expect("placed");
        assert_placed(&fixture, number, id, length).await;
        assert_eq!(parts(&fixture).await, []);
    }
}

pub async fn too_few_bytes_are_not_placed(fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    assert!(is_damaged(&fixture.payloads().place(id, 1, &place(1)).await));
    append(&fixture, id, 0..4_096).await;
    for length in [4_097, 8_192, 8_193] {
        assert!(is_damaged(&fixture.payloads().place(id, length, &place(1)).await));
        assert_eq!(parts(&fixture).await, [id]);
        seal(&fixture, id, 4_096).await;
        let found = read(&fixture, &Source::Part(id), 0..4_096).await;
        assert_eq!(found.expect("readable"), bytes(0..4_096));
    }
}

pub async fn what_is_given_up_is_placed_by_nobody(mut fixture: impl PayloadsFixture) {
    let (whole, none) = (UploadId::random(), UploadId::random());
    append(&fixture, whole, 0..4_096).await;
    for id in [whole, none] {
        assert!(is_damaged(&fixture.payloads().place(id, 4_097, &place(1)).await));
        for _ in 0..2 {
            assert!(fixture.payloads().give_up(id, 4_097, &place(1)).await.expect("given up"));
            assert_eq!(parts(&fixture).await, []);
            for length in [4_096, 4_097] {
                assert!(is_damaged(&fixture.payloads().place(id, length, &place(1)).await));
            }
            fixture.reopen();
        }
    }
}

/// Another process may have placed it after this one found it damaged.
pub async fn what_was_placed_is_not_given_up(fixture: impl PayloadsFixture) {
    for (number, length) in [(1, 0), (2, 9_000)] {
        let id = UploadId::random();
        if length > 0 {
            append(&fixture, id, 0..length).await;
        }
        fixture.payloads().place(id, length, &place(number)).await.expect("placed");
        assert!(!fixture.payloads().give_up(id, length, &place(number)).await.expect("looked at"));
        assert_placed(&fixture, number, id, length).await;
    }
}

pub async fn discarding_leaves_what_was_placed(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..9_000).await;
    fixture.payloads().place(id, 9_000, &place(1)).await.expect("placed");
    fixture.payloads().discard(id).await.expect("there is no part");
    fixture.reopen();
    assert_placed(&fixture, 1, id, 9_000).await;
}

pub async fn a_placed_upload_is_no_part(mut fixture: impl PayloadsFixture) {
    let (placed, part) = (UploadId::random(), UploadId::random());
    append(&fixture, placed, 0..9_000).await;
    append(&fixture, part, 0..9_000).await;
    fixture.payloads().place(placed, 9_000, &place(1)).await.expect("placed");
    for _ in 0..2 {
        assert_eq!(parts(&fixture).await, [part]);
        assert!(read(&fixture, &Source::Part(placed), 0..1).await.is_err());
        fixture.reopen();
    }
}

/// A final upload that was ended after its message and is asked for again has the same id again.
pub async fn appending_anew_leaves_what_was_placed(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..9_000).await;
    fixture.payloads().place(id, 9_000, &place(1)).await.expect("placed");
    // Whether this write is accepted or refused is the store's to say.
    if let Ok(mut sink) = fixture.payloads().open(id, Epoch::FIRST, 0).await {
        let _ = sink.sync(vec![bytes::Bytes::from_static(b"other")]).await;
    }
    fixture.payloads().discard(id).await.expect("freed");
    fixture.reopen();
    assert_placed(&fixture, 1, id, 9_000).await;
}
