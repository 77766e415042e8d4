//! Fuzzes `Range` and the conditions of a request for media.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longhaul::http::fuzz_range(data));
