use crate::load::payload::Span;

/// A request's body: `before`, then `span` of the payload, then `after`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Body<'a> {
    pub(crate) before: &'a [u8],
    pub(crate) span: Span,
    pub(crate) after: &'a [u8],
}

impl Body<'_> {
    pub(crate) fn of(span: Span) -> Self {
        Self { span, ..Self::default() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.before.len() as u64 + self.span.len + self.after.len() as u64
    }
}

/// A request; the head is put together when it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The header lines, each with its line end.
    pub(crate) headers: &'a str,
    pub(crate) body: Body<'a>,
    /// Whether the request carries `Tus-Resumable`.
    pub(crate) tus: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, headers: "", body: Body::default(), tus: true }
    }

    pub(crate) fn headers(self, headers: &'a str) -> Self {
        Self { headers, ..self }
    }

    pub(crate) fn body(self, body: Body<'a>) -> Self {
        Self { body, ..self }
    }

    pub(super) fn has_length(&self) -> bool {
        matches!(self.method, "POST" | "PATCH" | "PUT")
    }
}
