//! A `client_message_id` that comes again, in any way, with the same file or another.

use super::*;
use crate::upload::{AppendRefusal, Binding, Concat, Digests, RejectionReason};
use crate::uploads::NewFinal;

over_both! {
    a_client_that_begins_again_is_told_where_to_go_on,
}

/// The way in which a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Patch,
    Deferred,
    InChunks,
    WithCreation,
    Final,
    OneShot,
    Bind,
    BindFirst,
}

const WAYS: [Way; 8] = [
    Way::Patch,
    Way::Deferred,
    Way::InChunks,
    Way::WithCreation,
    Way::Final,
    Way::OneShot,
    Way::Bind,
    Way::BindFirst,
];

const FILE: &[u8] = b"abcdef";
/// Files of the same length, which differ at the beginning or at the end; then shorter and longer ones.
const OTHERS: [&[u8]; 6] = [b"Xbcdef", b"abcdeX", b"abcde", b"abcdefg", b"", b"X"];

fn named() -> Metadata {
    bound(&[("client_message_id", "c")])
}

fn binding() -> Binding {
    Binding::of_creation(&named(), None).expect("valid").expect("bound")
}

fn new(length: Length, metadata: Metadata) -> NewUpload {
    NewUpload { length, metadata, conversation: None, is_partial: false }
}

fn length_of(bytes: &[u8]) -> Length {
    Length::Known(u64::try_from(bytes.len()).expect("small"))
}

async fn house(digests: Digests) -> House {
    House::with(Arc::new(MemoryPayloads::default()), Limits { digests, ..limits() }).await
}

impl House {
    /// Sends a file like a client that continues where it is told to.
    async fn send(&self, way: Way, bytes: &[u8]) -> Result<Message, UploadError> {
        let standing = match way {
            Way::Patch => self.send_from(new(length_of(bytes), named()), bytes, usize::MAX).await?,
            Way::Deferred => self.send_from(new(Length::Deferred, named()), bytes, 4).await?,
            Way::InChunks => self.send_from(new(length_of(bytes), named()), bytes, 4).await?,
            Way::WithCreation => {
                let new = new(length_of(bytes), named());
                let first = self.uploads.create_with(&ada(), new, None, body(&[bytes])).await?.standing;
                let offset = usize::try_from(first.upload.offset).expect("small");
                match first.message {
                    Some(message) => return Ok(message),
                    None => {
                        self.append(first.upload.id, first.upload.offset, body(&[&bytes[offset..]])).await?
                    }
                }
            }
            Way::Final => self.send_parts(bytes).await?,
            Way::OneShot => {
                let mut one_shot = self.uploads.one_shot(ada(), MAX);
                one_shot.write(Bytes::copy_from_slice(bytes)).await?;
                return one_shot.finish(Metadata::of([("filename", "a.mp4")]), binding()).await;
            }
            Way::Bind | Way::BindFirst => {
                let new = new(length_of(bytes), Metadata::default());
                let id = self.uploads.create(&ada(), new).await?.standing.upload.id;
                if way == Way::BindFirst && !bytes.is_empty() {
                    self.uploads.bind(&ada(), id, binding()).await?;
                    self.append(id, 0, body(&[bytes])).await?
                } else {
                    self.append(id, 0, body(&[bytes])).await?;
                    self.uploads.bind(&ada(), id, binding()).await?
                }
            }
        };
        Ok(standing.message.unwrap_or_else(|| panic!("{way:?} ends with its message: {:?}", standing.upload)))
    }

