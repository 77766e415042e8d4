//! A file that a real client sends through a bad network.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::script::Script;
use crate::tus;
use tus_lab::content::Content;
use tus_lab::proxy::{Conditions, Direction, Proxy, Step};
use tus_lab::wait;

/// A file that a real client is to send: the chat, the file on the disk, and a bad network between the client
/// and the server.
#[derive(Debug)]
pub struct Sending {
    /// The conversation that the file is sent to.
    pub chat: Chat,
    /// The bad network.
    pub proxy: Proxy,
    /// The file's content.
    pub content: Content,
}

impl Sending {
    /// A file of this size for a new chat, behind a network with this plan.
    pub async fn new(size: u64, plan: Vec<(u64, Step)>) -> Self {
        let chat = Chat::start().await;
        let address = chat.server.address();
        Self::behind(chat, address, size, Conditions { up: plan, ..Conditions::default() }).await
    }

    /// A file of this size for this chat, behind a network with these conditions that leads to this address.
    pub async fn behind(chat: Chat, address: SocketAddr, size: u64, conditions: Conditions) -> Self {
        let proxy = Proxy::under(address, conditions).await;
        let sending = Self { chat, proxy, content: Content::random(size) };
        sending.content.write_to(&sending.file());
        sending
    }

    /// The path of the file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.chat.server.scratch("clip.mp4")
    }

    /// The URL where uploads of this conversation are created, through the network.
    #[must_use]
    pub fn endpoint(&self, conversation: &str) -> String {
        let base = self.chat.server.base();
        format!("{}{base}/conversations/{conversation}/files", self.proxy.url())
    }

    /// The configuration with which a script sends the file as a message of the first member.
    #[must_use]
    pub fn config(&self, options: Value) -> Value {
        json!({
            "endpoint": self.endpoint(&self.chat.conversation),
            "token": self.chat.alice.token,
            "file": self.file(),
            "metadata": {"filename": "clip.mp4", "filetype": "video/mp4", "client_message_id": "clip-1"},
            "options": options,
        })
    }

    /// Waits for the client's success, and checks that it was told the only message, and that the message has
    /// the bytes that it sent.
    pub async fn check(&self, client: &Script) {
        let success = client.saw("success").await;
        let message = self.chat.only_message().await;
        assert_eq!(success["message_id"], message["_id"], "{success}");
        self.check_message(&message).await;
    }

    /// Checks an upload in parts that these clients made, one after the other: the last client was told the
    /// only message. Ends the parts.
    pub async fn check_joined(&self, clients: &[&Script]) {
        let success = clients.last().expect("there is a client").saw("success").await;
        let message = self.chat.only_message().await;
        assert_eq!(success["message_id"], message["_id"], "{success}");
        tus::end_parts(&self.chat, clients).await;
        self.check_message(&message).await;
    }

    /// Checks that the message has the bytes of the file, and that nothing else is left.
    pub async fn check_message(&self, message: &Value) {
        assert_eq!(message["sha256"], self.content.sha256());
        assert_eq!(self.chat.media_digest(message).await, (self.content.len(), self.content.sha256()));
        self.chat.check_folders().await;
    }

    /// Waits until the server has recorded at least `least` bytes of this client's uploads, and returns how
    /// many. The client must not have to send these again; it may have to send bytes that are not on the disk
    /// yet.
    pub async fn secured(&self, client: &Script, least: u64) -> u64 {
        wait::until("the server holds what arrived", async || {
            let mut held = 0;
            for location in tus::created_by(&[client]) {
                let status = self.chat.status(&location).await.expecting(200).json();
                held += status["offset"].as_u64().expect("an offset is a number");
            }
            (held >= least).then_some(held)
        })
        .await
    }

    /// Checks that at most `bound` bytes of the file went over the network twice.
    pub fn check_sent_again(&self, bound: u64) {
        const HEADERS: u64 = 64 * 1024;
        let twice = self.proxy.carried(Direction::Up).saturating_sub(self.content.len());
        assert!(twice <= bound + HEADERS, "{twice} bytes were sent twice");
    }
}
