//! The same load on an empty database and on a full one.

use std::fs;
use std::path::Path;

use super::Options;
use super::instance::Instance;
use super::load::load;
use super::plan::{Place, Work};
use harness::cluster;
use tus_lab::load::Report;

/// How many of the records are asked for.
const ASKED: u64 = 100_000;

/// Measures a server, fills its database with this many records, and measures it again.
pub(super) async fn measure(
    options: &Options,
    work: &Work,
    server: &mut Instance,
    records: u64,
) -> Result<Report, String> {
    let mut before = load(options, work, server, &work.scenario, false).await?;
    let place = server.start.place.clone().ok_or_else(|| format!("{}: no database", work.name))?;
    let (uploads, file) = (server.path(Place::Plain), server.start.folder.join("records"));
    let written = file.clone();
    let filling = tokio::task::spawn_blocking(move || fill(&place, records, &uploads, &written));
    let filled = filling.await.map_err(|error| error.to_string())?;
    filled.map_err(|error| format!("{}: {error}", file.display()))?;
    server.records = Some(file);
    let mut report = load(options, work, server, &work.scenario, false).await?;
    // Both loads measure twice: each rate is compared with the one that was measured at the same place.
    for what in ["create", "head"] {
        let empty = before.extra.remove(&format!("{what}_per_sec_full")).unwrap_or_default();
        report.extra.insert(format!("{what}_per_sec_empty"), empty);
    }
    report.extra.insert("records".to_owned(), records as f64);
    report.failures.append(&mut before.failures);
    Ok(report)
}

/// Fills the database with copies of a client's record, and writes the paths of some of them to this file.
/// A million requests would take an hour where each commit is synced.
fn fill(place: &cluster::Place, records: u64, uploads: &str, file: &Path) -> std::io::Result<()> {
    let columns = "select string_agg(quote_ident(attname), ', ') from pg_attribute
        where attrelid = 'uploads'::regclass and attnum > 0 and not attisdropped and attname <> 'id'";
    let columns = place.rows(columns).concat();
    // An id begins with its time and its version.
    let copy = format!(
        "insert into uploads (id, {columns})
         select (left(one.id::text, 15) || right(gen_random_uuid()::text, 21))::uuid, {columns}
         from (select * from uploads limit 1) one, generate_series(1, {records})"
    );
    let sums = format!(
        "update accounts set uploads = uploads + {records}, bytes = bytes + bytes / uploads * {records}
         where uploads > 0"
    );
    for statement in [copy.as_str(), sums.as_str(), "vacuum (analyze) uploads", "checkpoint"] {
        _ = place.rows(statement);
    }
    let paths = place.rows(&format!(
        "select '{uploads}/' || replace(id::text, '-', '') from uploads order by random() limit {ASKED}"
    ));
    fs::write(file, paths.join("\n"))
}
