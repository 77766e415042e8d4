//! The files of the chat, as they are in the program.

use std::borrow::Cow;

use crate::base_path::BasePath;

/// A file to serve.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The file's `Content-Type`.
    pub content_type: &'static str,
    /// The file's text.
    pub text: Cow<'static, str>,
}

const NOTICE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><base href=\"/\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>longhaul</title>\
    <h1>longhaul</h1><p>Resumable uploads that end as chat messages: <a href=\"docs\">documentation</a>.</p></html>";

const INDEX: &str = include_str!("files/index.html");
/// Base of the page's relative links, even if the page is requested without a slash at the end.
const BASE: &str = "<base href=\"/\">";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

impl Asset {
    pub(super) fn html(text: impl Into<Cow<'static, str>>) -> Self {
        Self { content_type: HTML, text: text.into() }
    }
}

macro_rules! files {
    ($($name:literal: $content_type:expr),* $(,)?) => {
        [$((concat!("/", $name), $content_type, include_str!(concat!("files/", $name)))),*]
    };
}

const FILES: [(&str, &str, &str); 22] = files! {
    "style.css": CSS,
    "icon.svg": SVG,
    "app.js": SCRIPT,
    "away.js": SCRIPT,
    "bubble.js": SCRIPT,
    "device.js": SCRIPT,
    "keep.js": SCRIPT,
    "line.js": SCRIPT,
    "live.js": SCRIPT,
    "media.js": SCRIPT,
    "network.js": SCRIPT,
    "other-ways.js": SCRIPT,
    "sample.js": SCRIPT,
    "sending.js": SCRIPT,
    "talk.js": SCRIPT,
    "told.js": SCRIPT,
    "truth.js": SCRIPT,
    "turns.js": SCRIPT,
    "tus.js": SCRIPT,
    "windows.js": SCRIPT,
    "wire.js": SCRIPT,
    "words.js": SCRIPT,
};

/// The notice of a server below this base path.
pub(super) fn notice(base: &BasePath) -> Asset {
    Asset::html(below(base, NOTICE))
}

fn below(base: &BasePath, page: &str) -> String {
    page.replace(BASE, &format!("<base href=\"{}\">", base.of("/")))
}

/// The files of the chat, for a server below this base path.
pub(super) fn chat(base: &BasePath) -> Vec<(&'static str, Asset)> {
    let files =
        FILES.into_iter().map(|(path, content_type, text)| (path, Asset { content_type, text: text.into() }));
    files.chain([("/", Asset::html(below(base, INDEX)))]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/files");
        let names = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| format!("/{}", entry.expect("an entry").file_name().into_string().expect("ASCII")));
        let there: BTreeSet<_> = names.map(|name| name.replace("/index.html", "/")).collect();
        let served = chat(&BasePath::default()).into_iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(there, served);
    }

    #[test]
    fn links_are_relative_to_the_base_path() {
        for (base, expected) in [("", "<base href=\"/\">"), ("/chat", "<base href=\"/chat/\">")] {
            let served = chat(&base.parse().expect("valid"));
            let (_, index) = served.iter().find(|(path, _)| *path == "/").expect("an index");
            assert!(index.text.contains(expected), "{base}");
            assert!(notice(&base.parse().expect("valid")).text.contains(expected), "{base}");
        }
        for (path, _, text) in FILES {
            for outside in ["http://", "https://"] {
                let found = text.replace("http://www.w3.org/2000/svg", "").contains(outside);
                assert!(!found, "{path} names another site");
            }
        }
    }
}
