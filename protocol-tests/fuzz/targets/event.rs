//! Fuzzes payloads of Socket.IO events, base64 included.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longhaul::chat::fuzz_event(data));
