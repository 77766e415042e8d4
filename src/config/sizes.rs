//! How large uploads may be, and where their bytes are kept.

use super::Flags;
use super::check::Check;

/// Eight GiB.
const DEFAULT_MAX_UPLOAD_SIZE: u64 = 8 << 30;
/// A MiB.
const DEFAULT_PAYLOAD_SLED_MAX: u64 = 1 << 20;

/// Where bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Files.
    Disk,
    /// The sled database, for uploads of at most `max_bytes`.
    Sled {
        /// The most bytes of an upload.
        max_bytes: u64,
    },
}

/// The sizes that the settings result in.
pub(super) struct Sizes {
    pub(super) payload: Payload,
    pub(super) max_upload: u64,
    pub(super) max_oneshot: u64,
    pub(super) max_reserved: u64,
}

impl Sizes {
    pub(super) fn of(check: &mut Check, flags: &Flags) -> Self {
        let payload = payload(check, flags);
        let largest = match payload {
            Payload::Disk => None,
            Payload::Sled { max_bytes } => Some(("--payload-sled-max", max_bytes)),
        };
        let fit = largest.map_or(DEFAULT_MAX_UPLOAD_SIZE, |(_, bytes)| bytes);
        let max_upload = below(check, "--max-upload-size", flags.max_upload_size.as_deref(), fit, largest);
        let bound = Some(("--max-upload-size", max_upload));
        let max_oneshot =
            below(check, "--max-oneshot-size", flags.max_oneshot_size.as_deref(), max_upload, bound);
        let max_reserved = check.positive_bytes("--max-reserved-bytes", &flags.max_reserved_bytes);
        if flags.max_upload_size.is_some() && max_reserved < max_upload {
            check.problem(format!(
                "--max-upload-size is {max_upload}, of which no user may have more than \
                 --max-reserved-bytes, {max_reserved}"
            ));
        }
        Self { payload, max_upload, max_oneshot, max_reserved }
    }
}

fn payload(check: &mut Check, flags: &Flags) -> Payload {
    let max_bytes = match &flags.payload_sled_max {
        Some(text) => check.positive_bytes("--payload-sled-max", text),
        None => DEFAULT_PAYLOAD_SLED_MAX,
    };
    let words = [("disk", Payload::Disk), ("sled", Payload::Sled { max_bytes })];
    let payload = check.word("--payload", &flags.payload, words);
    if flags.payload == "disk" && flags.payload_sled_max.is_some() {
        check.problem("--payload-sled-max is for --payload sled; files have --max-upload-size");
    }
    payload
}

/// A size within the bound of another one.
fn below(check: &mut Check, flag: &str, text: Option<&str>, default: u64, bound: Option<(&str, u64)>) -> u64 {
    let Some(text) = text else { return default };
    let asked = check.positive_bytes(flag, text);
    match bound {
        Some((other, most)) if asked > most => {
            check.problem(format!("{flag}: `{text}` is more than {other}, {most}"));
            most
        }
        _ => asked,
    }
}
