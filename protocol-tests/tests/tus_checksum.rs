//! tus 1.0.0, checksum and checksum-trailer: bytes that are checked before they count.

use harness::chat::{Chat, check_detail};
use harness::checksum::{ALGORITHMS, checksum};
use harness::content::Content;
use harness::heavy::alone;
use harness::http::Request;
use harness::note::note;
use harness::server::Setup;
use harness::tus;

mod checked;

use checked::{MIB, WAYS, Way, announce, damaged, index, is_made_of, patch};

/// How many bytes the server may ever have resident.
const ALLOWED: u64 = 64 << 20;

#[tokio::test]
async fn discovery_names_the_extensions_and_the_algorithms() {
    let chat = Chat::start().await;
    let answer = chat.server.request("OPTIONS", "/files").send().await.expecting(200);
    let extensions = answer.head.list("Tus-Extension");
    for extension in ["checksum", "checksum-trailer"] {
        assert!(extensions.contains(&extension.to_owned()), "{extension}: {extensions:?}");
    }
    assert_eq!(answer.head.list("Tus-Checksum-Algorithm"), ALGORITHMS);
}

#[tokio::test]
async fn a_mismatch_is_460_and_leaves_the_offset() {
    let (chat, content) = (Chat::start().await, Content::random(100_000));
    let bytes = content.bytes();
    let location = tus::create(&chat, content.len(), &[]).await;
    let mut offset = 0;
    for (algorithm, way) in ALGORITHMS.into_iter().flat_map(|algorithm| WAYS.map(|way| (algorithm, way))) {
        let piece = &bytes[offset..offset + 10_000];
        let sum = checksum(algorithm, piece);
        let wrong = way.say(patch(&chat, &location, offset as u64), &damaged(piece), &sum).send().await;
        check_detail(&wrong, 460);
        assert_eq!(tus::offset(&chat, &location).await, offset as u64, "{algorithm} {way:?}");
        let shorter = way.say(patch(&chat, &location, offset as u64), &piece[1..], &sum).send().await;
        check_detail(&shorter, 460);
        let right = way.say(patch(&chat, &location, offset as u64), piece, &sum).send().await.expecting(204);
        offset += piece.len();
        assert_eq!(right.number("Upload-Offset"), offset as u64, "{algorithm} {way:?}");
    }
    is_made_of(&chat, &content).await;
    let metrics = chat.server.request("GET", "/metrics").send().await.expecting(200).text();
    assert!(metrics.contains("longhaul_checksum_mismatches_total 20"), "{metrics}");
}

#[tokio::test]
async fn an_algorithms_name_may_be_written_in_any_letter_case() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let sum = checksum("sha1", b"hello").replace("sha1", "SHA1");
    Way::Header.say(patch(&chat, &location, 0), b"hello", &sum).send().await.expecting(204);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello");
}

/// Values of `Upload-Checksum` that cannot be checked, whatever the bytes are.
const UNUSABLE: [&str; 10] = [
    "",
    "sha1",
    "sha1 ",
    "sha3 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00",
    "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ0",
    "sha1 !!!!",
    "sha1,qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=, sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
];

/// Well-formed values that no bytes can have, because of their length: of another algorithm, cut short, in
/// hex.
const OF_ANOTHER_LENGTH: [&str; 5] = [
    "md5 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha1 AAAA",
    "crc32 NSRBwjUkQcI=",
    "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha1 aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
];

#[tokio::test]
async fn a_checksum_of_another_length_is_a_mismatch() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    for (value, way) in OF_ANOTHER_LENGTH.into_iter().flat_map(|value| WAYS.map(|way| (value, way))) {
        for request in [patch(&chat, &location, 0), creation_with(&chat, 5)] {
            let answer = way.say(request, b"hello", value).send().await;
            check_detail(&answer, 460);
        }
        assert_eq!(tus::offset(&chat, &location).await, 0, "{value} {way:?}");
    }
    assert_eq!(listed(&chat).await, 1, "no creation stays");
}

