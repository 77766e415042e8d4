//! The wire of HTTP: from requests to use cases and back. It decides nothing that the domain could decide.

mod bind;
pub(crate) mod body;
mod cache;
pub(crate) mod caller;
mod coding;
mod connection;
mod conversations;
mod cors;
mod demo_names;
mod docs;
pub(crate) mod error;
mod host;
mod json_body;
mod media;
mod media_link;
mod messages;
mod method_override;
mod no_place;
mod one_shot;
mod operations;
mod outside;
mod page;
mod path;
mod peer;
mod presence;
pub(crate) mod range;
mod request;
mod route;
mod sending;
mod shown_path;
mod site;
mod status;
pub(crate) mod success;
mod trace;
mod tus;
mod websocket;

pub use connection::{Connections, Timeouts, serve};
pub use cors::Cors;
pub use media::Types as MediaTypes;
pub use operations::Readiness;
pub use peer::Peer;
pub(crate) use peer::{forwarded_address, network_of};
pub(crate) use sending::LiveUpload;
pub use site::Site;
#[cfg(fuzzing)]
pub use {connection::fuzz_framing, one_shot::fuzz_form, range::fuzz_range};

use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::chats::Chats;
use crate::keys::Keyring;
use crate::links::{MediaLinks, Presenter};
use crate::uploads::Uploads;
use crate::web::Web;

/// The state that all handlers share.
#[derive(Debug, Clone)]
pub struct Api(pub(crate) Arc<Inner>);

/// The use cases and the few settings that are the wire's own.
#[derive(Debug)]
pub struct Inner {
    /// Uploads.
    pub uploads: Arc<Uploads>,
    /// Conversations.
    pub chats: Arc<Chats>,
    /// The keys that tell who a caller is.
    pub keyring: Arc<Keyring>,
    /// Whether the server takes new work.
    pub readiness: Readiness,
    /// The most bytes of a one-shot upload.
    pub max_oneshot_size: u64,
    /// The idle timeout of a body.
    pub body_idle: Duration,
    /// How messages are presented to members.
    pub presenter: Presenter,
    /// The prefix under which a proxy finds the files of messages, if it is the proxy that sends them.
    pub media_prefix: Option<String>,
    /// Whether clients are sent to the object store, if it has the media.
    pub redirects_media: bool,
    /// The types under which files may be shown, as far as they are known.
    pub types: MediaTypes,
    /// The links to media that are valid.
    pub links: Arc<MediaLinks>,
    /// Whether `Forwarded` and `X-Forwarded-*` are trusted.
    pub trust_forwarded: bool,
    /// The page at `/`.
    pub web: Web,
}

impl Api {
    /// An API over these use cases and settings.
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    fn uploads(&self) -> &Arc<Uploads> {
        &self.0.uploads
    }
}

/// Every route of the API.
fn routes(api: Api) -> Router {
    let page = page::routes(&api.0.web, api.0.presenter.base());
    Router::new()
        .merge(tus::routes())
        .merge(one_shot::routes())
        .merge(bind::routes())
        .merge(messages::routes())
        .merge(conversations::routes())
        .merge(sending::routes())
        .merge(media::routes())
        .merge(media_link::routes())
        .merge(operations::routes())
        .merge(docs::routes())
        .merge(page)
        .method_not_allowed_fallback(error::unknown_method)
        .with_state(api)
}

#[cfg(test)]
mod tests;
