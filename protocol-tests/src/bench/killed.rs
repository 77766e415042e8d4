//! Uploads that were under way at a node when it was killed go on at another one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Options;
use super::instance::Instance;
use super::plan::Work;
use harness::content::Content;
use harness::http::{Connection, Request};
use tus_lab::load::{Latency, Report, Resources};

/// How many uploads are under way at a node when it is killed.
const UPLOADS: usize = 16;
/// How large an upload is.
const SIZE: u64 = 256 * 1024;
/// How much of it was acknowledged before.
const ACKNOWLEDGED: u64 = 64 * 1024;
/// How much was sent in all before.
const SENT: u64 = 128 * 1024;
/// The pause before a refused request is repeated.
const STEP: Duration = Duration::from_millis(10);
/// How long requests are repeated before the upload is given up.
const BOUND: Duration = Duration::from_secs(30);

/// A client of all nodes.
#[derive(Debug, Clone)]
struct Client {
    token: String,
    /// The path of creation.
    creation: String,
}

/// An upload, and the connection over which it is under way.
#[derive(Debug)]
struct Begun {
    location: String,
    content: Content,
    connection: Connection,
}

/// How long an upload waited, from the death on.
#[derive(Debug, Clone, Copy)]
struct Wait {
    /// Until a HEAD was answered.
    head: Duration,
    /// Until the server asked for the bytes of a PATCH.
    taken: Duration,
}

/// Kills the nodes one after the other, this many times in all. Each time, the clients of one go on at the
/// next one at once, and then it is started again.
pub(super) async fn measure(
    options: &Options,
    work: &Work,
    server: &mut Instance,
    times: usize,
) -> Result<Report, String> {
    let client = Client { token: server.token().unwrap_or_default(), creation: server.path(work.place) };
    let nodes = server.contender.processes();
    let (mut waits, mut failures) = (Vec::new(), BTreeMap::new());
    let started = Instant::now();
    for time in 0..times {
        let (dying, next) = (time % nodes, (time + 1) % nodes);
        let begun = client.begin_all(server.address(dying)?).await?;
        server.kill(dying).await?;
        for outcome in client.go_on_all(begun, server.address(next)?).await {
            match outcome {
                Ok(wait) => waits.push(wait),
                Err(why) => *failures.entry(why).or_default() += 1,
            }
        }
        server.start_again(options, dying).await?;
    }
    Ok(report(&waits, failures, started.elapsed()))
}

impl Client {
    async fn begin_all(&self, node: SocketAddr) -> Result<Vec<Begun>, String> {
        let mut tasks = JoinSet::new();
        for _ in 0..UPLOADS {
            let client = self.clone();
            tasks.spawn(async move { in_time(client.begin(node)).await });
        }
        tasks.join_all().await.into_iter().collect()
    }

    /// Creates an upload, has its beginning acknowledged, and sends more, so that the node holds the upload.
    async fn begin(&self, node: SocketAddr) -> Result<Begun, String> {
        let content = Content::random(SIZE);
        let creation = self.request(node, "POST", &self.creation).header("Upload-Length", SIZE);
        let created = creation.try_send().await.map_err(told)?;
        let location = created.header("Location").map(str::to_owned);
        let location = location.ok_or_else(|| format!("POST was answered {}", created.status))?;
        let first = self.patch(node, &location, 0).body(content.slice(0..ACKNOWLEDGED));
        let answer = first.try_send().await.map_err(told)?;
        if answer.status != 204 {
            return Err(format!("PATCH was answered {}", answer.status));
        }
        let (mut connection, status) = self.offer(node, &location, ACKNOWLEDGED).await?;
        if status != 100 {
            return Err(format!("PATCH was answered {status}"));
        }
        connection.try_send(&content.slice(ACKNOWLEDGED..SENT)).await.map_err(told)?;
        Ok(Begun { location, content, connection })
    }

    async fn go_on_all(&self, begun: Vec<Begun>, node: SocketAddr) -> Vec<Result<Wait, String>> {
        let died = Instant::now();
        let mut tasks = JoinSet::new();
        for upload in begun {
            let client = self.clone();
            tasks.spawn(async move { in_time(client.go_on(upload, node, died)).await });
        }
        tasks.join_all().await
    }

