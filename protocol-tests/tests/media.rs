//! The media of messages: access, ranges, names, and how a browser is kept from running them.

use harness::chat::{Chat, check_detail};
use harness::http::{Request, Response};
use harness::multipart::Form;
use serde_json::{Value, json};

const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

#[tokio::test]
async fn a_range_is_206_and_the_whole_is_200() {
    let chat = Chat::start().await;
    let url = url_of(&chat.post("a.mp4", CONTENT).await);
    let whole = get(&chat, &url).send().await.expecting(200);
    assert_eq!((&whole.body[..], whole.number("Content-Length")), (CONTENT, 36));
    assert_eq!(whole.expect("Accept-Ranges"), "bytes");
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, 35),
        ("bytes=-6", 30, 35),
        ("bytes=-100", 0, 35),
        ("bytes=30-100", 30, 35),
        ("bytes=35-35", 35, 35),
    ] {
        let piece = get(&chat, &url).header("Range", range).send().await.expecting(206);
        assert_eq!(piece.body, CONTENT[from..=to], "{range}");
        assert_eq!(piece.expect("Content-Range"), format!("bytes {from}-{to}/36"), "{range}");
        assert_eq!(piece.number("Content-Length"), (to - from + 1) as u64, "{range}");
    }
}

#[tokio::test]
async fn a_range_outside_is_416_and_nonsense_is_ignored() {
    let chat = Chat::start().await;
    let url = url_of(&chat.post("a.mp4", CONTENT).await);
    for range in ["bytes=36-", "bytes=100-200", "bytes=-0"] {
        let outside = get(&chat, &url).header("Range", range).send().await;
        check_detail(&outside, 416);
        assert_eq!(outside.expect("Content-Range"), "bytes */36", "{range}");
    }
    for range in ["bytes=9-3", "lines=1-2", "bytes=a-b", "bytes", "bytes=", "bytes=99999999999999999999999-"]
    {
        let answer = get(&chat, &url).header("Range", range).send().await;
        let whole = answer.status == 200 && answer.body == CONTENT;
        assert!(whole || answer.status == 416, "{range}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test]
async fn if_range_gives_a_piece_only_of_the_same_thing() {
    let chat = Chat::start().await;
    let url = url_of(&chat.post("a.mp4", CONTENT).await);
    let other = url_of(&chat.post("b.mp4", b"something else").await);
    let tag = get(&chat, &url).send().await.expect("ETag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "a strong tag: {tag}");
    assert_ne!(get(&chat, &other).send().await.expect("ETag"), tag);

    let piece = |tag: &str| get(&chat, &url).header("Range", "bytes=0-9").header("If-Range", tag);
    assert_eq!(piece(&tag).send().await.expecting(206).body, CONTENT[..10]);
    let weak = format!("W/{tag}");
    for other in ["\"another\"", &weak, "Wed, 21 Oct 2015 07:28:00 GMT"] {
        assert_eq!(piece(other).send().await.expecting(200).body, CONTENT, "{other}");
    }
}

#[tokio::test]
async fn head_tells_what_get_would() {
    let chat = Chat::start().await;
    let url = url_of(&chat.post("a.mp4", CONTENT).await);
    let whole = get(&chat, &url).send().await.expecting(200);
    let head = chat.request(&chat.bob, "HEAD", &url).send().await.expecting(200);
    assert!(head.body.is_empty());
    for header in ["Content-Length", "Content-Type", "ETag", "Accept-Ranges", "X-Content-Type-Options"] {
        assert_eq!(head.header(header), whole.header(header), "{header}");
    }
}

#[tokio::test]
async fn only_members_get_media() {
    let chat = Chat::start().await;
    let url = url_of(&chat.post("a.mp4", CONTENT).await);
    for method in ["GET", "HEAD"] {
        for member in [&chat.alice, &chat.bob] {
            chat.request(member, method, &url).send().await.expecting(200);
        }
        let stranger = chat.request(&chat.eve, method, &url).send().await;
        assert_eq!(stranger.status, 404);
        assert_eq!(chat.server.request(method, &url).send().await.status, 401);
    }
    chat.put_conversation(&chat.conversation, &[&chat.alice]).await.expecting(200);
    let former = get(&chat, &url).send().await;
    assert_eq!(former.status, 404, "who has left gets nothing");
}

#[tokio::test]
async fn media_under_another_name_is_404() {
    let chat = Chat::start().await;
    let message = chat.post("a.mp4", CONTENT).await;
    let id = message["_id"].as_str().expect("an id is text");
    for target in [
        format!("/uploads/chats/{id}/b.mp4"),
        format!("/uploads/chats/{id}/"),
        format!("/uploads/chats/{id}"),
        "/uploads/chats/000000000000000000000000/a.mp4".to_owned(),
    ] {
        check_detail(&get(&chat, &target).send().await, 404);
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let chat = Chat::start().await;
    let message = chat.post("a.mp4", CONTENT).await;
    let id = message["_id"].as_str().expect("an id is text");
    for way in [
        "../../../records/conf",
        "..%2f..%2f..%2frecords%2fconf",
        "%2e%2e/%2e%2e/%2e%2e/records/conf",
        "..%5c..%5crecords%5cconf",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "a.mp4%00.txt",
        "./a.mp4",
        "%2e%2fa.mp4",
    ] {
        let answer = get(&chat, &format!("/uploads/chats/{id}/{way}")).send().await;
        assert!([400, 404].contains(&answer.status), "{way}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test]
async fn uploaded_files_never_run_in_the_servers_origin() {
    let chat = Chat::start().await;
    let script = b"<script>alert(1)</script>";
    for (name, declared) in [
        ("a.html", "text/html"),
        ("a.htm", "image/png"),
        ("a.svg", "image/svg+xml"),
        ("a.xhtml", "application/xhtml+xml"),
        ("a.xml", "text/xml"),
        ("a.js", "text/javascript"),
        ("a", "text/html"),
        ("a.bin", "text/html; charset=utf-8"),
        ("a.pdf", "text/html"),
    ] {
        let message = post_as(&chat, name, declared, script).await;
        let answer = get(&chat, &url_of(&message)).send().await.expecting(200);
        assert_eq!(answer.expect("X-Content-Type-Options"), "nosniff", "{name}");
        assert!(answer.expect("Content-Disposition").starts_with("attachment"), "{name}: {:?}", answer.head);
    }
}

#[tokio::test]
async fn pictures_and_videos_are_shown_where_they_are() {
    let chat = Chat::start().await;
    for (name, kind) in [
        ("a.jpg", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("a.PNG", "image/png"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
    ] {
        // The extension decides the type, not the sender's claim.
        let message = post_as(&chat, name, "text/html", CONTENT).await;
        let answer = get(&chat, &url_of(&message)).send().await.expecting(200);
        assert_eq!(answer.expect("Content-Type"), kind, "{name}");
        assert_eq!(answer.expect("X-Content-Type-Options"), "nosniff", "{name}");
        let disposition = answer.header("Content-Disposition").unwrap_or("inline");
        assert!(disposition.starts_with("inline"), "{name}: {disposition}");
    }
}

#[tokio::test]
async fn the_type_of_a_message_is_by_extension_and_then_by_declaration() {
    let chat = Chat::start().await;
    for (name, declared, kind) in [
        ("a.JPG", "application/octet-stream", "image"),
        ("a.bmp", "text/plain", "image"),
        ("a.MkV", "application/octet-stream", "video"),
        ("a.flv", "image/png", "video"),
        ("a.avi", "application/octet-stream", "video"),
        ("a.pdf", "application/pdf", "file"),
        ("a", "image/png", "image"),
        ("a.heic", "image/heic", "image"),
        ("a.ogv", "video/ogg", "video"),
        ("a.svg", "image/svg+xml", "file"),
        ("a", "image/svg+xml", "file"),
        ("mp4", "application/octet-stream", "file"),
        ("a.mp4.zip", "application/zip", "file"),
    ] {
        let message = post_as(&chat, name, declared, CONTENT).await;
        assert_eq!(message["type"], kind, "{name} declared as {declared}");
    }
}

#[tokio::test]
async fn a_stored_name_is_harmless_and_still_the_name() {
    let chat = Chat::start().await;
    let long = format!("{}.mp4", "n".repeat(400));
    let wide = format!("{}.mp4", "ü".repeat(200));
    for (given, stored) in [
        ("my video.mp4", "my_video.mp4"),
        ("../../../etc/passwd", "passwd"),
        ("..\\\\..\\\\boot.ini", "boot.ini"),
        ("/absolute/path.txt", "path.txt"),
        ("..", "file"),
        (".", "file"),
        ("Ünïcode-文件.png", "Ünïcode-文件.png"),
        ("a_b-c.d.e", "a_b-c.d.e"),
    ] {
        let message = post_as(&chat, given, "application/octet-stream", CONTENT).await;
        let id = message["_id"].as_str().expect("an id is text");
        assert_eq!(chat.server.folder().chats()[id], [stored], "{given}");
        assert_eq!(get(&chat, &url_of(&message)).send().await.expecting(200).body, CONTENT, "{given}");
    }
    for given in [&long, &wide] {
        let message = post_as(&chat, given, "application/octet-stream", CONTENT).await;
        let id = message["_id"].as_str().expect("an id is text");
        let stored = chat.server.folder().chats()[id][0].clone();
        assert!(stored.len() <= 255 && stored.len() > 200 && stored.ends_with(".mp4"), "{stored}");
        assert_eq!(get(&chat, &url_of(&message)).send().await.expecting(200).body, CONTENT);
    }
}

#[tokio::test]
async fn a_url_encodes_what_is_not_ascii_and_nothing_else() {
    let chat = Chat::start().await;
    let message = post_as(&chat, "é_1.png", "image/png", CONTENT).await;
    let id = message["_id"].as_str().expect("an id is text");
    assert_eq!(url_of(&message), format!("/uploads/chats/{id}/%C3%A9_1.png"));
    assert_eq!(message["file_name"], json!("é_1.png"));
}

#[tokio::test]
async fn several_ranges_are_answered_without_harm() {
    let chat = Chat::start().await;
    let url = url_of(&chat.post("a.mp4", CONTENT).await);
    let many = vec!["0-"; 2000].join(",");
    for range in ["bytes=0-1,4-5", &format!("bytes={many}")] {
        let answer = get(&chat, &url).header("Range", range).send().await;
        assert!([200, 206, 416].contains(&answer.status), "{}", answer.status);
        assert!(answer.body.len() <= 10 * CONTENT.len(), "no amplification: {}", answer.body.len());
    }
}

#[tokio::test]
async fn private_answers_may_be_cached_for_their_token_only() {
    let chat = Chat::start().await;
    let message = chat.post("a.mp4", CONTENT).await;
    let media = url_of(&message);
    let text = |key: &str| message[key].as_str().expect("a string").to_owned();
    let upload = format!("/files/{}", text("upload_id"));
    let routes = [
        ("GET", media.clone()),
        ("HEAD", media.clone()),
        ("GET", format!("/messages/{}", text("_id"))),
        ("GET", format!("/conversations/{}/messages", chat.conversation)),
        ("GET", "/files".to_owned()),
        ("GET", upload.clone()),
    ];
    let kept = |answer: &Response| {
        let vary = answer.head.list("Vary");
        let varies = vary.iter().any(|name| name.eq_ignore_ascii_case("authorization"));
        (answer.expect("Cache-Control").to_owned(), varies)
    };
    let for_its_token = ("private, no-cache".to_owned(), true);
    for (method, path) in routes {
        for (name, value) in [("Accept", "*/*"), ("Accept", "application/json"), ("Range", "bytes=0-1")] {
            let answer = chat.request(&chat.alice, method, &path).header(name, value).send().await;
            assert!(matches!(answer.status, 200 | 206), "{method} {path}: {}", answer.status);
            assert_eq!(kept(&answer), for_its_token, "{method} {path} {name}: {value}");
        }
        let nobody = chat.server.request(method, &path).send().await.expecting(401);
        assert_eq!(kept(&nobody).0, "no-store", "{method} {path}");
    }
    let tag = get(&chat, &media).send().await.expect("ETag").to_owned();
    let ask = |token: Option<&str>| {
        let request = chat.server.request("GET", &media).header("If-None-Match", &tag);
        if let Some(token) = token { request.bearer(token) } else { request }
    };
    let known = ask(Some(&chat.bob.token)).send().await.expecting(304);
    assert_eq!(kept(&known), for_its_token);
    for token in [Some(chat.eve.token.as_str()), None] {
        let refused = ask(token).send().await;
        assert!(matches!(refused.status, 401 | 403 | 404), "{}", refused.status);
        assert_eq!(kept(&refused).0, "no-store");
    }
    let polled =
        chat.server.request("GET", "/socket.io/?EIO=4&transport=polling").send().await.expecting(200);
    assert_eq!(kept(&polled), for_its_token, "a session's id is private as well");
}

fn get(chat: &Chat, url: &str) -> Request {
    chat.request(&chat.bob, "GET", url)
}

fn url_of(message: &Value) -> String {
    message["media_url"].as_str().expect("a URL is text").to_owned()
}

async fn post_as(chat: &Chat, name: &str, declared: &str, bytes: &[u8]) -> Value {
    let form = Form::new().file(name, declared, bytes).field("conversation_id", &chat.conversation);
    let answer = form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    answer.json()["message"].clone()
}
