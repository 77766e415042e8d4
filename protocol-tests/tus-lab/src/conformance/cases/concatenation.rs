//! Concatenation: partial and final uploads.

use crate::conformance::answer::Answer;
use crate::conformance::bench::{Bench, PAUSE};
use crate::conformance::case::{Section, must, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room, wrong};
use crate::http::Request;

pub(super) const SECTION: Section = Section {
    name: "Concatenation",
    text: "https://tus.io/protocols/resumable-upload#concatenation",
    needs: &["creation", "concatenation"],
    cases: &[
        must("concat.partial-created", "a partial upload is created with 201", run!(partial_created)),
        must("concat.partial-offset", "HEAD of a partial upload tells its offset", run!(partial_offset)),
        must(
            "concat.partial-told",
            "HEAD of a partial upload says Upload-Concat: partial",
            run!(partial_told),
        ),
        must(
            "concat.final-created",
            "a final upload of finished partials is created with 201",
            run!(final_created),
        ),
        must(
            "concat.final-length",
            "the length of a final upload is the sum, and its offset equals it",
            run!(final_length),
        ),
        must(
            "concat.final-order",
            "the bytes of a final are those of its partials, in order",
            run!(final_order),
        ),
        must(
            "concat.final-told",
            "HEAD gives the Upload-Concat of a final upload back as it was given",
            run!(final_told),
        ),
        must("concat.absolute-urls", "the partials may be named by absolute URLs", run!(absolute_urls)),
        must("concat.relative-urls", "the partials may be named by relative URLs", run!(relative_urls)),
        must("concat.repeated-partial", "a partial may be named twice", run!(repeated_partial)),
        must("concat.patch-403", "a PATCH of a final upload is answered 403", run!(patch_403)),
        must(
            "concat.patch-changes-nothing",
            "a PATCH of a final upload changes neither it nor its partials",
            run!(patch_keeps),
        ),
        must(
            "concat.metadata-apart",
            "the metadata of partials is not that of the final",
            run!(metadata_apart),
        ),
        must("concat.metadata-own", "the final's own metadata is given back", run!(metadata_own)),
        must(
            "concat.unfinished-announced",
            "a server that joins unfinished partials announces concatenation-unfinished",
            run!(unfinished_announced),
        ),
        robust("concat.used-again", "a partial that was used may be used again", run!(used_again)),
        robust(
            "concat.with-length",
            "a final with an Upload-Length of its own is handled",
            run!(with_length),
        ),
        robust(
            "concat.missing-partial",
            "a final of a missing partial is not complete without it",
            run!(missing_partial),
        ),
        robust("concat.no-partial", "a final of what is no partial is handled", run!(no_partial)),
        robust("concat.malformed", "a malformed Upload-Concat is handled", run!(malformed)),
        robust("concat.empty-partial", "an empty partial does no harm", run!(empty_partial)),
    ],
};

/// A creation of a partial upload.
pub(super) fn partial_creation(bench: &Bench, length: u64) -> Request {
    bench.creation(length).header("Upload-Concat", "partial")
}

/// A finished partial upload of these bytes.
async fn partial(bench: &Bench, bytes: &[u8]) -> Result<Place, Fault> {
    let upload = bench.create(partial_creation(bench, bytes.len() as u64)).await?;
    if !bytes.is_empty() {
        bench.fill(&upload, 0, bytes).await?;
    }
    Ok(upload)
}

/// The value of `Upload-Concat` of a final upload, with the paths of its partials.
pub(super) fn of_paths(partials: &[&Place]) -> String {
    let paths: Vec<_> = partials.iter().map(|partial| partial.path.as_str()).collect();
    format!("final;{}", paths.join(" "))
}

/// The answer to a creation of a final upload.
pub(super) async fn join(bench: &Bench, concat: &str) -> Result<Answer, Fault> {
    bench.ask(bench.open_creation().header("Upload-Concat", concat)).await
}

/// A final upload of these partials, as a preparation.
async fn joined(bench: &Bench, partials: &[&Place]) -> Result<Place, Fault> {
    let making = async {
        let answer = join(bench, &of_paths(partials)).await?;
        answer.status(&[201])?;
        bench.located(&answer).await
    };
    making.await.map_err(Fault::in_preparation)
}

/// How often HEAD may say that a few bytes are not joined yet.
const PATIENCE: u32 = 50;

