//! Clocks that jump: between two starts, and under a running process. Nothing is lost or doubled, and a
//! conversation's messages stay in their order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Plan;
use super::audit::Folders;
use super::chance::Chance;
use super::desk::Desk;
use super::stage::Stage;
use super::summary::{Row, Summary};
use super::way::Mix;
use crate::chat::{Chat, User};
use crate::server::Setup;
use crate::token::Token;

/// So many jumps on one data folder.
const STRETCH: u64 = 16;
/// A jump comes within so many acknowledgements.
const SOON: u64 = 60;
/// From the clock that all others see, in seconds.
const OFFSETS: [&str; 8] = ["+0", "-3600", "+86400", "-31536000", "+1", "-5", "+400000", "-86400"];
/// Where Debian, Fedora and Arch put the library.
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
        // Across a year, so that no upload is idle for too long by any clock.
        let setup = plan.setup().setting("--expire-after", 4 * 365 * 86_400);
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
            clock.set(chance.one_of(&OFFSETS));
            stage.server().restart_with(setup.clone()).await;
            stage.row.count("between starts");
            closed
        } else {
            clock.set(chance.one_of(&OFFSETS));
            stage.row.count("while running");
            stage.acknowledged(SOON).await;
            stage.desk.gate.close().await
        };
        assert!(stage.audited(Folders::Tidy).await, "nobody killed the server");
        drop(closed);
        stage.row.count("jumps");
        stage.row.count("audits");
    }
    stage.finish().await
}

/// The clock as the server sees it.
struct Clock {
    file: PathBuf,
}

impl Clock {
    /// Renamed into place: the server reads it all the time.
    fn set(&self, offset: &str) {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, offset).expect("a file of ours can be written");
        std::fs::rename(&beside, &self.file).expect("a file of ours can be renamed");
    }
}
