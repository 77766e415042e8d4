//! `Authorization` and the token in it; and claims that are signed as they should be.
#![no_main]

use longhaul::auth::{Verifier, bearer};
use longhaul::time::Timestamp;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let verifier = Verifier::hs256("a secret of the fuzzer").expect("a secret").with_audience("a");
    let token = bearer(text).unwrap_or(text);
    assert!(verifier.verify(token, Timestamp::from_millis(1)).is_err(), "nobody has the secret");
});
