use super::Contender::{
    self, Bare, Direct, DirectDigest, Fsync, Longhaul, Nginx, Node, Nodes, Process, Tusd, TusdMem, TusdS3,
    Undigested, Write,
};
use super::Results;
use super::figure::{Figure, Spread};
use super::machine;

/// The figure that a figure of longhaul is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Against {
    /// The same figure of another server.
    Server(Contender),
    /// The same figure of the better one of the two tusd.
    FasterTusd,
    /// The CPU cost of the sink that writes, times 1.2, plus the cost of bare SHA-256.
    WriteAndDigest,
    /// How many requests of this many bytes the sink that writes would answer if it also hashed them, on
    /// cores that are busy already.
    WriterThatHashes(f64),
    /// Another figure of the same run.
    Figure(Figure),
    /// The same figure of the same server for the same bytes in one PATCH.
    OnePatch,
    /// Nothing: the figure itself is the goal.
    Nothing,
}

/// The goal of a row: a ratio, or the figure itself if it is compared with nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// No goal: the figure is only shown.
    Shown,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) work: &'static str,
    /// The name of the figure; the work's title stands before it.
    pub(super) what: &'static str,
    pub(super) server: Contender,
    pub(super) figure: Figure,
    pub(super) against: Against,
    pub(super) goal: Goal,
}

const fn row(
    work: &'static str,
    what: &'static str,
    server: Contender,
    figure: Figure,
    against: Against,
    goal: Goal,
) -> Row {
    Row { work, what, server, figure, against, goal }
}

use Against::{FasterTusd, Nothing, OnePatch, Server, WriteAndDigest, WriterThatHashes};
use Figure::{
    AcceptedP99, CpuPerGib, MemoryPerUpload, MibPerSec, P99, RequestsPerSec, SentAgain, StartSecs, Traffic,
};
use Goal::{AtLeast, AtMost, Shown};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
/// How many KiB one write of the server has at most.
const WRITE_KIB: f64 = 1024.0;

