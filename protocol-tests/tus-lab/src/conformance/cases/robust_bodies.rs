//! Robustness: bodies that are cut, too long, badly framed, or refused on the way.

use crate::conformance::bench::{Bench, PAUSE, random};
use crate::conformance::case::{Section, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};
use crate::http::Connection;

pub(super) const SECTION: Section = Section {
    name: "Robustness, bodies",
    text: "https://www.rfc-editor.org/rfc/rfc9112#section-6",
    needs: &["creation"],
    cases: &[
        robust("bodies.fin", "a body that ends early with a FIN is resumed without damage", run!(fin)),
        robust("bodies.reset", "a body that ends early with a reset is resumed without damage", run!(reset)),
        robust("bodies.no-body", "a head whose body never begins does no harm", run!(no_body)),
        robust("bodies.chunked", "a body in chunks is taken as it is", run!(chunked)),
        robust(
            "bodies.chunked-no-end",
            "chunks without an end are resumed without damage",
            run!(chunked_no_end),
        ),
        robust(
            "bodies.chunk-cut",
            "a chunk that is cut in the middle is resumed without damage",
            run!(chunk_cut),
        ),
        robust("bodies.bad-chunk", "a chunk of a malformed size does no harm", run!(bad_chunk)),
        robust(
            "bodies.two-framings",
            "Content-Length beside chunks does not let the framing into the file",
            run!(two_framings),
        ),
        robust("bodies.two-lengths", "two Content-Lengths that disagree are not accepted", run!(two_lengths)),
        robust("bodies.too-long", "a body beyond Upload-Length leaves no byte too many", run!(too_long)),
        robust(
            "bodies.too-long-chunked",
            "chunks beyond Upload-Length leave no byte too many",
            run!(too_long_chunked),
        ),
        robust("bodies.in-pieces", "a body in many small pieces arrives whole", run!(in_pieces)),
        robust("bodies.large", "a body of 32 MB arrives whole", run!(large)),
    ],
};

const LENGTH: u64 = 2_000_000;

async fn fin(bench: &Bench) -> Judged {
    survives(bench, async |connection, content| {
        connection.try_send(&content[..1_234_567]).await?;
        Ok(connection.try_finish().await?)
    })
    .await
}

async fn no_body(bench: &Bench) -> Judged {
    survives(bench, async |connection, _| Ok(connection.try_finish().await?)).await
}

/// Begins a PATCH of everything, interrupts it, and checks that the upload can be resumed.
async fn survives(
    bench: &Bench,
    goes_wrong: impl AsyncFnOnce(&mut Connection, &[u8]) -> Result<(), Fault>,
) -> Judged {
    let content = random(LENGTH);
    let upload = bench.upload(LENGTH).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).declared_length(LENGTH)).await?;
    goes_wrong(&mut connection, &content).await?;
    drop(connection);
    goes_on(bench, &upload, &content).await
}

async fn goes_on(bench: &Bench, upload: &Place, content: &[u8]) -> Judged {
    // The case is about an interruption, and not about two requests at the same time.
    tokio::time::sleep(PAUSE).await;
    bench.resume(upload, content).await?;
    bench.expect_offset(upload, content.len() as u64).await?;
    bench.expect_bytes(upload, content).await?;
    FINE
}

async fn reset(bench: &Bench) -> Judged {
    let content = random(LENGTH);
    let upload = bench.upload(LENGTH).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).declared_length(LENGTH)).await?;
    connection.try_send(&content[..1_234_567]).await?;
    connection.reset();
    goes_on(bench, &upload, &content).await
}

async fn chunked(bench: &Bench) -> Judged {
    let content = random(LENGTH);
    let upload = bench.upload(LENGTH).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).chunked()).await?;
    for piece in content.chunks(77_777) {
        send_chunk(&mut connection, piece).await?;
    }
    connection.try_send(b"0\r\n\r\n").await?;
    let answer = bench.hear("PATCH", &mut connection).await?;
    bench.expect_offset(&upload, if answer.accepted() { LENGTH } else { 0 }).await?;
    if !answer.accepted() {
        return room(format_args!("a body in chunks: {answer}"));
    }
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

