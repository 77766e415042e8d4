use super::Contender;
use super::Contender::{
    Bare, Direct, DirectDigest, Discard, Fsync, Longhaul, Nginx, Node, Process, Tusd, TusdMem, TusdS3,
    Undigested, Write,
};
use super::machine;

/// The kind of URL that a work sends its uploads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Uploads that stay files.
    Plain,
    /// Uploads that become messages, at a server that makes messages.
    Bound,
    /// Multipart forms.
    Form,
}

/// How much of the film that is read is in memory when a measurement begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Film {
    /// Everything: it was read before.
    Warm,
    /// Nothing: the page cache was told to forget it.
    Cold,
}

/// One thing to measure, and the servers that take part.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// A short name, by which it can be chosen.
    pub(super) name: &'static str,
    /// The work's title in the tables.
    pub(super) title: String,
    pub(super) contenders: Vec<Contender>,
    pub(super) place: Place,
    /// The arguments of `tus-lab load`.
    pub(super) scenario: String,
    /// The arguments of the warm-up; there is none if they are empty. Where a film is read, the warm-up sends
    /// the film.
    pub(super) warm_up: String,
    pub(super) repetitions: usize,
    /// Whether the uploads are terminated after each run, so that their pages are not written during the next
    /// one.
    pub(super) clean_up: bool,
    /// More flags of longhaul.
    pub(super) flags: &'static [&'static str],
    /// Whether longhaul is killed at the end, and its start measured.
    pub(super) restart: bool,
    /// Whether a film is sent beforehand, and how it is kept.
    pub(super) film: Option<Film>,
}

/// longhaul's flags for ten thousand slow uploads and the connection of one more client: the default admits
/// ten thousand.
const MANY: &[&str] = &["--max-connections", "11000"];

/// All works, in the order in which they are measured.
pub(super) fn plan(quick: bool) -> Vec<Work> {
    let peers = [Tusd, TusdMem];
    let with = |ours: &[Contender], sinks: &[Contender]| [ours, &peers, sinks].concat();
    [
        large(quick, &with(&[Longhaul, Undigested], &[Write, Fsync, Direct, DirectDigest])),
        chunks(quick, &with(&[Longhaul, Process], &[Write, Fsync])),
        requests(quick, &peers),
        small(quick, &with(&[Longhaul, Process], &[Fsync])),
        media(quick),
        live(quick),
        many(quick),
        folders(quick),
        cloud(quick),
    ]
    .concat()
}

/// The value for a quick run or for a full one.
fn either<T>(quick: bool, short: T, long: T) -> T {
    if quick { short } else { long }
}

fn work(name: &'static str, title: impl Into<String>, contenders: &[Contender], scenario: String) -> Work {
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
        film: None,
    }
}

fn large(quick: bool, contenders: &[Contender]) -> Vec<Work> {
    let (one, four) = either(quick, ("256 MiB", "64 MiB"), ("1 GiB", "256 MiB"));
    let size = |size: &str| size.replace(' ', "");
    let big = Work {
        warm_up: "big --size 64MiB".to_owned(),
        repetitions: either(quick, 3, 5),
        clean_up: true,
        ..work(
            "big",
            format!("{one} in one PATCH"),
            &[contenders, &[Bare]].concat(),
            format!("big --size {}", size(one)),
        )
    };
    let several = Work {
        warm_up: "big --size 16MiB --clients 4".to_owned(),
        ..work(
            "several",
            format!("4 × {four} at once"),
            contenders,
            format!("big --size {} --clients 4", size(four)),
        )
    };
    let form = Work {
        place: Place::Form,
        warm_up: "oneshot --size 64MiB -n 1 --clients 1".to_owned(),
        // What becomes a message stays on the disk.
        repetitions: 3,
        ..work(
            "oneshot-large",
            format!("{one} as a form"),
            &[Longhaul, DirectDigest],
            format!("oneshot --size {} -n 1 --clients 1 --secs 60", size(one)),
        )
    };
    let several = Work { repetitions: big.repetitions, clean_up: true, ..several };
    vec![big, form, several]
}

