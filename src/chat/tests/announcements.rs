//! Announcements: which connections are told what, and how often. Facts of the port, and of this
//! implementation.

use async_trait::async_trait;

use super::*;
use crate::base_path::BasePath;
use crate::store::contract::announcements::{AnnouncementsFixture, Connection, Heard};

mod contract {
    crate::store::contract::announcements_contract!(super::Server::start().await);
}

#[async_trait]
impl AnnouncementsFixture for Server {
    type Connection = Client;

    fn announcements(&self) -> Arc<dyn Announcements> {
        Arc::new(self.announcements.clone())
    }

    async fn connect(&mut self, user: &UserId) -> Client {
        Client::connect(self.address, &token(user)).await
    }
}

#[async_trait]
impl Connection for Client {
    async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(Duration::from_secs(5), self.event()).await;
        let (event, data) = next.expect("an announcement in time");
        let key = if event == "new_message" { "_id" } else { "upload_id" };
        Heard { event, id: data[key].as_str().expect("an id").to_owned() }
    }
}

#[tokio::test]
async fn a_message_is_told_bare_and_an_upload_with_its_percent() {
    let server = Server::start().await;
    let mut client = server.connect("alice").await;
    let finished = Announcement::UploadFinished(progress(), MessageId::from_bytes([2; 12]));
    for announcement in [Announcement::NewMessage(Box::new(message(1))), finished] {
        server.announce(&["alice"], &announcement).await.expect("handed over");
    }
    let body = serde_json::to_value(message(1).body(&BasePath::default(), None)).expect("serializable");
    assert_eq!(client.event().await, ("new_message".into(), body));
    let (event, data) = client.event().await;
    assert_eq!(event, "upload_finished");
    assert_eq!((&data["percent"], &data["message_id"]), (&json!(50), &json!("02".repeat(12))));
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
