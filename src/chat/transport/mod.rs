//! The transports below Socket.IO, handled here so that a single one can be closed.
//!
//! The library closes all of them, or tells a client to disconnect, which clients take as final. A client
//! whose transport ends connects again by itself.
//!
//! ```text
//!  polling     the library is given what a client sends to close: a POST of the packet `1`
//!  WebSocket   its stream is ours, and is ended
//! ```

mod body;
mod frames;
mod guests;
mod handshake;
mod metered;
mod packets;
mod polled;
mod refused;
mod sent;
mod severable;
mod websockets;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use socketioxide::extract::SocketRef;
use socketioxide::service::SocketIoService;
use tower::Service;

use self::body::{Bounded, Fault};
use self::frames::Frames;
pub(super) use self::guests::Guest;
use self::guests::{Excess, Guests};
use self::handshake::{guest_of, is_websocket, kept, named, origins_of, sid_of};
use self::metered::Metered;
use self::refused::{Explained, explained};
pub(super) use self::refused::{TOO_MANY_SESSIONS, UNAUTHORIZED};
use self::sent::Sent;
use self::severable::{Severable, Shears};
use self::websockets::{Place, WebSockets};
use super::settings::{PATH, Settings};
use crate::http::error::{ApiError, Code, of_session};
use crate::uploads::UploadError;

/// The library's service over transports that can be closed one by one.
#[derive(Clone)]
pub struct Transports {
    service: SocketIoService<Router>,
    websockets: WebSockets,
    guests: Guests,
    settings: Settings,
}

impl Transports {
    /// The transports over this service, whose path is [`PATH`].
    pub(super) fn new(service: SocketIoService<Router>, settings: Settings) -> Self {
        Self { service, websockets: WebSockets::default(), guests: Guests::default(), settings }
    }

    /// The router with these transports at their path.
    pub fn beside(self, router: Router) -> Router {
        let below = [PATH.to_owned(), format!("{PATH}/"), format!("{PATH}/{{*rest}}")];
        below.iter().fold(router, |router, path| router.route_service(path, self.clone()))
    }

    /// Closes a connection's transport, of either kind.
    pub(super) async fn close(&self, socket: &SocketRef) {
        let sid = socket.id.to_string();
        self.close_polling(&sid).await;
        if let Some(shears) = self.shears_of(&sid, socket) {
            shears.cut().await;
        }
    }

    /// Ends a connection's transport, without last packets for a client that does not read.
    pub(super) async fn end(&self, socket: &SocketRef) {
        let sid = socket.id.to_string();
        self.close_polling(&sid).await;
        if let Some(shears) = self.shears_of(&sid, socket) {
            shears.tear();
        }
    }

    /// The means to end the session's WebSocket: the session may just have changed to it, or have begun with
    /// it.
    fn shears_of(&self, sid: &str, socket: &SocketRef) -> Option<Shears> {
        self.websockets.of(sid).or_else(|| socket.req_parts().extensions.get().cloned())
    }

    /// Closes a session that polls, and no other.
    async fn close_polling(&self, sid: &str) {
        let target = format!("{PATH}/?EIO=4&transport=polling&sid={sid}");
        let packet = Request::builder().method(Method::POST).uri(target).body(Body::from("1"));
        let Ok(packet) = packet else { return };
        let _ = self.service.clone().call(packet).await;
    }

    async fn pass(mut self, request: Request) -> Result<Response, Infallible> {
        let answer = self.service.call(request).await?.into_response();
        Ok(of_session(answer, self.settings.max_payload_bytes))
    }

    /// Begins a session that polls.
    async fn begin(self, request: Request, guest: Arc<Guest>) -> Response {
        let Some(kept) = kept(&request, &guest) else { return ApiError::long_header().into_response() };
        let Ok(answer) = self.pass(kept.map(|()| Body::empty())).await;
        named(&guest, answer).await
    }

