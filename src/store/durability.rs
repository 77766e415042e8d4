//! The failures that acknowledged changes survive.

/// The failure that an acknowledged change survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Durability {
    /// A power cut: files, folders and records are synced before the client is told.
    Power,
    /// The end of the process, `kill -9` included: changes are written to the operating system, which syncs
    /// them later.
    Process,
}

impl Durability {
    /// The name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Process => "process",
        }
    }

    /// Whether files have to be synced.
    pub fn syncs(self) -> bool {
        self == Self::Power
    }
}
