//! Core, PATCH.

use std::time::Duration;

use super::core_version::nobody;
use crate::conformance::bench::{Bench, random};
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};
use crate::http::Request;

pub(super) const SECTION: Section = Section {
    name: "Core, PATCH",
    text: "https://tus.io/protocols/resumable-upload#patch",
    needs: &["creation"],
    cases: &[
        must("core.patch.status", "a PATCH that succeeds is answered 204", run!(status)),
        must("core.patch.new-offset", "the answer to PATCH tells the new offset", run!(new_offset)),
        must("core.patch.offset-is-sum", "the new offset is the old one and the bytes received", run!(sum)),
        should("core.patch.applies-bytes", "the bytes are applied where they belong", run!(applies_bytes)),
        should(
            "core.patch.content-type",
            "a PATCH of another media type is answered 415",
            run!(content_type),
        ),
        should(
            "core.patch.no-content-type",
            "a PATCH without a media type is answered 415",
            run!(no_content_type),
        ),
        should("core.patch.missing", "a PATCH of an unknown upload is answered 404", run!(missing)),
        should(
            "core.patch.stores-what-came",
            "of a PATCH whose connection ends in the middle, bytes are kept",
            run!(stores_what_came),
        ),
        should(
            "core.patch.timeout-closes",
            "a body that stalls for too long ends with its connection",
            run!(timeout_closes),
        ),
        robust("core.patch.empty", "a PATCH without bytes changes nothing", run!(empty)),
        robust(
            "core.patch.media-type-spelling",
            "a media type with parameters or in capitals is handled",
            run!(media_type_spelling),
        ),
        robust("core.patch.at-the-end", "bytes for a complete upload are not taken", run!(at_the_end)),
        robust(
            "core.patch.empty-at-the-end",
            "an empty PATCH at the end, as after a lost answer, changes nothing",
            run!(empty_at_the_end),
        ),
    ],
};

async fn status(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.append(&upload, 0, b"hello").await?.status(&[204])?;
    FINE
}

async fn new_offset(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let answer = bench.append(&upload, 0, b"hello").await?;
    answer.number("Upload-Offset")?;
    FINE
}

async fn sum(bench: &Bench) -> Judged {
    let upload = bench.upload(10).await?;
    for (offset, bytes, new) in [(0, "hel", 3), (3, "l", 4), (4, "o wor", 9), (9, "l", 10)] {
        bench.append(&upload, offset, bytes.as_bytes()).await?.says("Upload-Offset", new)?;
        bench.expect_offset(&upload, new).await?;
    }
    FINE
}

async fn applies_bytes(bench: &Bench) -> Judged {
    let content = random(3_000_000);
    let upload = bench.upload(3_000_000).await?;
    let mut offset = 0;
    for piece in content.chunks(700_001) {
        bench.append(&upload, offset, piece).await?.status(&[204])?;
        offset += piece.len() as u64;
    }
    bench.expect_offset(&upload, 3_000_000).await?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

async fn content_type(bench: &Bench) -> Judged {
    is_unsupported(bench, |patch| patch.header("Content-Type", "application/octet-stream")).await
}

async fn no_content_type(bench: &Bench) -> Judged {
    is_unsupported(bench, |patch| patch).await
}

async fn is_unsupported(bench: &Bench, typed: impl FnOnce(Request) -> Request) -> Judged {
    let upload = bench.upload(5).await?;
    let patch = bench.patch(&upload, 0).without("Content-Type");
    bench.ask(typed(patch).body("hello")).await?.status(&[415])?;
    bench.expect_offset(&upload, 0).await?;
    FINE
}

async fn missing(bench: &Bench) -> Judged {
    bench.append(&nobody(bench), 0, b"hello").await?.status(&[404])?;
    FINE
}

/// How often to look at an upload whose bytes seem lost.
const LOOKS: u32 = 10;

async fn stores_what_came(bench: &Bench) -> Judged {
    let content = random(4_000_000);
    let upload = bench.upload(4_000_000).await?;
    let patch = bench.patch(&upload, 0).declared_length(4_000_000);
    let mut connection = bench.begin(&patch).await?;
    connection.try_send(&content[..3_000_000]).await?;
    connection.try_finish().await?;
    drop(connection);
    let mut offset = super::settled::settled_offset(bench, &upload).await?;
    // A loaded server may store the bytes later.
    for _ in 0..LOOKS {
        if offset == 0 {
            offset = super::settled::settled_offset(bench, &upload).await?;
        }
    }
    ensure(offset > 0, "3000000 bytes of 4000000 had come, and none was kept")?;
    ensure(offset <= 3_000_000, format_args!("3000000 bytes had come, and HEAD says {offset}"))?;
    bench.resume(&upload, &content).await?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

/// The longest timeout that is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

async fn timeout_closes(bench: &Bench) -> Judged {
    let upload = bench.upload(10).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).declared_length(10)).await?;
    connection.try_send(b"hello").await?;
    match tokio::time::timeout(PATIENCE, connection.try_answer(false)).await {
        Err(_) => Err(Fault::Inapplicable("a stalled body is given more than 2 s".to_owned())),
        Ok(Err(_)) => FINE,
        Ok(Ok(answer)) => {
            let closed = tokio::time::timeout(PATIENCE, connection.gone()).await.is_ok();
            ensure(closed, format_args!("a stalled body is answered {}, and may go on", answer.status))?;
            FINE
        }
    }
}

async fn empty(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    let answer = bench.append(&upload, 2, b"").await?;
    bench.expect_offset(&upload, 2).await?;
    match answer.status {
        204 => FINE,
        _ => room(format_args!("an empty {answer}")),
    }
}

async fn media_type_spelling(bench: &Bench) -> Judged {
    let mut refused = Vec::new();
    for spelling in ["application/offset+octet-stream; charset=utf-8", "Application/Offset+Octet-Stream"] {
        let upload = bench.upload(5).await?;
        let patch = bench.patch(&upload, 0).without("Content-Type").header("Content-Type", spelling);
        let answer = bench.ask(patch.body("hello")).await?;
        bench.expect_offset(&upload, if answer.accepted() { 5 } else { 0 }).await?;
        if !answer.accepted() {
            refused.push(format!("{spelling:?} is refused with {}", answer.status));
        }
    }
    if refused.is_empty() { FINE } else { room(refused.join(", ")) }
}

async fn at_the_end(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"hello").await?;
    let answer = bench.append(&upload, 5, b" world").await?;
    bench.expect_offset(&upload, 5).await?;
    bench.expect_bytes(&upload, b"hello").await?;
    match answer.accepted() {
        false => FINE,
        true => room(format_args!("bytes for a complete upload were dropped, and {answer}")),
    }
}

async fn empty_at_the_end(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"hello").await?;
    let answer = bench.append(&upload, 5, b"").await?;
    bench.expect_offset(&upload, 5).await?;
    match answer.status {
        204 => FINE,
        _ => room(format_args!("an empty {answer} at the end")),
    }
}
