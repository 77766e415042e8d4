//! Fuzzes numbers in headers: only digits are accepted, and never with a wrong value.
#![no_main]

use longhaul::upload::decimal;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match decimal(text) {
        Ok(number) => {
            assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(text.parse(), Ok(number));
        }
        // File systems count in signed numbers, so the greatest number is that of an `i64`.
        Err(_) => assert!(text.starts_with('+') || text.parse::<i64>().is_err() || text.starts_with('-')),
    }
});
