use std::collections::BTreeMap;
use std::thread::available_parallelism;

use super::plan::Work;
use super::{Contender, Options, machine};
use tus_lab::load::Report;

/// The results of a run.
#[derive(Debug)]
pub struct Results {
    pub(super) machine: String,
    /// The command that repeats the run.
    pub(super) command: String,
    /// The cost of bare SHA-256 on this machine, in CPU seconds for a GiB.
    pub(super) sha256_secs_per_gib: f64,
    /// The servers that were left out, because their programs are missing.
    pub(super) left_out: Vec<Contender>,
    /// The works in the order in which they were done: name and title.
    pub(super) works: Vec<(&'static str, String)>,
    reports: BTreeMap<(&'static str, Contender, usize), Report>,
    /// The failures of the warm-ups.
    failures_before: Vec<String>,
}

impl Results {
    pub(super) fn new(options: &Options) -> Self {
        use Contender::{Nginx, Node, Nodes, Tusd, TusdMem, TusdS3};
        let peers = [Tusd, TusdMem, Node, Nodes, TusdS3, Nginx];
        let quick = if options.quick { " --quick" } else { "" };
        Self {
            machine: machine::description(&options.folder),
            command: format!("protocol-tests/bench{quick}"),
            sha256_secs_per_gib: machine::sha256_secs_per_gib(),
            left_out: peers.into_iter().filter(|peer| !peer.is_here(options)).collect(),
            works: Vec::new(),
            reports: BTreeMap::new(),
            failures_before: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, work: &Work) {
        self.works.push((work.name, work.title.clone()));
    }

    pub(super) fn add(
        &mut self,
        work: &'static str,
        contender: Contender,
        repetition: usize,
        report: Report,
    ) {
        self.reports.insert((work, contender, repetition), report);
    }

    /// Remembers the failures of a warm-up; nothing else of its report is kept.
    pub(super) fn add_warm_up(&mut self, work: &'static str, contender: Contender, report: &Report) {
        self.failures_before.extend(failures_of(&format!("{work}, before"), contender, report));
    }

    /// The title of a work that was done.
    pub(super) fn title(&self, work: &str) -> Option<&str> {
        self.works.iter().find(|(name, _)| *name == work).map(|(_, title)| title.as_str())
    }

    /// The reports about one server, repetition by repetition.
    pub(super) fn of(&self, work: &str, contender: Contender) -> Vec<&Report> {
        let is_it = |key: &(&str, Contender, usize)| key.0 == work && key.1 == contender;
        self.reports.iter().filter(|(key, _)| is_it(key)).map(|(_, report)| report).collect()
    }

    pub(super) fn contenders(&self, work: &str) -> Vec<Contender> {
        let mut all: Vec<_> = self
            .reports
            .keys()
            .filter(|(name, ..)| *name == work)
            .map(|(_, contender, _)| *contender)
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// The failures, each with its work and its server.
    pub(super) fn failures(&self) -> Vec<String> {
        let measured = self.reports.iter();
        let measured =
            measured.flat_map(|((work, contender, _), report)| failures_of(work, *contender, report));
        self.failures_before.iter().cloned().chain(measured).collect()
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures().is_empty()
    }

    /// The share of the machine's CPU time that neither the server nor the client used, as a median.
    pub(super) fn median_share_of_others(&self) -> f64 {
        // Where processes die, their time is not counted.
        let counted = self.reports.values().filter(|report| report.resources.server.is_some());
        let mut shares: Vec<_> = counted.map(Self::share_of_others).collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied().unwrap_or_default()
    }

    pub(super) fn share_of_others(report: &Report) -> f64 {
        let used = &report.resources;
        let server = used.server.as_ref().map_or(0.0, |server| server.cpu_secs);
        let processors = available_parallelism().map_or(1, usize::from) as f64;
        let others = used.machine_busy_secs - used.client_cpu_secs - server;
        (others / used.wall_secs.max(0.001) / processors).clamp(0.0, 1.0)
    }

    /// All reports as JSON, one line each.
    #[must_use]
    pub fn json_lines(&self) -> String {
        let line = |((work, contender, repetition), report): (&(&str, Contender, usize), &Report)| {
            let contender = contender.name();
            let line = serde_json::json!({
                "work": work, "server": contender, "repetition": repetition, "report": report,
            });
            format!("{line}\n")
        };
        self.reports.iter().map(line).collect()
    }
}

fn failures_of(work: &str, contender: Contender, report: &Report) -> Vec<String> {
    let line = |(what, count): (&String, &u64)| format!("{work}, {}: {count} times {what}", contender.name());
    report.failures.iter().map(line).collect()
}
