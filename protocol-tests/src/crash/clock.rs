//! The scenario of clocks that jump, between two starts and under a running process: nothing is lost or
//! doubled, and a conversation's messages stay in their order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::Plan;
use super::audit::Folders;
use super::chance::Chance;
use super::desk::Desk;
use super::stage::Stage;
use super::summary::{Row, Summary};
use super::way::Mix;
use harness::chat::{Chat, User};
use harness::server::{Server, Setup};
use harness::token::Token;
use harness::wait;

/// How many jumps one data folder sees.
const STRETCH: u64 = 16;
/// A jump comes within this many acknowledgements.
const SOON: u64 = 60;
/// The offsets of the server's clock from the real one, in seconds.
const OFFSETS: [i64; 8] = [0, -3_600, 86_400, -31_536_000, 1, -5, 400_000, -86_400];
/// How near the server's clock must be to the time that it was set to. This is more than the leeway of
/// tokens.
const NEAR_SECS: i64 = 200;
/// The paths where Debian, Fedora and Arch put libfaketime.
const LIBRARIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];

/// Lets the clock jump, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    let Some(library) = LIBRARIES.iter().map(Path::new).find(|path| path.exists()) else {
        return summary.say(Row::skipped("clock jumps", "they need libfaketime, which is not installed"));
    };
    let mut chance = Chance::seeded(plan.seed);
    for jumps in plan.stretches(STRETCH) {
        // The clock jumps over a year, so no window may end before that by any clock.
        let years = 4 * 365 * 86_400;
        let setup = plan.setup().setting("--expire-after", years).setting("--result-window", years);
        let setup = setup.env("LD_PRELOAD", library.display()).env("FAKETIME_DONT_FAKE_MONOTONIC", 1);
        summary.run("clock jumps".to_owned(), stretch(setup, jumps, chance.apart())).await;
    }
}

async fn stretch(setup: Setup, jumps: u64, mut chance: Chance) -> Row {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let clock = Clock { file: folder.path().join("clock") };
    clock.set(OFFSETS[0]);
    let setup = setup.env("FAKETIME_TIMESTAMP_FILE", clock.file.display()).env("FAKETIME_NO_CACHE", 1);
    let mut chat = Chat::on(setup.clone()).await;
    for user in [&mut chat.alice, &mut chat.bob] {
        *user = User { token: Token::of(&user.name).with("exp", 4_000_000_000_u64).mint(), ..user.clone() };
    }
    let mut stage = Stage::over(Desk::of(Arc::new(chat), Mix::All), &mut chance).await;
    for number in 0..jumps {
        assert!(stage.acknowledged(chance.within(1..SOON)).await, "nobody killed the server");
        let closed = if number % 2 == 0 {
            let closed = stage.after_death().await;
            let offset = clock.set(chance.one_of(&OFFSETS));
            stage.server().restart_with(setup.clone()).await;
            is_seen(stage.server(), offset).await;
            stage.row.count("between starts");
            closed
        } else {
            is_seen(stage.server(), clock.set(chance.one_of(&OFFSETS))).await;
            stage.row.count("while running");
            stage.acknowledged(SOON).await;
            stage.desk.gate.close().await
        };
        assert!(stage.audited(Folders::Tidy).await, "nobody killed the server");
        drop(closed);
        stage.row.count("jumps");
        stage.row.count("audits");
    }
    let row = stage.finish().await;
    tidy();
    row
}

/// Removes the shared memory that libfaketime leaves behind for every killed process.
fn tidy() {
    let Ok(entries) = std::fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix("faketime_shm_").or_else(|| name.strip_prefix("sem.faketime_sem_"));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // A file of another user may not be removable.
            _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The clock as the server sees it.
struct Clock {
    file: PathBuf,
}

impl Clock {
    /// Sets the clock. The file is renamed into place, because the server reads it all the time.
    fn set(&self, offset: i64) -> i64 {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, format!("{offset:+}")).expect("a file of ours can be written");
        std::fs::rename(&beside, &self.file).expect("a file of ours can be renamed");
        offset
    }
}

/// Waits until the server's clock has this offset from ours. The tokens that it accepts tell: its `Date`
/// header stands still when the clock goes back.
async fn is_seen(server: &Server, offset: i64) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    let now = i64::try_from(now.as_secs()).expect("a time of these centuries") + offset;
    wait::until_true("the server's clock has jumped", async || {
        let early = status_of(server, now - NEAR_SECS).await;
        let late = status_of(server, now + NEAR_SECS).await;
        (early, late) == (401, 200)
    })
    .await;
}

/// The status of the answer to a token that expires at this time.
async fn status_of(server: &Server, until: i64) -> u16 {
    let token = Token::of("carol@example.com").with("exp", until).mint();
    server.request("GET", "/files").bearer(&token).send().await.status
}
