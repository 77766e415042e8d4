//! The page of the demo: the ways to send a file, what a user can do with it on its way, and what arrives.

use harness::left_out::left_out;
use harness::person::Person;
use harness::server::{Server, Setup};
use harness::wait;
use serde_json::{Value, json};

const LARGE: u64 = 12_000_000;

async fn in_front_of(server: &Server) -> Person {
    let mut person = Person::in_front_of(server, "chromium", None);
    for (name, size) in [("large.bin", LARGE), ("small.txt", 2000)] {
        let file = person.path(name);
        person.does(json!({"do": "file", "file": file, "size": size})).await;
    }
    person.does(json!({"do": "picture", "file": person.path("hills.png")})).await;
    person.does(json!({"do": "noise", "file": person.path("noise.png")})).await;
    person.does(json!({"do": "open"})).await;
    person
}

async fn chooses(person: &mut Person, names: &[&str]) {
    let files: Vec<_> = names.iter().map(|name| person.path(name)).collect();
    person.does(json!({"do": "choose", "side": "left", "files": files})).await;
}

async fn says(person: &mut Person, text: &str) {
    person.does(json!({"do": "say", "side": "left", "text": text})).await;
}

fn state(seen: &Value) -> &str {
    seen["sendings"][0]["state"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_tunnel_ends_the_ways_that_cannot_go_on() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    let mut zero = 0;
    for (way, mode, name) in [("once", "good", "large.bin"), ("legacy", "slow", "noise.png")] {
        person.does(json!({"do": "line", "mode": mode})).await;
        person.does(json!({"do": "way", "side": "left", "way": way})).await;
        chooses(&mut person, &[name]).await;
        let seen = person.sees_that("it waits", |seen| state(seen) == "press Send").await;
        assert_eq!(seen["sendings"][0]["acts"], json!(["Cancel"]), "{way}: it cannot pause");
        says(&mut person, way).await;
        person.sees_that("it is under way", |seen| seen["sendings"][0]["percent"].as_u64() > Some(0)).await;
        person.does(json!({"do": "plug"})).await;
        let seen = person.sees_that("it failed", |seen| state(seen).contains("cannot go on")).await;
        assert_eq!(seen["sendings"][0]["acts"], json!(["Try again", "Cancel"]), "{way}");
        assert!(!seen["messages"].to_string().contains(way), "nothing got through: {seen:#}");
        person.does(json!({"do": "plug"})).await;
        person.sees_that("the line is whole", |seen| seen["line"] == mode).await;
        person.does(json!({"do": "line", "mode": "cable"})).await;
        person.does(json!({"do": "press", "text": "Try again"})).await;
        zero += 2;
        let seen = person.sees_that("it is there", |seen| seen["messages"].to_string().contains(way)).await;
        assert_eq!(seen["truth"]["zero"], zero, "{way}: it began anew");
    }
    let seen = person.sees_that("two are made", |seen| seen["truth"]["made"] == 2).await;
    assert_eq!(seen["messages"], json!(["once", "legacy"]));
    person.leaves().await;
}

#[tokio::test]
async fn a_file_can_pause_go_on_and_be_cancelled() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    chooses(&mut person, &["large.bin"]).await;
    person.sees_that("it is under way", |seen| seen["sendings"][0]["percent"].as_u64() > Some(5)).await;
    person.does(json!({"do": "press", "text": "Pause"})).await;
    person.does(json!({"do": "write", "side": "left", "text": "Almost"})).await;
    person.does(json!({"do": "reload"})).await;
    let seen = person.sees_that("it pauses still", |seen| state(seen) == "paused").await;
    assert_eq!(seen["caption"], "Almost", "what was being written is kept");
    assert!(seen["sendings"][0]["percent"].as_u64() > Some(0), "it is known how far it was: {seen:#}");
    assert_eq!(seen["sendings"][0]["acts"], json!(["Go on", "Cancel"]));
    person.does(json!({"do": "press", "text": "Go on"})).await;
    person.sees_that("it goes on", |seen| seen["sendings"][0]["percent"].as_u64() > Some(30)).await;
    // In the tunnel the page is not told of the end.
    person.does(json!({"do": "plug"})).await;
    person.does(json!({"do": "press", "text": "Cancel"})).await;
    person.sees_that("it is gone", |seen| seen["sendings"] == json!([])).await;
    person.does(json!({"do": "reload"})).await;
    let seen = person.sees_that("the tunnel is kept", |seen| seen["line"] == "tunnel").await;
    assert_eq!(seen["sendings"], json!([]));
    person.does(json!({"do": "plug"})).await;
    person
        .sees_that("the server is told", |seen| {
            seen["wire"].as_array().is_some_and(|rows| {
                rows.iter()
                    .any(|row| row.as_str().is_some_and(|row| row.contains("DELETE") && row.contains("204")))
            })
        })
        .await;
    person.does(json!({"do": "reload"})).await;
    let seen = person.sees_that("it is up", |seen| seen["wire"].to_string().contains("GET /files")).await;
    assert_eq!((&seen["sendings"], &seen["found"]), (&json!([]), &json!([])), "{seen:#}");
    person.leaves().await;
}

