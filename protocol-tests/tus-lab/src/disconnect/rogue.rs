//! The rogue client, which has not read the protocol.
//!
//! Each misdeed begins with a proper creation, and afterwards the client behaves again, so that damage by the
//! misdeed shows in the bytes.

use std::ops::Range;
use std::time::Duration;

use tokio::time::timeout;

use super::decision::{Answer, Ask};
use super::fault::{Fault, Misdeed, Moment};
use super::outcome::End;
use super::session::Session;
use super::settings::PATIENCE;
use super::trap::Trap;
use crate::http::Connection;

/// How long late bytes are offered, and how long their answer is waited for.
const LATE: Duration = Duration::from_secs(3);

/// How long the bytes of a connection get to arrive before it falls silent. Only bytes that others have
/// overtaken are late: without this wait the newcomer's bytes may be the late ones.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

/// How often one upload loses its connection and resumes at once.
const ROUNDS: u64 = 5;

/// Does the misdeed, and finishes the upload.
pub(super) async fn play(session: &mut Session<'_>, misdeed: Misdeed) -> End {
    match attempt(session, misdeed).await {
        Ok(next) => session.drive(next).await,
        Err(end) => end,
    }
}

/// Creates an upload and does the misdeed; returns the next request of a client that behaves, or the end of
/// the upload.
async fn attempt(session: &mut Session<'_>, misdeed: Misdeed) -> Result<Ask, End> {
    let offset = session.drive_to_append(Ask::Create).await?;
    match misdeed {
        Misdeed::Blind(fault) => blind(session, offset, fault).await,
        Misdeed::Stale(fault) => stale(session, offset, fault).await,
        Misdeed::LateBetween => late_between(session).await,
        Misdeed::LateDuring => late_during(session).await,
        Misdeed::LateAfter => late_after(session).await,
        Misdeed::Twins => twins(session).await,
        Misdeed::AtOnce(fault) => at_once(session, offset, fault).await,
    }
}

async fn blind(session: &mut Session<'_>, offset: u64, fault: Fault) -> Result<Ask, End> {
    lose_connection(session, offset, fault).await?;
    let sent = Ask::Append(place(session));
    let answer = session.ask(sent).await;
    session.follow(sent, &answer).await
}

async fn stale(session: &mut Session<'_>, offset: u64, fault: Fault) -> Result<Ask, End> {
    let acknowledged = Ask::Append(lose_connection(session, offset, fault).await?);
    let answer = session.ask(acknowledged).await;
    session.follow(acknowledged, &answer).await
}

/// Uploads until this fault kills the connection, and returns the last acknowledged offset.
async fn lose_connection(session: &mut Session<'_>, mut offset: u64, fault: Fault) -> Result<u64, End> {
    session.set_trap(Trap { moment: session.row.moment, fault });
    loop {
        let append = Ask::Append(offset);
        match session.ask(append).await {
            Answer::Dead => return Ok(offset),
            answer => match session.follow(append, &answer).await? {
                Ask::Append(next) => offset = next,
                ask => offset = session.drive_to_append(ask).await?,
            },
        }
    }
}

async fn late_between(session: &mut Session<'_>) -> Result<Ask, End> {
    let (mut old, rest) = fall_silent(session).await?;
    let offset = session.drive_to_append(Ask::Offset).await?;
    let next = append_half(session, offset).await?;
    wake(session, &mut old, rest).await;
    Ok(next)
}

/// Sends half of the missing bytes: late bytes have to be later than others.
async fn append_half(session: &mut Session<'_>, mut offset: u64) -> Result<Ask, End> {
    loop {
        let append = Ask::Append(offset);
        let half = offset + (session.shape.size - offset) / 2;
        let (request, outgoing) = session.message_of(append, offset..half);
        let answer = session.send(&request, &outgoing).await;
        let next = session.follow(append, &answer).await?;
        if matches!(answer, Answer::Status { status: 200..300, .. }) {
            return Ok(next);
        }
        offset = session.drive_to_append(next).await?;
    }
}

async fn late_during(session: &mut Session<'_>) -> Result<Ask, End> {
    let (mut old, rest) = fall_silent(session).await?;
    let append = Ask::Append(session.drive_to_append(Ask::Offset).await?);
    let (request, outgoing) = session.message(append);
    let Range { start, end } = outgoing.body;
    let half = start + (end - start) / 2;
    let (mut new, sent) = begin(session, &request.head(), start..half).await?;
    tokio::time::sleep(ON_ITS_WAY).await;
    wake(session, &mut old, rest).await;
    // The server may have closed this connection instead of the old one.
    let sent = sent + offer(session, &mut new, half..end).await;
    let response = timeout(PATIENCE, new.try_answer(false)).await;
    let answer = session.learn(&outgoing, sent, response.ok().and_then(Result::ok)).await;
    session.follow(append, &answer).await
}

