use std::collections::BTreeSet;

use data_encoding::BASE64;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;

use super::Wrong;
use super::answer::Answer;
use super::asked::Asked;
use super::checksum::{OFFERED, Sum, collect};
use super::store::{Store, Upload};

const MAX_SIZE: u64 = 1 << 40;

pub(super) fn discovery(store: &Store) -> Answer {
    let mut extensions = "creation,creation-with-upload,creation-defer-length,expiration,checksum,\
                          checksum-trailer,termination,concatenation"
        .to_owned();
    if !store.does(Wrong::HidesUnfinished) {
        extensions += ",concatenation-unfinished";
    }
    Answer::of(StatusCode::NO_CONTENT)
        .with("Tus-Version", "1.0.0")
        .with("Tus-Extension", extensions)
        .with("Tus-Max-Size", MAX_SIZE)
        .with("Tus-Checksum-Algorithm", OFFERED)
}

pub(super) async fn create(store: &Store, asked: &Asked<'_>, body: Incoming) -> Result<Answer, Answer> {
    let upload = wanted(store, asked)?;
    let announced = asked.number("content-length")?.unwrap_or_default();
    if announced > 0 && !asked.brings_bytes() {
        return Err(Answer::of(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let too_long = upload.length.is_some_and(|length| announced > length);
    if too_long && !store.does(Wrong::GoesPastTheLength) {
        return Err(Answer::of(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let sum = Sum::of(asked, store)?;
    let id = store.add(upload);
    if asked.brings_bytes()
        && let Err(refused) = receive(store, &id, store.claim(&id)?, sum, body).await
    {
        store.remove(&id);
        return Err(refused);
    }
    Ok(standing(store, &id, Answer::of(StatusCode::CREATED)).with("Location", format!("/files/{id}")))
}

/// The upload that a creation asks for.
fn wanted(store: &Store, asked: &Asked<'_>) -> Result<Upload, Answer> {
    let bad = || Answer::of(StatusCode::BAD_REQUEST);
    let length = asked.number("upload-length")?;
    let deferred = match (asked.has("upload-defer-length"), asked.only("upload-defer-length")) {
        (false, _) => false,
        (true, Some("1")) => true,
        (true, _) => return Err(bad()),
    };
    let concat = asked.only("upload-concat").map(str::to_owned);
    let parts = match concat.as_deref() {
        None | Some("partial") => Vec::new(),
        Some(concat) => parts_of(store, concat)?,
    };
    if [length.is_some(), deferred, !parts.is_empty()].into_iter().filter(|given| *given).count() != 1 {
        return Err(bad());
    }
    if length.is_some_and(|length| length > MAX_SIZE) {
        return Err(Answer::of(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let mut metadata = metadata_of(store, asked)?;
    if let Some(part) = parts.first().filter(|_| store.does(Wrong::InheritsMetadata)) {
        metadata = store.on(part, |part| part.metadata.clone())?.or(metadata);
    }
    Ok(Upload { length, metadata, concat, parts, ..Upload::default() })
}

fn parts_of(store: &Store, concat: &str) -> Result<Vec<String>, Answer> {
    let bad = || Answer::of(StatusCode::BAD_REQUEST);
    let urls = concat.strip_prefix("final;").ok_or_else(bad)?;
    let mut parts = Vec::new();
    for url in urls.split_whitespace() {
        let (_, id) = url.rsplit_once('/').ok_or_else(bad)?;
        let is_partial = store.on(id, |part| part.concat.as_deref() == Some("partial")).map_err(|_| bad())?;
        if !is_partial {
            return Err(bad());
        }
        parts.push(id.to_owned());
    }
    if store.does(Wrong::JoinsInOtherOrder) {
        parts.sort();
    }
    if parts.is_empty() { Err(bad()) } else { Ok(parts) }
}

fn metadata_of(store: &Store, asked: &Asked<'_>) -> Result<Option<String>, Answer> {
    let bad = || Answer::of(StatusCode::BAD_REQUEST);
    let Some(metadata) = asked.joined("upload-metadata") else {
        return Ok(None);
    };
    let (mut keys, mut lossy) = (BTreeSet::new(), Vec::new());
    for pair in metadata.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let value = BASE64.decode(value.as_bytes()).map_err(|_| bad())?;
        if key.is_empty() || !keys.insert(key) {
            return Err(bad());
        }
        lossy.push(format!("{key} {}", BASE64.encode(String::from_utf8_lossy(&value).as_bytes())));
    }
    Ok(Some(if store.does(Wrong::LossyMetadata) { lossy.join(",") } else { metadata }))
}

/// The answer with the headers that every answer about an upload has.
fn standing(store: &Store, id: &str, answer: Answer) -> Answer {
    let told = store.on(id, |upload| (upload.offset(), upload.expires(), upload.parts.is_empty()));
    let Ok((offset, expires, joined)) = told else {
        return answer;
    };
    let answer = if joined { answer.with("Upload-Offset", offset) } else { answer };
    match expires {
        Some(at) => answer.with("Upload-Expires", httpdate::fmt_http_date(at)),
        None => answer,
    }
}

pub(super) fn head(store: &Store, id: &str) -> Result<Answer, Answer> {
    let told = store.on(id, |upload| {
        (upload.length, upload.metadata.clone(), upload.concat.clone(), upload.parts.clone())
    });
    let (length, metadata, concat, parts) = match told {
        Err(missing) if store.does(Wrong::MissingHasOffset) => return Err(missing.with("Upload-Offset", 0)),
        told => told?,
    };
    let answer = standing(store, id, Answer::of(StatusCode::OK));
    let known = if parts.is_empty() { length } else { store.joint_length(&parts) };
    let mut answer = match known {
        Some(length) => answer.with("Upload-Length", length),
        None if parts.is_empty() && !store.does(Wrong::HidesDeferral) => {
            answer.with("Upload-Defer-Length", 1)
        }
        None => answer,
    };
    for (name, value) in [("Upload-Metadata", metadata), ("Upload-Concat", concat)] {
        if let Some(value) = value {
            answer = answer.with(name, value);
        }
    }
    let cacheable = store.does(Wrong::Cacheable);
    Ok(if cacheable { answer } else { answer.with("Cache-Control", "no-store") })
}

pub(super) async fn append(
    store: &Store,
    asked: &Asked<'_>,
    id: &str,
    body: Incoming,
) -> Result<Answer, Answer> {
    let appending = async {
        let sum = Sum::of(asked, store)?;
        let claim = admitted(store, asked, id)?;
        receive(store, id, claim, sum, body).await
    };
    let appended = appending.await;
    let told = |answer| standing(store, id, answer);
    match appended {
        Ok(()) => Ok(told(Answer::of(StatusCode::NO_CONTENT))),
        Err(refused) if store.does(Wrong::HidesExpiry) => Err(refused),
        Err(refused) => Err(told(refused)),
    }
}

/// Checks a PATCH and claims its upload in one step: of two requests at one offset only one may write.
fn admitted(store: &Store, asked: &Asked<'_>, id: &str) -> Result<u64, Answer> {
    if !asked.brings_bytes() && !store.does(Wrong::TakesEveryType) {
        return Err(Answer::of(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let offset = asked.number("upload-offset")?.ok_or_else(|| Answer::of(StatusCode::BAD_REQUEST))?;
    let length = asked.number("upload-length")?;
    let announced = asked.number("content-length")?.unwrap_or_default();
    let conflict = match store.does(Wrong::ConflictIsLocked) {
        true => StatusCode::LOCKED,
        false => StatusCode::CONFLICT,
    };
    let (changes, past) = (store.does(Wrong::ChangesLength), store.does(Wrong::GoesPastTheLength));
    let of_final = if store.does(Wrong::FinalIsConflict) { conflict } else { StatusCode::FORBIDDEN };
    store.on(id, |upload| {
        if upload.is_final() {
            return Err(Answer::of(of_final));
        }
        if upload.offset() != offset {
            return Err(Answer::of(conflict));
        }
        let new = length.filter(|_| changes).or(upload.length).or(length);
        let fits = new.is_none_or(|new| offset + announced <= new) || past;
        let keeps = length.is_none() || length == new;
        match (keeps && new.is_none_or(|new| new >= offset), fits) {
            (false, _) => Err(Answer::of(StatusCode::BAD_REQUEST)),
            (true, false) => Err(Answer::of(StatusCode::PAYLOAD_TOO_LARGE)),
            (true, true) => {
                upload.length = new;
                Ok(upload.claim())
            }
        }
    })?
}

async fn receive(store: &Store, id: &str, claim: u64, sum: Sum, mut body: Incoming) -> Result<(), Answer> {
    if !matches!(sum, Sum::None) {
        let (bytes, verdict) = collect(body, sum).await?;
        return match (verdict, store.does(Wrong::KeepsMismatch)) {
            (Ok(()), _) => store.keep(id, claim, &bytes),
            (Err(refused), false) => Err(refused),
            (Err(refused), true) => store.keep(id, claim, &bytes).and(Err(refused)),
        };
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Answer::of(StatusCode::BAD_REQUEST))?;
        if let Some(data) = frame.data_ref() {
            store.keep(id, claim, data)?;
        }
    }
    Ok(())
}

pub(super) fn delete(store: &Store, id: &str) -> Result<Answer, Answer> {
    store.claim(id)?;
    if !store.does(Wrong::NeverDeletes) {
        store.remove(id);
    }
    Ok(Answer::of(StatusCode::NO_CONTENT))
}

pub(super) fn bytes(store: &Store, id: &str) -> Result<Answer, Answer> {
    if store.does(Wrong::LeadsOut) && id.contains("etc/passwd") {
        return Ok(Answer::bytes("root:x:0:0:root:/root:/bin/sh\n"));
    }
    store.on(id, |upload| upload.bytes.clone()).map(Answer::bytes)
}
