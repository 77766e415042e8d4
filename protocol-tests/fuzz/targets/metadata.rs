//! Fuzzes `Upload-Metadata`: an accepted value is given back byte for byte, and every getter returns.
#![no_main]

use longhaul::upload::{Binding, Metadata};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(metadata) = Metadata::parse(text) {
        assert_eq!(metadata.raw(), text);
        let _ = (metadata.file_name(), metadata.file_type(), metadata.sha256());
        let _ = Binding::of_creation(&metadata, None);
    }
});
