//! Robustness: URLs of uploads that never existed.

use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, robust, run};
use crate::conformance::place::Place;
use crate::conformance::verdict::{FINE, Judged, ensure};

pub(super) const SECTION: Section = Section {
    name: "Robustness, ids",
    text: "https://www.rfc-editor.org/rfc/rfc9110#section-17.3",
    needs: &["creation"],
    cases: &[
        robust("ids.traversal", "no URL below the endpoint leads out of the store", run!(traversal)),
        robust("ids.odd", "ids of odd characters are unknown uploads", run!(odd)),
        robust("ids.long", "an id of 8 KB is an unknown upload", run!(long)),
        robust(
            "ids.side-doors",
            "files that a store keeps beside an upload are no uploads",
            run!(side_doors),
        ),
    ],
};

/// Tests ids that lead out of the folder, only with GET and HEAD: the server may be a real one.
async fn traversal(bench: &Bench) -> Judged {
    let up = [
        "../../../../../../../../",
        "..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f",
        "..%5c..%5c..%5c",
        "%2e%2e/%2e%2e/",
    ];
    for id in
        up.iter().map(|up| format!("{up}etc/passwd")).chain(["%2fetc%2fpasswd".to_owned(), "..".to_owned()])
    {
        let place = bench.subject.endpoint.below(&id);
        let head = bench.head(&place).await?;
        let led_out = head.accepted() && head.header("Upload-Offset")?.is_some();
        ensure(!led_out, format_args!("{id:?}: {head} with an Upload-Offset"))?;
        let answer = bench.ask(bench.request("GET", &place)).await?;
        let text = String::from_utf8_lossy(answer.body());
        ensure(!text.contains("root:"), format_args!("GET of {id:?} gives a file of the system"))?;
    }
    FINE
}

async fn odd(bench: &Bench) -> Judged {
    for id in ["%00", "a%00b", "%0d%0aX-Smuggled:%20yes", "%ff%fe", "a+b", "a%20b", "%", "con", ".", "%2e"] {
        unknown(bench, &bench.subject.endpoint.below(id)).await?;
    }
    FINE
}

async fn long(bench: &Bench) -> Judged {
    unknown(bench, &bench.subject.endpoint.below(&"a".repeat(8 * 1024))).await
}

/// Tests the well-known names under which stores keep information about an upload beside its bytes.
async fn side_doors(bench: &Bench) -> Judged {
    let upload = bench.started(5, b"hello").await?;
    for suffix in [".info", ".json", ".lock", ".part", "/", "%2f..", "/../../"] {
        let place = upload.with_path(format!("{}{suffix}", upload.path));
        let head = bench.head(&place).await?;
        let offset = head.number_if_any("Upload-Offset")?;
        let is_another = head.accepted() && offset.is_some_and(|offset| offset != 5);
        ensure(!is_another, format_args!("{suffix:?} behind the URL: {head} with an Upload-Offset"))?;
    }
    FINE
}

async fn unknown(bench: &Bench, place: &Place) -> Judged {
    for request in [bench.request("HEAD", place), bench.patch(place, 0).body("hello")] {
        let answer = bench.ask(request).await?;
        let served = answer.accepted() && answer.header("Upload-Offset")?.is_some();
        ensure(!served, format_args!("{}: {answer} with an Upload-Offset", shortened(&place.path)))?;
        ensure(answer.header("X-Smuggled")?.is_none(), "an id with a line break makes a header")?;
    }
    FINE
}

fn shortened(path: &str) -> String {
    path.chars().take(60).collect()
}
