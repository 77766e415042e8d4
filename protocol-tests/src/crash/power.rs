//! The scenario of power cuts: right after some acknowledgement the server is stopped and its disk copied. It
//! goes on from the copy, which has only what was written through to the disk. Now and then a SIGKILL and a
//! start come right before: a new process may find bytes in the page cache that are not on the disk.

use super::Plan;
use super::audit::Folders;
use super::chance::Chance;
use super::image::{self, Format, Image};
use super::stage::Stage;
use super::summary::{Row, Summary};
use super::way::Mix;
use harness::server::Setup;

/// How many cuts one data folder sees.
const STRETCH: u64 = 15;
/// A cut comes within this many acknowledgements.
const SOON: u64 = 60;
/// The size of a disk, several times what a stretch needs: the copies are sparse.
const DISK_MIB: u64 = 256;
/// The payload stores in turn; files come twice, because they have more to lose.
const PAYLOADS: [&str; 3] = ["disk", "disk", "sled"];

/// Cuts the power, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    if let Err(why) = image::disks() {
        return summary.say(Row::skipped("power cuts", format!("they need a loop device to be had: {why}")));
    }
    let mut chance = Chance::seeded(plan.seed);
    for (number, cuts) in plan.stretches(STRETCH).enumerate() {
        let payload = PAYLOADS[number % PAYLOADS.len()];
        let setup = plan.setup().setting("--payload", payload).setting("--reserve", 1 << 20);
        let name = format!("power cuts, --payload {payload}");
        summary.run(name, stretch(setup, cuts, chance.apart())).await;
    }
}

async fn stretch(setup: Setup, cuts: u64, mut chance: Chance) -> Row {
    let mut disk = Image::new(Format::Ext4, DISK_MIB).expect("it was to be had before");
    let on = |disk: &Image| setup.clone().data_folder(&disk.root().join("data"));
    let mut stage = Stage::set(on(&disk), Mix::Small, &mut chance).await;
    for _ in 0..cuts {
        assert!(stage.acknowledged(chance.within(1..SOON)).await, "nobody killed the server");
        if chance.one_in(3) {
            let closed = stage.after_death().await;
            stage.server().restart_with(on(&disk)).await;
            drop(closed);
            assert!(stage.acknowledged(chance.within(1..SOON)).await, "nobody killed the server");
            stage.row.count("kills");
        }
        stage.server().freeze();
        let cut = disk.cut();
        let closed = stage.after_death().await;
        disk = cut;
        stage.server().restart_with(on(&disk)).await;
        assert!(stage.audited(Folders::Tidy).await, "nobody killed the server");
        drop(closed);
        stage.row.count("cuts");
        stage.row.count("audits");
    }
    stage.finish().await
}
