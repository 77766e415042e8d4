//! The log: events on standard error, as text or JSON. In JSON every line of the process is an object, even
//! why it does not start and where it panicked.

use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};

use serde_json::json;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use crate::time::Timestamp;

/// Starts logging what the filter chooses.
pub fn start(format: LogFormat, chosen: Targets) {
    let log = tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    let registry = registry().with(chosen);
    match format {
        LogFormat::Text => registry.with(log).init(),
        LogFormat::Json => {
            registry.with(log.json().flatten_event(true)).init();
            panic::set_hook(Box::new(|panic| line("panic", &panic_text(panic))));
        }
    }
}

/// Names everything that keeps the server from starting, whatever the filter chooses.
pub fn refuse(format: LogFormat, problems: &[String]) {
    match format {
        LogFormat::Text => {
            let mut err = io::stderr().lock();
            let _ = writeln!(err, "longhaul does not start:");
            for problem in problems {
                let _ = writeln!(err, "  {problem}");
            }
        }
        LogFormat::Json => {
            problems
                .iter()
                .for_each(|problem| line("longhaul", &format!("longhaul does not start: {problem}")));
        }
    }
}

/// Writes an error as a line, without the logger of events, which may be what panicked.
fn line(target: &str, message: &str) {
    let timestamp = Timestamp::now().rfc3339();
    let line = json!({"timestamp": timestamp, "level": "ERROR", "message": message, "target": target});
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn panic_text(panic: &PanicHookInfo<'_>) -> String {
    let text = panic.payload_as_str().unwrap_or("no text");
    match panic.location() {
        Some(place) => format!("panicked at {place}: {text}"),
        None => format!("panicked: {text}"),
    }
}
