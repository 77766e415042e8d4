//! The page of the demo in Chromium: a film that is sent while everything is cut, closed, killed and started again.

use std::fs;
use std::path::Path;

use protocol_tests::{Script, Server, Setup, alone, left_out, note, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

const FILM: u64 = 50_000_000;
/// So that a film takes some seconds.
const BYTES_PER_SECOND: u64 = 5_000_000;

/// A person in front of the page.
struct Person {
    browser: Script,
    folder: TempDir,
}

impl Person {
    fn in_front_of(server: &Server, bytes_per_second: Option<u64>) -> Self {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        let config = json!({"profile": folder.path().join("profile"), "url": server.url(), "bytesPerSecond": bytes_per_second});
        Self { browser: Script::start("demo", &config), folder }
    }

    async fn does(&mut self, order: Value) {
        self.browser.order(&order).await;
        let faults = || self.browser.all("error");
        wait::until_true(&format!("{order} is done, or {:?}", faults()), async || {
            self.browser.all("done").contains(&order) || !faults().is_empty()
        })
        .await;
        assert!(faults().is_empty(), "{order}: {:?}", faults());
        self.browser.forget();
    }

    async fn sees(&mut self) -> Value {
        self.browser.order(&json!({"do": "look"})).await;
        let seen = self.browser.saw("seen").await;
        self.has_no_fault();
        self.browser.forget();
        seen
    }

    /// Looks until what is seen pleases.
    async fn sees_that(&mut self, what: &str, pleases: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        wait::until(&format!("the page shows that {what}"), async || {
            let seen = self.sees().await;
            if pleases(&seen) {
                return Some(seen);
            }
            if seen != last {
                note(format_args!("{seen}"));
                last = seen;
            }
            None
        })
        .await
    }

    fn has_no_fault(&self) {
        assert_eq!(self.browser.all("fault"), [] as [Value; 0]);
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// The people of the demo: their conversation, and the first one's token.
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

/// Waits until so many bytes of the one upload are recorded.
async fn recorded(server: &Server, least: u64) {
    let (_, token) = people(server).await;
    wait::until_true(&format!("{least} bytes are there"), async || {
        let list = server.request("GET", "/files").bearer(&token).send().await.expecting(200).json();
        list["uploads"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|upload| upload["offset"].as_u64().is_some_and(|offset| offset >= least))
    })
    .await;
}

#[tokio::test]
async fn a_film_arrives_once_whatever_is_cut_closed_and_killed() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    let server = Setup::default().demo().start().await;
    let mut person = Person::in_front_of(&server, Some(BYTES_PER_SECOND));
    let file = person.path("holiday.webm");
    person.does(json!({"do": "film", "file": file, "size": FILM})).await;
    person.does(json!({"do": "open"})).await;
    person.does(json!({"do": "choose", "side": "left", "file": file})).await;
    recorded(&server, 2_000_000).await;
    note("the caption comes while the bytes flow");
    person.does(json!({"do": "say", "side": "left", "text": "Look at this"})).await;
    person
        .sees_that("Bob is told", |seen| seen["others"].to_string().contains("Alice is sending holiday.webm"))
        .await;
    let mut least = 8_000_000;
    for _ in 0..2 {
        recorded(&server, least).await;
        least += 8_000_000;
        person.does(json!({"do": "plug"})).await;
        person
            .sees_that("it waits", |seen| seen["sendings"].to_string().contains("waits for the line"))
            .await;
        person.does(json!({"do": "plug"})).await;
    }
    recorded(&server, least).await;
    let seen = person.sees().await;
    assert_eq!(seen["truth"]["zero"], "1", "{seen:#}");
    note("the page is loaded again, and the tab is closed and opened");
    person.does(json!({"do": "reload"})).await;
    recorded(&server, least + 4_000_000).await;
    person.does(json!({"do": "close"})).await;
    person.does(json!({"do": "open"})).await;
    recorded(&server, least + 8_000_000).await;
    note("the server is killed and started again");
    server.kill().await;
    let seen = person.sees_that("the server is away", |seen| seen["isAway"] == true).await;
    assert!(seen["sendings"].to_string().contains("50.0 MB, "), "it is half sent: {seen:#}");
    assert!(!seen["sendings"].to_string().contains("100 %"), "it is half sent: {seen:#}");
    server.restart().await;
    let seen =
        person.sees_that("the film is there", |seen| seen["messages"] == json!(["Look at this"])).await;
    assert_eq!(seen["truth"]["zero"], "0", "{seen:#}");
    note(format_args!("{}", seen["truth"]));
    let sent = messages(&server).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    let (_, token) = people(&server).await;
    let media = server.request("GET", sent[0]["media_url"].as_str().expect("a path")).bearer(&token);
    assert!(media.send().await.expecting(200).body == fs::read(&file).expect("a file of ours"));
    person.does(json!({"do": "play"})).await;
    for _ in 0..2 {
        person.does(json!({"do": "plug"})).await;
    }
    assert_eq!(person.sees().await["truth"]["made"], "1", "a tunnel makes no messages");
    shots(&mut person).await;
    person.has_no_fault();
    assert!(person.browser.end().await.success());
}

/// Pictures of the page as it is, to be looked at, where a folder for them is named.
async fn shots(person: &mut Person) {
    let Some(folder) = std::env::var_os("LONGHAUL_SHOTS") else { return };
    for (width, dark) in [(1440, false), (1440, true), (390, false), (390, true)] {
        let name = format!("demo-{width}-{}.png", if dark { "dark" } else { "light" });
        let file = Path::new(&folder).join(name);
        person.does(json!({"do": "shoot", "file": file, "width": width, "dark": dark})).await;
    }
}
