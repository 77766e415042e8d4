//! Concatenation of partial uploads that are still running.

use super::concatenation::{becomes, came_back, join, of_paths, partial_creation};
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, room};

pub(super) const SECTION: Section = Section {
    name: "Concatenation, unfinished",
    text: "https://tus.io/protocols/resumable-upload#concatenation",
    needs: &["creation", "concatenation", "concatenation-unfinished"],
    cases: &[
        must("unfinished.created", "a final upload of running partials is created with 201", run!(created)),
        should("unfinished.no-offset", "HEAD of an unfinished final has no Upload-Offset", run!(no_offset)),
        must(
            "unfinished.length",
            "HEAD of an unfinished final tells its length, where all are known",
            run!(length),
        ),
        must("unfinished.told", "HEAD of an unfinished final gives its Upload-Concat back", run!(told)),
        must("unfinished.finishes", "a final is finished when its partials are", run!(finishes)),
        must("unfinished.patch-403", "a PATCH of an unfinished final is answered 403", run!(patch_403)),
        robust(
            "unfinished.any-order",
            "the partials of a final may be finished in any order",
            run!(any_order),
        ),
        robust(
            "unfinished.deferred-partial",
            "a partial may even be one whose length is not known yet",
            run!(deferred_partial),
        )
        .needing(&["creation-defer-length"]),
    ],
};

/// Two unfinished partial uploads, and their final upload.
struct Running {
    first: Place,
    second: Place,
    whole: Place,
}

async fn running(bench: &Bench) -> Result<Running, Fault> {
    let first = bench.create(partial_creation(bench, 5)).await?;
    let second = bench.create(partial_creation(bench, 6)).await?;
    bench.fill(&first, 0, b"he").await?;
    let making = async {
        let answer = join(bench, &of_paths(&[&first, &second])).await?;
        answer.status(&[201])?;
        bench.located(&answer).await
    };
    let whole = making.await.map_err(Fault::in_preparation)?;
    Ok(Running { first, second, whole })
}

async fn created(bench: &Bench) -> Judged {
    let part = bench.create(partial_creation(bench, 5)).await?;
    let answer = join(bench, &of_paths(&[&part])).await?;
    answer.status(&[201])?;
    bench.located(&answer).await?;
    FINE
}

async fn no_offset(bench: &Bench) -> Judged {
    let running = running(bench).await?;
    bench.head(&running.whole).await?.lacks("Upload-Offset")?;
    FINE
}

async fn length(bench: &Bench) -> Judged {
    let running = running(bench).await?;
    bench.head(&running.whole).await?.says("Upload-Length", 11)?;
    FINE
}

async fn told(bench: &Bench) -> Judged {
    let running = running(bench).await?;
    let given = of_paths(&[&running.first, &running.second]);
    let head = bench.head(&running.whole).await?;
    came_back(bench, &head, &given).await
}

async fn finishes(bench: &Bench) -> Judged {
    let running = running(bench).await?;
    bench.append(&running.first, 2, b"llo").await?.status(&[204])?;
    bench.append(&running.second, 0, b" world").await?.status(&[204])?;
    becomes(bench, &running.whole, b"hello world").await?;
    FINE
}

async fn any_order(bench: &Bench) -> Judged {
    let running = running(bench).await?;
    bench.append(&running.second, 0, b" world").await?.status(&[204])?;
    bench.append(&running.first, 2, b"llo").await?.status(&[204])?;
    becomes(bench, &running.whole, b"hello world").await?;
    FINE
}

async fn patch_403(bench: &Bench) -> Judged {
    let running = running(bench).await?;
    bench.append(&running.whole, 0, b"hello").await?.status(&[403])?;
    bench.expect_offset(&running.first, 2).await?;
    FINE
}

async fn deferred_partial(bench: &Bench) -> Judged {
    let creation = bench.open_creation().header("Upload-Concat", "partial");
    let part = bench.create(creation.header("Upload-Defer-Length", 1)).await?;
    let answer = join(bench, &of_paths(&[&part])).await?;
    if !answer.accepted() {
        return room(format_args!("a final of a partial without a length: {answer}"));
    }
    let whole = bench.located(&answer).await?;
    bench.head_when_free(&whole).await?.lacks("Upload-Length")?;
    bench.ask(bench.patch(&part, 0).header("Upload-Length", 5).body("hello")).await?.status(&[204])?;
    becomes(bench, &whole, b"hello").await?;
    FINE
}
