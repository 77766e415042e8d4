//! `crash-lab`: kills the server, cuts its power, fills its disk, starts it anew and sets its clock, again
//! and again, and says whether everything held.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use protocol_tests::crash::{self, Chance, Plan, Summary};

const USAGE: &str = "\
crash-lab WHAT... [--longhaul PATH] [--rounds N] [--seed N]
crash-lab cluster [--longhaul PATH] [--kills N] [--stops N] [--faults N] [--seconds N] [--seed N]

WHAT   kills      kill -9 at every named step and anywhere, under load
       power      power cuts, on file systems of its own (needs root and loop devices)
       disk-full  full disks, likewise
       restart    SIGTERM and a new process, under load
       clock      clocks that jump (needs libfaketime)
       cluster    three nodes: kill -9 at every named step and anywhere, SIGSTOP for longer than every timeout,
                  trouble with PostgreSQL, Redis and the S3 server, parts that land 90 s late (needs these,
                  and HAProxy)
       failover   PostgreSQL is killed, and its standby takes its place, under three nodes (likewise)
       update     three nodes are restarted in turn, and a newer version changes their tables (likewise)
       all        all of these

--longhaul PATH   the server [target/release/longhaul]
--rounds N        kills, cuts, and so on, of each [100]; of failovers and updates a tenth
--kills N         of nodes [--rounds]
--stops N         of nodes [a third of the kills]
--faults N        of what nodes share [a third of the kills]
--seconds N       no new cluster is begun after these
--seed N          to choose the same again; what depends on the machine's own timing differs all the same

Says a line per stretch; the exit status is 0 only if everything held.";

const SCENARIOS: [&str; 8] =
    ["kills", "power", "disk-full", "restart", "clock", "cluster", "failover", "update"];

struct Order {
    scenarios: Vec<&'static str>,
    plan: Plan,
    kills: Option<u64>,
    stops: Option<u64>,
    faults: Option<u64>,
    at_most: Option<Duration>,
}

impl Order {
    fn of_cluster(&self) -> crash::cluster::Plan {
        let kills = self.kills.unwrap_or(self.plan.rounds);
        crash::cluster::Plan {
            longhaul: self.plan.longhaul.clone(),
            kills,
            stops: self.stops.unwrap_or(kills / 3),
            faults: self.faults.unwrap_or(kills / 3),
            at_most: self.at_most,
            seed: self.plan.seed,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let order = match parse(std::env::args().skip(1)) {
        Ok(order) => order,
        Err(problem) => return refuse(&problem),
    };
    say(&format!("seed {}", order.plan.seed));
    // Failures are panics. Their message is enough: the backtrace of a client says nothing.
    std::panic::set_hook(Box::new(|panic| say(&panic.to_string())));
    let mut summary = Summary::default();
    for scenario in &order.scenarios {
        run(scenario, &order, &mut summary).await;
    }
    conclude(&order, &summary)
}

async fn run(scenario: &str, order: &Order, summary: &mut Summary) {
    let plan = &order.plan;
    let fewer = Plan { rounds: plan.rounds.div_ceil(10), ..plan.clone() };
    match scenario {
        "cluster" => crash::cluster::run(&order.of_cluster(), summary).await,
        "failover" => crash::cluster::failover::run(&fewer, summary).await,
        "update" => crash::cluster::update::run(&fewer, summary).await,
        "kills" => crash::kills::run(plan, summary).await,
        "power" => crash::power::run(plan, summary).await,
        "disk-full" => crash::full::run(plan, summary).await,
        "restart" => crash::restart::run(plan, summary).await,
        _ => crash::clock::run(plan, summary).await,
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Order, String> {
    let plan = Plan {
        longhaul: Some(PathBuf::from("target/release/longhaul")),
        rounds: 100,
        seed: Chance::any_seed(),
    };
    let mut order =
        Order { scenarios: Vec::new(), plan, kills: None, stops: None, faults: None, at_most: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--longhaul" => order.plan.longhaul = Some(PathBuf::from(value()?)),
            "--rounds" => order.plan.rounds = number(&value()?)?,
            "--kills" => order.kills = Some(number(&value()?)?),
            "--stops" => order.stops = Some(number(&value()?)?),
            "--faults" => order.faults = Some(number(&value()?)?),
            "--seconds" => order.at_most = Some(Duration::from_secs(number(&value()?)?)),
            "--seed" => order.plan.seed = number(&value()?)?,
            "all" => order.scenarios.extend(SCENARIOS),
            word => match SCENARIOS.iter().find(|known| **known == word) {
                Some(known) => order.scenarios.push(*known),
                None => return Err(format!("`{word}` is not known")),
            },
        }
    }
    let is_there = order.plan.longhaul.as_ref().is_some_and(|path| path.is_file());
    match (order.scenarios.is_empty(), is_there) {
        (true, _) => Err("nothing to do".to_owned()),
        (_, false) => Err("--longhaul: there is no such file; `cargo build --release` makes it".to_owned()),
        _ => Ok(order),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number"))
}

fn conclude(order: &Order, summary: &Summary) -> ExitCode {
    let mut steps = summary.steps();
    if order.scenarios.contains(&"cluster") {
        // One that was never reached is to be seen as well.
        crash::cluster::steps().into_iter().for_each(|step| _ = steps.entry(step).or_default());
    }
    for (step, count) in steps {
        say(&format!("        killed at {step}: {count} times"));
    }
    let sums = [
        "kills",
        "stops",
        "faults",
        "late parts",
        "cuts",
        "times full",
        "restarts",
        "failovers",
        "jumps",
        "audits",
        "messages",
        "acknowledgements",
    ];
    let sums: Vec<_> = sums.iter().map(|what| format!("{what} {}", summary.counted(what))).collect();
    say(&sums.join(", "));
    if summary.held() {
        say("everything held");
        return ExitCode::SUCCESS;
    }
    say(&format!("NOT everything held; seed {}", order.plan.seed));
    ExitCode::FAILURE
}

fn refuse(problem: &str) -> ExitCode {
    say(&format!("crash-lab: {problem}\n\n{USAGE}"));
    ExitCode::from(2)
}

/// Prints a line, and goes on if standard output is closed.
fn say(text: &str) {
    _ = writeln!(io::stdout().lock(), "{text}");
}
