//! The setting of most tests: a conversation, its members and a stranger.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::place::Place;
use crate::multipart::Form;
use crate::script::{Script, socket};
use crate::server::{Server, Setup};
use crate::token::Token;
use tus_lab::content::Digest;
use tus_lab::http::{Head, Request, Response};
use tus_lab::wait;

/// A person with a token.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's id.
    pub name: String,
    /// A token that is good for an hour.
    pub token: String,
}

impl User {
    /// A user of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), token: Token::of(name).mint() }
    }

    /// The admin, who may make conversations.
    #[must_use]
    pub fn admin() -> Self {
        let token = Token::of("admin@example.com").with("scope", "chat admin").mint();
        Self { name: "admin@example.com".to_owned(), token }
    }
}

/// One conversation, two members and a stranger, on a server of their own.
#[derive(Debug)]
pub struct Chat {
    /// The server.
    pub server: Server,
    /// The id of the conversation.
    pub conversation: String,
    /// The first member: the sender of most messages.
    pub alice: User,
    /// The second member: the reader of most messages.
    pub bob: User,
    /// A stranger: a user with a good token, but not a member.
    pub eve: User,
}

impl Chat {
    /// A conversation on a new server with default settings.
    pub async fn start() -> Self {
        Self::on(Setup::default()).await
    }

    /// A conversation on a new server with these settings.
    pub async fn on(setup: Setup) -> Self {
        Self::with(setup.start().await).await
    }

    /// A conversation on this server.
    pub async fn with(server: Server) -> Self {
        let [alice, bob, eve] = ["alice@example.com", "bob@example.com", "eve@example.com"].map(User::named);
        let chat = Self { server, conversation: conversation_id(), alice, bob, eve };
        chat.put_conversation(&chat.conversation, &[&chat.alice, &chat.bob]).await.expecting(201);
        chat
    }

    /// Makes a second conversation of the same two members, and returns its id.
    pub async fn another_conversation(&self) -> String {
        let id = conversation_id();
        self.put_conversation(&id, &[&self.alice, &self.bob]).await.expecting(201);
        id
    }

    /// Sets the members of a conversation, as the admin.
    pub async fn put_conversation(&self, id: &str, members: &[&User]) -> Response {
        let participants: Vec<_> = members.iter().map(|member| &member.name).collect();
        let body = json!({"participants": participants});
        self.request(&User::admin(), "PUT", &format!("/conversations/{id}")).json(&body).send().await
    }

    /// A request of this user.
    #[must_use]
    pub fn request(&self, user: &User, method: &str, target: &str) -> Request {
        self.server.request(method, target).bearer(&user.token)
    }

    /// A one-shot upload of this user, still without a form.
    #[must_use]
    pub fn one_shot(&self, user: &User) -> Request {
        self.request(user, "POST", "/messages/upload")
    }

    /// Sends a small file as a message of the first member, and returns the message.
    pub async fn post(&self, file: &str, bytes: &[u8]) -> Value {
        let form = Form::of(file, bytes, &self.conversation);
        let answer = form.into_request(self.one_shot(&self.alice)).send().await.expecting(200);
        answer.json()["message"].clone()
    }

    /// All messages of the conversation, newest first, page by page, as the second member reads
    /// them.
    pub async fn messages(&self) -> Vec<Value> {
        self.messages_of(&self.conversation).await
    }