/// The table, row by row.
pub(super) const ROWS: &[Row] = &[
    row("big", "server CPU, no digest", Undigested, CpuPerGib, Server(Write), AtMost(1.2)),
    row("big", "server CPU, neither digest nor syncs", Bare, CpuPerGib, Server(Write), Shown),
    row("big", "server CPU", Longhaul, CpuPerGib, WriteAndDigest, AtMost(1.0)),
    row("big", "throughput, no digest", Undigested, MibPerSec, FasterTusd, AtLeast(1.0)),
    row("big", "throughput, no digest", Undigested, MibPerSec, Server(Direct), Shown),
    row("big", "server CPU, no digest", Undigested, CpuPerGib, FasterTusd, AtMost(0.75)),
    row("big", "throughput", Longhaul, MibPerSec, FasterTusd, AtLeast(1.0)),
    row("big", "throughput", Longhaul, MibPerSec, Server(Fsync), Shown),
    row("big", "throughput", Longhaul, MibPerSec, Server(DirectDigest), AtLeast(0.9)),
    row("big", "server CPU", Longhaul, CpuPerGib, Server(DirectDigest), AtMost(1.15)),
    row("oneshot-large", "throughput", Longhaul, MibPerSec, OnePatch, AtLeast(0.9)),
    row("oneshot-large", "throughput", Longhaul, MibPerSec, Server(DirectDigest), Shown),
    row("several", "throughput", Longhaul, MibPerSec, Server(Fsync), AtLeast(0.9)),
    row("several", "throughput", Longhaul, MibPerSec, Server(DirectDigest), AtLeast(0.9)),
    row("chunks-5MiB", "throughput", Longhaul, MibPerSec, FasterTusd, AtLeast(0.75)),
    row("chunks-64KiB", "requests", Longhaul, RequestsPerSec, Server(Fsync), AtLeast(0.7)),
    row("chunks-64KiB", "requests", Process, RequestsPerSec, FasterTusd, AtLeast(2.0)),
    row("chunks-64KiB", "requests", Process, RequestsPerSec, WriterThatHashes(65_536.0), Shown),
    row("chunks-4KiB", "requests", Process, RequestsPerSec, FasterTusd, AtLeast(2.0)),
    row("chunks-4KiB", "requests", Longhaul, RequestsPerSec, FasterTusd, AtLeast(1.0)),
    row("create", "requests", Longhaul, RequestsPerSec, FasterTusd, AtLeast(2.0)),
    row("create", "requests", Process, RequestsPerSec, FasterTusd, Shown),
    row("head", "requests", Longhaul, RequestsPerSec, FasterTusd, AtLeast(2.0)),
    row("commits", "durable commits", Longhaul, RequestsPerSec, Nothing, AtLeast(15_000.0)),
    row("commits", "durable commits", Longhaul, RequestsPerSec, FasterTusd, Shown),
    row("tiny", "to a message", Process, RequestsPerSec, FasterTusd, AtLeast(1.0)),
    row("tiny", "to a message", Longhaul, RequestsPerSec, Server(Fsync), Shown),
    row("media-warm", "throughput", Longhaul, MibPerSec, Server(Nginx), AtLeast(0.9)),
    row("media-warm", "server CPU", Longhaul, CpuPerGib, Server(Nginx), Shown),
    row("media-cold", "throughput", Longhaul, MibPerSec, Server(Nginx), AtLeast(0.9)),
    row("media-cold", "server CPU", Longhaul, CpuPerGib, Server(Nginx), Shown),
    row("media-ranges-warm", "throughput", Longhaul, MibPerSec, Server(Nginx), AtLeast(0.9)),
    row("media-ranges-warm", "server CPU", Longhaul, CpuPerGib, Server(Nginx), Shown),
    row("media-ranges-cold", "throughput", Longhaul, MibPerSec, Server(Nginx), AtLeast(0.9)),
    row("media-ranges-cold", "server CPU", Longhaul, CpuPerGib, Server(Nginx), Shown),
    row("resume", "HEAD p99", Longhaul, P99, Nothing, AtMost(10.0)),
    row("resume", "sent again", Longhaul, SentAgain, Nothing, AtMost(WRITE_KIB)),
    row("announce", "p99", Longhaul, P99, Nothing, AtMost(15.0)),
    row("announce-large", "p99", Longhaul, P99, Nothing, AtMost(15.0)),
    // The sink copies all parts and syncs the copy. longhaul answers when the message is committed.
    row("concat", "final POST, p99", Longhaul, P99, Server(Fsync), AtMost(1.2)),
    row("idle", "memory of each", Longhaul, MemoryPerUpload, Nothing, AtMost(32.0)),
    row("idle", "HEAD p99 of another client", Longhaul, P99, Nothing, AtMost(20.0)),
    row("records", "start after kill -9", Longhaul, StartSecs, Nothing, AtMost(2.0)),
    row(
        "records",
        "creations, against an empty store",
        Longhaul,
        Figure::CreateFull,
        Against::Figure(Figure::CreateEmpty),
        AtLeast(1.0 / 1.2),
    ),
    row(
        "records",
        "HEADs, against an empty store",
        Longhaul,
        Figure::HeadFull,
        Against::Figure(Figure::HeadEmpty),
        AtLeast(1.0 / 1.2),
    ),
    row(
        "messages",
        "to a message, against an empty store",
        Longhaul,
        Figure::MessageFull,
        Against::Figure(Figure::MessageEmpty),
        AtLeast(1.0 / 1.2),
    ),
    row(
        "parts",
        "creations with bytes, against a fresh folder",
        Longhaul,
        Figure::CreateFull,
        Against::Figure(Figure::CreateEmpty),
        AtLeast(0.9),
    ),
    row("cloud-big", "throughput", Node, MibPerSec, Server(TusdS3), AtLeast(1.5)),
    row("cloud-big", "server CPU", Node, CpuPerGib, Server(TusdS3), AtMost(0.6)),
    row("cloud-5MiB", "throughput", Node, MibPerSec, Server(TusdS3), AtLeast(1.5)),
    row("cloud-64KiB", "requests", Node, RequestsPerSec, Server(TusdS3), AtLeast(10.0)),
    row("cloud-64KiB", "bytes to and from S3", Node, Traffic, Server(TusdS3), AtMost(1.0 / 30.0)),
    row("cloud-head", "requests", Node, RequestsPerSec, Server(TusdS3), AtLeast(5.0)),
    row("cloud-tiny", "to a message", Node, RequestsPerSec, Server(TusdS3), AtLeast(2.0)),
    row("cloud-announce", "p99", Node, P99, Nothing, AtMost(50.0)),
    row("cloud-across", "p99", Nodes, P99, Nothing, AtMost(50.0)),
    row("cloud-takeover", "HEAD p99", Nodes, P99, Nothing, AtMost(100.0)),
    row("cloud-takeover", "until a PATCH is taken, p99", Nodes, AcceptedP99, Nothing, AtMost(100.0)),
    row("cloud-takeover", "sent again", Nodes, SentAgain, Nothing, Shown),
    row("cloud-killed", "HEAD p99", Nodes, P99, Nothing, AtMost(400.0)),
    row("cloud-killed", "until a PATCH is taken, p99", Nodes, AcceptedP99, Nothing, AtMost(400.0)),
    row("cloud-spread-large", "throughput", Nodes, MibPerSec, Server(Node), AtLeast(0.8)),
    row("cloud-spread-tiny", "to a message", Nodes, RequestsPerSec, Server(Node), AtLeast(0.8)),
    row("cloud-idle", "memory of each", Node, MemoryPerUpload, Nothing, AtMost(32.0)),
    row("cloud-idle", "memory of each", Node, MemoryPerUpload, Server(Longhaul), Shown),
    row("cloud-idle", "HEAD p99 of another client", Node, P99, Nothing, Shown),
    row(
        "cloud-records",
        "creations, against an empty store",
        Node,
        Figure::CreateFull,
        Against::Figure(Figure::CreateEmpty),
        AtLeast(1.0 / 1.2),
    ),
    row(
        "cloud-records",
        "HEADs, against an empty store",
        Node,
        Figure::HeadFull,
        Against::Figure(Figure::HeadEmpty),
        AtLeast(1.0 / 1.2),
    ),
];

