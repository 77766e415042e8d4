//! schemathesis reads `/openapi.json`, makes requests of every kind, and checks the answers against it. The
//! requests are the same each time.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use harness::chat::Chat;
use harness::left_out::left_out;
use harness::note::note;
use harness::token::Token;
use harness::{tus, wait};
use serde_json::{Value, json};
use tokio::process::Command;

/// The checks about the description. The others judge what a server should do beyond it, such as refusing
/// every unknown key.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
     response_schema_conformance,response_headers_conformance";
/// How many random examples each operation gets, besides values at the bounds of every parameter.
const EXAMPLES: u32 = 12;
/// How long schemathesis may take: several times what it needs.
const BOUND: Duration = Duration::from_secs(300);

/// The ids of existing resources, so that not every answer is 404.
async fn known(chat: &Chat) -> Value {
    let message = chat.post("a.txt", b"hello").await;
    let mut uploads = Vec::new();
    for _ in 0..8 {
        let location = tus::create_unbound(chat, 5).await;
        tus::append(chat, &location, 0, b"he").await.expecting(204);
        uploads.push(tus::id_of(&location).to_owned());
    }
    for _ in 0..4 {
        let location = tus::create_unbound(chat, 5).await;
        tus::append(chat, &location, 0, b"hello").await.expecting(204);
        uploads.push(tus::id_of(&location).to_owned());
    }
    json!({
        "conversation_id": [chat.conversation], "message_id": [message["_id"]], "before": [message["_id"]],
        "after": [message["_id"]], "reply_to": [message["_id"]], "upload_id": uploads, "filename": "a.txt",
    })
}

async fn schemathesis(chat: &Chat, description: &str) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let token = Token::of(&chat.alice.name).with("scope", "chat admin").mint();
    let run = Command::new(folder.join("../target/python/bin/schemathesis"))
        .args(["run", description, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--url", &chat.server.url(), "--header", &format!("Authorization: Bearer {token}")])
        .args([
            "--max-examples",
            &EXAMPLES.to_string(),
            "--generation-deterministic",
            "--continue-on-failure",
        ])
        .args(["--no-color", "--warnings", "off"])
        .envs([("SCHEMATHESIS_HOOKS", "openapi_hooks"), ("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")])
        .env("KNOWN", known(chat).await.to_string())
        .env("PYTHONPATH", folder.join("clients"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(chat.server.scratch(""))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    wait::within(BOUND, "schemathesis ends", run)
        .await
        .expect("schemathesis can be started: protocol-tests/run")
}

fn told(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    out + &err
}

#[tokio::test]
async fn every_answer_is_as_it_is_described() {
    if left_out("python") {
        return;
    }
    let chat = Chat::start().await;
    let output = schemathesis(&chat, &format!("{}/openapi.json", chat.server.url())).await;
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    note(format_args!("{}", told.lines().find(|line| line.contains("generated")).unwrap_or_default().trim()));
}

/// A description that leaves something out fails, which shows that schemathesis compares answers.
#[tokio::test]
async fn an_answer_that_is_not_described_is_found() {
    if left_out("python") {
        return;
    }
    let chat = Chat::start().await;
    let mut description = chat.server.request("GET", "/openapi.json").send().await.json();
    let paths = description["paths"].as_object_mut().expect("paths");
    paths.retain(|path, _| path == "/messages/{message_id}");
    paths["/messages/{message_id}"]["get"]["responses"].as_object_mut().expect("responses").remove("400");
    let file = chat.server.scratch("openapi.json");
    std::fs::write(&file, description.to_string()).expect("the file is ours");
    let output = schemathesis(&chat, &file.display().to_string()).await;
    assert!(
        !output.status.success() && told(&output).contains("Undocumented status code"),
        "{}",
        told(&output)
    );
}
