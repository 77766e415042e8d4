use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::data_folder::DataFolder;
use crate::message::{ConversationId, MessageId};
use crate::store::disk::Disk;
use crate::store::sled::{OpenError, SledStore};
use crate::store::{Claim, Durability, Messages, Payloads, Place, Records, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Chunk, Digests, Epoch, Length, Metadata, State, UploadId};

const BYTES: &[u8] = b"0123456789";

/// A data folder with an upload that is receiving, one that is finalizing, and a message.
struct House {
    folder: TempDir,
    receiving: UploadId,
    finalizing: UploadId,
    message: MessageId,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::open(folder.path(), "disk").expect("a data folder");
        let store = SledStore::open(&data.records(), Durability::Process).expect("opened");
        let disk = Disk::open(folder.path(), Durability::Process, 0).expect("opened");
        let receiving = upload(&store, &disk, 4, None).await;
        let finalizing = upload(&store, &disk, 10, Some(binding())).await;
        claim(&store, finalizing).await;
        let made = upload(&store, &disk, 10, Some(binding())).await;
        let stamp = claim(&store, made).await;
        let record = Records::find(&store, made).await.expect("read").expect("there");
        let message = record.message(stamp).expect("bound");
        let place = Place { message: message.id, file_name: message.stored_name.clone() };
        disk.place(made, 10, &place).await.expect("placed");
        store.commit(&message, Timestamp::from_millis(6_000)).await.expect("committed");
        Self { folder, receiving, finalizing, message: message.id }
    }

    async fn check(&self, deep: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut tell = |finding: &Finding| findings.push(finding.clone());
        let summary = check(self.folder.path(), None, deep, &mut tell).await.expect("readable");
        assert_eq!((summary.uploads, summary.messages), (3, 1));
        let wrong = findings.iter().filter(|finding| matches!(finding, Finding::Wrong(_))).count();
        assert_eq!(usize::try_from(summary.wrong), Ok(wrong));
        findings
    }

    /// The part file of an upload whose id does not begin with a time.
    fn part(&self, id: UploadId) -> PathBuf {
        let id = id.to_string();
        self.folder.path().join("parts").join(format!("x{}", &id[..2])).join(id)
    }

    fn chat(&self) -> PathBuf {
        self.folder.path().join("chats").join(self.message.to_string())
    }
}

fn binding() -> Binding {
    let conversation_id = ConversationId::from_bytes([1; 12]);
    Binding { conversation_id, content: Some("words".into()), reply_to: None, client_message_id: None }
}

/// An upload with a length of ten bytes and this offset.
async fn upload(store: &SledStore, disk: &Disk, offset: u64, binding: Option<Binding>) -> UploadId {
    let owner = "ann".parse().expect("valid");
    let metadata = Metadata::of([("filename", "a.txt")]);
    let id = UploadId::random();
    let upload =
        Upload::new(id, owner, Length::Known(10), metadata, binding, Digests::Every, Timestamp::now());
    store.create(&upload, Taking::IfFree).await.expect("created");
    let bytes = &BYTES[..usize::try_from(offset).expect("small")];
    let mut sink = disk.open(id, Epoch::FIRST, 0).await.expect("opened");
    sink.sync(vec![Bytes::from_static(bytes)]).await.expect("written");
    let mut digest = crate::upload::RunningDigest::default();
    digest.update(bytes);
    let chunk = Chunk { offset: 0, length: offset, at: Timestamp::now(), digest: Some(digest.state()) };
    let state = if offset == 10 { State::Complete } else { State::Receiving };
    store
        .append(id, &Appended { chunk, length: Length::Known(10), state, epoch: Epoch::FIRST })
        .await
        .expect("recorded");
    id
}

async fn claim(store: &SledStore, id: UploadId) -> crate::message::Stamp {
    match store.claim(id, Timestamp::now()).await.expect("claimed") {
        Claim::Finalizing(stamp) => stamp,
        taken @ Claim::Taken { .. } => panic!("{taken:?}"),
    }
}

/// The whole contents of a folder: names, sizes and bytes.
fn image(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut image = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            image.extend(self::image(&path));
            image.push((path, None));
        } else {
            let bytes = fs::read(&path).expect("readable");
            image.push((path, Some(bytes)));
        }
    }
    image.sort();
    image
}

#[tokio::test]
async fn what_is_well_is_well_and_stays_as_it_is() {
    let house = House::new().await;
    let before = image(house.folder.path());
    for deep in [false, true] {
        assert_eq!(house.check(deep).await, []);
    }
    assert!(image(house.folder.path()) == before, "nothing was changed");
}

#[tokio::test]
async fn bytes_beyond_the_ledger_are_nobodys() {
    let house = House::new().await;
    fs::write(house.part(house.receiving), b"0123and more").expect("written");
    assert_eq!(house.check(true).await, []);
}

