//! What answers a request: what all of them share, and the routes behind it.
//!
//! ```text
//! request id, log, metrics ─► CORS ─► bodies as they are ─► Socket.IO, or the routes
//! ```
//! Plain functions, and futures that hold the request once: layers of the router would box, clone and copy for each
//! of them, and an async function keeps its arguments beside what they became.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{Either, ready};
use tower::Service;
use tracing::Instrument;

use super::cors::CrossOrigin;
use super::trace::Exchange;
use super::{Api, Cors, coding, cors, error, routes};

/// The whole site.
#[derive(Debug, Clone)]
pub struct Site {
    routes: Router,
    sockets: Router,
    sockets_path: &'static str,
    cors: Arc<Cors>,
}

impl Site {
    /// The routes of the API, and beside them what `layer` answers below a path.
    pub fn new(api: Api, cors: Cors, path: &'static str, layer: impl FnOnce(Router) -> Router) -> Self {
        // Without a state, the fallback would be made, and put behind the layer, for each request anew: what the
        // layer remembers of one would be unknown to the next.
        let sockets = layer(Router::new().fallback(error::unknown_route).with_state(()));
        Self { routes: routes(api), sockets, sockets_path: path, cors: Arc::new(cors) }
    }

    /// Answers a request.
    pub fn answer(&self, request: Request) -> impl Future<Output = Response> + use<> {
        let (exchange, span) = Exchange::begin(&request);
        // CORS stands outside of Socket.IO, which knows nothing of it.
        let cross_origin = CrossOrigin::of(&self.cors, &request);
        let at_once = cors::preflight_of(&request)
            .or_else(|| coding::refusal_of(&request).map(IntoResponse::into_response));
        let answered = match at_once {
            Some(response) => Either::Left(ready(response)),
            None => Either::Right(self.route(request)),
        };
        let ended = answered.map(move |mut response| {
            if let Some(cross_origin) = cross_origin {
                cross_origin.show(&mut response);
            }
            exchange.end(&mut response);
            response
        });
        ended.instrument(span)
    }

    fn route(&self, request: Request) -> impl Future<Output = Response> + use<> {
        let is_for_sockets = request.uri().path().starts_with(self.sockets_path);
        let router = if is_for_sockets { &self.sockets } else { &self.routes };
        let answered = router.clone().call(request);
        answered.map(|answered: Result<Response, Infallible>| answered.unwrap_or_else(|never| match never {}))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::http::Request;
    use tower::layer::layer_fn;

    use super::*;
    use crate::http::tests::Chat;

    /// As a layer has to be that keeps sessions.
    #[tokio::test]
    async fn what_answers_below_the_path_is_made_once() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let chat = Chat::new(Router::new()).await;
        let site = Site::new(chat.api(), Cors::new(vec![], false), "/sockets", move |router| {
            router.layer(layer_fn(move |service| {
                count.fetch_add(1, Ordering::Relaxed);
                service
            }))
        });
        let before = made.load(Ordering::Relaxed);
        for path in ["/sockets", "/sockets/?a=b", "/other"] {
            let answer = site.answer(Request::get(path).body(Body::empty()).expect("valid")).await;
            assert_eq!(answer.status(), 404, "{path}");
        }
        assert_eq!(made.load(Ordering::Relaxed), before);
    }
}