#[tokio::test]
async fn a_header_that_cannot_be_checked_is_400_before_a_byte_is_read() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let refused = async |request: Request| {
        // The body is never sent.
        let answer = request.declared_length(5).open().await.answer().await;
        check_detail(&answer, 400);
    };
    for value in UNUSABLE {
        refused(patch(&chat, &location, 0).header("Upload-Checksum", value)).await;
        refused(creation_with(&chat, 5).header("Upload-Checksum", value)).await;
    }
    let sum = checksum("sha1", b"hello");
    let once = patch(&chat, &location, 0).header("Upload-Checksum", &sum);
    refused(once.clone().header("Upload-Checksum", &sum)).await;
    refused(announce(once)).await;
    assert_eq!(tus::offset(&chat, &location).await, 0);
    assert_eq!(listed(&chat).await, 1, "no creation was processed");
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
}

#[tokio::test]
async fn a_trailer_that_cannot_be_checked_leaves_nothing() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let sum = checksum("sha1", b"hello");
    let announced = || announce(patch(&chat, &location, 0)).body("hello");
    let mut refused: Vec<_> =
        UNUSABLE.map(|value| (value, announced().trailer("Upload-Checksum", value))).into();
    refused.extend([
        ("it is missing", announced().chunked()),
        ("another came", announced().trailer("Other", &sum)),
        ("the body has no trailer", announced()),
        ("it came twice", announced().trailer("Upload-Checksum", &sum).trailer("Upload-Checksum", &sum)),
        ("unannounced", patch(&chat, &location, 0).body("hello").trailer("Upload-Checksum", &sum)),
        (
            "beside a header",
            Way::Header.say(patch(&chat, &location, 0), b"hello", &sum).trailer("Upload-Checksum", &sum),
        ),
    ]);
    for (why, request) in refused {
        let answer = request.send().await;
        assert_eq!(answer.status, 400, "{why}: {}", answer.text());
        check_detail(&answer, 400);
        assert_eq!(tus::offset(&chat, &location).await, 0, "{why}");
    }
    // A body with a framing error at its end counts as broken off: the client may go on.
    let broken = announced().trailer("No colon\r\nUpload-Checksum", &sum).send().await;
    check_detail(&broken, 503);
    assert_eq!(tus::offset(&chat, &location).await, 0);
    assert!(chat.messages().await.is_empty());
}

#[tokio::test]
async fn a_trailer_may_be_announced_in_any_spelling() {
    let chat = Chat::start().await;
    for (name, value) in [
        ("Trailer", "upload-checksum"),
        ("trailer", "X-Other, UPLOAD-CHECKSUM"),
        ("TRAILER", " Upload-Checksum ,"),
    ] {
        for transfer in [None, Some("trailers"), Some("trailers, deflate;q=0.5")] {
            let location = tus::create(&chat, 5, &[]).await;
            let request = |body: &str| {
                let request = patch(&chat, &location, 0).header(name, value).body(body);
                let request = request.trailer("Upload-Checksum", checksum("crc32", b"hello"));
                transfer.into_iter().fold(request.trailer("X-Other", "x"), |r, te| r.header("TE", te))
            };
            check_detail(&request("hellO").send().await, 460);
            assert_eq!(tus::offset(&chat, &location).await, 0, "{value}");
            request("hello").send().await.expecting(204);
        }
    }
}

#[tokio::test]
async fn other_trailers_are_ignored() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    let request = patch(&chat, &location, 0).header("Trailer", "X-Other").body("hello");
    request.trailer("X-Other", "x").send().await.expecting(204);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello");
}

#[tokio::test]
async fn bytes_that_are_refused_anyway_are_not_judged() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 10, &[]).await;
    tus::append(&chat, &location, 0, b"abcd").await.expecting(204);
    let wrong = checksum("sha1", b"something else");
    for (status, request) in [
        (401, patch(&chat, &location, 4).without("Authorization")),
        (404, patch(&chat, "/files/00000000-0000-4000-8000-000000000000", 4)),
        (409, patch(&chat, &location, 3)),
        (413, patch(&chat, &location, 4).declared_length(7)),
        (413, patch(&chat, &location, 4).chunked()),
    ] {
        let answer = Way::Header.say(request, b"efghijk", &wrong).send().await;
        check_detail(&answer, status);
        assert_eq!(tus::offset(&chat, &location).await, 4, "{status}");
    }
    let complete = tus::append(&chat, &location, 4, b"efghij").await.expecting(204);
    assert_eq!(complete.number("Upload-Offset"), 10);
}