/// What members read: a film, of which the page cache has all or nothing.
fn media(quick: bool) -> Vec<Work> {
    let (film, size) = either(quick, ("256 MiB", "256MiB"), ("1 GiB", "1GiB"));
    let ranges = either(quick, 256, 1024);
    let row = |name, kept, title, scenario: String| Work {
        place: Place::Bound,
        warm_up: format!("big --size {size}"),
        film: Some(kept),
        ..work(name, title, &[Longhaul, Nginx], format!("read --size {size} --secs 60 {scenario}"))
    };
    let whole = "--clients 1 -n 1".to_owned();
    let parts = format!("--clients 16 --range 1MiB -n {ranges}");
    vec![
        row("media-warm", Film::Warm, format!("a member reads {film}, warm"), whole.clone()),
        row("media-cold", Film::Cold, format!("a member reads {film}, cold"), whole),
        row("media-ranges-warm", Film::Warm, format!("16 read 1 MiB ranges of {film}, warm"), parts.clone()),
        row("media-ranges-cold", Film::Cold, format!("16 read 1 MiB ranges of {film}, cold"), parts),
    ]
}

fn chunks(quick: bool, contenders: &[Contender]) -> Vec<Work> {
    let secs = either(quick, "0.6", "1.5");
    let rows = [
        ("chunks-5MiB", "5 MiB PATCHes, 1 upload", "--size 2GiB --chunk 5MiB --clients 1", 3),
        ("chunks-1MiB", "1 MiB PATCHes, 4 uploads", "--size 1GiB --chunk 1MiB --clients 4", 3),
        ("chunks-64KiB", "64 KiB PATCHes, 4 uploads", "--size 1GiB --chunk 64KiB --clients 4", 5),
        ("chunks-4KiB", "4 KiB PATCHes, 16 uploads", "--size 256MiB --chunk 4KiB --clients 16", 5),
    ];
    let row = |(name, title, shape, repetitions)| Work {
        warm_up: format!("chunked {shape} --secs 0.2"),
        repetitions: either(quick, 3, repetitions),
        clean_up: true,
        ..work(name, title, contenders, format!("chunked {shape} --secs {secs}"))
    };
    let mut works: Vec<_> = rows.into_iter().map(row).collect();
    works[0].contenders.extend([Direct, DirectDigest]);
    works
}

/// Works of many small requests. Creating a file is the most expensive step on ext4, and its cost varies
/// much: such works are repeated often.
fn requests(quick: bool, peers: &[Contender]) -> Vec<Work> {
    // Long enough for the records to come from the journal into the tables, and more.
    let long = either(quick, "0.5", "3");
    let short = either(quick, "0.5", "1.5");
    let often = either(quick, 3, 7);
    let row = |name, title, ours: &[Contender], load: &str, secs| Work {
        warm_up: format!("{load} --secs 0.2"),
        repetitions: often,
        ..work(name, title, &[ours, peers, &[Discard]].concat(), format!("{load} --secs {secs}"))
    };
    let create = "create --size 1KiB --clients";
    vec![
        row("create", "creations, 16 clients", &[Longhaul, Process], &format!("{create} 16"), long),
        row("head", "HEADs, 16 clients", &[Longhaul], "head --clients 16", short),
        row("commits", "creations, 64 clients", &[Longhaul], &format!("{create} 64"), short),
    ]
}

fn small(quick: bool, contenders: &[Contender]) -> Vec<Work> {
    let secs = either(quick, "0.5", "1.5");
    let often = either(quick, 3, 7);
    let tiny = work(
        "tiny",
        "16 KiB with the creation, 16 clients",
        contenders,
        format!("tiny --size 16KiB --secs {secs}"),
    );
    let form = work(
        "oneshot",
        "16 KiB as a form, 16 clients",
        &[Longhaul, Process, Fsync],
        format!("oneshot --size 16KiB --secs {secs}"),
    );
    let warm_up = |load: &str| format!("{load} --size 16KiB --secs 0.2");
    vec![
        Work { place: Place::Bound, warm_up: warm_up("tiny"), repetitions: often, ..tiny },
        Work { place: Place::Form, warm_up: warm_up("oneshot"), repetitions: 3, ..form },
    ]
}

/// Works about what a person waits for.
fn live(quick: bool) -> Vec<Work> {
    let large = either(quick, "256 MiB", "1 GiB");
    let size = large.replace(' ', "");
    // The released tusd takes seconds to give up a lock, for each upload.
    let fast = [Longhaul, TusdMem];
    let bound = |work: Work, warm_up: &str| Work {
        place: Place::Bound,
        warm_up: warm_up.to_owned(),
        repetitions: 3,
        clean_up: true,
        ..work
    };
    let count = either(quick, "10", "30");
    vec![
        bound(
            work("resume", "HEAD after a dead connection", &fast, format!("resume --size 16MiB -n {count}")),
            "resume --size 1MiB -n 2",
        ),
        bound(
            work(
                "announce",
                "last byte to new_message, 16 KiB",
                &[Longhaul],
                format!("announce -n {count}0"),
            ),
            "announce -n 5",
        ),
        bound(
            work(
                "announce-large",
                format!("last byte to new_message, {large}"),
                &[Longhaul],
                format!("announce --size {size} -n 3"),
            ),
            "announce --size 1MiB -n 1",
        ),
        bound(
            work(
                "concat",
                format!("joining 4 parts, {large} in all"),
                &[Longhaul, Tusd, TusdMem, Fsync],
                format!("concat --size {size} -n {}", either(quick, 1, 2)),
            ),
            "concat --size 16MiB",
        ),
    ]
}

