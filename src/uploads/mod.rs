//! (use cases)
mod error;
pub use error::UploadError;