/// Each damage to files by itself.
#[tokio::test]
async fn every_damage_to_a_file_is_found() {
    type Damage = fn(&House);
    let damages: [(&str, bool, Damage); 9] = [
        ("shorter than its ledger", false, |house| {
            fs::write(house.part(house.receiving), b"012").expect("written");
        }),
        ("missing, and its ledger", false, |house| {
            fs::remove_file(house.part(house.receiving)).expect("removed");
        }),
        ("missing, and its ledger", false, |house| {
            fs::remove_file(house.part(house.finalizing)).expect("removed");
        }),
        ("recorded digest", true, |house| {
            fs::write(house.part(house.receiving), b"0124").expect("written");
        }),
        ("is missing", false, |house| fs::remove_dir_all(house.chat()).expect("removed")),
        ("fewer than 10 bytes", false, |house| {
            fs::write(house.chat().join("a.txt"), b"012345678").expect("written");
        }),
        ("more than 10 bytes", false, |house| {
            fs::write(house.chat().join("a.txt"), b"0123456789a").expect("written");
        }),
        ("recorded SHA-256", true, |house| {
            fs::write(house.chat().join("a.txt"), b"012345678x").expect("written");
        }),
        ("the message's file is", false, |house| {
            fs::write(house.chat().join("b.txt"), b"").expect("written");
        }),
    ];
    for (what, is_deep, damage) in damages {
        let house = House::new().await;
        damage(&house);
        let findings = house.check(true).await;
        assert!(
            matches!(&findings[..], [Finding::Wrong(found)] if found.contains(what)),
            "{what}: {findings:?}"
        );
        assert_eq!(house.check(false).await.is_empty(), is_deep, "{what}");
    }
}

#[tokio::test]
async fn a_folder_without_a_message_is_wrong_and_what_a_kill_leaves_is_not() {
    let house = House::new().await;
    let stray = MessageId::from_bytes([9; 12]);
    fs::create_dir(house.folder.path().join("chats").join(stray.to_string())).expect("made");
    let orphan = house.part(UploadId::random());
    let bucket = orphan.parent().expect("in a bucket").to_owned();
    fs::create_dir_all(&bucket).expect("made");
    fs::write(&orphan, b"of a one-shot").expect("written");
    fs::write(house.folder.path().join("parts/notes.txt"), b"of the operator").expect("written");
    fs::write(bucket.join("zzz"), b"of the operator").expect("written");
    fs::create_dir(house.folder.path().join("parts/01234567")).expect("a bucket may be empty");
    let findings = house.check(true).await;
    let [part, folder, notes, zzz] = &findings[..] else { panic!("{findings:?}") };
    assert!(matches!(part, Finding::Note(text) if text.contains("no record needs it")), "{part:?}");
    assert!(matches!(folder, Finding::Wrong(text) if text.contains("there is no message")), "{folder:?}");
    assert!(matches!(notes, Finding::Note(text) if text.contains("parts/notes.txt")), "{notes:?}");
    assert!(matches!(zzz, Finding::Note(text) if text.contains("/zzz: not ours")), "{zzz:?}");
}

/// A folder may be checked before a server of this version has opened it.
#[tokio::test]
async fn parts_of_the_former_layout_are_found() {
    let house = House::new().await;
    for id in [house.receiving, house.finalizing] {
        let flat = house.folder.path().join("parts").join(id.to_string());
        fs::rename(house.part(id), &flat).expect("moved");
    }
    fs::write(house.folder.path().join("format"), b"longhaul 1 disk\n").expect("written");
    assert_eq!(house.check(true).await, []);
    let flat = house.folder.path().join("parts").join(house.receiving.to_string());
    fs::write(flat, b"01").expect("cut");
    assert_eq!(house.check(false).await.len(), 1);
}

/// The state that a kill leaves after the file was moved and before the message was committed.
#[tokio::test]
async fn a_file_that_is_placed_before_its_message_is_well() {
    let house = House::new().await;
    {
        let store =
            SledStore::open(&house.folder.path().join("records"), Durability::Process).expect("opened");
        let record = Records::find(&store, house.finalizing).await.expect("read").expect("there");
        let State::Finalizing(stamp) = record.state else { panic!("{record:?}") };
        let disk = Disk::look(house.folder.path());
        let place = Place { message: stamp.id, file_name: "a.txt".into() };
        disk.place(house.finalizing, 10, &place).await.expect("placed");
    }
    assert_eq!(house.check(true).await, []);
}

#[tokio::test]
async fn a_folder_that_is_in_use_or_none_of_ours_is_not_read() {
    let house = House::new().await;
    let records = house.folder.path().join("records");
    let open = SledStore::open(&records, Durability::Process).expect("opened");
    let mut tell = |_: &Finding| panic!("nothing is told");
    let in_use = check(house.folder.path(), None, false, &mut tell).await;
    let Err(BackendError::Records(error)) = in_use else { panic!("{in_use:?}") };
    assert!(matches!(error.downcast_ref(), Some(OpenError::InUse(_))), "{error}");
    drop(open);
    let other = tempfile::tempdir().expect("a folder");
    let foreign = check(other.path(), None, false, &mut tell).await;
    assert!(matches!(foreign, Err(BackendError::Folder(_))), "{foreign:?}");
    fs::remove_dir_all(&records).expect("removed");
    let without = check(house.folder.path(), None, false, &mut tell).await;
    assert!(matches!(without, Err(BackendError::Records(_))), "{without:?}");
}