async fn late_after(session: &mut Session<'_>) -> Result<Ask, End> {
    let (mut old, rest) = fall_silent(session).await?;
    let end = session.drive(Ask::Offset).await;
    wake(session, &mut old, rest).await;
    Err(end)
}

/// Sends a PATCH of everything, but only up to the place of trouble; returns the connection and the range of
/// the missing bytes.
async fn fall_silent(session: &mut Session<'_>) -> Result<(Connection, Range<u64>), End> {
    let (place, size) = (place(session), session.shape.size);
    let (request, outgoing) = session.message(Ask::Append(0));
    let (old, sent) = begin(session, &request.head(), 0..place).await?;
    session.ledger.carried(&outgoing, sent);
    tokio::time::sleep(ON_ITS_WAY).await;
    session.witness.strike();
    Ok((old, place..size))
}

/// Sends late bytes as far as the connection accepts them, and gives the server time to act on them.
async fn wake(session: &Session<'_>, old: &mut Connection, rest: Range<u64>) {
    offer(session, old, rest).await;
    _ = timeout(LATE, old.try_answer(false)).await;
}

async fn twins(session: &mut Session<'_>) -> Result<Ask, End> {
    let append = Ask::Append(0);
    let (request, outgoing) = session.message_of(append, 0..place(session));
    let answer = session.send(&request, &outgoing).await;
    let next = session.follow(append, &answer).await?;
    let offset = session.drive_to_append(next).await?;
    let (request, outgoing) = session.message(Ask::Append(offset));
    session.witness.strike();
    let both = tokio::join!(session.exchange(&request, &outgoing), session.exchange(&request, &outgoing));
    let whole = outgoing.head_bytes + (outgoing.body.end - outgoing.body.start);
    for response in [both.0, both.1] {
        session.learn(&outgoing, whole, response.ok()).await;
    }
    Ok(Ask::Offset)
}

async fn at_once(session: &mut Session<'_>, mut offset: u64, fault: Fault) -> Result<Ask, End> {
    let size = session.shape.size;
    let mut silent = Vec::new();
    for round in 1..=ROUNDS {
        let (request, outgoing) = session.message(Ask::Append(offset));
        let until = (size * round / (ROUNDS + 1)).max(offset);
        let (connection, sent) = begin(session, &request.head(), offset..until).await?;
        session.ledger.carried(&outgoing, sent);
        session.witness.strike();
        match fault {
            Fault::Reset => connection.reset(),
            Fault::Vanish => silent.push(connection),
            _ => drop(connection),
        }
        offset = session.drive_to_append(Ask::Offset).await?;
    }
    let append = Ask::Append(offset);
    let answer = session.ask(append).await;
    session.follow(append, &answer).await
}

/// Sends a head and the beginning of its body; returns the connection and how many bytes were sent.
async fn begin(session: &Session<'_>, head: &[u8], body: Range<u64>) -> Result<(Connection, u64), End> {
    let opening = async {
        let mut connection = Connection::try_open(session.proxy.address()).await?;
        connection.try_send(head).await?;
        std::io::Result::Ok(connection)
    };
    let opened = timeout(PATIENCE, opening).await;
    let Ok(Ok(mut connection)) = opened else {
        return Err(End::GaveUp("the server does not take a connection".to_owned()));
    };
    let sent = offer(session, &mut connection, body).await;
    Ok((connection, head.len() as u64 + sent))
}

/// Sends these bytes of the content as far as the connection accepts them, and returns how many.
async fn offer(session: &Session<'_>, connection: &mut Connection, body: Range<u64>) -> u64 {
    let mut sent = 0;
    let sending = async {
        for piece in session.run.content.pieces_of(body) {
            if connection.try_send(&piece).await.is_err() {
                return;
            }
            sent += piece.len() as u64;
        }
    };
    _ = timeout(LATE, sending).await;
    sent
}

fn place(session: &Session<'_>) -> u64 {
    let shape = session.shape;
    shape.place(session.row.moment).or(shape.place(Moment::Half)).unwrap_or_default()
}