    /// Creates an upload and appends at its beginning, whatever offset the creation was answered with, as
    /// stock clients do; it appends at another offset only when told so.
    async fn send_from(&self, new: NewUpload, bytes: &[u8], most: usize) -> Result<Standing, UploadError> {
        let is_deferred = new.length == Length::Deferred;
        let mut standing = self.uploads.create(&ada(), new).await?.standing;
        let id = standing.upload.id;
        let mut offset = 0;
        let mut is_declared = !is_deferred;
        while offset < bytes.len() || !is_declared {
            let piece = &bytes[offset..bytes.len().min(offset.saturating_add(most))];
            let is_last = offset + piece.len() == bytes.len();
            is_declared |= is_last;
            let request = AppendRequest {
                offset: u64::try_from(offset).expect("small"),
                content_length: None,
                upload_length: (is_deferred && is_last).then(|| length_of(bytes).known()).flatten(),
            };
            let told = match self.uploads.append(&ada(), id, request, body(&[piece])).await {
                Err(UploadError::Append(AppendRefusal::OffsetMismatch { current })) => current,
                appended => {
                    standing = appended?;
                    standing.upload.offset
                }
            };
            offset = usize::try_from(told).expect("small");
        }
        Ok(standing)
    }

    async fn send_parts(&self, bytes: &[u8]) -> Result<Standing, UploadError> {
        let mut urls = Vec::new();
        for piece in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
            let new = NewUpload { is_partial: true, ..new(length_of(piece), Metadata::default()) };
            let part = self.uploads.create(&ada(), new).await?.standing.upload.id;
            self.append(part, 0, body(&[piece])).await?;
            urls.push(format!("/files/{part}"));
        }
        let concat = Concat::parse(&format!("final;{}", urls.join(" ")));
        let Ok(Concat::Final(parts)) = concat else { panic!("{concat:?}") };
        let asked = NewFinal { parts: parts.clone(), metadata: named(), conversation: None };
        let made = self.uploads.concatenate(&ada(), asked).await;
        // Whether it is answered at once or not, the upload tells the outcome.
        let outcome = match made {
            Ok(creation) => self.uploads.head(&ada(), creation.standing.upload.id).await,
            Err(error) => Err(error),
        };
        for part in parts.ids() {
            self.uploads.terminate(&ada(), *part).await?;
        }
        outcome
    }

    /// Asserts that there is one message, of this file, and nothing else.
    async fn has_only(&self, message: &Message, bytes: &[u8]) {
        assert_eq!(self.messages().await, std::slice::from_ref(message));
        let standing = self.uploads.status(&ada(), message.upload_id.into()).await.expect("there");
        let read = self.uploads.read(&standing, 0..message.file_size).await.expect("readable");
        let pieces: Vec<_> = read.collect().await;
        let pieces: Vec<_> = pieces.into_iter().map(|piece| piece.expect("readable")).collect();
        assert_eq!(pieces.concat(), bytes);
    }

    /// Ends the uploads that were refused and could have been bound otherwise, as their clients do.
    async fn frees_everything(&self) {
        for standing in self.uploads.unfinished(&ada()).await.expect("memory") {
            self.uploads.terminate(&ada(), standing.upload.id).await.expect("ended");
        }
        while self.parts().await > 0 {
            tokio::task::yield_now().await;
        }
    }
}

fn names_another_file(error: &UploadError) -> bool {
    let reason = RejectionReason::AnotherFile;
    match error {
        UploadError::AnotherFile => true,
        UploadError::Rejected(why) | UploadError::Append(AppendRefusal::Rejected(why)) => *why == reason,
        _ => false,
    }
}

#[tokio::test]
async fn the_same_file_by_any_way_is_the_same_message() {
    for digests in [Digests::Every, Digests::Auto, Digests::Off] {
        for first in WAYS {
            let house = house(digests).await;
            let message = house.send(first, FILE).await.expect("made");
            for second in WAYS {
                let again = house.send(second, FILE).await;
                assert_eq!(again.expect("found"), message, "{second:?} after {first:?}");
            }
            house.has_only(&message, FILE).await;
            house.frees_everything().await;
        }
    }
}

