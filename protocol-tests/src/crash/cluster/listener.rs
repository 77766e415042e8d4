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
            let heard = self.0.all("new_message");
            let heard: BTreeSet<_> = heard.iter().filter_map(|message| message["_id"].as_str()).collect();
            let missing: Vec<_> = messages.iter().filter(|id| !heard.contains(id.as_str())).collect();
            if missing.is_empty() {
                return;
            }
            let last: Vec<Value> = self.0.events().into_iter().rev().take(3).collect();
            assert!(Instant::now() < end, "a member was not told of {missing:?}; last: {last:?}");
            tokio::time::sleep(crate::crash::PAUSE).await;
        }
    }
}
