//! The check of the tus version before anything else, and the version on every answer.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::{Either, Map};
use tower::Service;

use super::VERSION;
use super::headers::{TUS_RESUMABLE, TUS_VERSION, is_of_the_draft, one};
use crate::http::error::{ApiError, Code};

const SPOKEN: HeaderValue = HeaderValue::from_static(VERSION);

/// Service that adds the server's version to each answer of a route.
#[derive(Debug, Clone)]
pub(super) struct Versioned<S>(pub(super) S);

/// Service that refuses requests of another version (tus 1.0.0, Core, Tus-Resumable). OPTIONS may ask for the
/// version, and GET is not part of tus.
#[derive(Debug, Clone)]
pub(super) struct Checked<S>(pub(super) S);

type Answered<E> = Result<Response, E>;

impl<S: Service<Request, Response = Response>> Service<Request> for Versioned<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Map<S::Future, fn(Answered<S::Error>) -> Answered<S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let is_get = *request.method() == Method::GET;
        let answered = self.0.call(request);
        answered.map(if is_get {
            |answered| answered.map(with_version)
        } else {
            |answered| answered.map(for_now)
        })
    }
}

impl<S: Service<Request, Response = Response>> Service<Request> for Checked<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Answered<S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let is_exempt = matches!(*request.method(), Method::OPTIONS | Method::GET);
        let speaks = matches!(one(request.headers(), &TUS_RESUMABLE), Ok(Some(VERSION)));
        if is_exempt || speaks {
            Either::Left(self.0.call(request))
        } else {
            Either::Right(ready(Ok(refusal(request.headers()))))
        }
    }
}

/// The refusal of any other version: none of them can go on, and their clients take a 412 as final.
fn refusal(fields: &HeaderMap) -> Response {
    let detail = if is_of_the_draft(fields) {
        "The IETF draft of resumable uploads is not spoken here, but tus 1.0.0: Tus-Resumable has to be 1.0.0"
    } else {
        "Tus-Resumable has to be 1.0.0"
    };
    ApiError::new(StatusCode::PRECONDITION_FAILED, Code::UnsupportedVersion, detail)
        .with_header(TUS_VERSION, SPOKEN)
        .into_response()
}

fn with_version(mut response: Response) -> Response {
    response.headers_mut().insert(TUS_RESUMABLE, SPOKEN);
    response
}

/// Forbids caches to keep the answer: an offset is true for this moment (tus 1.0.0, Core, HEAD).
fn for_now(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    with_version(response)
}
