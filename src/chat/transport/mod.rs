//! The transports below Socket.IO: taken in here, so that a single one can be closed.
//!
//! The library closes all of them, or tells a client to disconnect, which clients take for good. One whose transport
//! ends connects again by itself.
//!
//! ```text
//!  polling     the library is told what a client says that closes: a POST of the packet `1`
//!  WebSocket   its stream is ours, and ends
//! ```

mod severable;
mod websockets;

use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::UPGRADE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use socketioxide::extract::SocketRef;
use socketioxide::service::SocketIoService;
use tower::Service;

use self::severable::Severable;
use self::websockets::{Place, WebSockets};
use super::open::PATH;

/// The library's service over transports that can be closed one by one.
#[derive(Clone)]
pub struct Transports {
    service: SocketIoService<Router>,
    websockets: WebSockets,
}

impl Transports {
    /// Over this service, whose path is [`PATH`].
    pub(super) fn new(service: SocketIoService<Router>) -> Self {
        Self { service, websockets: WebSockets::default() }
    }

    /// The router, and these transports at their path.
    pub fn beside(self, router: Router) -> Router {
        let below = [PATH.to_owned(), format!("{PATH}/"), format!("{PATH}/{{*rest}}")];
        below.iter().fold(router, |router, path| router.route_service(path, self.clone()))
    }

    /// Closes the transport of a connection, whichever it has.
    pub(super) async fn close(&self, socket: &SocketRef) {
        let sid = socket.id.to_string();
        self.close_polling(&sid).await;
        // It may just have become a WebSocket, or have been one from the beginning.
        let upgraded = self.websockets.of(&sid);
        if let Some(shears) = upgraded.or_else(|| socket.req_parts().extensions.get().cloned()) {
            shears.cut().await;
        }
    }

    /// Closes a session that polls, and no other.
    async fn close_polling(&self, sid: &str) {
        let target = format!("{PATH}/?EIO=4&transport=polling&sid={sid}");
        let packet = Request::builder().method(Method::POST).uri(target).body(Body::from("1"));
        let Ok(packet) = packet else { return };
        let _ = self.service.clone().call(packet).await;
    }

    /// Hands a WebSocket over to the library once the client has been answered.
    async fn hand_over(self, upgrade: OnUpgrade, mut request: Request<()>) {
        let Ok(upgraded) = upgrade.await else { return };
        let (stream, shears) = Severable::new(TokioIo::new(upgraded));
        request.extensions_mut().insert(shears.clone());
        let sid = sid_of(&request).map(str::to_owned);
        let place = sid.as_deref().and_then(|sid| self.websockets.enter(sid, shears));
        let ending = Ending { transports: self.clone(), _place: place, sid };
        // The answer says whether the request could be read, which the library has said before.
        let _ = self.service.clone().call((stream.until_dropped(ending), request)).await;
    }
}

/// What is left to do when a WebSocket ends.
struct Ending {
    transports: Transports,
    _place: Option<Place>,
    sid: Option<String>,
}

impl Drop for Ending {
    /// A session that was to change to a WebSocket, and did not, answers no poll any more: it ends.
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

    fn call(&mut self, mut request: Request) -> Self::Future {
        if !request.headers().contains_key(UPGRADE) {
            return self.service.call(request).map(|answer| Ok(answer?.into_response())).boxed();
        }
        // Without it the library judges and answers the request, and then finds nothing to take over.
        let upgrade = hyper::upgrade::on(&mut request);
        let (parts, body) = request.into_parts();
        let kept = Request::from_parts(parts.clone(), ());
        let answer = self.service.call(Request::from_parts(parts, body));
        let transports = self.clone();
        async move {
            let answer = answer.await?;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                tokio::spawn(transports.hand_over(upgrade, kept));
            }
            Ok(answer.into_response())
        }
        .boxed()
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transports")
    }
}

/// The session that a request is about.
fn sid_of<B>(request: &Request<B>) -> Option<&str> {
    request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("sid="))
}
