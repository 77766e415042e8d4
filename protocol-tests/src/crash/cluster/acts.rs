use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

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
    /// Parts that land late, while other acts go on.
    LateParts,
    /// A multipart upload that the S3 server forgets.
    Forget,
}

/// What is still to be done, in a random order.
#[derive(Debug)]
pub(super) struct Deck(RefCell<Vec<Act>>);

impl Deck {
    /// Nothing.
    pub(super) fn empty() -> Self {
        Self(RefCell::default())
    }

    /// So many kills, stops, faults and multipart uploads that are forgotten. The kills go through these
    /// steps from that number on.
    pub(super) fn shuffled(
        steps: &[&'static str],
        first: usize,
        [kills, stops, faults, forgotten]: [u64; 4],
        chance: &mut Chance,
    ) -> Self {
        let steps = steps.iter().cycle().skip(first % steps.len());
        let mut acts: Vec<_> = (0..kills).zip(steps).map(|(_, step)| Act::Kill(step)).collect();
        acts.extend((0..stops).map(|_| Act::Stop));
        acts.extend((0..faults).map(|_| Act::Fault));
        acts.extend((0..forgotten).map(|_| Act::Forget));
        for last in (1..acts.len()).rev() {
            let other = usize::try_from(chance.within(0..last as u64 + 1)).expect("an index fits");
            acts.swap(last, other);
        }
        Self(RefCell::new(acts))
    }

    /// Adds an act that comes before all others.
    pub(super) fn begin_with(&self, act: Act) {
        self.0.borrow_mut().push(act);
    }

    /// The next act, if one is left.
    pub(super) fn draw(&self) -> Option<Act> {
        self.0.borrow_mut().pop()
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// The acts that are under way, by the number of their hand, for the report of a failure.
#[derive(Debug, Default)]
pub(super) struct UnderWay(RefCell<BTreeMap<usize, (Act, Instant)>>);

impl UnderWay {
    pub(super) fn begin(&self, hand: usize, act: Act) {
        self.0.borrow_mut().insert(hand, (act, Instant::now()));
    }

    pub(super) fn end(&self, hand: usize) {
        self.0.borrow_mut().remove(&hand);
    }
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (hand, (act, since)) in self.0.borrow().iter() {
            write!(f, "{act:?} at node {hand} for {} s; ", since.elapsed().as_secs())?;
        }
        f.write_str("these acts are under way")
    }
}
