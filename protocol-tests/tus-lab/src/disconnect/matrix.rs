use std::fmt;

use super::fault::{Fault, Misdeed, Moment, Scene, Way};

/// The faults in the middle of a request.
const IN_A_REQUEST: [Fault; 6] =
    [Fault::Fin, Fault::Reset, Fault::Vanish, Fault::HalfClose, Fault::Stall, Fault::BadGateway];

/// The faults in the middle of one of several requests at the same time. A half-close is left out, because
/// its outcome does not depend on the others.
const IN_REQUESTS: [Fault; 5] = [Fault::Fin, Fault::Reset, Fault::Vanish, Fault::Stall, Fault::BadGateway];

/// The faults in an answer.
const IN_AN_ANSWER: [Fault; 4] = [Fault::LoseAnswer, Fault::Fin, Fault::Reset, Fault::Stall];

/// The faults in a HEAD or its answer. A half-close is left out: it does not matter after a whole HEAD, and
/// is the same as a lost one otherwise.
const IN_A_HEAD: [Fault; 6] =
    [Fault::Fin, Fault::Reset, Fault::Vanish, Fault::LoseAnswer, Fault::Stall, Fault::BadGateway];

/// One upload of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// How the client uploads.
    pub way: Way,
    /// The moment at which something goes wrong.
    pub moment: Moment,
    /// The kind of client, and what goes wrong.
    pub scene: Scene,
}

impl Row {
    /// An upload without any trouble.
    pub const CALM: Self =
        Self { way: Way::OnePatch, moment: Moment::Throughout, scene: Scene::Stock(Fault::Nothing) };

    /// Whether the client is the stock client.
    #[must_use]
    pub fn is_stock(&self) -> bool {
        matches!(self.scene, Scene::Stock(_))
    }
}

/// The name by which a row is chosen: `stock/chunks/50%/reset`, `rogue/one-patch/50%/twins`.
impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (way, moment) = (self.way, self.moment);
        match self.scene {
            Scene::Stock(fault) => write!(formatter, "stock/{way}/{moment}/{fault}"),
            Scene::Rogue(misdeed) => write!(formatter, "rogue/{way}/{moment}/{misdeed}"),
        }
    }
}

/// All rows of the matrix, in the order of the report.
#[must_use]
pub fn rows() -> Vec<Row> {
    let stock = Way::ALL.into_iter().flat_map(stock_rows);
    stock.chain(rogue_rows()).collect()
}

fn stock_rows(way: Way) -> impl Iterator<Item = Row> {
    use Moment::{End, Half, Head, LastAnswer, Post, PostAnswer, Tenth, Throughout};
    let chunks: &[_] = &[Fault::LoseAnswer];
    let always: &[_] = &[Fault::Nothing, Fault::NarrowLine, Fault::LongLine];
    let (request, answer): (&[_], &[_]) = (&IN_A_REQUEST, &IN_AN_ANSWER);
    let mut troubles = vec![(Post, request), (PostAnswer, answer), (Tenth, request), (Half, request)];
    match way {
        Way::OnePatch => troubles.extend([(End, request), (LastAnswer, answer), (Head, &IN_A_HEAD)]),
        Way::Chunks => {
            troubles.extend([(Half, chunks), (End, request), (LastAnswer, answer), (Head, &IN_A_HEAD)]);
        }
        // After a 502 to HEAD a client starts again, which is impossible with a stream.
        Way::DeferredLength => {
            let head = &IN_A_HEAD[..IN_A_HEAD.len() - 1];
            troubles.extend([(Half, chunks), (End, request), (LastAnswer, answer), (Head, head)]);
        }
        // With all bytes in the creation, its answer is the last one, and the client never sends HEAD.
        Way::CreationWithUpload => troubles.push((End, request)),
        Way::Parallel => {
            let requests: &[_] = &IN_REQUESTS;
            troubles = vec![(Post, requests), (PostAnswer, answer), (Half, requests), (LastAnswer, answer)];
        }
    }
    troubles.push((Throughout, always));
    let row = move |(moment, faults): (Moment, &'static [Fault])| {
        faults.iter().map(move |fault| Row { way, moment, scene: Scene::Stock(*fault) })
    };
    troubles.into_iter().flat_map(row)
}

fn rogue_rows() -> impl Iterator<Item = Row> {
    use Moment::{End, Half, Tenth};
    let deaths = [Fault::Fin, Fault::Reset, Fault::Vanish];
    let mut scenes = Vec::new();
    for moment in [Tenth, Half, End] {
        scenes.extend(deaths.map(|death| (Way::OnePatch, moment, Misdeed::Blind(death))));
    }
    scenes.extend(deaths.map(|death| (Way::OnePatch, Half, Misdeed::Stale(death))));
    let late = [Misdeed::LateBetween, Misdeed::LateDuring, Misdeed::LateAfter];
    scenes.extend(late.map(|late| (Way::OnePatch, Half, late)));
    scenes.push((Way::OnePatch, Half, Misdeed::Twins));
    scenes.extend(deaths.map(|death| (Way::OnePatch, Half, Misdeed::AtOnce(death))));
    scenes.extend(deaths.map(|death| (Way::Chunks, Half, Misdeed::Stale(death))));
    scenes.push((Way::Chunks, Half, Misdeed::Twins));
    scenes.into_iter().map(|(way, moment, misdeed)| Row { way, moment, scene: Scene::Rogue(misdeed) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let names: BTreeSet<_> = rows().iter().map(Row::to_string).collect();
        assert_eq!(names.len(), rows().len());
        for name in
            ["stock/chunks/50%/lose-answer", "stock/one-patch/head/bad-gateway", "rogue/one-patch/50%/twins"]
        {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn nothing_is_asked_of_a_client_that_it_cannot_do() {
        let impossible = |row: &Row| row.to_string() == "stock/deferred/head/bad-gateway";
        assert!(!rows().iter().any(impossible), "a stream is not read again");
    }

    #[test]
    fn no_client_asks_head_when_everything_is_in_the_creation() {
        let impossible = rows().into_iter().find(|row| {
            row.way == Way::CreationWithUpload && matches!(row.moment, Moment::Head | Moment::LastAnswer)
        });
        assert_eq!(impossible, None);
    }
}