/// A row's values in these results.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) ours: Spread,
    pub(super) theirs: Option<(String, Spread)>,
    pub(super) ratio: Option<Spread>,
    /// Whether the goal is reached; none if there is no goal, or nothing to compare the figure with.
    pub(super) is_met: Option<bool>,
}

impl Row {
    /// The row's values; none if the work was not measured.
    pub(super) fn of(&self, results: &Results) -> Option<Said> {
        let ours = self.values(results, self.server, self.figure);
        let theirs = self.theirs(results);
        let ratio = theirs.as_ref().and_then(|(_, theirs)| {
            Spread::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
        });
        let ours = Spread::of(ours)?;
        let theirs = theirs.and_then(|(name, values)| Some((name, Spread::of(values)?)));
        let counts = if self.against == Nothing { Some(ours) } else { ratio };
        let is_met = counts.and_then(|counts| self.goal.is_met(counts.median));
        Some(Said { ours, theirs, ratio, is_met })
    }

    fn values(&self, results: &Results, server: Contender, figure: Figure) -> Vec<f64> {
        results.of(self.work, server).into_iter().filter_map(|report| figure.of(report)).collect()
    }

    fn theirs(&self, results: &Results) -> Option<(String, Vec<f64>)> {
        let of = |server: Contender| (server.name().to_owned(), self.values(results, server, self.figure));
        let theirs = match self.against {
            Server(server) => of(server),
            FasterTusd => self.faster_tusd(results)?,
            WriteAndDigest => {
                let (_, write) = of(Write);
                let allowed = write.iter().map(|cost| cost * 1.2 + results.sha256_secs_per_gib).collect();
                ("1.2 × sink: write, + SHA-256".to_owned(), allowed)
            }
            WriterThatHashes(bytes) => {
                let (_, write) = of(Write);
                let hashing = results.sha256_secs_per_gib * bytes / GIB / machine::cores() as f64;
                let slower = write.iter().map(|rate| 1.0 / (1.0 / rate + hashing)).collect();
                ("sink: write, if it hashed".to_owned(), slower)
            }
            OnePatch => {
                let values = results.of("big", self.server).into_iter();
                ("in one PATCH".to_owned(), values.filter_map(|report| self.figure.of(report)).collect())
            }
            Against::Figure(figure) => ("empty".to_owned(), self.values(results, self.server, figure)),
            Nothing => return None,
        };
        (!theirs.1.is_empty()).then_some(theirs)
    }

    fn faster_tusd(&self, results: &Results) -> Option<(String, Vec<f64>)> {
        let both = [Tusd, TusdMem].into_iter();
        let measured = both.filter_map(|server| {
            let values = self.values(results, server, self.figure);
            Some((Spread::of(values.clone())?.median, server.name().to_owned(), values))
        });
        let order = |(one, ..): &(f64, _, _), (other, ..): &(f64, _, _)| one.total_cmp(other);
        let best = if self.figure.is_cost() { measured.min_by(order) } else { measured.max_by(order) };
        best.map(|(_, name, values)| (name, values))
    }
}

impl Goal {
    fn is_met(self, value: f64) -> Option<bool> {
        match self {
            AtLeast(goal) => Some(value >= goal),
            AtMost(goal) => Some(value <= goal),
            Shown => None,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A goal below 1 has two decimals.
        let short = |goal: f64| if goal < 1.0 { format!("{goal:.2}") } else { goal.to_string() };
        match *self {
            AtLeast(goal) => write!(out, "≥ {}", short(goal)),
            AtMost(goal) => write!(out, "≤ {}", short(goal)),
            Shown => write!(out, "shown"),
        }
    }
}
