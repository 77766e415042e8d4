//! Core, HEAD.

use super::core_version::nobody;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::verdict::{FINE, Judged, ensure};

pub(super) const SECTION: Section = Section {
    name: "Core, HEAD",
    text: "https://tus.io/protocols/resumable-upload#head",
    needs: &["creation"],
    cases: &[
        must("core.head.offset-at-start", "HEAD tells offset 0 of a new upload", run!(offset_at_start)),
        must(
            "core.head.offset-on-the-way",
            "HEAD tells the offset of a running upload",
            run!(offset_on_the_way),
        ),
        must("core.head.offset-at-end", "HEAD tells the offset of a complete upload", run!(offset_at_end)),
        must("core.head.length", "HEAD tells the length where it is known", run!(length)),
        must("core.head.no-store", "HEAD forbids caching: Cache-Control has no-store", run!(no_store)),
        should("core.head.status", "HEAD is answered 200 or 204", run!(status)),
        should("core.head.missing", "HEAD of an unknown upload is answered 404, 410 or 403", run!(missing)),
        should(
            "core.head.missing-offset",
            "the answer about an unknown upload has no Upload-Offset",
            run!(missing_offset),
        ),
        robust(
            "core.head.no-body",
            "an answer to HEAD has no body that the next answer would be mistaken for",
            run!(no_body),
        ),
    ],
};

async fn offset_at_start(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.head(&upload).await?.says("Upload-Offset", 0)?;
    FINE
}

async fn offset_on_the_way(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    bench.head(&upload).await?.says("Upload-Offset", 2)?;
    FINE
}

async fn offset_at_end(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"hello").await?;
    bench.head(&upload).await?.says("Upload-Offset", 5)?;
    FINE
}

async fn length(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    bench.head(&upload).await?.says("Upload-Length", 5)?;
    FINE
}

async fn no_store(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let head = bench.head(&upload).await?;
    let directives = head.list("Cache-Control");
    let forbids = directives.iter().any(|directive| directive.eq_ignore_ascii_case("no-store"));
    ensure(forbids, format_args!("{head} with Cache-Control: {:?}", directives.join(", ")))?;
    FINE
}

async fn status(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.head(&upload).await?.status(&[200, 204])?;
    FINE
}

async fn missing(bench: &Bench) -> Judged {
    bench.head(&nobody(bench)).await?.status(&[404, 410, 403])?;
    FINE
}

async fn missing_offset(bench: &Bench) -> Judged {
    bench.head(&nobody(bench)).await?.lacks("Upload-Offset")?;
    FINE
}

async fn no_body(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    for place in [&upload, &nobody(bench)] {
        let mut connection = bench.begin(&bench.request("HEAD", place)).await?;
        let first = bench.hear("HEAD", &mut connection).await?;
        // A server may close the connection instead.
        if connection.try_send(&bench.request("HEAD", &upload).head()).await.is_err() {
            continue;
        }
        match connection.try_answer(true).await {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                ensure(false, format_args!("{first}, and then came a body: {error}"))?;
            }
            _ => {}
        }
    }
    FINE
}
