//! Which file of a crate needs which other one, and where that goes round in a circle.
//!
//! A file needs the file that defines what it names. A re-export is followed to where the item comes from, so
//! a `mod.rs` that only hands on what its folder has needs nothing of it. Tests may name anything.

mod circle;
mod code;
mod edge;
mod names;
mod tree;

use std::path::Path;

pub use edge::Edge;

use tree::Tree;

/// What of a `mod.rs` and the files of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folders {
    /// They are files like any others.
    Opened,
    /// They may need each other: the folder is read as a whole.
    AsAWhole,
}

/// Every import that is part of a circle, in a crate or a module whose files are below this folder.
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
