//! The scenario of several nodes: each of them is killed and stopped again and again, at named steps and
//! anywhere, while the lines to what they share are troubled, and each request goes to any of them.

mod acts;
mod check;
pub mod failover;
mod forgotten;
mod hand;
mod late;
mod listener;
mod stage;
mod steps;
mod trouble;
pub mod update;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::chance::Chance;
use super::summary::{Row, Summary};
use super::way::Mix;
use acts::{Act, Deck};
use harness::server::Setup;
use harness::wait;
use stage::{NODES, Stage};

/// How many kills one cluster sees.
const STRETCH: u64 = 50;
/// How many multipart uploads are forgotten in one cluster.
const FORGOTTEN: u64 = 2;
/// How long an act may take, on average, and how long everything before and after all acts, before that
/// counts as a hang.
const ACT: Duration = Duration::from_secs(20);
const SETTING: Duration = Duration::from_secs(600);

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
    fn setup(&self, kind: &Kind) -> Setup {
        let setup = match &self.longhaul {
            Some(path) => Setup::default().binary(path),
            None => Setup::default(),
        };
        kind.settings.iter().fold(setup, |setup, (flag, value)| setup.setting(flag, value))
    }
}

/// What one cluster is about.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    mix: Mix,
    steps: &'static [&'static str],
}

/// The kinds of clusters, in turn.
const KINDS: [Kind; 3] = [OF_UPLOADS, OF_UPLOADS, OF_SWEEPS];

const OF_UPLOADS: Kind =
    Kind { name: "nodes", settings: &[("--sweep-interval", "1")], mix: Mix::All, steps: steps::OF_UPLOADS };

const OF_SWEEPS: Kind = Kind {
    name: "nodes, uploads that expire",
    settings: &[("--expire-after", "1"), ("--result-window", "1"), ("--sweep-interval", "1")],
    mix: Mix::Expiring,
    steps: steps::OF_SWEEPS,
};

/// Every step at which nodes are killed.
#[must_use]
pub fn steps() -> BTreeSet<&'static str> {
    let steps = KINDS.iter().flat_map(|kind| kind.steps);
    steps.copied().filter(|step| !step.is_empty()).collect()
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
        let at = usize::try_from(number).expect("a number of clusters");
        let kind = &KINDS[at % KINDS.len()];
        let first = usize::try_from(plan.kills * number / stretches).expect("a number of kills");
        let [kills, stops, faults] = [plan.kills, plan.stops, plan.faults].map(share);
        let forgotten = if kind.mix == Mix::All { FORGOTTEN } else { 0 };
        let deck = Deck::shuffled(kind.steps, first, [kills, stops, faults, forgotten], &mut chance);
        if kind.mix == Mix::All {
            // It takes longest, and goes on beside the others.
            deck.begin_with(Act::LateParts);
        }
        let stretch = play(plan.setup(kind), kind.mix, deck, chance);
        summary.run(format!("{}, cluster {}", kind.name, number + 1), stretch).await;
    }
}

/// Plays all acts on a new cluster, which is audited on the way and at the end.
async fn play(setup: Setup, mix: Mix, deck: Deck, mut chance: Chance) -> Row {
    let longest = SETTING + ACT * u32::try_from(deck.len()).expect("a number of acts");
    let stage = Rc::new(Stage::set(setup, mix, deck, &mut chance).await);
    let witness = Witness::of(&stage);
    let acts = async {
        let mut hands = JoinSet::new();
        for number in 0..NODES {
            hands.spawn_local(hand::work(Rc::clone(&stage), number, chance.apart()));
        }
        stage.watch(&mut hands).await;
        stage.finish().await
    };
    let row = wait::within(longest, "all acts, and the audits", acts).await;
    witness.has_held();
    row
}

/// Prints what is under way and the nodes' logs when a stretch fails: the stage itself lives as long as its
/// hands.
#[derive(Debug)]
struct Witness {
    stage: Rc<Stage>,
    has_held: Cell<bool>,
}

impl Witness {
    fn of(stage: &Rc<Stage>) -> Self {
        Self { stage: Rc::clone(stage), has_held: Cell::new(false) }
    }

    /// The stretch has held: there is nothing to print.
    fn has_held(&self) {
        self.has_held.set(true);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.has_held.get() {
            harness::note::note(&self.stage.under_way);
            self.stage.cluster.chat.server.note_log();
        }
    }
}
