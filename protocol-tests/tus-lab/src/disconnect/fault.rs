use std::fmt;

/// How a client uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A creation, and one PATCH of the whole content.
    OnePatch,
    /// A creation, and PATCHes of a megabyte.
    Chunks,
    /// The whole content in the body of the creation.
    CreationWithUpload,
    /// A creation without a length, and PATCHes of a megabyte, of which the last one tells the length; the
    /// content is a stream, which cannot be read again.
    DeferredLength,
    /// Four partial uploads at the same time, and their final upload.
    Parallel,
}

impl Way {
    /// All ways, in the order of the report.
    pub const ALL: [Self; 5] =
        [Self::OnePatch, Self::Chunks, Self::CreationWithUpload, Self::DeferredLength, Self::Parallel];

    /// The extension of tus that the way needs besides creation.
    #[must_use]
    pub fn extension(self) -> Option<&'static str> {
        match self {
            Self::OnePatch | Self::Chunks => None,
            Self::CreationWithUpload => Some("creation-with-upload"),
            Self::DeferredLength => Some("creation-defer-length"),
            Self::Parallel => Some("concatenation"),
        }
    }
}

/// The moment at which a network fails, in the order of an upload's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// In the head of the creation.
    Post,
    /// In the answer to the creation.
    PostAnswer,
    /// When a tenth of the bytes has gone.
    Tenth,
    /// When half of the bytes has gone.
    Half,
    /// When one byte is missing.
    End,
    /// In the answer to the request that completes the upload.
    LastAnswer,
    /// In the HEAD that follows a connection lost at half of the bytes.
    Head,
    /// During the whole upload.
    Throughout,
}

/// A fault of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The network has no fault.
    Nothing,
    /// The network ends the connection in an orderly way. In an answer: after its first bytes.
    Fin,
    /// The network resets the connection. In an answer: after its first bytes.
    Reset,
    /// The network resets the client's side and leaves the server's side open, silent.
    Vanish,
    /// The network tells the server that nothing more comes.
    HalfClose,
    /// The network stands still for some seconds and goes on.
    Stall,
    /// The network answers 502 instead of the server.
    BadGateway,
    /// The network delivers the request and loses the answer.
    LoseAnswer,
    /// The network has a low bandwidth.
    NarrowLine,
    /// The network has a high latency.
    LongLine,
}

/// A misdeed of a client that has not read the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// After this fault the client goes on without HEAD, with a PATCH at the offset up to which it has sent.
    Blind(Fault),
    /// After this fault the client goes on without HEAD, with a PATCH at the offset that was last
    /// acknowledged.
    Stale(Fault),
    /// The client leaves its connection open and silent, resumes on another one, and sends the rest on the
    /// first one too, between two PATCHes of the other.
    LateBetween,
    /// The client sends late bytes on its first connection in the middle of a PATCH of the other.
    LateDuring,
    /// The client sends late bytes on its first connection when the other has finished the upload.
    LateAfter,
    /// The client sends the same PATCH on two connections at the same time.
    Twins,
    /// The client loses its connection by this fault, and resumes on another one within a millisecond; again
    /// and again.
    AtOnce(Fault),
}

/// The kind of client, and what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A client like tus-js-client, on a network with this fault.
    Stock(Fault),
    /// A client with this misdeed.
    Rogue(Misdeed),
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OnePatch => "one-patch",
            Self::Chunks => "chunks",
            Self::CreationWithUpload => "with-creation",
            Self::DeferredLength => "deferred",
            Self::Parallel => "parallel",
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Post => "post",
            Self::PostAnswer => "post-answer",
            Self::Tenth => "10%",
            Self::Half => "50%",
            Self::End => "end",
            Self::LastAnswer => "last-answer",
            Self::Head => "head",
            Self::Throughout => "throughout",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => "nothing",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Vanish => "vanish",
            Self::HalfClose => "half-close",
            Self::Stall => "stall",
            Self::BadGateway => "bad-gateway",
            Self::LoseAnswer => "lose-answer",
            Self::NarrowLine => "narrow-line",
            Self::LongLine => "long-line",
        })
    }
}

impl fmt::Display for Misdeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blind(fault) => write!(formatter, "blind-after-{fault}"),
            Self::Stale(fault) => write!(formatter, "stale-after-{fault}"),
            Self::LateBetween => formatter.write_str("late-between"),
            Self::LateDuring => formatter.write_str("late-during"),
            Self::LateAfter => formatter.write_str("late-after"),
            Self::Twins => formatter.write_str("twins"),
            Self::AtOnce(fault) => write!(formatter, "at-once-after-{fault}"),
        }
    }
}
