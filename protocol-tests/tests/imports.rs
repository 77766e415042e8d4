//! No two files need each other: what one of them is can be read without the other.

use std::path::Path;

use protocol_tests::imports::{Folders, circles};

/// Crates, and folders of modules that tests share.
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

/// What is still to be opened, such as `"store/disk/part -> store/disk/join"`. Nothing is added here.
const KNOWN: [&str; 0] = [];

#[test]
fn no_imports_of_longhaul_go_round_in_a_circle() {
    let told = told("src", Folders::AsAWhole);
    let further: Vec<_> = told.iter().filter(|edge| !KNOWN.contains(&edge.as_str())).collect();
    assert_eq!(further, Vec::<&String>::new());
}
