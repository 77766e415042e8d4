//! Which representation of an upload a client prefers (RFC 9110 §12.5.1): its status as JSON, or its bytes.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

const JSON: &str = "application/json";
/// The type under which bytes are served, whatever they are.
const BYTES: &str = "application/octet-stream";

/// A media range and its weight, in thousandths.
struct MediaRange<'a> {
    range: &'a str,
    quality: u16,
}

/// Whether the client prefers JSON to the bytes of a file. The file's own type counts as the bytes as well.
/// `*/*` counts as both, so a client that takes anything gets the bytes.
pub(super) fn prefers_json(fields: &HeaderMap, file: Option<&str>) -> bool {
    let values = fields.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<_> = values.flat_map(|value| value.split(',')).filter_map(MediaRange::parse).collect();
    let bytes = [Some(BYTES), file.filter(|file| *file != JSON)];
    let most = bytes.into_iter().flatten().map(|kind| quality_of(kind, &ranges)).max();
    quality_of(JSON, &ranges) > most.unwrap_or(0)
}

/// A media type's weight, from the most specific range that includes it.
fn quality_of(kind: &str, ranges: &[MediaRange<'_>]) -> u16 {
    let found = ranges.iter().filter_map(|range| Some((range.specificity_for(kind)?, range.quality)));
    found.max().map_or(0, |(_, quality)| quality)
}

impl<'a> MediaRange<'a> {
    /// A range and its weight; `None` if the weight is unreadable. Parameters of the type are ignored:
    /// neither representation has any.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parameters = text.split(';').map(str::trim);
        let range = parameters.next().filter(|range| range.contains('/'))?;
        let weight = parameters.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        Some(Self { range, quality: weight.map_or(Some(1000), thousandths)? })
    }

    fn specificity_for(&self, kind: &str) -> Option<u8> {
        if self.range.eq_ignore_ascii_case(kind) {
            return Some(2);
        }
        match self.range.split_once('/')? {
            ("*", "*") => Some(0),
            (family, "*") => kind.split_once('/')?.0.eq_ignore_ascii_case(family).then_some(1),
            _ => None,
        }
    }
}

/// A weight (RFC 9110 §12.4.2): from 0 to 1 with at most three digits after the point.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().expect("valid"));
        }
        headers
    }

    #[test]
    fn json_is_for_clients_that_prefer_it_to_the_bytes() {
        for (values, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["*/*"], false),
            (&["application/json"], true),
            (&["Application/JSON"], true),
            (&["application/json; charset=utf-8"], true),
            (&["application/json, text/plain, */*"], false),
            (&["application/json, text/plain, */*;q=0.9"], true),
            (&["application/json, text/javascript, */*; q=0.01"], true),
            (&["application/json;q=0.9, */*"], false),
            (&["application/json;q=0.9, */*;q=0.8"], true),
            (&["application/json ; Q=0.900 , */*;q=0.9"], false),
            (&["application/*"], false),
            (&["application/*, application/octet-stream;q=0.5"], true),
            (&["application/*;q=0.9, application/json;q=0.8"], false),
            (&["application/octet-stream;q=0.2, application/json;q=0.1"], false),
            (&["application/json;q=0"], false),
            (&["application/json;q=0, */*;q=0"], false),
            (&["*/*, application/octet-stream;q=0"], true),
            (&["text/html, application/json;q=0.9"], true),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"], false),
            (&["text/json"], false),
            (&["application/problem+json"], false),
            (&["json"], false),
            (&["*"], false),
            (&["application/json", "*/*"], false),
            (&["application/json", "*/*;q=0.1"], true),
            (&["*/*;q=0.1, application/json;q=2"], false),
            (&["application/json;q="], false),
            (&["application/json;q=0.1234"], false),
            (&["application/json;q=+1"], false),
            (&["application/json;q=1."], true),
            (&["application/json;q=1.001"], false),
            (&[";q=1,,/,application/json"], true),
        ] {
            assert_eq!(prefers_json(&headers(values), None), expected, "{values:?}");
        }
    }

    #[test]
    fn the_type_of_the_file_itself_is_the_bytes() {
        for (value, file, expected) in [
            ("image/png, application/json;q=0.5", "image/png", false),
            ("image/*, application/json;q=0.5", "image/png", false),
            ("image/*, application/json;q=0.5", "video/mp4", true),
            ("image/*;q=0.5, application/json", "image/png", true),
            ("application/json", "application/json", true),
            ("application/json, */*", "application/json", false),
        ] {
            assert_eq!(prefers_json(&headers(&[value]), Some(file)), expected, "{value} {file}");
        }
    }
}
