use super::books::{Number, Told};
use super::chance::Chance;
use super::desk::Desk;
use super::insist::insist;
use super::joined;
use super::upload::Upload;
use super::way::Way;
use harness::content::Content;
use harness::multipart::Form;

/// Sends one file in one way to its end, however often the server is away meanwhile.
pub(super) async fn run(desk: &Desk, way: Way, chance: &mut Chance) {
    let content = Content::random(desk.mix.length(chance));
    let job = desk.books.open(way, &content);
    match way {
        Way::Tus(_) => tus(desk, job, way, content, chance).await,
        Way::Joined => joined::run(desk, job, content, chance).await,
        Way::OneShot => one_shot(desk, job, &content).await,
        Way::Overtaken => overtaken(desk, job, content, chance).await,
        Way::Ended => ended(desk, job, content, chance).await,
        Way::Mistaken => mistaken(desk, job, content, chance).await,
        Way::Abandoned => abandoned(desk, job, content, chance).await,
        Way::Socket => unreachable!("sockets are a correspondent's"),
        Way::Forgotten => unreachable!("it takes a bucket that forgets"),
    }
    desk.books.close(job);
}

async fn tus(desk: &Desk, job: Number, way: Way, content: Content, chance: &mut Chance) {
    let length = content.len();
    let mut upload = Upload::new(desk, job, way, content, chance);
    let answer = insist(async || upload.go_on(length).await).await;
    upload.is_message(&answer);
}

async fn one_shot(desk: &Desk, job: Number, content: &Content) {
    let (id, bytes) = (desk.books.id(job), content.bytes());
    let answer = insist(async || {
        let form = Form::of("crash.mp4", &bytes, &desk.chat.conversation);
        let request = desk.chat.one_shot(desk.sender()).header("Idempotency-Key", &id);
        desk.ask(form.into_request(request), &[200]).await
    })
    .await;
    let answer = answer.json();
    desk.books.message(job, answer["message"]["_id"].as_str().expect("a message has an id"));
}

/// Sends half of a file by tus, then all of it in one multipart request: both ways end in the same message.
async fn overtaken(desk: &Desk, job: Number, content: Content, chance: &mut Chance) {
    let (some, length) = (content.len() / 2, content.len());
    let mut upload = Upload::new(desk, job, Way::Overtaken, content.clone(), chance);
    insist(async || upload.go_on(some).await).await;
    one_shot(desk, job, &content).await;
    let answer = insist(async || upload.go_on(length).await).await;
    upload.is_message(&answer);
}

async fn ended(desk: &Desk, job: Number, content: Content, chance: &mut Chance) {
    let some = content.len() / 2;
    let mut upload = Upload::new(desk, job, Way::Ended, content, chance);
    insist(async || upload.go_on(some).await).await;
    insist(async || upload.end().await).await;
}

async fn mistaken(desk: &Desk, job: Number, content: Content, chance: &mut Chance) {
    let length = content.len();
    let mut upload = Upload::new(desk, job, Way::Mistaken, content, chance);
    let answer = insist(async || upload.go_on(length).await).await;
    assert!(answer.status >= 400, "a wrong digest was accepted: {answer:?}");
    if let Some(location) = &upload.location {
        desk.books.told(job, location, Told::Refused);
    }
}

async fn abandoned(desk: &Desk, job: Number, content: Content, chance: &mut Chance) {
    let some = content.len() / 2;
    let mut upload = Upload::new(desk, job, Way::Abandoned, content, chance);
    let answer = insist(async || upload.go_on(some).await).await;
    if let (410, Some(location)) = (answer.status, &upload.location) {
        desk.books.told(job, location, Told::Expired);
    }
}