#[tokio::test]
async fn another_file_by_any_way_is_refused_and_the_first_is_untouched() {
    for digests in [Digests::Every, Digests::Auto, Digests::Off] {
        for first in WAYS {
            let house = house(digests).await;
            let message = house.send(first, FILE).await.expect("made");
            for second in WAYS {
                for other in OTHERS {
                    let told = format!("{second:?} of {:?} after {first:?}", String::from_utf8_lossy(other));
                    let error = house.send(second, other).await.expect_err(&told);
                    assert!(names_another_file(&error), "{told}: {error:?}");
                }
            }
            house.has_only(&message, FILE).await;
            house.frees_everything().await;
        }
    }
}

#[tokio::test]
async fn a_file_of_no_bytes_is_a_file_as_well() {
    for first in WAYS {
        let house = House::new().await;
        let message = house.send(first, b"").await.expect("made");
        for second in WAYS {
            assert_eq!(house.send(second, b"").await.expect("found"), message, "{second:?} after {first:?}");
            let error = house.send(second, FILE).await.expect_err("another file");
            // Bytes at the end of a complete upload are too many, whichever client sends them.
            let is_too_long = matches!(error, UploadError::Append(AppendRefusal::TooLong));
            assert!(
                names_another_file(&error) || second == Way::Deferred && is_too_long,
                "{second:?} after {first:?}: {error:?}"
            );
        }
        assert_eq!(house.messages().await, [message]);
    }
}

