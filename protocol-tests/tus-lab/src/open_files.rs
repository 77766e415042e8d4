//! How many connections and files this process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Ten thousand connections, and as many files at a server that is started from here.
const WANTED: u64 = 65_536;

/// Allows as many open files as may be: thousands of connections are thousands of open files. Where that is
/// not enough, connecting says so.
pub fn allow_open_files() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    let most = allowed.map(|allowed| allowed.max(WANTED));
    // Only some may raise what they may have at most.
    if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_err() {
        _ = setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed });
    }
}