fn many(quick: bool) -> Vec<Work> {
    let (uploads, secs) = either(quick, (1_000, 4), (10_000, 10));
    // Each upload needs a connection and a file; 400 descriptors are left for everything else.
    let uploads = uploads.min(machine::open_files().saturating_sub(400) / 2);
    let records = either(quick, 50_000, 1_000_000);
    vec![
        Work {
            warm_up: "idle --clients 20 --secs 3".to_owned(),
            repetitions: 1,
            flags: MANY,
            ..work(
                "idle",
                format!("{} slow uploads of 1 KiB/s", grouped(uploads)),
                &[Longhaul, TusdMem],
                format!("idle --clients {uploads} --secs {secs}"),
            )
        },
        Work {
            warm_up: String::new(),
            repetitions: 1,
            restart: true,
            ..work(
                "records",
                format!("{} upload records", grouped(records)),
                &[Longhaul],
                format!("records -n {records} --secs {}", either(quick, "0.5", "2")),
            )
        },
    ]
}

/// Works that put many entries into folders: messages, which stay, and parts, which are removed again.
fn folders(quick: bool) -> Vec<Work> {
    let (messages, parts) = either(quick, (20_000, 5_000), (1_000_000, 50_000));
    let (secs, rest) = either(quick, ("0.5", "2"), ("5", "70"));
    let row = |name, title, scenario| Work {
        place: Place::Bound,
        warm_up: String::new(),
        repetitions: 1,
        ..work(name, title, &[Longhaul], scenario)
    };
    vec![
        row(
            "messages",
            format!("{} messages", grouped(messages)),
            format!("uploads -n {messages} --secs {secs}"),
        ),
        row(
            "parts",
            format!("{} uploads under way, then none", grouped(parts)),
            format!("parts -n {parts} --secs {secs} --rest {rest}"),
        ),
    ]
}

/// Works with the bytes in an object store.
fn cloud(quick: bool) -> Vec<Work> {
    let (large, size) = either(quick, ("256 MiB", "256MiB"), ("1 GiB", "1GiB"));
    let secs = either(quick, "1", "3");
    let row = |name, title: String, warm_up: &str, scenario: String| Work {
        warm_up: warm_up.to_owned(),
        repetitions: 3,
        ..work(name, title, &[Node, TusdS3], scenario)
    };
    let chunked = |size: &str, chunk: &str| format!("chunked --size {size} --chunk {chunk} --clients 4");
    let cleaned_up = |work: Work| Work { clean_up: true, ..work };
    let bound = |work: Work| Work { place: Place::Bound, ..work };
    let announce = format!("announce -n {}", either(quick, 30, 100));
    let title = "last byte to new_message, 16 KiB, S3".to_owned();
    let announce = row("cloud-announce", title, "announce -n 5", announce);
    vec![
        cleaned_up(row(
            "cloud-big",
            format!("{large} in one PATCH, S3"),
            "big --size 64MiB",
            format!("big --size {size}"),
        )),
        cleaned_up(row(
            "cloud-5MiB",
            "5 MiB PATCHes, 4 uploads, S3".to_owned(),
            &format!("{} --secs 0.5", chunked("64MiB", "5MiB")),
            format!("{} --secs {secs}", chunked("1GiB", "5MiB")),
        )),
        cleaned_up(row(
            "cloud-64KiB",
            "64 KiB PATCHes, 4 uploads, S3".to_owned(),
            &format!("{} --secs 0.5", chunked("64MiB", "64KiB")),
            format!("{} --secs {secs}", chunked("1GiB", "64KiB")),
        )),
        row(
            "cloud-head",
            "HEADs, 8 clients, S3".to_owned(),
            "head --clients 8 --secs 0.2",
            format!("head --clients 8 --secs {secs}"),
        ),
        bound(row(
            "cloud-tiny",
            "16 KiB with the creation, 8 clients, S3".to_owned(),
            "tiny --size 16KiB --clients 8 --secs 0.5",
            format!("tiny --size 16KiB --clients 8 --secs {secs}"),
        )),
        bound(Work { contenders: vec![Node], ..announce }),
    ]
}

/// A number as a person reads it: 1,000,000.
fn grouped(number: u64) -> String {
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
