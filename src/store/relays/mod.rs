//! What the relays over a network have in common. A channel hands texts on; here is what makes a relay of it:
//! the queue in front of it, the return to it after it broke, and the marks that show that it brings what is
//! handed on.
//!
//! ```text
//! hand_on ─► desk ─► line ─► channel ─► line of every process ─► brought
//!             └─ a mark every second ─────► is expected back
//! ```
//! A mark that does not come back breaks the line on purpose: an error may never come from a connection that
//! is half open, or from a server that hangs. The time of the last mark that came back tells since when
//! something may be missing.

mod behind;
mod desk;
mod ends;
mod marks;
mod said;
mod serve;

pub use behind::Behind;
pub(super) use desk::Desk;
pub(super) use serve::{Channel, Line};
