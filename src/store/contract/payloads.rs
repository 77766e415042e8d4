//! Facts of the bytes of uploads while they grow.

use std::ops::Range;

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::{PayloadsFixture, is_damaged};
use crate::store::{Source, StoreError};
use crate::time::Timestamp;
use crate::upload::{Epoch, UploadId};

/// Bytes whose values depend on their offsets.
pub(super) fn bytes(range: Range<u64>) -> Vec<u8> {
    range.map(|at| u8::try_from((at ^ (at >> 8)) & 0xff).expect("eight bits")).collect()
}

/// The bytes of a range in uneven pieces, as they come from a connection.
fn pieces(range: Range<u64>) -> Vec<Bytes> {
    let bytes = bytes(range);
    bytes.chunks(1_777).map(Bytes::copy_from_slice).collect()
}

/// Appends the bytes of a range as one request.
pub(super) async fn append(fixture: &impl PayloadsFixture, id: UploadId, range: Range<u64>) {
    let mut sink = fixture.payloads().open(id, Epoch::FIRST, range.start).await.expect("opened");
    let middle = range.start + (range.end - range.start) / 3;
    sink.write(pieces(range.start..middle)).await.expect("written");
    sink.sync(pieces(middle..range.end)).await.expect("synced");
}

pub(super) async fn read(
    fixture: &impl PayloadsFixture,
    source: &Source,
    range: Range<u64>,
) -> Result<Vec<u8>, StoreError> {
    let pieces: Vec<_> = fixture.payloads().read(source, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

pub(super) async fn parts(fixture: &impl PayloadsFixture) -> Vec<UploadId> {
    let mut parts =
        fixture.payloads().parts(Timestamp::from_millis(u64::MAX), None, usize::MAX).await.expect("readable");
    parts.sort();
    parts
}

/// Seals the upload, which has this many bytes.
pub(super) async fn seal(fixture: &impl PayloadsFixture, id: UploadId, length: u64) {
    fixture.payloads().seal(id, length).await.expect("sealed");
}

async fn assert_read(fixture: &impl PayloadsFixture, id: UploadId, range: Range<u64>) {
    let found = read(fixture, &Source::Part(id), range.clone()).await.expect("readable");
    assert!(found == bytes(range.clone()), "{range:?}: {} bytes", found.len());
}

/// Seals the upload, and reads all of its bytes.
async fn assert_part(fixture: &impl PayloadsFixture, id: UploadId, range: Range<u64>) {
    seal(fixture, id, range.end).await;
    assert_read(fixture, id, range).await;
}

pub async fn what_was_appended_is_read(mut fixture: impl PayloadsFixture) {
    for length in [1, 4_095, 4_096, 4_097, 100_000] {
        let id = UploadId::random();
        append(&fixture, id, 0..length).await;
        assert_part(&fixture, id, 0..length).await;
        fixture.reopen();
        assert_part(&fixture, id, 0..length).await;
    }
}

pub async fn any_range_is_read(fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..600_000).await;
    seal(&fixture, id, 600_000).await;
    for range in [
        0..1,
        0..4_096,
        4_095..4_097,
        4_096..8_192,
        5_000..5_001,
        100_000..599_999,
        599_999..600_000,
        0..0,
        600_000..600_000,
    ] {
        assert_read(&fixture, id, range).await;
    }
}

pub async fn appending_goes_on_after_a_restart(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    let mut start = 0;
    for end in [1, 2, 4_095, 4_096, 4_097, 12_288, 12_289, 300_000] {
        append(&fixture, id, start..end).await;
        fixture.reopen();
        start = end;
    }
    assert_part(&fixture, id, 0..300_000).await;
}

pub async fn bytes_beyond_the_ledger_are_cut_off(mut fixture: impl PayloadsFixture) {
    for (written, known) in
        [(100, 60), (5_000, 4_096), (5_000, 4_095), (700_000, 1), (700_000, 0), (9_000, 8_999)]
    {
        let id = UploadId::random();
        append(&fixture, id, 0..written).await;
        fixture.reopen();
        let mut sink = fixture.payloads().open(id, Epoch::FIRST, known).await.expect("opened");
        sink.sync(pieces(known..known + 7)).await.expect("synced");
        assert_part(&fixture, id, 0..known + 7).await;
        let end = written.max(known + 8);
        for beyond in [0..known + 8, known + 7..known + 8, end - 1..end] {
            assert!(read(&fixture, &Source::Part(id), beyond).await.is_err(), "{written} {known}");
        }
    }
}

pub async fn fewer_bytes_than_the_ledger_says_are_damage(fixture: impl PayloadsFixture) {
    for (written, claimed) in [(10, 11), (4_096, 4_097), (4_096, 8_192), (5_000, 60_000), (0, 1), (0, 4_096)]
    {
        let id = UploadId::random();
        if written > 0 {
            append(&fixture, id, 0..written).await;
        }
        let outcome = match fixture.payloads().open(id, Epoch::FIRST, claimed).await {
            Ok(mut sink) => sink.sync(vec![Bytes::from_static(b"x")]).await,
            Err(error) => Err(error),
        };
        assert!(is_damaged(&outcome), "{written} {claimed} {outcome:?}");
        if written > 0 {
            assert_part(&fixture, id, 0..written).await;
        }
    }
}

pub async fn nothing_is_appended_by_an_empty_write(fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    let mut sink = fixture.payloads().open(id, Epoch::FIRST, 0).await.expect("opened");
    sink.write(vec![]).await.expect("written");
    sink.write(vec![Bytes::new()]).await.expect("written");
    sink.write(pieces(0..5_000)).await.expect("written");
    sink.write(vec![Bytes::new(), Bytes::copy_from_slice(&bytes(5_000..5_001)), Bytes::new()])
        .await
        .expect("written");
    sink.sync(vec![]).await.expect("synced");
    sink.sync(pieces(5_001..5_002)).await.expect("synced");
    assert_part(&fixture, id, 0..5_002).await;
}

pub async fn uploads_know_nothing_of_each_other(fixture: impl PayloadsFixture) {
    let ids = [0x00, 0x01, 0xfe, 0xff].map(|byte| UploadId::from_bytes([byte; 16]));
    for (start, end) in [(0, 5_000), (5_000, 9_000)] {
        for id in ids {
            append(&fixture, id, start..end).await;
        }
    }
    fixture.payloads().discard(ids[1]).await.expect("discarded");
    assert_eq!(parts(&fixture).await, [ids[0], ids[2], ids[3]]);
    for id in [ids[0], ids[2], ids[3]] {
        assert_part(&fixture, id, 0..9_000).await;
    }
}

pub async fn discarding_frees_the_bytes(mut fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..1_000_000).await;
    assert_eq!(parts(&fixture).await, [id]);
    for _ in 0..2 {
        fixture.payloads().discard(id).await.expect("discarded");
        assert_eq!(parts(&fixture).await, []);
        assert!(read(&fixture, &Source::Part(id), 0..1).await.is_err());
        fixture.reopen();
    }
    fixture.payloads().discard(UploadId::random()).await.expect("it is not there");
}

