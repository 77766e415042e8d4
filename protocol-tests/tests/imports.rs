//! No imports form a circle: each file can be read without those that import it.

use std::path::Path;

use protocol_tests::imports::{Folders, circles};

/// The folders of crates, and of modules that tests share.
const ROOTS: [&str; 7] = [
    "protocol-tests/src",
    "protocol-tests/src/bin/bench",
    "protocol-tests/src/bin/crash-lab",
    "protocol-tests/harness/src",
    "protocol-tests/tus-lab/src",
    "protocol-tests/tus-lab/src/bin/tus-lab",
    "protocol-tests/tus-lab/tests/wrong",
];

fn told(root: &str, folders: Folders) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(root);
    circles(&folder, folders).iter().map(ToString::to_string).collect()
}

#[test]
fn no_imports_of_the_tests_go_round_in_a_circle() {
    for root in ROOTS {
        assert_eq!(told(root, Folders::Opened), Vec::<String>::new(), "{root}");
    }
}

/// Imports of circles that are still there, such as `"store/disk/part -> store/disk/join"`. Nothing is added
/// here.
const KNOWN: [&str; 0] = [];

#[test]
fn no_imports_of_longhaul_go_round_in_a_circle() {
    let told = told("src", Folders::AsAWhole);
    let further: Vec<_> = told.iter().filter(|edge| !KNOWN.contains(&edge.as_str())).collect();
    assert_eq!(further, Vec::<&String>::new());
}
