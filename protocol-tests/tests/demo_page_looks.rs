//! The looks of the demo's page, and its use by keyboard and screen reader: every state, light and dark, on a
//! wide screen and on a phone.

use harness::left_out::left_out;
use harness::person::Person;
use harness::server::{Server, Setup};
use serde_json::{Value, json};

const LARGE: u64 = 12_000_000;
/// How much the layout may shift. Chromium calls less than 0.1 good; here nothing has to move at all.
const MOST_JUMPS: f64 = 0.02;
/// How many announcements a screen reader gets at most: those of the beginning and of the message, and two
/// for each tunnel.
const MOST_TOLD: usize = 5;

async fn in_front_of(server: &Server) -> Person {
    let mut person = Person::in_front_of(server, "chromium", None);
    let file = person.path("a-file-with-quite-a-long-name-from-some-camera-20261129.bin");
    person.does(json!({"do": "file", "file": file, "size": LARGE})).await;
    person.does(json!({"do": "film", "file": person.path("holiday.webm"), "secs": 8})).await;
    person.does(json!({"do": "picture", "file": person.path("hills.png")})).await;
    person.does(json!({"do": "open"})).await;
    person
}

async fn chooses(person: &mut Person, name: &str) {
    let file = person.path(name);
    person.does(json!({"do": "choose", "side": "left", "files": [file]})).await;
}

/// Checks the page in light and dark, on a wide screen and on a phone.
async fn is_fine(person: &mut Person, state: &str) {
    for (width, dark) in [(1440, false), (1440, true), (390, false), (390, true)] {
        // Motion is off, so that no animation is looked at half way.
        person.does(json!({"do": "dress", "width": width, "dark": dark, "still": true})).await;
        let colours = if dark { "dark" } else { "light" };
        let faults = person.tells("faults", json!({"do": "looks"})).await;
        person.shoots(&format!("demo-{state}-{width}-{colours}")).await;
        assert_eq!(faults, json!([]), "{state}, {width} pixels, {colours}");
    }
    person.does(json!({"do": "dress", "width": 1440})).await;
}

/// Looks at the page with two uploads under way, and with one of them paused.
async fn is_fine_while_it_sends(person: &mut Person) {
    person.does(json!({"do": "line", "mode": "slow"})).await;
    chooses(person, "holiday.webm").await;
    chooses(person, "a-file-with-quite-a-long-name-from-some-camera-20261129.bin").await;
    person
        .sees_that("both are under way", |seen| {
            seen["sendings"]
                .as_array()
                .is_some_and(|all| all.len() == 2 && all.iter().all(|one| one["state"] != ""))
        })
        .await;
    is_fine(person, "chosen").await;
    person
        .does(json!({"do": "say", "side": "left", "text": "Look at this, from the train, before the tunnel"}))
        .await;
    person.does(json!({"do": "press", "text": "Pause"})).await;
    person.sees_that("one pauses", |seen| seen["sendings"].to_string().contains("paused")).await;
    person.sees_that("Bob is told", |seen| !seen["others"].to_string().contains("[]")).await;
    is_fine(person, "paused").await;
}

/// Looks at the page in a tunnel and without a server, and lets both uploads end.
async fn is_fine_while_it_waits(person: &mut Person, server: &Server) {
    person.does(json!({"do": "plug"})).await;
    person.sees_that("one waits", |seen| seen["sendings"].to_string().contains("waits for the line")).await;
    is_fine(person, "tunnel").await;
    person.does(json!({"do": "plug"})).await;
    server.kill().await;
    person.sees_that("the server is away", |seen| seen["isAway"] == true).await;
    is_fine(person, "away").await;
    server.restart().await;
    person.does(json!({"do": "line", "mode": "cable"})).await;
    person.does(json!({"do": "press", "text": "Go on"})).await;
    person.sees_that("both are made", |seen| seen["truth"]["made"] == 2).await;
}

async fn is_fine_with_a_refusal(person: &mut Person) {
    person.does(json!({"do": "way", "side": "left", "way": "legacy"})).await;
    chooses(person, "a-file-with-quite-a-long-name-from-some-camera-20261129.bin").await;
    person.sees_that("it is refused", |seen| seen["sendings"].to_string().contains("small images")).await;
    is_fine(person, "error").await;
    person.does(json!({"do": "press", "text": "Cancel"})).await;
    person.does(json!({"do": "way", "side": "left", "way": "tus"})).await;
}

