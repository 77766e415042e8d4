//! A bad network that can be ordered: how its troubles are spelled on a command line.

mod amount;
mod order;

pub use amount::{Unreadable, bytes, time};
pub use order::{Order, every, trouble};
