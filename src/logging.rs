//! The log: events on standard error, text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Starts logging. What is logged is chosen by `RUST_LOG`, a level or some like `longhaul=debug,hyper=info`, but the
/// Socket.IO libraries stay at `info`: below it they log the tokens of connecting clients.
pub fn start(format: LogFormat) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let chosen = chosen(&wanted);
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let registry = registry().with(chosen.clone().unwrap_or_else(usual));
    match format {
        LogFormat::Text => registry.with(log).init(),
        LogFormat::Json => registry.with(log.json().flatten_event(true)).init(),
    }
    if chosen.is_none() {
        tracing::warn!(wanted, "RUST_LOG is not understood");
    }
}

fn chosen(wanted: &str) -> Option<Targets> {
    if wanted.trim().is_empty() { Some(usual()) } else { wanted.parse().ok().map(quiet) }
}

fn usual() -> Targets {
    quiet(Targets::new().with_default(LevelFilter::INFO))
}

fn quiet(chosen: Targets) -> Targets {
    ["socketioxide", "engineioxide", "tungstenite"]
        .into_iter()
        .fold(chosen, |chosen, library| chosen.with_target(library, LevelFilter::INFO))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn no_choice_makes_the_libraries_tell_of_tokens() {
        for (wanted, ours) in [
            ("", Level::INFO),
            (" ", Level::INFO),
            ("warn", Level::WARN),
            ("trace", Level::TRACE),
            ("longhaul=debug", Level::DEBUG),
            ("info,longhaul=debug,engineioxide=trace", Level::DEBUG),
        ] {
            let chosen = chosen(wanted).expect("understood");
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                assert_eq!(chosen.would_enable("longhaul::http", &level), level <= ours, "{wanted} {level}");
                assert_eq!(
                    chosen.would_enable("engineioxide", &level),
                    level <= Level::INFO,
                    "{wanted} {level}"
                );
            }
        }
        assert!(chosen("longhaul=loud").is_none());
    }
}