    /// Continues a session that polls.
    async fn go_on(self, request: Request, guest: Arc<Guest>) -> Response {
        if request.method() == Method::GET {
            let Ok(answer) = self.pass(request.map(|_| Body::empty())).await;
            return polled::counted(guest.backlog(), explained(&guest, answer).await).await;
        }
        let (parts, body) = request.into_parts();
        let (body, found) = Bounded::new(body, guest, self.settings.body_idle);
        let Ok(answer) = self.pass(Request::from_parts(parts, Body::new(body))).await;
        match found.get() {
            Some(fault) => refusal_of(*fault).into_response(),
            None => answer,
        }
    }

    /// Upgrades a request to a WebSocket, for a known session or a new one.
    async fn upgrade(self, mut request: Request, guest: Arc<Guest>) -> Response {
        let Some(kept) = kept(&request, &guest) else { return ApiError::long_header().into_response() };
        // With the upgrade taken out, the library judges and answers the request, and then finds nothing to
        // take over.
        let upgrade = hyper::upgrade::on(&mut request);
        let Ok(answer) = self.clone().pass(request.map(|_| Body::empty())).await;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            tokio::spawn(self.hand_over(upgrade, kept, guest));
        }
        answer
    }

    /// Hands a WebSocket over to the library once the client has been answered.
    async fn hand_over(self, upgrade: OnUpgrade, mut request: Request<()>, guest: Arc<Guest>) {
        let Ok(upgraded) = upgrade.await else { return };
        let (stream, shears) = Severable::new(TokioIo::new(upgraded));
        request.extensions_mut().insert(shears.clone());
        let sid = sid_of(&request).map(str::to_owned);
        let place = sid.as_deref().and_then(|sid| self.websockets.enter(sid, shears));
        let ending = Ending { transports: self.clone(), _place: place, sid };
        let stream = Explained::new(stream.until_dropped(ending), Arc::clone(&guest));
        let stream = Metered::new(stream, Frames::new(Arc::clone(&guest)), Sent::new(guest));
        // The result says whether the request could be read, which the library has said before.
        let _ = self.service.clone().call((stream, request)).await;
    }
}

/// The rest to do when a WebSocket ends.
struct Ending {
    transports: Transports,
    _place: Option<Place>,
    sid: Option<String>,
}

impl Drop for Ending {
    /// Closes the session: one that was to change to a WebSocket, and did not, answers no poll any more.
    fn drop(&mut self) {
        let Some(sid) = self.sid.take() else { return };
        let transports = self.transports.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { transports.close_polling(&sid).await });
        }
    }
}

impl Service<Request> for Transports {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.service, context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let transports = self.clone();
        let (guest, is_new) = match (guest_of(&self.guests, &request), sid_of(&request)) {
            (Some(guest), _) => (guest, false),
            // Such a session is a WebSocket or unknown. Nothing more is read for it here.
            (None, Some(_)) => return transports.pass(request.map(|_| Body::empty())).boxed(),
            (None, None) => match self.guests.enter(&origins_of(&request, self.settings.trust_forwarded)) {
                Some(guest) => (guest, true),
                None => return ready(Ok(ApiError::no_session_left().into_response())).boxed(),
            },
        };
        async move {
            Ok(if is_websocket(&request) {
                transports.upgrade(request, guest).await
            } else if is_new {
                transports.begin(request, guest).await
            } else {
                transports.go_on(request, guest).await
            })
        }
        .boxed()
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transports")
    }
}

fn refusal_of(fault: Fault) -> ApiError {
    match fault {
        Fault::Idle => UploadError::BodyIdle.into(),
        Fault::Broken => UploadError::BodyBroken.into(),
        Fault::LongName(error) => ApiError::bad_request(Code::InvalidSession, error.to_string()),
        Fault::Excess(excess @ (Excess::Stranger | Excess::Namespaces)) => {
            ApiError::too_much_of_session(excess.to_string())
        }
        Fault::Excess(Excess::Reading) => ApiError::too_much_at_once(Excess::Reading.to_string()),
    }
}
