//! Trouble with what nodes share.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::stage::Stage;
use crate::crash::chance::Chance;
use harness::cluster::{Cluster, Line, Trouble};

/// The kinds of trouble, and how long each lasts. A silent line is one for longer than the five seconds after
/// which its listeners give it up.
const TROUBLES: [(&str, Trouble, Duration); 6] = [
    ("lines cut", Trouble::Cut, Duration::ZERO),
    ("lines away", Trouble::Cut, Duration::from_secs(1)),
    ("lines silent", Trouble::Silent, Duration::from_secs(7)),
    ("lines late", Trouble::Late, Duration::from_secs(3)),
    ("lines slow", Trouble::Slow(Duration::from_millis(15)), Duration::from_secs(2)),
    ("answers late", Trouble::LateAnswers(Duration::from_millis(40)), Duration::from_secs(2)),
];

/// Causes some trouble, and ends it.
pub(super) async fn cause(stage: &Stage, chance: &mut Chance) {
    let _one = stage.trouble.lock().await;
    stage.count("faults");
    if chance.one_in(4) {
        return restart_one(stage, chance).await;
    }
    let Cluster { postgres, redis, s3, .. } = &stage.cluster;
    // What is held back on a line is lost with its connection.
    let lines: &[&Line] =
        if stage.has_late_parts.get() { &[postgres, redis] } else { &[postgres, redis, s3] };
    let line = chance.one_of(lines);
    let (name, trouble, time) = chance.one_of(&TROUBLES);
    line.has(trouble);
    tokio::time::sleep(time).await;
    line.has(Trouble::None);
    stage.count(name);
}

/// Kills a server that the nodes share, and starts it again.
async fn restart_one(stage: &Stage, chance: &mut Chance) {
    let services = Arc::clone(&stage.cluster.services);
    match chance.within(0..4) {
        0 => {
            let killed = Arc::clone(&services);
            beside(move || killed.redis.kill()).await;
            stage.acknowledged(chance.within(1..20)).await;
            beside(move || services.redis.start()).await;
            stage.count("kills of Redis");
        }
        1 if !stage.has_late_parts.get() => {
            beside(move || {
                services.s3.kill();
                services.s3.start();
            })
            .await;
            stage.count("kills of the S3 server");
        }
        _ => {
            beside(move || {
                services.postgres().kill();
                services.restart_postgres();
            })
            .await;
            stage.count("kills of PostgreSQL");
        }
    }
}

/// Does what takes a thread for itself, while clients go on.
pub(super) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
