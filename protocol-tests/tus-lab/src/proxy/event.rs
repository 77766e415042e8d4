use std::fmt;
use std::sync::Arc;

use super::step::{Cut, Direction, Step};

/// An event of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client connected.
    Opened {
        /// The number of its connection.
        connection: u64,
    },
    /// A client connected, and there was no server for it.
    Unreachable {
        /// The number of its connection.
        connection: u64,
    },
    /// A planned step came.
    Struck {
        /// The connection whose byte reached the place.
        connection: u64,
        /// The direction of that byte.
        direction: Direction,
        /// How many bytes had gone in that direction, over all connections.
        at: u64,
        /// The step.
        step: Step,
    },
    /// An answer did not reach the client, or only its beginning did.
    AnswerLost {
        /// The connection of the answer.
        connection: u64,
        /// The answer, or its beginning.
        answer: Vec<u8>,
    },
    /// A request was answered 502.
    BadGateway {
        /// The connection of the answer.
        connection: u64,
    },
    /// A connection has ended.
    Closed {
        /// The number of the connection.
        connection: u64,
        /// How many bytes it carried to the server.
        up: u64,
        /// How many bytes it carried to the client.
        down: u64,
    },
}

/// A function that is called with every event, at once and on the connection's task: it must not block.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&Event) + Send + Sync>);

impl Observer {
    /// An observer that calls this function.
    pub fn new(tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// An observer that ignores all events.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(|_| {})
    }

    pub(super) fn tell(&self, event: &Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Observer")
    }
}

/// The event as a line of text.
impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { connection } => write!(formatter, "#{connection} opened"),
            Self::Unreachable { connection } => {
                write!(formatter, "#{connection} reset: the target does not accept connections")
            }
            Self::Struck { connection, direction, at, step } => {
                write!(formatter, "#{connection} {step} after {at} bytes {direction}")
            }
            Self::AnswerLost { connection, answer } => {
                let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
                write!(formatter, "#{connection} lost an answer: {}", String::from_utf8_lossy(line))
            }
            Self::BadGateway { connection } => write!(formatter, "#{connection} answered 502"),
            Self::Closed { connection, up, down } => {
                write!(formatter, "#{connection} closed, {up} bytes up, {down} bytes down")
            }
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(cut) => write!(formatter, "cut ({cut})"),
            Self::Hold => formatter.write_str("held"),
            Self::Stall(time) => write!(formatter, "stalled for {time:?}"),
            Self::LoseAnswer => formatter.write_str("will lose its answer"),
            Self::CutAnswer(cut, bytes) => {
                write!(formatter, "will have its answer cut ({cut}) after {bytes} bytes")
            }
            Self::HalfClose => formatter.write_str("half-closed"),
            Self::Vanish => formatter.write_str("vanished for the client alone"),
            Self::BadGateway(time) => write!(formatter, "lost its server (502 for {time:?})"),
        }
    }
}
