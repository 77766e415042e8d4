//! The page at `/`: a chat between two people, for a demo, or a folder of other pages.
//!
//! The chat in `files/` has all that a client needs, and can be read from `app.js` on. `tus.js` is an upload
//! from its first request to its message, `live.js` the socket, `keep.js` what outlives the tab. `windows.js`
//! decides which window of a browser sends what, and `network.js` is the line that can be cut.

mod assets;

pub use assets::Asset;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base_path::BasePath;
use crate::demo::Demo;

/// Path of a demo's people, with their tokens.
pub const PEOPLE: &str = "/demo.json";

/// Whether a path, with or without a further slash, has something for its own origin alone.
pub fn is_private(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "" | PEOPLE)
}

/// The page at `/`.
#[derive(Debug, Clone)]
pub enum Web {
    /// No page.
    Off,
    /// A short notice, for a server whose users have their own tokens.
    Notice,
    /// The chat between the people of a demo.
    Chat(Arc<Demo>),
    /// The files of a folder, and the people of a demo if there is one.
    Folder(PathBuf, Option<Arc<Demo>>),
}

impl Web {
    /// The program's own files of the page, each with its path.
    pub fn assets(&self, base: &BasePath) -> Vec<(&'static str, Asset)> {
        match self {
            Self::Off | Self::Folder(..) => Vec::new(),
            Self::Notice => vec![("/", assets::notice(base))],
            Self::Chat(_) => assets::chat(base),
        }
    }

    /// The demo whose people have to be served.
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

/// The people of a demo and their conversation, as in `demo.json`.
pub fn people(demo: &Demo) -> Value {
    let people: Vec<_> = demo
        .people()
        .into_iter()
        .map(|person| json!({"id": person.id.as_str(), "name": person.name, "token": person.token}))
        .collect();
    json!({"conversation": Demo::conversation().to_string(), "people": people})
}
