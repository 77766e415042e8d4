//! A process of a server that is measured.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use super::{Contender, Options, nginx};
use harness::cluster::Place;
use harness::http::Request;

/// How long a server may take to start, with a million records.
const BOUND: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(5);

/// What the processes of a server are started with.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) contender: Contender,
    /// The server's own folder.
    pub(super) folder: PathBuf,
    pub(super) flags: &'static [&'static str],
    /// Where its rows and objects are, if it has a bucket.
    pub(super) place: Option<Place>,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    /// The URL that it told: of tusd and the sinks the one of creation, of longhaul the root.
    pub(super) url: String,
    /// How long it took to get ready.
    pub(super) start_secs: f64,
}

impl Running {
    /// The address that it listens on.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        address_in(&self.url).ok_or_else(|| format!("{} has no address", self.url))
    }

    /// Ends it with the processes that it started, which a kill would leave behind.
    pub(super) fn terminate(&self) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        pid.into_iter().for_each(|pid| _ = kill_process(pid, Signal::TERM));
    }
}

impl Start {
    /// Starts the process with this number and waits until it is ready; its log is beside the server's
    /// folder.
    pub(super) async fn process(&self, options: &Options, number: usize) -> Result<Running, String> {
        let Self { contender, folder, flags, place } = self;
        let log = folder.with_extension(format!("{number}.log"));
        let what = |error: std::io::Error| format!("{} did not start: {error}", contender.name());
        let output = File::create(&log).map_err(what)?;
        let errors = output.try_clone().map_err(what)?;
        let data = folder.join(if number == 0 { "data".to_owned() } else { format!("data-{number}") });
        if *contender == Contender::Nginx {
            nginx::prepare(&data, &Contender::Longhaul.folder(options).join("data")).map_err(what)?;
        }
        let mut command = contender.command(options, &data, place.as_ref(), flags);
        let started = Instant::now();
        let mut child = command.stdout(output).stderr(errors).spawn().map_err(what)?;
        let mut url = None;
        while started.elapsed() < BOUND && child.try_wait().map_err(what)?.is_none() {
            url = url.or_else(|| match contender {
                Contender::Nginx => nginx::url(&data),
                _ => url_in(&fs::read_to_string(&log).unwrap_or_default()),
            });
            if let Some(url) = &url
                && is_ready(*contender, url).await
            {
                return Ok(Running { child, url: url.clone(), start_secs: started.elapsed().as_secs_f64() });
            }
            tokio::time::sleep(STEP).await;
        }
        _ = child.kill().await;
        let log = fs::read_to_string(&log).unwrap_or_default();
        Err(format!("{} did not start:\n{log}", contender.name()))
    }
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
