use super::*;
use crate::http::testing::{ADA, Answer, BOB, Chat, EVE, MEDIA, message};

async fn chat_with(edit: impl FnOnce(&mut Message)) -> (Chat, Message) {
    let chat = Chat::new(routes()).await;
    let mut message = message(1);
    edit(&mut message);
    let message = chat.say(message).await;
    (chat, message)
}

async fn get(headers: &[(&str, &str)]) -> Answer {
    let (chat, message) = chat_with(|_| {}).await;
    chat.request(Some(BOB), "GET", &message.media_url(), headers, "")
        .await
}

#[tokio::test]
async fn the_whole_file_with_everything_about_it() {
    let (chat, message) = chat_with(|message| message.sha256 = Some([0; 32])).await;
    let answer = chat.get(BOB, &message.media_url()).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, MEDIA));
    for (name, value) in [
        ("content-length", "10"),
        ("content-type", "video/mp4"),
        ("content-disposition", "inline; filename*=UTF-8''n%C3%A9.mp4"),
        ("accept-ranges", "bytes"),
        ("etag", "\"507f1f77bcf86cd799430001-a\""),
        ("last-modified", "Fri, 26 Jan 2024 12:00:00 GMT"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "repr-digest",
            "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:",
        ),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_bytes() {
    let (chat, message) = chat_with(|_| {}).await;
    let get = chat.get(ADA, &message.media_url()).await;
    let head = chat
        .request(
            Some(ADA),
            "HEAD",
            &message.media_url(),
            &[("range", "bytes=0-1")],
            "",
        )
        .await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers, get.headers);
}

#[tokio::test]
async fn a_range_is_a_part() {
    let answer = get(&[("range", "bytes=2-4")]).await;
    assert_eq!((answer.status, answer.body.as_ref()), (206, &MEDIA[2..5]));
    assert_eq!(answer.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(answer.header("content-length"), Some("3"));
    assert_eq!(answer.header("content-type"), Some("video/mp4"));

    let stale = get(&[("range", "bytes=2-4"), ("if-range", "\"other\"")]).await;
    assert_eq!((stale.status, stale.body.as_ref()), (200, MEDIA));

    let beyond = get(&[("range", "bytes=10-")]).await;
    assert_eq!(
        (beyond.status, beyond.detail()),
        (416, "The range is not in the file".into())
    );
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));
}

#[tokio::test]
async fn conditions_save_the_bytes() {
    let known = get(&[("if-none-match", "\"507f1f77bcf86cd799430001-a\"")]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some("\"507f1f77bcf86cd799430001-a\""));
    assert_eq!(known.header("content-length"), None);
    assert_eq!(get(&[("if-match", "\"other\"")]).await.status, 412);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (chat, message) = chat_with(|message| message.file_size = 0).await;
    let answer = chat.get(ADA, &message.media_url()).await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.header("content-length")),
        (200, 0, Some("0"))
    );
    let range = chat
        .request(
            Some(ADA),
            "GET",
            &message.media_url(),
            &[("range", "bytes=0-")],
            "",
        )
        .await;
    assert_eq!(
        (range.status, range.header("content-range")),
        (416, Some("bytes */0"))
    );
}

#[tokio::test]
async fn what_could_be_a_page_is_a_download() {
    for mime_type in [
        "text/html",
        "image/svg+xml",
        "application/pdf",
        "application/octet-stream",
    ] {
        let (chat, message) = chat_with(|message| message.mime_type = mime_type.into()).await;
        let answer = chat.get(ADA, &message.media_url()).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/octet-stream"),
            "{mime_type}"
        );
        assert_eq!(
            answer.header("content-disposition"),
            Some("attachment; filename*=UTF-8''n%C3%A9.mp4")
        );
    }
}

#[tokio::test]
async fn only_participants_and_only_this_file() {
    let (chat, message) = chat_with(|_| {}).await;
    let url = message.media_url();
    let in_folder = |name: &str| format!("/uploads/chats/{}/{name}", message.id);
    for (user, path, status, detail) in [
        (None, url.clone(), 401, "Missing access token"),
        (
            Some(EVE),
            url.clone(),
            403,
            "You are not a participant in this conversation",
        ),
        (Some(ADA), in_folder("other.mp4"), 404, "File not found"),
        (Some(ADA), in_folder("..%2F..%2Fsecret"), 404, "File not found"),
        (Some(ADA), in_folder("%ff"), 404, "File not found"),
        (Some(ADA), "/uploads/chats/x/a".into(), 404, "File not found"),
        (
            Some(ADA),
            "/uploads/chats/507f1f77bcf86cd7994390ff/a".into(),
            404,
            "Message not found",
        ),
    ] {
        let answer = chat.request(user, "GET", &path, &[], "").await;
        assert_eq!(
            (answer.status, answer.detail()),
            (status, detail.to_owned()),
            "{path}"
        );
    }
    let post = chat.request(Some(ADA), "POST", &url, &[], "").await;
    assert_eq!((post.status, post.detail()), (405, "Method not allowed".into()));
}
