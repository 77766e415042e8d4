//! Pages in a browser.

use harness::heavy::{Alone, alone};
use harness::proxy::Step;
use harness::script::Script;
use harness::sending::Sending;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium with a profile of its own, alone on the machine.
pub(crate) struct Browser {
    pub(crate) script: Script,
    pub(crate) _profile: TempDir,
    pub(crate) _alone: Alone,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let alone = alone().await;
        let profile = TempDir::new().expect("the system has a folder for temporary files");
        let script = Script::start("browser", &json!({"profile": profile.path()}));
        Self { script, _profile: profile, _alone: alone }
    }

    /// Opens a page that shares nothing with the one before, and chooses a file of this size in it.
    pub(crate) async fn page(&mut self, size: u64, plan: Vec<(u64, Step)>) -> Page<'_> {
        self.script.forget();
        let mut page = Page { sending: Sending::new(size, plan).await, browser: &mut self.script };
        page.obeys(json!({"do": "open", "file": page.sending.file()})).await;
        page
    }

    pub(crate) async fn end(mut self) {
        assert!(self.script.end().await.success());
    }
}

/// A page, and the file that it is to send.
pub(crate) struct Page<'a> {
    pub(crate) sending: Sending,
    pub(crate) browser: &'a mut Script,
}

impl Page<'_> {
    /// Gives the page an order, and waits until it has begun.
    pub(crate) async fn obeys(&mut self, order: Value) {
        self.browser.order(&order).await;
        self.browser.saw_with("done", |done| *done == order).await;
    }

    pub(crate) fn check_nothing_went_wrong(&self) {
        for event in ["error", "page error"] {
            assert!(self.browser.all(event).is_empty(), "{:?}", self.browser.all(event));
        }
    }
}
