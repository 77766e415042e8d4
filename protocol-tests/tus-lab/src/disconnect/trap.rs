use std::ops::Range;
use std::time::Duration;

use super::decision::Ask;
use super::fault::{Fault, Moment};
use super::shape::Shape;
use crate::proxy::{Cut, Step};

/// How long a network stands still: longer than buffers can hide, shorter than servers wait.
const STALL: Duration = Duration::from_secs(2);

/// How long a gateway has no server, in rows where a client is to meet that more than once.
const BAD_GATEWAY: Duration = Duration::from_millis(300);

/// How many bytes of a cut answer arrive: not even its status line.
const ANSWER: u64 = 10;

/// A planned trouble, which waits for the request that it is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trap {
    pub(super) moment: Moment,
    pub(super) fault: Fault,
}

/// A request that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) ask: Ask,
    /// The length of the head.
    pub(super) head_bytes: u64,
    /// The range of the content that is the body.
    pub(super) body: Range<u64>,
}

impl Trap {
    /// The traps that a network sets for a client, in the order in which they snap.
    pub(super) fn all(moment: Moment, fault: Fault) -> Vec<Self> {
        match moment {
            Moment::Throughout => Vec::new(),
            // A client sends HEAD only after a trouble.
            Moment::Head => vec![Self { moment: Moment::Half, fault: Fault::Reset }, Self { moment, fault }],
            _ => vec![Self { moment, fault }],
        }
    }

    /// After how many bytes of this request the trouble comes, and which; none if the trap is for another
    /// request.
    pub(super) fn snap(&self, request: &Outgoing, shape: &Shape) -> Option<(u64, Step)> {
        let Outgoing { ask, head_bytes, body } = request;
        let whole = head_bytes + (body.end - body.start);
        match self.moment {
            Moment::Post if *ask == Ask::Create => Some((head_bytes / 2, self.in_a_request())),
            Moment::PostAnswer if *ask == Ask::Create => Some((whole, self.in_an_answer())),
            Moment::LastAnswer if *ask == Ask::Join || (!body.is_empty() && body.end == shape.size) => {
                Some((whole, self.in_an_answer()))
            }
            Moment::Head if *ask == Ask::Offset && self.fault == Fault::LoseAnswer => {
                Some((whole, self.in_an_answer()))
            }
            Moment::Head if *ask == Ask::Offset => Some((head_bytes / 2, self.in_a_request())),
            Moment::Tenth | Moment::Half | Moment::End => {
                let place = shape.place(self.moment).filter(|place| body.contains(place))?;
                match self.fault {
                    Fault::LoseAnswer => Some((whole, self.in_an_answer())),
                    _ => Some((head_bytes + place - body.start, self.in_a_request())),
                }
            }
            _ => None,
        }
    }

    /// After how many bytes the trouble comes for a client that sends several such requests at the same time;
    /// it strikes the request with that byte.
    pub(super) fn snap_among(&self, first: &Outgoing, requests: u64, shape: &Shape) -> Option<(u64, Step)> {
        let head_bytes = first.head_bytes;
        match self.moment {
            Moment::Post => Some((head_bytes / 2, self.in_a_request())),
            Moment::PostAnswer => Some((head_bytes, self.in_an_answer())),
            Moment::Tenth | Moment::Half => {
                let place = shape.place(self.moment)?;
                Some((2 * requests * head_bytes + place, self.in_a_request()))
            }
            _ => None,
        }
    }

    fn in_a_request(&self) -> Step {
        match self.fault {
            Fault::Fin => Step::Cut(Cut::Fin),
            Fault::Vanish => Step::Vanish,
            Fault::HalfClose => Step::HalfClose,
            Fault::Stall => Step::Stall(STALL),
            // In a body only this request fails: a 502 to the HEAD after it is a moment of its own.
            Fault::BadGateway if matches!(self.moment, Moment::Post | Moment::Head) => {
                Step::BadGateway(BAD_GATEWAY)
            }
            Fault::BadGateway => Step::BadGateway(Duration::ZERO),
            _ => Step::Cut(Cut::Reset),
        }
    }

    fn in_an_answer(&self) -> Step {
        match self.fault {
            Fault::Fin => Step::CutAnswer(Cut::Fin, ANSWER),
            Fault::Reset => Step::CutAnswer(Cut::Reset, ANSWER),
            Fault::Stall => Step::Stall(STALL),
            _ => Step::LoseAnswer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { size: 1000 };

    fn outgoing(ask: Ask, body: Range<u64>) -> Outgoing {
        Outgoing { ask, head_bytes: 200, body }
    }

    fn snaps(moment: Moment, fault: Fault, request: &Outgoing) -> Option<(u64, Step)> {
        Trap { moment, fault }.snap(request, &SHAPE)
    }

    #[test]
    fn a_trap_in_the_content_waits_for_the_request_that_carries_its_byte() {
        let half = SHAPE.place(Moment::Half).expect("it is a place");
        let fin = Step::Cut(Cut::Fin);
        assert_eq!(snaps(Moment::Half, Fault::Fin, &outgoing(Ask::Append(0), 0..250)), None);
        let request = outgoing(Ask::Append(400), 400..650);
        assert_eq!(snaps(Moment::Half, Fault::Fin, &request), Some((200 + half - 400, fin)));
        assert_eq!(snaps(Moment::Half, Fault::LoseAnswer, &request), Some((450, Step::LoseAnswer)));
        assert_eq!(snaps(Moment::End, Fault::Fin, &outgoing(Ask::Append(0), 0..1000)), Some((1199, fin)));
    }

    #[test]
    fn a_trap_in_an_answer_snaps_with_the_last_byte_of_the_request() {
        let post = outgoing(Ask::Create, 0..0);
        assert_eq!(snaps(Moment::PostAnswer, Fault::LoseAnswer, &post), Some((200, Step::LoseAnswer)));
        let cut = Step::CutAnswer(Cut::Fin, ANSWER);
        let last = outgoing(Ask::Append(750), 750..1000);
        assert_eq!(snaps(Moment::LastAnswer, Fault::Fin, &last), Some((450, cut)));
        assert_eq!(snaps(Moment::LastAnswer, Fault::Fin, &outgoing(Ask::Append(0), 0..250)), None);
    }

    #[test]
    fn a_head_is_met_after_a_reset() {
        let traps = Trap::all(Moment::Head, Fault::BadGateway);
        assert_eq!(traps[0], Trap { moment: Moment::Half, fault: Fault::Reset });
        let head = outgoing(Ask::Offset, 0..0);
        assert_eq!(traps[0].snap(&head, &SHAPE), None);
        assert_eq!(traps[1].snap(&head, &SHAPE), Some((100, Step::BadGateway(BAD_GATEWAY))));
    }
}