#[tokio::test]
async fn nothing_is_wrong_with_any_state_of_the_page() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    is_fine(&mut person, "empty").await;
    let places = person.sees().await["places"].clone();
    is_fine_while_it_sends(&mut person).await;
    is_fine_while_it_waits(&mut person, &server).await;
    is_fine_with_a_refusal(&mut person).await;
    chooses(&mut person, "hills.png").await;
    person.does(json!({"do": "say", "side": "left", "text": ""})).await;
    let seen = person.sees_that("three have come", |seen| seen["media"] == json!(["video", "img"])).await;
    assert_eq!(seen["places"], places, "nothing that is always there has moved");
    let jumps = seen["jumps"].as_f64().expect("a number");
    assert!(jumps < MOST_JUMPS, "{jumps}");
    is_fine(&mut person, "messages").await;
    person.does(json!({"do": "log"})).await;
    is_fine(&mut person, "log").await;
    person.leaves().await;
}

/// Presses Tab until `name` has the focus, which must be visible at every stop; returns the names of all
/// stops.
async fn tabs_to(person: &mut Person, name: &str) -> Vec<String> {
    let mut passed = Vec::new();
    loop {
        person.does(json!({"do": "keys", "keys": ["Tab"]})).await;
        let focused = person.tells("focused", json!({"do": "focused"})).await;
        let reached = focused["name"].as_str().expect("a name").to_owned();
        assert_eq!(focused["isVisible"], true, "{reached} shows that it has the focus");
        let is_there = reached.contains(name);
        passed.push(reached);
        if is_there {
            return passed;
        }
        assert!(passed.len() < 30, "{name} cannot be reached: {passed:?}");
    }
}

#[tokio::test]
async fn everything_can_be_done_by_keyboard_and_heard() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().demo().start().await;
    let mut person = in_front_of(&server).await;
    let file = person.path("hills.png");
    let mut order = tabs_to(&mut person, "Choose files").await;
    let large = person.path("a-file-with-quite-a-long-name-from-some-camera-20261129.bin");
    person.does(json!({"do": "chooseByKey", "key": "Enter", "file": large})).await;
    person.sees_that("it is under way", |seen| seen["sendings"][0]["percent"].as_u64() > Some(5)).await;
    let focused = person.tells("focused", json!({"do": "focused"})).await;
    assert_eq!(focused["name"], "Caption", "what is chosen can be given a caption at once");
    person.does(json!({"do": "keys", "keys": ["H", "i", "Enter"]})).await;
    order.extend(tabs_to(&mut person, "Tunnel").await);
    for (key, line) in [("Space", "tunnel"), ("Space", "good"), ("Enter", "tunnel"), ("Enter", "good")] {
        person.does(json!({"do": "keys", "keys": [key]})).await;
        person.sees_that(&format!("{key} makes it {line}"), |seen| seen["line"] == line).await;
    }
    order.extend(tabs_to(&mut person, "good").await);
    person.does(json!({"do": "keys", "keys": ["ArrowDown", "ArrowDown", "ArrowDown"]})).await;
    person.sees_that("the line is a cable", |seen| seen["line"] == "cable").await;
    order.extend(tabs_to(&mut person, "What goes over the wire").await);
    person.does(json!({"do": "keys", "keys": ["Enter"]})).await;
    order.extend(tabs_to(&mut person, "Requests").await);
    let at = |name: &str| {
        order.iter().position(|one| one.contains(name)).unwrap_or_else(|| panic!("{name}: {order:?}"))
    };
    let names =
        ["Make one", "Drop a film", "Choose files", "Send", "Tunnel", "good", "Count anew", "What goes"];
    assert!(names.map(at).is_sorted(), "in the order in which it is seen: {order:?}");
    let seen = person.sees_that("it is there", |seen| seen["messages"] == json!(["Hi"])).await;
    let told: Vec<_> = seen["told"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(told.iter().any(|text| text.starts_with("Alice sends a-file-")), "{told:?}");
    assert!(told.contains(&"Bob has a message from Alice: Hi"), "{told:?}");
    // The tunnel was entered and left twice, with two announcements each time.
    assert!(told.len() <= MOST_TOLD + 2, "it chatters: {told:#?}");
    tabs_to(&mut person, "Choose files").await;
    person.does(json!({"do": "chooseByKey", "key": "Space", "file": file})).await;
    person
        .sees_that("a space opens it as well", |seen| seen["sendings"].to_string().contains("hills.png"))
        .await;
    person.leaves().await;
}
