//! Fuzzes records of the journal, which a power cut may have torn.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longhaul::store::sled::fuzz_record(data));
