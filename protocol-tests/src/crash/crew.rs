use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::chance::Chance;
use super::correspondent::Correspondent;
use super::desk::Desk;
use super::errand;
use super::way::Mix;
use harness::wait;

/// How many clients work at the same time.
const CLIENTS: usize = 7;
/// How long clients may take to finish what they began before it counts as a hang.
const HANG: Duration = Duration::from_secs(600);

/// The crew: clients that send one file after the other, in all ways at once. They share the thread of their
/// scenario.
#[derive(Debug)]
pub(super) struct Crew {
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Crew {
    pub(super) async fn start(desk: &Arc<Desk>, chance: &mut Chance) -> Self {
        let mut crew = Self { stop: Arc::default(), clients: JoinSet::new() };
        for _ in 0..CLIENTS {
            let (desk, stop, chance) = (Arc::clone(desk), Arc::clone(&crew.stop), chance.apart());
            crew.clients.spawn_local(work(desk, stop, chance));
        }
        if desk.mix != Mix::Expiring {
            let correspondent = Correspondent::connect(desk, desk.sender()).await;
            let (desk, stop, chance) = (Arc::clone(desk), Arc::clone(&crew.stop), chance.apart());
            crew.clients.spawn_local(async move { correspondent.work(&desk, &stop, chance).await });
        }
        crew
    }

    /// Fails if a client has found something wrong.
    pub(super) fn look(&mut self) {
        while let Some(ended) = self.clients.try_join_next() {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Lets every client finish its current file.
    ///
    /// # Panics
    /// When one of them cannot.
    pub(super) async fn finish(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let all = async {
            while let Some(ended) = self.clients.join_next().await {
                if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        };
        wait::within(HANG, "every client ends well", all).await;
    }
}

async fn work(desk: Arc<Desk>, stop: Arc<AtomicBool>, mut chance: Chance) {
    while !stop.load(Ordering::Relaxed) {
        let way = desk.mix.way(&mut chance);
        errand::run(&desk, way, &mut chance).await;
    }
}
