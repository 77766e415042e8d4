//! The log: events on standard error, text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::LogFormat;

/// Starts logging. What is logged is chosen by `RUST_LOG`, but the Socket.IO libraries stay at `info`: below it
/// they log the tokens of connecting clients.
pub fn start(format: LogFormat) {
    let chosen = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let filter = ["socketioxide=info", "engineioxide=info", "tungstenite=info"]
        .into_iter()
        .fold(chosen, |filter, directive| filter.add_directive(directive.parse().expect("a directive")));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
