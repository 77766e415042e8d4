//! What is measured.

mod cloud;
mod slow;
mod work;

use super::Contender;
use super::Contender::{
    Bare, Direct, DirectDigest, Discard, Fsync, Longhaul, Nginx, Process, Tusd, TusdMem, Undigested, Write,
};

use cloud::cloud;
use slow::slow;
pub(super) use work::{Course, Film, Place, Work};
use work::{either, grouped, work};

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
    let records = either(quick, 50_000, 1_000_000);
    vec![
        slow("idle", either(quick, (1_000, 4), (10_000, 10)), "", &[Longhaul, TusdMem]),
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
