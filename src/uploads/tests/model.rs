//! The model: any sequence of create, append, cut, terminate and expire, against a few vectors.

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

/// A step; uploads are named by the order of their creation, modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Create { length: Option<u8>, bound: bool },
    Append { upload: usize, at: u8, bytes: Vec<u8>, cut: bool, checksum: Sum },
    Declare { upload: usize, length: u8 },
    Terminate { upload: usize },
    Expire,
}

/// The checksum that a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sum {
    None,
    Right,
    Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    There,
    Expired,
    Gone,
}

/// An upload as it has to be.
#[derive(Debug)]
struct Model {
    id: UploadId,
    length: Option<u64>,
    bound: bool,
    bytes: Vec<u8>,
    fate: Fate,
    made: bool,
}

impl Model {
    fn is_whole(&self) -> bool {
        self.length == Some(len(&self.bytes))
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("small")
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..6);
    // Mostly at the end of the upload, sometimes beside it.
    let at = prop_oneof![8 => Just(0u8), 1 => 1u8..4];
    let checksum = prop_oneof![2 => Just(Sum::None), 1 => Just(Sum::Right), 1 => Just(Sum::Wrong)];
    let step = prop_oneof![
        2 => (prop::option::weighted(0.8, 0u8..12), any::<bool>())
            .prop_map(|(length, bound)| Step::Create { length, bound }),
        6 => (any::<usize>(), at, bytes, any::<bool>(), checksum)
            .prop_map(|(upload, at, bytes, cut, checksum)| Step::Append { upload, at, bytes, cut, checksum }),
        1 => (any::<usize>(), 0u8..12).prop_map(|(upload, length)| Step::Declare { upload, length }),
        1 => any::<usize>().prop_map(|upload| Step::Terminate { upload }),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_history_ends_as_the_model_says(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let house = House::new().await;
            let mut models = Vec::new();
            for step in steps {
                take(&house, &mut models, step).await;
                compare(&house, &models).await;
            }
        });
    }
}

async fn take(house: &House, models: &mut Vec<Model>, step: Step) {
    let count = models.len();
    let pick = |upload: usize| (count > 0).then(|| upload % count);
    match step {
        Step::Create { length, bound } => models.push(create(house, length.map(u64::from), bound).await),
        Step::Append { upload, at, bytes, cut, checksum } => {
            if let Some(upload) = pick(upload) {
                append(house, &mut models[upload], u64::from(at), &bytes, cut, checksum).await;
            }
        }
        Step::Declare { upload, length } => {
            if let Some(upload) = pick(upload) {
                declare(house, &mut models[upload], u64::from(length)).await;
            }
        }
        Step::Terminate { upload } => {
            if let Some(upload) = pick(upload) {
                let model = &mut models[upload];
                let outcome = house.uploads.terminate(&ada(), model.id).await;
                assert_eq!(outcome.is_ok(), model.fate == Fate::There, "{outcome:?}");
                model.fate = if model.fate == Fate::There { Fate::Gone } else { model.fate };
            }
        }
        Step::Expire => {
            house.uploads.sweep(Timestamp::now().plus_secs(61)).await.expect("memory");
            for model in models.iter_mut().filter(|model| model.fate == Fate::There && !model.made) {
                model.fate = Fate::Expired;
            }
        }
    }
}

async fn create(house: &House, length: Option<u64>, bound: bool) -> Model {
    let metadata = if bound { super::bound(&[]) } else { Metadata::default() };
    let new = NewUpload {
        length: length.map_or(Length::Deferred, Length::Known),
        metadata,
        conversation: None,
        is_partial: false,
    };
    let creation = house.uploads.create(&ada(), new).await.expect("created");
    let id = creation.standing.upload.id;
    let mut model = Model { id, length, bound, bytes: Vec::new(), fate: Fate::There, made: false };
    model.made = bound && model.is_whole();
    model
}

async fn append(house: &House, model: &mut Model, at: u64, bytes: &[u8], cut: bool, checksum: Sum) {
    let current = len(&model.bytes);
    let request = AppendRequest {
        offset: current + at,
        content_length: (!cut).then_some(len(bytes)),
        upload_length: None,
    };
    let mut sent = if cut { broken(bytes) } else { body(&[bytes]) };
    sent.verification = match checksum {
        Sum::None => Verification::None,
        Sum::Right => Verification::Given(crc32(bytes)),
        Sum::Wrong => Verification::Given(crc32(b"something else")),
    };
    let outcome = house.uploads.append(&ada(), model.id, request, sent).await;
    let room = model.length.unwrap_or(MAX) - current;
    let is_admitted = model.fate == Fate::There && at == 0 && (cut || len(bytes) <= room);
    let is_good = is_admitted && !cut && checksum != Sum::Wrong;
    assert_eq!(outcome.is_ok(), is_good, "{outcome:?} {model:?} {bytes:?} {cut} {checksum:?}");
    if is_good || is_admitted && checksum == Sum::None {
        let kept = bytes.iter().take(usize::try_from(room).expect("small"));
        model.bytes.extend(kept);
        model.made |= model.bound && model.is_whole();
    }
}

async fn declare(house: &House, model: &mut Model, length: u64) {
    let offset = len(&model.bytes);
    let request = AppendRequest { offset, content_length: Some(0), upload_length: Some(length) };
    let outcome = house.uploads.append(&ada(), model.id, request, body(&[])).await;
    let fits = model.length.map_or(length >= offset, |known| known == length);
    assert_eq!(outcome.is_ok(), model.fate == Fate::There && fits, "{outcome:?}");
    if outcome.is_ok() {
        model.length = Some(length);
        model.made |= model.bound && model.is_whole();
    }
}

async fn compare(house: &House, models: &[Model]) {
    // Owed messages are made without a request, but not at once.
    house.finalizer.recover().await.expect("memory");
    for model in models {
        match (model.fate, house.uploads.status(&ada(), model.id).await) {
            (Fate::Gone, Err(UploadError::NotFound)) | (Fate::Expired, Err(UploadError::Expired)) => {}
            (Fate::There, Ok(standing)) => {
                assert_eq!(standing.upload.offset, len(&model.bytes));
                assert_eq!(standing.upload.length.known(), model.length);
                assert_eq!(standing.message.is_some(), model.made);
                let read = house.uploads.read(&standing, 0..standing.upload.offset).await;
                assert_eq!(collected(read, model).await, model.bytes);
            }
            (fate, outcome) => panic!("{fate:?}: {outcome:?}"),
        }
    }
    assert_eq!(house.messages().await.len(), models.iter().filter(|model| model.made).count());
    let parts = house
        .stores
        .payloads
        .parts(Timestamp::from_millis(u64::MAX), None, usize::MAX)
        .await
        .expect("memory");
    for model in models {
        let needs_bytes = model.fate == Fate::There && !model.made;
        let has_part = parts.contains(&model.id);
        // An upload without bytes may have an empty part.
        assert!(has_part == needs_bytes || model.bytes.is_empty() && !has_part, "{model:?}");
    }
}

async fn collected(read: Result<crate::store::ByteStream, UploadError>, model: &Model) -> Vec<u8> {
    // An upload without bytes has no part yet.
    if model.bytes.is_empty() {
        return Vec::new();
    }
    let pieces: Vec<_> = read.expect("readable").collect().await;
    pieces.into_iter().flat_map(|piece| piece.expect("readable").to_vec()).collect()
}
