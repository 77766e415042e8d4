//! Repeated `client_message_id`s: by whichever way, the same file is the same message, and another file is
//! refused without harm to the first.

use std::os::unix::process::ExitStatusExt;

use harness::chat::{Chat, check_detail};
use harness::content::{Content, sha256};
use harness::http::{Request, Response};
use harness::multipart::Form;
use harness::note::note;
use harness::server::{Setup, run_to_its_end};
use harness::{tus, wait};
use serde_json::{Value, json};

/// The size of the file: more than the server compares of an upload under way, and no round number.
const SIZE: u64 = 200_003;

const NAMED: [(&str, &str); 2] = [("filename", "clip.mp4"), ("client_message_id", "once")];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Tus,
    WithCreation,
    Final,
    OneShot,
    Socket,
}

const WAYS: [Way; 5] = [Way::Tus, Way::WithCreation, Way::Final, Way::OneShot, Way::Socket];

/// The server's word to a client: the id of its message, or why there is none.
type Told = Result<String, String>;

/// Sends a whole file by this way.
async fn send(chat: &Chat, way: Way, bytes: &[u8]) -> Told {
    match way {
        Way::Tus => {
            let creation = tus::creation_in_chat(chat, length(bytes));
            let answer = creation.header("Upload-Metadata", tus::metadata(&NAMED)).send().await;
            match answer.status {
                201 => append_all(chat, answer.expect("Location"), bytes).await,
                _ => told(&answer),
            }
        }
        Way::WithCreation => told(&with_creation(chat, bytes).send().await),
        Way::Final => {
            let answer = final_of(chat, bytes).await.send().await;
            match answer.header("Location") {
                Some(location) => wait_for_the_end(chat, location).await,
                None => told(&answer),
            }
        }
        Way::OneShot => told(&one_shot(chat, bytes).send().await),
        Way::Socket => {
            // Another file may be sent at the same time, so the name is unique.
            let file = chat.server.scratch(&sha256(bytes));
            std::fs::write(&file, bytes).expect("the test's folder can be written");
            let mut socket = chat.socket(&chat.alice).await;
            let data = json!({
                "conversation_id": chat.conversation, "type": "video", "file_name": "clip.mp4",
                "client_message_id": "once",
            });
            socket.order(&json!({"emit": "send_message", "ack": "it", "file": file, "data": data})).await;
            let answer = socket.saw("ack").await["answer"].clone();
            if answer["success"] == true {
                return Ok(text(&answer["message"]["_id"]));
            }
            let error = socket.saw("message_error").await;
            assert_eq!(error["detail"], answer["detail"]);
            assert_eq!(error["client_message_id"], "once");
            Err(text(&answer["detail"]))
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is text")).to_owned()
}

/// Sends as stock clients do: from the beginning, whatever the creation said; then from the offset that HEAD
/// tells.
async fn append_all(chat: &Chat, location: &str, bytes: &[u8]) -> Told {
    let first = tus::append(chat, location, 0, bytes).await;
    if first.status != 409 {
        return told(&first);
    }
    let head = tus::head(chat, location).await.expecting(200);
    let offset = usize::try_from(head.number("Upload-Offset")).expect("small");
    if offset == bytes.len() {
        return told(&head);
    }
    told(&tus::append(chat, location, length(&bytes[..offset]), &bytes[offset..]).await)
}

fn with_creation(chat: &Chat, bytes: &[u8]) -> Request {
    tus::creation_in_chat(chat, length(bytes))
        .header("Upload-Metadata", tus::metadata(&NAMED))
        .header("Content-Type", tus::OFFSET_OCTET_STREAM)
        .body(bytes)
}

/// Sends two parts, and returns the request that joins them.
async fn final_of(chat: &Chat, bytes: &[u8]) -> Request {
    let mut urls = Vec::new();
    for piece in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
        let part = tus::creation(chat, &chat.alice, "/files", length(piece))
            .header("Upload-Concat", "partial")
            .header("Content-Type", tus::OFFSET_OCTET_STREAM)
            .body(piece);
        urls.push(part.send().await.expecting(201).expect("Location").to_owned());
    }
    tus::request(chat, &chat.alice, "POST", &format!("/conversations/{}/files", chat.conversation))
        .header("Upload-Concat", format!("final;{}", urls.join(" ")))
        .header("Upload-Metadata", tus::metadata(&NAMED))
}

async fn wait_for_the_end(chat: &Chat, location: &str) -> Told {
    wait::until("the parts are joined", async || {
        let status = chat.status(location).await;
        match status.json()["state"].as_str() {
            Some("committed" | "published") => Some(Ok(text(&status.json()["message"]["_id"]))),
            Some("rejected") => Some(Err(text(&status.json()["detail"]))),
            _ => None,
        }
    })
    .await
}

fn one_shot(chat: &Chat, bytes: &[u8]) -> Request {
    let form = Form::of("clip.mp4", bytes, &chat.conversation);
    form.into_request(chat.one_shot(&chat.alice).header("Idempotency-Key", "once"))
}

fn told(answer: &Response) -> Told {
    match answer.status {
        200 if answer.header("Chat-Message-Id").is_none() => Ok(text(&answer.json()["message"]["_id"])),
        200 | 201 | 204 => Ok(answer.expect("Chat-Message-Id").to_owned()),
        // Of two requests that append to one upload at the same time, the newer one displaces the older.
        400 => Err(check_detail(answer, 400)),
        _ => Err(check_detail(answer, 422)),
    }
}

fn refused() -> Told {
    Err("client_message_id names another file".to_owned())
}

/// The file, and four others: with another beginning, with another end, shorter, and longer.
fn files() -> (Vec<u8>, [Vec<u8>; 4]) {
    let file = Content::random(SIZE).bytes();
    let (mut beginning, mut end) = (file.clone(), file.clone());
    beginning[0] ^= 1;
    *end.last_mut().expect("it has bytes") ^= 1;
    let shorter = file[..file.len() - 1].to_vec();
    let longer = [&file[..], b"x"].concat();
    (file, [beginning, end, shorter, longer])
}

/// Checks that this is the only message, and that it has this file.
async fn is_untouched(chat: &Chat, id: &str, file: &[u8]) {
    let message = chat.only_message().await;
    assert_eq!(message["_id"], id);
    assert!(chat.media(&message).await.body == file, "the file is the one that was sent first");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_any_two_ways_the_same_file_is_one_message_and_another_is_refused() {
    for digest in ["sha256", "off"] {
        let (file, others) = files();
        for first in WAYS {
            let chat = Chat::on(Setup::default().setting("--digest", digest)).await;
            let id = send(&chat, first, &file).await.expect("it is the first");
            for second in WAYS {
                note(format_args!("{second:?} after {first:?}, digest {digest}"));
                assert_eq!(send(&chat, second, &file).await.as_ref(), Ok(&id));
                for other in &others {
                    assert_eq!(send(&chat, second, other).await, refused(), "{} bytes", other.len());
                }
            }
            is_untouched(&chat, &id, &file).await;
            tus::end_unfinished(&chat).await;
            chat.check_folders().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_does_not_touch_an_upload_under_way() {
    let (file, [beginning, _, shorter, longer]) = files();
    let half = file.len() / 2;
    for second in WAYS {
        for other in [&beginning, &shorter, &longer] {
            note(format_args!("{second:?} of {} bytes", other.len()));
            let chat = Chat::start().await;
            let location = tus::create(&chat, SIZE, &NAMED).await;
            tus::append(&chat, &location, 0, &file[..half]).await.expecting(204);
            assert_eq!(send(&chat, second, other).await, refused());
            let rest = tus::append(&chat, &location, length(&file[..half]), &file[half..]).await;
            is_untouched(&chat, &told(&rest).expect("it goes on"), &file).await;
            tus::end_unfinished(&chat).await;
            chat.check_folders().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_files_at_the_same_time_one_is_the_message_and_the_other_is_refused() {
    let (file, [other, ..]) = files();
    for first in WAYS {
        for second in WAYS {
            note(format_args!("{first:?} and {second:?}"));
            let chat = Chat::start().await;
            let (one, two) = tokio::join!(send(&chat, first, &file), send(&chat, second, &other));
            let message = chat.only_message().await;
            let (winner, sent) = if one.is_ok() { (one.clone(), &file) } else { (two.clone(), &other) };
            assert_eq!(winner, Ok(text(&message["_id"])), "{one:?}, {two:?}");
            let displaced = || Err("A newer request for this upload took over".to_owned());
            let is_refused =
                |told: &Told| *told == refused() || appends(first) && appends(second) && *told == displaced();
            assert!(is_refused(&one) || is_refused(&two), "{one:?}, {two:?}");
            is_untouched(&chat, &text(&message["_id"]), sent).await;
        }
    }
}

/// Whether a way appends to an existing upload.
fn appends(way: Way) -> bool {
    matches!(way, Way::Tus | Way::WithCreation)
}

/// A second sending, and the steps at which the server is killed during it.
struct Kill {
    what: &'static str,
    steps: &'static [&'static str],
    is_same: bool,
}

const KILLS: [Kill; 4] = [
    Kill { what: "one-shot", steps: &["append.written", "append.synced"], is_same: false },
    Kill {
        what: "final",
        steps: &["create.recorded", "join.adopted", "join.recorded", "reject.recorded"],
        is_same: false,
    },
    Kill {
        what: "overtaken",
        steps: &["append.written", "append.synced", "append.recorded", "reject.recorded"],
        is_same: false,
    },
    Kill {
        what: "overtaken",
        steps: &["append.written", "append.synced", "append.recorded", "adopt.recorded"],
        is_same: true,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_a_second_sending_leaves_the_first_message_whole() {
    let (file, [other, ..]) = files();
    for digest in ["sha256", "off"] {
        for Kill { what, steps, is_same } in &KILLS {
            for step in *steps {
                note(format_args!("{what}, killed at {step}, digest {digest}"));
                let setup = Setup::default().setting("--digest", digest);
                let chat = Chat::on(setup.clone()).await;
                let overtaken = tus::create(&chat, SIZE, &NAMED).await;
                let id = told(&one_shot(&chat, &file).send().await).expect("it is the first");
                let sent = if *is_same { &file } else { &other };
                let again = async || match *what {
                    "one-shot" => one_shot(&chat, sent),
                    "final" => final_of(&chat, sent).await,
                    _ => tus::patch(&chat, &chat.alice, &overtaken, 0).body(sent.clone()),
                };
                // A final upload's parts are sent before the server may die.
                let request = again().await;
                chat.server.restart_with(setup.clone().crash_at(step)).await;
                _ = request.clone().try_send().await;
                let status = chat.server.ended(wait::BOUND).await;
                assert_eq!(status.signal(), Some(9), "the server reached {step} and killed itself");
                is_found_right(&chat).await;

                chat.server.restart_with(setup).await;
                let outcome = match *what {
                    "one-shot" => told(&request.send().await),
                    "final" => {
                        let answer = request.send().await;
                        match answer.header("Location") {
                            Some(location) => wait_for_the_end(&chat, location).await,
                            None => told(&answer),
                        }
                    }
                    _ => what_became_of(&chat, &overtaken, sent).await,
                };
                assert_eq!(outcome, if *is_same { Ok(id.clone()) } else { refused() });
                is_untouched(&chat, &id, &file).await;
                tus::end_unfinished(&chat).await;
                chat.check_folders().await;
            }
        }
    }
}

/// Finishes an upload after a kill, from whatever state it is in.
async fn what_became_of(chat: &Chat, location: &str, bytes: &[u8]) -> Told {
    let state = chat.status(location).await.expecting(200).json()["state"].clone();
    if state == "receiving" {
        let offset = usize::try_from(tus::offset(chat, location).await).expect("small");
        return told(&tus::append(chat, location, length(&bytes[..offset]), &bytes[offset..]).await);
    }
    wait_for_the_end(chat, location).await
}

/// Checks that `longhaul check` finds nothing wrong in the folder of a dead server.
async fn is_found_right(chat: &Chat) {
    let folder = chat.server.folder();
    let path = folder.path().to_str().expect("a path of the test's own");
    let found = run_to_its_end(&["check", "--deep", "--data-dir", path], &[]).await;
    assert!(found.status.success(), "{found}");
}

#[tokio::test]
async fn a_repeated_creation_with_bytes_is_answered_for_the_bytes_that_it_sent() {
    let (file, [_, end, ..]) = files();
    let chat = Chat::start().await;
    let id = send(&chat, Way::Tus, &file).await.expect("it is the first");
    let half = file.len() / 2;
    let first = tus::creation_in_chat(&chat, SIZE)
        .header("Upload-Metadata", tus::metadata(&NAMED))
        .header("Content-Type", tus::OFFSET_OCTET_STREAM)
        .body(&file[..half]);
    let answer = first.send().await.expecting(201);
    assert_eq!(answer.number("Upload-Offset"), length(&file[..half]));
    assert!(answer.header("Chat-Message-Id").is_none(), "the rest may be another file's");
    let location = answer.expect("Location");
    let rest = tus::append(&chat, location, length(&file[..half]), &end[half..]).await;
    assert_eq!(told(&rest), refused());
    let rest = tus::append(&chat, location, length(&file[..half]), &file[half..]).await;
    assert_eq!((told(&rest), rest.number("Upload-Offset")), (Ok(id), SIZE));
}

/// The binding is a `POST /messages` for a complete upload.
#[tokio::test]
async fn a_binding_with_a_used_id_is_told_whether_the_file_is_the_same() {
    let (file, [other, ..]) = files();
    let chat = Chat::start().await;
    let id = send(&chat, Way::OneShot, &file).await.expect("it is the first");
    for (bytes, status) in [(&file, 200), (&other, 422)] {
        let location = tus::create_unbound(&chat, SIZE).await;
        tus::append(&chat, &location, 0, bytes).await.expecting(204);
        let bind = |client_message_id: &str| {
            let body = json!({
                "upload_id": tus::id_of(&location), "conversation_id": chat.conversation,
                "client_message_id": client_message_id,
            });
            chat.request(&chat.alice, "POST", "/messages").json(&body)
        };
        let answer = bind("once").send().await;
        if status == 422 {
            assert_eq!(told(&answer), refused());
            bind("another").send().await.expecting(200);
        } else {
            assert_eq!(answer.expecting(200).json()["message"]["_id"], id.as_str());
        }
    }
    assert_eq!(chat.messages().await.len(), 2);
    chat.check_folders().await;
}
