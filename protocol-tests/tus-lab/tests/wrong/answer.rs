use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};

/// What the server says.
pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Answer {
    /// A status and nothing else.
    pub(super) fn of(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// 200 with these bytes.
    pub(super) fn bytes(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::of(StatusCode::OK) }
    }

    /// The same with one header more.
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
