//! Creations that come with bytes, stored in any number of steps.

use super::*;
use crate::upload::{Digests, RunningDigest, TrailingChecksum};

over_both! {
    what_is_no_message_comes_with_its_bytes_as_well,
    whoever_is_refused_leaves_no_byte,
    bytes_go_to_the_holder_of_the_client_message_id,
}

fn new(length: u64, metadata: &Metadata) -> NewUpload {
    NewUpload {
        length: Length::Known(length),
        metadata: metadata.clone(),
        conversation: None,
        is_partial: false,
    }
}

/// A body whose pieces come one by one, with pauses longer than a small body is waited for.
fn slow(pieces: &[&[u8]]) -> Body {
    unchecked(frames(pieces).then(|frame| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        frame
    }))
}

/// The frames of a body, as the next reader reads them.
async fn rest(mut body: Body) -> Vec<Result<BodyFrame, BodyBroken>> {
    let mut all: Vec<Result<BodyFrame, BodyBroken>> = Vec::new();
    while let Some(frame) = body.frames.next().await {
        all.push(frame);
    }
    all
}

#[tokio::test]
async fn a_body_that_is_not_all_there_is_as_it_was() {
    let data = |bytes: &'static [u8]| Ok(BodyFrame::Data(Bytes::from_static(bytes)));
    let trailer = || Ok(BodyFrame::Checksum(TrailingChecksum::Ok(crc32(b"abcd"))));
    for frames in [
        vec![],
        vec![data(b"abc")],
        vec![data(b"ab"), data(b"cde")],
        vec![data(b"abcd"), data(b"e")],
        vec![data(b"abcd"), Err(BodyBroken)],
        vec![data(b"abcd"), trailer()],
    ] {
        let mut body = unchecked(stream::iter(frames.clone()));
        assert_eq!(body.at_once(4).await, None, "{frames:?}");
        assert_eq!(rest(body).await, frames);
    }
    let mut late = slow(&[b"ab", b"cd"]);
    assert_eq!(late.at_once(4).await, None);
    assert_eq!(rest(late).await, [data(b"ab"), data(b"cd")]);
    let mut checked = Body::new(frames(&[b"abcd"]), Verification::Given(crc32(b"abcd")));
    assert_eq!(checked.at_once(4).await, None);

    let mut whole = body(&[b"ab", b"", b"cd"]);
    assert_eq!(whole.at_once(4).await.expect("all of it").concat(), b"abcd");
    assert_eq!(rest(whole).await, []);
}

/// The bytes come at once, late, or in part: what is stored is the same.
#[tokio::test]
async fn however_the_bytes_come_they_are_the_message() {
    for whole in [body(&[b"ab", b"cd"]), slow(&[b"ab", b"cd"]), body(&[b"ab"])] {
        let house = House::new().await;
        let creation = house.uploads.create_with(&ada(), new(4, &bound(&[])), None, whole).await;
        let Standing { upload, mut message, .. } = creation.expect("created").standing;
        if message.is_none() {
            assert_eq!(upload.offset, 2);
            message = house.append(upload.id, 2, body(&[b"cd"])).await.expect("appended").message;
        }
        assert_eq!(house.messages().await, [message.clone().expect("made")]);
        let mut expected = RunningDigest::default();
        expected.update(b"abcd");
        assert_eq!(message.and_then(|message| message.sha256), expected.state().finish());
        let found = house.uploads.head(&ada(), upload.id).await.expect("there");
        assert_eq!((found.upload.offset, found.state()), (4, "committed"));
        assert_eq!(house.parts().await, 0);
    }
}

async fn what_is_no_message_comes_with_its_bytes_as_well(house: House) {
    for (metadata, is_partial) in [(Metadata::default(), false), (bound(&[]), true)] {
        let new = NewUpload { is_partial, ..new(4, &metadata) };
        let creation = house.uploads.create_with(&ada(), new, Some(4), body(&[b"abcd"])).await;
        let upload = creation.expect("created").standing.upload;
        assert_eq!((upload.offset, &upload.state), (4, &State::Complete));
        assert_eq!(house.uploads.head(&ada(), upload.id).await.expect("there").upload, upload);
    }
    assert_eq!((house.messages().await.len(), house.parts().await), (0, 2));
}

async fn whoever_is_refused_leaves_no_byte(house: House) {
    let wrong = bound(&[("sha256", &"00".repeat(32))]);
    let rejected = house.uploads.create_with(&ada(), new(4, &wrong), None, body(&[b"abcd"])).await;
    assert!(matches!(rejected, Err(UploadError::Rejected(_))), "{rejected:?}");
    let stranger = "eve@example.com".parse().expect("valid");
    let refused = house.uploads.create_with(&stranger, new(4, &bound(&[])), None, body(&[b"abcd"])).await;
    assert!(matches!(refused, Err(UploadError::NotAParticipant)), "{refused:?}");
    assert_eq!((house.messages().await.len(), house.parts().await), (0, 0));

    let limits = Limits { max_unfinished: 1, ..limits() };
    let house = House::with(Arc::new(MemoryPayloads::default()), limits).await;
    house.create(9, &bound(&[])).await.expect("the only one");
    let refused = house.uploads.create_with(&ada(), new(4, &bound(&[])), None, body(&[b"abcd"])).await;
    assert!(matches!(refused, Err(UploadError::TooManyUnfinished(_))), "{refused:?}");
    assert_eq!((house.messages().await.len(), house.parts().await), (0, 0));
}

/// An announced digest is checked even if digests are off.
#[tokio::test]
async fn an_announced_digest_is_always_checked() {
    let sum = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589";
    for digests in [Digests::Every, Digests::Auto, Digests::Off] {
        for (announced, is_right) in [(sum, true), (&sum.replace('8', "9"), false)] {
            let house =
                House::with(Arc::new(MemoryPayloads::default()), Limits { digests, ..limits() }).await;
            let metadata = bound(&[("sha256", announced)]);
            let made = house.uploads.create_with(&ada(), new(4, &metadata), None, body(&[b"abcd"])).await;
            assert_eq!(made.is_ok(), is_right, "{made:?}");
        }
    }
}

/// The holder gets the bytes, and nothing is left of the upload that would have been made.
async fn bytes_go_to_the_holder_of_the_client_message_id(house: House) {
    let named = bound(&[("client_message_id", "c")]);
    let first = house.create(4, &named).await.expect("created").standing.upload.id;
    for _ in 0..2 {
        let again = house.uploads.create_with(&ada(), new(4, &named), Some(4), body(&[b"abcd"])).await;
        let again = again.expect("created");
        assert!(again.existed && again.standing.upload.id == first, "{again:?}");
        assert_eq!(house.messages().await, [again.standing.message.expect("made")]);
        // The bytes are freed in the background.
        while house.parts().await > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// The promise to an upload that came whole is free again with its message.
#[tokio::test]
async fn an_upload_that_comes_whole_is_unfinished_no_longer_than_its_message_takes() {
    let limits = Limits { max_unfinished: 1, max_reserved_bytes: 4, ..limits() };
    let house = House::with(Arc::new(MemoryPayloads::default()), limits).await;
    for count in 1..4 {
        let made = house.uploads.create_with(&ada(), new(4, &bound(&[])), None, body(&[b"abcd"])).await;
        made.expect("it may have one more");
        assert_eq!(house.messages().await.len(), count);
    }
    let unbound = new(4, &Metadata::default());
    house.uploads.create_with(&ada(), unbound, None, body(&[b"abcd"])).await.expect("created");
    assert!(matches!(house.create(1, &bound(&[])).await, Err(UploadError::TooManyUnfinished(_))));
}
