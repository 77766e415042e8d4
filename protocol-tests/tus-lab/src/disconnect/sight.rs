use std::path::PathBuf;

/// Where an upload's bytes can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// GET of the upload gives its bytes.
    Get,
    /// The folder has a file named by the upload's id.
    Folder(PathBuf),
    /// The bytes cannot be read.
    None,
}
