//! Core, OPTIONS and the headers of its answer.

use crate::conformance::answer::Answer;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, run, should};
use crate::conformance::verdict::{FINE, Fault, Judged, ensure};

pub(super) const SECTION: Section = Section {
    name: "Core, OPTIONS",
    text: "https://tus.io/protocols/resumable-upload#options",
    needs: &[],
    cases: &[
        must("core.options.status", "OPTIONS is answered 200 or 204, with Tus-Version", run!(status)),
        must(
            "core.options.version-list",
            "Tus-Version is a comma-separated list of versions",
            run!(version_list),
        ),
        must(
            "core.options.extension-list",
            "Tus-Extension is a comma-separated list, and left out rather than empty",
            run!(extension_list),
        ),
        must("core.options.max-size", "Tus-Max-Size is a non-negative integer", run!(max_size)),
        should("core.options.max-size-told", "a hard limit is told by Tus-Max-Size", run!(max_size_told))
            .needing(&["creation"]),
        must("core.options.ignores-version", "OPTIONS ignores Tus-Resumable", run!(ignores_version)),
    ],
};

async fn status(bench: &Bench) -> Judged {
    is_discovery(&bench.subject.discovery)?;
    FINE
}

fn is_discovery(answer: &Answer) -> Result<(), Fault> {
    answer.status(&[200, 204])?;
    answer.required("Tus-Version").map(drop)
}

async fn version_list(bench: &Bench) -> Judged {
    let answer = &bench.subject.discovery;
    answer.required("Tus-Version")?;
    for version in answer.list("Tus-Version") {
        let numbers = version.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        ensure(numbers && version.contains('.'), format_args!("{version:?} is no version"))?;
    }
    FINE
}

async fn extension_list(bench: &Bench) -> Judged {
    for extension in bench.subject.discovery.list("Tus-Extension") {
        let is_name = !extension.is_empty() && !extension.contains(char::is_whitespace);
        ensure(is_name, format_args!("{extension:?} is no extension"))?;
    }
    FINE
}

async fn max_size(bench: &Bench) -> Judged {
    match bench.subject.discovery.number_if_any("Tus-Max-Size")? {
        Some(_) => FINE,
        None => Err(Fault::Inapplicable("Tus-Max-Size is not told".to_owned())),
    }
}

/// A server that answers 413 has a limit, and should tell it in `Tus-Max-Size`.
async fn max_size_told(bench: &Bench) -> Judged {
    if bench.subject.offer.max_size.is_some() {
        return FINE;
    }
    let answer = bench.ask(bench.creation(1 << 62)).await?;
    _ = bench.located(&answer).await;
    ensure(answer.status != 413, format_args!("{answer} to a length of 2^62, and no limit is told"))?;
    FINE
}

async fn ignores_version(bench: &Bench) -> Judged {
    let subject = &bench.subject;
    let request = subject.request("OPTIONS", &subject.endpoint).header("Tus-Resumable", "99.0.0");
    is_discovery(&bench.ask(request).await?)?;
    FINE
}
