//! Fuzzes the heads, bodies and chunks of an HTTP/1 connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longhaul::http::fuzz_framing(data));
