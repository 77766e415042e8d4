use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::audit::{self, Folders};
use super::chance::Chance;
use super::crew::Crew;
use super::desk::Desk;
use super::gate::Closed;
use super::summary::Row;
use super::way::Mix;
use harness::chat::Chat;
use harness::server::{Death, Server, Setup};
use harness::wait;

/// A server, its clients at work, and what was counted.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) desk: Arc<Desk>,
    pub(super) crew: Crew,
    pub(super) row: Row,
    witness: Witness,
}

/// Tells what the server logged when a stretch fails: the server itself lives as long as its clients.
#[derive(Debug)]
struct Witness(Arc<Desk>);

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.chat.server.note_log();
        }
    }
}

impl Stage {
    /// Starts a server and its clients.
    pub(super) async fn set(setup: Setup, mix: Mix, chance: &mut Chance) -> Self {
        Self::over(Desk::of(Arc::new(Chat::on(setup).await), mix), chance).await
    }

    pub(super) async fn over(desk: Desk, chance: &mut Chance) -> Self {
        let desk = Arc::new(desk);
        let crew = Crew::start(&desk, chance).await;
        let witness = Witness(Arc::clone(&desk));
        Self { desk, crew, row: Row::default(), witness }
    }

    pub(super) fn server(&self) -> &Server {
        &self.desk.chat.server
    }

    /// Waits for so many more acknowledgements; false if the server dies first.
    pub(super) async fn acknowledged(&mut self, count: u64) -> bool {
        let acknowledgements = self.desk.books.acknowledgements();
        self.more(acknowledgements, count).await
    }

    /// Waits until clients were told so many times to come again.
    pub(super) async fn refused(&mut self, count: u64) -> bool {
        let refusals = self.desk.books.refusals();
        self.more(refusals, count).await
    }

    async fn more(&mut self, mut counter: watch::Receiver<u64>, count: u64) -> bool {
        let enough = *counter.borrow() + count;
        let end = Instant::now() + 5 * wait::BOUND;
        while *counter.borrow_and_update() < enough {
            self.crew.look();
            if self.server().has_died() {
                return false;
            }
            assert!(Instant::now() < end, "clients do not get on");
            // Woken by what is counted, so that what follows comes right after it.
            _ = tokio::time::timeout(super::PAUSE, counter.changed()).await;
        }
        true
    }

    /// Takes note of a server that killed itself, or kills it; then waits until no request is under way.
    pub(super) async fn after_death(&self) -> Closed {
        if self.server().has_died() {
            killed_itself(self.server().ended(wait::BOUND).await);
        } else if self.server().is_started() {
            self.server().kill().await;
        }
        self.desk.gate.close().await
    }

    /// Compares the server with the books, the gate being closed; false if the server reached its step and
    /// died meanwhile.
    pub(super) async fn audited(&self, folders: Folders) -> bool {
        match audit::audit(&self.desk, folders).await {
            Ok(()) => true,
            // Then it is told by the next audit.
            Err(error) if error.kind() == ErrorKind::StorageFull && folders == Folders::Unsettled => true,
            Err(error) => {
                let end = Instant::now() + wait::BOUND;
                while !self.server().has_died() {
                    assert!(Instant::now() < end, "the server lives, and does not answer: {error}");
                    tokio::time::sleep(super::PAUSE).await;
                }
                false
            }
        }
    }

    /// Lets every client come to its end, looks at everything once more, and gives the counts.
    pub(super) async fn finish(self) -> Row {
        let Self { desk, crew, mut row, witness } = self;
        crew.finish().await;
        audit::audit_all(&desk).await;
        drop(witness);
        row.count("audits");
        let jobs = desk.books.all();
        row.add("files", jobs.len() as u64);
        row.add("messages", jobs.iter().filter(|job| job.way.owes_message()).count() as u64);
        row.add("acknowledgements", *desk.books.acknowledgements().borrow());
        row
    }
}

/// The one way in which a server ends here unless it is asked to.
pub(super) fn killed_itself(status: ExitStatus) {
    assert_eq!(status.signal(), Some(9), "the server ended by itself: {status}");
}

/// A start that ended at its step.
pub(super) fn died_at_its_step(death: &Death) {
    assert_eq!(death.status.signal(), Some(9), "the server did not start: {death}");
}
