//! The scenario of kills: SIGKILL at every named step, those of starts and sweeps included, and at random
//! moments.

use std::collections::BTreeSet;

use super::Plan;
use super::audit::Folders;
use super::chance::Chance;
use super::stage::{self, Stage};
use super::summary::{Row, Summary};
use super::way::Mix;
use harness::server::Setup;

/// How many kills one data folder sees.
const STRETCH: u64 = 25;
/// How many acknowledgements to wait for a step. A quick server gives thousands before it first publishes.
const PATIENCE: u64 = 50_000;
/// A kill at a random moment comes within this many acknowledgements.
const SOON: u64 = 80;

/// The settings and steps of a stretch.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    mix: Mix,
    /// The steps, in an order in which one kill leaves the work that the next one interrupts; an empty name
    /// is a random moment.
    steps: &'static [&'static str],
}

/// The steps of an upload whose bytes are in files that are never synced. A kill after the claim or the
/// rename leaves a message owed, which the next start makes; a kill after a removal leaves an orphaned part.
const STEPS: &[&str] = &[
    "create.recorded",
    "append.written",
    "past.reserved",
    "append.synced",
    "past.written",
    "",
    "append.recorded",
    "join.adopted",
    "join.copied",
    "",
    "join.recorded",
    "finalize.claimed",
    "recover.found",
    "place.directory",
    "place.renamed",
    "recover.driven",
    "",
    "finalize.placed",
    "finalize.committed",
    "adopt.recorded",
    "publish.announced",
    "publish.cleared",
    "",
    "remove.recorded",
    "recover.orphan",
    "remove.freed",
    "reject.recorded",
    "",
];

/// The steps of an upload whose small bytes are carried by the journal. The next start writes the carried
/// bytes again, and drops them when the files are synced.
const STEPS_IN_JOURNAL: &[&str] = &[
    "create.recorded",
    "append.written",
    "past.reserved",
    "append.synced",
    "past.written",
    "append.shown",
    "append.recorded",
    "recover.restored",
    "checkpoint.settled",
    "",
    "join.adopted",
    "join.copied",
    "join.recorded",
    "finalize.claimed",
    "recover.found",
    "place.directory",
    "place.renamed",
    "recover.restored",
    "recover.driven",
    "",
    "finalize.placed",
    "finalize.committed",
    "publish.announced",
    "publish.cleared",
    "remove.recorded",
    "recover.orphan",
    "remove.freed",
];

/// The steps of an upload whose bytes are in the database.
const STEPS_IN_SLED: &[&str] = &[
    "create.recorded",
    "append.recorded",
    "",
    "join.copied",
    "join.recorded",
    "finalize.claimed",
    "recover.found",
    "finalize.placed",
    "recover.driven",
    "finalize.committed",
    "",
    "remove.recorded",
    "recover.orphan",
    "reject.recorded",
    "",
];

/// The steps of a sweep.
const STEPS_OF_SWEEPS: &[&str] = &[
    "sweep.found",
    "expire.recorded",
    "recover.orphan",
    "sweep.freed",
    "sweep.ended",
    "",
    "append.recorded",
    "",
];

const STRETCHES: [Stretch; 4] = [
    Stretch {
        name: "kills, --durability power",
        settings: &[("--durability", "power")],
        mix: Mix::All,
        steps: STEPS_IN_JOURNAL,
    },
    Stretch {
        name: "kills, --durability process",
        settings: &[("--durability", "process")],
        mix: Mix::All,
        steps: STEPS,
    },
    Stretch {
        name: "kills, uploads that expire",
        settings: &[("--expire-after", "1"), ("--result-window", "1"), ("--sweep-interval", "1")],
        mix: Mix::Expiring,
        steps: STEPS_OF_SWEEPS,
    },
    Stretch {
        name: "kills, --payload sled",
        settings: &[("--payload", "sled")],
        mix: Mix::Small,
        steps: STEPS_IN_SLED,
    },
];

