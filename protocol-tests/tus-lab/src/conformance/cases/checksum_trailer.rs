//! Checksum, in trailers.

use super::checksum::{HEADER, UNSUPPORTED, right, usable};
use crate::conformance::answer::Answer;
use crate::conformance::bench::{Bench, random};
use crate::conformance::case::{Section, must, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};
use crate::http::Connection;

pub(super) const SECTION: Section = Section {
    name: "Checksum, trailers",
    text: "https://tus.io/protocols/resumable-upload#checksum",
    needs: &["creation", "checksum", "checksum-trailer"],
    cases: &[
        must("trailer.match", "the right checksum after the body is accepted", run!(matching)),
        must("trailer.mismatch", "a wrong checksum after the body is refused", run!(mismatch)),
        must(
            "trailer.mismatch-discards",
            "of a chunk with a wrong checksum after it nothing is kept",
            run!(mismatch_discards),
        ),
        must(
            "trailer.mismatch-at-the-end",
            "a last chunk with a wrong checksum after it completes nothing",
            run!(mismatch_at_the_end),
        ),
        must("trailer.unsupported", "an unknown algorithm after the body is refused", run!(unsupported)),
        must("trailer.malformed", "what is no checksum cannot match after the body either", run!(malformed)),
        robust("trailer.large", "a large chunk is verified before it counts", run!(large)),
        robust(
            "trailer.promised",
            "a checksum that is announced and does not come is handled",
            run!(promised),
        ),
        robust("trailer.cut", "a chunk that is cut before its trailer does no harm", run!(cut)),
    ],
};

/// Sends a body of one chunk with its checksum in a trailer.
pub(super) async fn trailed(
    bench: &Bench,
    upload: &Place,
    offset: u64,
    bytes: &[u8],
    checksum: Option<&str>,
) -> Result<Answer, Fault> {
    let patch = bench.patch(upload, offset).header("Trailer", HEADER).chunked();
    let mut connection = bench.begin(&patch).await?;
    send_chunk(&mut connection, bytes).await?;
    let trailer = checksum.map(|checksum| format!("{HEADER}: {checksum}\r\n")).unwrap_or_default();
    // The server may refuse before all is sent.
    _ = connection.try_send(format!("0\r\n{trailer}\r\n").as_bytes()).await;
    bench.hear("PATCH", &mut connection).await
}

async fn send_chunk(connection: &mut Connection, bytes: &[u8]) -> std::io::Result<()> {
    connection.try_send(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    connection.try_send(bytes).await?;
    connection.try_send(b"\r\n").await
}

async fn matching(bench: &Bench) -> Judged {
    for algorithm in usable(bench)? {
        let upload = bench.upload(5).await?;
        let answer = trailed(bench, &upload, 0, b"hello", Some(&right(&algorithm, b"hello"))).await?;
        ensure(answer.status == 204, format_args!("{algorithm}: {answer} instead of 204"))?;
        bench.expect_offset(&upload, 5).await?;
        bench.expect_bytes(&upload, b"hello").await?;
    }
    FINE
}

async fn mismatch(bench: &Bench) -> Judged {
    for algorithm in usable(bench)? {
        let upload = bench.upload(10).await?;
        let answer = trailed(bench, &upload, 0, b"hello", Some(&right(&algorithm, b"other"))).await?;
        ensure(!answer.accepted(), format_args!("{algorithm}: {answer}"))?;
    }
    FINE
}

async fn mismatch_discards(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let upload = bench.upload(10).await?;
    trailed(bench, &upload, 0, b"HELLO", Some(&right(algorithm, b"other"))).await?;
    bench.expect_offset(&upload, 0).await?;
    bench.append(&upload, 0, b"helloworld").await?.status(&[204])?;
    bench.expect_bytes(&upload, b"helloworld").await?;
    FINE
}

async fn mismatch_at_the_end(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    trailed(bench, &upload, 0, b"HELLO", Some(&right(&usable(bench)?[0], b"other"))).await?;
    bench.expect_offset(&upload, 0).await?;
    FINE
}

async fn unsupported(bench: &Bench) -> Judged {
    let upload = bench.upload(10).await?;
    trailed(bench, &upload, 0, b"hello", Some(UNSUPPORTED)).await?.refusal()?;
    bench.expect_offset(&upload, 0).await?;
    FINE
}

async fn malformed(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    for value in [format!("{algorithm} AAAA"), format!("{algorithm} !!!!")] {
        let upload = bench.upload(10).await?;
        let answer = trailed(bench, &upload, 0, b"hello", Some(&value)).await?;
        ensure(!answer.accepted(), format_args!("{value:?}: {answer}"))?;
        bench.expect_offset(&upload, 0).await?;
    }
    FINE
}

async fn large(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let content = random(12_000_000);
    let upload = bench.upload(12_000_000).await?;
    trailed(bench, &upload, 0, &content, Some(&right(algorithm, b"other"))).await?.refusal()?;
    bench.expect_offset(&upload, 0).await?;
    trailed(bench, &upload, 0, &content, Some(&right(algorithm, &content))).await?.status(&[204])?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

async fn promised(bench: &Bench) -> Judged {
    let upload = bench.upload(10).await?;
    let answer = trailed(bench, &upload, 0, b"hello", None).await?;
    let offset = bench.offset(&upload).await?;
    match (answer.accepted(), offset) {
        (false, 0) => FINE,
        (true, 5) => room("a chunk whose announced checksum never came is taken unverified"),
        _ => super::contradiction::wrong_offset(&answer, offset),
    }
}

async fn cut(bench: &Bench) -> Judged {
    let content = random(1_000_000);
    let upload = bench.upload(1_000_000).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).header("Trailer", HEADER).chunked()).await?;
    send_chunk(&mut connection, &content[..500_000]).await?;
    connection.try_finish().await?;
    drop(connection);
    let offset = super::settled::settled_offset(bench, &upload).await?;
    ensure(offset <= 500_000, format_args!("500000 bytes had come, and HEAD says {offset}"))?;
    bench.resume(&upload, &content).await?;
    bench.expect_bytes(&upload, &content).await?;
    match offset {
        0 => FINE,
        kept => room(format_args!("{kept} bytes are kept that were never verified")),
    }
}
