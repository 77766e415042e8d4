//! The real clients: scripts that follow orders and report events.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use tus_lab::note::note;
use tus_lab::wait;

/// The event that is noted when the script has ended.
const END: &str = "the end";

/// A real client: a script that gets its orders as JSON and prints a line of JSON for everything
/// that happens to it, as `{"event": …}`.
#[derive(Debug)]
pub struct Script {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    events: Arc<watch::Sender<Vec<Value>>>,
}

impl Script {
    /// Starts `clients/<name>.js` with this configuration.
    ///
    /// # Panics
    /// When the npm packages are missing.
    #[must_use]
    pub fn start(name: &str, config: &Value) -> Self {
        check_installed(&clients().join("node_modules"));
        Self::run(Path::new("node"), &format!("{name}.js"), config)
    }

    /// Starts `clients/<name>.py` with this configuration.
    ///
    /// # Panics
    /// When the Python packages are missing.
    #[must_use]
    pub fn start_python(name: &str, config: &Value) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/bin/python");
        check_installed(&python);
        Self::run(&python, &format!("{name}.py"), config)
    }

    /// Starts the script. Proxies that the environment names are taken away: they are not for loopback.
    fn run(interpreter: &Path, name: &str, config: &Value) -> Self {
        let mut child = Command::new(interpreter)
            .arg(clients().join(name))
            .arg(config.to_string())
            .envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the script's interpreter can be started");
        let events = Arc::new(watch::Sender::new(Vec::new()));
        let stdout = child.stdout.take().expect("its output is piped");
        let stderr = child.stderr.take().expect("its errors are piped");
        let told = collect(stdout, Arc::clone(&events), parse);
        let complaints = collect(stderr, Arc::clone(&events), complaint);
        let until_the_end = Arc::clone(&events);
        tokio::spawn(async move {
            tokio::join!(told, complaints);
            until_the_end.send_modify(|events| events.push(json!({"event": END})));
        });
        let orders = child.stdin.take();
        Self { name: name.to_owned(), child, orders, events }
    }

    /// Gives the script another order.
    pub async fn order(&mut self, order: &Value) {
        let orders = self.orders.as_mut().expect("a script that was not ended takes orders");
        let line = format!("{order}\n");
        orders.write_all(line.as_bytes()).await.expect("the script still runs");
    }

    /// All events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.events.borrow().clone()
    }

    /// What there is to see in the events so far, of which there may be many.
    pub fn look<T>(&self, at: impl FnOnce(&[Value]) -> T) -> T {
        at(&self.events.borrow())
    }

    /// The data of every event of this name so far.
    #[must_use]
    pub fn all(&self, event: &str) -> Vec<Value> {
        let of_this_name = |seen: &&Value| seen["event"] == event;
        self.look(|events| events.iter().filter(of_this_name).map(|seen| seen["data"].clone()).collect())
    }

    /// Forgets all events so far, for a script that is to do something again.
    pub fn forget(&self) {
        self.events.send_modify(Vec::clear);
    }

    /// Forgets all events so far but those that are kept.
    pub fn forget_but(&self, keeps: impl Fn(&Value) -> bool) {
        self.events.send_modify(|events| events.retain(keeps));
    }

    /// Waits for the first event of this name, and returns its data.
    pub async fn saw(&self, event: &str) -> Value {
        self.saw_with(event, |_| true).await
    }

    /// Waits for the first event of this name for whose data `pleases` holds, and returns the data.
    ///
    /// # Panics
    /// When the event does not come; at once if the script has ended.
    pub async fn saw_with(&self, event: &str, pleases: impl Fn(&Value) -> bool) -> Value {
        let mut events = self.events.subscribe();
        let find = |seen: &Vec<Value>| {
            seen.iter()
                .find(|seen| seen["event"] == event && pleases(&seen["data"]))
                .map(|seen| seen["data"].clone())
        };
        let what = format!("{} tells of {event}", self.name);
        let is_over = |seen: &Vec<Value>| seen.last().is_some_and(|last| last["event"] == END);
        let seen = wait::bounded(&what, events.wait_for(|seen| find(seen).is_some() || is_over(seen))).await;
        let seen = seen.expect("the sender lives as long as the script");
        find(&seen).unwrap_or_else(|| panic!("this did not happen before its end: {what}"))
    }

    /// Kills the script with SIGKILL.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the script can be killed");
    }

    /// Closes its input, which tells it to stop, and waits until it has.
    pub async fn end(&mut self) -> ExitStatus {
        self.orders = None;
        wait::bounded("a script ends", self.child.wait()).await.expect("the script was ours")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events: Vec<_> = self.events().iter().map(|event| shortened(&event.to_string())).collect();
            note(format_args!("{} told:\n{}", self.name, events.join("\n")));
        }
    }
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients")
}

fn check_installed(what: &Path) {
    assert!(what.exists(), "{} is missing: start the tests with protocol-tests/run", what.display());
}

/// A socket.io client of this token, connected to this server, below a path if the URL has one, over these
/// transports.
pub async fn socket(url: &str, token: &str, transports: &[&str]) -> Script {
    let host = url.find("://").map_or(0, |at| at + 3);
    let (origin, base) = url.split_at(url[host..].find('/').map_or(url.len(), |at| host + at));
    let config = json!({
        "url": origin, "path": format!("{base}/socket.io"), "auth": {"token": token}, "transports": transports,
    });
    let socket = Script::start("socket", &config);
    socket.saw("connect").await;
    socket
}

async fn collect(
    stream: impl AsyncRead + Unpin,
    events: Arc<watch::Sender<Vec<Value>>>,
    parse: fn(&str) -> Value,
) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        events.send_modify(|events| events.push(parse(&line)));
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| json!({"event": "stray output", "data": line}))
}

fn complaint(line: &str) -> Value {
    json!({"event": "complaint", "data": line})
}

fn shortened(line: &str) -> String {
    line.chars().take(600).collect()
}
