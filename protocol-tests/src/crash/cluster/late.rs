//! Parts that land late: later than any node waits for them, and while everything else goes on.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::crash::PAUSE;

/// What only the request for a part has on its first line.
const PART: &str = "partNumber=";
/// How many parts are late at the same time.
const PARTS: u32 = 2;
/// How late they are: a node gives the put of a part up after a minute, and the next one waits some seconds
/// more.
const LATE: Duration = Duration::from_secs(90);
/// How long a part is waited for.
const PART_WAIT: Duration = Duration::from_secs(60);

/// Begins to hold parts back, and lets them go when it is time.
pub(super) fn begin(stage: &Rc<Stage>) {
    let line = &stage.cluster.s3;
    line.holds_back(PART, PARTS);
    stage.has_late_parts.set(true);
    let late = Rc::clone(stage);
    tokio::task::spawn_local(async move {
        let line = &late.cluster.s3;
        let end = Instant::now() + PART_WAIT;
        while line.held() == 0 && Instant::now() < end {
            tokio::time::sleep(PAUSE).await;
        }
        if line.held() > 0 {
            tokio::time::sleep(LATE).await;
        }
        late.row.borrow_mut().add("late parts", line.held().into());
        line.lets_go();
        late.has_late_parts.set(false);
    });
}
