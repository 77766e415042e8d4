//! The page of the demo: a film that is sent while everything is cut, closed, killed and started again.

use std::fs;

use harness::heavy::alone;
use harness::left_out::left_out;
use harness::note::note;
use harness::person::Person;
use harness::server::{Server, Setup};
use harness::wait;
use serde_json::{Value, json};

/// The length of a film of more than [`FILM`] bytes.
const SECONDS: u64 = 290;
const FILM: u64 = 50_000_000;
/// The browser's bandwidth: a film takes some seconds even where the page does not slow it down.
const BYTES_PER_SECOND: u64 = 5_000_000;
/// How many bytes a cut of the line may cost: those in the browser's pipe to its network process, which count
/// as sent.
const WRITE_BUFFER: u64 = 512 * 1024;

/// The conversation of the demo's users, and the first user's token.
async fn people(server: &Server) -> (String, String) {
    let people = server.request("GET", "/demo.json").send().await.expecting(200).json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&people["conversation"]), text(&people["people"][0]["token"]))
}

async fn messages(server: &Server) -> Vec<Value> {
    let (conversation, token) = people(server).await;
    let list = server.request("GET", &format!("/conversations/{conversation}/messages")).bearer(&token);
    list.send().await.expecting(200).json()["messages"].as_array().expect("a list").clone()
}

/// How many bytes of the first user's only upload the server has recorded, if there is one.
async fn offset(server: &Server) -> Option<u64> {
    let (_, token) = people(server).await;
    let list = server.request("GET", "/files").bearer(&token).send().await.expecting(200).json();
    let uploads = list["uploads"].as_array().expect("a list");
    uploads.first().map(|upload| upload["offset"].as_u64().expect("a number"))
}

/// Waits until the server has recorded this many bytes of the upload.
async fn recorded(server: &Server, least: u64) {
    wait::until_true(&format!("{least} bytes are there"), async || {
        offset(server).await.is_some_and(|offset| offset >= least)
    })
    .await;
}

async fn is_the_file(server: &Server, message: &Value, file: &str) -> bool {
    let (_, token) = people(server).await;
    let media = server.request("GET", message["media_url"].as_str().expect("a path")).bearer(&token);
    media.send().await.expecting(200).body == fs::read(file).expect("a file of ours")
}

/// How many bytes were sent twice so far: at most a buffer more than `before`.
async fn twice(person: &mut Person, before: u64) -> u64 {
    let twice = person.sees().await["truth"]["twice"].as_u64().expect("a number");
    assert!(twice - before <= WRITE_BUFFER, "{} bytes in one cut", twice - before);
    twice
}

/// Opens two windows, the second one for the other user.
async fn opens_both(person: &mut Person) {
    person.does(json!({"do": "open", "window": "other", "of": "bob"})).await;
    person.does(json!({"do": "open"})).await;
}

/// Makes a film and sends it over a line of this mode, with both ends in view.
async fn begins_a_film(person: &mut Person, server: &Server, file: &str, mode: &str) {
    person.does(json!({"do": "film", "file": file, "secs": SECONDS})).await;
    assert!(fs::metadata(file).expect("a film").len() > FILM);
    opens_both(person).await;
    person.does(json!({"do": "line", "mode": mode})).await;
    person.does(json!({"do": "choose", "side": "left", "files": [file]})).await;
    recorded(server, 2_000_000).await;
    note("the caption comes while the bytes flow");
    person.does(json!({"do": "say", "side": "left", "text": "Look at this"})).await;
}

/// Pulls the plug twice; answers how many bytes were sent twice for that.
async fn pulls_the_plug(person: &mut Person, server: &Server, browser: &str) -> u64 {
    let mut sent_twice = 0;
    for least in [8_000_000, 14_000_000] {
        recorded(server, least).await;
        sent_twice = twice(person, sent_twice).await;
        person.does(json!({"do": "plug"})).await;
        person
            .sees_that("it waits", |seen| {
                seen["line"] == "tunnel" && seen["sendings"][0]["state"] == "waits for the line"
            })
            .await;
        person.shoots(&format!("demo-film-{browser}")).await;
        person.does(json!({"do": "plug"})).await;
    }
    sent_twice
}

async fn sees_that_bob_is_told(person: &mut Person) {
    person.does(json!({"do": "use", "window": "other"})).await;
    person
        .sees_that("Bob is told", |seen| seen["others"].to_string().contains("Alice is sending holiday.webm"))
        .await;
    person.does(json!({"do": "use", "window": "first"})).await;
}

/// Ends page, tab and browser, one after the other; answers how many bytes were sent twice until then.
async fn closes_and_opens(person: &mut Person, server: &Server, mut sent_twice: u64) -> u64 {
    note("the page is loaded again, the tab is closed and opened, and then the browser");
    recorded(server, 20_000_000).await;
    sent_twice = twice(person, sent_twice).await;
    person.does(json!({"do": "reload"})).await;
    recorded(server, 25_000_000).await;
    sent_twice = twice(person, sent_twice).await;
    person.does(json!({"do": "close"})).await;
    person.does(json!({"do": "open"})).await;
    recorded(server, 30_000_000).await;
    sent_twice = twice(person, sent_twice).await;
    person.starts_the_browser_again().await;
    opens_both(person).await;
    recorded(server, 35_000_000).await;
    twice(person, sent_twice).await
}

