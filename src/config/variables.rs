//! Variables of the environment that look like settings but are none.

use std::collections::BTreeSet;

use clap::CommandFactory;

use super::Command;
use crate::crash;
use crate::time;

const PREFIX: &str = "LONGHAUL_";
/// Variables of the project's own tests, which a server that they start may see.
const OF_TESTS: [&str; 2] = ["LONGHAUL_BIN", "LONGHAUL_WITHOUT"];

/// Names the variables that belong to no setting.
pub(super) fn unknown(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let known = known();
    let unknown = names.into_iter().filter(|name| name.starts_with(PREFIX) && !known.contains(name));
    let unknown: BTreeSet<_> = unknown.filter(|name| !is_of_a_service(name)).collect();
    unknown.into_iter().map(|name| format!("{name} is no setting; `longhaul --help` names them")).collect()
}

fn known() -> BTreeSet<String> {
    let command = Command::command();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let of_flags = commands.flat_map(clap::Command::get_arguments).filter_map(|flag| flag.get_env());
    let of_flags = of_flags.map(|name| name.to_string_lossy().into_owned());
    of_flags
        .chain(OF_TESTS.map(str::to_owned))
        .chain([crash::VARIABLE, time::VARIABLE].map(str::to_owned))
        .collect()
}

/// Whether a name is a variable that Kubernetes and Docker give to containers for a service named `longhaul`.
fn is_of_a_service(name: &str) -> bool {
    let is_port = |rest: &str| rest.is_empty() || rest.starts_with('_');
    name.ends_with("_SERVICE_HOST")
        || name.split_once("_SERVICE_PORT").is_some_and(|(_, rest)| is_port(rest))
        || name.split_once("_PORT").is_some_and(|(_, rest)| {
            rest.is_empty() || rest.starts_with('_') && (rest.contains("_TCP") || rest.contains("_UDP"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_no_setting_is_named() {
        for (name, is_known) in [
            ("LONGHAUL_LISTEN", true),
            ("LONGHAUL_MAX_UPLOAD_SIZE", true),
            ("LONGHAUL_DATA_DIR", true),
            ("LONGHAUL_CRASH_AT", true),
            ("LONGHAUL_BIN", true),
            ("LONGHAUL_MAX_UPLOADSIZE", false),
            ("LONGHAUL_JWT_SECRETS", false),
            ("LONGHAUL_listen", false),
            ("LONGHAUL_", false),
            ("LONGHAUL_SUPPORT", false),
            ("LONGHAUL_SERVICE_HOST", true),
            ("LONGHAUL_SERVICE_PORT", true),
            ("LONGHAUL_SERVICE_PORT_HTTP", true),
            ("LONGHAUL_PORT", true),
            ("LONGHAUL_PORT_8000_TCP_ADDR", true),
            ("LONGHAUL_BACKUP_SERVICE_HOST", true),
            ("LONGHAUL_PORT_NUMBER", false),
            ("LONGHAUL", true),
            ("PATH", true),
            ("MY_LONGHAUL_LISTEN", true),
        ] {
            let named = unknown([name.to_owned()]);
            assert_eq!(named.is_empty(), is_known, "{name}: {named:?}");
            assert!(named.iter().all(|text| text.starts_with(name)), "{named:?}");
        }
    }
}
