//! Checksum.

use crate::checksum::checksum_if_known;
use crate::conformance::bench::{Bench, random};
use crate::conformance::case::{Section, must, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};
use crate::http::Request;
use crate::tus::OFFSET_OCTET_STREAM;

pub(super) const SECTION: Section = Section {
    name: "Checksum",
    text: "https://tus.io/protocols/resumable-upload#checksum",
    needs: &["creation", "checksum"],
    cases: &[
        must("checksum.algorithms", "OPTIONS tells Tus-Checksum-Algorithm", run!(algorithms)),
        must("checksum.sha1", "sha1 is among the algorithms", run!(sha1)),
        must("checksum.names", "names of algorithms are ASCII without capitals", run!(names)),
        must("checksum.match", "the right checksum is accepted, with every algorithm", run!(matching)),
        must("checksum.mismatch", "a wrong checksum is refused, with every algorithm", run!(mismatch)),
        robust("checksum.mismatch-460", "a wrong checksum is refused with status 460", run!(mismatch_460)),
        must(
            "checksum.mismatch-discards",
            "of a chunk with a wrong checksum nothing is kept",
            run!(mismatch_discards),
        ),
        must(
            "checksum.mismatch-at-the-end",
            "a last chunk with a wrong checksum does not complete the upload",
            run!(mismatch_at_the_end),
        ),
        must("checksum.unsupported", "an algorithm that is not offered is refused", run!(unsupported)),
        robust(
            "checksum.unsupported-400",
            "an algorithm that is not offered is refused with status 400",
            run!(unsupported_400),
        ),
        must("checksum.malformed", "what is no checksum cannot match: the chunk is refused", run!(malformed)),
        robust("checksum.incomplete", "an algorithm without a checksum is handled", run!(incomplete)),
        must("checksum.chunked", "checksums are verified in chunked bodies too", run!(chunked)),
        robust("checksum.large", "a large chunk is verified before it counts", run!(large)),
        robust("checksum.cut", "a chunk that is cut before it can be verified does no harm", run!(cut)),
        robust(
            "checksum.with-creation",
            "a checksum on a creation with bytes is handled",
            run!(with_creation),
        )
        .needing(&["creation-with-upload"]),
    ],
};

pub(super) const HEADER: &str = "Upload-Checksum";

/// The algorithms that the server offers and that we can compute.
pub(super) fn usable(bench: &Bench) -> Result<Vec<String>, Fault> {
    let mut offered = bench.subject.offer.algorithms.clone();
    offered.retain(|algorithm| checksum_if_known(algorithm, b"").is_some());
    match offered.is_empty() {
        true => Err(Fault::Unprepared("no algorithm is offered that is known here".to_owned())),
        false => Ok(offered),
    }
}

pub(super) fn right(algorithm: &str, bytes: &[u8]) -> String {
    checksum_if_known(algorithm, bytes).expect("only algorithms that can be computed are asked for")
}

async fn algorithms(bench: &Bench) -> Judged {
    bench.subject.discovery.required("Tus-Checksum-Algorithm")?;
    FINE
}

async fn sha1(bench: &Bench) -> Judged {
    let offered = &bench.subject.offer.algorithms;
    let has_sha1 = offered.iter().any(|algorithm| algorithm == "sha1");
    ensure(has_sha1, format_args!("offered are {}", offered.join(", ")))?;
    FINE
}

async fn names(bench: &Bench) -> Judged {
    for name in &bench.subject.offer.algorithms {
        let fine = !name.is_empty() && name.is_ascii() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        ensure(fine, format_args!("{name:?} is offered"))?;
    }
    FINE
}

async fn matching(bench: &Bench) -> Judged {
    for algorithm in usable(bench)? {
        let upload = bench.upload(11).await?;
        let answer = bench.ask(signed(bench, &upload, &right(&algorithm, b"hello world"))).await?;
        ensure(answer.status == 204, format_args!("{algorithm}: {answer} instead of 204"))?;
        bench.expect_offset(&upload, 11).await?;
        bench.expect_bytes(&upload, b"hello world").await?;
    }
    let all = &bench.subject.offer.algorithms;
    let unknown: Vec<_> = all.iter().filter(|name| checksum_if_known(name, b"").is_none()).cloned().collect();
    if unknown.is_empty() { FINE } else { room(format_args!("not tried: {}", unknown.join(", "))) }
}

/// A PATCH of "hello world" at offset 0 with this checksum.
fn signed(bench: &Bench, upload: &Place, checksum: &str) -> Request {
    bench.patch(upload, 0).header(HEADER, checksum).body("hello world")
}

async fn mismatch(bench: &Bench) -> Judged {
    for algorithm in usable(bench)? {
        let upload = bench.upload(20).await?;
        let answer = bench.ask(signed(bench, &upload, &right(&algorithm, b"hello"))).await?;
        ensure(!answer.accepted(), format_args!("{algorithm}: {answer}"))?;
    }
    FINE
}

async fn mismatch_460(bench: &Bench) -> Judged {
    let upload = bench.upload(20).await?;
    let algorithm = &usable(bench)?[0];
    let answer = bench.ask(signed(bench, &upload, &right(algorithm, b"hello"))).await?;
    answer.refusal()?;
    if answer.status == 460 { FINE } else { room(format_args!("a mismatch: {answer}")) }
}

