use super::work::{Work, grouped, work};
use crate::bench::{Contender, machine};

/// longhaul's flags for ten thousand slow uploads and the connection of one more client: the default admits
/// ten thousand.
const MANY: &[&str] = &["--max-connections", "11000"];

/// So many slow uploads at once, each in one request that takes these seconds; their title ends with `place`.
pub(super) fn slow(
    name: &'static str,
    (uploads, secs): (u64, u64),
    place: &str,
    contenders: &[Contender],
) -> Work {
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
