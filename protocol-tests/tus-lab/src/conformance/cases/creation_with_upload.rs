//! Creation With Upload.

use super::expectation::Expectation;
use crate::conformance::bench::{Bench, random};
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::verdict::{FINE, Judged, ensure, room};
use crate::http::Request;
use crate::tus::OFFSET_OCTET_STREAM;

pub(super) const SECTION: Section = Section {
    name: "Creation With Upload",
    text: "https://tus.io/protocols/resumable-upload#creation-with-upload",
    needs: &["creation", "creation-with-upload"],
    cases: &[
        must("with-upload.status", "a creation with bytes is answered 201", run!(status)),
        must("with-upload.offset", "the answer to a creation with bytes tells Upload-Offset", run!(offset)),
        must(
            "with-upload.offset-is-true",
            "the offset told is that of the bytes taken",
            run!(offset_is_true),
        ),
        must(
            "with-upload.offset-at-zero",
            "the offset is told also if nothing was sent",
            run!(offset_at_zero),
        ),
        should("with-upload.takes-all", "all bytes that are sent are taken", run!(takes_all)),
        should("with-upload.whole", "a whole file can come with its creation", run!(whole)),
        should(
            "with-upload.deferred",
            "bytes with a creation go together with a deferred length",
            run!(deferred),
        )
        .needing(&["creation-defer-length"]),
        robust("with-upload.expect", "Expect: 100-continue gets an answer before the body", run!(expect)),
        robust(
            "with-upload.expect-refused",
            "a creation that is refused is refused before its body is asked for",
            run!(expect_refused),
        ),
        robust("with-upload.too-long", "more bytes than the length are not taken", run!(too_long)),
        robust("with-upload.chunked", "the bytes may come in chunks", run!(chunked)),
        robust("with-upload.cut", "a creation that is cut in the middle does no harm", run!(cut)),
    ],
};

fn creation(bench: &Bench, length: u64) -> Request {
    bench.creation(length).header("Content-Type", OFFSET_OCTET_STREAM)
}

async fn status(bench: &Bench) -> Judged {
    let answer = bench.ask(creation(bench, 10).body("hello")).await?;
    answer.status(&[201])?;
    bench.located(&answer).await?;
    FINE
}

async fn offset(bench: &Bench) -> Judged {
    let answer = bench.ask(creation(bench, 10).body("hello")).await?;
    bench.located(&answer).await?;
    answer.number("Upload-Offset")?;
    FINE
}

async fn offset_is_true(bench: &Bench) -> Judged {
    let answer = bench.ask(creation(bench, 10).body("hello")).await?;
    let upload = bench.located(&answer).await?;
    let offset = answer.number("Upload-Offset")?;
    ensure(offset <= 5, format_args!("{answer} with Upload-Offset: {offset} for 5 bytes"))?;
    bench.expect_offset(&upload, offset).await?;
    bench.resume(&upload, b"helloworld").await?;
    bench.expect_bytes(&upload, b"helloworld").await?;
    FINE
}

async fn offset_at_zero(bench: &Bench) -> Judged {
    let answer = bench.ask(creation(bench, 10)).await?;
    bench.located(&answer).await?;
    match answer.number_if_any("Upload-Offset")? {
        Some(0) => FINE,
        Some(offset) => super::contradiction::wrong_offset(&answer, offset),
        None => room("a creation with an empty body is a plain creation, without Upload-Offset"),
    }
}

async fn takes_all(bench: &Bench) -> Judged {
    let content = random(1_000_000);
    let answer = bench.ask(creation(bench, 2_000_000).body(&content[..])).await?;
    bench.located(&answer).await?;
    answer.says("Upload-Offset", 1_000_000)?;
    FINE
}

async fn whole(bench: &Bench) -> Judged {
    let content = random(1_000_000);
    let answer = bench.ask(creation(bench, 1_000_000).body(&content[..])).await?;
    let upload = bench.located(&answer).await?;
    answer.says("Upload-Offset", 1_000_000)?;
    bench.expect_offset(&upload, 1_000_000).await?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

async fn deferred(bench: &Bench) -> Judged {
    let creation = bench.open_creation().header("Upload-Defer-Length", 1);
    let answer = bench.ask(creation.header("Content-Type", OFFSET_OCTET_STREAM).body("hello")).await?;
    answer.status(&[201])?;
    let upload = bench.located(&answer).await?;
    let offset = answer.number("Upload-Offset")?;
    bench.expect_offset(&upload, offset).await?;
    FINE
}

async fn expect(bench: &Bench) -> Judged {
    let request = creation(bench, 5).header("Expect", "100-continue").declared_length(5);
    let mut connection = bench.begin(&request).await?;
    let expectation = super::expectation::expectation(&mut connection).await?;
    if let Expectation::Final(status) = expectation {
        return room(format_args!("the expectation is answered {status} at once"));
    }
    connection.try_send(b"hello").await?;
    let answer = bench.hear("POST", &mut connection).await?;
    answer.status(&[201])?;
    let upload = bench.located(&answer).await?;
    bench.expect_offset(&upload, 5).await?;
    expectation.judged()
}

async fn expect_refused(bench: &Bench) -> Judged {
    let request = creation(bench, 5).without("Tus-Resumable").header("Tus-Resumable", "99.0.0");
    let mut connection = bench.begin(&request.header("Expect", "100-continue").declared_length(5)).await?;
    match super::expectation::expectation(&mut connection).await? {
        Expectation::Final(status) if status >= 300 => FINE,
        Expectation::Final(status) => {
            room(format_args!("a creation of an unknown version is answered {status}"))
        }
        Expectation::Continue => room("100 Continue comes before the request is looked at"),
        ignored => ignored.judged(),
    }
}

async fn too_long(bench: &Bench) -> Judged {
    for request in [creation(bench, 5).body("hello world"), creation(bench, 5).body("hello world").chunked()]
    {
        let answer = bench.ask(request).await?;
        if answer.accepted() {
            let upload = bench.located(&answer).await?;
            super::settled::never_past_its_length(bench, &upload, b"hello").await?;
        }
    }
    FINE
}

async fn chunked(bench: &Bench) -> Judged {
    let answer = bench.ask(creation(bench, 5).body("hello").chunked()).await?;
    if !answer.accepted() {
        return room(format_args!("bytes in chunks: {answer}"));
    }
    let upload = bench.located(&answer).await?;
    bench.resume(&upload, b"hello").await?;
    bench.expect_bytes(&upload, b"hello").await?;
    FINE
}

async fn cut(bench: &Bench) -> Judged {
    for resets in [false, true] {
        let mut connection = bench.begin(&creation(bench, 10).declared_length(10)).await?;
        connection.try_send(b"hello").await?;
        if resets {
            connection.reset();
        } else {
            connection.try_finish().await?;
        }
    }
    let upload = bench.upload(5).await?;
    bench.append(&upload, 0, b"hello").await?.status(&[204])?;
    FINE
}
