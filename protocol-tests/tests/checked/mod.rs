//! Requests whose bodies are checked.

use harness::chat::Chat;
use harness::content::Content;
use harness::http::Request;
use harness::tus;

pub(crate) const MIB: u64 = 1 << 20;

/// How a checksum is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Header,
    Trailer,
}

pub(crate) const WAYS: [Way; 2] = [Way::Header, Way::Trailer];

impl Way {
    /// The request with this body and this value of `Upload-Checksum`.
    pub(crate) fn say(self, request: Request, body: &[u8], value: &str) -> Request {
        match self {
            Self::Header => request.header("Upload-Checksum", value).body(body),
            Self::Trailer => announce(request).trailer("Upload-Checksum", value).body(body),
        }
    }
}

pub(crate) fn announce(request: Request) -> Request {
    request.header("Trailer", "Upload-Checksum")
}

pub(crate) fn patch(chat: &Chat, location: &str, offset: u64) -> Request {
    tus::patch(chat, &chat.alice, location, offset)
}

pub(crate) fn index(count: u64) -> usize {
    usize::try_from(count).expect("it is small")
}

/// The bytes with one of them changed.
pub(crate) fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    damaged[bytes.len() / 2] ^= 1;
    damaged
}

pub(crate) async fn is_made_of(chat: &Chat, content: &Content) {
    let message = chat.only_message().await;
    assert_eq!(message["sha256"], content.sha256());
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    chat.check_folders().await;
}
