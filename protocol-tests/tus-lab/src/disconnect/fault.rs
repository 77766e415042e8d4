use std::fmt;

/// How a client uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A creation, and one PATCH of everything.
    OnePatch,
    /// A creation, and PATCHes of a megabyte.
    Chunks,
    /// Everything in the body of the creation.
    CreationWithUpload,
    /// A creation without a length, and PATCHes of a megabyte, of which the last tells it; the
    /// content is a stream, which cannot be read again.
    DeferredLength,
    /// Four partial uploads at the same time, and a final one of them.
    Parallel,
}

impl Way {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 5] =
        [Self::OnePatch, Self::Chunks, Self::CreationWithUpload, Self::DeferredLength, Self::Parallel];

    /// The extension of tus that it needs beside creation.
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

/// When a network fails, in the order of an upload's life.
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
    /// All the time.
    Throughout,
}

/// What a network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Nothing,
    /// It ends the connection in an orderly way. In an answer: after its first bytes.
    Fin,
    /// It resets the connection. In an answer: after its first bytes.
    Reset,
    /// It resets the client's side and leaves the server's side open, silent.
    Vanish,
    /// It tells the server that no more comes.
    HalfClose,
    /// It stands still for some seconds and goes on.
    Stall,
    /// It answers 502 in the server's stead.
    BadGateway,
    /// It delivers the request and loses the answer.
    LoseAnswer,
    /// It is narrow.
    NarrowLine,
    /// It is long.
    LongLine,
}

/// What a client does that has not read the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// After this it goes on without HEAD, with a PATCH at the offset up to which it has sent.
    Blind(Fault),
    /// After this it goes on without HEAD, with a PATCH at the offset that was last acknowledged.
    Stale(Fault),
    /// It leaves its connection open and silent, resumes on another, and sends the rest on the
    /// first one too, between two PATCHes of the other.
    LateBetween,
    /// The same, in the middle of a PATCH of the other.
    LateDuring,
    /// The same, when the other has finished the upload.
    LateAfter,
    /// It sends the same PATCH on two connections at the same time.
    Twins,
    /// It loses its connection like this, and resumes on another within a millisecond; again and
    /// again.
    AtOnce(Fault),
}

/// Who uploads, and what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A client like tus-js-client, on a network that does this.
    Stock(Fault),
    /// A client that does this.
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
