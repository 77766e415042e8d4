//! A kill at each named step between the first byte and the publication: afterwards there is
//! one message, one file, nothing left over, and a client that asks again is told the message.

use std::io;
use std::os::unix::process::ExitStatusExt;

use harness::chat::Chat;
use harness::content::{Content, sha256};
use harness::http::{Request, Response};
use harness::multipart::Form;
use harness::note::note;
use harness::script::Script;
use harness::server::Setup;
use harness::steps::steps;
use harness::{tus, wait};
use serde_json::{Value, json};

/// The steps that an upload passes whose bytes are in a file, in their order.
async fn steps_of_an_upload() -> Vec<String> {
    let passed = |step: &String| {
        let of_an_upload = ["create.", "append.", "finalize.", "place.", "publish."];
        // The step `append.shown` belongs to small bytes, which the journal carries.
        of_an_upload.iter().any(|part| step.starts_with(part)) && step != "append.shown"
    };
    steps().await.into_iter().filter(passed).collect()
}

/// The size of the file: small, so that its only checkpoint is the last one.
const SIZE: u64 = 100_003;

/// Makes a test for each step from a function that takes the step. Only a tus upload has a record before its
/// last byte.
macro_rules! at_every_step {
    (tus $way:ident, $test:path) => {
        at_every_step!(@mod $way, $test, killed_after_the_record_was_made "create.recorded");
    };
    ($way:ident, $test:path) => {
        at_every_step!(@mod $way, $test,);
    };
    (@mod $way:ident, $test:path, $($first:ident $step:literal)?) => {
        mod $way {
            $(at_every_step!(@one $test, $first, $step);)?
            at_every_step!(@one $test, killed_after_the_bytes_were_written, "append.written");
            at_every_step!(@one $test, killed_after_the_bytes_were_synced, "append.synced");
            at_every_step!(@one $test, killed_after_the_bytes_were_recorded, "append.recorded");
            at_every_step!(@one $test, killed_after_the_message_id_was_claimed, "finalize.claimed");
            at_every_step!(@one $test, killed_after_the_directory_was_made, "place.directory");
            at_every_step!(@one $test, killed_after_the_file_was_renamed, "place.renamed");
            at_every_step!(@one $test, killed_after_the_file_was_placed, "finalize.placed");
            at_every_step!(@one $test, killed_after_the_message_was_committed, "finalize.committed");
            at_every_step!(@one $test, killed_after_the_message_was_announced, "publish.announced");
            at_every_step!(@one $test, killed_after_the_outbox_was_cleared, "publish.cleared");
        }
    };
    (@one $test:path, $name:ident, $step:literal) => {
        #[tokio::test]
        async fn $name() {
            $test($step).await;
        }
    };
}

at_every_step!(tus tus_upload, super::a_tus_upload_becomes_one_message);
at_every_step!(one_shot_repeated, super::a_repeated_one_shot_becomes_one_message);
at_every_step!(one_shot_forgotten, super::a_forgotten_one_shot_leaves_a_message_or_nothing);
at_every_step!(socket_send_repeated, super::a_repeated_socket_send_becomes_one_message);

async fn a_tus_upload_becomes_one_message(step: &str) {
    let chat = Chat::on(Setup::default().crash_at(step)).await;
    let member = chat.socket(&chat.bob).await;
    let mut client = TusClient::new(&chat, Content::random(SIZE));
    _ = client.drive().await;
    dies(&chat, step).await;
    chat.server.restart_with(Setup::default()).await;
    is_back(&member).await;
    client.drive().await.expect("the server is up again");

    let message = is_told(&chat, &client).await;
    assert_eq!(chat.media(&message).await.body, client.content.bytes());
    chat.upload_is(&client.location(), "published").await;
    member.saw("new_message").await;
    told_of_nothing_else(&member, &message);
    chat.check_folders().await;
}

