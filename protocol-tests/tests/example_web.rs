//! `examples/web` in Chromium, built as its README says and served by the server: two users and a bad line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use harness::heavy::alone;
use harness::left_out::left_out;
use harness::multipart::Form;
use harness::note::note;
use harness::proxy::{Conditions, Cut, Proxy, Step};
use harness::script::Script;
use harness::server::{Server, Setup};
use harness::wait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const MB: u64 = 1_000_000;
/// The bandwidth of the line: slow enough to do something meanwhile.
const BYTES_PER_SEC: u64 = 2 * MB;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web")
}

/// Builds the example with `npm run build` into a folder of the test.
fn build(into: &Path) {
    let example = example();
    assert!(
        example.join("node_modules").exists(),
        "the packages of examples/web are missing: start the tests with protocol-tests/run"
    );
    let mut npm = Command::new("npm");
    npm.args(["run", "build", "--", "--outDir"]).arg(into).arg("--emptyOutDir").current_dir(example);
    let built = npm.output().expect("npm can be started");
    let text = [built.stdout, built.stderr].concat();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&text));
}

/// A server that serves the example, and a browser with a tab for each user.
struct Stage {
    server: Server,
    browser: Script,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        let dist = folder.path().join("dist");
        build(&dist);
        let dist = dist.to_str().expect("its name is UTF-8");
        let server = Setup::default().demo().setting("--web", dist).start().await;
        let browser = Script::start("example-web", &json!({"profile": folder.path().join("profile")}));
        Self { server, browser, folder }
    }

    async fn does(&mut self, order: Value) {
        self.browser.order(&order).await;
        let faults = || self.browser.all("error");
        wait::until_true(&format!("{order} is done, or {:?}", faults()), async || {
            self.browser.all("done").contains(&order) || !faults().is_empty()
        })
        .await;
        assert!(faults().is_empty(), "{order}: {:?}", faults());
    }

    /// Looks at a tab until `pleases` holds.
    async fn sees(&mut self, tab: &str, what: &str, pleases: impl Fn(&Value) -> bool) {
        let mut last = Value::Null;
        wait::until(&format!("{tab} sees that {what}"), async || {
            self.browser.order(&json!({"do": "look", "tab": tab})).await;
            let seen = self.browser.saw("seen").await;
            self.has_no_fault();
            self.browser.forget();
            if pleases(&seen) {
                return Some(());
            }
            if seen != last {
                note(format_args!("{tab}: {seen}"));
                last = seen;
            }
            None
        })
        .await;
    }

    async fn plays(&mut self, tab: &str) -> Value {
        self.does(json!({"do": "play", "tab": tab})).await;
        let played = self.browser.saw("played").await;
        assert_eq!(played["films"], 1, "{played}");
        assert!(played["src"].as_str().is_some_and(|src| src.contains("sig=")), "{played}");
        self.browser.forget();
        played
    }

    fn has_no_fault(&self) {
        assert_eq!(self.browser.all("fault"), [] as [Value; 0]);
    }

    async fn asks(&self, path: &str) -> Value {
        let (_, token) = self.first_person().await;
        self.server.request("GET", path).bearer(&token).send().await.expecting(200).json()
    }

    /// The demo's conversation, and the first user's token.
    async fn first_person(&self) -> (String, String) {
        let demo = self.server.request("GET", "/demo.json").send().await.expecting(200).json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&demo["conversation"]), text(&demo["people"][0]["token"]))
    }

    async fn messages(&self) -> Vec<Value> {
        let (conversation, _) = self.first_person().await;
        let page = self.asks(&format!("/conversations/{conversation}/messages")).await;
        page["messages"].as_array().expect("a list").clone()
    }

    /// Waits until the server has recorded this many bytes of the upload.
    async fn recorded(&self, least: u64) {
        wait::until_true(&format!("{least} bytes are there"), async || {
            let list = self.asks("/files").await;
            list["uploads"][0]["offset"].as_u64().is_some_and(|offset| offset >= least)
        })
        .await;
    }

    /// Makes a film of some megabytes; returns its path and its size.
    async fn film(&mut self) -> (String, u64) {
        let file = self.folder.path().join("film.webm").display().to_string();
        self.does(json!({"do": "film", "file": file, "secs": 60})).await;
        let size = fs::metadata(&file).expect("it was made").len();
        assert!(size > 9 * MB, "it has {size} bytes");
        (file, size)
    }

    async fn end(mut self) {
        self.has_no_fault();
        assert!(self.browser.end().await.success());
    }
}

/// Checks that the server has one message with the bytes of this film, and received each of them once.
async fn has_arrived_once(stage: &Stage, film: &str, size: u64) {
    let messages = stage.messages().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    let (_, token) = stage.first_person().await;
    let media = messages[0]["media_url"].as_str().expect("a path");
    let stored = stage.server.request("GET", media).bearer(&token).send().await.expecting(200);
    assert!(stored.body == fs::read(film).expect("a file of ours"), "the bytes are the same");
    assert_eq!(stage.asks("/files").await["uploads"], json!([]), "nothing was begun twice");
    let metrics = stage.server.request("GET", "/metrics").send().await.text();
    for (name, expected) in [("uploads_created", 1), ("bytes_received", size), ("messages_made", 1)] {
        let line = format!("longhaul_{name}_total {expected}");
        assert!(metrics.lines().any(|told| told == line), "not so: {line}\n{metrics}");
    }
}

