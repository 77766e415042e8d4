//! The requests of tus 1.0.0 that the scenarios are made of.

use super::client::{Body, Connection, Request, Response};
use super::failure::Failure;
use super::payload::Span;

const OFFSET_STREAM: &str = "Content-Type: application/offset+octet-stream\r\n";

/// An upload on the server, and its content.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) path: String,
    pub(super) content: Span,
}

impl Upload {
    /// The upload's id: the last part of its URL.
    pub(super) fn id(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Creates an upload of `content`; `headers` are further header lines.
pub(super) async fn create(
    connection: &mut Connection,
    content: Span,
    headers: &str,
) -> Result<Upload, Failure> {
    let headers = format!("Upload-Length: {}\r\n{headers}", content.len);
    post(connection, content, &headers, Body::default()).await.map(|(upload, _)| upload)
}

/// Creates an upload and sends its bytes along; the answer tells how many were accepted.
pub(super) async fn create_with_upload(
    connection: &mut Connection,
    content: Span,
    headers: &str,
) -> Result<(Upload, Response), Failure> {
    create_with_first(connection, content, content.len, headers).await
}

/// Creates an upload and sends its first bytes along; the answer tells how many were accepted.
pub(super) async fn create_with_first(
    connection: &mut Connection,
    content: Span,
    sent: u64,
    headers: &str,
) -> Result<(Upload, Response), Failure> {
    let headers = format!("Upload-Length: {}\r\n{OFFSET_STREAM}{headers}", content.len);
    post(connection, content, &headers, Body::of(Span { len: sent, ..content })).await
}

/// Creates the final upload of these partial uploads.
pub(super) async fn create_final(
    connection: &mut Connection,
    parts: &[Upload],
    content: Span,
    headers: &str,
) -> Result<Upload, Failure> {
    let urls: Vec<_> = parts.iter().map(|part| connection.target.url(&part.path)).collect();
    let headers = format!("Upload-Concat: final;{}\r\n{headers}", urls.join(" "));
    post(connection, content, &headers, Body::default()).await.map(|(upload, _)| upload)
}

async fn post(
    connection: &mut Connection,
    content: Span,
    headers: &str,
    body: Body<'_>,
) -> Result<(Upload, Response), Failure> {
    let target = std::sync::Arc::clone(&connection.target);
    let request = Request::new("POST", &target.base).headers(headers).body(body);
    let answer = connection.send(request).await?.expecting(&[201])?;
    let location = answer.header("location").ok_or_else(|| Failure::new("201 without a Location"))?;
    Ok((Upload { path: target.resolve(location), content }, answer))
}

pub(super) fn patch_headers(offset: u64) -> String {
    format!("Upload-Offset: {offset}\r\n{OFFSET_STREAM}")
}

/// The body of a PATCH of `len` bytes at `offset`.
pub(super) fn patch_body(upload: &Upload, offset: u64, len: u64) -> Body<'static> {
    Body::of(Span { start: upload.content.start + offset, len })
}

/// Sends `len` bytes at `offset`, and returns the answer, whatever it says.
pub(super) async fn try_patch(
    connection: &mut Connection,
    upload: &Upload,
    offset: u64,
    len: u64,
) -> Result<Response, Failure> {
    let headers = patch_headers(offset);
    let request = Request::new("PATCH", &upload.path).headers(&headers);
    connection.send(request.body(patch_body(upload, offset, len))).await
}

/// Sends `len` bytes at `offset`; any answer but 204 with the new offset is a failure.
pub(super) async fn patch(
    connection: &mut Connection,
    upload: &Upload,
    offset: u64,
    len: u64,
) -> Result<(), Failure> {
    let answer = try_patch(connection, upload, offset, len).await?.expecting(&[204])?;
    check_offset(&answer, offset + len)
}

pub(super) fn check_offset(answer: &Response, wanted: u64) -> Result<(), Failure> {
    match answer.number("upload-offset") {
        Some(offset) if offset == wanted => Ok(()),
        told => Err(Failure::new(format_args!("Upload-Offset is {told:?} instead of {wanted}"))),
    }
}

/// Asks for the offset, and returns the answer, whatever it says.
pub(super) async fn try_head(connection: &mut Connection, path: &str) -> Result<Response, Failure> {
    connection.send(Request::new("HEAD", path)).await
}

/// Fails unless the server says that the upload has this offset.
pub(super) async fn check_head(
    connection: &mut Connection,
    upload: &Upload,
    offset: u64,
) -> Result<(), Failure> {
    let answer = try_head(connection, &upload.path).await?.expecting(&[200, 204])?;
    check_offset(&answer, offset)
}

pub(super) async fn delete(connection: &mut Connection, path: &str) -> Result<Response, Failure> {
    connection.send(Request::new("DELETE", path)).await
}
