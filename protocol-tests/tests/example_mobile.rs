//! Checks of `examples/mobile` that need no phone.

use std::path::Path;
use std::process::Command;

/// The example's types are checked against those of expo-file-system and tus-js-client.
#[test]
fn the_expo_example_fits_the_types_of_its_libraries() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/mobile/expo");
    let installed = example.join("node_modules").exists();
    assert!(installed, "its packages are missing: start the tests with protocol-tests/run");
    let checked = Command::new("npm").args(["run", "check"]).current_dir(example).output();
    let checked = checked.expect("npm can be started");
    let text = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&text));
}
