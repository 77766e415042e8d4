//! tus with no library for it, as scripts and backends speak it: fetch, axios and curl, each cut off in the middle.
//! Each ends by reading the message and comparing the bytes.

use std::path::Path;
use std::process::Output;

use protocol_tests::{Chat, Cut, Script, Sending, Step, left_out, note, tus, wait};
use serde_json::json;
use tokio::process::Command;

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn an_upload_by_hand_that_is_cut_off_becomes_one_message() {
    for (client, body) in [("fetch", "blob"), ("fetch", "stream"), ("axios", "stream")] {
        for cut in [Cut::Fin, Cut::Reset] {
            note(format_args!("{client} with a {body}, {cut:?}"));
            let sending = Sending::new(12 * MIB + 17, vec![(7 * MIB, Step::Cut(cut))]).await;
            let mut config = sending.config(json!({}));
            config["client"] = json!(client);
            config["body"] = json!(body);
            let script = Script::start("by-hand", &config);
            sending.check(&script).await;
            assert!(!script.all("broken").is_empty(), "it was cut off");
        }
    }
}

/// With `-T` a large body waits for `100 Continue`; from its standard input it goes in chunks.
#[tokio::test]
async fn an_upload_with_curl_that_is_cut_off_becomes_one_message() {
    if left_out("curl") {
        return;
    }
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        note(version);
        let sending = Sending::new(12 * MIB + 17, vec![(7 * MIB, Step::Cut(Cut::Reset))]).await;
        let (chat, clip) = (&sending.chat, &sending.content);
        let location = tus::create(chat, clip.len(), &[("filename", "clip.mp4")]).await;
        let url = format!("{}/files/{}", sending.proxy.url(), tus::id_of(&location));

        let broken = curl(chat, version, &url, 0, &sending.file()).await;
        assert!(!broken.status.success(), "it was cut off");
        let offset = tus::offset(chat, &location).await;
        assert!(offset > 0 && offset < clip.len(), "{offset}");
        let rest = chat.server.scratch("rest");
        std::fs::write(&rest, clip.slice(offset..clip.len())).expect("the test's folder can be written");
        let answer = curl(chat, version, &url, offset, &rest).await;
        let answer = String::from_utf8_lossy(&answer.stdout).into_owned();

        let message = chat.only_message().await;
        let id = message["_id"].as_str().expect("an id is a string");
        assert!(answer.contains(" 204") && answer.contains(id), "{answer}");
        sending.check_message(&message).await;
    }
}

/// Sends this file at this offset, and prints the head of the answer. What is left over after a cut is piped in.
async fn curl(chat: &Chat, version: &str, url: &str, offset: u64, file: &Path) -> Output {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*", version])
        .args(["-X", "PATCH", url, "-D", "-"])
        .args(["-H", &format!("Authorization: Bearer {}", chat.alice.token)])
        .args(["-H", "Tus-Resumable: 1.0.0", "-H", &format!("Upload-Offset: {offset}")])
        .args(["-H", &format!("Content-Type: {}", tus::OFFSET_OCTET_STREAM), "-T"]);
    if offset == 0 {
        command.arg(file);
    } else {
        command.arg("-").stdin(std::fs::File::open(file).expect("it was just written"));
    }
    wait::bounded("curl ends", command.output()).await.expect("curl can be started")
}

#[tokio::test]
async fn the_walk_through_with_curl_gets_to_its_end() {
    if left_out("curl") {
        return;
    }
    let chat = Chat::start().await;
    let mut walk = Command::new("bash");
    walk.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/curl.sh"))
        .env("SERVER", chat.server.url())
        .env("TOKEN", &chat.alice.token)
        .env("CONVERSATION", &chat.conversation)
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("LONGHAUL_JWT_SECRET");
    let output = wait::bounded("the walk ends", walk.output()).await.expect("bash can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("the same 3000000 bytes"), "{said}");
    let captions: Vec<_> = chat.messages().await.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(captions, ["In two pieces", "Check out this video!"]);
    chat.check_folders().await;
}
