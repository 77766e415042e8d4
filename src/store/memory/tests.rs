//! The contracts of the ports, run in memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Memory, MemoryAnnouncements, MemoryNode, MemoryPayloads};
use crate::message::UserId;
use crate::store::contract::announcements::{self, AnnouncementsFixture, Connection, Heard};
use crate::store::contract::{DatabaseFixture, NodesFixture, PayloadsFixture, SharedFixture};
use crate::store::{
    Announcement, Announcements, Duties, Hints, Leases, Memberships, Messages, Payloads, Records,
};

/// A store in memory, which has no other state to reopen.
#[derive(Clone, Default)]
struct Fixture {
    memory: Arc<Memory>,
    payloads: MemoryPayloads,
    announcements: MemoryAnnouncements,
}

impl DatabaseFixture for Fixture {
    fn records(&self) -> Arc<dyn Records> {
        self.memory.clone()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.memory.clone()
    }

    fn memberships(&self) -> Arc<dyn Memberships> {
        self.memory.clone()
    }

    fn reopen(&mut self) {}
}

impl SharedFixture for Fixture {
    fn second(&self) -> Self {
        self.clone()
    }
}

/// A node on stores in memory.
struct Node {
    stores: Fixture,
    node: MemoryNode,
}

impl Node {
    fn new() -> Self {
        let stores = Fixture::default();
        Self { node: MemoryNode::over(stores.memory.clone()), stores }
    }
}

impl NodesFixture for Node {
    fn records(&self) -> Arc<dyn Records> {
        self.stores.memory.clone()
    }

    fn messages(&self) -> Arc<dyn Messages> {
        self.stores.memory.clone()
    }

    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(self.stores.payloads.clone())
    }

    fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.node.clone())
    }

    fn duties(&self) -> Arc<dyn Duties> {
        Arc::new(self.node.clone())
    }

    fn hints(&self) -> Arc<dyn Hints> {
        Arc::new(self.node.clone())
    }

    fn second(&self) -> Self {
        Self { stores: self.stores.clone(), node: self.node.second() }
    }

    fn stop(&self) {
        self.node.stop();
    }
}

impl PayloadsFixture for Fixture {
    fn payloads(&self) -> Arc<dyn Payloads> {
        Arc::new(self.payloads.clone())
    }

    fn reopen(&mut self) {}
}

struct Listener {
    announcements: MemoryAnnouncements,
    user: UserId,
    left: Vec<Announcement>,
    heard: usize,
}

#[async_trait]
impl AnnouncementsFixture for Fixture {
    type Connection = Listener;

    fn announcements(&self) -> Arc<dyn Announcements> {
        Arc::new(self.announcements.clone())
    }

    async fn connect(&mut self, user: &UserId) -> Listener {
        let heard = self.announcements.heard_by(user).len();
        let left = self.announcements.left_for(user);
        Listener { announcements: self.announcements.clone(), user: user.clone(), left, heard }
    }
}

#[async_trait]
impl Connection for Listener {
    async fn next(&mut self) -> Heard {
        if !self.left.is_empty() {
            return announcements::heard(&self.left.remove(0));
        }
        let announcements = self.announcements.heard_by(&self.user);
        self.heard += 1;
        announcements::heard(announcements.get(self.heard - 1).expect("an announcement"))
    }
}

mod records {
    crate::store::contract::records_contract!(super::Fixture::default());
}

mod messages {
    crate::store::contract::messages_contract!(super::Fixture::default());
}

mod memberships {
    crate::store::contract::memberships_contract!(super::Fixture::default());
}

mod payloads {
    crate::store::contract::payloads_contract!(super::Fixture::default());
}

mod sealed_payloads {
    use super::{Fixture, MemoryPayloads};

    crate::store::contract::payloads_contract!(Fixture {
        payloads: MemoryPayloads::sealing(),
        ..Fixture::default()
    });
}

mod leases {
    crate::store::contract::leases_contract!(super::Node::new().node);
}

mod nodes {
    crate::store::contract::nodes_contract!(super::Node::new());
}

mod announcing {
    crate::store::contract::announcements_contract!(super::Fixture::default());
}

#[tokio::test]
async fn refused_announcements_are_not_heard() {
    let announcements = MemoryAnnouncements::default();
    let user: UserId = "ann".parse().expect("valid");
    let progress = crate::store::Progress {
        upload_id: crate::upload::UploadId::random(),
        conversation_id: crate::store::contract::samples::conversation(1),
        sender: user.clone(),
        file_name: "a".into(),
        mime_type: "video/mp4".into(),
        kind: crate::message::MessageKind::Video,
        offset: 0,
        length: None,
    };
    let announcement = crate::store::Announcement::UploadStarted(progress);
    announcements.refuse_next(1);
    let to = [user.clone()];
    assert!(announcements.announce(&to, &announcement).await.is_err());
    announcements.announce(&to, &announcement).await.expect("told");
    assert_eq!(announcements.heard_by(&user), std::slice::from_ref(&announcement));
    assert_eq!(announcements.all(), [(to.to_vec(), announcement)]);
}
