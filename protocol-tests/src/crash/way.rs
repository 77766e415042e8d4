use super::chance::Chance;

/// The way in which a client sends a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// tus, in one of its modes.
    Tus(Mode),
    /// tus, in parts that are joined.
    Joined,
    /// One multipart request with an `Idempotency-Key`.
    OneShot,
    /// One Socket.IO event.
    Socket,
    /// tus, overtaken by the same file in one multipart request.
    Overtaken,
    /// tus, given up with `DELETE`.
    Ended,
    /// tus, with a digest that is not the file's.
    Mistaken,
    /// tus, left alone after some bytes.
    Abandoned,
    /// tus, in a bucket that loses a part of it.
    Forgotten,
}

/// How the bytes of a tus upload are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// All missing bytes in one PATCH.
    Whole,
    /// In several PATCHes.
    Pieces,
    /// In several pieces, the first one with the creation.
    WithCreation,
    /// In several PATCHes, of which the last one tells the length.
    Deferred,
    /// In one PATCH with chunked encoding.
    Chunked,
}

/// Every mode.
const MODES: [Mode; 5] = [Mode::Whole, Mode::Pieces, Mode::WithCreation, Mode::Deferred, Mode::Chunked];

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tus(Mode::Whole) => "tus",
            Self::Tus(Mode::Pieces) => "tus-pieces",
            Self::Tus(Mode::WithCreation) => "tus-with-creation",
            Self::Tus(Mode::Deferred) => "tus-deferred-length",
            Self::Tus(Mode::Chunked) => "tus-chunked-encoding",
            Self::Joined => "tus-concatenation",
            Self::OneShot => "one-shot",
            Self::Socket => "socket",
            Self::Overtaken => "tus-overtaken",
            Self::Ended => "tus-terminated",
            Self::Mistaken => "tus-wrong-digest",
            Self::Abandoned => "tus-abandoned",
            Self::Forgotten => "tus-forgotten",
        }
    }

    /// Whether a message is owed once the client is done.
    pub(super) fn owes_message(self) -> bool {
        !matches!(self, Self::Ended | Self::Mistaken | Self::Abandoned)
    }
}

/// The ways that a crew uses, and the sizes of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mix {
    /// All ways that end by themselves, with a large file now and then.
    All,
    /// All ways that end by themselves, with small files, for small disks.
    Small,
    /// Ways for a server whose uploads expire in a second.
    Expiring,
}

impl Mix {
    pub(super) fn way(self, chance: &mut Chance) -> Way {
        let ways: &[Way] = match self {
            Self::Expiring => &[Way::Abandoned, Way::Abandoned, Way::Abandoned, Way::OneShot],
            Self::All | Self::Small => &[
                Way::Tus(Mode::Whole),
                Way::Tus(Mode::Whole),
                Way::Tus(Mode::Whole),
                Way::Tus(Mode::Whole),
                Way::Joined,
                Way::Joined,
                Way::OneShot,
                Way::Overtaken,
                Way::Ended,
                Way::Mistaken,
            ],
        };
        match chance.one_of(ways) {
            Way::Tus(_) => Way::Tus(chance.one_of(&MODES)),
            way => way,
        }
    }

    /// A random length of a file, from two bytes, which can be sent one by one, to some megabytes: below, at
    /// and above the sizes in which the server writes, copies and records.
    pub(super) fn length(self, chance: &mut Chance) -> u64 {
        let large = if self == Self::All { 9_000_000..24_000_000 } else { 2..100_000 };
        match chance.within(0..12) {
            0 => chance.within(large),
            1..3 => chance.within(2..10),
            3..8 => chance.within(2..5_000),
            _ => chance.within(5_000..200_000),
        }
    }
}
