//! A server that has been through something, and is as well as before.

pub(crate) use harness::attack::ALLOWED;
use harness::chat::Chat;
use harness::note::note;

/// Others are served, and no more memory was ever needed.
pub(crate) async fn is_well(chat: &Chat, allowed: u64) {
    chat.server.request("GET", "/readyz").send().await.expecting(200);
    let message = chat.post("still-alive.txt", b"x").await;
    assert_eq!(chat.media(&message).await.body, b"x");
    let peak = chat.server.peak_memory();
    note(format_args!("at most {} KiB were resident", peak >> 10));
    assert!(peak < allowed, "{peak} bytes were resident");
}
