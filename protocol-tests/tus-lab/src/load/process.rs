use std::collections::HashMap;
use std::fs;

/// Ticks of Linux's CPU accounting in a second: the same on all supported machines.
const TICKS_PER_SEC: f64 = 100.0;

/// Processes with all their descendants; none if they are not known.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched(pub(super) Vec<u32>);

/// The resources that the processes have used and hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) cpu_secs: f64,
    pub(super) resident_kib: u64,
    pub(super) peak_kib: u64,
}

impl Watched {
    pub(super) fn sample(&self) -> Sample {
        self.pids().into_iter().fold(Sample::default(), |sum, pid| Sample {
            cpu_secs: sum.cpu_secs + cpu_secs(&pid.to_string()),
            resident_kib: sum.resident_kib + kib(pid, "VmRSS:"),
            peak_kib: sum.peak_kib + kib(pid, "VmHWM:"),
        })
    }

    /// Resets the peak of memory, where that is allowed.
    pub(super) fn forget_peak(&self) {
        for pid in self.pids() {
            _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    fn pids(&self) -> Vec<u32> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let parent = pid.and_then(|pid: u32| stat(&pid.to_string(), 4));
            if let (Some(pid), Some(Ok(parent))) = (pid, parent.map(u32::try_from)) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut found = self.0.clone();
        let mut next = 0;
        while let Some(pid) = found.get(next) {
            let of_pid = children.remove(pid).unwrap_or_default();
            found.extend(of_pid.into_iter().filter(|pid| !self.0.contains(pid)));
            next += 1;
        }
        found
    }
}

/// The user and system time of a process, and of the children that it has waited for.
pub(super) fn cpu_secs(pid: &str) -> f64 {
    let ticks: u64 = (14..=17).filter_map(|field| stat(pid, field)).sum();
    ticks as f64 / TICKS_PER_SEC
}

/// The busy time of all processors of this machine since it started.
pub(super) fn machine_busy_secs() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let fields: Vec<f64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // user, nice, system; neither idle nor iowait; irq, softirq.
    let busy: f64 = [0, 1, 2, 5, 6].iter().filter_map(|field| fields.get(*field)).sum();
    busy / TICKS_PER_SEC
}

/// A field of `/proc/PID/stat`, counted from 1 as in its manual. Fields are counted behind the name, which
/// may contain spaces and brackets.
fn stat(pid: &str, number: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = &stat[stat.rfind(')')? + 2..];
    behind_name.split(' ').nth(number - 3)?.parse().ok()
}

fn kib(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
