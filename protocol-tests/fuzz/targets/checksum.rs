//! Fuzzes `Upload-Checksum`.
#![no_main]

use longhaul::upload::Checksum;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = text.parse::<Checksum>();
});
