//! Robustness: requests that arrive in unusual ways, and refusals that must reach the client.

use std::time::Duration;

use super::expectation::Expectation;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, robust, run};
use crate::conformance::verdict::{FINE, Judged, ensure, room};
use crate::http::{Connection, Request};

pub(super) const SECTION: Section = Section {
    name: "Robustness, connections",
    text: "https://www.rfc-editor.org/rfc/rfc9112#section-9",
    needs: &["creation"],
    cases: &[
        robust("connections.head-in-pieces", "a request head may arrive in pieces", run!(head_in_pieces)),
        robust("connections.kept", "one connection serves a whole upload", run!(kept)),
        robust(
            "connections.pipelined",
            "two requests that arrive together are answered one after the other",
            run!(pipelined),
        ),
        robust(
            "connections.absolute-form",
            "a request line with a whole URL, as proxies send it, is understood",
            run!(absolute_form),
        ),
        robust(
            "connections.half-closed",
            "a client that only listens still gets its answer",
            run!(half_closed),
        ),
        robust(
            "connections.header-names",
            "names of headers are read in any letter case",
            run!(header_names),
        ),
        robust("connections.expect", "Expect: 100-continue gets an answer before the body", run!(expect)),
        robust(
            "connections.expect-refused",
            "a PATCH that is refused is refused before its body is asked for",
            run!(expect_refused),
        ),
        robust(
            "connections.refusal-heard",
            "a client that listens while it sends can read a refusal",
            run!(refusal_heard),
        ),
        robust(
            "connections.refusal-after-sending",
            "a client that listens only after sending can read a refusal",
            run!(refusal_after_sending),
        ),
        robust("connections.noise", "what is no HTTP does no harm", run!(noise)),
    ],
};

async fn head_in_pieces(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let patch = bench.patch(&upload, 0).declared_length(5);
    let mut connection = Connection::try_open(patch.address()).await?;
    for piece in patch.head().chunks(7) {
        connection.try_send(piece).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    connection.try_send(b"hello").await?;
    bench.hear("PATCH", &mut connection).await?.status(&[204])?;
    bench.expect_offset(&upload, 5).await?;
    FINE
}

async fn kept(bench: &Bench) -> Judged {
    let upload = bench.upload(20).await?;
    let mut connection = Connection::try_open(upload.address).await?;
    for (offset, bytes) in [(0, b"hello"), (5, b"world"), (10, b"HELLO"), (15, b"WORLD")] {
        connection.try_send(&bench.patch(&upload, offset).declared_length(5).head()).await?;
        connection.try_send(bytes).await?;
        let answer = bench.hear("PATCH", &mut connection).await?;
        answer.status(&[204])?;
        if answer.header("Connection")?.is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            return room("the connection is closed after a request");
        }
    }
    bench.expect_bytes(&upload, b"helloworldHELLOWORLD").await?;
    FINE
}

async fn pipelined(bench: &Bench) -> Judged {
    let upload = bench.upload(10).await?;
    let whole = |offset, bytes: &[u8]| {
        let head = bench.patch(&upload, offset).declared_length(5).head();
        [&head[..], bytes].concat()
    };
    let mut connection = Connection::try_open(upload.address).await?;
    connection.try_send(&[whole(0, b"hello"), whole(5, b"world")].concat()).await?;
    bench.hear("PATCH", &mut connection).await?.status(&[204])?;
    let second = bench.hear("PATCH", &mut connection).await;
    if let Ok(second) = &second {
        second.status(&[204])?;
        bench.expect_offset(&upload, 10).await?;
    }
    bench.resume(&upload, b"helloworld").await?;
    bench.expect_bytes(&upload, b"helloworld").await?;
    if second.is_ok() { FINE } else { room("the connection is closed behind the first answer") }
}

async fn absolute_form(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let head = bench.patch(&upload, 0).declared_length(5).head();
    let head = String::from_utf8_lossy(&head).replacen(&upload.path, &upload.url(), 1);
    let mut connection = Connection::try_open(upload.address).await?;
    connection.try_send(format!("{head}hello").as_bytes()).await?;
    let answer = bench.hear("PATCH", &mut connection).await?;
    bench.expect_offset(&upload, if answer.accepted() { 5 } else { 0 }).await?;
    match answer.accepted() {
        true => FINE,
        false => room(format_args!("tus does not speak of whole URLs, but HTTP demands it: {answer}")),
    }
}

