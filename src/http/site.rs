//! The site answers requests: first the steps that all of them share, then the routes.
//!
//! ```text
//! request id, log, metrics ─► caches ─► CORS ─► host, bodies as they are ─► websocket ─► Socket.IO
//!                                                                         └─► the routes
//! ```
//! Plain functions, and futures that hold the request once: layers of the router would box, clone and copy
//! for each request, and an async function keeps its arguments beside what they became.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{Either, ready};
use tower::Service;
use tracing::Instrument;

use super::coding::Coded;
use super::cors::CrossOrigin;
use super::route::{OTHER, route_of};
use super::trace::Exchange;
use super::{
    Api, Cors, cache, coding, cors, demo_names, error, host, no_place, operations, path, routes, websocket,
};
use crate::base_path::BasePath;

/// The whole site, or its routes for operators.
#[derive(Debug, Clone)]
pub struct Site {
    routes: Router,
    sockets: Option<Sockets>,
    base_path: BasePath,
    cors: Option<Arc<Cors>>,
    body_idle: Duration,
    max_upload_size: u64,
    is_demo: bool,
}

/// The router that answers below a path.
#[derive(Debug, Clone)]
struct Sockets {
    api: Api,
    path: &'static str,
    router: Router,
}

impl Sockets {
    /// Refuses a new session, which would only be closed. An existing session may still get an answer.
    fn refusal_while_draining(&self, request: &Request) -> Option<error::ApiError> {
        let query = request.uri().query().unwrap_or_default();
        let is_new = !query.split('&').any(|pair| pair.starts_with("sid="));
        let refused = is_new.then(|| self.api.uploads().take_new().err())?;
        refused.map(error::ApiError::from)
    }
}

impl Site {
    /// The routes of the API, and beside them the router that `layer` makes, which answers below `path`. All
    /// of it is below the base path, which none of them knows.
    pub fn new(api: Api, cors: Cors, path: &'static str, layer: impl FnOnce(Router) -> Router) -> Self {
        // Without a state, the router would make the fallback, and put it behind the layer, again for each
        // request: the layer would lose what it remembers from one request to the next.
        let router = layer(Router::new().fallback(error::unknown_route).with_state(()));
        let sockets = Some(Sockets { api: api.clone(), path, router });
        let body_idle = api.0.body_idle;
        let (base_path, max_upload_size) =
            (api.0.presenter.base().clone(), api.uploads().limits().max_upload_size);
        let (routes, cors) = (routes(api), Some(Arc::new(cors)));
        Self { routes, sockets, base_path, cors, body_idle, max_upload_size, is_demo: false }
    }

    /// The site of a demo, which answers only requests that name this machine.
    #[must_use]
    pub fn for_a_demo(self) -> Self {
        Self { is_demo: true, ..self }
    }

    /// Health and metrics alone, without a base path, as nothing is mounted in front of them, and without
    /// CORS, as no web page has any business there.
    pub fn of_operations(api: Api) -> Self {
        let (body_idle, max_upload_size) = (api.0.body_idle, api.uploads().limits().max_upload_size);
        let routes = operations::routes()
            .fallback(error::unknown_route)
            .method_not_allowed_fallback(error::unknown_method)
            .with_state(api);
        let base_path = BasePath::default();
        Self { routes, sockets: None, base_path, cors: None, body_idle, max_upload_size, is_demo: false }
    }

    /// Answers a request.
    pub fn answer(&self, mut request: Request) -> impl Future<Output = Response> + use<> {
        let (exchange, span) = Exchange::begin(&request);
        let is_inside = path::strip(&self.base_path, request.uri_mut());
        let route = if is_inside { route_of(request.uri().path()) } else { OTHER };
        // CORS is outside of Socket.IO, which does not know it.
        let cross_origin = self.cors.as_ref().and_then(|cors| CrossOrigin::of(cors, &request));
        let answered = match self.at_once(&request, is_inside) {
            Some(response) => Either::Left(ready(response)),
            None => match coding::coding_of(request) {
                Coded::Refused(refusal) => Either::Left(ready(refusal.into_response())),
                Coded::No(request) => Either::Right(Either::Left(self.route(request))),
                Coded::Perhaps(request) => {
                    Either::Right(Either::Right(self.clone().route_empty(request).boxed()))
                }
            },
        };
        let max_upload_size = self.max_upload_size;
        let ended = answered.map(move |mut response| {
            error::show_max_size(&mut response, max_upload_size);
            if let Some(cross_origin) = cross_origin {
                cross_origin.show(&mut response);
            }
            cache::keep_private(response.status(), response.headers_mut());
            exchange.end(&mut response, route);
            response
        });
        ended.instrument(span)
    }

    /// Routes a request that names a coding, if it turns out to have no bytes.
    async fn route_empty(self, request: Request) -> Response {
        match coding::refuse_bytes(request, self.body_idle).await {
            Ok(request) => self.route(request).await,
            Err(refusal) => refusal.into_response(),
        }
    }

    /// The answer to a request that needs no routing.
    fn at_once(&self, request: &Request, is_inside: bool) -> Option<Response> {
        let outside = || (!is_inside).then(error::outside_of_the_base_path);
        host::refusal_of(request)
            .or_else(|| no_place::refusal_of(request))
            .or_else(|| self.is_demo.then(|| demo_names::refusal_of(request)).flatten())
            .or_else(outside)
            .map(IntoResponse::into_response)
            .or_else(|| self.cors.as_ref().and_then(|_| cors::preflight_of(request)))
            .or_else(|| self.refusal_by_sockets(request).map(IntoResponse::into_response))
    }

    fn refusal_by_sockets(&self, request: &Request) -> Option<error::ApiError> {
        let sockets = self.sockets_of(request)?;
        websocket::refusal_of(request).or_else(|| sockets.refusal_while_draining(request))
    }

    /// Whether the request is about a session. A session belongs to the connection over which it begins.
    pub(super) fn is_about_session(&self, request: &Request) -> bool {
        self.sockets_of(request).is_some()
    }

    fn sockets_of(&self, request: &Request) -> Option<&Sockets> {
        self.sockets.as_ref().filter(|sockets| request.uri().path().starts_with(sockets.path))
    }

    fn route(&self, mut request: Request) -> impl Future<Output = Response> + use<> {
        let router = match self.sockets_of(&request) {
            Some(sockets) => &sockets.router,
            None => {
                path::end_without_slash(request.uri_mut());
                &self.routes
            }
        };
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

    /// A layer that keeps sessions depends on this.
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
            let answer = site
                .answer(Request::get(path).header("host", "test").body(Body::empty()).expect("valid"))
                .await;
            assert_eq!(answer.status(), 404, "{path}");
        }
        assert_eq!(made.load(Ordering::Relaxed), before);
    }
}
