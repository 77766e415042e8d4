//! Core, X-HTTP-Method-Override.

use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};
use crate::http::Request;
use crate::tus::OFFSET_OCTET_STREAM;

pub(super) const SECTION: Section = Section {
    name: "Core, X-HTTP-Method-Override",
    text: "https://tus.io/protocols/resumable-upload#x-http-method-override",
    needs: &["creation"],
    cases: &[
        must("core.override.patch", "POST that says PATCH is a PATCH", run!(patch)),
        must("core.override.head", "POST that says HEAD is a HEAD", run!(head)),
        must("core.override.delete", "POST that says DELETE is a DELETE", run!(delete))
            .needing(&["termination"]),
        must(
            "core.override.any-method",
            "the actual method is ignored whatever it is: PUT that says PATCH is a PATCH",
            run!(any_method),
        ),
        must(
            "core.override.actual-ignored",
            "DELETE that says HEAD terminates nothing",
            run!(actual_ignored),
        )
        .needing(&["termination"]),
    ],
};

fn overridden(bench: &Bench, actual: &str, meant: &str, upload: &Place) -> Request {
    bench.request(actual, upload).header("X-HTTP-Method-Override", meant)
}

async fn patch(bench: &Bench) -> Judged {
    patched_by(bench, "POST").await?;
    FINE
}

async fn any_method(bench: &Bench) -> Judged {
    patched_by(bench, "PUT").await?;
    FINE
}

async fn patched_by(bench: &Bench, actual: &str) -> Result<(), Fault> {
    let upload = bench.upload(5).await?;
    let request = overridden(bench, actual, "PATCH", &upload)
        .header("Upload-Offset", 0)
        .header("Content-Type", OFFSET_OCTET_STREAM)
        .body("hello");
    bench.ask(request).await?.status(&[204])?;
    bench.expect_offset(&upload, 5).await
}

async fn head(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    // Only the head of the answer counts: whether it has the body that it declares is another question.
    let mut connection = bench.begin(&overridden(bench, "POST", "HEAD", &upload)).await?;
    let answer = bench.hear("HEAD", &mut connection).await?;
    answer.status(&[200, 204])?;
    answer.says("Upload-Offset", 2)?;
    let declared = answer.header("Content-Length")?.filter(|length| *length != "0");
    match declared {
        Some(length) => room(format_args!("the answer declares a body of {length} bytes, as to a real HEAD")),
        None => FINE,
    }
}

async fn delete(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.ask(overridden(bench, "POST", "DELETE", &upload)).await?.status(&[204])?;
    let head = bench.head(&upload).await?;
    ensure(!head.accepted(), format_args!("{head} after the upload was terminated"))?;
    FINE
}

async fn actual_ignored(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    bench.ask(overridden(bench, "DELETE", "HEAD", &upload)).await?;
    let head = bench.head(&upload).await?;
    ensure(head.accepted(), format_args!("{head}: the upload was terminated"))?;
    FINE
}
