//! Core, Upload-Offset: a PATCH is applied only where the upload stands.

use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run};
use crate::conformance::verdict::{FINE, Fault, Judged, room};
use crate::http::Request;

pub(super) const SECTION: Section = Section {
    name: "Core, Upload-Offset",
    text: "https://tus.io/protocols/resumable-upload#upload-offset",
    needs: &["creation"],
    cases: &[
        must("core.offset.ahead", "a PATCH ahead of the offset is answered 409", run!(ahead)),
        must("core.offset.behind", "a PATCH behind the offset is answered 409", run!(behind)),
        must("core.offset.conflict-keeps", "a 409 leaves the upload as it was", run!(conflict_keeps)),
        must(
            "core.offset.left-out",
            "a PATCH that does not say where is not applied: nothing does not equal the offset",
            run!(left_out),
        ),
        must("core.offset.no-number", "a PATCH at what is no number is not applied", run!(no_number)),
        must("core.offset.negative", "a PATCH at a negative offset is not applied", run!(negative)),
        must(
            "core.offset.overflow",
            "a PATCH at a number past 64 bits is not applied, also if its low bits fit",
            run!(overflow),
        ),
        robust("core.offset.spelling", "other spellings of the right offset are handled", run!(spelling)),
        robust("core.offset.twice", "two Upload-Offset headers that disagree are handled", run!(twice)),
    ],
};

async fn ahead(bench: &Bench) -> Judged {
    let upload = bench.started(10, b"hello").await?;
    bench.append(&upload, 7, b"wor").await?.status(&[409])?;
    FINE
}

async fn behind(bench: &Bench) -> Judged {
    let upload = bench.started(10, b"hello").await?;
    bench.append(&upload, 3, b"lo").await?.status(&[409])?;
    FINE
}

async fn conflict_keeps(bench: &Bench) -> Judged {
    let upload = bench.started(10, b"hello").await?;
    for offset in [0, 3, 7, 10] {
        bench.append(&upload, offset, b"XX").await?;
        bench.expect_offset(&upload, 5).await?;
    }
    bench.append(&upload, 5, b"world").await?.status(&[204])?;
    bench.expect_bytes(&upload, b"helloworld").await?;
    FINE
}

async fn left_out(bench: &Bench) -> Judged {
    not_applied(bench, |patch| patch).await?;
    FINE
}

async fn no_number(bench: &Bench) -> Judged {
    for value in ["", "zero", "0abc", "null", "NaN", "0,0", "[0]"] {
        not_applied(bench, |patch| patch.header("Upload-Offset", value)).await?;
    }
    FINE
}

async fn negative(bench: &Bench) -> Judged {
    for value in ["-1", "-18446744073709551616"] {
        not_applied(bench, |patch| patch.header("Upload-Offset", value)).await?;
    }
    FINE
}

async fn overflow(bench: &Bench) -> Judged {
    for value in ["4294967296", "18446744073709551616", "99999999999999999999999999"] {
        not_applied(bench, |patch| patch.header("Upload-Offset", value)).await?;
    }
    FINE
}

/// Checks that a PATCH with this offset is not applied. The upload is new, so an offset that is read as
/// absent or as 0 would be accepted.
async fn not_applied(bench: &Bench, at: impl FnOnce(Request) -> Request) -> Result<(), Fault> {
    let upload = bench.upload(5).await?;
    let patch = at(bench.bare_patch(&upload)).body("hello");
    let shown = offset_in(&patch);
    let judging = async {
        bench.ask(patch).await?.refusal()?;
        bench.expect_offset(&upload, 0).await
    };
    judging.await.map_err(|fault| match fault {
        Fault::Wrong(what) => Fault::Wrong(format!("with {shown}: {what}")),
        other => other,
    })
}

fn offset_in(patch: &Request) -> String {
    let head = patch.head();
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().find(|line| line.starts_with("Upload-Offset"));
    line.map_or_else(|| "no Upload-Offset".to_owned(), |line| format!("{line:?}"))
}

async fn spelling(bench: &Bench) -> Judged {
    let mut accepted = Vec::new();
    for value in ["+2", "02", "0x2", "2.0", "2e0", "\t2 "] {
        let upload = bench.started(5, b"he").await?;
        let patch = bench.bare_patch(&upload).header("Upload-Offset", value).body("llo");
        let answer = bench.ask(patch).await?;
        bench.expect_offset(&upload, if answer.accepted() { 5 } else { 2 }).await?;
        // HTTP strips space around a value, so it is no other spelling of the number.
        if answer.accepted() && value.trim() == value {
            accepted.push(value);
        }
    }
    if accepted.is_empty() { FINE } else { room(format_args!("taken for 2: {}", accepted.join(", "))) }
}

async fn twice(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    let patch = bench.patch(&upload, 2).header("Upload-Offset", 4).body("llo");
    let answer = bench.ask(patch).await?;
    bench.expect_offset(&upload, if answer.accepted() { 5 } else { 2 }).await?;
    match answer.accepted() {
        false => FINE,
        true => {
            bench.expect_bytes(&upload, b"hello").await?;
            room("of two offsets that disagree, one is taken")
        }
    }
}