#[tokio::test]
async fn a_refusal_is_shown_in_the_words_of_the_server() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().setting("--max-upload-size", 1_000_000).start().await;
    let mut person = in_front_of(&server).await;
    let refused = server.request("POST", "/files").bearer(&token(&server).await);
    let refused = refused.header("Tus-Resumable", "1.0.0").header("Upload-Length", LARGE).send().await;
    let words = refused.expecting(413).json()["detail"].as_str().expect("words").to_owned();
    chooses(&mut person, &["large.bin"]).await;
    let seen = person.sees_that("it is refused", |seen| state(seen) == words).await;
    assert_eq!(seen["sendings"][0]["acts"], json!(["Try again", "Cancel"]));
    person.does(json!({"do": "press", "text": "Cancel"})).await;
    person.sees_that("it is gone", |seen| seen["sendings"] == json!([])).await;
    person.leaves().await;
}

#[tokio::test]
async fn several_files_come_by_choosing_dropping_and_pasting() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    person.does(json!({"do": "line", "mode": "cable"})).await;
    chooses(&mut person, &["small.txt", "hills.png", "large.bin"]).await;
    for (by, name) in [("drop", "dropped.txt"), ("paste", "pasted.txt")] {
        person.does(json!({"do": "hand", "by": by, "side": "left", "name": name, "text": "words"})).await;
    }
    person
        .sees_that("five are there", |seen| seen["sendings"].as_array().is_some_and(|all| all.len() == 5))
        .await;
    says(&mut person, "five files").await;
    let seen = person.sees_that("five messages are made", |seen| seen["truth"]["made"] == 5).await;
    assert_eq!(seen["messages"].to_string().matches("five files").count(), 1, "the caption goes with one");
    let seen = person
        .sees_that("all have come", |seen| seen["files"].as_array().is_some_and(|all| all.len() == 5))
        .await;
    let files = seen["files"].to_string();
    for name in
        ["small.txt2.0 kBSHA-256", "hills.png", "large.bin12.0 MBSHA-256", "dropped.txt5 bytes", "pasted.txt"]
    {
        assert!(files.contains(name), "{name}: {files}");
    }
    assert_eq!(seen["media"], json!(["img"]));
    assert_eq!(seen["truth"]["zero"], 5);
    person.leaves().await;
}

#[tokio::test]
async fn an_upload_begun_elsewhere_is_found_and_goes_on() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let token = token(&server).await;
    let mut person = Person::in_front_of(&server, "chromium", None);
    let file = person.path("report.bin");
    person.does(json!({"do": "file", "file": file, "size": 600_000})).await;
    let bytes = std::fs::read(&file).expect("a file of ours");
    let creation = server.request("POST", "/files").bearer(&token).header("Tus-Resumable", "1.0.0");
    let creation =
        creation.header("Upload-Metadata", "filename cmVwb3J0LmJpbg==").header("Upload-Length", 600_000);
    let creation =
        creation.header("Content-Type", "application/offset+octet-stream").body(bytes[..400_000].to_vec());
    creation.send().await.expecting(201);
    person.does(json!({"do": "open"})).await;
    person.sees_that("it is found", |seen| seen["found"].to_string().contains("400 kB of 600 kB")).await;
    let other = person.path("other.bin");
    person.does(json!({"do": "file", "file": other, "size": 600_000})).await;
    person.does(json!({"do": "find", "file": other})).await;
    person
        .sees_that("it has to be the same", |seen| seen["found"].to_string().contains("another file"))
        .await;
    person.does(json!({"do": "find", "file": file})).await;
    says(&mut person, "the rest").await;
    let seen = person.sees_that("it is there", |seen| seen["messages"] == json!(["the rest"])).await;
    assert_eq!(seen["truth"]["zero"], 0, "it went on: {seen:#}");
    person.leaves().await;
}

