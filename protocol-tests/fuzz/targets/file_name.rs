//! Fuzzes file names: the stored name of any file is a single, safe part of a path.
#![no_main]

use longhaul::message::stored_file_name;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let name = stored_file_name(text);
    assert!((1..=255).contains(&name.len()), "{name:?}");
    assert!(name != "." && name != "..", "{name:?}");
    assert!(!name.contains(['/', '\\', '\0']) && !name.chars().any(char::is_control), "{name:?}");
});