    /// Asks for the offset and sends the rest, as often as necessary.
    async fn go_on(&self, begun: Begun, node: SocketAddr, died: Instant) -> Result<Wait, String> {
        let Begun { location, content, connection } = begun;
        drop(connection);
        let mut head = None;
        loop {
            let answer = self.request(node, "HEAD", &location).try_send().await.map_err(told)?;
            let offset = answer.header("Upload-Offset").and_then(|offset| offset.parse().ok());
            if let (200, Some(offset)) = (answer.status, offset) {
                if !(ACKNOWLEDGED..=SENT).contains(&offset) {
                    return Err(format!("HEAD tells {offset}, which was never true"));
                }
                let head = *head.get_or_insert_with(|| died.elapsed());
                let (connection, status) = self.offer(node, &location, offset).await?;
                if status == 100 {
                    let wait = Wait { head, taken: died.elapsed() };
                    self.finish(node, connection, &location, &content, offset).await?;
                    return Ok(wait);
                }
            }
            sleep(STEP).await;
        }
    }

    /// Sends the head of a PATCH of the rest; answers what the server says to that: 100 once it wants the
    /// bytes.
    async fn offer(
        &self,
        node: SocketAddr,
        location: &str,
        offset: u64,
    ) -> Result<(Connection, u16), String> {
        let patch = self.patch(node, location, offset).declared_length(SIZE - offset);
        let mut connection = Connection::try_open(node).await.map_err(told)?;
        let head = patch.header("Expect", "100-continue").head();
        connection.try_send(&head).await.map_err(told)?;
        let status = connection.try_head().await.map_err(told)?.status;
        Ok((connection, status))
    }

    /// Sends the rest, and compares what the server has then.
    async fn finish(
        &self,
        node: SocketAddr,
        mut connection: Connection,
        location: &str,
        content: &Content,
        offset: u64,
    ) -> Result<(), String> {
        connection.try_send(&content.slice(offset..SIZE)).await.map_err(told)?;
        let answer = connection.try_answer(false).await.map_err(told)?;
        if answer.status != 204 {
            return Err(format!("the rest was answered {}", answer.status));
        }
        let back = self.request(node, "GET", location).try_send().await.map_err(told)?;
        if back.body == content.slice(0..SIZE) { Ok(()) } else { Err("what is read back differs".to_owned()) }
    }

    fn request(&self, node: SocketAddr, method: &str, target: &str) -> Request {
        Request::new(node, method, target).bearer(&self.token).header("Tus-Resumable", "1.0.0")
    }

    fn patch(&self, node: SocketAddr, location: &str, offset: u64) -> Request {
        let patch = self.request(node, "PATCH", location).header("Upload-Offset", offset);
        patch.header("Content-Type", "application/offset+octet-stream")
    }
}

fn report(waits: &[Wait], failures: BTreeMap<String, u64>, took: Duration) -> Report {
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    let latency =
        |of: fn(&Wait) -> Duration| Latency::of(waits.iter().map(|wait| micros(of(wait))).collect());
    let taken = latency(|wait| wait.taken).map(|taken| f64::from(taken.p99_micros) / 1e3);
    let count = waits.len() as u64;
    Report {
        scenario: "killed".to_owned(),
        requests: count,
        bytes: count * SIZE,
        requests_per_sec: 0.0,
        mib_per_sec: 0.0,
        latency: latency(|wait| wait.head),
        connects: 0,
        // The kills take some with them, so they are not counted.
        resources: Resources { wall_secs: took.as_secs_f64(), ..Resources::default() },
        extra: taken.map(|taken| ("accepted_ms_p99".to_owned(), taken)).into_iter().collect(),
        compared: count,
        failures,
    }
}

/// The outcome of a client's work, if it comes in time.
async fn in_time<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(BOUND, work).await.unwrap_or_else(|_| Err(format!("not done within {BOUND:?}")))
}

fn told(error: std::io::Error) -> String {
    error.to_string()
}
