use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::conditions::Conditions;
use super::event::{Event, Observer};
use super::pace::Pace;
use super::plan::Plan;
use super::step::{Cut, Direction, Step};

/// How many bytes are read at once; a plan's byte counts are met exactly nevertheless.
const BUFFER: usize = 64 * 1024;

/// The state that all connections share: the plans, and the troubles that are going on.
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

    /// How many of these bytes may go before the next step, and the step if it comes then.
    pub(super) fn pass(&self, direction: Direction, wanted: usize) -> (usize, Option<Step>) {
        self.state().lane(direction).plan.pass(wanted, Instant::now())
    }

    /// Plans this step for when this many further bytes have gone up.
    pub(super) fn after(&self, bytes: u64, step: Step) {
        self.state().up.plan.after(bytes, step);
    }

    /// Drops all planned steps, and lets the next answer pass.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.up.plan.forget();
        state.down.plan.forget();
        state.doomed_answer = None;
    }

    /// How many bytes have gone in this direction.
    pub(super) fn count(&self, direction: Direction) -> u64 {
        self.state().lane(direction).plan.count()
    }

    /// Whether all planned steps have come.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        state.up.plan.is_done() && state.down.plan.is_done()
    }

    /// How many bytes are carried at once in this direction.
    pub(super) fn piece(&self, direction: Direction) -> usize {
        self.state().lane(direction).pace.as_ref().map_or(BUFFER, |pace| pace.piece().min(BUFFER))
    }

    /// Reserves the line for this many bytes, and returns when they have arrived; none if the bandwidth is
    /// not limited.
    pub(super) fn arrival(&self, direction: Direction, count: usize) -> Option<Instant> {
        self.state().lane(direction).pace.as_mut().map(|pace| pace.reserve(count, Instant::now()))
    }

    /// Until when the network stands still, if it does.
    pub(super) fn still_until(&self) -> Option<Instant> {
        self.state().still_until.filter(|until| *until > Instant::now())
    }

    /// Whether requests are answered 502.
    pub(super) fn is_without_server(&self) -> bool {
        self.state().no_server_until.is_some_and(|until| until > Instant::now())
    }

    /// How and after how many bytes the next answer is to be cut, if it is; it counts for one answer.
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

    /// Locks the state. The lock is not held across an await, and no holder panics.
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
