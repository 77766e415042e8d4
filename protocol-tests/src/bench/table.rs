use std::fmt::Write;

use super::figure::{Figure, Spread};
use super::rows::{Against, Goal, ROWS, Row, Said};
use super::{Contender, Results};
use tus_lab::load::Report;

/// The results as Markdown: the goals first, then every figure of every server.
#[must_use]
pub fn tables(results: &Results) -> String {
    let mut text = String::new();
    let mut put = |part: std::fmt::Arguments<'_>| text.write_fmt(part).expect("text takes everything");
    put(format_args!("{}.\n", results.machine));
    put(format_args!(
        "Bare SHA-256 costs {:.2} CPU seconds for a GiB here. Processes that were no part of the measurement, and \
         the kernel's own threads, took {:.0} % of the machine meanwhile.\n",
        results.sha256_secs_per_gib,
        results.median_share_of_others() * 100.0
    ));
    put(format_args!("Made by `{}`.\n", results.command));
    for contender in &results.left_out {
        put(format_args!("Without {}, which is not here.\n", contender.name()));
    }
    put(format_args!(
        "\n{}\n<details><summary>Every figure of every server</summary>\n\n{}\n</details>\n",
        goals(results),
        figures(results)
    ));
    let failures = results.failures();
    if !failures.is_empty() {
        put(format_args!("\nWhat failed:\n\n"));
        failures.iter().for_each(|failure| put(format_args!("- {failure}\n")));
    }
    text
}

fn goals(results: &Results) -> String {
    let mut text = "| work | figure | longhaul | against | its figure | ratio | goal | reached |\n\
                    | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for row in ROWS {
        if let (Some(title), Some(said)) = (results.title(row.work), row.of(results)) {
            text += &format!("| {} |\n", goal_cells(row, title, said).join(" | "));
        }
    }
    text
}

fn goal_cells(row: &Row, title: &str, said: Said) -> [String; 8] {
    let is_alone = row.against == Against::Nothing;
    let flags = row.server.name().strip_prefix("longhaul ").map(|flags| format!(" `{flags}`"));
    let (name, theirs) = match said.theirs {
        Some((name, theirs)) => (name, theirs.to_string()),
        None if is_alone => (String::new(), String::new()),
        None => ("not here".to_owned(), String::new()),
    };
    let goal = match row.goal {
        Goal::Shown => row.goal.to_string(),
        goal => format!("{goal} {}", if is_alone { row.figure.unit() } else { "×" }),
    };
    [
        format!("{title}{}", flags.unwrap_or_default()),
        format!("{} ({})", row.what, row.figure.unit()),
        said.ours.to_string(),
        name,
        theirs,
        said.ratio.map(|ratio| ratio.to_string()).unwrap_or_default(),
        goal,
        said.is_met.map(|is_met| if is_met { "yes" } else { "no" }).unwrap_or_default().to_owned(),
    ]
}

fn figures(results: &Results) -> String {
    let mut text =
        "| work | server | requests/s | MiB/s | p50 ms | p99 ms | server CPU s/GiB | µs/request | peak MiB \
                    | client CPU s |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for (work, title) in &results.works {
        for contender in results.contenders(work) {
            text += &format!(
                "| {title} | {} |{} |\n",
                contender.name(),
                cells(results, work, contender).join(" |")
            );
        }
    }
    text
}

fn cells(results: &Results, work: &str, contender: Contender) -> Vec<String> {
    let reports = results.of(work, contender);
    let cell = |of: &dyn Fn(&Report) -> Option<f64>| {
        let values = reports.iter().filter_map(|report| of(report)).filter(|value| *value > 0.0).collect();
        Spread::of(values).map(|spread| format!(" {spread}")).unwrap_or_default()
    };
    let server = |report: &Report| report.resources.server.clone();
    vec![
        cell(&|report| Some(report.requests_per_sec)),
        cell(&|report| Some(report.mib_per_sec)),
        cell(&|report| report.latency.map(|latency| f64::from(latency.p50_micros) / 1e3)),
        cell(&|report| Figure::P99.of(report)),
        cell(&|report| Figure::CpuPerGib.of(report)),
        cell(&|report| server(report)?.cpu_micros_per_request),
        cell(&|report| Some(server(report)?.peak_mib)),
        cell(&|report| Some(report.resources.client_cpu_secs)),
    ]
}
