//! Named steps at which the process can be killed, so that tests see, with the binary that ships, what a kill
//! leaves behind. `LONGHAUL_CRASH_AT=finalize.claimed` (or `finalize.claimed:3` for the third time) makes the
//! process send itself SIGKILL there; without the variable a step costs one load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that names the step.
pub const VARIABLE: &str = "LONGHAUL_CRASH_AT";

/// Every step, in the order in which an upload passes them, and then those of sweeps and starts.
pub const STEPS: [&str; 37] = [
    "create.recorded",
    "append.written",
    "past.reserved",
    "past.written",
    "append.synced",
    "append.shown",
    "part.put",
    "part.recorded",
    "append.recorded",
    "join.adopted",
    "join.copied",
    "join.recorded",
    "finalize.claimed",
    "object.made",
    "object.sealed",
    "object.placed",
    "place.directory",
    "place.renamed",
    "finalize.placed",
    "finalize.committed",
    "adopt.recorded",
    "publish.announced",
    "publish.cleared",
    "checkpoint.settled",
    "remove.recorded",
    "remove.freed",
    "expire.recorded",
    "reject.recorded",
    "sweep.found",
    "sweep.freed",
    "sweep.ended",
    "garbage.freed",
    "garbage.collected",
    "recover.restored",
    "recover.orphan",
    "recover.found",
    "recover.driven",
];

struct Plan {
    step: String,
    left: AtomicU64,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

/// Kills the process if this is the step that the variable names.
pub fn point(step: &'static str) {
    let Some(plan) = PLAN.get_or_init(|| std::env::var(VARIABLE).ok().and_then(|text| parse(&text))) else {
        return;
    };
    if plan.step == step && plan.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        // SIGKILL always arrives; the loop is for the moment until it does.
        while kill_process(getpid(), Signal::KILL).is_ok() {
            std::thread::park();
        }
    }
}

/// Checks that the variable, if set, names a step that exists.
///
/// # Errors
/// A sentence for the operator who set the variable.
pub fn check() -> Result<(), String> {
    match std::env::var(VARIABLE) {
        Ok(text) if parse(&text).is_none() => {
            Err(format!("{VARIABLE}: `{text}` is none of {}", STEPS.join(", ")))
        }
        _ => Ok(()),
    }
}

fn parse(text: &str) -> Option<Plan> {
    let (step, nth) = text.split_once(':').unwrap_or((text, "1"));
    let nth = nth.parse().ok().filter(|nth| *nth > 0)?;
    STEPS.contains(&step).then(|| Plan { step: step.to_owned(), left: AtomicU64::new(nth) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The steps that the sources contain.
    fn passed(folder: &Path, steps: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                passed(&path, steps);
                continue;
            }
            let text = fs::read_to_string(&path).expect("readable source");
            let calls = text.split("crash::point(\"").skip(1);
            steps.extend(calls.filter_map(|call| call.split('"').next()).map(str::to_owned));
        }
    }

    #[test]
    fn every_step_is_passed_somewhere_and_has_its_name_in_the_list() {
        let mut steps = BTreeSet::new();
        passed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut steps);
        assert_eq!(steps, STEPS.map(str::to_owned).into());
    }

    #[test]
    fn a_plan_names_a_known_step_and_a_time() {
        for (text, nth) in [
            ("finalize.claimed", Some(1)),
            ("append.recorded:7", Some(7)),
            ("append.recorded:0", None),
            ("append.recorded:x", None),
            ("nowhere", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|p| p.left.into_inner()), nth, "{text}");
        }
    }
}
