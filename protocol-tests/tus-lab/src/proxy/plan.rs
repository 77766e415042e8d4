use std::collections::VecDeque;
use std::time::Instant;

use super::recurring::Recurring;
use super::step::Step;

/// The planned steps of one direction, by the bytes of all connections.
#[derive(Debug, Default)]
pub(super) struct Plan {
    count: u64,
    steps: VecDeque<(u64, Step)>,
    recurring: Option<Recurring>,
}

impl Plan {
    pub(super) fn new(mut steps: Vec<(u64, Step)>, recurring: Option<Recurring>) -> Self {
        steps.sort_by_key(|(at, _)| *at);
        Self { count: 0, steps: steps.into(), recurring }
    }

    /// How many of these bytes may go before the next step, and the step if it comes then.
    pub(super) fn pass(&mut self, wanted: usize, now: Instant) -> (usize, Option<Step>) {
        let planned = self.steps.front().map(|(at, _)| at.saturating_sub(self.count));
        let repeated = self.recurring.as_ref().and_then(|recurring| recurring.room(self.count, now));
        let room = planned.into_iter().chain(repeated).min();
        let allowed =
            room.and_then(|room| usize::try_from(room).ok()).map_or(wanted, |room| room.min(wanted));
        self.count += allowed as u64;
        (allowed, self.reached(now))
    }

    /// Plans this step for when this many further bytes have gone.
    pub(super) fn after(&mut self, bytes: u64, step: Step) {
        let at = self.count + bytes;
        let place = self.steps.partition_point(|(other, _)| *other <= at);
        self.steps.insert(place, (at, step));
    }

    /// Drops all planned steps.
    pub(super) fn forget(&mut self) {
        self.steps.clear();
        self.recurring = None;
    }

    /// How many bytes have gone so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether all planned steps have come.
    pub(super) fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    fn reached(&mut self, now: Instant) -> Option<Step> {
        if self.steps.front().is_some_and(|(at, _)| *at <= self.count) {
            return self.steps.pop_front().map(|(_, step)| step);
        }
        self.recurring.as_mut().and_then(|recurring| recurring.reached(self.count, now))
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Cut;
    use super::*;

    const FIN: Step = Step::Cut(Cut::Fin);
    const RESET: Step = Step::Cut(Cut::Reset);

    #[test]
    fn bytes_pass_up_to_the_next_step_and_not_beyond() {
        let now = Instant::now();
        let mut plan = Plan::new(vec![(300, RESET), (100, FIN)], None);
        assert_eq!(plan.pass(60, now), (60, None));
        assert_eq!(plan.pass(60, now), (40, Some(FIN)));
        assert_eq!(plan.pass(200, now), (200, Some(RESET)));
        assert!(plan.is_done());
        assert_eq!(plan.pass(60, now), (60, None));
        assert_eq!(plan.count(), 360);
    }

    #[test]
    fn two_steps_at_one_place_follow_each_other() {
        let now = Instant::now();
        let mut plan = Plan::new(vec![(10, Step::LoseAnswer), (10, FIN)], None);
        assert_eq!(plan.pass(50, now), (10, Some(Step::LoseAnswer)));
        assert_eq!(plan.pass(40, now), (0, Some(FIN)));
        assert_eq!(plan.pass(40, now), (40, None));
    }

    #[test]
    fn a_step_is_planned_from_where_the_bytes_are() {
        let now = Instant::now();
        let mut plan = Plan::new(vec![(1000, RESET)], None);
        plan.pass(500, now);
        plan.after(100, FIN);
        assert_eq!(plan.pass(1000, now), (100, Some(FIN)));
        assert_eq!(plan.pass(900, now), (400, Some(RESET)));
    }
}
