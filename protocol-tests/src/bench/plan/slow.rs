use super::work::{Work, either, grouped, work};
use crate::bench::{Contender, machine};

/// longhaul's flags for ten thousand slow uploads and the connection of one more client: the default admits
/// ten thousand.
const MANY: &[&str] = &["--max-connections", "11000"];

/// Many slow uploads at once; their title ends with `place`.
pub(super) fn slow(quick: bool, name: &'static str, place: &str, contenders: &[Contender]) -> Work {
    let (uploads, secs) = either(quick, (1_000, 4), (10_000, 10));
    // Each upload needs a connection and a file; 400 descriptors are left for everything else.
    let uploads = uploads.min(machine::open_files().saturating_sub(400) / 2);
    let title = format!("{} slow uploads of 1 KiB/s{place}", grouped(uploads));
    Work {
        warm_up: "idle --clients 20 --secs 3".to_owned(),
        repetitions: 1,
        flags: MANY,
        ..work(name, title, contenders, format!("idle --clients {uploads} --secs {secs}"))
    }
}
