//! What stands at `/`: a chat between two people, for a demo, or a folder of another owner's pages.
//!
//! The chat in `files/` is made of what every client needs, and can be read from `app.js` on: `tus.js` is an upload
//! from its first request to its message, `live.js` the socket, `keep.js` what outlives the tab, `windows.js` which window
//! of a browser sends what, and `network.js` the line that can be cut.

mod assets;

pub use assets::Asset;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base_path::BasePath;
use crate::demo::Demo;

/// Where a demo's people are, with their tokens.
pub const PEOPLE: &str = "/demo.json";

/// Whether something that is for its own origin alone is at this path, with or without a further slash.
pub fn is_private(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "" | PEOPLE)
}

/// What stands at `/`.
#[derive(Debug, Clone)]
pub enum Web {
    /// Nothing.
    Off,
    /// A few words, where users have tokens of their own.
    Notice,
    /// The chat between the people of a demo.
    Chat(Arc<Demo>),
    /// The files of a folder; of a demo its people as well.
    Folder(PathBuf, Option<Arc<Demo>>),
}

impl Web {
    /// The files of the program's own that belong to it, each with its path.
    pub fn assets(&self, base: &BasePath) -> Vec<(&'static str, Asset)> {
        match self {
            Self::Off | Self::Folder(..) => Vec::new(),
            Self::Notice => vec![("/", assets::notice(base))],
            Self::Chat(_) => assets::chat(base),
        }
    }

    /// The people of a demo, with their tokens.
    pub fn demo(&self) -> Option<&Arc<Demo>> {
        match self {
            Self::Chat(demo) => Some(demo),
            Self::Folder(_, demo) => demo.as_ref(),
            Self::Off | Self::Notice => None,
        }
    }

    /// The folder whose files are served.
    pub fn folder(&self) -> Option<&PathBuf> {
        match self {
            Self::Folder(folder, _) => Some(folder),
            _ => None,
        }
    }
}

/// Who a demo's people are and where they talk, as `demo.json` says it.
pub fn people(demo: &Demo) -> Value {
    let people: Vec<_> = demo
        .people()
        .into_iter()
        .map(|person| json!({"id": person.id.as_str(), "name": person.name, "token": person.token}))
        .collect();
    json!({"conversation": Demo::conversation().to_string(), "people": people})
}
