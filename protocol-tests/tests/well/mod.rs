//! A check that a server is well after an attack.

pub(crate) use harness::attack::ALLOWED;
use harness::chat::Chat;
use harness::note::note;

/// Checks that other users are served, and that the peak of memory stayed below `allowed`.
pub(crate) async fn is_well(chat: &Chat, allowed: u64) {
    chat.server.request("GET", "/readyz").send().await.expecting(200);
    let message = chat.post("still-alive.txt", b"x").await;
    assert_eq!(chat.media(&message).await.body, b"x");
    let peak = chat.server.peak_memory();
    note(format_args!("at most {} KiB were resident", peak >> 10));
    assert!(peak < allowed, "{peak} bytes were resident");
}
