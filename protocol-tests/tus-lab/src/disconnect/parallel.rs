//! The client that uploads parts at the same time, and joins them.
//!
//! Each part is a client of its own, and all of them share one network: a trouble strikes all of them, or the
//! one whose byte it was planned for.

use super::decision::Ask;
use super::outcome::End;
use super::session::Session;
use super::shape::PARTS;

/// Uploads the parts, and asks for the final upload.
pub(super) async fn play(session: &mut Session<'_>) -> End {
    let mut parts = session.parts();
    session.set_trap_among(PARTS as u64);
    let end = upload(session, &mut parts).await;
    session.settle(parts.map(|part| part.ledger));
    end
}

async fn upload(session: &mut Session<'_>, parts: &mut [Session<'_>; PARTS]) -> End {
    let mut first = Ask::Create;
    loop {
        if let Err(end) = drive(parts, first).await {
            return end;
        }
        session.spring_trap_among();
        session.parts = parts.iter().filter_map(|part| part.upload.clone()).collect();
        let answer = session.ask(Ask::Join).await;
        if let Err(end) = session.follow(Ask::Join, &answer).await {
            return end;
        }
        // A client that tries again checks its parts first.
        first = Ask::Offset;
    }
}

/// Completes every part, or returns why one of them failed.
async fn drive(parts: &mut [Session<'_>; PARTS], first: Ask) -> Result<(), End> {
    let [one, two, three, four] = parts;
    let (one, two, three, four) =
        tokio::join!(one.drive(first), two.drive(first), three.drive(first), four.drive(first));
    [one, two, three, four].into_iter().find(|end| *end != End::Finished).map_or(Ok(()), Err)
}
