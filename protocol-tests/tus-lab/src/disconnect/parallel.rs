//! Partial uploads at the same time, and a final one of them.
//!
//! Each part is a client of its own, and all of them share one network: what happens to it
//! happens to all, or to the one whose byte it was.

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
        // A client that tries again makes sure of its parts first.
        first = Ask::Offset;
    }
}

/// Has every part complete, or tells why one of them is not.
async fn drive(parts: &mut [Session<'_>; PARTS], first: Ask) -> Result<(), End> {
    let [one, two, three, four] = parts;
    let (one, two, three, four) =
        tokio::join!(one.drive(first), two.drive(first), three.drive(first), four.drive(first));
    [one, two, three, four].into_iter().find(|end| *end != End::Finished).map_or(Ok(()), Err)
}
