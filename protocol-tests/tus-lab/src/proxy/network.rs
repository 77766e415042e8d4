use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::conditions::Conditions;
use super::event::{Event, Observer};
use super::pace::Pace;
use super::plan::Plan;
use super::step::{Cut, Direction, Step};

/// How much is read at once; a plan's byte counts are met exactly all the same.
const BUFFER: usize = 64 * 1024;

/// What all connections share: what is planned for them, and what is happening.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) target: SocketAddr,
    pub(super) latency: Duration,
    pub(super) observer: Observer,
    pub(super) cut: watch::Sender<Cut>,
    pub(super) holds: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    up: Lane,
    down: Lane,
    doomed_answer: Option<(Cut, u64)>,
    still_until: Option<Instant>,
    no_server_until: Option<Instant>,
}

#[derive(Debug)]
struct Lane {
    plan: Plan,
    pace: Option<Pace>,
}

impl Network {
    pub(super) fn new(target: SocketAddr, conditions: Conditions) -> Self {
        let up = Lane {
            plan: Plan::new(conditions.up, conditions.recurring),
            pace: conditions.up_bytes_per_sec.map(Pace::new),
        };
        let down = Lane {
            plan: Plan::new(conditions.down, None),
            pace: conditions.down_bytes_per_sec.map(Pace::new),
        };
        Self {
            target,
            latency: conditions.latency,
            observer: conditions.observer,
            cut: watch::Sender::new(Cut::Fin),
            holds: Notify::new(),
            state: Mutex::new(State {
                up,
                down,
                doomed_answer: None,
                still_until: None,
                no_server_until: None,
            }),
        }
    }

    /// How many of these bytes may go before something happens, and what happens then.
    pub(super) fn pass(&self, direction: Direction, wanted: usize) -> (usize, Option<Step>) {
        self.state().lane(direction).plan.pass(wanted, Instant::now())
    }

    /// Plans this step for when so many further bytes have gone up.
    pub(super) fn after(&self, bytes: u64, step: Step) {
        self.state().up.plan.after(bytes, step);
    }

    /// Nothing more is planned, and no answer is doomed.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.up.plan.forget();
        state.down.plan.forget();
        state.doomed_answer = None;
    }

    /// How many bytes have gone this way.
    pub(super) fn count(&self, direction: Direction) -> u64 {
        self.state().lane(direction).plan.count()
    }

    /// Whether everything planned has happened.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        state.up.plan.is_done() && state.down.plan.is_done()
    }

    /// How much is carried at once this way.
    pub(super) fn piece(&self, direction: Direction) -> usize {
        self.state().lane(direction).pace.as_ref().map_or(BUFFER, |pace| pace.piece().min(BUFFER))
    }

    /// Takes the line for so many bytes, and says when they have arrived if that is not at once.
    pub(super) fn arrival(&self, direction: Direction, count: usize) -> Option<Instant> {
        self.state().lane(direction).pace.as_mut().map(|pace| pace.reserve(count, Instant::now()))
    }

    /// Until when everything stands still.
    pub(super) fn still_until(&self) -> Option<Instant> {
        self.state().still_until.filter(|until| *until > Instant::now())
    }

    /// Whether requests are answered 502.
    pub(super) fn is_without_server(&self) -> bool {
        self.state().no_server_until.is_some_and(|until| until > Instant::now())
    }

    /// How the answer that is about to go down ends, and after how many bytes, if it is doomed.
    pub(super) fn doom(&self) -> Option<(Cut, u64)> {
        self.state().doomed_answer.take()
    }

    pub(super) fn doom_next_answer(&self, cut: Cut, after: u64) {
        self.state().doomed_answer = Some((cut, after));
    }

    pub(super) fn stand_still(&self, time: Duration) {
        self.state().still_until = Some(Instant::now() + time);
    }

    pub(super) fn lose_server(&self, time: Duration) {
        self.state().no_server_until = Some(Instant::now() + time);
    }

    pub(super) fn cut(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }

    pub(super) fn tell(&self, event: &Event) {
        self.observer.tell(event);
    }

    /// No lock is held across an await, and nobody panics while holding one.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked while holding it")
    }
}

impl State {
    fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}
