//! Fuzzes `Authorization` and the token in it, and the claims of properly signed tokens.
#![no_main]

use longhaul::auth::{KeySet, Rules, Verifier, bearer};
use longhaul::time::Timestamp;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let verifier = Verifier::new(Rules { audience: Some("a".to_owned()), ..Rules::default() });
    verifier.trust(KeySet::secrets(&["a secret of the fuzzer, long enough"]).expect("a secret"));
    let token = bearer(text).unwrap_or(text);
    assert!(verifier.verify(token, Timestamp::from_millis(1)).is_err(), "nobody has the secret");
});
