//! tus uploads without a tus library, as scripts and backends make them: with fetch, axios and curl, each cut
//! off in the middle. Each test ends by reading the message and comparing the bytes.

use std::path::Path;
use std::process::Output;

use harness::chat::Chat;
use harness::left_out::left_out;
use harness::note::note;
use harness::proxy::{Cut, Step};
use harness::script::Script;
use harness::sending::Sending;
use harness::server::Setup;
use harness::{tus, wait};
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

/// With `-T` curl waits for `100 Continue` before a large body, and sends its standard input in chunks.
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

/// Sends this file from this offset on with curl, and returns the head of the answer. After a cut, the
/// remaining bytes are piped in.
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

/// Runs `examples/curl.sh` with these variables.
async fn walk_through(variables: &[(&str, &str)]) {
    let mut walk = Command::new("bash");
    walk.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/curl.sh"))
        .env_remove("LONGHAUL_JWT_SECRET")
        .env("NO_PROXY", "127.0.0.1")
        .envs(variables.iter().copied());
    let output = wait::bounded("the walk ends", walk.output()).await.expect("bash can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("the same 3000000 bytes"), "{said}");
}

#[tokio::test]
async fn the_walk_through_with_curl_gets_to_its_end() {
    if left_out("curl") {
        return;
    }
    let chat = Chat::start().await;
    let server = chat.server.url();
    walk_through(&[("SERVER", &server), ("TOKEN", &chat.alice.token), ("CONVERSATION", &chat.conversation)])
        .await;
    let captions: Vec<_> = chat.messages().await.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(captions, ["In two pieces", "Check out this video!"]);
    chat.check_folders().await;
    let demo = Setup::default().demo().start().await;
    walk_through(&[("SERVER", &demo.url())]).await;
}

/// `examples/resume.mjs`, unchanged: killed and started again it goes on, and once the message is there the
/// same file becomes another message.
#[tokio::test]
async fn the_example_for_node_goes_on_and_sends_a_file_again_on_purpose() {
    let sending = Sending::new(12 * MIB + 17, vec![(7 * MIB, Step::Hold)]).await;
    let chat = &sending.chat;
    let mut first = example(&sending, "first").spawn().expect("node can be started");
    sending.proxy.held().await;
    first.kill().await.expect("it can be killed");

    for (count, caption) in ["first", "second", "second"].into_iter().enumerate() {
        let output = wait::bounded("the example ends", example(&sending, caption).output()).await;
        let output = output.expect("node can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = chat.messages().await;
        assert_eq!(messages.len(), count + 1, "{messages:?}");
        assert_eq!(messages[0]["content"], caption);
        let id = messages[0]["_id"].as_str().expect("an id is text");
        assert!(String::from_utf8_lossy(&output.stdout).contains(id), "it shows the message");
        sending.check_message(&messages[0]).await;
    }
}

/// The example in a folder of its own, where it finds the packages of these tests.
fn example(sending: &Sending, caption: &str) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = sending.chat.server.scratch("example");
    std::fs::create_dir_all(&folder).expect("the test's folder can be written");
    std::fs::copy(here.join("../examples/resume.mjs"), folder.join("resume.mjs")).expect("it can be copied");
    _ = std::os::unix::fs::symlink(here.join("clients/node_modules"), folder.join("node_modules"));
    let mut node = Command::new("node");
    node.current_dir(&folder).arg("resume.mjs").arg(sending.file());
    node.args([&sending.chat.conversation, caption]);
    node.env("SERVER", sending.proxy.url()).env("TOKEN", &sending.chat.alice.token);
    node.env("NO_PROXY", "127.0.0.1").kill_on_drop(true);
    node
}
