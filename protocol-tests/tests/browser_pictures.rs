//! Pictures and films in the pages of a real browser.

use harness::left_out::left_out;
use serde_json::json;

mod opened;

use opened::Browser;

/// The users of one browser, in turn: a member, the member again, a stranger, a visitor without a token, and
/// the member.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_stays_in_the_members_circle_whoever_uses_the_browser() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    let mut page = browser.page(1000, Vec::new()).await;
    let photo = "a photo that only its circle may see";
    let message = page.sending.chat.post("photo.jpg", photo.as_bytes()).await;
    let media = message["media_url"].as_str().expect("a URL is a string");
    let url = format!("{}{media}", page.sending.proxy.url());
    let [alice, eve] = [&page.sending.chat.alice, &page.sending.chat.eve].map(|user| user.token.clone());
    for (number, (token, sees, unchanged)) in [
        (Some(&alice), true, 0),
        (Some(&alice), true, 1),
        (Some(&eve), false, 1),
        (None, false, 1),
        (Some(&alice), true, 1),
        (Some(&alice), true, 2),
    ]
    .into_iter()
    .enumerate()
    {
        page.obeys(json!({"do": "get", "url": url, "token": token, "number": number})).await;
        let got = page.browser.saw_with("got", |got| got["number"] == number).await;
        let expected = if sees { json!(200) } else { got["status"].clone() };
        assert_eq!(got["status"], expected, "{number}: {got}");
        assert!(sees || got["status"].as_u64().is_some_and(|status| (401..=404).contains(&status)), "{got}");
        assert_eq!(got["text"] == photo, sees, "{number}: {got}");
        let metrics = page.sending.chat.server.request("GET", "/metrics").send().await.text();
        let count = metrics.lines().find_map(|line| line.strip_prefix(NOT_MODIFIED)).unwrap_or("0");
        assert_eq!(
            count.trim(),
            unchanged.to_string(),
            "{number}: so often the browser was told to use its own"
        );
    }
    browser.end().await;
}

/// The page of another origin shows media by links, which carry no token.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_shows_pictures_and_seeks_in_films_by_their_links() {
    const SECS: u64 = 100;
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    let mut page = browser.page(1000, Vec::new()).await;
    let server = page.sending.proxy.url();
    let to = json!({"server": server, "token": page.sending.chat.alice.token});
    let conversation = page.sending.chat.conversation.clone();
    page.obeys(json!({"do": "sendMade", "to": to, "conversation": conversation, "secs": SECS})).await;
    let messages = page.sending.chat.messages().await;
    let link = |name: &str| {
        let message = messages.iter().find(|message| message["file_name"] == name).expect("it was sent");
        format!("{server}{}", message["media_link"].as_str().expect("a link"))
    };
    let (picture, film) = (link("picture.png"), link("film.webm"));
    page.obeys(json!({"do": "show", "picture": picture, "film": film, "at": 90})).await;
    let shown = page.browser.saw("shown").await;
    assert_eq!((&shown["picture"], &shown["film"]), (&json!(640), &json!(640)), "{shown}");
    assert_eq!((&shown["duration"], &shown["at"]), (&json!(SECS), &json!(90)), "{shown}");
    let brightness = |when: &str| shown[when].as_u64().expect("a number");
    assert!(brightness("before") < 100 && brightness("after") > 150, "{shown}");
    let metrics = page.sending.chat.server.request("GET", "/metrics").send().await.text();
    let pieces = metrics.lines().find_map(|line| line.strip_prefix(PARTIAL)).unwrap_or("0").trim();
    let pieces: u64 = pieces.parse().expect("a number");
    assert!(pieces >= 2, "it was sought and not read through: {pieces}");
    page.check_nothing_went_wrong();
    browser.end().await;
}

const PARTIAL: &str = "longhaul_http_responses_total{status=\"206\"}";

const NOT_MODIFIED: &str = "longhaul_http_responses_total{status=\"304\"}";
