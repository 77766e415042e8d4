//! Expiration.

use std::time::{Duration, SystemTime};

use crate::conformance::answer::Answer;
use crate::conformance::bench::{Bench, PAUSE};
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room, wrong};

pub(super) const SECTION: Section = Section {
    name: "Expiration",
    text: "https://tus.io/protocols/resumable-upload#expiration",
    needs: &["creation", "expiration"],
    cases: &[
        must("expiration.on-patch", "a PATCH of an unfinished upload tells when it expires", run!(on_patch)),
        must(
            "expiration.on-refused-patch",
            "every PATCH response tells it, also one that is a refusal",
            run!(on_refused_patch),
        ),
        must(
            "expiration.on-post",
            "a creation tells when the upload expires, if that is known by then",
            run!(on_post),
        ),
        must("expiration.format", "Upload-Expires is an HTTP date", run!(format)),
        should("expiration.gone", "an upload that has expired is answered 404 or 410", run!(gone)),
        robust("expiration.future", "a new upload does not expire before it can be used", run!(future)),
    ],
};

const EXPIRES: &str = "Upload-Expires";

async fn on_patch(bench: &Bench) -> Judged {
    let created = bench.ask(bench.creation(10)).await?;
    let upload = bench.located(&created).await?;
    let patch = bench.append(&upload, 0, b"hello").await?;
    let head = bench.head(&upload).await?;
    let told_elsewhere = created.header(EXPIRES)?.or(head.header(EXPIRES)?);
    match (patch.header(EXPIRES)?, told_elsewhere) {
        (Some(_), _) => FINE,
        (None, Some(_)) => wrong(format_args!("{patch} without {EXPIRES}, though the upload expires")),
        (None, None) => room("no answer tells a date: this upload may be one that never expires"),
    }
}

async fn on_refused_patch(bench: &Bench) -> Judged {
    let upload = dated(bench).await?.upload;
    let refused = bench.append(&upload, 7, b"wor").await?;
    ensure(refused.header(EXPIRES)?.is_some(), format_args!("{refused} without {EXPIRES}"))?;
    FINE
}

async fn on_post(bench: &Bench) -> Judged {
    let created = bench.ask(bench.creation(10)).await?;
    let upload = bench.located(&created).await?;
    let patch = bench.append(&upload, 0, b"hello").await?;
    match (created.header(EXPIRES)?, patch.header(EXPIRES)?) {
        (Some(_), _) => FINE,
        (None, Some(_)) => room("only PATCH tells the date, which may not be known before"),
        (None, None) => room("no answer tells a date: this upload may be one that never expires"),
    }
}

/// A new upload with its date of expiry.
struct Dated {
    upload: Place,
    answer: Answer,
    date: String,
}

/// An unfinished upload, and the latest answer that tells when it expires.
async fn dated(bench: &Bench) -> Result<Dated, Fault> {
    let created = bench.ask(bench.creation(10)).await?;
    let upload = bench.located(&created).await.map_err(Fault::in_preparation)?;
    let patch = bench.append(&upload, 0, b"hello").await?;
    for answer in [patch, created] {
        if let Some(date) = answer.header(EXPIRES)? {
            let date = date.to_owned();
            return Ok(Dated { upload, answer, date });
        }
    }
    Err(Fault::Inapplicable("no answer tells when the upload expires".to_owned()))
}

async fn format(bench: &Bench) -> Judged {
    let Dated { answer, date, .. } = dated(bench).await?;
    let canonical = httpdate::parse_http_date(&date).map(httpdate::fmt_http_date);
    match canonical {
        Ok(canonical) if canonical == date => FINE,
        Ok(_) => room("the date is in an obsolete form of HTTP's"),
        Err(_) => wrong(format_args!("{answer} with {EXPIRES}: {date:?}, which is no HTTP date")),
    }
}

async fn future(bench: &Bench) -> Judged {
    let Dated { answer, date, .. } = dated(bench).await?;
    let left = time_left(&answer, &date)?;
    ensure(left.is_some(), format_args!("{answer} with {EXPIRES}: {date:?}, which is past"))?;
    FINE
}

/// The time left until a date, by the server's clock if its answer has a `Date`.
fn time_left(answer: &Answer, date: &str) -> Result<Option<Duration>, Fault> {
    let parse = |date: &str| httpdate::parse_http_date(date).ok();
    let now = answer.header("Date")?.and_then(parse).unwrap_or_else(SystemTime::now);
    match parse(date) {
        Some(expiry) => Ok(expiry.duration_since(now).ok()),
        None => Err(Fault::Unprepared(format!("{date:?} is no HTTP date"))),
    }
}

/// The longest time until an expiry that is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

async fn gone(bench: &Bench) -> Judged {
    let Dated { upload, answer, date } = dated(bench).await?;
    match time_left(&answer, &date)? {
        Some(left) if left <= PATIENCE => tokio::time::sleep(left + Duration::from_secs(1)).await,
        _ => {
            let why = "an upload lives longer than 10 s, and is not waited for".to_owned();
            return Err(Fault::Inapplicable(why));
        }
    }
    // "MAY remove": a server that sweeps later is given time, and is not wrong if it never does.
    for _ in 0..50 {
        let head = bench.head(&upload).await?;
        if !head.accepted() {
            head.status(&[404, 410])?;
            bench.append(&upload, 5, b"world").await?.status(&[404, 410])?;
            return FINE;
        }
        tokio::time::sleep(PAUSE).await;
    }
    room("the upload is still there after it expired")
}
