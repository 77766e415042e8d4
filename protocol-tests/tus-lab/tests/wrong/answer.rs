use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

/// An answer of the server.
pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Answer {
    /// An answer with only this status.
    pub(super) fn of(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// An answer with 200 and these bytes.
    pub(super) fn bytes(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::of(StatusCode::OK) }
    }

    /// The answer with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let response = Response::builder().status(self.status);
        let response = self.headers.into_iter().fold(response, |it, (name, value)| it.header(name, value));
        response.body(Full::new(self.body)).expect("values were headers or are numbers")
    }
}