#[tokio::test]
async fn one_upload_survives_a_kill_at_every_step_in_turn() {
    let chat = Chat::start().await;
    let mut client = TusClient::new(&chat, Content::random(SIZE));
    for step in &steps_of_an_upload().await {
        note(format_args!("killed at {step}"));
        let started = chat.server.try_restart_with(Setup::default().crash_at(step)).await;
        match started {
            Err(death) => assert_eq!(death.status.signal(), Some(9), "{death}"),
            Ok(()) => {
                _ = client.drive().await;
                dies(&chat, step).await;
            }
        }
    }
    chat.server.restart_with(Setup::default()).await;
    client.drive().await.expect("the server is up again");
    let message = is_told(&chat, &client).await;
    assert_eq!(chat.media(&message).await.body, client.content.bytes());
    chat.upload_is(&client.location(), "published").await;
    chat.check_folders().await;
}

#[tokio::test]
async fn an_owed_message_is_made_without_a_request() {
    let chat = Chat::on(Setup::default().crash_at("append.recorded")).await;
    let mut client = TusClient::new(&chat, Content::random(SIZE));
    _ = client.drive().await;
    dies(&chat, "append.recorded").await;
    chat.server.restart_with(Setup::default()).await;
    let message = chat.first_message().await;
    assert_eq!(chat.media(&message).await.body, client.content.bytes());
    chat.check_folders().await;
}

