//! The filter of the log.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Libraries that log the tokens of connecting clients below `info`.
const CHATTY: [&str; 3] = ["socketioxide", "engineioxide", "tungstenite"];
const OWN: &str = "longhaul";

/// The filter that a text like `info` or `info,longhaul=debug,hyper=trace` chooses.
///
/// # Errors
/// The fault, worded to follow the text.
pub(super) fn of(text: &str) -> Result<Targets, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(quiet(Targets::new().with_default(LevelFilter::INFO)));
    }
    let chosen: Targets = text.parse().map_err(|_| {
        "is not understood; it is a level (error, warn, info, debug, trace, off), or some like \
         `info,longhaul=debug,hyper=info`"
            .to_owned()
    })?;
    let parts = || text.split(',').map(str::trim);
    // A word alone chooses everything of a library of that name: a misspelt level would, too.
    if let Some(word) = parts().find(|part| !is_level(part) && !part.contains('=') && !is_own(part)) {
        return Err(format!("has `{word}` in it, which is no level; for a target say `{word}=trace`"));
    }
    let is_off = parts().any(|part| part.rsplit('=').next().is_some_and(|level| is(level, LevelFilter::OFF)));
    if !is_off && !chosen.would_enable(OWN, &Level::ERROR) && !parts().any(is_own_target) {
        return Err(format!("leaves out longhaul, its errors too; begin it with a level: `info,{text}`"));
    }
    Ok(quiet(chosen))
}

fn is_level(word: &str) -> bool {
    word.is_empty() || word.parse::<LevelFilter>().is_ok()
}

fn is(word: &str, level: LevelFilter) -> bool {
    word.trim().parse::<LevelFilter>().is_ok_and(|found| found == level)
}

fn is_own(target: &str) -> bool {
    target.split("::").next() == Some(OWN)
}

fn is_own_target(part: &str) -> bool {
    part.split('=').next().is_some_and(|target| is_own(target.trim()))
}

fn quiet(chosen: Targets) -> Targets {
    CHATTY.into_iter().fold(chosen, |chosen, library| chosen.with_target(library, LevelFilter::INFO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_choice_makes_the_libraries_tell_of_tokens() {
        for (wanted, ours) in [
            ("", Level::INFO),
            (" ", Level::INFO),
            ("warn", Level::WARN),
            ("trace", Level::TRACE),
            ("longhaul=debug", Level::DEBUG),
            ("longhaul", Level::TRACE),
            ("info,longhaul=debug,engineioxide=trace", Level::DEBUG),
            ("INFO, hyper=trace", Level::INFO),
        ] {
            let chosen = of(wanted).expect("understood");
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                assert_eq!(chosen.would_enable("longhaul::http", &level), level <= ours, "{wanted} {level}");
                assert_eq!(
                    chosen.would_enable("engineioxide", &level),
                    level <= Level::INFO,
                    "{wanted} {level}"
                );
            }
        }
    }

    #[test]
    fn a_filter_that_cannot_be_meant_is_named_with_its_reason() {
        for (text, reason) in [
            ("loud", Some("`loud`")),
            ("info,loud", Some("`loud`")),
            ("warning", Some("`warning`")),
            ("hyper", Some("hyper=trace")),
            ("longhaul=loud", Some("not understood")),
            ("longhaul[request]=debug", Some("leaves out longhaul")),
            ("longhual=debug", Some("leaves out longhaul")),
            ("hyper=debug", Some("`info,hyper=debug`")),
            ("off", None),
            ("longhaul=off", None),
            ("longhaul::store=debug", None),
            ("warn,longhaul::refused=info", None),
            ("3", None),
        ] {
            match (of(text), reason) {
                (Ok(_), None) => {}
                (Err(fault), Some(reason)) => assert!(fault.contains(reason), "{text}: {fault}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }
}
