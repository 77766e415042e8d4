//! Robustness: two clients that want the same upload at the same time.

use std::time::Instant;

use super::expectation::SOON;
use crate::conformance::answer::Answer;
use crate::conformance::bench::{Bench, PAUSE};
use crate::conformance::case::{Section, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Fault, Judged, ensure, room};

pub(super) const SECTION: Section = Section {
    name: "Robustness, races",
    text: "https://tus.io/protocols/resumable-upload#patch",
    needs: &["creation"],
    cases: &[
        robust(
            "races.one-offset",
            "of two PATCHes at one offset at most one is accepted, and nothing is mixed",
            run!(one_offset),
        ),
        robust(
            "races.small-chunks",
            "two clients that send small chunks do not double a byte",
            run!(small_chunks),
        ),
        robust(
            "races.newcomer",
            "an upload goes on although a dead client seems to be still there",
            run!(newcomer),
        ),
        robust("races.latecomer", "late bytes of the older client do no harm", run!(latecomer)),
        robust("races.head-while-sending", "HEAD is answered while a PATCH runs", run!(head_while_sending)),
    ],
};

const LENGTH: usize = 3_000_000;

async fn one_offset(bench: &Bench) -> Judged {
    for _ in 0..5 {
        let upload = bench.upload(LENGTH as u64).await?;
        let contents = [vec![b'a'; LENGTH], vec![b'b'; LENGTH]];
        let race =
            tokio::join!(bench.append(&upload, 0, &contents[0]), bench.append(&upload, 0, &contents[1]));
        let reached = [reached(&race.0)?, reached(&race.1)?];
        let both = reached.iter().all(|offset| *offset > 0);
        ensure(!both, "two PATCHes of 3000000 bytes at offset 0 were both accepted")?;
        let winner = reached.iter().position(|offset| *offset == LENGTH as u64);
        let offset = super::settled::settled_offset(bench, &upload).await?;
        ensure(offset <= LENGTH as u64, format_args!("HEAD then says offset {offset} of {LENGTH}"))?;
        if winner.is_some() {
            bench.expect_offset(&upload, LENGTH as u64).await?;
        }
        bench.resume(&upload, &vec![b'c'; LENGTH]).await?;
        unmixed(bench, &upload, winner.map(|winner| contents[winner][0])).await?;
    }
    FINE
}

/// The offset up to which a PATCH was accepted. A displaced PATCH may be answered 204 for the bytes that were
/// kept; one whose connection is closed has lost.
fn reached(answer: &Result<Answer, Fault>) -> Result<u64, Fault> {
    match answer {
        Ok(answer) if answer.accepted() => answer.number("Upload-Offset"),
        _ => Ok(0),
    }
}

/// Checks that all bytes of the race are of one of the two clients; the other bytes were sent later.
async fn unmixed(bench: &Bench, upload: &Place, winner: Option<u8>) -> Result<(), Fault> {
    let Some(bytes) = bench.bytes(upload).await? else {
        return Ok(());
    };
    ensure(bytes.len() == LENGTH, format_args!("GET gives {} bytes of {LENGTH}", bytes.len()))?;
    let first = winner.unwrap_or(bytes[0]);
    let same = bytes.iter().take_while(|byte| **byte == first).count();
    let rest_is_later = winner.is_none() && bytes[same..].iter().all(|byte| *byte == b'c');
    ensure(
        same == LENGTH || rest_is_later,
        format_args!("bytes of two PATCHes are mixed from byte {same} on"),
    )
}

