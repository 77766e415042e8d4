//! Fuzzes `multipart/form-data`, its boundary, and `Content-Disposition`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longhaul::http::fuzz_form(data));
