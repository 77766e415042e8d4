//! What answers a request: what all of them share, and the routes behind it.
//!
//! ```text
//! request id, log, metrics ─► CORS ─► bodies as they are ─► Socket.IO, or the routes
//! ```
//! Plain functions around each other: layers of the router would box, clone and copy for each of them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::{Api, Cors, coding, cors, error, routes, trace};

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
    pub async fn answer(&self, request: Request) -> Response {
        trace::trace(request, async |request| {
            // CORS stands outside of Socket.IO, which knows nothing of it.
            cors::apply(&self.cors, request, async |request| match coding::refusal_of(&request) {
                Some(refusal) => refusal.into_response(),
                None => self.route(request).await,
            })
            .await
        })
        .await
    }

    async fn route(&self, request: Request) -> Response {
        let is_for_sockets = request.uri().path().starts_with(self.sockets_path);
        let router = if is_for_sockets { &self.sockets } else { &self.routes };
        let answered: Result<Response, Infallible> = router.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
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
