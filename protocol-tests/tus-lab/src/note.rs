//! Notes of a test beside its outcome.

/// Prints a note that helps to understand a failure. The test runner shows it only if the test fails.
#[expect(clippy::print_stdout, reason = "the test runner captures it and shows it with a failure")]
pub fn note(text: impl std::fmt::Display) {
    println!("{text}");
}
