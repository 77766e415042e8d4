//! Termination.

use super::core_version::nobody;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};

pub(super) const SECTION: Section = Section {
    name: "Termination",
    text: "https://tus.io/protocols/resumable-upload#termination",
    needs: &["creation", "termination"],
    cases: &[
        must("termination.unfinished", "DELETE of an unfinished upload is answered 204", run!(unfinished)),
        must("termination.finished", "DELETE of a finished upload is answered 204", run!(finished)),
        should(
            "termination.then-head",
            "HEAD of a terminated upload is answered 404 or 410",
            run!(then_head),
        ),
        should(
            "termination.then-patch",
            "PATCH of a terminated upload is answered 404 or 410",
            run!(then_patch),
        ),
        should(
            "termination.then-delete",
            "DELETE of a terminated upload is answered 404 or 410",
            run!(then_delete),
        ),
        should("termination.then-get", "GET of a terminated upload is answered 404 or 410", run!(then_get)),
        robust("termination.missing", "DELETE of an unknown upload is handled", run!(missing)),
        robust("termination.others-stay", "DELETE leaves other uploads alone", run!(others_stay)),
        robust(
            "termination.while-sending",
            "DELETE of an upload that is being sent ends, and so does the upload",
            run!(while_sending),
        ),
    ],
};

async fn unfinished(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"he").await?;
    bench.ask(bench.request("DELETE", &upload)).await?.status(&[204])?;
    FINE
}

async fn finished(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"hello").await?;
    bench.ask(bench.request("DELETE", &upload)).await?.status(&[204])?;
    FINE
}

async fn terminated(bench: &Bench) -> Result<Place, Fault> {
    let upload = bench.started(5, b"he").await?;
    let answer = bench.ask(bench.request("DELETE", &upload)).await?;
    answer.status(&[204]).map_err(Fault::in_preparation)?;
    Ok(upload)
}

async fn then_head(bench: &Bench) -> Judged {
    let upload = terminated(bench).await?;
    bench.head(&upload).await?.status(&[404, 410])?;
    FINE
}

async fn then_patch(bench: &Bench) -> Judged {
    let upload = terminated(bench).await?;
    bench.append(&upload, 2, b"llo").await?.status(&[404, 410])?;
    FINE
}

async fn then_delete(bench: &Bench) -> Judged {
    let upload = terminated(bench).await?;
    bench.ask(bench.request("DELETE", &upload)).await?.status(&[404, 410])?;
    FINE
}

/// Checks GET after a termination. The text does not name GET, but speaks of all future requests.
async fn then_get(bench: &Bench) -> Judged {
    if !bench.subject.gives_bytes_back {
        return Err(Fault::Inapplicable("GET gives no bytes back".to_owned()));
    }
    let upload = terminated(bench).await?;
    bench.ask(bench.request("GET", &upload)).await?.status(&[404, 410])?;
    FINE
}

async fn missing(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.request("DELETE", &nobody(bench))).await?;
    if matches!(answer.status, 404 | 410) {
        FINE
    } else {
        room(format_args!("of an unknown upload: {answer}"))
    }
}

async fn others_stay(bench: &Bench) -> Judged {
    let stays = bench.started(10, b"hello").await?;
    terminated(bench).await?;
    bench.expect_offset(&stays, 5).await?;
    bench.append(&stays, 5, b"world").await?.status(&[204])?;
    bench.expect_bytes(&stays, b"helloworld").await?;
    FINE
}

async fn while_sending(bench: &Bench) -> Judged {
    let upload = bench.upload(1_000_000).await?;
    let mut sending = bench.begin(&bench.patch(&upload, 0).declared_length(1_000_000)).await?;
    sending.try_send(&[1; 300_000]).await?;
    let answer = bench.ask(bench.request("DELETE", &upload)).await?;
    if !answer.accepted() {
        return room(format_args!("an upload that is being sent is not terminated: {answer}"));
    }
    // Bytes that still come must not bring the upload back; they may be refused at any moment.
    _ = sending.try_send(&[1; 700_000]).await;
    _ = sending.try_answer(false).await;
    let head = bench.head(&upload).await?;
    ensure(!head.accepted(), format_args!("{head}: the upload came back"))?;
    FINE
}
