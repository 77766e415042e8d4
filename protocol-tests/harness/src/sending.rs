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

/// A file that a real client is to send: the stage, the file on the disk, and a bad network between the
/// client and the server.
#[derive(Debug)]
pub struct Sending {
    /// The stage.
    pub chat: Chat,
    /// The network.
    pub proxy: Proxy,
    /// What the file contains.
    pub content: Content,
}

impl Sending {
    /// A file of this size on a stage of its own, behind a network with this plan.
    pub async fn new(size: u64, plan: Vec<(u64, Step)>) -> Self {
        let chat = Chat::start().await;
        let address = chat.server.address();
        Self::behind(chat, address, size, Conditions { up: plan, ..Conditions::default() }).await
    }

    /// A file of this size on this stage, behind a network under these conditions that leads to this address.
    pub async fn behind(chat: Chat, address: SocketAddr, size: u64, conditions: Conditions) -> Self {
        let proxy = Proxy::under(address, conditions).await;
        let sending = Self { chat, proxy, content: Content::random(size) };
        sending.content.write_to(&sending.file());
        sending
    }

    /// Where the file is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.chat.server.scratch("clip.mp4")
    }

    /// Where uploads of this conversation are created, through the network.
    #[must_use]
    pub fn endpoint(&self, conversation: &str) -> String {
        let base = self.chat.server.base();
        format!("{}{base}/conversations/{conversation}/files", self.proxy.url())
    }

    /// What every script needs to know to send the file as a message of the first member.
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

    /// Waits until the client is through, and checks that it has in its hands the one message there is, with
    /// the bytes that it sent.
    pub async fn check(&self, client: &Script) {
        let success = client.saw("success").await;
        let message = self.chat.only_message().await;
        assert_eq!(success["message_id"], message["_id"], "{success}");
        self.check_message(&message).await;
    }

    /// The same for an upload in parts, on which several clients may have worked, one after the other. The
    /// last answer that they get is that of the joined upload.
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

    /// Waits until the server holds at least so many bytes of what this client created, and tells how many.
    /// They are not to be sent again, whatever happens; what is still on its way to the disk may be.
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

    /// Checks that of the whole file no more than so many bytes went over the network twice.
    pub fn check_sent_again(&self, bound: u64) {
        const HEADERS: u64 = 64 * 1024;
        let twice = self.proxy.carried(Direction::Up).saturating_sub(self.content.len());
        assert!(twice <= bound + HEADERS, "{twice} bytes were sent twice");
    }
}
