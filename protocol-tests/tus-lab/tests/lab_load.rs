//! `tus-lab load` against a sink: each scenario does what it says.

use std::collections::BTreeMap;

use clap::Parser;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tus_lab::load::{Report, Scenario, Settings};
use tus_lab::note::note;
use tus_lab::sink::{self, Keeping};
use tus_lab::wait;

const KIB: u64 = 1024;

/// A command line with a scenario.
#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

fn scenario(line: &str) -> Scenario {
    Line::try_parse_from(format!("load {line}").split_whitespace()).expect("a scenario").scenario
}

async fn run(settings: &Settings, line: &str) -> Report {
    let report = wait::bounded(line, scenario(line).run(settings)).await.expect("it can be run");
    note(&report);
    report
}

/// Runs a scenario in which nothing may fail.
async fn good(settings: &Settings, line: &str) -> Report {
    let report = run(settings, line).await;
    assert_eq!(report.failures, BTreeMap::new(), "{line}");
    assert!(report.is_good());
    report
}

/// The sink has no GET, and accepts bytes of a connection that the client has given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_sink_takes_everything_and_promises_nothing() {
    for keeping in [Keeping::Discard, Keeping::Write, Keeping::Fsync, Keeping::Direct, Keeping::DirectSha256]
    {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        let endpoint = sink_in(&folder, keeping).await;
        let settings = Settings::of(&endpoint);
        assert_eq!(good(&settings, "big --size 300KiB --clients 2").await.bytes, 600 * KIB);
        assert_eq!(good(&settings, "chunked --size 8KiB --chunk 4KiB --secs 60").await.requests, 2);
        assert_eq!(good(&settings, "tiny -n 3 --clients 1 --secs 60").await.requests, 3);
        assert_eq!(good(&settings, "head -n 9 --uploads 2 --secs 60").await.requests, 9);
        assert_eq!(good(&settings, "oneshot -n 3 --clients 1 --secs 60").await.requests, 3);
        assert_eq!(good(&settings, "concat --size 10000 --parts 3").await.requests, 1);
        let verified = run(&Settings { verify: true, ..settings }, "big --size 1KiB").await;
        assert!(!verified.is_good(), "nothing can be read back");
        let kept = std::fs::read_dir(folder.path()).expect("the folder is there").count();
        assert_eq!(kept == 0, keeping == Keeping::Discard, "{keeping:?} kept {kept} files");
    }
}

/// The lengths are no multiples of a block, and the second body begins where none begins.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_past_the_page_cache_arrives_whole() {
    for keeping in [Keeping::Direct, Keeping::DirectSha256] {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        let settings = Settings::of(sink_in(&folder, keeping).await);
        assert_eq!(good(&settings, "big --size 5000001").await.bytes, 5_000_001);
        let chunks = "chunked --size 9000002 --chunk 3000001 --clients 1 --secs 60";
        assert_eq!(good(&settings, chunks).await.requests, 3);
        let files = [1, 2].map(|number| std::fs::read(folder.path().join(number.to_string())));
        let [big, chunked] = files.map(|file| file.expect("the sink kept it"));
        assert_eq!((big.len(), chunked.len()), (5_000_001, 9_000_002));
        check_pattern(&big);
        check_pattern(&chunked);
    }
}

/// What is uploaded repeats itself after so many bytes, which are no multiple of a block.
fn check_pattern(bytes: &[u8]) {
    const PERIOD: usize = 1_048_583;
    assert!(bytes.iter().any(|byte| *byte != 0));
    assert!(bytes[PERIOD..] == bytes[..bytes.len() - PERIOD], "something is missing, doubled or elsewhere");
}

async fn sink_in(folder: &TempDir, keeping: Keeping) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(sink::run(listener, folder.path().to_owned(), keeping));
    format!("http://{address}/files/")
}