#[tokio::test]
async fn a_page_outlives_the_data_of_its_server() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    chooses(&mut person, &["large.bin"]).await;
    says(&mut person, "twice").await;
    person.sees_that("it is under way", |seen| seen["sendings"][0]["percent"].as_u64() > Some(20)).await;
    server.kill().await;
    std::fs::remove_dir_all(server.folder().path()).expect("a folder of the server");
    server.restart().await;
    let seen = person.sees_that("it is there", |seen| seen["messages"] == json!(["twice"])).await;
    assert_eq!(seen["truth"]["zero"], 2, "all of it had to be sent again: {seen:#}");
    person.leaves().await;
}

#[tokio::test]
async fn a_bad_line_costs_connections_and_no_new_start() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().base_path("/chat").demo().start().await;
    let mut person = in_front_of(&server).await;
    person.does(json!({"do": "line", "mode": "bad"})).await;
    chooses(&mut person, &["large.bin"]).await;
    says(&mut person, "through").await;
    let seen = person.sees_that("it is made", |seen| seen["truth"]["made"] == 1).await;
    assert_eq!(seen["truth"]["zero"], 1, "{seen:#}");
    assert!(seen["truth"]["lost"].as_u64() > Some(2), "it died every few megabytes: {seen:#}");
    person.sees_that("it is there", |seen| seen["messages"] == json!(["through"])).await;
    person.does(json!({"do": "reload"})).await;
    let again = person.sees_that("it is there still", |seen| seen["messages"] == json!(["through"])).await;
    assert_eq!(again["truth"], seen["truth"], "what it cost is kept");
    assert_eq!(again["line"], "bad", "the line is kept");
    person.leaves().await;
}

#[tokio::test]
async fn a_film_that_is_made_here_plays_and_stops_in_a_tunnel() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    person.does(json!({"do": "line", "mode": "cable"})).await;
    person.does(json!({"do": "make"})).await;
    let seen = person.sees_that("it is sent", |seen| seen["sendings"][0]["name"] == "train.webm").await;
    assert!(seen["sendings"][0]["done"].to_string().contains("40.0 MB"), "{seen:#}");
    says(&mut person, "a train").await;
    person.sees_that("it is there", |seen| seen["messages"] == json!(["a train"])).await;
    person.does(json!({"do": "start", "side": "right"})).await;
    person.does(json!({"do": "start", "side": "left"})).await;
    person.sees_that("it plays", |seen| seen["isPlaying"] == true).await;
    person.does(json!({"do": "plug"})).await;
    person.sees_that("it stops", |seen| seen["isPlaying"] == false).await;
    person.leaves().await;
}

#[tokio::test]
async fn a_link_that_has_expired_is_renewed() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().env("LONGHAUL_MEDIA_LINK_SECS", 1).start().await;
    let mut person = in_front_of(&server).await;
    chooses(&mut person, &["small.txt"]).await;
    says(&mut person, "words").await;
    let seen = person.sees_that("it is there", |seen| seen["links"] != json!([])).await;
    let link = seen["links"][0].as_str().expect("a link").to_owned();
    wait::until_true("the link expires", async || server.request("GET", &link).send().await.status == 403)
        .await;
    person.does(json!({"do": "save", "side": "right"})).await;
    person.sees_that("it has another", |seen| seen["links"][0] != json!(link)).await;
    person.leaves().await;
}

/// The first user's token.
async fn token(server: &Server) -> String {
    let people = server.request("GET", "/demo.json").send().await.expecting(200).json();
    people["people"][0]["token"].as_str().expect("a token").to_owned()
}
