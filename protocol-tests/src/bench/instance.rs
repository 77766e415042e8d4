use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::Child;

use super::{Contender, Options, cloud, ended, nginx};
use harness::chat::conversation_id;
use harness::cluster::Place;
use harness::http::Request;
use harness::token::Token;

/// How long a server may take to start, with a million records.
const BOUND: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(5);

/// The user who sends, and the one who listens.
const SENDER: &str = "alice@example.com";
const LISTENER: &str = "bob@example.com";

/// A running server with a folder of its own.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) contender: Contender,
    folder: PathBuf,
    flags: &'static [&'static str],
    /// Where its rows and objects are, if it has a bucket.
    place: Option<Place>,
    child: Child,
    /// The URL of creation.
    url: String,
    /// A conversation of sender and listener, if the server has conversations.
    pub(super) conversation: Option<String>,
    /// The path of the file that is read.
    pub(super) film: Option<String>,
    /// How long the process took to get ready.
    pub(super) start_secs: f64,
}

impl Instance {
    pub(super) async fn start(
        options: &Options,
        contender: Contender,
        flags: &'static [&'static str],
    ) -> Result<Self, String> {
        let folder = folder(options, contender);
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let place = contender.has_bucket().then(|| cloud::place(options));
        let (child, url, start_secs) = launch(options, contender, &folder, place.as_ref(), flags).await?;
        let mut instance =
            Self { contender, folder, flags, place, child, url, conversation: None, film: None, start_secs };
        if contender.is_longhaul() {
            instance.conversation = Some(instance.make_conversation().await?);
        }
        Ok(instance)
    }

    /// Kills the server, and starts it again with the same folder.
    pub(super) async fn restart(&mut self, options: &Options) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())?;
        let (child, url, start_secs) =
            launch(options, self.contender, &self.folder, self.place.as_ref(), self.flags).await?;
        (self.child, self.url, self.start_secs) = (child, url, start_secs);
        Ok(())
    }

    /// Ends the server, and removes its files or keeps them until the bench has ended.
    pub(super) async fn end(mut self, options: &Options) -> Result<(), String> {
        if self.contender == Contender::Nginx {
            self.terminate();
            _ = self.child.wait().await;
        }
        _ = self.child.kill().await;
        ended::keep(options, &self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    /// Ends it with the processes that it started, which a kill would leave behind.
    fn terminate(&self) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        pid.into_iter().for_each(|pid| _ = kill_process(pid, Signal::TERM));
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The URL where uploads are created that belong to no conversation.
    pub(super) fn plain(&self) -> String {
        if self.contender.is_longhaul() { format!("{}/files", self.url) } else { self.url.clone() }
    }

    /// The URL where uploads are created that become messages; at a server without messages, the one of plain
    /// uploads.
    pub(super) fn bound(&self) -> String {
        self.conversation
            .as_ref()
            .map_or_else(|| self.plain(), |id| format!("{}/conversations/{id}/files", self.url))
    }

    /// The URL that takes forms.
    pub(super) fn form(&self) -> String {
        if self.contender.is_longhaul() { format!("{}/messages/upload", self.url) } else { self.url.clone() }
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
        let address = address_in(&self.url).ok_or_else(|| format!("{} has no address", self.url))?;
        let id = self.conversation.as_deref().unwrap_or_default();
        let get = Request::new(address, "GET", &format!("/conversations/{id}/messages?limit=1"));
        let answer = get.bearer(&self.listener().unwrap_or_default()).try_send().await;
        let page = answer.map_err(|error| format!("no message: {error}"))?.json();
        Ok(page["messages"][0].clone())
    }

    async fn make_conversation(&self) -> Result<String, String> {
        let id = conversation_id();
        let address = address_in(&self.url).ok_or_else(|| format!("{} has no address", self.url))?;
        let admin = Token::of("admin@example.com").with("scope", "chat admin").mint();
        let put = Request::new(address, "PUT", &format!("/conversations/{id}")).bearer(&admin);
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
            self.terminate();
        }
    }
}

/// The folder of a server.
pub(super) fn folder(options: &Options, contender: Contender) -> PathBuf {
    options.folder.join(contender.name().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-"))
}

/// Starts the process and waits until it is ready; its log is beside its folder.
async fn launch(
    options: &Options,
    contender: Contender,
    folder: &std::path::Path,
    place: Option<&Place>,
    flags: &[&str],
) -> Result<(Child, String, f64), String> {
    let log = folder.with_extension("log");
    let what = |error: std::io::Error| format!("{} did not start: {error}", contender.name());
    let output = File::create(&log).map_err(what)?;
    let errors = output.try_clone().map_err(what)?;
    let data = folder.join("data");
    if contender == Contender::Nginx {
        nginx::prepare(&data, &self::folder(options, Contender::Longhaul).join("data")).map_err(what)?;
    }
    let mut command = contender.command(options, &data, place, flags);
    let started = Instant::now();
    let mut child = command.stdout(output).stderr(errors).spawn().map_err(what)?;
    let mut url = None;
    while started.elapsed() < BOUND && child.try_wait().map_err(what)?.is_none() {
        url = url.or_else(|| match contender {
            Contender::Nginx => nginx::url(&data),
            _ => url_in(&fs::read_to_string(&log).unwrap_or_default()),
        });
        if let Some(url) = &url
            && is_ready(contender, url).await
        {
            return Ok((child, url.clone(), started.elapsed().as_secs_f64()));
        }
        tokio::time::sleep(STEP).await;
    }
    _ = child.kill().await;
    let log = fs::read_to_string(&log).unwrap_or_default();
    Err(format!("{} did not start:\n{log}", contender.name()))
}

async fn is_ready(contender: Contender, url: &str) -> bool {
    let Some(address) = address_in(url) else { return false };
    let target = if contender.is_longhaul() { "/readyz" } else { "/" };
    let answer = Request::new(address, "GET", target).try_send().await;
    answer.is_ok_and(|answer| answer.status == 200 || !contender.is_longhaul())
}

/// The URL in the line that tells where the server listens.
fn url_in(log: &str) -> Option<String> {
    let told = |line: &str| {
        let (_, url) =
            line.split_once("istening on http://").or_else(|| line.split_once("files to: http://"))?;
        Some(format!("http://{}", url.trim()))
    };
    // A line without an end is not whole yet.
    log.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(told)
}

fn address_in(url: &str) -> Option<SocketAddr> {
    url.strip_prefix("http://")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_tells_where_it_listens() {
        for (log, url) in [
            ("listening on http://127.0.0.1:1\nmore", Some("http://127.0.0.1:1")),
            (
                "x\n[tusd] You can now upload files to: http://127.0.0.1:1/files/\n",
                Some("http://127.0.0.1:1/files/"),
            ),
            ("listening on http://127.0.0.1:1", None),
        ] {
            assert_eq!(url_in(log).as_deref(), url, "{log}");
        }
    }
}
