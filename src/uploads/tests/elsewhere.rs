//! Uploads under way on another node, as those see them who connect to this one.

use super::*;
use crate::store::{Announcement, Progress};
use crate::telling::Sending;

/// A house that hears what another one announces.
struct Beside {
    house: House,
    other: House,
    told: MemoryAnnouncements,
    heard: usize,
}

impl Beside {
    async fn new() -> Self {
        let (memory, payloads) = (Arc::new(Memory::new()), Arc::new(MemoryPayloads::default()));
        let told = MemoryAnnouncements::default();
        let of = |announcements| {
            let stores = Stores { announcements, ..memory.stores(payloads.clone()) };
            House::of(stores, limits(), None)
        };
        let house = of(Arc::new(MemoryAnnouncements::default())).await;
        let other = of(Arc::new(told.clone())).await;
        Self { house, other, told, heard: 0 }
    }

    /// Hears everything that the other house has announced since.
    async fn hear(&mut self) {
        self.other.finalizer.teller().flush().await;
        for (_, event) in self.told.all().into_iter().skip(self.heard) {
            self.house.uploads.heard_elsewhere(&event);
            self.heard += 1;
        }
    }

    /// What a connection of bob's is told when it begins.
    async fn told(&self) -> Vec<(UploadId, u64, bool)> {
        let sending = self.house.uploads.sending_to(&bob()).await.expect("memory");
        let told =
            |Sending { progress, is_paused }: Sending| (progress.upload_id, progress.offset, is_paused);
        sending.into_iter().map(told).collect()
    }
}

#[tokio::test]
async fn who_connects_is_told_of_uploads_on_another_node() {
    let mut beside = Beside::new().await;
    let id = beside.other.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    assert_eq!(beside.told().await, [], "nothing was heard of it");
    beside.hear().await;
    assert_eq!(beside.told().await, [(id, 0, false)]);
    let stranger = "eve@example.com".parse().expect("valid");
    assert_eq!(beside.house.uploads.sending_to(&stranger).await.expect("memory"), []);
    beside.other.append(id, 0, broken(b"abc")).await.expect_err("it breaks off");
    beside.hear().await;
    assert_eq!(beside.told().await, [(id, 3, true)]);
    let sending = beside.house.uploads.sending_in(&bob(), conversation()).await.expect("a member");
    assert_eq!(sending.len(), 1);
    beside.other.append(id, 3, body(&[b"def"])).await.expect("whole");
    let message = beside.other.messages().await.pop().expect("made");
    beside.house.uploads.heard_elsewhere(&Announcement::NewMessage(Box::new(message)));
    assert_eq!(beside.told().await, []);
}

#[tokio::test]
async fn an_upload_that_goes_on_at_another_node_is_told_once() {
    let mut beside = Beside::new().await;
    let id = beside.house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    beside.house.append(id, 0, broken(b"ab")).await.expect_err("it breaks off");
    assert_eq!(beside.told().await, [(id, 2, true)]);
    beside.other.append(id, 2, broken(b"c")).await.expect_err("it breaks off");
    beside.hear().await;
    assert_eq!(beside.told().await, [(id, 3, true)], "it is at the other one now");
    beside.house.append(id, 3, broken(b"d")).await.expect_err("it breaks off");
    assert_eq!(beside.told().await, [(id, 4, true)], "it came back");
    // A word of the other one comes late.
    let late = Progress {
        offset: 3,
        ..beside.house.uploads.sending_to(&bob()).await.expect("memory")[0].progress.clone()
    };
    beside.house.uploads.heard_elsewhere(&Announcement::UploadPaused(late));
    assert_eq!(beside.told().await.len(), 1);
}
