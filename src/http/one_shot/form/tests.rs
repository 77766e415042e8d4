use std::convert::Infallible;

use axum::http::{HeaderValue, StatusCode};
use futures_util::{StreamExt, stream};

use super::*;

const IDLE: Duration = Duration::from_secs(5);
const MAX_FILE: u64 = 100_000;

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=XX"))])
}

/// A part with these headers, after its boundary.
fn part(headers: &str, value: &str) -> String {
    format!("--XX\r\n{headers}\r\n\r\n{value}\r\n")
}

fn text_part(name: &str, value: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), value)
}

fn file_part(value: &str) -> String {
    let headers =
        "Content-Disposition: form-data; name=\"file\"; filename=\"a b.mp4\"\r\nContent-Type: video/mp4";
    part(headers, value)
}

/// A body in pieces of this size.
fn body(text: &str, piece: usize) -> Body {
    let pieces: Vec<_> = text.as_bytes().chunks(piece).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
}

/// All events, with the file's bytes put together.
async fn events(body: Body) -> Result<Vec<Event>, ApiError> {
    let mut form = Form::open(&headers(), body, MAX_FILE, IDLE)?;
    let mut events = Vec::new();
    while let Some(event) = form.next().await? {
        match (event, events.last_mut()) {
            (Event::Bytes(more), Some(Event::Bytes(bytes))) => {
                *bytes = [bytes.as_ref(), &more].concat().into()
            }
            (event, _) => events.push(event),
        }
    }
    Ok(events)
}

fn file(bytes: &str) -> [Event; 2] {
    let head = FileHead { name: Some("a b.mp4".into()), media_type: Some("video/mp4".into()) };
    [Event::File(head), Event::Bytes(bytes.to_owned().into())]
}

fn text_event(field: TextField, text: &str) -> Event {
    Event::Text(field, text.to_owned())
}

#[tokio::test]
async fn events_come_in_the_order_of_the_form_in_pieces_of_any_size() {
    let near_boundary = "\r\n--X\r\n-\r--XX";
    let form = [
        &file_part(near_boundary),
        &text_part("conversation_id", "507f1f77bcf86cd799439012"),
        &text_part("unknown", "skipped"),
        &text_part("content", "naïve\r\ntext"),
        &text_part("reply_to", ""),
        "--XX--\r\n",
    ]
    .map(|part| part.to_string())
    .concat();
    let [head, bytes] = file(near_boundary);
    let expected = vec![
        head,
        bytes,
        text_event(TextField::ConversationId, "507f1f77bcf86cd799439012"),
        text_event(TextField::Content, "naïve\r\ntext"),
        text_event(TextField::ReplyTo, ""),
    ];
    for piece in [1, 2, 3, 7, 64, 10_000] {
        assert_eq!(events(body(&form, piece)).await.as_ref(), Ok(&expected), "pieces of {piece}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_passed_on_before_the_form_is_whole() {
    let whole = format!("{}{}", text_part("content", "first"), file_part(&"y".repeat(1000)));
    let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() - 500]);
    let silent = stream::iter([Ok::<_, Infallible>(half)]).chain(stream::pending());
    let body = Body::from_stream(silent);
    let mut form = Form::open(&headers(), body, MAX_FILE, IDLE).expect("a form");
    assert_eq!(form.next().await, Ok(Some(text_event(TextField::Content, "first"))));
    assert!(matches!(form.next().await, Ok(Some(Event::File(_)))));
    assert!(matches!(form.next().await, Ok(Some(Event::Bytes(bytes))) if bytes.len() > 400));
    let idle = form.next().await.expect_err("nothing more comes");
    assert_eq!(idle.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn a_form_that_breaks_off_is_not_whole() {
    let whole = format!("{}{}--XX--\r\n", text_part("content", "x"), file_part("y"));
    for end in 0..whole.len() - 2 {
        let outcome = events(body(&whole[..end], 1000)).await;
        assert_eq!(outcome.map_err(|e| e.status()), Err(StatusCode::BAD_REQUEST), "{end}");
    }
    let broken = stream::iter([Ok(Bytes::from(file_part("y"))), Err(std::io::Error::other("reset"))]);
    let outcome = events(Body::from_stream(broken)).await;
    assert_eq!(outcome, Err(UploadError::BodyBroken.into()));
}

#[tokio::test]
async fn everything_but_the_file_is_bounded() {
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let header =
        |bytes| part(&format!("X: {}\r\nContent-Disposition: form-data; name=\"a\"", "x".repeat(bytes)), "");
    let too_much = "The form has too many or too large fields";
    for (form, status, detail) in [
        (text_part("content", &long), 400, "content is longer than 4096 bytes"),
        (text_part("conversation_id", &long), 400, "conversation_id is longer than 4096 bytes"),
        (
            text_part("unknown", &"x".repeat(MAX_UNKNOWN_BYTES + 1)),
            400,
            "The unknown field \"unknown\" is longer than 65536 bytes",
        ),
        (text_part("a", "").repeat(MAX_FIELDS + 1), 400, too_much),
        (header(20_000), 400, too_much),
        ("x".repeat(100_000), 400, "Malformed multipart body"),
        (
            file_part(&"x".repeat(1_200_000)),
            413,
            "The file is larger than the server accepts: at most 100000 bytes",
        ),
    ] {
        let outcome = events(body(&format!("{form}--XX--\r\n"), 1000)).await.map(|_| ());
        let error = outcome.expect_err("bounded");
        assert_eq!((error.status().as_u16(), error.detail()), (status, detail), "{form:.40}");
    }
    for form in [text_part("content", &long[1..]), text_part("a", "").repeat(MAX_FIELDS), header(15_000)] {
        assert!(events(body(&format!("{form}--XX--\r\n"), 1000)).await.is_ok(), "{form:.40}");
    }
}

#[tokio::test]
async fn a_text_is_utf8() {
    let mut form = text_part("content", "?").into_bytes();
    let at = form.iter().position(|b| *b == b'?').expect("there");
    form[at] = 0xff;
    form.extend_from_slice(b"--XX--\r\n");
    let outcome = events(Body::from(form)).await;
    assert_eq!(outcome, Err(ApiError::bad_request(Code::InvalidField, "content is not UTF-8")));
}
