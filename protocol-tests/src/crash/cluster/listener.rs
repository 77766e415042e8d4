use std::collections::BTreeSet;
use std::time::Instant;

use harness::chat::Chat;
use harness::script::Script;
use harness::wait;
use serde_json::{Value, json};

/// A member whose client comes back whenever its connection is lost, and names the last message that it
/// knows.
#[derive(Debug)]
pub(super) struct Listener(Script);

impl Listener {
    pub(super) async fn connect(chat: &Chat) -> Self {
        let config = json!({
            "url": chat.server.url(), "transports": ["websocket"], "follows": {"token": chat.bob.token},
        });
        let script = Script::start("socket", &config);
        script.saw("connect").await;
        Self(script)
    }

    /// Waits until the member was told of all of these messages.
    pub(super) async fn heard_all(&self, messages: &BTreeSet<String>) {
        let end = Instant::now() + wait::BOUND;
        loop {
            let missing = self.missing(messages);
            if missing.is_empty() {
                return;
            }
            let last: Vec<Value> = self.0.look(|events| events.iter().rev().take(3).cloned().collect());
            assert!(Instant::now() < end, "a member was not told of {missing:?}; last: {last:?}");
            tokio::time::sleep(crate::crash::PAUSE).await;
        }
    }

    /// The messages of which the member was not told yet.
    fn missing(&self, messages: &BTreeSet<String>) -> Vec<String> {
        self.0.look(|events| {
            let told = events.iter().filter(|seen| seen["event"] == "new_message");
            let told: BTreeSet<_> = told.filter_map(|seen| seen["data"]["_id"].as_str()).collect();
            messages.iter().filter(|id| !told.contains(id.as_str())).cloned().collect()
        })
    }
}
