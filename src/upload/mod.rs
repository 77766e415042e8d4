//! An upload and what may happen to it: identity, offsets, metadata, digest, checksums, states. Pure: no I/O,
//! no clock; time enters as `now`.

mod append;
mod binding;
mod change;
mod checksum;
mod concat;
mod digest;
mod digests;
mod epoch;
mod id;
mod length;
mod live;
mod metadata;
mod model;
mod number;
mod same;
mod state;
mod sums;
mod verification;

pub use append::{Admission, AppendRefusal, AppendRequest};
pub use binding::{Binding, BindingError, content_of, reply_to_of};
pub use change::{Appended, Conflict};
pub use checksum::{Algorithm, Checksum, ChecksumError, RunningChecksum};
pub use concat::{Concat, ConcatError, MAX_DESCRIPTION_BYTES, Parts, Stretch, stretch_at};
pub use digest::{DigestState, RunningDigest};
pub use digests::Digests;
pub use epoch::Epoch;
pub use id::{InvalidUploadId, UploadId};
pub use length::Length;
pub use live::{Due, Live};
pub use metadata::{MAX_METADATA_BYTES, Metadata, MetadataError};
pub use model::{Chunk, Upload};
pub use number::{InvalidNumber, decimal};
pub use same::KnownFile;
pub use state::{IllegalTransition, Rejection, RejectionReason, State};
pub use sums::{Bounds, CreationRefusal, Held, Quota, SMALL_BYTES, Weight};
pub use verification::{Check, CheckError, TrailingChecksum, Verification};
