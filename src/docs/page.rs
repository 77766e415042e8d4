//! A document as a page: Markdown in, HTML out, with nothing in it that a strict policy would refuse.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

use super::{DOCUMENTS, Document};

/// The style of every page.
pub const STYLE: &str = include_str!("files/style.css");
/// The icon of every page, which is that of the chat.
pub const ICON: &str = include_str!("../web/files/icon.svg");

/// The page of a document, for readers who find all documents below `base`, which ends with a slash.
pub fn html(document: &Document, base: &str) -> String {
    let (title, body) = (document.title(), body(document));
    let links: String = DOCUMENTS.iter().map(|other| entry(other, document)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · longhaul</title>\n<base href=\"{base}\">\n\
         <link rel=\"icon\" href=\"icon.svg\">\n<link rel=\"stylesheet\" href=\"style.css\">\n</head>\n<body>\n\
         <a class=\"skip\" href=\"{name}#text\">To the text</a>\n\
         <nav aria-label=\"Documents\">\n<p class=\"name\">longhaul</p>\n<ul>\n{links}</ul>\n</nav>\n\
         <main id=\"text\">\n{body}</main>\n</body>\n</html>\n",
        name = document.name,
    )
}

fn entry(document: &Document, shown: &Document) -> String {
    let current = if document.name == shown.name { " aria-current=\"page\"" } else { "" };
    format!("<li><a href=\"{}\"{current}>{}</a></li>\n", document.name, document.title())
}

/// The body of a page. Whatever is wider than the page can be scrolled, by keyboard as well.
fn body(document: &Document) -> String {
    let mut events: Vec<_> = Parser::new_ext(document.text, Options::ENABLE_TABLES).collect();
    name_headings(&mut events);
    for event in &mut events {
        if let Event::Start(Tag::Link { dest_url, .. }) = event {
            *dest_url = link(dest_url, document.name).into();
        }
    }
    let mut body = String::new();
    pulldown_cmark::html::push_html(&mut body, events.into_iter());
    body.replace("<pre>", "<pre tabindex=\"0\">")
        .replace("<table>", "<div class=\"table\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>")
}

/// The target of a link on a page, to a file beside the document or to a heading in it.
fn link(target: &str, document: &str) -> String {
    let (file, heading) = target.split_once('#').map_or((target, None), |(file, id)| (file, Some(id)));
    let place = match file {
        "" => document.to_owned(),
        "openapi.json" | "asyncapi.json" => format!("../{file}"),
        file => file.strip_suffix(".md").unwrap_or(file).to_owned(),
    };
    heading.map_or(place.clone(), |id| format!("{place}#{id}"))
}

/// Gives headings the ids that rustdoc gives them, so that one link works in both.
fn name_headings(events: &mut [Event<'_>]) {
    for at in 0..events.len() {
        let id: CowStr<'static> = heading_id(&events[at + 1..]).into();
        if let Event::Start(Tag::Heading { id: place, .. }) = &mut events[at] {
            *place = Some(id);
        }
    }
}

fn heading_id(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let text: String = inside
        .filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
            _ => None,
        })
        .collect();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const BASE: &str = "/chat/docs/";

    /// The values of an attribute.
    fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
        let begin = format!(" {attribute}=\"");
        html.split(&begin).skip(1).map(|rest| rest.split('"').next().expect("an end")).collect()
    }

    #[test]
    fn every_link_leads_to_a_document_and_a_heading_of_it() {
        let places: BTreeSet<String> = DOCUMENTS
            .iter()
            .flat_map(|document| {
                let page = html(document, BASE);
                let ids = values(&page, "id").into_iter().map(|id| format!("{}#{id}", document.name));
                ids.chain([document.name.to_owned()]).collect::<Vec<_>>()
            })
            .collect();
        let files = ["../openapi.json", "../asyncapi.json", "style.css", "icon.svg", BASE];
        for document in DOCUMENTS {
            for link in values(&html(document, BASE), "href") {
                let is_known = places.contains(link) || files.contains(&link) || link.starts_with("https://");
                assert!(is_known, "{}: {link}", document.name);
            }
        }
    }

    #[test]
    fn no_label_is_left_without_a_target() {
        for document in DOCUMENTS {
            let page = body(document);
            let text = page.split("<code").map(|part| part.split("</code>").last().unwrap_or_default());
            let text: String = text.collect();
            assert!(!text.contains("]["), "{}: a link by a label that nobody defines", document.name);
            for label in ["[openapi.json]", "[front end]", "[bounds]", "[settings]"] {
                assert!(!text.contains(label), "{}: {label}", document.name);
            }
        }
    }

    #[test]
    fn a_heading_has_an_id_once() {
        for document in DOCUMENTS {
            let page = html(document, BASE);
            let ids = values(&page, "id");
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{}: {ids:?}", document.name);
            assert!(!document.title().is_empty());
        }
    }

    #[test]
    fn a_page_has_no_code_and_no_style_in_it() {
        for document in DOCUMENTS {
            let page = html(document, BASE);
            for inline in ["<script", " style=", "<style", " onclick", "javascript:"] {
                assert!(!page.contains(inline), "{}: {inline}", document.name);
            }
        }
    }

    /// The tests run them from there.
    #[test]
    fn the_lines_for_tus_js_client_are_those_of_the_readme() {
        let lines = |text: &'static str| {
            let (_, rest) = text.split_once("```js\nimport * as tus").expect("the lines");
            rest.split_once("```").expect("an end").0
        };
        let front_end = DOCUMENTS.iter().find(|document| document.name == "front-end").expect("a document");
        assert_eq!(lines(front_end.text), lines(include_str!("../../README.md")));
    }

    #[test]
    fn the_colours_are_those_of_the_chat() {
        let colours = |style: &'static str| {
            let lines = style.lines().map(str::trim).filter(|line| line.starts_with("--"));
            lines.filter(|line| line.contains('#')).collect::<Vec<_>>()
        };
        let chat = colours(include_str!("../web/files/style.css"));
        assert!(colours(STYLE).len() > 10);
        for line in colours(STYLE) {
            assert!(chat.contains(&line), "{line}");
        }
    }
}
