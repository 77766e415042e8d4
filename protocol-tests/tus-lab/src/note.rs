//! What a test says beside its outcome.

/// Says something that helps to understand a failure. The test runner shows it only then.
#[expect(clippy::print_stdout, reason = "the test runner captures it and shows it with a failure")]
pub fn note(text: impl std::fmt::Display) {
    println!("{text}");
}
