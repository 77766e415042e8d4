use std::path::PathBuf;

/// Where an upload's bytes can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// GET of the upload gives them.
    Get,
    /// A folder has a file named like the upload's id.
    Folder(PathBuf),
    /// Nowhere.
    None,
}
