//! The audit of upload resources.

use std::io;

use crate::crash::books::{Job, Told};
use crate::crash::desk::Desk;
use crate::crash::way::Mix;

/// How many finished jobs are looked at, besides all unfinished ones.
const SAMPLE: usize = 15;

/// Checks that no offset is below the acknowledged one, and that ended uploads stay ended.
pub(super) async fn audit(desk: &Desk) -> io::Result<()> {
    let (done, under_way): (Vec<_>, Vec<_>) = desk.books.all().into_iter().partition(|job| job.is_over);
    for job in under_way.iter().chain(done.iter().rev().take(SAMPLE)) {
        for (location, told) in &job.uploads {
            look(desk, job, location, *told).await?;
        }
    }
    Ok(())
}

async fn look(desk: &Desk, job: &Job, location: &str, told: Told) -> io::Result<()> {
    let request = desk.chat.request(desk.sender(), "GET", location).header("Accept", "application/json");
    let answer = desk.read(request).await?;
    let allowed: &[u16] = match told {
        Told::Offset(_) if desk.mix == Mix::Expiring => &[200, 410],
        Told::Offset(_) | Told::Refused => &[200],
        Told::Ending => &[200, 404],
        Told::Expired => &[410],
        Told::Ended => &[404],
    };
    let (status, id) = (answer.status, &job.id);
    assert!(
        allowed.contains(&status),
        "{id}: {location} was told {told:?}, and is {status} {}",
        answer.text()
    );
    if status != 200 {
        return Ok(());
    }
    let document = answer.json();
    let offset = document["offset"].as_u64().expect("an offset is a number");
    match told {
        Told::Offset(acknowledged) => {
            assert!(offset >= acknowledged, "{id}: {location} had {acknowledged} bytes, and has {offset}");
        }
        Told::Refused => assert_eq!(document["state"], "rejected", "{id}: {location}"),
        Told::Ending | Told::Expired | Told::Ended => {}
    }
    Ok(())
}
