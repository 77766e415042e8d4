//! The scenario of failovers: PostgreSQL is killed, and the standby that every commit waited for takes its
//! place, while clients go on. Nodes say that they wait, and clients see nothing but that.

use std::rc::Rc;
use std::sync::Arc;

use harness::cluster::Service;
use harness::http::Request;
use harness::server::Setup;
use harness::wait;
use serde_json::json;

use super::Witness;
use super::acts::Deck;
use super::stage::{NODES, Stage};
use super::trouble::beside;
use crate::crash::Plan;
use crate::crash::chance::Chance;
use crate::crash::summary::{Row, Summary};
use crate::crash::way::Mix;

/// How many failovers one cluster sees.
const STRETCH: u64 = 5;
/// A failover comes within this many acknowledgements.
const SOON: u64 = 100;
/// How often clients are told to come again, at least, before anything goes on.
const REFUSALS: u64 = 10;

/// Has a standby take the place of PostgreSQL, `rounds` times.
pub async fn run(plan: &Plan, summary: &mut Summary) {
    let mut chance = Chance::seeded(plan.seed);
    for rounds in plan.stretches(STRETCH) {
        let setup = plan.setup().setting("--sweep-interval", 1);
        summary.run("failovers".to_owned(), stretch(setup, rounds, chance.apart())).await;
    }
}

async fn stretch(setup: Setup, rounds: u64, mut chance: Chance) -> Row {
    let stage = Rc::new(Stage::set(setup, Mix::All, Deck::empty(), &mut chance).await);
    let witness = Witness::of(&stage);
    for _ in 0..rounds {
        let services = Arc::clone(&stage.cluster.services);
        let standby = beside(move || services.add_standby()).await;
        stage.acknowledged(chance.within(1..SOON)).await;
        fail_over(&stage, standby, &mut chance).await;
        stage.count("failovers");
        stage.audit().await;
    }
    let row = stage.finish().await;
    witness.has_held();
    row
}

async fn fail_over(stage: &Stage, standby: Arc<Service>, chance: &mut Chance) {
    let services = Arc::clone(&stage.cluster.services);
    beside(move || services.postgres().kill()).await;
    stage.refused(REFUSALS).await;
    all_say(stage, false).await;
    let is_led_there_before = chance.one_in(2);
    if is_led_there_before {
        stage.cluster.postgres.leads_to(standby.target().clone());
        stage.refused(REFUSALS).await;
        // Reads would be answered there, and nothing else.
        all_say(stage, false).await;
    }
    let (services, promoted) = (Arc::clone(&stage.cluster.services), Arc::clone(&standby));
    beside(move || services.promote(&promoted)).await;
    if !is_led_there_before {
        stage.cluster.postgres.leads_to(standby.target().clone());
    }
    all_say(stage, true).await;
}

/// Waits until every node says whether it is ready; if it is not, it misses PostgreSQL.
async fn all_say(stage: &Stage, is_ready: bool) {
    for number in 0..NODES {
        wait::until_true("the node says whether it is ready", async || {
            stage.look();
            let asked = Request::new(stage.cluster.address(number), "GET", "/readyz").try_send().await;
            asked.is_ok_and(|answer| {
                let waits = answer.status == 503 && answer.json()["missing"] == json!(["postgres"]);
                if is_ready { answer.status == 200 } else { waits }
            })
        })
        .await;
    }
}
