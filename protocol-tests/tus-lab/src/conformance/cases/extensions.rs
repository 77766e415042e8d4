//! Protocol extensions: those that work are announced, and those that are announced have the extensions that
//! they need.

use super::checksum::{HEADER, right};
use super::checksum_trailer::trailed;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, run, should};
use crate::conformance::verdict::{FINE, Judged, ensure, wrong};
use crate::tus::OFFSET_OCTET_STREAM;

pub(super) const SECTION: Section = Section {
    name: "Protocol extensions",
    text: "https://tus.io/protocols/resumable-upload#protocol-extensions",
    needs: &[],
    cases: &[
        should("extensions.creation-offered", "a server offers creation", run!(creation_offered)),
        must(
            "extensions.creation-announced",
            "a server that creates uploads announces creation",
            run!(creation),
        ),
        must(
            "extensions.with-upload-alone",
            "creation-with-upload is not offered without creation",
            run!(with_upload_rests_on_creation),
        ),
        must(
            "extensions.with-upload-announced",
            "a server that takes bytes with a creation announces creation-with-upload",
            run!(with_upload),
        )
        .needing(&["creation"]),
        must(
            "extensions.defer-length-announced",
            "a server that defers lengths announces creation-defer-length",
            run!(defer_length),
        )
        .needing(&["creation"]),
        must(
            "extensions.expiration-announced",
            "a server whose uploads expire announces expiration",
            run!(expiration),
        )
        .needing(&["creation"]),
        must(
            "extensions.checksum-announced",
            "a server that verifies checksums announces checksum",
            run!(checksum),
        )
        .needing(&["creation"]),
        must(
            "extensions.trailer-announced",
            "a server that verifies checksums in trailers announces checksum-trailer",
            run!(trailer),
        )
        .needing(&["creation"]),
        must(
            "extensions.termination-announced",
            "a server that terminates uploads announces termination",
            run!(termination),
        )
        .needing(&["creation"]),
        must(
            "extensions.concat-announced",
            "a server that takes partial uploads announces concatenation",
            run!(concatenation),
        )
        .needing(&["creation"]),
    ],
};

async fn creation_offered(bench: &Bench) -> Judged {
    ensure(bench.subject.offers("creation"), "uploads can only be made in some way of its own")?;
    FINE
}

async fn creation(bench: &Bench) -> Judged {
    if bench.subject.offers("creation") {
        return FINE;
    }
    let answer = bench.ask(bench.creation(5)).await?;
    ensure(answer.status != 201, format_args!("{answer}, and creation is not announced"))?;
    FINE
}

async fn with_upload_rests_on_creation(bench: &Bench) -> Judged {
    let alone = bench.subject.offers("creation-with-upload") && !bench.subject.offers("creation");
    ensure(!alone, "creation-with-upload is offered alone")?;
    FINE
}

async fn with_upload(bench: &Bench) -> Judged {
    if bench.subject.offers("creation-with-upload") {
        return FINE;
    }
    let creation = bench.creation(5).header("Content-Type", OFFSET_OCTET_STREAM).body("hello");
    let answer = bench.ask(creation).await?;
    if answer.status != 201 {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    match bench.offset(&upload).await? {
        0 => FINE,
        taken => wrong(format_args!("{taken} bytes were taken, and creation-with-upload is not announced")),
    }
}

async fn defer_length(bench: &Bench) -> Judged {
    if bench.subject.offers("creation-defer-length") {
        return FINE;
    }
    let answer = bench.ask(bench.open_creation().header("Upload-Defer-Length", 1)).await?;
    if answer.status != 201 {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    let deferred = bench.head(&upload).await?.header("Upload-Defer-Length")?.is_some();
    ensure(!deferred, "the length is deferred, and creation-defer-length is not announced")?;
    FINE
}

async fn expiration(bench: &Bench) -> Judged {
    let created = bench.ask(bench.creation(10)).await?;
    let upload = bench.located(&created).await?;
    for answer in [created, bench.append(&upload, 0, b"hello").await?, bench.head(&upload).await?] {
        let expires = answer.header("Upload-Expires")?.is_some();
        let announced = !expires || bench.subject.offers("expiration");
        ensure(announced, format_args!("{answer} with Upload-Expires, and expiration is not announced"))?;
    }
    FINE
}

async fn checksum(bench: &Bench) -> Judged {
    if bench.subject.offers("checksum") {
        return FINE;
    }
    let upload = bench.upload(5).await?;
    let patch = bench.patch(&upload, 0).header(HEADER, right("sha1", b"other")).body("hello");
    let answer = bench.ask(patch).await?;
    ensure(answer.status != 460, format_args!("{answer}, and checksum is not announced"))?;
    FINE
}

async fn trailer(bench: &Bench) -> Judged {
    if bench.subject.offers("checksum-trailer") {
        return FINE;
    }
    let upload = bench.upload(5).await?;
    let answer = trailed(bench, &upload, 0, b"hello", Some(&right("sha1", b"other"))).await?;
    ensure(answer.status != 460, format_args!("{answer}, and checksum-trailer is not announced"))?;
    FINE
}

async fn termination(bench: &Bench) -> Judged {
    if bench.subject.offers("termination") {
        return FINE;
    }
    let upload = bench.upload(5).await?;
    let answer = bench.ask(bench.request("DELETE", &upload)).await?;
    let gone = answer.status == 204 && matches!(bench.head(&upload).await?.status, 404 | 410);
    ensure(!gone, "DELETE terminates, and termination is not announced")?;
    FINE
}

async fn concatenation(bench: &Bench) -> Judged {
    if bench.subject.offers("concatenation") {
        return FINE;
    }
    let answer = bench.ask(bench.creation(5).header("Upload-Concat", "partial")).await?;
    if answer.status != 201 {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    let partial = bench.head(&upload).await?.header("Upload-Concat")?.is_some();
    ensure(!partial, "the upload is a partial one, and concatenation is not announced")?;
    FINE
}
