//! Creation, Upload-Metadata.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use crate::conformance::bench::Bench;
use crate::conformance::case::{Section, must, robust, run, should};
use crate::conformance::verdict::{FINE, Judged, ensure, room, wrong};

pub(super) const SECTION: Section = Section {
    name: "Creation, Upload-Metadata",
    text: "https://tus.io/protocols/resumable-upload#upload-metadata",
    needs: &["creation"],
    cases: &[
        must("metadata.echo", "HEAD gives a pair back as it was given", run!(echo)),
        must("metadata.echo-many", "HEAD gives several pairs back as they were given", run!(echo_many)),
        must("metadata.empty-value", "a key without a value is given back", run!(empty_value)),
        must("metadata.binary-value", "a value of any bytes is given back", run!(binary_value)),
        must("metadata.survives", "metadata is still there when the upload is complete", run!(survives)),
        should("metadata.no-smuggling", "a value with a line break makes no header", run!(no_smuggling)),
        robust("metadata.malformed", "malformed metadata is handled", run!(malformed)),
        robust("metadata.empty-header", "an empty Upload-Metadata is handled", run!(empty_header)),
        robust("metadata.spaces", "a space after the comma is handled", run!(spaces)),
        robust("metadata.twice", "two Upload-Metadata headers are handled", run!(twice)),
        robust("metadata.64-kib", "64 KiB of metadata are given back or refused", run!(huge)),
    ],
};

async fn echo(bench: &Bench) -> Judged {
    comes_back(bench, "labname aGVsbG8ud29ybGQ=").await
}

async fn echo_many(bench: &Bench) -> Judged {
    comes_back(bench, "zeta aGVsbG8=,alpha d29ybGQ=,Mixed-Case_1 IQ==,lab MQ==").await
}

async fn empty_value(bench: &Bench) -> Judged {
    comes_back(bench, "labconfidential").await
}

async fn binary_value(bench: &Bench) -> Judged {
    let every_byte: Vec<u8> = (0..=255).collect();
    comes_back(bench, &format!("labbytes {}", BASE64.encode(&every_byte))).await
}

async fn survives(bench: &Bench) -> Judged {
    let metadata = bench.metadata("labname aGVsbG8=");
    let upload = bench.create(with(bench, &metadata)).await?;
    bench.fill(&upload, 0, b"hello").await?;
    compare(bench.head_when_free(&upload).await?.required("Upload-Metadata")?, &metadata)
}

/// Checks that metadata comes back. A server may refuse metadata, but not lose it.
async fn comes_back(bench: &Bench, pairs: &str) -> Judged {
    let metadata = bench.metadata(pairs);
    let answer = bench.ask(with(bench, &metadata)).await?;
    if !answer.accepted() {
        return room(format_args!("metadata may be rejected: {answer}"));
    }
    let upload = bench.located(&answer).await?;
    compare(bench.head(&upload).await?.required("Upload-Metadata")?, &metadata)
}

fn with(bench: &Bench, metadata: &str) -> crate::http::Request {
    bench.creation(5).without("Upload-Metadata").header("Upload-Metadata", metadata)
}

/// Compares metadata. "Its value as specified by the client" may mean its text or its pairs.
fn compare(found: &str, given: &str) -> Judged {
    if found == given {
        return FINE;
    }
    if pairs(found).is_some_and(|found| Some(found) == pairs(given)) {
        return room(format_args!("the same pairs come back in another spelling: {found:?} for {given:?}"));
    }
    let same = found.bytes().zip(given.bytes()).take_while(|(found, given)| found == given).count();
    let (found, given) = (shown(found, same), shown(given, same));
    wrong(format_args!("from byte {same} on, {found:?} came back for {given:?}"))
}

/// A few characters from this byte on.
fn shown(header: &str, from: usize) -> String {
    header.chars().skip(from).take(24).collect()
}

/// The pairs of a header; none if a key is there twice or a value is malformed.
fn pairs(header: &str) -> Option<BTreeMap<&str, Vec<u8>>> {
    let mut pairs = BTreeMap::new();
    for pair in header.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let value = BASE64.decode(value.trim().as_bytes()).ok()?;
        if pairs.insert(key, value).is_some() {
            return None;
        }
    }
    Some(pairs)
}