    /// All messages of this conversation, newest first, as the second member reads them.
    pub async fn messages_of(&self, conversation: &str) -> Vec<Value> {
        let mut messages = Vec::new();
        let mut before = String::new();
        loop {
            let target = format!("/conversations/{conversation}/messages?limit=200{before}");
            let page = self.request(&self.bob, "GET", &target).send().await.expecting(200).json();
            messages.extend(page["messages"].as_array().expect("messages are an array").clone());
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return messages,
            }
        }
    }

    /// The one message of the conversation.
    ///
    /// # Panics
    /// When there is another number of them.
    pub async fn only_message(&self) -> Value {
        let messages = self.messages().await;
        assert_eq!(messages.len(), 1, "there is exactly one message: {messages:?}");
        messages.into_iter().next().expect("one was counted")
    }

    /// Waits until the conversation has a message, and returns the one that it has.
    pub async fn first_message(&self) -> Value {
        wait::until_true("a message appears", async || !self.messages().await.is_empty()).await;
        self.only_message().await
    }

    /// The whole media of a message, as the second member gets it.
    pub async fn media(&self, message: &Value) -> Response {
        self.request(&self.bob, "GET", text(message, "media_url")).send().await.expecting(200)
    }

    /// Downloads the media of a message as the second member, and returns its length and
    /// SHA-256; nothing is held in memory.
    pub async fn media_digest(&self, message: &Value) -> (u64, String) {
        let request = self.request(&self.bob, "GET", text(message, "media_url"));
        let mut digest = Digest::default();
        let head = wait::bounded("the media comes", fetch_into(&request, &mut digest)).await;
        assert_eq!(head.status, 200, "{head:?}");
        (digest.len(), digest.hex())
    }

    /// A socket of this user, connected.
    pub async fn socket(&self, user: &User) -> Script {
        let url = format!("{}{}", self.server.url(), self.server.base());
        socket(&url, &user.token, &["websocket"]).await
    }

    /// Checks that no part is left of an upload, and that exactly the messages that can be read have a
    /// folder, with one file each.
    pub async fn check_folders(&self) {
        if let Some(place) = self.server.place() {
            return self.check_place(place).await;
        }
        let folder = self.server.folder();
        wait::until_true("no part file is left", async || folder.parts().is_empty()).await;
        let messages = self.messages().await;
        let read: BTreeSet<_> = messages.iter().map(|message| text(message, "_id").to_owned()).collect();
        let chats = folder.chats();
        let stored: BTreeSet<_> = chats.keys().cloned().collect();
        assert_eq!(stored, read, "every message has a folder, and every folder a message");
        for (id, files) in chats {
            assert_eq!(files.len(), 1, "the message {id} has exactly one file: {files:?}");
        }
    }

    /// The same for nodes: no bytes are left of an upload, exactly the messages that can be read have an
    /// object, and nothing else is in the bucket.
    async fn check_place(&self, place: &Place) {
        wait::until_true("no bytes are left of an upload", async || {
            place.rows("select upload from stored").is_empty()
        })
        .await;
        place.is_tidy().await;
        let messages = self.messages().await;
        let read: BTreeSet<_> = messages.iter().map(|message| text(message, "_id").to_owned()).collect();
        let stored: BTreeSet<_> =
            place.rows("select encode(message, 'hex') from files").into_iter().collect();
        assert_eq!(stored, read, "every message has an object, and every object a message");
    }

    /// The status document of an upload, as the first member gets it.
    pub async fn status(&self, location: &str) -> Response {
        self.request(&self.alice, "GET", location).header("Accept", "application/json").send().await
    }

    /// Waits until the state of an upload is this one.
    pub async fn upload_is(&self, location: &str, state: &str) {
        let what = format!("the upload is {state}");
        wait::until_true(&what, async || {
            let answer = self.status(location).await;
            answer.status == 200 && answer.json()["state"] == state
        })
        .await;
    }
}

/// A random id of a conversation.
#[must_use]
pub fn conversation_id() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    data_encoding::HEXLOWER.encode(&bytes)
}

/// Checks that an answer is an error as every route gives it, and returns its text for people.
///
/// # Panics
/// When it is not.
pub fn check_detail(answer: &Response, status: u16) -> String {
    assert_eq!(answer.status, status, "{:?} {}", answer.head, answer.text());
    let body = answer.json();
    let keys: Vec<_> = body.as_object().expect("an error is an object").keys().collect();
    assert_eq!(keys, ["code", "detail"], "an error has two keys: {body}");
    let code = body["code"].as_str().expect("the code is a string");
    assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{code}");
    let detail = body["detail"].as_str().expect("the detail is a string");
    assert!(!detail.is_empty(), "the detail says something");
    detail.to_owned()
}

/// Checks that an answer is an error with this code.
///
/// # Panics
/// When it is not.
pub fn check_code(answer: &Response, status: u16, code: &str) -> String {
    let detail = check_detail(answer, status);
    assert_eq!(answer.json()["code"], code, "{detail}");
    detail
}

fn text<'a>(message: &'a Value, key: &str) -> &'a str {
    message[key].as_str().unwrap_or_else(|| panic!("{key} is a string: {message}"))
}

async fn fetch_into(request: &Request, digest: &mut Digest) -> Head {
    let mut connection = request.open().await;
    let answer = connection.try_answer_into(false, |bytes| digest.take(bytes)).await;
    answer.expect("the media comes whole")
}
