//! Forms, for the fuzz targets.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use futures_util::FutureExt;

use super::boundary::boundary;
use super::file_name::{Writer, file_name};
use super::form::Form;

/// Reads a body as a form with the boundary `b`, and once more as the value of a
/// `Content-Disposition` and of a `Content-Type`.
pub fn fuzz_form(data: &[u8]) {
    let _ = file_name(data, Writer::Other);
    let _ = file_name(data, Writer::TypeFirst);
    let _ = boundary(data);
    let _ = boundary(&[b"multipart/form-data;".as_slice(), data].concat());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=b"));
    let body = Body::from(data.to_vec());
    let Ok(mut form) = Form::open(&headers, body, 1 << 20, Duration::from_secs(1)) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        // All of the body is there, so nothing is ever waited for.
        while let Some(Ok(Some(_))) = form.next().now_or_never() {}
    });
}