async fn no_smuggling(bench: &Bench) -> Judged {
    let value = BASE64.encode(b"a\r\nX-Smuggled: yes\r\n\r\nb");
    let metadata = bench.metadata(&format!("labname {value}"));
    let metadatas = [metadata, format!("filename {value}"), format!("name {value},filetype {value}")];
    for metadata in metadatas {
        let answer = bench.ask(with(bench, &metadata)).await?;
        if !answer.accepted() {
            continue;
        }
        let upload = bench.located(&answer).await?;
        bench.fill(&upload, 0, b"hello").await?;
        for method in ["HEAD", "GET"] {
            let answer = bench.ask(bench.request(method, &upload)).await?;
            ensure(answer.header("X-Smuggled")?.is_none(), format_args!("{answer} with a smuggled header"))?;
        }
    }
    FINE
}

async fn malformed(bench: &Bench) -> Judged {
    let mut accepted = Vec::new();
    for metadata in
        ["lab !!!!", "lab aGVsbG8", "lab aGVsbG8= d29ybGQ=", "lab YQ==,lab Yg==", "lab YQ==,,bal Yg=="]
    {
        let answer = bench.ask(with(bench, metadata)).await?;
        if answer.accepted() {
            _ = bench.located(&answer).await;
            accepted.push(format!("{metadata:?}"));
        }
    }
    if accepted.is_empty() { FINE } else { room(format_args!("accepted: {}", accepted.join("; "))) }
}

async fn empty_header(bench: &Bench) -> Judged {
    let answer = bench.ask(with(bench, "")).await?;
    _ = bench.located(&answer).await;
    if answer.accepted() { FINE } else { room(format_args!("an empty header: {answer}")) }
}

async fn spaces(bench: &Bench) -> Judged {
    let answer = bench.ask(with(bench, &bench.metadata("lab YQ==, bal Yg=="))).await?;
    _ = bench.located(&answer).await;
    if answer.accepted() { FINE } else { room(format_args!("a space after the comma: {answer}")) }
}

async fn twice(bench: &Bench) -> Judged {
    let creation = with(bench, &bench.metadata("lab YQ==")).header("Upload-Metadata", "bal Yg==");
    let answer = bench.ask(creation).await?;
    if !answer.accepted() {
        return FINE;
    }
    let upload = bench.located(&answer).await?;
    let head = bench.head(&upload).await?;
    let kept = pairs(head.header("Upload-Metadata")?.unwrap_or_default()).unwrap_or_default();
    match (kept.contains_key("lab"), kept.contains_key("bal")) {
        (true, true) => FINE,
        _ => room("of two Upload-Metadata headers not all pairs are kept"),
    }
}

async fn huge(bench: &Bench) -> Judged {
    let value = BASE64.encode(&vec![b'x'; 48 * 1024]);
    let metadata = bench.metadata(&format!("lab {value}"));
    let answer = match with(bench, &metadata).try_send().await {
        Ok(response) => crate::conformance::answer::Answer::new("POST", response),
        Err(_) => return room("64 KiB of metadata: the connection is closed without an answer"),
    };
    if !answer.accepted() {
        return room(format_args!("64 KiB of metadata: {answer}"));
    }
    let upload = bench.located(&answer).await?;
    let head = bench.head(&upload).await?;
    let found = head.required("Upload-Metadata")?;
    ensure(found == metadata || pairs(found) == pairs(&metadata), "64 KiB of metadata came back changed")?;
    FINE
}

#[cfg(test)]
mod tests {
    use super::{Judged, compare};
    use crate::conformance::verdict::{Fault, Finding};

    #[test]
    fn another_spelling_is_no_loss_and_a_lost_pair_is_one() {
        let judge = |found| -> Judged { compare(found, "a MQ==,b") };
        assert!(matches!(judge("a MQ==,b"), Ok(Finding::Pass)));
        assert!(matches!(judge("b ,a MQ=="), Ok(Finding::Room(_))));
        assert!(matches!(judge("a MQ=="), Err(Fault::Wrong(_))));
        assert!(matches!(judge("a MQ==,b,b"), Err(Fault::Wrong(_))));
        assert!(matches!(judge("a Mg==,b"), Err(Fault::Wrong(_))));
    }
}
