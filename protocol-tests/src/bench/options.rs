use std::path::PathBuf;

/// The programs, and how much is to be done with them.
#[derive(Debug, Clone)]
pub struct Options {
    /// `tus-lab`, which makes the load and is the sinks.
    pub lab: PathBuf,
    /// longhaul.
    pub longhaul: PathBuf,
    /// The released tusd; none if there is none here.
    pub tusd: Option<PathBuf>,
    /// tusd's handler with its locks in memory; none if there is none here.
    pub tusd_mem: Option<PathBuf>,
    /// nginx; none if there is none here.
    pub nginx: Option<PathBuf>,
    /// Where the servers' folders are made: on the disk that counts.
    pub folder: PathBuf,
    /// Less of everything.
    pub quick: bool,
    /// Only works whose names begin like one of these; all if there is none.
    pub only: Vec<String>,
    /// How often each server is measured, instead of what the plan says.
    pub repetitions: Option<usize>,
}
