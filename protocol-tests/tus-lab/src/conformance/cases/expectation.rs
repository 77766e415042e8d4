//! `Expect: 100-continue`.

use std::time::Duration;

use crate::conformance::verdict::{FINE, Fault, Judged, room};
use crate::http::Connection;

/// How soon an answer has to come: after that a waiting user notices, and stock clients send bodies without
/// being asked.
pub(super) const SOON: Duration = Duration::from_secs(2);

/// The server's reaction to `Expect: 100-continue` before the body is sent.
pub(super) enum Expectation {
    Continue,
    Final(u16),
    Nothing,
}

impl Expectation {
    pub(super) fn judged(self) -> Judged {
        match self {
            Self::Nothing => room("nothing answers the expectation, for which HTTP's clients wait"),
            Self::Continue | Self::Final(_) => FINE,
        }
    }
}

pub(super) async fn expectation(connection: &mut Connection) -> Result<Expectation, Fault> {
    match tokio::time::timeout(SOON, connection.try_head()).await {
        Ok(head) => match head?.status {
            100 => Ok(Expectation::Continue),
            status => Ok(Expectation::Final(status)),
        },
        Err(_) => Ok(Expectation::Nothing),
    }
}
