//! The crash harness: nothing that was acknowledged is lost or doubled, whatever happens to the server.
//!
//! A crew of clients sends files in every way at once, and keeps books of what the server told each of them.
//! A scenario kills the server, at a named step or right after some acknowledgement, starts it again, and has
//! it audited against the books while the gate is closed; then the same clients go on. At the end every
//! client must have finished, and every file that is owed a message must be exactly one.
//!
//! | scenario | what is done to the server |
//! | --- | --- |
//! | [`kills`] | SIGKILL at a step, or somewhere |
//! | [`power`] | the power is cut: the disk goes on as it was at that moment |
//! | [`full`] | the disk is full, for a while |
//! | [`restart`] | SIGTERM and a new process, with no gate |
//! | [`clock`] | the clock jumps, between starts and under a running process |
//! | [`cluster`] | several nodes are killed and stopped, and the lines to what they share troubled |
//! | [`cluster::failover`] | PostgreSQL is killed, and its standby takes its place |
//! | [`cluster::update`] | nodes are restarted one after the other, and a newer version changes the tables |
//!
//! Moments are counted in acknowledgements. Nothing here depends on time but what nodes decide by it; bounds
//! only catch hangs.

mod audit;
mod books;
mod chance;
pub mod clock;
pub mod cluster;
mod correspondent;
mod crew;
mod desk;
mod errand;
pub mod full;
mod gate;
mod image;
mod insist;
mod joined;
pub mod kills;
mod nodes;
pub mod power;
pub mod restart;
mod stage;
mod summary;
mod upload;
mod way;

pub use chance::Chance;
pub use image::{Format, Image, disks};
pub use summary::{Row, Summary};

use std::path::PathBuf;
use std::time::Duration;

use harness::server::Setup;

/// The pause between two looks at a state that cannot be waited for, and before a client tries again.
const PAUSE: Duration = Duration::from_millis(10);

/// The plan of a run: the server, and how long it lasts.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary; the tests' own if there is none.
    pub longhaul: Option<PathBuf>,
    /// How many rounds: kills, cuts, or whatever the scenario does.
    pub rounds: u64,
    /// The seed of all random choices.
    pub seed: u64,
}

impl Plan {
    /// A plan of this many rounds with the binary that the tests build.
    #[must_use]
    pub fn of(rounds: u64) -> Self {
        Self { longhaul: None, rounds, seed: Chance::any_seed() }
    }

    fn setup(&self) -> Setup {
        match &self.longhaul {
            Some(path) => Setup::default().binary(path),
            None => Setup::default(),
        }
    }

    /// The lengths of the stretches: at most `length` rounds each, on a new data folder.
    fn stretches(&self, length: u64) -> impl Iterator<Item = u64> + use<> {
        let rounds = self.rounds;
        (0..rounds.div_ceil(length)).map(move |number| length.min(rounds - number * length))
    }
}
