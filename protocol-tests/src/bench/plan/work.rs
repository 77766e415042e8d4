use crate::bench::Contender;

/// The kind of URL that a work sends its uploads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Place {
    /// Uploads that stay files.
    Plain,
    /// Uploads that become messages, at a server that makes messages.
    Bound,
    /// Multipart forms.
    Form,
}

/// How much of the film that is read is in memory when a measurement begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Film {
    /// Everything: it was read before.
    Warm,
    /// Nothing: the page cache was told to forget it.
    Cold,
}

/// What happens in a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Course {
    /// The server is under load.
    Load,
    /// It is, then its database is filled with this many records, and it is again.
    Filled(u64),
    /// Its processes are killed, one after the other, this many times in all.
    Killed(usize),
}

/// One thing to measure, and the servers that take part.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Work {
    /// A short name, by which it can be chosen.
    pub(in crate::bench) name: &'static str,
    /// The work's title in the tables.
    pub(in crate::bench) title: String,
    pub(in crate::bench) contenders: Vec<Contender>,
    pub(in crate::bench) place: Place,
    /// The arguments of `tus-lab load`.
    pub(in crate::bench) scenario: String,
    /// The arguments of the warm-up; there is none if they are empty. Where a film is read, the warm-up sends
    /// the film.
    pub(in crate::bench) warm_up: String,
    pub(in crate::bench) repetitions: usize,
    /// Whether the uploads are terminated after each run, so that their pages are not written during the next
    /// one.
    pub(in crate::bench) clean_up: bool,
    /// More flags of longhaul.
    pub(in crate::bench) flags: &'static [&'static str],
    /// Whether longhaul is killed at the end, and its start measured.
    pub(in crate::bench) restart: bool,
    pub(in crate::bench) course: Course,
    /// Whether a film is sent beforehand, and how it is kept.
    pub(in crate::bench) film: Option<Film>,
}

/// The value for a quick run or for a full one.
pub(super) fn either<T>(quick: bool, short: T, long: T) -> T {
    if quick { short } else { long }
}

/// A work that is done under load, for plain uploads, five times.
pub(super) fn work(
    name: &'static str,
    title: impl Into<String>,
    contenders: &[Contender],
    scenario: String,
) -> Work {
    Work {
        name,
        title: title.into(),
        contenders: contenders.to_vec(),
        place: Place::Plain,
        warm_up: scenario.clone(),
        scenario,
        repetitions: 5,
        clean_up: false,
        flags: &[],
        restart: false,
        course: Course::Load,
        film: None,
    }
}

/// A number as a person reads it: 1,000,000.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (9_800, "9,800"), (1_000_000, "1,000,000")] {
            assert_eq!(grouped(number), text);
        }
    }
}
