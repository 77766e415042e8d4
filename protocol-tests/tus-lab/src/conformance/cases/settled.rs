//! The offset of an upload once the server has noticed that a connection died.

use crate::conformance::bench::{Bench, PAUSE};
use crate::conformance::place::Place;
use crate::conformance::verdict::{Fault, ensure};

/// How often the offset must stay the same before an interrupted request counts as over.
const SETTLED: u32 = 3;

/// The offset of an upload whose connection has just died, once the server has noticed it.
pub(super) async fn settled_offset(bench: &Bench, upload: &Place) -> Result<u64, Fault> {
    let mut last = bench.offset(upload).await?;
    let mut same = 0;
    while same < SETTLED {
        tokio::time::sleep(PAUSE).await;
        let offset = bench.offset(upload).await?;
        same = if offset == last { same + 1 } else { 0 };
        last = offset;
    }
    Ok(last)
}

/// A fault unless the offset is within the length and the upload can still become these bytes.
pub(super) async fn never_past_its_length(
    bench: &Bench,
    upload: &Place,
    content: &[u8],
) -> Result<(), Fault> {
    let offset = settled_offset(bench, upload).await?;
    let length = content.len() as u64;
    ensure(offset <= length, format_args!("HEAD then says offset {offset} of {length}"))?;
    bench.resume(upload, content).await?;
    bench.expect_bytes(upload, content).await
}
