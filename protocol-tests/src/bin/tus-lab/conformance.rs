use std::process::ExitCode;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Not there yet.
pub(crate) async fn run(_args: Args) -> ExitCode {
    ExitCode::from(2)
}
