//! Creation, Upload-Defer-Length.

use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};

pub(super) const SECTION: Section = Section {
    name: "Creation, Upload-Defer-Length",
    text: "https://tus.io/protocols/resumable-upload#upload-defer-length",
    needs: &["creation", "creation-defer-length"],
    cases: &[
        must("defer.created", "a creation with Upload-Defer-Length: 1 is answered 201", run!(created)),
        must("defer.told", "HEAD says Upload-Defer-Length: 1 as long as the length is unknown", run!(told)),
        must(
            "defer.left-out",
            "HEAD leaves Upload-Defer-Length out where the length is known",
            run!(left_out),
        ),
        should("defer.other-value", "another value than 1 is answered 400", run!(other_value)),
        should("defer.bytes-first", "bytes are taken before the length is known", run!(bytes_first)),
        must("defer.set", "Upload-Length on a PATCH sets the length", run!(set)),
        must(
            "defer.no-longer-told",
            "HEAD no longer says that the length is deferred once it is set",
            run!(no_longer_told),
        ),
        must("defer.set-once", "a length that is set is not changed", run!(set_once)),
        must(
            "defer.known-length-stays",
            "a length that was known from the start is not changed either",
            run!(known_length_stays),
        ),
        should("defer.set-at-the-end", "an empty PATCH can say that this was all", run!(set_at_the_end)),
        robust("defer.too-short", "a length below the offset is not accepted", run!(too_short)),
        robust("defer.both", "a creation with a length that is also deferred is handled", run!(both)),
        robust("defer.malformed", "a length that is no number is not read as none", run!(malformed)),
    ],
};

async fn deferred(bench: &Bench) -> Result<Place, Fault> {
    bench.create(bench.open_creation().header("Upload-Defer-Length", 1)).await
}

async fn created(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.open_creation().header("Upload-Defer-Length", 1)).await?;
    answer.status(&[201])?;
    bench.located(&answer).await?;
    FINE
}

async fn told(bench: &Bench) -> Judged {
    let upload = deferred(bench).await?;
    bench.head(&upload).await?.says("Upload-Defer-Length", 1)?;
    bench.fill(&upload, 0, b"hello").await?;
    bench.head(&upload).await?.says("Upload-Defer-Length", 1)?;
    FINE
}

async fn left_out(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.head(&upload).await?.lacks("Upload-Defer-Length")?;
    FINE
}

async fn other_value(bench: &Bench) -> Judged {
    for value in ["0", "2", "true", "-1", "1.5"] {
        let answer = bench.ask(bench.open_creation().header("Upload-Defer-Length", value)).await?;
        _ = bench.located(&answer).await;
        ensure(answer.status == 400, format_args!("Upload-Defer-Length: {value}: {answer} instead of 400"))?;
    }
    FINE
}

async fn bytes_first(bench: &Bench) -> Judged {
    let upload = deferred(bench).await?;
    bench.append(&upload, 0, b"hello").await?.status(&[204])?;
    bench.expect_offset(&upload, 5).await?;
    FINE
}

async fn set(bench: &Bench) -> Judged {
    let upload = deferred(bench).await?;
    bench.fill(&upload, 0, b"hello").await?;
    bench.ask(bench.patch(&upload, 5).header("Upload-Length", 10).body("wor")).await?.status(&[204])?;
    let head = bench.head(&upload).await?;
    head.says("Upload-Length", 10)?;
    bench.append(&upload, 8, b"ld").await?.status(&[204])?;
    bench.expect_bytes(&upload, b"helloworld").await?;
    FINE
}

async fn with_length(bench: &Bench, length: u64) -> Result<Place, Fault> {
    let upload = deferred(bench).await?;
    let set = bench.ask(bench.patch(&upload, 0).header("Upload-Length", length).body("hello"));
    set.await.and_then(|answer| answer.status(&[204])).map_err(Fault::in_preparation)?;
    Ok(upload)
}

async fn no_longer_told(bench: &Bench) -> Judged {
    let upload = with_length(bench, 10).await?;
    bench.head(&upload).await?.lacks("Upload-Defer-Length")?;
    FINE
}

async fn set_once(bench: &Bench) -> Judged {
    stays(bench, with_length(bench, 10).await?).await
}

async fn known_length_stays(bench: &Bench) -> Judged {
    stays(bench, bench.started(10, b"hello").await?).await
}

/// Checks that an upload of ten bytes, of which five are there, keeps its length.
async fn stays(bench: &Bench, upload: Place) -> Judged {
    bench.ask(bench.patch(&upload, 5).header("Upload-Length", 8).body("w")).await?;
    bench.head(&upload).await?.says("Upload-Length", 10)?;
    FINE
}

async fn set_at_the_end(bench: &Bench) -> Judged {
    let upload = deferred(bench).await?;
    bench.fill(&upload, 0, b"hello").await?;
    bench.ask(bench.patch(&upload, 5).header("Upload-Length", 5)).await?.status(&[204])?;
    let head = bench.head_when_free(&upload).await?;
    head.says("Upload-Length", 5)?;
    head.says("Upload-Offset", 5)?;
    bench.expect_bytes(&upload, b"hello").await?;
    FINE
}

async fn too_short(bench: &Bench) -> Judged {
    let upload = deferred(bench).await?;
    bench.fill(&upload, 0, b"hello").await?;
    let answer = bench.ask(bench.patch(&upload, 5).header("Upload-Length", 3)).await?;
    let head = bench.head_when_free(&upload).await?;
    let (offset, length) = (head.number("Upload-Offset")?, head.number_if_any("Upload-Length")?);
    let fits = length.is_none_or(|length| offset <= length);
    ensure(fits, format_args!("{answer}; then HEAD says offset {offset} of {}", length.unwrap_or_default()))?;
    FINE
}

async fn both(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(5).header("Upload-Defer-Length", 1)).await?;
    if !answer.accepted() {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    let head = bench.head(&upload).await?;
    match (head.number_if_any("Upload-Length")?, head.header("Upload-Defer-Length")?) {
        (Some(5), None) => room("a length that is also deferred is taken"),
        (None, Some("1")) => room("a length that is also deferred is ignored"),
        (length, deferred) => super::contradiction::contradiction(&head, length, deferred),
    }
}

async fn malformed(bench: &Bench) -> Judged {
    for value in ["abc", "", "-5", "5abc"] {
        let upload = deferred(bench).await?;
        bench.ask(bench.patch(&upload, 0).header("Upload-Length", value).body("hello")).await?;
        let length = bench.head(&upload).await?.number_if_any("Upload-Length")?;
        if length.is_some_and(|length| length != 5) {
            let length = length.unwrap_or_default();
            ensure(false, format_args!("Upload-Length: {value:?} on a PATCH made the length {length}"))?;
        }
    }
    FINE
}