#[tokio::test]
async fn a_mismatch_declares_no_length() {
    let chat = Chat::start().await;
    for way in WAYS {
        let creation = tus::creation_in_chat(&chat, 0).without("Upload-Length");
        let answer = creation.header("Upload-Defer-Length", 1).send().await.expecting(201);
        let location = answer.expect("Location").to_owned();
        let last = |body: &[u8]| {
            let request = patch(&chat, &location, 0).header("Upload-Length", 5);
            way.say(request, body, &checksum("md5", b"hello")).send()
        };
        check_detail(&last(b"hellO").await, 460);
        let head = tus::head(&chat, &location).await.expecting(200);
        assert_eq!((head.number("Upload-Offset"), head.number("Upload-Defer-Length")), (0, 1), "{way:?}");
        assert!(head.header("Upload-Length").is_none(), "{way:?}");
        last(b"hello").await.expecting(204);
    }
    assert_eq!(chat.messages().await.len(), 2);
}

fn creation_with(chat: &Chat, length: u64) -> Request {
    let metadata = tus::metadata(&[("filename", "a.mp4"), ("client_message_id", "once")]);
    tus::creation_in_chat(chat, length)
        .header("Content-Type", tus::OFFSET_OCTET_STREAM)
        .header("Upload-Metadata", metadata)
}

async fn listed(chat: &Chat) -> usize {
    let list = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json();
    list.to_string().matches("\"upload_id\"").count()
}

#[tokio::test]
async fn a_creation_whose_bytes_do_not_match_creates_nothing() {
    let chat = Chat::start().await;
    for (way, length) in [(Way::Header, 5), (Way::Trailer, 5), (Way::Header, 9), (Way::Trailer, 9)] {
        let sum = checksum("sha1", b"hello");
        let wrong = way.say(creation_with(&chat, length), b"hellO", &sum).send().await;
        check_detail(&wrong, 460);
        assert!(wrong.header("Location").is_none(), "{way:?}");
        assert_eq!(listed(&chat).await, 0, "{way:?}");
        chat.check_folders().await;
    }
    let missing = announce(creation_with(&chat, 5)).chunked().body("hello").send().await;
    check_detail(&missing, 400);
    assert_eq!(listed(&chat).await, 0);
}

#[tokio::test]
async fn a_creation_whose_bytes_match_keeps_them() {
    let chat = Chat::start().await;
    let sum = checksum("sha1", b"hello");
    let answer = Way::Trailer.say(creation_with(&chat, 11), b"hello", &sum).send().await.expecting(201);
    assert_eq!(answer.number("Upload-Offset"), 5);
    let location = answer.expect("Location").to_owned();
    let rest = Way::Header.say(patch(&chat, &location, 5), b" world", &checksum("crc32", b" world"));
    rest.send().await.expecting(204);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello world");
}

#[tokio::test]
async fn a_mismatch_ends_no_upload_that_was_there_before() {
    let chat = Chat::start().await;
    let created = creation_with(&chat, 5).without("Content-Type").send().await.expecting(201);
    let location = created.expect("Location").to_owned();
    let sum = checksum("sha1", b"hello");
    let wrong = Way::Header.say(creation_with(&chat, 5), b"hellO", &sum).send().await;
    check_detail(&wrong, 460);
    assert_eq!(tus::offset(&chat, &location).await, 0);
    let right = Way::Header.say(creation_with(&chat, 5), b"hello", &sum).send().await.expecting(201);
    assert_eq!(right.expect("Location"), location);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello");
}