async fn half_closed(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let mut connection = bench.begin(&bench.patch(&upload, 0).declared_length(5)).await?;
    connection.try_send(b"hello").await?;
    connection.try_finish().await?;
    match bench.hear("PATCH", &mut connection).await {
        Ok(answer) => {
            answer.status(&[204])?;
            bench.expect_offset(&upload, 5).await?;
            FINE
        }
        Err(_) => {
            bench.resume(&upload, b"hello").await?;
            bench.expect_bytes(&upload, b"hello").await?;
            room("a client that half-closes its connection gets no answer")
        }
    }
}

async fn header_names(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let patch = bench
        .request("PATCH", &upload)
        .without("Tus-Resumable")
        .header("TUS-RESUMABLE", "1.0.0")
        .header("upload-offset", 0)
        .header("CONTENT-type", crate::tus::OFFSET_OCTET_STREAM);
    bench.ask(patch.body("hello")).await?.status(&[204])?;
    FINE
}

async fn expect(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let patch = bench.patch(&upload, 0).header("Expect", "100-continue").declared_length(5);
    let mut connection = bench.begin(&patch).await?;
    let expectation = super::expectation::expectation(&mut connection).await?;
    if let Expectation::Final(status) = expectation {
        return room(format_args!("the expectation is answered {status} at once"));
    }
    connection.try_send(b"hello").await?;
    bench.hear("PATCH", &mut connection).await?.status(&[204])?;
    bench.expect_offset(&upload, 5).await?;
    expectation.judged()
}

async fn expect_refused(bench: &Bench) -> Judged {
    let upload = bench.upload(10).await?;
    let patch = bench.patch(&upload, 5).header("Expect", "100-continue").declared_length(5);
    let mut connection = bench.begin(&patch).await?;
    match super::expectation::expectation(&mut connection).await? {
        Expectation::Continue => room("100 Continue comes before the request is looked at"),
        Expectation::Final(status) => {
            ensure(status >= 300, format_args!("a PATCH at a wrong offset answered {status}"))?;
            FINE
        }
        ignored => ignored.judged(),
    }
}

/// The size of a body that exceeds the socket buffers of both sides.
const UNSENDABLE: u64 = 32_000_000;

/// A PATCH with a long body that has to be refused for its head.
async fn refused(bench: &Bench) -> Result<Request, crate::conformance::verdict::Fault> {
    let upload = bench.upload(2 * UNSENDABLE).await?;
    Ok(bench.patch(&upload, 5).declared_length(UNSENDABLE))
}

async fn refusal_heard(bench: &Bench) -> Judged {
    let mut connection = bench.begin(&refused(bench).await?).await?;
    _ = connection.try_send_listening(&vec![0; 32_000_000]).await;
    heard(connection).await
}

async fn refusal_after_sending(bench: &Bench) -> Judged {
    let mut connection = bench.begin(&refused(bench).await?).await?;
    _ = connection.try_send(&vec![0; 32_000_000]).await;
    heard(connection).await
}

/// Checks that the client can read the refusal. HTTP recommends that servers close such connections in
/// stages, but does not demand it.
async fn heard(mut connection: Connection) -> Judged {
    match connection.try_answer(false).await {
        Ok(answer) => {
            ensure(
                answer.status >= 300,
                format_args!("a PATCH at a wrong offset answered {}", answer.status),
            )?;
            FINE
        }
        Err(_) => room("the refusal is lost, and looks like a broken network"),
    }
}

async fn noise(bench: &Bench) -> Judged {
    for noise in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello\r\n\r\n", b"\r\n\r\n\0\0\0\0"]
    {
        let mut connection = Connection::try_open(bench.subject.endpoint.address).await?;
        connection.try_send(noise).await?;
        connection.try_finish().await?;
        _ = connection.try_answer(false).await;
    }
    let upload = bench.upload(5).await?;
    bench.append(&upload, 0, b"hello").await?.status(&[204])?;
    FINE
}
