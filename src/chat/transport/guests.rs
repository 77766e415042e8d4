//! The sessions without a user, bounded in number and in what each of them may cost.
//!
//! A session's guest is part of the request that began it, which the library keeps as long as the session: a
//! slot is free again only when the memory is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use socketioxide::extract::SocketRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::backlog::{Backlog, Backlogs};
use super::super::line::Line;

/// The most sessions without a user at a time: of all clients, of an address, and over a connection.
const OVERALL: usize = 4096;
const PER_ADDRESS: usize = 1024;
const PER_CONNECTION: usize = 64;
/// The most that a session without a user may send: a token, and the packets that change its transport.
const STRANGER_BYTES: usize = 64 * 1024;
const STRANGER_PACKETS: usize = 16;
/// How often a session may ask for a namespace. There is only one.
const CONNECTS: usize = 16;
/// The most bytes of unfinished messages of all sessions without a user.
const STRANGERS_BYTES: usize = 16 * 1024 * 1024;

/// The origin of a session: how many sessions each origin may have is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// The address of a client, or the network of addresses that one client has.
    Address(IpAddr),
    /// One connection.
    Connection(u64),
}

/// All sessions.
#[derive(Debug, Clone)]
pub(super) struct Guests(Arc<House>);

#[derive(Debug)]
struct House {
    register: Mutex<Register>,
    bytes: Arc<Semaphore>,
    backlogs: Backlogs,
}

#[derive(Debug, Default)]
struct Register {
    strangers: usize,
    by_origin: HashMap<Origin, usize>,
    by_session: HashMap<String, Weak<Guest>>,
}

/// A session. Until it is admitted it has no user: it is a stranger's.
#[derive(Debug)]
pub(in crate::chat) struct Guest {
    guests: Guests,
    origins: Vec<Origin>,
    sid: OnceLock<String>,
    line: OnceLock<Arc<Line>>,
    bytes: AtomicUsize,
    packets: AtomicUsize,
    connects: AtomicUsize,
    backlog: Backlog,
}

/// The room taken for a message that is being read.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<OwnedSemaphorePermit>);

/// The reason why nothing more is read from a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    /// A session without a user sends more than it may.
    #[error("A session without a user may send {STRANGER_BYTES} bytes in {STRANGER_PACKETS} packets")]
    Stranger,
    /// More is being read than may be at once.
    #[error("Too much is being sent at once")]
    Reading,
    /// The session asks for a namespace too often.
    #[error("A session may ask for a namespace {CONNECTS} times")]
    Namespaces,
}

impl Default for Guests {
    fn default() -> Self {
        let bytes = Arc::new(Semaphore::new(STRANGERS_BYTES));
        Self(Arc::new(House { register: Mutex::default(), bytes, backlogs: Backlogs::default() }))
    }
}

impl Guests {
    /// A new session, if there is room for another stranger from these origins.
    pub(super) fn enter(&self, origins: &[Origin]) -> Option<Arc<Guest>> {
        let mut register = self.lock();
        let is_full = |origin| register.by_origin.get(origin).copied().unwrap_or(0) >= most(origin);
        if register.strangers >= OVERALL || origins.iter().any(is_full) {
            return None;
        }
        register.strangers += 1;
        for origin in origins {
            *register.by_origin.entry(*origin).or_default() += 1;
        }
        Some(Arc::new(Guest {
            guests: self.clone(),
            origins: origins.to_vec(),
            sid: OnceLock::new(),
            line: OnceLock::new(),
            bytes: AtomicUsize::new(0),
            packets: AtomicUsize::new(0),
            connects: AtomicUsize::new(0),
            backlog: self.0.backlogs.begin(),
        }))
    }

