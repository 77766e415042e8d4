//! What an acknowledgement survives.

/// What an acknowledged change survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Durability {
    /// A power cut: files, folders and records are synced before anyone is told.
    Power,
    /// The end of the process, `kill -9` included: written to the operating system, synced at its leisure.
    Process,
}

impl Durability {
    /// Its name among the settings.
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
