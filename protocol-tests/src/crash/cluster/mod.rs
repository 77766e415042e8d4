//! The scenario of several nodes: each of them is killed and stopped again and again, at named steps and
//! anywhere, while the lines to what they share are troubled, and each request goes to any of them.

mod acts;
pub mod failover;
mod hand;
mod listener;
mod stage;
mod trouble;
pub mod update;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::chance::Chance;
use super::summary::{Row, Summary};
use acts::{Deck, STEPS};
use harness::server::Setup;
use stage::{NODES, Stage};

/// How many kills one cluster sees.
const STRETCH: u64 = 50;

/// The plan of a run on nodes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary; the tests' own if there is none.
    pub longhaul: Option<PathBuf>,
    /// How many times a node is killed.
    pub kills: u64,
    /// How many times a node is stopped for longer than every timeout, and goes on.
    pub stops: u64,
    /// How many times what the nodes share, or the lines to it, is troubled.
    pub faults: u64,
    /// After how long no new cluster is begun.
    pub at_most: Option<Duration>,
    /// The seed of all random choices.
    pub seed: u64,
}

impl Plan {
    fn setup(&self) -> Setup {
        let setup = Setup::default().setting("--sweep-interval", 1);
        match &self.longhaul {
            Some(path) => setup.binary(path),
            None => setup,
        }
    }
}

/// Every step at which nodes are killed.
#[must_use]
pub fn steps() -> BTreeSet<&'static str> {
    STEPS.iter().copied().filter(|step| !step.is_empty()).collect()
}

/// Harms nodes and what they share, as often as planned.
///
/// # Panics
/// Never: what does not hold is a row of the summary.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    let mut chance = Chance::seeded(plan.seed);
    let start = Instant::now();
    let stretches = plan.kills.max(3 * plan.stops).max(3 * plan.faults).div_ceil(STRETCH);
    for number in 0..stretches {
        let mut chance = chance.apart();
        if plan.at_most.is_some_and(|bound| start.elapsed() > bound) {
            return;
        }
        let share = |all: u64| all * (number + 1) / stretches - all * number / stretches;
        let first = usize::try_from(plan.kills * number / stretches).expect("a number of kills");
        let shares = [plan.kills, plan.stops, plan.faults].map(share);
        let deck = Deck::shuffled(first, shares, &mut chance);
        let stretch = play(plan.setup(), deck, chance);
        summary.run(format!("nodes, cluster {}", number + 1), stretch).await;
    }
}

/// Plays all acts on a new cluster, which is audited on the way and at the end.
async fn play(setup: Setup, deck: Deck, mut chance: Chance) -> Row {
    let stage = Rc::new(Stage::set(setup, deck, &mut chance).await);
    let witness = Witness(Rc::clone(&stage));
    let mut hands = JoinSet::new();
    for number in 0..NODES {
        hands.spawn_local(hand::work(Rc::clone(&stage), number, chance.apart()));
    }
    stage.watch(&mut hands).await;
    let row = stage.finish().await;
    drop(witness);
    row
}

/// Prints the nodes' logs when a stretch fails: the stage itself lives as long as its hands.
#[derive(Debug)]
struct Witness(Rc<Stage>);

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cluster.chat.server.note_log();
        }
    }
}
