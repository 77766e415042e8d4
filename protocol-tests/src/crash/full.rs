//! The scenario of full disks: another file takes almost all room while clients upload. They are told 507,
//! nothing that was acknowledged is lost, and when there is room again every client goes on.

use std::fs::File;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::Plan;
use super::audit::Folders;
use super::chance::Chance;
use super::desk::Desk;
use super::image::{self, Format, Image};
use super::stage::Stage;
use super::summary::{Row, Summary};
use super::way::Mix;
use harness::chat::Chat;
use harness::server::Setup;

/// How often one disk is filled.
const STRETCH: u64 = 8;
const DISK_MIB: u64 = 512;
/// A disk is filled within this many acknowledgements.
const SOON: u64 = 60;
/// How many refusals clients get before there is room again.
const REFUSALS: u64 = 25;
/// How many bytes are left free. Below the reserve the server accepts nothing new, but uploads under way may
/// still fail.
const LEFT: [u64; 7] = [0, 4096, 100_000, 700_000, 1_500_000, 2_500_000, 4_000_000];
const SETTINGS: [(&str, &str, u64); 4] =
    [("disk", "power", 0), ("disk", "power", 2 << 20), ("disk", "process", 0), ("sled", "power", 1 << 20)];

/// Fills disks, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    if let Err(why) = image::disks() {
        return summary.say(Row::skipped("full disks", format!("they need a loop device to be had: {why}")));
    }
    let mut chance = Chance::seeded(plan.seed);
    for (number, rounds) in plan.stretches(STRETCH).enumerate() {
        let (payload, durability, reserve) = SETTINGS[number % SETTINGS.len()];
        let name = format!("full disks, --payload {payload} --durability {durability} --reserve {reserve}");
        let setup = plan.setup().setting("--payload", payload).setting("--durability", durability);
        let setup = setup.setting("--reserve", reserve);
        summary.run(name, stretch(setup, rounds, chance.apart())).await;
    }
}

async fn stretch(setup: Setup, rounds: u64, mut chance: Chance) -> Row {
    let disk = Image::new(Format::Ext4, DISK_MIB).expect("it was to be had before");
    let setup = setup.data_folder(&disk.root().join("data"));
    let mut desk = Desk::of(Chat::on(setup.clone()).await.into(), Mix::Small);
    desk.may_be_full = true;
    let mut stage = Stage::over(desk, &mut chance).await;
    let filler = Filler { path: disk.root().join("filler") };
    for round in 0..rounds {
        lives(stage.acknowledged(chance.within(1..SOON)).await);
        filler.leave(chance.one_of(&LEFT));
        lives(stage.refused(REFUSALS).await);
        let closed = stage.desk.gate.close().await;
        lives(stage.audited(Folders::Unsettled).await);
        drop(closed);
        if round % 4 == 3 {
            killed_while_full(&mut stage, &setup, &filler).await;
        }
        filler.make_room();
        lives(stage.acknowledged(SOON).await);
        let closed = stage.desk.gate.close().await;
        lives(stage.audited(Folders::Tidy).await);
        drop(closed);
        stage.row.count("times full");
        stage.row.add("audits", 2);
    }
    stage.row.add("refusals", *stage.desk.books.refusals().borrow());
    let row = stage.finish().await;
    drop(disk);
    row
}

/// Kills the server on a full disk and starts it again. A start may need room: then it says so, and works
/// once there is some.
async fn killed_while_full(stage: &mut Stage, setup: &Setup, filler: &Filler) {
    let closed = stage.after_death().await;
    stage.row.count("kills while full");
    if let Err(death) = stage.server().try_restart_with(setup.clone()).await {
        assert_eq!(death.status.code(), Some(2), "a start on a full disk ends in order: {death}");
        let said = death.log.rsplit("longhaul does not start:").next().unwrap_or_default();
        assert!(said.contains("No space left"), "it says what is wrong, and nothing else: {said}");
        stage.row.count("starts refused while full");
        filler.make_room();
        stage.server().restart_with(setup.clone()).await;
    }
    lives(stage.audited(Folders::Unsettled).await);
    drop(closed);
}

fn lives(is_alive: bool) {
    assert!(is_alive, "nobody killed the server");
}

/// The file that takes the room on the disk.
struct Filler {
    path: PathBuf,
}

impl Filler {
    /// Takes all room but this many bytes.
    fn leave(&self, bytes: u64) {
        let file = File::create(&self.path).expect("there is room for a name");
        // How much the file system needs for the filler itself is not known, so the room is taken in ever
        // smaller pieces.
        let (mut length, mut piece) = (0, DISK_MIB << 20);
        while piece >= 4096 {
            let free = statvfs(&self.path).map_or(0, |space| space.f_bavail * space.f_frsize);
            let fits = free >= bytes + piece;
            if fits && fallocate(&file, FallocateFlags::empty(), length, piece).is_ok() {
                length += piece;
            } else {
                piece /= 2;
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(&self.path).or_else(ignoring_absence).expect("the disk is ours");
    }
}

fn ignoring_absence(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
