//! Who is told of what, and how often.

use super::*;

#[tokio::test]
async fn each_connection_of_a_user_is_told_once() {
    let server = Server::start().await;
    let mut told =
        [server.connect("alice").await, server.connect("alice").await, server.connect("bob").await];
    let mut stranger = server.connect("eve").await;
    let announcement = Announcement::NewMessage(Box::new(message(1)));
    server.announce(&["alice", "bob", "alice", "nobody"], &announcement).await.expect("handed over");
    let marker = Announcement::UploadFinished(progress(), MessageId::from_bytes([2; 12]));
    server.announce(&["alice", "bob", "eve"], &marker).await.expect("handed over");

    let body = serde_json::to_value(message(1).body()).expect("serializable");
    for client in &mut told {
        assert_eq!(client.event().await, ("new_message".into(), body.clone()));
        assert_eq!(client.event().await.0, "upload_finished");
    }
    let (event, data) = stranger.event().await;
    assert_eq!((event.as_str(), &data["percent"]), ("upload_finished", &json!(50)));
}

#[tokio::test]
async fn what_is_for_nobody_is_told_to_nobody() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    server.announce(&[], &Announcement::UploadStarted(progress())).await.expect("handed over");
    server.announce(&["alice"], &Announcement::UploadCancelled(progress())).await.expect("handed over");
    assert_eq!(client.event().await.0, "upload_cancelled");
}

#[tokio::test]
async fn a_connection_that_does_not_read_takes_nothing_from_the_others() {
    let server = Server::start().await;
    let _deaf = server.connect("alice").await;
    let mut reader = server.connect("bob").await;
    for id in 0..12 {
        for _ in 0..100 {
            let announcement = Announcement::NewMessage(Box::new(message(id)));
            server.announce(&["alice", "bob"], &announcement).await.expect("handed over to those who read");
        }
        for _ in 0..100 {
            assert_eq!(reader.event().await.1["_id"], message(id).id.to_string());
        }
    }
}
