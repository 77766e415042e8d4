//! The signature of a link: what it covers, and how a link carries it.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

use super::keys::LinkKeys;
use crate::message::MessageId;
use crate::time::Timestamp;

/// Purpose that the signature covers, so that it is valid for nothing else, even if its key has another use:
/// only for these links, and only for reading, which is GET and HEAD.
const PURPOSE: &str = "longhaul media link 1\0read\0";

/// A link that a request presents, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    exp: String,
    expires_at: Timestamp,
    signature: Vec<u8>,
}

impl Presented {
    /// A link from its two parameters; `None` if no link can have them.
    pub fn of(exp: &str, sig: &str) -> Option<Self> {
        let secs = exp.parse().ok()?;
        let signature = BASE64URL_NOPAD.decode(sig.as_bytes()).ok()?;
        Some(Self { exp: exp.to_owned(), expires_at: Timestamp::from_secs(secs), signature })
    }

    /// The expiry that the link claims.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl LinkKeys {
    /// The query of a link; `None` without a key.
    pub(super) fn sign(&self, id: MessageId, name: &str, exp: u64) -> Option<String> {
        let mac = mac(self.iter().next()?, id, name, &exp.to_string());
        let sig = BASE64URL_NOPAD.encode(&mac.finalize().into_bytes());
        Some(format!("exp={exp}&sig={sig}"))
    }

    /// Whether one of the keys has signed the link. Signatures are compared in constant time.
    pub(super) fn accept(&self, presented: &Presented, id: MessageId, name: &str) -> bool {
        self.iter().any(|key| mac(key, id, name, &presented.exp).verify_slice(&presented.signature).is_ok())
    }
}

/// The MAC of a link. The name counts in one normal form, as a path may have either, and `exp` in exactly the
/// digits that were signed. None of the parts can have a zero byte in it.
fn mac(key: &[u8], id: MessageId, name: &str, exp: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    let name: String = name.nfc().collect();
    mac.update(format!("{PURPOSE}{id}\0{name}\0{exp}").as_bytes());
    mac
}