async fn small_chunks(bench: &Bench) -> Judged {
    const CHUNK: usize = 10_000;
    const CHUNKS: usize = 20;
    let content: Vec<u8> = (0..CHUNKS * CHUNK).map(|at| at.to_le_bytes()[at % 3]).collect();
    let upload = bench.upload(content.len() as u64).await?;
    let mut accepted = 0;
    for chunk in 0..CHUNKS {
        let (offset, bytes) = ((chunk * CHUNK) as u64, &content[chunk * CHUNK..][..CHUNK]);
        let (left, right) =
            tokio::join!(bench.append(&upload, offset, bytes), bench.append(&upload, offset, bytes));
        let both =
            [&left, &right].iter().filter(|answer| answer.as_ref().is_ok_and(Answer::accepted)).count();
        ensure(both < 2, format_args!("two PATCHes at offset {offset} were both accepted"))?;
        accepted += both;
        // If both clients lost, the chunk has to be sent again.
        bench.resume(&upload, &content[..(chunk + 1) * CHUNK]).await?;
    }
    bench.expect_offset(&upload, content.len() as u64).await?;
    bench.expect_bytes(&upload, &content).await?;
    ensure(accepted > 0, "not one of forty PATCHes at the right offset was accepted")?;
    FINE
}

async fn newcomer(bench: &Bench) -> Judged {
    let content = vec![b'n'; LENGTH];
    let upload = bench.upload(LENGTH as u64).await?;
    // The dead client sends half, and falls silent: a phone that left its network.
    let mut dead = bench.begin(&bench.patch(&upload, 0).declared_length(LENGTH as u64)).await?;
    dead.try_send(&content[..LENGTH / 2]).await?;
    tokio::time::sleep(PAUSE).await;
    let started = Instant::now();
    bench.resume(&upload, &content).await?;
    let took = started.elapsed();
    drop(dead);
    bench.expect_bytes(&upload, &content).await?;
    if took < SOON {
        return FINE;
    }
    room("the upload could go on only after more than 2 s")
}

async fn latecomer(bench: &Bench) -> Judged {
    let upload = bench.upload(LENGTH as u64).await?;
    let mut older = bench.begin(&bench.patch(&upload, 0).declared_length(LENGTH as u64)).await?;
    older.try_send(&vec![b'o'; 1_000_000]).await?;
    tokio::time::sleep(PAUSE).await;
    let offset = bench.offset(&upload).await?;
    let newer = bench.append(&upload, offset, &vec![b'n'; 1_000_000]).await;
    // The older client wakes up, while the upload still has room for its bytes.
    _ = older.try_send(&vec![b'o'; LENGTH - 1_000_000]).await;
    let older = reached(&bench.hear("PATCH", &mut older).await)?;
    let newer = reached(&newer)? > offset;
    let both = newer && older > offset;
    ensure(!both, format_args!("both PATCHes were accepted beyond {offset}, the older one up to {older}"))?;
    bench.resume(&upload, &vec![b'n'; LENGTH]).await?;
    let Some(bytes) = bench.bytes(&upload).await? else {
        return FINE;
    };
    ensure(bytes.len() == LENGTH, format_args!("GET gives {} bytes of {LENGTH}", bytes.len()))?;
    let switched = bytes.iter().position(|byte| *byte == b'n').unwrap_or(LENGTH);
    let mixed = bytes[switched..].contains(&b'o');
    ensure(!mixed, "late bytes of the older PATCH are among those of the newer one")?;
    ensure(!newer || switched == index(offset), "the newer PATCH was accepted, and its bytes are not there")?;
    FINE
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).map_or(LENGTH, |offset| offset.min(LENGTH))
}

async fn head_while_sending(bench: &Bench) -> Judged {
    let upload = bench.upload(LENGTH as u64).await?;
    let mut sending = bench.begin(&bench.patch(&upload, 0).declared_length(LENGTH as u64)).await?;
    sending.try_send(&vec![b's'; 1_000_000]).await?;
    let started = Instant::now();
    let head = bench.head(&upload).await?;
    let took = started.elapsed();
    if head.accepted() {
        let offset = head.number("Upload-Offset")?;
        ensure(offset <= 1_000_000, format_args!("1000000 bytes had come, and HEAD says {offset}"))?;
    }
    match (head.accepted(), took < SOON) {
        (true, true) => FINE,
        (true, false) => room("HEAD is answered only after more than 2 s"),
        (false, _) => room(format_args!("while a PATCH runs, {head}")),
    }
}
