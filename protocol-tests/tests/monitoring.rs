//! The metrics that the dashboard, the alerts and the documentation name all exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use harness::chat::Chat;
use harness::{tus, wait};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/monitoring");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/docs/operation.md");

/// The metrics of a server that has done a little of everything that is counted.
async fn metrics_of(chat: &Chat) -> String {
    chat.post("a.txt", b"a").await;
    let location = tus::create(chat, 3, &[]).await;
    tus::append(chat, &location, 0, b"abc").await.expecting(204);
    wait::until("a message is announced", async || {
        let text = chat.server.request("GET", "/metrics").send().await.expecting(200).text();
        (!text.contains("longhaul_messages_published_total 0\n")).then_some(text)
    })
    .await
}

/// The series that a server has only if it uses other servers.
const OF_NODES: [&str; 1] = ["longhaul_dependency_up"];

/// Every name of a metric in a text.
fn names_in(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let starts = text.match_indices("longhaul_").map(|(at, _)| &text[at..]);
    starts.map(|rest| rest.split(|c| !is_part(c)).next().expect("its own name")).collect()
}

/// The names of all series in `/metrics`.
fn series_of(metrics: &str) -> BTreeSet<&str> {
    let series = metrics.lines().filter(|line| !line.starts_with('#'));
    series.map(|line| line.split(['{', ' ']).next().expect("a name")).collect()
}

/// The labels that a query selects, as in `{route="/files"}`.
fn labels_in(query: &str) -> Vec<&str> {
    query
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .flat_map(|all| all.split(','))
        .collect()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a file of the source")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_dashboard_and_the_alerts_exists() {
    let chat = Chat::start().await;
    let metrics = metrics_of(&chat).await;
    let mut series = series_of(&metrics);
    series.extend(OF_NODES);
    for file in ["dashboard.json", "alerts.yml"] {
        let text = read(Path::new(FOLDER).join(file)).replace("\\\"", "\"");
        let asked_for = names_in(&text);
        assert!(asked_for.len() > 7, "{file}: {asked_for:?}");
        let unknown: Vec<_> = asked_for.difference(&series).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
        for label in labels_in(&text).into_iter().filter(|label| label.contains('=')) {
            let name = label.split(['=', '!']).next().expect("a name").trim();
            let is_ours = metrics.contains(&format!("{name}=\""));
            assert!(is_ours || ["instance", "job", "severity"].contains(&name), "{file}: the label {label}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented() {
    let chat = Chat::start().await;
    let metrics = metrics_of(&chat).await;
    let document = read(DOCUMENT);
    for name in series_of(&metrics) {
        let name = name.strip_prefix("longhaul_").unwrap_or_else(|| panic!("{name} is not named after us"));
        let base =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(document.contains(&format!("`{base}`")), "{base}");
    }
}

/// Requests to unknown routes make no new series.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_make_no_labels() {
    let chat = Chat::start().await;
    for path in ["/secret/a", "/files/secret", "/messages/secret", "/secret"] {
        chat.server.request("GET", path).send().await;
    }
    let metrics = metrics_of(&chat).await;
    assert!(!metrics.contains("secret"), "{metrics}");
    assert!(metrics.contains("route=\"other\""), "{metrics}");
    assert!(metrics.contains("route=\"/files/{upload_id}\""), "{metrics}");
}