#[tokio::test]
async fn an_empty_body_has_a_checksum_as_well() {
    let chat = Chat::start().await;
    let (right, wrong) = (checksum("sha256", b""), checksum("sha256", b"x"));
    let done = tus::create(&chat, 5, &[]).await;
    tus::append(&chat, &done, 0, b"hello").await.expecting(204);
    let open = tus::create(&chat, 5, &[]).await;
    for (location, offset) in [(&open, 0), (&done, 5)] {
        for way in WAYS {
            check_detail(&way.say(patch(&chat, location, offset), b"", &wrong).send().await, 460);
            way.say(patch(&chat, location, offset), b"", &right).send().await.expecting(204);
        }
    }
    assert_eq!(tus::offset(&chat, &open).await, 0);
    for (way, length) in WAYS.into_iter().flat_map(|way| [(way, 0), (way, 5)]) {
        check_detail(&way.say(creation_with(&chat, length), b"", &wrong).send().await, 460);
    }
    assert_eq!((chat.messages().await.len(), listed(&chat).await), (1, 1));
    Way::Header.say(creation_with(&chat, 0), b"", &right).send().await.expecting(201);
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test]
async fn bytes_of_unknown_length_are_refused_by_a_complete_upload() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[]).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    check_detail(&patch(&chat, &location, 5).chunked().body("x").send().await, 413);
    patch(&chat, &location, 5).chunked().send().await.expecting(204);
    let creation = creation_with(&chat, 0).chunked().body("x").send().await;
    check_detail(&creation, 413);
    assert_eq!(chat.media(&chat.only_message().await).await.body, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_needs_no_memory() {
    let _alone = alone().await;
    let (chat, content) = (Chat::start().await, Content::random(100 * MIB));
    let bytes = content.bytes();
    let location = tus::create(&chat, content.len(), &[]).await;
    let wrong = Way::Trailer.say(patch(&chat, &location, 0), &bytes, &checksum("md5", b"x"));
    check_detail(&wrong.send().await, 460);
    let right = Way::Header.say(patch(&chat, &location, 0), &bytes, &checksum("md5", &bytes));
    right.send().await.expecting(204);
    is_made_of(&chat, &content).await;
    let peak = chat.server.peak_memory();
    note(format_args!("at most {} KiB were resident", peak >> 10));
    assert!(peak < ALLOWED, "{peak} bytes were resident");
}

#[tokio::test]
async fn payloads_in_the_database_are_checked_as_well() {
    let chat = Chat::on(Setup::default().setting("--payload", "sled")).await;
    let content = Content::random(900_001);
    let bytes = content.bytes();
    let (first, second) = bytes.split_at(400_000);
    let location = tus::create(&chat, content.len(), &[]).await;
    for way in WAYS {
        let sum = checksum("sha512", first);
        check_detail(&way.say(patch(&chat, &location, 0), &damaged(first), &sum).send().await, 460);
        // The bytes of the mismatch are longer than those that follow in their place.
        check_detail(&way.say(patch(&chat, &location, 0), &damaged(&bytes), &sum).send().await, 460);
        assert_eq!(tus::offset(&chat, &location).await, 0);
    }
    Way::Trailer.say(patch(&chat, &location, 0), first, &checksum("sha1", first)).send().await.expecting(204);
    chat.server.restart().await;
    assert_eq!(tus::offset(&chat, &location).await, 400_000);
    let sum = checksum("sha1", second);
    check_detail(
        &Way::Header.say(patch(&chat, &location, 400_000), &damaged(second), &sum).send().await,
        460,
    );
    Way::Header.say(patch(&chat, &location, 400_000), second, &sum).send().await.expecting(204);
    let message = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
}

/// A mismatch leaves bytes behind the recorded end of a part, which no later bytes overwrite here.
#[tokio::test]
async fn bytes_that_a_mismatch_left_behind_a_part_are_not_joined() {
    for (first, second) in [(60_000, 40_000), (60_000, 0)] {
        let (chat, content) = (Chat::start().await, Content::random(first + second));
        let bytes = content.bytes();
        let (beginning, end) = bytes.split_at(index(first));
        let partial =
            || tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Concat", "partial");
        let deferred = partial().header("Upload-Defer-Length", 1).send().await.expecting(201);
        let part = deferred.expect("Location").to_owned();
        let sum = checksum("sha1", beginning);
        Way::Header.say(patch(&chat, &part, 0), beginning, &sum).send().await.expecting(204);
        let wrong = Way::Trailer.say(patch(&chat, &part, first), &[1; 70_000], &sum).send().await;
        check_detail(&wrong, 460);
        patch(&chat, &part, first).header("Upload-Length", first).send().await.expecting(204);

        let whole = partial()
            .header("Upload-Length", second)
            .header("Content-Type", tus::OFFSET_OCTET_STREAM)
            .header("Upload-Checksum", checksum("sha1", end));
        let other = whole.body(end).send().await.expecting(201).expect("Location").to_owned();
        let urls = if second > 0 { format!("{part} {other}") } else { part };
        let target = format!("/conversations/{}/files", chat.conversation);
        let joined = tus::request(&chat, &chat.alice, "POST", &target)
            .header("Upload-Concat", format_args!("final;{urls}"))
            .send()
            .await
            .expecting(201);
        tus::head(&chat, joined.expect("Location")).await.expecting(200);
        let message = chat.only_message().await;
        assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    }
}
