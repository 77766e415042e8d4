//! The works with the bytes in an object store.

use super::slow::slow;
use super::work::{Course, Place, Work, either, grouped, work};
use crate::bench::Contender;
use crate::bench::Contender::{Longhaul, Node, Nodes, TusdS3};

/// All of them.
pub(super) fn cloud(quick: bool) -> Vec<Work> {
    [large(quick), small(quick), live(quick), spread(quick), many(quick)].concat()
}

fn row(
    name: &'static str,
    title: impl Into<String>,
    contenders: &[Contender],
    warm_up: &str,
    scenario: String,
) -> Work {
    Work { warm_up: warm_up.to_owned(), repetitions: 3, ..work(name, title, contenders, scenario) }
}

fn cleaned_up(work: Work) -> Work {
    Work { clean_up: true, ..work }
}

fn bound(work: Work) -> Work {
    Work { place: Place::Bound, ..work }
}

fn large(quick: bool) -> Vec<Work> {
    let (large, size) = either(quick, ("256 MiB", "256MiB"), ("1 GiB", "1GiB"));
    let secs = either(quick, "1", "3");
    let chunked = |size: &str, chunk: &str| format!("chunked --size {size} --chunk {chunk} --clients 4");
    let both = [Node, TusdS3];
    [
        row(
            "cloud-big",
            format!("{large} in one PATCH, S3"),
            &both,
            "big --size 64MiB",
            format!("big --size {size}"),
        ),
        row(
            "cloud-5MiB",
            "5 MiB PATCHes, 4 uploads, S3",
            &both,
            &format!("{} --secs 0.5", chunked("64MiB", "5MiB")),
            format!("{} --secs {secs}", chunked("1GiB", "5MiB")),
        ),
        row(
            "cloud-64KiB",
            "64 KiB PATCHes, 4 uploads, S3",
            &both,
            &format!("{} --secs 0.5", chunked("64MiB", "64KiB")),
            format!("{} --secs {secs}", chunked("1GiB", "64KiB")),
        ),
    ]
    .map(cleaned_up)
    .to_vec()
}

fn small(quick: bool) -> Vec<Work> {
    let secs = either(quick, "1", "3");
    let both = [Node, TusdS3];
    vec![
        row(
            "cloud-head",
            "HEADs, 8 clients, S3",
            &both,
            "head --clients 8 --secs 0.2",
            format!("head --clients 8 --secs {secs}"),
        ),
        bound(row(
            "cloud-tiny",
            "16 KiB with the creation, 8 clients, S3",
            &both,
            "tiny --size 16KiB --clients 8 --secs 0.5",
            format!("tiny --size 16KiB --clients 8 --secs {secs}"),
        )),
    ]
}

/// Works about what a person waits for.
fn live(quick: bool) -> Vec<Work> {
    let announce = format!("announce -n {}", either(quick, 30, 100));
    let resume = format!("resume --size 16MiB -n {}", either(quick, 15, 100));
    let title = "last byte to new_message, 16 KiB, S3";
    let across = "last byte at one node to new_message at another";
    let killed = Work {
        course: Course::Killed(either(quick, 3, 7)),
        ..row("cloud-killed", "going on at another node after kill -9", &[Nodes], "", String::new())
    };
    vec![
        bound(row("cloud-announce", title, &[Node], "announce -n 5", announce.clone())),
        bound(row("cloud-across", across, &[Nodes], "announce -n 5", announce)),
        cleaned_up(row(
            "cloud-takeover",
            "going on at another node after a dead connection",
            &[Nodes],
            "resume --size 1MiB -n 3",
            resume,
        )),
        killed,
    ]
}

/// The same load on one node and on three, on the same processors. The number of clients is a multiple of
/// three.
fn spread(quick: bool) -> Vec<Work> {
    let (large, size) = either(quick, ("32 MiB", "32MiB"), ("128 MiB", "128MiB"));
    let secs = either(quick, "1", "3");
    let both = [Nodes, Node];
    vec![
        cleaned_up(row(
            "cloud-spread-large",
            format!("6 × {large} at once at three nodes"),
            &both,
            "big --size 16MiB --clients 6",
            format!("big --size {size} --clients 6"),
        )),
        bound(row(
            "cloud-spread-tiny",
            "16 KiB with the creation, 12 clients, three nodes",
            &both,
            "tiny --size 16KiB --clients 12 --secs 0.5",
            format!("tiny --size 16KiB --clients 12 --secs {secs}"),
        )),
    ]
}

fn many(quick: bool) -> Vec<Work> {
    let records = either(quick, 50_000, 1_000_000);
    let load = format!("records -n 0 --secs {}", either(quick, "1", "5"));
    // All end at once, each with a commit: of ten thousand a node on two cores refuses a third until later.
    let idle = (1_000, either(quick, 4, 10));
    vec![
        slow("cloud-idle", idle, ", S3", &[Longhaul, Node]),
        Work {
            repetitions: 1,
            course: Course::Filled(records),
            ..row("cloud-records", format!("{} upload records, S3", grouped(records)), &[Node], "", load)
        },
    ]
}