/// Sends a film with this library from one tab to another one, over a line that is cut once.
async fn a_film_arrives_once_with(uploader: &str) {
    let mut stage = Stage::set().await;
    let (film, size) = stage.film().await;
    let up = vec![(3 * MB, Step::Cut(Cut::Reset))];
    let conditions = Conditions { up, up_bytes_per_sec: Some(BYTES_PER_SEC), ..Conditions::default() };
    let line = Proxy::under(stage.server.address(), conditions).await;
    let alice = format!("{}/?me=Alice&uploader={uploader}", line.url());
    let bob = format!("{}/?me=Bob", stage.server.url());
    stage.does(json!({"do": "open", "tab": "Alice", "url": alice})).await;
    stage.does(json!({"do": "open", "tab": "Bob", "url": bob})).await;
    stage.does(json!({"do": "send", "tab": "Alice", "file": film, "caption": "Look"})).await;
    stage
        .sees("Bob", "Alice is sending", |seen| {
            seen["live"].to_string().contains("Alice is sending film.webm")
        })
        .await;
    stage.recorded(5 * MB).await;
    shots(&mut stage, "under-way").await;
    stage.does(json!({"do": "reload", "tab": "Alice"})).await;
    for tab in ["Alice", "Bob"] {
        stage
            .sees(tab, "the film is there", |seen| {
                let nothing_else = ["sendings", "live"].iter().all(|key| seen[key] == json!([]));
                seen["messages"] == json!(["Look"]) && nothing_else
            })
            .await;
    }
    has_arrived_once(&stage, &film, size).await;
    stage.does(json!({"do": "audit", "tab": "Bob"})).await;
    stage.plays("Bob").await;
    shots(&mut stage, "sent").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_arrives_once_over_a_line_that_is_cut_and_a_page_that_is_loaded_again() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    for uploader in ["tus", "uppy"] {
        note(uploader);
        a_film_arrives_once_with(uploader).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tab_goes_on_when_the_one_that_sends_is_closed() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    let mut stage = Stage::set().await;
    let (film, _) = stage.film().await;
    let conditions = Conditions { up_bytes_per_sec: Some(BYTES_PER_SEC), ..Conditions::default() };
    let line = Proxy::under(stage.server.address(), conditions).await;
    let alice = format!("{}/?me=Alice", line.url());
    for tab in ["first", "second"] {
        stage.does(json!({"do": "open", "tab": tab, "url": alice})).await;
    }
    stage.does(json!({"do": "send", "tab": "first", "file": film, "caption": "Look"})).await;
    stage.recorded(MB).await;
    stage
        .sees("second", "the first one sends", |seen| {
            seen["sendings"] == json!([]) && seen["live"].to_string().contains("sending film.webm elsewhere")
        })
        .await;
    stage.does(json!({"do": "close", "tab": "first"})).await;
    stage.sees("second", "the film is there", |seen| seen["messages"] == json!(["Look"])).await;
    assert_eq!(stage.messages().await.len(), 1);
    assert_eq!(stage.asks("/files").await["uploads"], json!([]), "nothing was begun twice");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_whose_link_is_over_gets_another_and_plays() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    let mut stage = Stage::set().await;
    let (film, _) = stage.film().await;
    let alice = format!("{}/?me=Alice", stage.server.url());
    stage.does(json!({"do": "open", "tab": "Alice", "url": alice})).await;
    stage.does(json!({"do": "send", "tab": "Alice", "file": film, "caption": "Look"})).await;
    stage.sees("Alice", "the film is there", |seen| seen["messages"] == json!(["Look"])).await;
    stage.plays("Alice").await;
    stage.has_no_fault();
    stage.does(json!({"do": "breakLink", "tab": "Alice"})).await;
    let played = stage.plays("Alice").await;
    assert!(!played["src"].to_string().contains("sig=over"), "{played}");
    assert!(stage.browser.end().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_while_the_line_was_away_is_there_when_it_is_back() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    let mut stage = Stage::set().await;
    let line = Proxy::start(stage.server.address(), Vec::new()).await;
    let bob = format!("{}/?me=Bob", line.url());
    stage.does(json!({"do": "open", "tab": "Bob", "url": bob})).await;
    send_small(&stage, "before").await;
    stage.sees("Bob", "it came", |seen| seen["messages"] == json!(["before"])).await;
    let address = line.address();
    drop(line);
    stage.sees("Bob", "the line is away", |seen| seen["state"] == "Connecting …").await;
    send_small(&stage, "meanwhile").await;
    send_small(&stage, "later").await;
    let listener = TcpListener::bind(address).await.expect("its port is free again");
    let _line = Proxy::on(listener, stage.server.address(), Conditions::default());
    stage
        .sees("Bob", "nothing is missing", |seen| seen["messages"] == json!(["before", "meanwhile", "later"]))
        .await;
    stage.end().await;
}

/// Sends a small file of the first user in one multipart request.
async fn send_small(stage: &Stage, caption: &str) {
    let (conversation, token) = stage.first_person().await;
    let form = Form::of("note.txt", caption.as_bytes(), &conversation).field("content", caption);
    let request = stage.server.request("POST", "/messages/upload").bearer(&token);
    form.into_request(request).send().await.expecting(200);
}

/// Takes pictures of both tabs for a person to look at, if `LONGHAUL_SHOTS` names a folder.
async fn shots(stage: &mut Stage, when: &str) {
    let Some(folder) = env::var_os("LONGHAUL_SHOTS") else { return };
    for tab in ["Alice", "Bob"] {
        for (width, dark) in [(390, false), (390, true), (1440, true), (1440, false)] {
            let name = format!("web-{when}-{tab}-{width}-{}.png", if dark { "dark" } else { "light" });
            let file = Path::new(&folder).join(name);
            stage.does(json!({"do": "shoot", "tab": tab, "file": file, "width": width, "dark": dark})).await;
        }
    }
}
