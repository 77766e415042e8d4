//! Open files: as many as the process may have, and how many connections those are enough for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for the stores, for work that outlives its connection, and for what is opened for a moment;
/// of a low limit a quarter.
const SPARE: u64 = 256;

/// Raises the limit to what the process may raise it to, and answers it.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if raised.is_ok() { limit.maximum } else { limit.current }.unwrap_or(u64::MAX)
}

/// How many connections may be open at a time, where that many are wanted: each has a socket, and most have a
/// file.
pub fn connections(wanted: usize, descriptors: u64) -> usize {
    let spare = SPARE.min(descriptors / 4);
    let fit = usize::try_from((descriptors - spare) / 2).unwrap_or(usize::MAX);
    wanted.min(fit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_two_descriptors_and_some_are_spare() {
        let table = [
            (10_000, 1_048_576, 10_000),
            (10_000, 20_000, 9_872),
            (10_000, 1024, 384),
            (10_000, 256, 96),
            (30, 256, 30),
            (10_000, 0, 1),
            (usize::MAX, u64::MAX, usize::try_from((u64::MAX - SPARE) / 2).expect("64 bits")),
        ];
        for (wanted, descriptors, expected) in table {
            assert_eq!(connections(wanted, descriptors), expected, "{wanted} of {descriptors}");
        }
    }

    #[test]
    fn the_limit_is_raised_to_what_is_allowed() {
        let raised = raise();
        assert_eq!(Some(raised), getrlimit(Resource::Nofile).current.or(Some(u64::MAX)));
    }
}
