use std::path::PathBuf;

/// The bench's options: the programs, and how much is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program `tus-lab`, which makes the load and is also the sinks.
    pub lab: PathBuf,
    /// The program longhaul.
    pub longhaul: PathBuf,
    /// The released tusd; none if there is none here.
    pub tusd: Option<PathBuf>,
    /// tusd's handler with its locks in memory; none if there is none here.
    pub tusd_mem: Option<PathBuf>,
    /// Whether PostgreSQL, Redis and versitygw are here.
    pub has_cloud: bool,
    /// nginx; none if there is none here.
    pub nginx: Option<PathBuf>,
    /// Where the servers' folders are made: on the disk that is to be measured.
    pub folder: PathBuf,
    /// Whether the run is short: less of everything.
    pub quick: bool,
    /// The works to measure: those whose names begin like one of these; all works if there is none.
    pub only: Vec<String>,
    /// How often each server is measured, if not as often as the plan says.
    pub repetitions: Option<usize>,
}
