use std::rc::Rc;
use std::time::{Duration, Instant};

use super::acts::Act;
use super::forgotten;
use super::late;
use super::stage::Stage;
use super::steps;
use super::trouble;
use crate::crash::PAUSE;
use crate::crash::chance::Chance;
use crate::crash::stage::{died_at_its_step, killed_itself};
use harness::server::{Process, Setup};
use harness::wait;

/// How many acknowledgements to wait for a step, and how long if few come: other nodes may do all of that
/// kind.
const PATIENCE: u64 = 500;
const STEP_WAIT: Duration = Duration::from_secs(60);
/// How often a step is brought about that would be rare.
const BRING_EVERY: Duration = Duration::from_millis(500);
/// An act comes within this many acknowledgements.
const SOON: u64 = 40;
/// How long a node is stopped: longer than the five seconds after which it counts as dead.
const STOPPED: Duration = Duration::from_secs(9);

/// Does what is to be done, to one node, or to what all share.
pub(super) async fn work(stage: Rc<Stage>, number: usize, mut chance: Chance) {
    loop {
        let _calm = stage.calm.read().await;
        let _one_of_few = stage.at_once.acquire().await.expect("it is never closed");
        stage.acknowledged(chance.within(1..SOON)).await;
        let Some(act) = stage.deck.draw() else { return };
        stage.under_way.begin(number, act);
        match act {
            Act::Kill(step) => kill(&stage, number, step, &mut chance).await,
            Act::Stop => stop(&stage, number).await,
            Act::Fault => trouble::cause(&stage, &mut chance).await,
            Act::LateParts => late::begin(&stage),
            Act::Forget => forgotten::send(&stage, &mut chance).await,
        }
        stage.under_way.end(number);
    }
}

async fn stop(stage: &Stage, number: usize) {
    let node = stage.cluster.node(number);
    node.stop();
    tokio::time::sleep(STOPPED).await;
    node.go_on();
    stage.count("stops");
}

/// Kills the node, at a step or somewhere, and starts it again.
async fn kill(stage: &Stage, number: usize, step: &'static str, chance: &mut Chance) {
    let node = stage.cluster.node(number);
    stage.count("kills");
    if step.is_empty() {
        node.kill().await;
        stage.count("somewhere");
        stage.acknowledged(chance.within(1..SOON)).await;
    } else {
        let setup = stage.setup.clone().crash_at(&format!("{step}:{}", chance.within(1..3)));
        if !starts(node, &setup).await || dies(stage, node, step).await {
            stage.row.borrow_mut().died_at(step);
        } else {
            stage.count("steps not reached");
        }
    }
    starts(node, &stage.setup).await;
}

/// Waits until the node has killed itself; false if it does not come to that.
async fn dies(stage: &Stage, node: &Process, step: &str) -> bool {
    let (enough, end) = (stage.acknowledgements() + PATIENCE, Instant::now() + STEP_WAIT);
    let mut look = Instant::now() + BRING_EVERY;
    while stage.acknowledgements() < enough && Instant::now() < end {
        if node.has_died() {
            killed_itself(node.ended(wait::BOUND).await);
            return true;
        }
        if let Some(sql) = steps::brings(step).filter(|_| look <= Instant::now()) {
            stage.cluster.place().has_done(sql).await;
            look = Instant::now() + BRING_EVERY;
        }
        stage.look();
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// Starts a node with these settings, after a SIGKILL if it runs; false if it kills itself at its step. What
/// it needs may be away: then it is started again, as a supervisor does.
async fn starts(node: &Process, setup: &Setup) -> bool {
    let end = Instant::now() + wait::BOUND;
    loop {
        let Err(death) = node.try_restart_with(setup.clone()).await else { return true };
        if death.status.code().is_none() {
            died_at_its_step(&death);
            return false;
        }
        assert!(Instant::now() < end, "a node does not start: {death}");
        tokio::time::sleep(PAUSE).await;
    }
}
