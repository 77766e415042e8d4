use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::plan::Place;
use super::running::{Running, Start};
use super::{Contender, Options, cloud, ended};
use harness::chat::conversation_id;
use harness::http::Request;
use harness::token::Token;

/// The user who sends, and the one who listens.
const SENDER: &str = "alice@example.com";
const LISTENER: &str = "bob@example.com";

/// A running server with a folder of its own. It may be several processes.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) contender: Contender,
    pub(super) start: Start,
    processes: Vec<Running>,
    /// A conversation of sender and listener, if the server has conversations.
    pub(super) conversation: Option<String>,
    /// The path of the file that is read.
    pub(super) film: Option<String>,
    /// A file with the paths of records that are asked for.
    pub(super) records: Option<PathBuf>,
}

impl Instance {
    pub(super) async fn start(
        options: &Options,
        contender: Contender,
        flags: &'static [&'static str],
    ) -> Result<Self, String> {
        let folder = contender.folder(options);
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let place = contender.has_bucket().then(|| cloud::place(options));
        let start = Start { contender, folder, flags, place };
        let mut instance =
            Self { contender, start, processes: Vec::new(), conversation: None, film: None, records: None };
        for number in 0..contender.processes() {
            instance.processes.push(instance.start.process(options, number).await?);
        }
        if contender.is_longhaul() {
            instance.conversation = Some(instance.make_conversation().await?);
        }
        Ok(instance)
    }

    /// Kills the process with this number, and waits for its end.
    pub(super) async fn kill(&mut self, number: usize) -> Result<(), String> {
        self.processes[number].child.kill().await.map_err(|error| error.to_string())
    }

    /// Starts a killed process again with the same folder; answers how long that took.
    pub(super) async fn start_again(&mut self, options: &Options, number: usize) -> Result<f64, String> {
        self.processes[number] = self.start.process(options, number).await?;
        Ok(self.processes[number].start_secs)
    }

    /// Ends the server, and removes its files or keeps them until the bench has ended.
    pub(super) async fn end(mut self, options: &Options) -> Result<(), String> {
        for process in &mut self.processes {
            if self.contender == Contender::Nginx {
                process.terminate();
                _ = process.child.wait().await;
            }
            _ = process.child.kill().await;
        }
        let folder = &self.start.folder;
        ended::keep(options, folder).map_err(|error| format!("{}: {error}", folder.display()))
    }

    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().filter_map(|process| process.child.id())
    }

    /// The address of the process with this number.
    pub(super) fn address(&self, number: usize) -> Result<SocketAddr, String> {
        self.processes[number].address()
    }

    /// The URL of this kind at each process. A server without messages has one for all uploads.
    pub(super) fn endpoints(&self, place: Place) -> Vec<String> {
        let path = self.path(place);
        self.processes.iter().map(|process| format!("{}{path}", process.url)).collect()
    }

    /// What comes behind the URL that a process tells.
    pub(super) fn path(&self, place: Place) -> String {
        match (&self.conversation, place) {
            (None, _) => String::new(),
            (Some(_), Place::Plain) => "/files".to_owned(),
            (Some(id), Place::Bound) => format!("/conversations/{id}/files"),
            (Some(_), Place::Form) => "/messages/upload".to_owned(),
        }
    }

    /// The sender's token, if the server wants one.
    pub(super) fn token(&self) -> Option<String> {
        self.contender.is_longhaul().then(|| Token::of(SENDER).mint())
    }

    /// The listener's token, if the server wants one.
    pub(super) fn listener(&self) -> Option<String> {
        self.contender.is_longhaul().then(|| Token::of(LISTENER).mint())
    }

    /// The newest message of the conversation.
    pub(super) async fn message(&self) -> Result<Value, String> {
        let id = self.conversation.as_deref().unwrap_or_default();
        let get = Request::new(self.address(0)?, "GET", &format!("/conversations/{id}/messages?limit=1"));
        let answer = get.bearer(&self.listener().unwrap_or_default()).try_send().await;
        let page = answer.map_err(|error| format!("no message: {error}"))?.json();
        Ok(page["messages"][0].clone())
    }

    async fn make_conversation(&self) -> Result<String, String> {
        let id = conversation_id();
        let admin = Token::of("admin@example.com").with("scope", "chat admin").mint();
        let put = Request::new(self.address(0)?, "PUT", &format!("/conversations/{id}")).bearer(&admin);
        let answer = put.json(&json!({"participants": [SENDER, LISTENER]})).try_send().await;
        match answer {
            Ok(answer) if answer.status == 201 => Ok(id),
            Ok(answer) => Err(format!("no conversation: {} {}", answer.status, answer.text())),
            Err(error) => Err(format!("no conversation: {error}")),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.contender == Contender::Nginx {
            self.processes.iter().for_each(Running::terminate);
        }
    }
}