/// The answer to HEAD of a final upload, once it is finished.
pub(super) async fn finished(bench: &Bench, upload: &Place) -> Result<Answer, Fault> {
    let mut asked = 1;
    loop {
        let head = bench.head_when_free(upload).await?;
        let offset = head.number_if_any("Upload-Offset")?;
        let length = head.number_if_any("Upload-Length")?;
        if offset.is_some() && offset == length {
            return Ok(head);
        }
        let shown = |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |it| it.to_string());
        ensure(
            asked < PATIENCE,
            format_args!(
                "HEAD of the final: Upload-Offset {}, Upload-Length {}",
                shown(offset),
                shown(length)
            ),
        )?;
        asked += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// A fault unless the final upload gets finished with these bytes.
pub(super) async fn becomes(bench: &Bench, upload: &Place, bytes: &[u8]) -> Result<(), Fault> {
    finished(bench, upload).await?.says("Upload-Length", bytes.len())?;
    bench.expect_bytes(upload, bytes).await
}

async fn partial_created(bench: &Bench) -> Judged {
    let answer = bench.ask(partial_creation(bench, 5)).await?;
    answer.status(&[201])?;
    bench.located(&answer).await?;
    FINE
}

async fn partial_offset(bench: &Bench) -> Judged {
    let upload = bench.create(partial_creation(bench, 5)).await?;
    bench.head(&upload).await?.says("Upload-Offset", 0)?;
    bench.fill(&upload, 0, b"hello").await?;
    bench.head(&upload).await?.says("Upload-Offset", 5)?;
    FINE
}

async fn partial_told(bench: &Bench) -> Judged {
    let upload = bench.create(partial_creation(bench, 5)).await?;
    bench.head(&upload).await?.says("Upload-Concat", "partial")?;
    FINE
}

async fn final_created(bench: &Bench) -> Judged {
    let (first, second) = (partial(bench, b"hello").await?, partial(bench, b" world").await?);
    let answer = join(bench, &of_paths(&[&first, &second])).await?;
    answer.status(&[201])?;
    bench.located(&answer).await?;
    FINE
}

async fn final_length(bench: &Bench) -> Judged {
    let (first, second) = (partial(bench, b"hello").await?, partial(bench, b" world").await?);
    let upload = joined(bench, &[&first, &second]).await?;
    let head = finished(bench, &upload).await?;
    head.says("Upload-Length", 11)?;
    head.says("Upload-Offset", 11)?;
    FINE
}

async fn final_order(bench: &Bench) -> Judged {
    let (first, second) = (partial(bench, b"first").await?, partial(bench, b"second").await?);
    let third = partial(bench, b"third").await?;
    let upload = joined(bench, &[&third, &first, &second]).await?;
    becomes(bench, &upload, b"thirdfirstsecond").await?;
    FINE
}

async fn final_told(bench: &Bench) -> Judged {
    let (first, second) = (partial(bench, b"hello").await?, partial(bench, b" world").await?);
    let upload = joined(bench, &[&first, &second]).await?;
    let head = bench.head_when_free(&upload).await?;
    came_back(bench, &head, &of_paths(&[&first, &second])).await
}

/// Compares `Upload-Concat` with the one that was sent. "As received" may mean its text or the uploads that
/// it names.
pub(super) async fn came_back(bench: &Bench, head: &Answer, given: &str) -> Judged {
    let found = head.required("Upload-Concat")?;
    if found == given {
        return FINE;
    }
    let same = paths_in(bench, found).await? == paths_in(bench, given).await?;
    ensure(same, format_args!("{head} with Upload-Concat: {found:?} instead of {given:?}"))?;
    room(format_args!("the same partials come back in another spelling: {found:?} for {given:?}"))
}

/// The paths of the uploads that are named: behind a proxy the same host may have another name.
async fn paths_in(bench: &Bench, concat: &str) -> Result<Vec<String>, Fault> {
    let mut paths = Vec::new();
    for url in concat.strip_prefix("final;").unwrap_or_default().split_whitespace() {
        match bench.subject.endpoint.follow(url).await {
            Ok(place) => paths.push(place.path),
            Err(error) => return wrong(format_args!("Upload-Concat: {concat:?}: {error}")),
        }
    }
    Ok(paths)
}

async fn absolute_urls(bench: &Bench) -> Judged {
    let (first, second) = (partial(bench, b"hello").await?, partial(bench, b" world").await?);
    let answer = join(bench, &format!("final;{} {}", first.url(), second.url())).await?;
    answer.status(&[201])?;
    becomes(bench, &bench.located(&answer).await?, b"hello world").await?;
    FINE
}

async fn relative_urls(bench: &Bench) -> Judged {
    let (first, second) = (partial(bench, b"hello").await?, partial(bench, b" world").await?);
    let answer = join(bench, &of_paths(&[&first, &second])).await?;
    answer.status(&[201])?;
    becomes(bench, &bench.located(&answer).await?, b"hello world").await?;
    FINE
}

async fn repeated_partial(bench: &Bench) -> Judged {
    let part = partial(bench, b"ha").await?;
    let answer = join(bench, &of_paths(&[&part, &part])).await?;
    answer.status(&[201])?;
    becomes(bench, &bench.located(&answer).await?, b"haha").await?;
    FINE
}

async fn patch_403(bench: &Bench) -> Judged {
    let part = partial(bench, b"hello").await?;
    let upload = joined(bench, &[&part]).await?;
    bench.append(&upload, 5, b"!").await?.status(&[403])?;
    FINE
}

async fn patch_keeps(bench: &Bench) -> Judged {
    let part = partial(bench, b"hello").await?;
    let upload = joined(bench, &[&part]).await?;
    for offset in [0, 5] {
        bench.append(&upload, offset, b"!").await?;
    }
    becomes(bench, &upload, b"hello").await?;
    // The server may have deleted the partial by now.
    let head = bench.head(&part).await?;
    if head.accepted() {
        head.says("Upload-Offset", 5)?;
    }
    FINE
}

async fn metadata_apart(bench: &Bench) -> Judged {
    let creation = partial_creation(bench, 5).without("Upload-Metadata");
    let part = bench.create(creation.header("Upload-Metadata", bench.metadata("labpartial MQ=="))).await?;
    bench.fill(&part, 0, b"hello").await?;
    let upload = joined(bench, &[&part]).await?;
    let head = bench.head_when_free(&upload).await?;
    let metadata = head.header("Upload-Metadata")?.unwrap_or_default();
    ensure(!metadata.contains("labpartial"), format_args!("{head} with Upload-Metadata: {metadata:?}"))?;
    FINE
}

async fn metadata_own(bench: &Bench) -> Judged {
    let part = partial(bench, b"hello").await?;
    let creation =
        bench.open_creation().without("Upload-Metadata").header("Upload-Concat", of_paths(&[&part]));
    let answer = bench.ask(creation.header("Upload-Metadata", bench.metadata("labfinal MQ=="))).await?;
    if !answer.accepted() {
        return room(format_args!("metadata may be rejected: {answer}"));
    }
    let upload = bench.located(&answer).await?;
    let head = bench.head_when_free(&upload).await?;
    let metadata = head.required("Upload-Metadata")?;
    ensure(metadata.contains("labfinal MQ=="), format_args!("{head} with Upload-Metadata: {metadata:?}"))?;
    FINE
}

async fn unfinished_announced(bench: &Bench) -> Judged {
    if bench.subject.offers("concatenation-unfinished") {
        return FINE;
    }
    let part = bench.create(partial_creation(bench, 5)).await?;
    let answer = join(bench, &of_paths(&[&part])).await?;
    _ = bench.located(&answer).await;
    answer.refusal()?;
    FINE
}

async fn used_again(bench: &Bench) -> Judged {
    let part = partial(bench, b"hello").await?;
    let first = joined(bench, &[&part]).await?;
    becomes(bench, &first, b"hello").await?;
    let answer = join(bench, &of_paths(&[&part])).await?;
    if !answer.accepted() {
        return room(format_args!("a partial is gone once it was used: {answer}"));
    }
    becomes(bench, &bench.located(&answer).await?, b"hello").await?;
    bench.expect_bytes(&first, b"hello").await?;
    FINE
}

async fn with_length(bench: &Bench) -> Judged {
    let part = partial(bench, b"hello").await?;
    let creation = bench.creation(7).header("Upload-Concat", of_paths(&[&part]));
    let answer = bench.ask(creation).await?;
    if !answer.accepted() {
        return FINE;
    }
    becomes(bench, &bench.located(&answer).await?, b"hello").await?;
    room("an Upload-Length on a final upload is ignored")
}

async fn missing_partial(bench: &Bench) -> Judged {
    let part = partial(bench, b"hello").await?;
    let answer = join(bench, &of_paths(&[&part, &super::core_version::nobody(bench)])).await?;
    if !answer.accepted() {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    let head = bench.head(&upload).await?;
    let offset = head.number_if_any("Upload-Offset")?;
    let looks_whole = offset.is_some() && offset == head.number_if_any("Upload-Length")?;
    ensure(!looks_whole, format_args!("{answer}, and the final looks complete without its partial"))?;
    room("a final of a missing partial is created, and is never finished")
}

async fn no_partial(bench: &Bench) -> Judged {
    let whole = bench.started(5, b"hello").await?;
    let answer = join(bench, &of_paths(&[&whole])).await?;
    if !answer.accepted() {
        return FINE;
    }
    becomes(bench, &bench.located(&answer).await?, b"hello").await?;
    room("an upload that is no partial one is joined as well")
}

async fn malformed(bench: &Bench) -> Judged {
    let mut accepted = Vec::new();
    for value in ["", "foo", "final", "final;", "final; ", "partial;x", "FINAL;x", "final;not a url"] {
        let answer = bench.ask(bench.creation(5).header("Upload-Concat", value)).await?;
        if answer.accepted() {
            _ = bench.located(&answer).await;
            accepted.push(format!("{value:?}"));
        }
    }
    if accepted.is_empty() { FINE } else { room(format_args!("accepted: {}", accepted.join(", "))) }
}

async fn empty_partial(bench: &Bench) -> Judged {
    let (first, empty) = (partial(bench, b"hello").await?, partial(bench, b"").await?);
    let answer = join(bench, &of_paths(&[&first, &empty])).await?;
    match answer.status {
        201 => becomes(bench, &bench.located(&answer).await?, b"hello").await.map(|()| FINE)?,
        _ if answer.accepted() => wrong(format_args!("{answer} instead of 201")),
        _ => room(format_args!("a final with an empty partial: {answer}")),
    }
}
