//! The limit of open files of this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit that is wanted: ten thousand connections, and as many files in a server that is started from
/// here.
const WANTED: u64 = 65_536;

/// Raises the limit of open files as far as allowed, because each connection is an open file. Where that is
/// not enough, connecting fails.
pub fn allow_open_files() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    let most = allowed.map(|allowed| allowed.max(WANTED));
    // Only privileged processes may raise their hard limit.
    if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_err() {
        _ = setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed });
    }
}
