use std::cell::RefCell;

use crate::crash::chance::Chance;

/// What is done to a node, or to what nodes share.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A kill at a step; anywhere, if it has no name.
    Kill(&'static str),
    /// A stop for longer than every timeout.
    Stop,
    /// Trouble with what the nodes share.
    Fault,
}

/// The steps that an upload passes on nodes; an empty name is a random moment.
pub(super) const STEPS: &[&str] = &[
    "create.recorded",
    "append.recorded",
    "",
    "part.put",
    "part.recorded",
    "join.copied",
    "join.recorded",
    "finalize.claimed",
    "",
    "object.made",
    "object.sealed",
    "object.placed",
    "recover.found",
    "finalize.placed",
    "recover.driven",
    "finalize.committed",
    "",
    "publish.announced",
    "publish.cleared",
    "remove.recorded",
    "remove.freed",
    "garbage.freed",
    "garbage.collected",
    "reject.recorded",
    "",
];

/// What is still to be done, in a random order.
#[derive(Debug)]
pub(super) struct Deck(RefCell<Vec<Act>>);

impl Deck {
    /// Nothing.
    pub(super) fn empty() -> Self {
        Self(RefCell::default())
    }

    /// So many kills, stops and faults. The kills go through the steps from this one on.
    pub(super) fn shuffled(first: usize, [kills, stops, faults]: [u64; 3], chance: &mut Chance) -> Self {
        let steps = STEPS.iter().cycle().skip(first % STEPS.len());
        let mut acts: Vec<_> = (0..kills).zip(steps).map(|(_, step)| Act::Kill(step)).collect();
        acts.extend((0..stops).map(|_| Act::Stop));
        acts.extend((0..faults).map(|_| Act::Fault));
        for last in (1..acts.len()).rev() {
            let other = usize::try_from(chance.within(0..last as u64 + 1)).expect("an index fits");
            acts.swap(last, other);
        }
        Self(RefCell::new(acts))
    }

    /// The next act, if one is left.
    pub(super) fn draw(&self) -> Option<Act> {
        self.0.borrow_mut().pop()
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}
