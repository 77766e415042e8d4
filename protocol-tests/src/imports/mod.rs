//! Which file of a crate needs which other one, and where that goes round in a circle.
//!
//! A file needs the file that defines what it names. A re-export is followed to where the item comes from, so
//! a `mod.rs` that only hands on what its folder has needs nothing of it. Tests may name anything.

mod circle;
mod code;
mod names;
mod tree;

use std::fmt;
use std::path::Path;

use tree::Tree;

/// A file that needs another one, which needs it in turn, perhaps by way of further ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The file, below the folder of sources and without its ending.
    pub from: String,
    /// The file that it needs.
    pub to: String,
}

impl fmt::Display for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} -> {}", self.from, self.to)
    }
}

/// Every import that is part of a circle, in a crate or a module whose files are below this folder.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn circles(folder: &Path) -> Vec<Edge> {
    circle::edges(&Tree::read(folder).needs())
}
