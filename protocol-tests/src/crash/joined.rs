use std::io;

use super::books::{Number, Told};
use super::chance::Chance;
use super::desk::Desk;
use super::insist::insist;
use super::upload::Upload;
use super::way::Way;
use harness::content::Content;
use harness::http::Response;
use harness::tus;

/// How often the final upload is asked for: the first answer counts as lost.
const TIMES: usize = 2;

/// Sends a file in parts, which are joined before or after they have their bytes, and ends the parts.
pub(super) async fn run(desk: &Desk, job: Number, content: Content, chance: &mut Chance) {
    let mut parts = cut(desk, job, &content, chance);
    if chance.one_in(2) {
        // The parts are created, and get their bytes after they were joined.
        send(&mut parts, |_| 0).await;
    } else {
        send(&mut parts, Content::len).await;
    }
    let mut location = String::new();
    for _ in 0..TIMES {
        let answer = insist(async || ask_for_final(desk, job, &parts).await).await;
        answer.expect("Location").clone_into(&mut location);
    }
    send(&mut parts, Content::len).await;
    let told = insist(async || told_of_message(desk, &location, content.len()).await).await;
    desk.books.told(job, &location, Told::Offset(content.len()));
    desk.books.message(job, told.expect("Chat-Message-Id"));
    for part in &parts {
        insist(async || part.end().await).await;
    }
}

fn cut<'a>(desk: &'a Desk, job: Number, content: &Content, chance: &mut Chance) -> Vec<Upload<'a>> {
    let count = chance.within(2..5);
    let size = content.len().div_ceil(count);
    let starts = (0..count).map(|part| part * size).take_while(|start| *start < content.len());
    let parts = starts.map(|start| content.part(start..(start + size).min(content.len())));
    parts.map(|part| Upload::new(desk, job, Way::Joined, part, chance)).collect()
}

async fn send(parts: &mut [Upload<'_>], until: impl Fn(&Content) -> u64) {
    for part in parts {
        let until = until(&part.content);
        insist(async || part.go_on(until).await).await;
    }
}

async fn ask_for_final(desk: &Desk, job: Number, parts: &[Upload<'_>]) -> io::Result<Response> {
    let urls: Vec<_> = parts.iter().filter_map(|part| part.location.as_deref()).collect();
    let id = desk.books.id(job);
    let pairs = [("filename", "crash.mp4"), ("client_message_id", id.as_str())];
    let request = desk
        .tus("POST", &format!("/conversations/{}/files", desk.chat.conversation))
        .header("Upload-Concat", format_args!("final;{}", urls.join(" ")))
        .header("Upload-Metadata", tus::metadata(&pairs));
    desk.ask(request, &[201]).await
}

/// The answer to HEAD of the final upload, once it tells the message.
async fn told_of_message(desk: &Desk, location: &str, length: u64) -> io::Result<Response> {
    let answer = desk.ask(desk.tus("HEAD", location), &[200]).await?;
    if answer.header("Upload-Offset").is_none() {
        let what = format!("{location} has no offset: {:?}", answer.head);
        return Err(io::Error::new(io::ErrorKind::WouldBlock, what));
    }
    assert_eq!(answer.number("Upload-Offset"), length, "a final upload is whole, or does not tell an offset");
    Ok(answer)
}
