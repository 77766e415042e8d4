//! The scenario of rolling restarts: SIGTERM and a new process, while the load goes on. Clients see nothing
//! worse than a reason to try again, lose nothing that was acknowledged, and never start over.

use super::Plan;
use super::audit::Folders;
use super::chance::Chance;
use super::stage::Stage;
use super::summary::{Row, Summary};
use super::way::Mix;
use harness::server::Setup;
use harness::wait;

/// How many restarts one data folder sees.
const STRETCH: u64 = 20;
/// A restart comes within this many acknowledgements.
const SOON: u64 = 100;
/// How many restarts come between two audits.
const AUDIT_EVERY: u64 = 4;

/// Restarts servers, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    let mut chance = Chance::seeded(plan.seed);
    for restarts in plan.stretches(STRETCH) {
        summary.run("rolling restarts".to_owned(), stretch(plan.setup(), restarts, chance.apart())).await;
    }
}

async fn stretch(setup: Setup, restarts: u64, mut chance: Chance) -> Row {
    let mut stage = Stage::set(setup.clone(), Mix::All, &mut chance).await;
    for number in 1..=restarts {
        assert!(stage.acknowledged(chance.within(1..SOON)).await, "nobody killed the server");
        stage.server().terminate();
        let status = stage.server().ended(wait::BOUND).await;
        assert_eq!(status.code(), Some(0), "an orderly end: {status}");
        stage.server().restart_with(setup.clone()).await;
        stage.row.count("restarts");
        if number % AUDIT_EVERY == 0 {
            let closed = stage.desk.gate.close().await;
            assert!(stage.audited(Folders::Tidy).await, "nobody killed the server");
            drop(closed);
            stage.row.count("audits");
        }
    }
    stage.row.add("told to come again", *stage.desk.books.refusals().borrow());
    stage.finish().await
}