async fn send_chunk(connection: &mut Connection, bytes: &[u8]) -> std::io::Result<()> {
    connection.try_send(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    connection.try_send(bytes).await?;
    connection.try_send(b"\r\n").await
}

async fn chunked_no_end(bench: &Bench) -> Judged {
    let content = random(LENGTH);
    let upload = bench.upload(LENGTH).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).chunked()).await?;
    send_chunk(&mut connection, &content[..1_000_000]).await?;
    connection.try_finish().await?;
    drop(connection);
    goes_on(bench, &upload, &content).await
}

async fn chunk_cut(bench: &Bench) -> Judged {
    let content = random(LENGTH);
    let upload = bench.upload(LENGTH).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).chunked()).await?;
    connection.try_send(b"f4240\r\n").await?;
    connection.try_send(&content[..654_321]).await?;
    connection.try_finish().await?;
    drop(connection);
    goes_on(bench, &upload, &content).await
}

async fn bad_chunk(bench: &Bench) -> Judged {
    let content = random(LENGTH);
    let upload = bench.upload(LENGTH).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).chunked()).await?;
    send_chunk(&mut connection, &content[..1000]).await?;
    connection.try_send(b"zz\r\nhello\r\n0\r\n\r\n").await?;
    if let Ok(answer) = bench.hear("PATCH", &mut connection).await {
        ensure(!answer.accepted(), format_args!("a chunk of a malformed size: {answer}"))?;
    }
    drop(connection);
    goes_on(bench, &upload, &content).await
}

async fn two_framings(bench: &Bench) -> Judged {
    let framed = b"5\r\nhello\r\n0\r\n\r\n";
    let content = b"hello, framed w";
    let upload = bench.upload(framed.len() as u64).await?;
    let patch = bench.patch(&upload, 0).header("Content-Length", framed.len()).chunked();
    let mut connection = bench.begin(&patch).await?;
    connection.try_send(framed).await?;
    let answer = bench.hear("PATCH", &mut connection).await?;
    drop(connection);
    if answer.accepted() {
        bench.expect_offset(&upload, 5).await?;
    }
    goes_on(bench, &upload, content).await?;
    if answer.accepted() { room("Content-Length beside chunks is ignored") } else { FINE }
}

async fn two_lengths(bench: &Bench) -> Judged {
    let upload = bench.upload(11).await?;
    let patch = bench.patch(&upload, 0).header("Content-Length", 5).declared_length(11);
    let mut connection = bench.begin(&patch).await?;
    connection.try_send(b"hello world").await?;
    connection.try_finish().await?;
    // Closing the connection without an answer counts as a refusal.
    match bench.hear("PATCH", &mut connection).await {
        Ok(answer) => answer.refusal()?,
        Err(_) => return room("two Content-Lengths close the connection without an answer"),
    }
    FINE
}

async fn too_long(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.append(&upload, 0, b"hello world").await?;
    super::settled::never_past_its_length(bench, &upload, b"hello").await?;
    FINE
}

async fn too_long_chunked(bench: &Bench) -> Judged {
    let upload = bench.upload(1_000_000).await?;
    let content = random(3_000_000);
    let mut connection = bench.begin(&bench.patch(&upload, 0).chunked()).await?;
    for piece in content.chunks(100_000) {
        // The refusal may come at any moment.
        if send_chunk(&mut connection, piece).await.is_err() {
            break;
        }
    }
    _ = connection.try_send(b"0\r\n\r\n").await;
    // The connection may end at any moment, too.
    _ = bench.hear("PATCH", &mut connection).await;
    drop(connection);
    super::settled::never_past_its_length(bench, &upload, &content[..1_000_000]).await?;
    FINE
}

async fn in_pieces(bench: &Bench) -> Judged {
    let content = random(5000);
    let upload = bench.upload(5000).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).declared_length(5000)).await?;
    for piece in content.chunks(100) {
        connection.try_send(piece).await?;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    bench.hear("PATCH", &mut connection).await?.status(&[204])?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}

const LARGE: u64 = 32_000_000;

async fn large(bench: &Bench) -> Judged {
    let content = random(LARGE);
    let upload = bench.upload(LARGE).await?;
    let answer = bench.append(&upload, 0, &content).await?;
    if answer.status == 413 {
        return room(format_args!("32 MB in one request: {answer}"));
    }
    answer.status(&[204])?;
    bench.expect_offset(&upload, LARGE).await?;
    bench.expect_bytes(&upload, &content).await?;
    FINE
}
