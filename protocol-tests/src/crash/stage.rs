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

/// A server with its clients at work, and the counts.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) desk: Arc<Desk>,
    pub(super) crew: Crew,
    pub(super) row: Row,
    witness: Witness,
}

/// Prints the server's log when a stretch fails: the server itself lives as long as its clients.
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

    /// Waits for this many more acknowledgements; false if the server dies first.
    pub(super) async fn acknowledged(&mut self, count: u64) -> bool {
        let acknowledgements = self.desk.books.acknowledgements();
        self.more(acknowledgements, count).await
    }

    /// Waits for this many more refusals that tell a client to come again; false if the server dies first.
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
            // The counter wakes this, so that the caller acts right after an acknowledgement.
            _ = tokio::time::timeout(super::PAUSE, counter.changed()).await;
        }
        true
    }

    /// Kills the server unless it has killed itself; then waits until no request is under way.
    pub(super) async fn after_death(&self) -> Closed {
        if self.server().has_died() {
            killed_itself(self.server().ended(wait::BOUND).await);
        } else if self.server().is_started() {
            self.server().kill().await;
        }
        self.desk.gate.close().await
    }

    /// Compares the server with the books, while the gate is closed; false if the server reached its step and
    /// died meanwhile.
    pub(super) async fn audited(&self, folders: Folders) -> bool {
        match audit::audit(&self.desk, folders).await {
            Ok(()) => true,
            // On a full disk this is left to the next audit.
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

    /// Lets every client finish, audits everything once more, and returns the counts.
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

/// Checks that the server killed itself at its step: it may not end in any other way.
pub(super) fn killed_itself(status: ExitStatus) {
    assert_eq!(status.signal(), Some(9), "the server ended by itself: {status}");
}

/// Checks that a start ended at its step.
pub(super) fn died_at_its_step(death: &Death) {
    assert_eq!(death.status.signal(), Some(9), "the server did not start: {death}");
}
