//! `send_message`: a file in base64 becomes a message, by the steps that every upload goes through.

use bytes::Bytes;
use socketioxide::extract::SocketRef;
use tracing::Instrument;

use super::answer::{Answer, EventError, Failure};
use super::base64::Base64;
use super::event::Ack;
use super::line::Place;
use super::request::{Reading, Request};
use super::session::Session;
use crate::auth::AuthError;
use crate::message::{ClientMessageId, Message};
use crate::time::Timestamp;
use crate::uploads::{OneShot, UploadError};

/// The event's name.
pub(super) const EVENT: &str = "send_message";

/// Answers the event, whatever it contains. The message is made even if the sender has gone meanwhile.
pub(super) async fn handle(
    session: &Session,
    socket: &SocketRef,
    ack: Ack,
    text: Bytes,
    place: Result<Place, EventError>,
) {
    // As over HTTP, the token is judged when the event comes, and not once it has waited.
    let token = session.judge_token();
    session.greeted().await;
    let (client_message_id, outcome) = match place {
        Ok(place) => {
            let _turn = place.turn().await;
            work(session, token, text).instrument(tracing::info_span!("event", name = EVENT)).await
        }
        Err(error) => (None, Err(error)),
    };
    match outcome {
        Ok(message) => Answer::made(session.presenter().body(&message, Timestamp::now())).send(ack),
        Err(error) => refuse(socket, ack, &error, client_message_id.as_ref()),
    }
}

fn refuse(socket: &SocketRef, ack: Ack, error: &EventError, id: Option<&ClientMessageId>) {
    error.log(EVENT);
    let (code, detail) = (error.code(), error.detail());
    Answer::failed(code, &detail).send(ack);
    Failure::of(code, &detail, id).send(socket);
}

async fn work(
    session: &Session,
    token: Result<(), AuthError>,
    text: Bytes,
) -> (Option<ClientMessageId>, Result<Message, EventError>) {
    // Tens of megabytes of JSON take a while to parse.
    match tokio::task::spawn_blocking(move || Reading::of(&text)).await {
        Ok(reading) => {
            let outcome = match (token, reading.request) {
                (Err(error), _) => Err(error.into()),
                (Ok(()), Ok(request)) => make(session, request).await,
                (Ok(()), Err(error)) => Err(error.into()),
            };
            (reading.client_message_id, outcome)
        }
        Err(error) => (None, Err(error.into())),
    }
}

async fn make(session: &Session, request: Request) -> Result<Message, EventError> {
    let state = session.state();
    state.uploads.may_send(session.user(), request.conversation_id).await?;
    let item = request.item?;
    if item.data.decoded_len() > state.max_size {
        return Err(UploadError::TooLarge(state.max_size).into());
    }
    let mut upload = state.uploads.one_shot(session.user().clone(), state.max_size);
    upload.announce(&item.metadata, item.binding.conversation_id, Some(item.data.decoded_len()));
    write(&mut upload, item.data).await?;
    Ok(upload.finish(item.metadata, item.binding).await?)
}

/// Writes the file slice by slice. Another thread decodes each slice, so that the decoded file is never in
/// memory as a whole beside its text.
async fn write(upload: &mut OneShot, mut data: Base64) -> Result<(), EventError> {
    loop {
        let (slice, rest) = tokio::task::spawn_blocking(move || (data.next(), data)).await?;
        let Some(slice) = slice else { return Ok(()) };
        upload.write(slice?).await?;
        data = rest;
    }
}