/// Kills the server in the middle of the film, and waits for the message that the next one makes of it.
/// Beside what any cut costs, a kill may cost what the server had not recorded yet; it may cost nothing that
/// the server had told.
async fn outlives_the_server(person: &mut Person, server: &Server) {
    note("the server is killed and started again");
    let told = offset(server).await;
    server.kill().await;
    let seen = person.sees_that("the server is away", |seen| seen["isAway"] == true).await;
    let percent = seen["sendings"][0]["percent"].as_u64().expect("a number");
    assert!((50..100).contains(&percent), "it is half sent: {seen:#}");
    let lost = seen["truth"]["lost"].as_u64().expect("a number");
    server.restart().await;
    let kept = offset(server).await;
    assert!(told.is_some() && told <= kept, "{told:?} bytes were recorded, and {kept:?} are there");
    let seen = person.sees_that("it is a message", |seen| seen["truth"]["made"] == 1).await;
    assert_eq!(seen["truth"]["zero"], 1, "{seen:#}");
    assert!(seen["truth"]["lost"].as_u64() < Some(lost + 10), "what does not come up is not lost: {seen:#}");
}

/// Plays the film in the other window, and looks for its bright second half.
async fn plays_what_bob_has(person: &mut Person, server: &Server, file: &str) {
    person.does(json!({"do": "use", "window": "other"})).await;
    person.sees_that("the film is there", |seen| seen["messages"] == json!(["Look at this"])).await;
    let sent = messages(server).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(is_the_file(server, &sent[0], file).await);
    let played = person.tells("played", json!({"do": "play", "side": "right"})).await;
    let (at, duration) = (played["at"].as_f64(), played["duration"].as_f64());
    assert!(at > Some(200.0) && duration > Some(280.0), "its bright half was sought: {played}");
    assert!(played["brightness"].as_u64() > Some(150), "its bright half is seen: {played}");
    person.does(json!({"do": "use", "window": "first"})).await;
}

/// Sends a film from this browser over a line of this mode, while everything on the way is cut and killed.
async fn a_film_arrives_once(browser: &str, mode: &str) {
    if left_out(browser) {
        return;
    }
    let _alone = alone().await;
    let server = Setup::default().demo().start().await;
    let mut person = Person::in_front_of(&server, browser.trim_end_matches("-esr"), Some(BYTES_PER_SECOND));
    let file = person.path("holiday.webm");
    begins_a_film(&mut person, &server, &file, mode).await;
    let sent_twice = pulls_the_plug(&mut person, &server, browser).await;
    sees_that_bob_is_told(&mut person).await;
    let sent_twice = closes_and_opens(&mut person, &server, sent_twice).await;
    note(format_args!("{sent_twice} bytes were sent twice in five cuts"));
    outlives_the_server(&mut person, &server).await;
    plays_what_bob_has(&mut person, &server, &file).await;
    for _ in 0..2 {
        person.does(json!({"do": "plug"})).await;
    }
    assert_eq!(person.sees().await["truth"]["made"], 1, "a tunnel makes no messages");
    person.leaves().await;
}

#[tokio::test]
async fn a_film_arrives_once_whatever_is_cut_closed_and_killed() {
    // On this line each request carries all remaining bytes, and is cut in its middle.
    a_film_arrives_once("chromium", "cable").await;
}

#[tokio::test]
async fn a_film_arrives_once_in_firefox_as_well() {
    a_film_arrives_once("firefox-esr", "good").await;
}

#[tokio::test]
async fn the_next_window_goes_on_where_one_was_closed() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    let server = Setup::default().demo().start().await;
    let mut person = Person::in_front_of(&server, "chromium", None);
    let file = person.path("large.bin");
    person.does(json!({"do": "file", "file": file, "size": 15_000_000})).await;
    person.does(json!({"do": "open", "window": "second"})).await;
    person.does(json!({"do": "open"})).await;
    person.does(json!({"do": "choose", "side": "left", "files": [file]})).await;
    person.does(json!({"do": "say", "side": "left", "text": "from the first"})).await;
    recorded(&server, 1_000_000).await;
    person.does(json!({"do": "use", "window": "second"})).await;
    let seen = person
        .sees_that("another window sends", |seen| {
            seen["elsewhere"].to_string().contains("Another window is sending large.bin")
        })
        .await;
    assert_eq!(seen["sendings"], json!([]), "one window sends: {seen:#}");
    person.does(json!({"do": "use", "window": "first"})).await;
    person.does(json!({"do": "close"})).await;
    person.does(json!({"do": "use", "window": "second"})).await;
    let seen = person.sees_that("it goes on", |seen| seen["sendings"][0]["name"] == "large.bin").await;
    assert_eq!(seen["elsewhere"], json!([]), "it is shown once: {seen:#}");
    let seen = person.sees_that("it is made", |seen| seen["truth"]["made"] == 1).await;
    assert_eq!(seen["truth"]["zero"], 1, "{seen:#}");
    person.sees_that("it is there", |seen| seen["messages"] == json!(["from the first"])).await;
    assert_eq!(messages(&server).await.len(), 1);
    person.leaves().await;
}
