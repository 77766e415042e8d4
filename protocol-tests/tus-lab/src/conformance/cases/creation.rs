//! Creation, POST.

use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room, wrong};

pub(super) const SECTION: Section = Section {
    name: "Creation",
    text: "https://tus.io/protocols/resumable-upload#creation",
    needs: &["creation"],
    cases: &[
        must("creation.status", "a creation that succeeds is answered 201", run!(status)),
        must("creation.location", "the Location of a creation leads to the upload", run!(location)),
        must("creation.offset", "a new upload stands at offset 0", run!(offset)),
        must("creation.empty-file", "an upload of length 0 is complete at once", run!(empty_file)),
        must("creation.too-large", "a length above Tus-Max-Size is answered 413", run!(too_large)),
        robust(
            "creation.no-length",
            "a creation that says nothing of its length is handled",
            run!(no_length),
        ),
        robust(
            "creation.length-no-number",
            "a length that is no number makes no upload of another length",
            run!(length_no_number),
        ),
        robust(
            "creation.length-past-64-bits",
            "a length past 64 bits is refused or kept, never wrapped round",
            run!(length_past_64_bits),
        ),
        robust(
            "creation.length-past-53-bits",
            "a length past 53 bits is refused or kept, never rounded",
            run!(length_past_53_bits),
        ),
        robust("creation.length-twice", "two lengths that disagree are handled", run!(length_twice)),
        robust(
            "creation.foreign-body",
            "a body that is no part of the upload is handled",
            run!(foreign_body),
        ),
        robust("creation.repeated", "the same creation again does not disturb the first", run!(repeated)),
    ],
};

async fn status(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(5)).await?;
    _ = bench.located(&answer).await;
    answer.status(&[201])?;
    FINE
}

async fn location(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(5)).await?;
    let upload = bench.located(&answer).await?;
    bench.head(&upload).await?.status(&[200, 204])?;
    FINE
}

async fn offset(bench: &Bench) -> Judged {
    let upload = bench.upload(5).await?;
    bench.expect_offset(&upload, 0).await?;
    bench.append(&upload, 0, b"hello").await?.status(&[204])?;
    FINE
}

async fn empty_file(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(0)).await?;
    answer.status(&[201])?;
    let upload = bench.located(&answer).await?;
    let head = bench.head_when_free(&upload).await?;
    head.says("Upload-Offset", 0)?;
    head.says("Upload-Length", 0)?;
    bench.expect_bytes(&upload, b"").await?;
    FINE
}

async fn too_large(bench: &Bench) -> Judged {
    let Some(above) = bench.subject.offer.max_size.and_then(|max| max.checked_add(1)) else {
        return Err(Fault::Inapplicable("Tus-Max-Size is not told".to_owned()));
    };
    let answer = bench.ask(bench.creation(above)).await?;
    _ = bench.located(&answer).await;
    answer.status(&[413])?;
    FINE
}

async fn no_length(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.open_creation()).await?;
    _ = bench.located(&answer).await;
    match answer.accepted() {
        false => FINE,
        true => room("an upload without any length was created; the text binds only the client"),
    }
}

async fn length_no_number(bench: &Bench) -> Judged {
    let mut read = Vec::new();
    for value in ["", "abc", "-5", "5abc", "+5", "0x5", "5.5", "5e0", "5,6"] {
        match made_of(bench, value).await? {
            Made::Nothing => {}
            Made::Length(5) if value.contains('5') => read.push(format!("{value:?} as 5")),
            Made::Length(6) if value == "5,6" => read.push(format!("{value:?} as 6")),
            Made::Length(length) => {
                return wrong(format_args!("{value:?} made an upload of length {length}"));
            }
            Made::Open => return wrong(format_args!("{value:?} made an upload without a length")),
        }
    }
    if read.is_empty() { FINE } else { room(format_args!("it reads {}", read.join(", "))) }
}

async fn length_past_64_bits(bench: &Bench) -> Judged {
    for value in ["18446744073709551616", "18446744073709551621", "99999999999999999999999999"] {
        if let Made::Length(_) | Made::Open = made_of(bench, value).await? {
            return wrong(format_args!("{value} made an upload of another length"));
        }
    }
    FINE
}

/// The first integer that a double cannot hold.
const PAST_53_BITS: u64 = (1 << 53) + 1;

async fn length_past_53_bits(bench: &Bench) -> Judged {
    match made_of(bench, &PAST_53_BITS.to_string()).await? {
        Made::Nothing | Made::Length(PAST_53_BITS) => FINE,
        Made::Length(other) => wrong(format_args!("{PAST_53_BITS} made an upload of length {other}")),
        Made::Open => wrong(format_args!("{PAST_53_BITS} made an upload without a length")),
    }
}

/// The result of a creation.
enum Made {
    Nothing,
    Open,
    Length(u64),
}

async fn made_of(bench: &Bench, length: &str) -> Result<Made, Fault> {
    let answer = bench.ask(bench.open_creation().header("Upload-Length", length)).await?;
    if !answer.accepted() {
        return Ok(Made::Nothing);
    }
    let upload = bench.located(&answer).await?;
    let told = bench.head(&upload).await?.number_if_any("Upload-Length")?;
    Ok(told.map_or(Made::Open, Made::Length))
}

async fn length_twice(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(5).header("Upload-Length", 6)).await?;
    if !answer.accepted() {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    let length = bench.head(&upload).await?.number("Upload-Length")?;
    ensure(matches!(length, 5 | 6), format_args!("lengths 5 and 6 made {length}"))?;
    room(format_args!("of the lengths 5 and 6 it takes {length}"))
}

async fn foreign_body(bench: &Bench) -> Judged {
    let answer = bench.ask(bench.creation(10).header("Content-Type", "text/plain").body("hello")).await?;
    if !answer.accepted() {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    match bench.offset(&upload).await? {
        0 => FINE,
        taken => room(format_args!("{taken} bytes of another media type were taken into the upload")),
    }
}

async fn repeated(bench: &Bench) -> Judged {
    let first = bench.started(10, b"hello").await?;
    let second = bench.upload(10).await?;
    if first == second {
        return room("the same creation again leads to the same upload");
    }
    keeps_apart(bench, &first, &second).await
}

async fn keeps_apart(bench: &Bench, first: &Place, second: &Place) -> Judged {
    bench.expect_offset(first, 5).await?;
    bench.append(second, 0, b"HELLOWORLD").await?.status(&[204])?;
    bench.append(first, 5, b"world").await?.status(&[204])?;
    bench.expect_bytes(first, b"helloworld").await?;
    bench.expect_bytes(second, b"HELLOWORLD").await?;
    FINE
}
