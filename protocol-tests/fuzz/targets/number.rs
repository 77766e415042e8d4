//! Numbers in headers: digits and nothing else, and never a wrong value.
#![no_main]

use longhaul::upload::decimal;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match decimal(text) {
        Ok(number) => {
            assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(text.parse(), Ok(number));
        }
        // File systems count in signed numbers.
        Err(_) => assert!(text.starts_with('+') || text.parse::<i64>().is_err() || text.starts_with('-')),
    }
});
