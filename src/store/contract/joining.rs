//! Facts of joining: one upload's bytes made of others'.

use super::PayloadsFixture;
use super::payloads::{append, bytes, parts, read, seal};
use crate::message::MessageId;
use crate::store::{Place, Source};
use crate::upload::{Epoch, UploadId};

/// Gives the upload its first part's bytes: by adoption where that is possible, and otherwise by a copy.
async fn begin(fixture: &impl PayloadsFixture, id: UploadId, part: UploadId, length: u64) {
    if !fixture.payloads().adopt(id, part, length).await.expect("adopted or not") {
        fixture.payloads().copy(id, Epoch::FIRST, 0, vec![(part, 0..length)]).await.expect("copied");
    }
}

/// A part that has all of its bytes.
async fn whole_part(fixture: &impl PayloadsFixture, id: UploadId, length: u64) {
    append(fixture, id, 0..length).await;
    seal(fixture, id, length).await;
}

async fn assert_bytes(fixture: &impl PayloadsFixture, source: &Source, expected: &[u8]) {
    let length = u64::try_from(expected.len()).expect("small");
    if let Source::Part(id) = source {
        seal(fixture, *id, length).await;
    }
    assert!(read(fixture, source, 0..length).await.expect("readable") == expected);
}

pub async fn parts_are_copied_behind_each_other(mut fixture: impl PayloadsFixture) {
    let [one, other, whole] = [(); 3].map(|()| UploadId::random());
    whole_part(&fixture, one, 300_000).await;
    whole_part(&fixture, other, 5_000).await;
    let payloads = fixture.payloads();
    payloads.copy(whole, Epoch::FIRST, 0, vec![(other, 0..5_000)]).await.expect("copied");
    payloads.copy(whole, Epoch::FIRST, 5_000, vec![(one, 0..100_001)]).await.expect("copied");
    payloads.copy(whole, Epoch::FIRST, 105_001, vec![(one, 100_001..300_000)]).await.expect("copied");
    payloads.copy(whole, Epoch::FIRST, 305_000, vec![(other, 4_000..4_001)]).await.expect("copied");
    drop(payloads);
    fixture.reopen();
    let expected = [bytes(0..5_000), bytes(0..300_000), bytes(4_000..4_001)].concat();
    assert_bytes(&fixture, &Source::Part(whole), &expected).await;
    assert_bytes(&fixture, &Source::Part(one), &bytes(0..300_000)).await;
}

pub async fn what_a_crash_left_of_a_copy_is_cut_off(mut fixture: impl PayloadsFixture) {
    let [one, whole] = [(); 2].map(|()| UploadId::random());
    whole_part(&fixture, one, 9_000).await;
    fixture.payloads().copy(whole, Epoch::FIRST, 0, vec![(one, 0..9_000)]).await.expect("copied");
    fixture.reopen();
    fixture.payloads().copy(whole, Epoch::FIRST, 10, vec![(one, 5..20)]).await.expect("copied");
    assert_bytes(&fixture, &Source::Part(whole), &[bytes(0..10), bytes(5..20)].concat()).await;
    assert!(read(&fixture, &Source::Part(whole), 0..26).await.is_err());
}

pub async fn an_adopted_part_keeps_its_bytes(mut fixture: impl PayloadsFixture) {
    let [first, second, whole] = [(); 3].map(|()| UploadId::random());
    whole_part(&fixture, first, 70_000).await;
    whole_part(&fixture, second, 10_000).await;
    begin(&fixture, whole, first, 70_000).await;
    fixture.reopen();
    // Once more, as after a kill before the first row.
    begin(&fixture, whole, first, 70_000).await;
    fixture.payloads().copy(whole, Epoch::FIRST, 70_000, vec![(second, 0..10_000)]).await.expect("copied");
    let expected = [bytes(0..70_000), bytes(0..10_000)].concat();
    assert_bytes(&fixture, &Source::Part(whole), &expected).await;
    assert_bytes(&fixture, &Source::Part(first), &bytes(0..70_000)).await;
    let place = Place { message: MessageId::from_bytes([1; 12]), file_name: "a.mp4".into() };
    fixture.payloads().place(whole, 80_000, &place).await.expect("placed");
    assert_bytes(&fixture, &Source::Part(first), &bytes(0..70_000)).await;
    for part in [first, second] {
        fixture.payloads().discard(part).await.expect("freed");
    }
    assert_eq!(parts(&fixture).await, []);
    assert_bytes(&fixture, &Source::Placed(place, whole), &expected).await;
}

pub async fn a_part_is_joined_to_several_uploads(fixture: impl PayloadsFixture) {
    let [part, one, other] = [(); 3].map(|()| UploadId::random());
    whole_part(&fixture, part, 8_000).await;
    for (whole, range) in [(one, 1_000..2_000), (other, 0..5_000)] {
        begin(&fixture, whole, part, 8_000).await;
        fixture.payloads().copy(whole, Epoch::FIRST, 8_000, vec![(part, range)]).await.expect("copied");
    }
    assert_bytes(&fixture, &Source::Part(one), &[bytes(0..8_000), bytes(1_000..2_000)].concat()).await;
    assert_bytes(&fixture, &Source::Part(other), &[bytes(0..8_000), bytes(0..5_000)].concat()).await;
    fixture.payloads().discard(one).await.expect("freed");
    assert_bytes(&fixture, &Source::Part(part), &bytes(0..8_000)).await;
    assert_bytes(&fixture, &Source::Part(other), &[bytes(0..8_000), bytes(0..5_000)].concat()).await;
}

pub async fn fewer_bytes_than_a_part_should_have_are_not_joined(fixture: impl PayloadsFixture) {
    let [part, gone, whole] = [(); 3].map(|()| UploadId::random());
    whole_part(&fixture, part, 10).await;
    let payloads = fixture.payloads();
    assert!(!matches!(payloads.adopt(whole, part, 11).await, Ok(true)));
    assert!(payloads.copy(whole, Epoch::FIRST, 0, vec![(part, 0..11)]).await.is_err());
    assert!(payloads.copy(whole, Epoch::FIRST, 0, vec![(part, 10..11)]).await.is_err());
    assert!(!matches!(payloads.adopt(whole, gone, 10).await, Ok(true)));
    assert!(payloads.copy(whole, Epoch::FIRST, 0, vec![(gone, 0..10)]).await.is_err());
}
