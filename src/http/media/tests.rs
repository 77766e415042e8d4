use super::*;
use crate::http::tests::{ADA, Answer, BOB, Chat, EVE};

const MEDIA: &[u8] = b"0123456789";

async fn chat_with(name: &str, bytes: &'static [u8]) -> (Chat, Message) {
    let chat = Chat::new(routes()).await;
    let message = chat.send_file(name, bytes).await;
    (chat, message)
}

/// Bob's answer for a film of ten bytes.
async fn get(headers: &[(&str, &str)]) -> Answer {
    let (chat, message) = chat_with("né.mp4", MEDIA).await;
    chat.request(Some(BOB), "GET", &message.media_url(), headers, "").await
}

#[tokio::test]
async fn the_whole_file_with_everything_about_it() {
    let (chat, message) = chat_with("né.mp4", MEDIA).await;
    let answer = chat.get(BOB, &message.media_url()).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, MEDIA));
    for (name, value) in [
        ("content-length", "10"),
        ("content-type", "video/mp4"),
        ("content-disposition", "inline; filename*=UTF-8''n%C3%A9.mp4"),
        ("accept-ranges", "bytes"),
        ("etag", &format!("\"{}-a\"", message.id)),
        ("last-modified", &message.created_at.http_date()),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("repr-digest", "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_name_in_either_normal_form_finds_the_file() {
    for sent in ["né.mp4", "ne\u{301}.mp4"] {
        let (chat, message) = chat_with(sent, MEDIA).await;
        assert!(message.media_url().ends_with("/n%C3%A9.mp4"), "{}", message.media_url());
        for (name, status) in [
            ("n%C3%A9.mp4", 200),
            ("ne%CC%81.mp4", 200),
            ("n%c3%a9.mp4", 200),
            ("ne.mp4", 404),
            ("n%E9.mp4", 404),
        ] {
            let path = format!("/uploads/chats/{}/{name}", message.id);
            assert_eq!(chat.get(BOB, &path).await.status, status, "{name}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_bytes() {
    let (chat, message) = chat_with("né.mp4", MEDIA).await;
    let get = chat.get(ADA, &message.media_url()).await;
    let head = chat.request(Some(ADA), "HEAD", &message.media_url(), &[("range", "bytes=0-1")], "").await;
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
    assert_eq!((beyond.status, beyond.detail()), (416, "The range is not in the file".into()));
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));
}

#[tokio::test]
async fn conditions_save_the_bytes() {
    let (chat, message) = chat_with("a.mp4", MEDIA).await;
    let etag = format!("\"{}-a\"", message.id);
    let known = chat.request(Some(ADA), "GET", &message.media_url(), &[("if-none-match", &etag)], "").await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some(etag.as_str()));
    assert_eq!(known.header("content-length"), None);
    assert_eq!(get(&[("if-match", "\"other\"")]).await.status, 412);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (chat, message) = chat_with("a.mp4", b"").await;
    let answer = chat.get(ADA, &message.media_url()).await;
    assert_eq!((answer.status, answer.body.len(), answer.header("content-length")), (200, 0, Some("0")));
    let range = chat.request(Some(ADA), "GET", &message.media_url(), &[("range", "bytes=0-")], "").await;
    assert_eq!((range.status, range.header("content-range")), (416, Some("bytes */0")));
}

#[tokio::test]
async fn what_could_be_a_page_is_a_download() {
    for name in ["a.html", "a.svg", "a.pdf", "a.bin", "a"] {
        let (chat, message) = chat_with(name, MEDIA).await;
        let answer = chat.get(ADA, &message.media_url()).await;
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"), "{name}");
        let disposition = format!("attachment; filename*=UTF-8''{name}");
        assert_eq!(answer.header("content-disposition"), Some(disposition.as_str()));
    }
}

#[tokio::test]
async fn only_participants_and_only_this_file() {
    let (chat, message) = chat_with("né.mp4", MEDIA).await;
    let url = message.media_url();
    let in_folder = |name: &str| format!("/uploads/chats/{}/{name}", message.id);
    for (user, path, status, detail) in [
        (None, url.clone(), 401, "Missing access token"),
        (Some(EVE), url.clone(), 404, "Message not found"),
        (Some(EVE), in_folder("other.mp4"), 404, "Message not found"),
        (Some(EVE), "/uploads/chats/507f1f77bcf86cd7994390ff/a".into(), 404, "Message not found"),
        (Some(ADA), in_folder("other.mp4"), 404, "File not found"),
        (Some(ADA), in_folder("..%2F..%2Fsecret"), 404, "File not found"),
        (Some(ADA), in_folder("%ff"), 404, "File not found"),
        (Some(ADA), "/uploads/chats/x/a".into(), 404, "File not found"),
        (Some(ADA), "/uploads/chats/507f1f77bcf86cd7994390ff/a".into(), 404, "Message not found"),
    ] {
        let answer = chat.request(user, "GET", &path, &[], "").await;
        assert_eq!((answer.status, answer.detail()), (status, detail.to_owned()), "{path}");
    }
    let post = chat.request(Some(ADA), "POST", &url, &[], "").await;
    assert_eq!((post.status, post.detail()), (405, "Method not allowed".into()));
}