async fn mismatch_discards(bench: &Bench) -> Judged {
    for algorithm in usable(bench)? {
        let upload = bench.upload(11).await?;
        let wrong = bench.patch(&upload, 0).header(HEADER, right(&algorithm, b"other")).body("HELLO");
        bench.ask(wrong).await?;
        bench.expect_offset(&upload, 0).await?;
        bench.ask(signed(bench, &upload, &right(&algorithm, b"hello world"))).await?.status(&[204])?;
        bench.expect_bytes(&upload, b"hello world").await?;
    }
    FINE
}

async fn mismatch_at_the_end(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let upload = bench.started(11, b"hello ").await?;
    let wrong = bench.patch(&upload, 6).header(HEADER, right(algorithm, b"other")).body("WORLD");
    bench.ask(wrong).await?;
    bench.expect_offset(&upload, 6).await?;
    let right = bench.patch(&upload, 6).header(HEADER, right(algorithm, b"world")).body("world");
    bench.ask(right).await?.status(&[204])?;
    bench.expect_bytes(&upload, b"hello world").await?;
    FINE
}

/// A checksum with an algorithm that no server knows.
pub(super) const UNSUPPORTED: &str = "labsum aGVsbG8=";

async fn unsupported(bench: &Bench) -> Judged {
    let upload = bench.upload(20).await?;
    bench.ask(signed(bench, &upload, UNSUPPORTED)).await?.refusal()?;
    bench.expect_offset(&upload, 0).await?;
    FINE
}

async fn unsupported_400(bench: &Bench) -> Judged {
    let upload = bench.upload(20).await?;
    let answer = bench.ask(signed(bench, &upload, UNSUPPORTED)).await?;
    answer.refusal()?;
    if answer.status == 400 { FINE } else { room(format_args!("an unknown algorithm: {answer}")) }
}

async fn malformed(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    for value in [format!("{algorithm} AAAA"), format!("{algorithm} !!!!")] {
        let upload = bench.upload(20).await?;
        let answer = bench.ask(signed(bench, &upload, &value)).await?;
        ensure(!answer.accepted(), format_args!("{value:?}: {answer}"))?;
        bench.expect_offset(&upload, 0).await?;
    }
    FINE
}

async fn incomplete(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let mut ignored = Vec::new();
    for value in [algorithm.clone(), format!("{algorithm} ")] {
        let upload = bench.upload(20).await?;
        let answer = bench.ask(signed(bench, &upload, &value)).await?;
        bench.expect_offset(&upload, if answer.accepted() { 11 } else { 0 }).await?;
        if answer.accepted() {
            ignored.push(format!("{value:?}"));
        }
    }
    if ignored.is_empty() { FINE } else { room(format_args!("ignored: {}", ignored.join(", "))) }
}

async fn chunked(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let upload = bench.upload(11).await?;
    let wrong = signed(bench, &upload, &right(algorithm, b"hello")).chunked();
    let answer = bench.ask(wrong).await?;
    ensure(!answer.accepted(), format_args!("a wrong checksum: {answer}"))?;
    bench.expect_offset(&upload, 0).await?;
    let fine = signed(bench, &upload, &right(algorithm, b"hello world")).chunked();
    let answer = bench.ask(fine).await?;
    if answer.status == 411 {
        return room("a body in chunks is not taken at all");
    }
    answer.status(&[204])?;
    bench.expect_bytes(&upload, b"hello world").await?;
    FINE
}

/// The size of a large body: more than servers hold in memory before they write.
const LARGE: u64 = 12_000_000;

async fn large(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let content = random(LARGE);
    let upload = bench.upload(LARGE).await?;
    let patch = |sum: &str| bench.patch(&upload, 0).header(HEADER, sum).body(&content[..]);
    let answer = bench.ask(patch(&right(algorithm, b"hello"))).await?;
    answer.refusal()?;
    bench.expect_offset(&upload, 0).await?;
    bench.ask(patch(&right(algorithm, &content))).await?.status(&[204])?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

async fn cut(bench: &Bench) -> Judged {
    let algorithm = &usable(bench)?[0];
    let content = random(2_000_000);
    let upload = bench.upload(2_000_000).await?;
    let patch = bench.patch(&upload, 0).header(HEADER, right(algorithm, &content));
    let mut connection = bench.begin(&patch.declared_length(2_000_000)).await?;
    connection.try_send(&content[..1_000_000]).await?;
    connection.try_finish().await?;
    drop(connection);
    let offset = super::settled::settled_offset(bench, &upload).await?;
    ensure(offset <= 1_000_000, format_args!("1000000 bytes had come, and HEAD says {offset}"))?;
    bench.resume(&upload, &content).await?;
    bench.expect_bytes(&upload, &content).await?;
    match offset {
        0 => FINE,
        kept => room(format_args!("{kept} bytes are kept that were never verified")),
    }
}

async fn with_creation(bench: &Bench) -> Judged {
    let creation = bench.creation(20).header("Content-Type", OFFSET_OCTET_STREAM);
    let wrong = creation.header(HEADER, right(&usable(bench)?[0], b"hello")).body("hello world");
    let answer = bench.ask(wrong).await?;
    if !answer.accepted() {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    match bench.offset(&upload).await? {
        0 => room(format_args!("a wrong checksum on a creation: {answer}, and no byte is taken")),
        _ => room("checksums on creations are not verified; the text speaks of PATCH"),
    }
}