#[tokio::test]
async fn a_kill_in_mid_body_keeps_what_was_recorded_and_nothing_else() {
    for step in ["append.written:2", "append.synced:2", "append.recorded:2"] {
        note(format_args!("killed at {step}"));
        let chat = Chat::on(Setup::default().crash_at(step)).await;
        let mut client = TusClient::new(&chat, Content::random(40 << 20));
        _ = client.drive().await;
        dies(&chat, step).await;
        chat.server.restart_with(Setup::default()).await;
        let kept = tus::offset(&chat, &client.location()).await;
        let had_a_checkpoint = step != "append.written:2";
        assert!(kept > 0 || !had_a_checkpoint, "a checkpoint is kept");
        assert!(kept < client.content.len(), "{kept} bytes were kept");
        client.drive().await.expect("the server is up again");
        let message = is_told(&chat, &client).await;
        assert_eq!(chat.media_digest(&message).await, (client.content.len(), client.content.sha256()));
        chat.check_folders().await;
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_termination_leaves_nothing() {
    let chat = Chat::on(Setup::default().crash_at("remove.recorded")).await;
    let location = tus::create(&chat, SIZE, &[]).await;
    tus::append(&chat, &location, 0, &[7; 1000]).await.expecting(204);
    let delete = tus::request(&chat, &chat.alice, "DELETE", &location);
    _ = delete.try_send().await;
    dies(&chat, "remove.recorded").await;
    chat.server.restart_with(Setup::default()).await;
    assert_eq!(tus::head(&chat, &location).await.status, 404);
    chat.check_folders().await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_an_expiry_leaves_nothing() {
    let setup = Setup::default().setting("--expire-after", 1).setting("--sweep-interval", 1);
    let chat = Chat::on(setup.clone().crash_at("expire.recorded")).await;
    let location = tus::create(&chat, SIZE, &[]).await;
    _ = tus::patch(&chat, &chat.alice, &location, 0).body([7; 1000]).try_send().await;
    dies(&chat, "expire.recorded").await;
    chat.server.restart_with(setup).await;
    assert_eq!(tus::head(&chat, &location).await.status, 410);
    chat.check_folders().await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_rejection_leaves_the_reason_and_nothing_else() {
    let chat = Chat::on(Setup::default().crash_at("reject.recorded")).await;
    let location = tus::create(&chat, 5, &[("sha256", &sha256(b"other"))]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).body("hello");
    _ = patch.try_send().await;
    dies(&chat, "reject.recorded").await;
    chat.server.restart_with(Setup::default()).await;
    chat.upload_is(&location, "rejected").await;
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

async fn a_repeated_one_shot_becomes_one_message(step: &str) {
    let chat = Chat::on(Setup::default().crash_at(step)).await;
    let member = chat.socket(&chat.bob).await;
    let content = Content::random(SIZE).bytes();
    _ = one_shot(&chat, &content).try_send().await;
    dies(&chat, step).await;
    chat.server.restart_with(Setup::default()).await;
    is_back(&member).await;

    let answer = one_shot(&chat, &content).send().await.expecting(200);
    let message = chat.only_message().await;
    assert_eq!(answer.json(), json!({"success": true, "message": message}));
    assert_eq!(chat.media(&message).await.body, content);
    told_of_nothing_else(&member, &message);
    chat.check_folders().await;
}

async fn a_forgotten_one_shot_leaves_a_message_or_nothing(step: &str) {
    let chat = Chat::on(Setup::default().crash_at(step)).await;
    let content = Content::random(SIZE).bytes();
    _ = one_shot(&chat, &content).try_send().await;
    dies(&chat, step).await;
    chat.server.restart_with(Setup::default()).await;
    if is_before(step, "append.recorded").await {
        assert!(chat.messages().await.is_empty(), "nothing was complete");
    } else {
        chat.first_message().await;
    }
    chat.check_folders().await;
    for message in chat.messages().await {
        assert_eq!(chat.media(&message).await.body, content);
    }
}

async fn a_repeated_socket_send_becomes_one_message(step: &str) {
    let chat = Chat::on(Setup::default().crash_at(step)).await;
    let member = chat.socket(&chat.bob).await;
    let mut sender = chat.socket(&chat.alice).await;
    let content = Content::random(SIZE);
    content.write_to(&chat.server.scratch("sent.jpg"));
    sender.order(&socket_send(&chat, "first")).await;
    dies(&chat, step).await;
    chat.server.restart_with(Setup::default()).await;
    is_back(&member).await;
    is_back(&sender).await;

    sender.order(&socket_send(&chat, "second")).await;
    let ack = sender.saw_with("ack", |ack| ack["of"] == "second").await;
    let message = chat.only_message().await;
    assert_eq!(ack["answer"], json!({"success": true, "message": message}));
    assert_eq!(chat.media(&message).await.body, content.bytes());
    told_of_nothing_else(&member, &message);
    chat.check_folders().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_uploads_survive_the_same_kills() {
    let chat = Chat::on(Setup::default().crash_at("append.recorded:3")).await;
    let mut clients: Vec<_> = (0..4).map(|_| TusClient::new(&chat, Content::random(24 << 20))).collect();
    let [first, second, third, fourth] = &mut clients[..] else { unreachable!("there are four") };
    let uploads = async { tokio::join!(first.insist(), second.insist(), third.insist(), fourth.insist()) };
    let kills = async {
        dies(&chat, "append.recorded").await;
        for step in ["append.written:4", "finalize.committed:2"] {
            if chat.server.try_restart_with(Setup::default().crash_at(step)).await.is_ok() {
                dies(&chat, step).await;
            }
        }
        chat.server.restart_with(Setup::default()).await;
    };
    tokio::join!(uploads, kills);
    let mut expected: Vec<_> = clients.iter().map(|client| client.content.sha256()).collect();
    let mut stored = Vec::new();
    for message in chat.messages().await {
        stored.push(chat.media_digest(&message).await.1);
    }
    expected.sort();
    stored.sort();
    assert_eq!(stored, expected);
    chat.check_folders().await;
}

/// A usual tus client: it asks for the offset and sends the rest.
struct TusClient<'a> {
    chat: &'a Chat,
    content: Content,
    id: String,
    location: Option<String>,
}

impl<'a> TusClient<'a> {
    fn new(chat: &'a Chat, content: Content) -> Self {
        let id = format!("client-{}", harness::chat::conversation_id());
        Self { chat, content, id, location: None }
    }

    fn location(&self) -> String {
        self.location.clone().expect("the creation was answered")
    }

    /// Creates the upload if it is not there, asks for its offset and sends the rest; an error if the server
    /// is away or busy.
    async fn drive(&mut self) -> io::Result<()> {
        if self.location.is_none() {
            let answer = answered(self.creation(), 201).await?;
            self.location = Some(answer.expect("Location").to_owned());
        }
        let location = self.location();
        let head = tus::request(self.chat, &self.chat.alice, "HEAD", &location);
        let offset = answered(head, 200).await?.number("Upload-Offset");
        if offset == self.content.len() {
            return Ok(());
        }
        let rest = self.content.slice(offset..self.content.len());
        let patch = tus::patch(self.chat, &self.chat.alice, &location, offset).body(rest);
        let end = answered(patch, 204).await?.number("Upload-Offset");
        assert_eq!(end, self.content.len());
        Ok(())
    }

    /// Repeats [`TusClient::drive`] until the upload is complete, whatever happens to the server.
    async fn insist(&mut self) {
        wait::until_true("the upload is complete", async || self.drive().await.is_ok()).await;
    }

    fn creation(&self) -> Request {
        let pairs = [("filename", "killed.mp4"), ("client_message_id", &self.id)];
        tus::creation_in_chat(self.chat, self.content.len()).header("Upload-Metadata", tus::metadata(&pairs))
    }
}

/// Sends a request. An answer that the server is starting or finalizing is an error, after which a client
/// tries again.
async fn answered(request: Request, status: u16) -> io::Result<Response> {
    let answer = request.try_send().await?;
    match answer.status {
        423 | 503 => Err(io::ErrorKind::ResourceBusy.into()),
        _ => Ok(answer.expecting(status)),
    }
}

/// Checks that HEAD and a repeated PATCH both tell the only message, and returns it.
async fn is_told(chat: &Chat, client: &TusClient<'_>) -> Value {
    let location = client.location();
    let message = chat.only_message().await;
    let head = tus::head(chat, &location).await.expecting(200);
    let patch = tus::append(chat, &location, client.content.len(), b"").await.expecting(204);
    for answer in [head, patch] {
        assert_eq!(answer.number("Upload-Offset"), client.content.len());
        tells(&answer, &message);
    }
    message
}

fn tells(answer: &Response, message: &Value) {
    assert_eq!(answer.expect("Chat-Message-Id"), message["_id"].as_str().expect("an id is text"));
    assert!(!answer.expect("Chat-Message-Url").is_empty());
    assert!(["committed", "published"].contains(&answer.expect("Chat-Upload-State")), "{answer:?}");
}

async fn dies(chat: &Chat, step: &str) {
    let status = chat.server.ended(wait::BOUND).await;
    assert_eq!(status.signal(), Some(9), "the server reached {step} and killed itself");
}

/// Waits until the client has reconnected.
async fn is_back(socket: &Script) {
    wait::until_true("the socket is connected again", async || socket.all("connect").len() >= 2).await;
}

fn told_of_nothing_else(member: &Script, message: &Value) {
    for told in member.all("new_message") {
        assert_eq!(told["_id"], message["_id"]);
    }
}

async fn is_before(step: &str, other: &str) -> bool {
    let steps = steps_of_an_upload().await;
    let position = |step: &str| steps.iter().position(|known| known == step).expect("the step is known");
    position(step) < position(other)
}

fn one_shot(chat: &Chat, content: &[u8]) -> Request {
    let form = Form::of("killed.mp4", content, &chat.conversation).field("client_message_id", "one-shot-1");
    form.into_request(chat.one_shot(&chat.alice))
}

fn socket_send(chat: &Chat, attempt: &str) -> Value {
    json!({
        "emit": "send_message",
        "ack": attempt,
        "file": chat.server.scratch("sent.jpg"),
        "data": {
            "conversation_id": chat.conversation,
            "content": "by socket",
            "type": "image",
            "file_name": "sent.jpg",
            "reply_to": null,
            "client_message_id": "socket-1",
        },
    })
}
