//! Finds imports of a crate's files that form a circle.
//!
//! A file needs the file that defines the item that it names. A re-export is followed to the item's
//! definition, so a `mod.rs` that only re-exports items of its folder does not need these files. Tests may
//! name anything.

mod circle;
mod code;
mod edge;
mod names;
mod tree;

use std::path::Path;

pub use edge::Edge;

use tree::Tree;

/// How a `mod.rs` and the files of its folder are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folders {
    /// They are single files like any others.
    Opened,
    /// They may need each other: the folder counts as one file.
    AsAWhole,
}

/// Every import that is part of a circle, in the crate or module whose files are below this folder.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn circles(folder: &Path, folders: Folders) -> Vec<Edge> {
    let mut needs = Tree::read(folder).needs();
    if folders == Folders::AsAWhole {
        for (from, all) in &mut needs {
            all.retain(|to| !from.starts_with(to) && !to.starts_with(from));
        }
    }
    circle::edges(&needs)
}