    /// The session with this id, if it began by polling.
    pub(super) fn of(&self, sid: &str) -> Option<Arc<Guest>> {
        self.lock().by_session.get(sid)?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.0.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn most(origin: &Origin) -> usize {
    match origin {
        Origin::Address(_) => PER_ADDRESS,
        Origin::Connection(_) => PER_CONNECTION,
    }
}

impl Guest {
    /// The session of this socket.
    pub(in crate::chat) fn of(socket: &SocketRef) -> Option<&Arc<Self>> {
        socket.req_parts().extensions.get()
    }

    /// Notes the id that the library has given the session.
    pub(super) fn is_called(self: &Arc<Self>, sid: &str) {
        if self.sid.set(sid.to_owned()).is_ok() {
            self.guests.lock().by_session.insert(sid.to_owned(), Arc::downgrade(self));
        }
    }

    /// Gives the session a user; it is no stranger's any more.
    pub(in crate::chat) fn admit(&self, line: Arc<Line>) {
        if self.line.set(line).is_ok() {
            self.leave();
        }
    }

    /// The queue of the user's messages, if the session has a user.
    pub(in crate::chat) fn line(&self) -> Option<&Arc<Line>> {
        self.line.get()
    }

    /// The events that wait to be read.
    pub(in crate::chat) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// Whether the session has no user.
    pub(super) fn is_stranger(&self) -> bool {
        self.line.get().is_none()
    }

    /// Checks a stranger's bounds for what is announced or begun, before any of it is kept.
    pub(super) fn judge(&self, bytes: u64, packets: usize) -> Result<(), Excess> {
        if !self.is_stranger() {
            return Ok(());
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let is_within = |count: &AtomicUsize, more: usize, most: usize| {
            count.load(Ordering::Relaxed).saturating_add(more) <= most
        };
        let is_little = is_within(&self.bytes, bytes, STRANGER_BYTES)
            && is_within(&self.packets, packets, STRANGER_PACKETS);
        if is_little { Ok(()) } else { Err(Excess::Stranger) }
    }

    /// Takes room for this many bytes of a message that is being read, in which this many packets begin.
    pub(super) fn hold(&self, held: &mut Held, bytes: usize, packets: usize) -> Result<(), Excess> {
        self.judge(u64::try_from(bytes).unwrap_or(u64::MAX), packets)?;
        if let Some(line) = self.line.get() {
            let permits = line.read(bytes).map_err(|_| Excess::Reading)?;
            held.add(permits);
            return Ok(());
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.packets.fetch_add(packets, Ordering::Relaxed);
        let count = u32::try_from(bytes).map_err(|_| Excess::Reading)?;
        let permit = Arc::clone(&self.guests.0.bytes).try_acquire_many_owned(count);
        held.add([permit.map_err(|_| Excess::Reading)?]);
        Ok(())
    }

    /// Counts requests for a namespace, of users and strangers alike: for each of them a token is looked at.
    pub(super) fn ask(&self, times: usize) -> Result<(), Excess> {
        let before = self.connects.fetch_add(times, Ordering::Relaxed);
        if times == 0 || before + times <= CONNECTS { Ok(()) } else { Err(Excess::Namespaces) }
    }

    /// Frees the slot for another stranger.
    fn leave(&self) {
        let mut register = self.guests.lock();
        register.strangers -= 1;
        for origin in &self.origins {
            let left = register.by_origin.get(origin).map_or(0, |count| count.saturating_sub(1));
            if left == 0 {
                register.by_origin.remove(origin);
            } else {
                register.by_origin.insert(*origin, left);
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.is_stranger() {
            self.leave();
        }
        if let Some(sid) = self.sid.get() {
            self.guests.lock().by_session.remove(sid);
        }
    }
}

impl Held {
    /// Adds these permits to those of the same semaphores.
    fn add(&mut self, permits: impl IntoIterator<Item = OwnedSemaphorePermit>) {
        for permit in permits {
            let known = self.0.iter_mut().find(|held| Arc::ptr_eq(held.semaphore(), permit.semaphore()));
            match known {
                Some(held) => held.merge(permit),
                None => self.0.push(permit),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::line::Hall;
    use super::*;

    fn address(last: u8) -> Origin {
        Origin::Address(IpAddr::from([192, 0, 2, last]))
    }

    fn line() -> Arc<Line> {
        Arc::new(Hall::new().line(&"user@example.com".parse().expect("valid")).expect("room"))
    }

    fn fill(guests: &Guests, origins: &[Origin]) -> Vec<Arc<Guest>> {
        std::iter::from_fn(|| guests.enter(origins)).collect()
    }

    #[test]
    fn strangers_are_bounded_by_connection_by_address_and_overall() {
        let guests = Guests::default();
        let over_one = fill(&guests, &[address(1), Origin::Connection(1)]);
        assert_eq!(over_one.len(), PER_CONNECTION);
        let of_one = fill(&guests, &[address(1)]);
        assert_eq!(over_one.len() + of_one.len(), PER_ADDRESS);
        assert!(guests.enter(&[address(2), Origin::Connection(2)]).is_some(), "another client has room");
        let others = fill(&guests, &[]);
        assert_eq!(over_one.len() + of_one.len() + others.len(), OVERALL);
        assert!(guests.enter(&[address(2)]).is_none());
        drop((over_one, of_one, others));
        assert!(guests.lock().by_origin.is_empty());
        assert_eq!(guests.lock().strangers, 0);
    }

    #[test]
    fn who_is_admitted_makes_room_and_leaves_once() {
        let guests = Guests::default();
        let strangers = fill(&guests, &[Origin::Connection(1)]);
        assert!(guests.enter(&[Origin::Connection(1)]).is_none());
        strangers[0].admit(line());
        strangers[0].admit(line());
        let next = guests.enter(&[Origin::Connection(1)]).expect("room");
        drop((strangers, next));
        assert_eq!(guests.lock().strangers, 0);
    }

    #[test]
    fn a_session_is_found_by_its_id_as_long_as_it_is_there() {
        let guests = Guests::default();
        let guest = guests.enter(&[]).expect("room");
        guest.is_called("a");
        assert!(guests.of("a").is_some() && guests.of("b").is_none());
        drop(guest);
        assert!(guests.of("a").is_none() && guests.lock().by_session.is_empty());
    }

    #[test]
    fn a_stranger_sends_little_and_a_user_what_may_be_read_at_once() {
        let guests = Guests::default();
        let guest = guests.enter(&[]).expect("room");
        let mut held = Held::default();
        assert_eq!(guest.judge(STRANGER_BYTES as u64 + 1, 1), Err(Excess::Stranger));
        assert_eq!(guest.hold(&mut held, STRANGER_BYTES, STRANGER_PACKETS), Ok(()));
        assert_eq!(guest.hold(&mut held, 1, 0), Err(Excess::Stranger));
        assert_eq!(guest.hold(&mut held, 0, 1), Err(Excess::Stranger));
        guest.admit(line());
        for _ in 0..2 {
            assert_eq!(guest.hold(&mut held, 50 << 20, 1000), Ok(()));
        }
        assert_eq!(guest.hold(&mut held, 50 << 20, 1), Err(Excess::Reading));
        held = Held::default();
        assert_eq!(guest.hold(&mut held, 50 << 20, 1), Ok(()));
    }

    #[test]
    fn what_all_strangers_send_is_bounded_while_it_is_read() {
        let guests = Guests::default();
        let read = |guest: &Guest| {
            let mut held = Held::default();
            guest.hold(&mut held, STRANGER_BYTES, 1).map(|()| held)
        };
        let sessions = fill(&guests, &[]);
        let held: Vec<_> = sessions.iter().map_while(|guest| read(guest).ok()).collect();
        assert_eq!(held.len(), STRANGERS_BYTES / STRANGER_BYTES);
        drop(held);
        assert!(read(sessions.last().expect("many")).is_ok());
    }
}
