//! `OPTIONS`: what this server can do (tus 1.0.0, Core).

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;

use super::headers::{
    TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE, TUS_VERSION, text_value, value_of,
};
use super::{EXTENSIONS, VERSION};
use crate::http::Api;
use crate::upload::Algorithm;

pub(super) async fn options(State(api): State<Api>) -> impl IntoResponse {
    let algorithms = text_value(&Algorithm::names()).expect("names are ASCII");
    let headers = [
        (TUS_VERSION, HeaderValue::from_static(VERSION)),
        (TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS)),
        (TUS_CHECKSUM_ALGORITHM, algorithms),
        (TUS_MAX_SIZE, value_of(api.uploads().limits().max_upload_size)),
    ];
    (StatusCode::OK, headers)
}