/// The upload that was begun first has half of its bytes.
#[tokio::test]
async fn another_file_does_not_touch_an_upload_under_way() {
    for digests in [Digests::Every, Digests::Auto, Digests::Off] {
        for length in [Length::Known(6), Length::Deferred] {
            for second in WAYS {
                for other in [&b"Xbcdef"[..], b"ab", b"X"] {
                    let house = house(digests).await;
                    let creation = house.uploads.create(&ada(), new(length, named())).await;
                    let first = creation.expect("created").standing.upload.id;
                    house.append(first, 0, body(&[b"abc"])).await.expect("appended");
                    let told = format!("{second:?} of {:?} to {length:?}", String::from_utf8_lossy(other));
                    let error = house.send(second, other).await.expect_err(&told);
                    let is_conflict = matches!(error, UploadError::AlreadyBound);
                    assert!(is_conflict || names_another_file(&error), "{told}: {error:?}");

                    let rest = AppendRequest { offset: 3, content_length: None, upload_length: Some(6) };
                    let done = house.uploads.append(&ada(), first, rest, body(&[b"def"])).await;
                    let message = done.expect(&told).message.expect("made");
                    assert_eq!(message.upload_id, first.uuid());
                    house.has_only(&message, FILE).await;
                    house.frees_everything().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn the_same_file_by_another_way_goes_first_and_the_upload_under_way_has_its_message() {
    for digests in [Digests::Every, Digests::Auto, Digests::Off] {
        for second in WAYS {
            let house = house(digests).await;
            let first = house.create(6, &named()).await.expect("created").standing.upload.id;
            house.append(first, 0, body(&[b"abc"])).await.expect("appended");
            let made = house.send(second, FILE).await;
            let late = match made {
                // A binding does not decide which of two uploads becomes the message while both go on.
                Err(UploadError::AlreadyBound) => None,
                made => Some(made.expect("made")),
            };
            let standing = house.uploads.head(&ada(), first).await.expect("there");
            let done = match standing.message {
                Some(message) => message,
                None => house.append(first, 3, body(&[b"def"])).await.expect("done").message.expect("made"),
            };
            assert_eq!(late.unwrap_or_else(|| done.clone()), done, "{second:?}");
            assert_eq!(house.messages().await, [done]);
            house.frees_everything().await;
        }
    }
}

/// The upload that went first was sent in one piece, and nothing was there to compare it with.
#[tokio::test]
async fn an_upload_that_was_overtaken_by_another_file_is_rejected() {
    for digests in [Digests::Every, Digests::Auto, Digests::Off] {
        let house = house(digests).await;
        let slow = house.create(6, &named()).await.expect("created").standing.upload.id;
        let message = house.send(Way::OneShot, b"XXXXXX").await.expect("made");
        let refused = house.append(slow, 0, body(&[FILE])).await.expect_err("another file");
        assert!(names_another_file(&refused), "{refused:?}");
        let again = house.append(slow, 6, body(&[])).await.expect_err("still");
        assert!(names_another_file(&again), "{again:?}");
        assert_eq!(house.uploads.status(&ada(), slow).await.expect("there").state(), "rejected");
        house.has_only(&message, b"XXXXXX").await;
        assert_eq!(house.parts().await, 0);
    }
}

#[tokio::test]
async fn an_announced_digest_is_known_at_the_creation() {
    let sum = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";
    let other = "00".repeat(32);
    let announcing = |sum: &str| bound(&[("client_message_id", "c"), ("sha256", sum)]);
    let house = House::new().await;
    let first = house.create(6, &announcing(sum)).await.expect("created").standing.upload.id;
    for is_made in [false, true] {
        if is_made {
            house.append(first, 0, body(&[FILE])).await.expect("made");
        }
        let refused = house.create(6, &announcing(&other)).await;
        assert!(matches!(refused, Err(UploadError::AnotherFile)), "{refused:?}");
        for same in [announcing(sum), named()] {
            let found = house.create(6, &same).await.expect("found");
            assert_eq!(found.standing.upload.id, first);
        }
    }
}

#[tokio::test]
async fn of_two_files_at_the_same_time_one_is_the_message_and_the_other_is_refused() {
    for one in WAYS {
        for other in WAYS {
            let house = House::new().await;
            let (first, second) =
                tokio::join!(house.send(one, b"one"), house.send(other, b"two, and longer"));
            let messages = house.messages().await;
            let [message] = &messages[..] else { panic!("{one:?}, {other:?}: {messages:?}") };
            let outcomes = [(first, 3), (second, 15)];
            let winners = outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).count();
            assert_eq!(winners, 1, "{one:?}, {other:?}: {outcomes:?}");
            for (outcome, length) in outcomes {
                match outcome {
                    Ok(made) => assert_eq!((&made, made.file_size), (message, length)),
                    Err(UploadError::AlreadyBound) => {}
                    Err(error) => assert!(names_another_file(&error), "{one:?}, {other:?}: {error:?}"),
                }
            }
        }
    }
}

/// While the upload is receiving, only the first bytes are compared; then the offset is what counts.
async fn a_client_that_begins_again_is_told_where_to_go_on(house: House) {
    let bytes = vec![7; 200_000];
    let metadata = named();
    let id = house.create(200_001, &metadata).await.expect("created").standing.upload.id;
    house.append(id, 0, body(&[&bytes])).await.expect("appended");
    for sent in [&bytes[..], &bytes[..10]] {
        let refused = house.append(id, 0, body(&[sent])).await;
        let told = AppendRefusal::OffsetMismatch { current: 200_000 };
        assert!(matches!(refused, Err(UploadError::Append(refusal)) if refusal == told), "{refused:?}");
    }
    let mut changed = bytes.clone();
    changed[65_535] = 8;
    let refused = house.append(id, 0, body(&[&changed])).await;
    assert!(matches!(refused, Err(UploadError::AnotherFile)), "{refused:?}");
    assert_eq!(house.offset(id).await, 200_000);
}

/// A kill came between the record of the adoption and the freeing of the bytes.
#[tokio::test]
async fn bytes_are_compared_until_the_record_says_that_they_were() {
    let house = house(Digests::Off).await;
    let slow = house.create(6, &named()).await.expect("created").standing.upload.id;
    let message = house.send(Way::OneShot, FILE).await.expect("made");
    house.record_all(slow, FILE).await;
    assert_eq!(house.finalizer.recover().await.expect("memory"), 1);
    assert_eq!(house.uploads.head(&ada(), slow).await.expect("there").message, Some(message));
    assert_eq!(house.parts().await, 0);
}
