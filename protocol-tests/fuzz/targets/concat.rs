//! Fuzzes `Upload-Concat`: an accepted value is given back byte for byte.
#![no_main]

use longhaul::upload::Concat;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(concat) = Concat::parse(text) {
        assert_eq!(concat.raw(), text);
    }
});
