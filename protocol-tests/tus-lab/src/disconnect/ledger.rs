use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::trap::Outgoing;

/// The cost of an upload so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How many requests were sent.
    pub(super) requests: u32,
    /// How many bytes of request heads went to the server.
    heads: u64,
    /// How many bytes of content went to the server.
    content: u64,
    /// The highest offset up to which content was sent.
    furthest: u64,
    /// How often content was sent from its first byte on.
    starts: u32,
    /// The paths of all uploads that were created, whether the client heard of them or not.
    pub(super) uploads: BTreeSet<String>,
    /// The paths of the partial uploads among what was created.
    pub(super) parts: BTreeSet<String>,
    /// Whether a creation died without it being known whether the server made the upload.
    pub(super) is_unsure: bool,
    struck: Option<Instant>,
    went_on: Option<Duration>,
}

impl Ledger {
    /// Notes how many bytes of this request went to the server.
    pub(super) fn carried(&mut self, request: &Outgoing, bytes: u64) {
        self.requests += 1;
        self.heads += bytes.min(request.head_bytes);
        // Bytes of an earlier request that were still on their way do not count.
        let content = bytes.saturating_sub(request.head_bytes).min(request.body.end - request.body.start);
        self.content += content;
        self.furthest = self.furthest.max(request.body.start + content);
        self.starts += u32::from(request.body.start == 0 && content > 0);
    }

    /// Adds the cost of a part. Of the times until uploads went on, the longest one counts.
    pub(super) fn absorb(&mut self, part: Self) {
        self.requests += part.requests;
        self.heads += part.heads;
        self.parts.extend(part.uploads);
        self.went_on = self.went_on.max(part.went_on);
    }

    /// Sets how many bytes went to the server in all, of an upload of this size.
    pub(super) fn settle(&mut self, bytes: u64, size: u64) {
        self.content = bytes.saturating_sub(self.heads);
        self.furthest = self.content.min(size);
    }

    /// Notes that trouble came; only the first one counts.
    pub(super) fn struck(&mut self, at: Instant) {
        self.struck.get_or_insert(at);
    }

    /// Notes that the server accepted bytes, or said that it has all of them.
    pub(super) fn got_on(&mut self, at: Instant) {
        let Some(struck) = self.struck else {
            return;
        };
        if at >= struck {
            self.went_on.get_or_insert(at - struck);
        }
    }

    /// How many bytes were sent more than once.
    pub(super) fn sent_again(&self) -> u64 {
        self.content.saturating_sub(self.furthest)
    }

    /// How often content was sent from its first byte on again.
    pub(super) fn starts_again(&self) -> u32 {
        self.starts.saturating_sub(1)
    }

    /// The time from the trouble until the server accepted further bytes.
    pub(super) fn went_on(&self) -> Option<Duration> {
        self.went_on
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::super::decision::Ask;
    use super::*;

    fn append(body: Range<u64>) -> Outgoing {
        Outgoing { ask: Ask::Append(body.start), head_bytes: 100, body }
    }

    #[test]
    fn only_content_counts_and_only_what_went_twice() {
        let mut ledger = Ledger::default();
        ledger.carried(&append(0..1000), 700);
        assert_eq!((ledger.sent_again(), ledger.starts_again()), (0, 0));
        ledger.carried(&Outgoing { ask: Ask::Offset, head_bytes: 80, body: 0..0 }, 80);
        ledger.carried(&append(400..1000), 700);
        assert_eq!((ledger.sent_again(), ledger.starts_again()), (200, 0));
        ledger.carried(&append(0..1000), 1100);
        assert_eq!((ledger.sent_again(), ledger.starts_again()), (1200, 1));
    }

    #[test]
    fn a_request_that_died_in_its_head_sent_no_content() {
        let mut ledger = Ledger::default();
        ledger.carried(&append(0..1000), 50);
        ledger.carried(&append(0..1000), 1100);
        assert_eq!((ledger.sent_again(), ledger.starts_again()), (0, 0));
    }

    #[test]
    fn parts_share_one_account() {
        let mut whole = Ledger::default();
        for went_on in [Some(3), None, Some(5)] {
            let mut part = Ledger { went_on: went_on.map(Duration::from_secs), ..Ledger::default() };
            part.carried(&append(0..1000), 100);
            whole.absorb(part);
        }
        whole.settle(3 * 1100 + 17, 3000);
        assert_eq!((whole.requests, whole.sent_again()), (3, 17));
        assert_eq!(whole.went_on(), Some(Duration::from_secs(5)));
    }

    #[test]
    fn getting_on_is_counted_from_the_first_trouble_to_the_first_success_after_it() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        ledger.got_on(at(1));
        ledger.struck(at(2));
        ledger.struck(at(3));
        ledger.got_on(at(5));
        ledger.got_on(at(9));
        assert_eq!(ledger.went_on(), Some(Duration::from_secs(3)));
    }
}
