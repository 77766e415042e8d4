//! Core, Tus-Resumable and Tus-Version.

use crate::conformance::answer::Answer;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run};
use crate::conformance::place::Place;
use crate::conformance::subject::VERSION;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};

pub(super) const SECTION: Section = Section {
    name: "Core, Tus-Resumable",
    text: "https://tus.io/protocols/resumable-upload#tus-resumable",
    needs: &["creation"],
    cases: &[
        must("core.version.on-post", "the answer to a creation names the version", run!(on_post)),
        must("core.version.on-head", "the answer to HEAD names the version", run!(on_head)),
        must("core.version.on-patch", "the answer to PATCH names the version", run!(on_patch)),
        must("core.version.on-delete", "the answer to DELETE names the version", run!(on_delete))
            .needing(&["termination"]),
        must("core.version.on-conflict", "a 409 names the version", run!(on_conflict)),
        must(
            "core.version.on-missing",
            "the answer about an unknown upload names the version",
            run!(on_missing),
        ),
        must(
            "core.version.on-bad-creation",
            "the answer to a creation without a length names the version",
            run!(on_bad_creation),
        ),
        must(
            "core.version.on-other-type",
            "the answer to a PATCH of another media type names the version",
            run!(on_other_type),
        ),
        must("core.version.on-412", "the answer to an unknown version names the version", run!(on_412)),
        must("core.version.post-412", "a creation of an unknown version is answered 412", run!(post_412)),
        must("core.version.head-412", "a HEAD of an unknown version is answered 412", run!(head_412)),
        must("core.version.patch-412", "a PATCH of an unknown version is answered 412", run!(patch_412)),
        must("core.version.delete-412", "a DELETE of an unknown version is answered 412", run!(delete_412))
            .needing(&["termination"]),
        must(
            "core.version.412-tells-versions",
            "an answer to an unknown version carries Tus-Version",
            run!(tells_versions),
        ),
        must(
            "core.version.post-not-processed",
            "a creation of an unknown version makes no upload",
            run!(post_not_processed),
        ),
        must(
            "core.version.patch-not-processed",
            "a PATCH of an unknown version is not processed",
            run!(patch_not_processed),
        ),
        must(
            "core.version.delete-not-processed",
            "a DELETE of an unknown version is not processed",
            run!(delete_not_processed),
        )
        .needing(&["termination"]),
        robust("core.version.left-out", "a request that names no version is handled", run!(left_out)),
        robust(
            "core.version.twice",
            "a request that names a known and an unknown version is handled",
            run!(twice),
        ),
    ],
};

async fn on_post(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(5)).await?;
    _ = bench.located(&answer).await;
    names_version(&answer)
}

async fn on_head(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    names_version(&bench.head(&upload).await?)
}

async fn on_patch(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    names_version(&bench.append(&upload, 0, b"he").await?)
}

async fn on_delete(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    names_version(&bench.ask(bench.request("DELETE", &upload)).await?)
}

async fn on_conflict(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    names_version(&bench.append(&upload, 3, b"he").await?)
}

async fn on_missing(bench: &Bench) -> Judged {
    names_version(&bench.head(&nobody(bench)).await?)
}

async fn on_bad_creation(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.open_creation()).await?;
    _ = bench.located(&answer).await;
    names_version(&answer)
}

async fn on_other_type(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let patch = bench.patch(&upload, 0).without("Content-Type").header("Content-Type", "text/plain");
    names_version(&bench.ask(patch.body("hello")).await?)
}

async fn on_412(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    names_version(&of_unknown_version(bench, "PATCH", &upload).await?)
}

fn names_version(answer: &Answer) -> Judged {
    answer.says("Tus-Resumable", VERSION)?;
    FINE
}

/// The URL of an upload that never existed.
pub(super) fn nobody(bench: &Bench) -> Place {
    bench.subject.endpoint.below("00000000000000000000000000000000")
}

/// A version that no server speaks.
const UNKNOWN: &str = "99.0.0";

async fn post_412(bench: &Bench) -> Judged {
    let creation = bench.creation(5).without("Tus-Resumable").header("Tus-Resumable", UNKNOWN);
    let answer = bench.ask(creation).await?;
    _ = bench.located(&answer).await;
    is_412(&answer)
}

async fn head_412(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    is_412(&of_unknown_version(bench, "HEAD", &upload).await?)
}

async fn patch_412(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    is_412(&of_unknown_version(bench, "PATCH", &upload).await?)
}

async fn delete_412(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    is_412(&of_unknown_version(bench, "DELETE", &upload).await?)
}

async fn of_unknown_version(bench: &Bench, method: &str, upload: &Place) -> Result<Answer, Fault> {
    let request = match method {
        "PATCH" => bench.patch(upload, 0).body("hello"),
        _ => bench.request(method, upload),
    };
    bench.ask(request.without("Tus-Resumable").header("Tus-Resumable", UNKNOWN)).await
}

fn is_412(answer: &Answer) -> Judged {
    answer.status(&[412])?;
    FINE
}

async fn tells_versions(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let answer = of_unknown_version(bench, "PATCH", &upload).await?;
    let listed = answer.list("Tus-Version").iter().any(|version| version == VERSION);
    ensure(listed, format_args!("{answer}, without a Tus-Version that lists {VERSION}"))?;
    FINE
}

async fn post_not_processed(bench: &Bench) -> Judged {
    let creation = bench.creation(5).without("Tus-Resumable").header("Tus-Resumable", UNKNOWN);
    let answer = bench.ask(creation).await?;
    if let Ok(upload) = bench.located(&answer).await {
        let head = bench.head(&upload).await?;
        ensure(!head.accepted(), format_args!("{answer}, and its Location leads to an upload"))?;
    }
    FINE
}

async fn patch_not_processed(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    of_unknown_version(bench, "PATCH", &upload).await?;
    bench.expect_offset(&upload, 0).await?;
    FINE
}

async fn delete_not_processed(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    of_unknown_version(bench, "DELETE", &upload).await?;
    bench.expect_offset(&upload, 0).await?;
    FINE
}

async fn left_out(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let answer = bench.ask(bench.patch(&upload, 0).body("hello").without("Tus-Resumable")).await?;
    let offset = bench.offset(&upload).await?;
    match (answer.accepted(), offset) {
        (false, 0) => FINE,
        (true, 5) => room("a PATCH that names no version was processed; the text binds only the client"),
        _ => super::contradiction::wrong_offset(&answer, offset),
    }
}

async fn twice(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    let patch = bench.patch(&upload, 0).header("Tus-Resumable", UNKNOWN).body("hello");
    let answer = bench.ask(patch).await?;
    let offset = bench.offset(&upload).await?;
    match (answer.accepted(), offset) {
        (false, 0) => FINE,
        (true, 5) => room("of two versions that disagree, one is taken"),
        _ => super::contradiction::wrong_offset(&answer, offset),
    }
}
