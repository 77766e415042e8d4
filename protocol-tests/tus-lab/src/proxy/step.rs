use std::time::Duration;

/// How a connection dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// An orderly end, at a place where nobody expects it.
    Fin,
    /// A reset: what was on its way is lost.
    Reset,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the clients to the server.
    Up,
    /// From the server to the clients.
    Down,
}

/// What happens when a certain number of bytes has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Every connection dies.
    Cut(Cut),
    /// The connection's direction stands still for good, and [`Proxy::held`](super::Proxy::held)
    /// returns.
    Hold,
    /// The whole network stands still for this long, both ways, and then goes on.
    Stall(Duration),
    /// The server's next answer gets lost, and its connection with it.
    LoseAnswer,
    /// The server's next answer ends after so many bytes, and its connection with it.
    CutAnswer(Cut, u64),
    /// The receiver is told that nothing more comes, and nothing more does; the other direction
    /// lives on.
    HalfClose,
    /// The client's side dies, and the server is told nothing: its connection stays, silent.
    Vanish,
    /// The server's connection ends, and the client is answered 502 in its stead; so is every
    /// further request for this long, and nothing of it reaches the server.
    BadGateway(Duration),
}
