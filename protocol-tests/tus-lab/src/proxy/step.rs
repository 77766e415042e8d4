use std::time::Duration;

/// How a connection dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// An orderly end, in the middle of a request or an answer.
    Fin,
    /// A reset: bytes on their way are lost.
    Reset,
}

/// The direction of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the clients to the server.
    Up,
    /// From the server to the clients.
    Down,
}

/// A trouble that comes when a certain number of bytes has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Every connection dies.
    Cut(Cut),
    /// The direction of the connection stands still for good, and [`Proxy::held`](super::Proxy::held)
    /// returns.
    Hold,
    /// The whole network stands still for this long, both ways, and then goes on.
    Stall(Duration),
    /// The server's next answer gets lost, and its connection with it.
    LoseAnswer,
    /// The server's next answer ends after this many bytes, and its connection with it.
    CutAnswer(Cut, u64),
    /// The receiver is told that nothing more comes, and gets nothing more; the other direction lives on.
    HalfClose,
    /// The client's side dies, but the server is not told: its connection stays open and silent.
    Vanish,
    /// The server's connection ends, and the client is answered 502 instead. So is every request for this
    /// long, and none of it reaches the server.
    BadGateway(Duration),
}
