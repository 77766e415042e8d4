use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, RwLock, Semaphore};
use tokio::task::JoinSet;

use super::acts::{Deck, UnderWay};
use super::check::check;
use super::listener::Listener;
use crate::crash::PAUSE;
use crate::crash::audit::{self, Folders};
use crate::crash::chance::Chance;
use crate::crash::crew::Crew;
use crate::crash::desk::Desk;
use crate::crash::nodes::Nodes;
use crate::crash::summary::Row;
use crate::crash::way::Mix;
use harness::cluster::Cluster;
use harness::server::Setup;
use harness::wait;

/// How many nodes there are.
pub(super) const NODES: usize = 3;
/// At how many of them something is done at the same time.
const AT_ONCE: usize = 2;
/// How many acts come between two audits.
const AUDIT_EVERY: usize = 10;
/// How long acts may take to end, requests to be answered, and an audit to be made, before that counts as a
/// hang.
const HANG: Duration = Duration::from_secs(600);

/// A cluster with its clients at work, and the counts.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) setup: Setup,
    pub(super) deck: Deck,
    pub(super) under_way: UnderWay,
    pub(super) row: RefCell<Row>,
    /// Held by what harms a node; an audit waits for its end.
    pub(super) calm: RwLock<()>,
    pub(super) at_once: Semaphore,
    /// Held by what troubles what the nodes share.
    pub(super) trouble: Mutex<()>,
    /// Whether parts are held back, or are to be.
    pub(super) has_late_parts: Cell<bool>,
    listener: Listener,
    pub(super) desk: Arc<Desk>,
    crew: RefCell<Option<Crew>>,
}

impl Stage {
    /// A new cluster with its clients.
    pub(super) async fn set(setup: Setup, mix: Mix, deck: Deck, chance: &mut Chance) -> Self {
        let cluster = Cluster::start_alone(setup.clone(), NODES).await;
        let mut addresses: Vec<_> = (0..NODES).map(|number| cluster.address(number)).collect();
        addresses.push(cluster.chat.server.address());
        let mut desk = Desk::of(Arc::clone(&cluster.chat), mix);
        desk.nodes = Some(Nodes::at(addresses, chance.apart()));
        let desk = Arc::new(desk);
        let listener = Listener::connect(&cluster.chat).await;
        let crew = RefCell::new(Some(Crew::start(&desk, chance).await));
        Self {
            cluster,
            setup,
            deck,
            under_way: UnderWay::default(),
            row: RefCell::default(),
            calm: RwLock::default(),
            at_once: Semaphore::new(AT_ONCE),
            trouble: Mutex::default(),
            has_late_parts: Cell::new(false),
            listener,
            desk,
            crew,
        }
    }

    /// Waits until these hands have done everything, and audits on the way.
    pub(super) async fn watch(&self, hands: &mut JoinSet<()>) {
        let mut next = self.deck.len().saturating_sub(AUDIT_EVERY);
        while !hands.is_empty() {
            match tokio::time::timeout(PAUSE, hands.join_next()).await {
                Ok(Some(Err(error))) => std::panic::resume_unwind(error.into_panic()),
                Ok(_) => continue,
                Err(_) => self.look(),
            }
            if self.deck.len() <= next {
                next = self.deck.len().saturating_sub(AUDIT_EVERY);
                self.audit().await;
            }
        }
    }

    /// Waits until nothing is harmed and no request is under way, and audits.
    pub(super) async fn audit(&self) {
        let _calm = wait::within(HANG, "what is done to nodes ends", self.calm.write()).await;
        let _closed = wait::within(HANG, "every request is answered", self.desk.gate.close()).await;
        let audit = audit::audit(&self.desk, Folders::Unsettled);
        wait::within(HANG, "an audit ends", audit).await.expect("every node lives");
        self.parts_are_equal();
        self.count("audits");
    }

    async fn late_parts_land(&self) {
        while self.has_late_parts.get() {
            self.look();
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn parts_are_equal(&self) {
        let unequal = self.cluster.place().unequal_parts();
        assert!(unequal.is_empty(), "some object stores refuse these: {unequal:?}");
    }

    /// Lets every client finish, and audits everything.
    pub(super) async fn finish(&self) -> Row {
        wait::within(HANG, "late parts land", self.late_parts_land()).await;
        let crew = self.crew.borrow_mut().take().expect("it is taken once");
        crew.finish().await;
        wait::within(HANG, "the last audit ends", audit::audit_all(&self.desk)).await;
        self.count("audits");
        let jobs = self.desk.books.all();
        self.listener.heard_all(&jobs.iter().filter_map(|job| job.message.clone()).collect()).await;
        self.parts_are_equal();
        check(self.cluster.place(), self.setup.program()).await;
        self.cluster.place().is_tidy().await;
        let mut row = self.row.take();
        row.add("files", jobs.len() as u64);
        row.add("messages", jobs.iter().filter(|job| job.way.owes_message()).count() as u64);
        row.add("acknowledgements", self.acknowledgements());
        row.add("told to come again", *self.desk.books.refusals().borrow());
        row
    }

    pub(super) fn count(&self, what: &'static str) {
        self.row.borrow_mut().count(what);
    }

    pub(super) fn acknowledgements(&self) -> u64 {
        *self.desk.books.acknowledgements().borrow()
    }

    /// Waits for this many more acknowledgements.
    pub(super) async fn acknowledged(&self, count: u64) {
        let enough = self.acknowledgements() + count;
        let end = Instant::now() + 5 * wait::BOUND;
        while self.acknowledgements() < enough {
            self.look();
            assert!(Instant::now() < end, "clients do not get on");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until clients were told to come again this many times more.
    pub(super) async fn refused(&self, count: u64) {
        let refusals = self.desk.books.refusals();
        let enough = *refusals.borrow() + count;
        let end = Instant::now() + 5 * wait::BOUND;
        while *refusals.borrow() < enough {
            self.look();
            assert!(Instant::now() < end, "clients are told nothing");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Fails if a client has found something wrong.
    pub(super) fn look(&self) {
        if let Some(crew) = self.crew.borrow_mut().as_mut() {
            crew.look();
        }
    }
}