pub async fn a_discarded_upload_begins_anew(fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..20_000).await;
    fixture.payloads().discard(id).await.expect("discarded");
    append(&fixture, id, 0..9).await;
    assert_part(&fixture, id, 0..9).await;
    assert!(read(&fixture, &Source::Part(id), 0..10).await.is_err());
}

pub async fn reading_beyond_the_end_fails(fixture: impl PayloadsFixture) {
    let id = UploadId::random();
    append(&fixture, id, 0..5_000).await;
    seal(&fixture, id, 5_000).await;
    for range in [0..5_001, 4_999..5_001, 0..8_193, 5_000..5_001, 9_000..9_001] {
        assert!(read(&fixture, &Source::Part(id), range).await.is_err());
    }
    assert!(read(&fixture, &Source::Part(UploadId::random()), 0..1).await.is_err());
}

/// A kill leaves it unknown whether an upload was sealed, and bytes that no ledger knows.
pub async fn sealing_twice_is_sealing_once(mut fixture: impl PayloadsFixture) {
    for (written, length) in [(9_000, 9_000), (9_000, 4_097)] {
        let id = UploadId::random();
        append(&fixture, id, 0..written).await;
        for _ in 0..3 {
            assert_part(&fixture, id, 0..length).await;
            fixture.reopen();
        }
        fixture.payloads().discard(id).await.expect("discarded");
        append(&fixture, id, 0..9).await;
        assert_part(&fixture, id, 0..9).await;
    }
}

pub async fn parts_are_listed_in_pages(mut fixture: impl PayloadsFixture) {
    let mut ids: Vec<_> = (0..7u8).map(|byte| UploadId::from_bytes([byte; 16])).collect();
    ids.extend((0..7).map(|n| UploadId::new(Timestamp::from_millis(1_700_000_000_000 + n * 40_000))));
    for id in &ids {
        append(&fixture, *id, 0..9).await;
    }
    fixture.reopen();
    let (payloads, later) = (fixture.payloads(), Timestamp::now().plus_secs(60));
    for limit in [1, 3, 14, 99] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = payloads.parts(later, after, limit).await.expect("readable");
            assert!(page.len() <= limit);
            after = page.last().copied();
            if after.is_none() {
                break;
            }
            seen.extend(page);
        }
        seen.sort();
        ids.sort();
        assert_eq!(seen, ids, "each once, {limit} at a time");
    }
}

pub async fn there_is_room(fixture: impl PayloadsFixture) {
    assert!(fixture.payloads().room().await.expect("readable").bytes() > 0);
}
