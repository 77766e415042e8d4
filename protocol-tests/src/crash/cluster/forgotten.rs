//! A multipart upload that the S3 server forgets, as it may by a rule of its bucket. The parts that it had
//! are nowhere else, so the upload ends, and says so; its client ends it, and sends everything again.

use super::stage::Stage;
use crate::crash::chance::Chance;
use crate::crash::insist::insist;
use crate::crash::upload::Upload;
use crate::crash::way::Way;
use harness::content::Content;
use harness::tus;

const MIB: u64 = 1024 * 1024;
/// How many bytes are sent first: a part, as the first request is large enough to be one.
const FIRST: u64 = 6 * MIB;
/// How many bytes are sent in all. The upload is not complete with the part after the first one.
const LENGTH: u64 = 15 * MIB;
/// How often one byte more is sent, until a part is recorded. A part that is late is in the tail instead.
const ATTEMPTS: u64 = 20;

/// Sends a file, of which the S3 server forgets a part, until it is a message.
pub(super) async fn send(stage: &Stage, chance: &mut Chance) {
    // What cannot be asked for a part is not known to have lost it.
    let _trouble = stage.trouble.lock().await;
    let desk = &*stage.desk;
    let content = Content::random(LENGTH);
    let job = desk.books.open(Way::Forgotten, &content);
    let mut upload = Upload::new(desk, job, Way::Forgotten, content, chance);
    if has_part(stage, &mut upload).await {
        forget(stage, &mut upload).await;
        stage.count("multipart uploads forgotten");
    }
    let answer = insist(async || upload.go_on(LENGTH).await).await;
    upload.is_message(&answer);
    desk.books.close(job);
}

/// Sends so much that a part is recorded; false if that does not come to be.
async fn has_part(stage: &Stage, upload: &mut Upload<'_>) -> bool {
    for more in 0..ATTEMPTS {
        let answer = insist(async || upload.go_on(FIRST + more).await).await;
        assert!(answer.status < 400, "{:?} {}", answer.head, answer.text());
        let sql = format!("select 1 from upload_parts where upload = '{}'", id_of(upload));
        if !stage.cluster.place().rows(&sql).is_empty() {
            return true;
        }
    }
    false
}

/// Has the upload's parts forgotten, and finds that out as its client does.
async fn forget(stage: &Stage, upload: &mut Upload<'_>) {
    stage.cluster.place().forgets_parts_of(&id_of(upload));
    let mut answer = insist(async || upload.go_on(LENGTH - MIB).await).await;
    if answer.status < 400 {
        answer = insist(async || upload.go_on(LENGTH).await).await;
    }
    assert_eq!(answer.status, 410, "{:?} {}", answer.head, answer.text());
    insist(async || upload.end().await).await;
    upload.location = None;
}

fn id_of(upload: &Upload<'_>) -> String {
    tus::id_of(upload.location.as_deref().expect("it is created")).to_owned()
}
