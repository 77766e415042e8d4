//! The user of the demo's page in a browser.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::script::Script;
use crate::server::Server;
use tus_lab::note::note;
use tus_lab::wait;

/// A person in front of the page of a demo. The browser's profile outlives the browser.
#[derive(Debug)]
pub struct Person {
    browser: Script,
    config: Value,
    folder: TempDir,
}

impl Person {
    /// Starts `browser` (`chromium`, `firefox`), in Chromium at this speed if one is given.
    ///
    /// # Panics
    /// Without a folder for temporary files.
    #[must_use]
    pub fn in_front_of(server: &Server, browser: &str, bytes_per_second: Option<u64>) -> Self {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        let config = json!({
            "browser": browser,
            "profile": folder.path().join("profile"),
            "url": format!("{}{}/", server.url(), server.base()),
            "bytesPerSecond": bytes_per_second,
        });
        Self { browser: Script::start("demo", &config), config, folder }
    }

    /// Closes the browser and starts it again, as it was left.
    ///
    /// # Panics
    /// When it does not end well.
    pub async fn starts_the_browser_again(&mut self) {
        assert!(self.browser.end().await.success());
        self.browser = Script::start("demo", &self.config);
    }

    /// Follows an order of `clients/demo.js`.
    ///
    /// # Panics
    /// When that fails, or the page has a fault.
    pub async fn does(&mut self, order: Value) {
        self.browser.order(&order).await;
        let faults = || self.browser.all("error");
        wait::until_true(&format!("{order} is done"), async || {
            self.browser.all("done").contains(&order) || !faults().is_empty()
        })
        .await;
        assert!(faults().is_empty(), "{order}: {:?}", faults());
        self.has_no_fault();
        self.browser.forget();
    }

    /// Follows an order that is answered with this event.
    ///
    /// # Panics
    /// When the page has a fault.
    pub async fn tells(&mut self, event: &str, order: Value) -> Value {
        self.browser.order(&order).await;
        let told = self.browser.saw_with(event, |_| true).await;
        self.has_no_fault();
        wait::until_true(&format!("{order} is done"), async || self.browser.all("done").contains(&order))
            .await;
        self.browser.forget();
        told
    }

    /// What the page shows.
    pub async fn sees(&mut self) -> Value {
        self.tells("seen", json!({"do": "look"})).await
    }

    /// Looks at the page until `pleases` holds.
    pub async fn sees_that(&mut self, what: &str, pleases: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        wait::until(&format!("the page shows that {what}"), async || {
            let seen = self.sees().await;
            if pleases(&seen) {
                return Some(seen);
            }
            if seen["sendings"] != last["sendings"] {
                note(format_args!("not yet {what}: {}", seen["sendings"]));
            }
            last = seen;
            None
        })
        .await
    }

    fn has_no_fault(&self) {
        assert_eq!(self.browser.all("fault"), [] as [Value; 0]);
    }

    /// A file of this name, which the browser may read and write.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Takes a picture of the page, into the folder that `LONGHAUL_SHOTS` names, or else into one that is
    /// removed after the test.
    ///
    /// # Panics
    /// When no picture was taken.
    pub async fn shoots(&mut self, name: &str) {
        let folder =
            env::var_os("LONGHAUL_SHOTS").map_or_else(|| self.folder.path().to_owned(), PathBuf::from);
        let file = Path::new(&folder).join(format!("{name}.png"));
        self.does(json!({"do": "shoot", "file": file})).await;
        assert!(fs::metadata(&file).expect("a picture").len() > 10_000, "it is no blank page");
    }

    /// Ends the browser.
    ///
    /// # Panics
    /// When the page had a fault.
    pub async fn leaves(mut self) {
        self.has_no_fault();
        assert!(self.browser.end().await.success());
    }
}