/// Every step at which servers are killed.
#[must_use]
pub fn steps() -> BTreeSet<&'static str> {
    let steps = STRETCHES.iter().flat_map(|stretch| stretch.steps);
    steps.copied().filter(|step| !step.is_empty()).collect()
}

/// Kills servers, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    let mut chance = Chance::seeded(plan.seed);
    for (number, kills) in plan.stretches(STRETCH).enumerate() {
        let (stretch, chance) = (STRETCHES[number % STRETCHES.len()], chance.apart());
        let setup =
            stretch.settings.iter().fold(plan.setup(), |setup, (flag, value)| setup.setting(flag, value));
        let play = Play { setup, stretch, chance };
        summary.run(stretch.name.to_owned(), play.run(kills)).await;
    }
}

struct Play {
    setup: Setup,
    stretch: Stretch,
    chance: Chance,
}

impl Play {
    async fn run(mut self, kills: u64) -> Row {
        let mut stage = Stage::set(self.setup.clone(), self.stretch.mix, &mut self.chance).await;
        stage.acknowledged(SOON).await;
        let steps: Vec<_> =
            (0..kills).zip(self.stretch.steps.iter().cycle()).map(|(_, step)| *step).collect();
        for step in &steps {
            self.kill_at(&mut stage, step).await;
        }
        let closed = stage.after_death().await;
        stage.server().restart_with(self.setup.clone()).await;
        drop(closed);
        let row = stage.finish().await;
        with_steps(row, &steps)
    }

    /// Starts the server and has it die at the step, while it starts or under load.
    async fn kill_at(&mut self, stage: &mut Stage, step: &'static str) {
        let hammered = self.chance.one_in(3);
        let started = self.start(stage, step, hammered).await;
        stage.row.count("kills");
        match started {
            Started::Dead => {
                stage.row.count("while starting");
                stage.row.died_at(step);
            }
            Started::Up if step.is_empty() => {
                let count = self.chance.within(1..SOON);
                stage.acknowledged(count).await;
                stage.row.count("somewhere");
            }
            Started::Up => {
                if stage.acknowledged(PATIENCE).await {
                    stage.row.count("steps not reached");
                } else {
                    stage.row.died_at(step);
                }
            }
        }
    }

    /// At which occurrence of a step the server dies: a frequent step may come once or twice before.
    fn nth(&mut self, step: &str) -> u64 {
        let comes_often =
            ["create", "append", "past", "finalize", "place"].iter().any(|often| step.starts_with(often));
        if comes_often { self.chance.within(1..4) } else { 1 }
    }

    async fn start(&mut self, stage: &mut Stage, step: &str, hammered: bool) -> Started {
        let closed = stage.after_death().await;
        let setup = match step {
            "" => self.setup.clone(),
            step => self.setup.clone().crash_at(&format!("{step}:{}", self.nth(step))),
        };
        // Every third time clients send before the server is ready.
        let closed = (!hammered).then_some(closed);
        if let Err(death) = stage.server().try_restart_with(setup).await {
            stage::died_at_its_step(&death);
            return Started::Dead;
        }
        let closed = match closed {
            Some(closed) => closed,
            None => stage.desk.gate.close().await,
        };
        let is_alive = stage.audited(Folders::Tidy).await;
        drop(closed);
        if is_alive {
            stage.row.count("audits");
            Started::Up
        } else {
            Started::Dead
        }
    }
}

enum Started {
    Up,
    Dead,
}

/// Adds the number of different steps to the row, which fails if the server never died at one of them.
fn with_steps(mut row: Row, steps: &[&'static str]) -> Row {
    let planned: BTreeSet<_> = steps.iter().filter(|step| !step.is_empty()).collect();
    let missed: Vec<_> = planned.iter().filter(|step| !row.steps.contains_key(**step)).collect();
    if !missed.is_empty() {
        row.failure = Some(format!("never reached: {missed:?}"));
    }
    row.add("different steps", (planned.len() - missed.len()) as u64);
    row
}
