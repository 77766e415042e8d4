//! Sendings with both versions of tus-js-client, and their configurations.

use harness::note::note;
use harness::proxy::Step;
use harness::script::Script;
use harness::sending::Sending;
use harness::wait;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Deref;

pub(crate) const MIB: u64 = 1 << 20;

/// The versions of tus-js-client, by their names in `clients/package.json`.
pub(crate) const LIBRARIES: [&str; 2] = ["tus-js-client", "tus-js-client-5"];

/// A sending with this version of the library.
pub(crate) struct Sender {
    pub(crate) library: &'static str,
    pub(crate) sending: Sending,
}

impl Sender {
    pub(crate) async fn new(library: &'static str, size: u64, plan: Vec<(u64, Step)>) -> Self {
        note(format_args!("with {library}"));
        Self { library, sending: Sending::new(size, plan).await }
    }

    pub(crate) fn config(&self, options: Value) -> Value {
        let mut config = self.sending.config(options);
        config["library"] = json!(self.library);
        config
    }

    /// The configuration of an application that remembers its uploads in a file.
    pub(crate) fn remembering(&self, options: Value) -> Value {
        let mut config = self.config(options);
        config["urlStorage"] = json!(self.chat.server.scratch("urls.json"));
        config
    }

    pub(crate) fn start(&self, options: Value) -> Script {
        Script::start("tus", &self.config(options))
    }
}

impl Deref for Sender {
    type Target = Sending;

    fn deref(&self) -> &Sending {
        &self.sending
    }
}

/// How many requests of each method were answered.
pub(crate) fn answered(client: &Script) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in client.all("answer") {
        let method = answer["method"].as_str().expect("a request has a method");
        *counts.entry(method.to_owned()).or_default() += 1;
    }
    counts
}

pub(crate) fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(method, count)| ((*method).to_owned(), *count)).collect()
}

/// Starts a client, and kills it once the network holds it up and it has remembered its upload, if it
/// remembers uploads.
pub(crate) async fn killed_on_the_way(sender: &Sender, config: &Value) -> Script {
    let mut client = Script::start("tus", config);
    sender.proxy.held().await;
    if let Some(storage) = config["urlStorage"].as_str() {
        wait::until_true("the upload is remembered", async || is_written(storage)).await;
    }
    client.kill().await;
    client
}

pub(crate) fn is_written(storage: &str) -> bool {
    let text = std::fs::read_to_string(storage).unwrap_or_default();
    serde_json::from_str::<Value>(&text)
        .is_ok_and(|stored| stored.as_object().is_some_and(|urls| !urls.is_empty()))
}
