//! Facts of announcements, and of the connections that get them.

use std::sync::Arc;

use async_trait::async_trait;

use super::samples::{conversation, user, whole};
use crate::message::{MessageId, Stamp, UserId};
use crate::store::{Announcement, Announcements, Progress};
use crate::time::Timestamp;
use crate::upload::{Upload, UploadId};

/// An implementation without a connected user.
#[async_trait]
pub trait AnnouncementsFixture: Send {
    type Connection: Connection;

    fn announcements(&self) -> Arc<dyn Announcements>;

    /// Connects a user, once more if the user is connected already, and answers when announcements reach the
    /// connection.
    async fn connect(&mut self, user: &UserId) -> Self::Connection;
}

/// A user's connection.
#[async_trait]
pub trait Connection: Send {
    /// The next announcement that arrives; it fails after a while without one.
    async fn next(&mut self) -> Heard;
}

/// An announcement as it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The event's name.
    pub event: String,
    /// The `_id` of the message, or the `upload_id`.
    pub id: String,
}

/// The form in which an announcement should arrive.
pub fn heard(announcement: &Announcement) -> Heard {
    let (event, id) = match announcement {
        Announcement::NewMessage(message) => ("new_message", message.id.to_string()),
        Announcement::UploadStarted(progress) => ("upload_started", progress.upload_id.to_string()),
        Announcement::UploadProgress(progress) => ("upload_progress", progress.upload_id.to_string()),
        Announcement::UploadPaused(progress) => ("upload_paused", progress.upload_id.to_string()),
        Announcement::UploadFinished(progress, _) => ("upload_finished", progress.upload_id.to_string()),
        Announcement::UploadCancelled(progress) => ("upload_cancelled", progress.upload_id.to_string()),
    };
    Heard { event: event.to_owned(), id }
}

fn new_message(number: u8) -> Announcement {
    let stamp = Stamp { id: MessageId::from_bytes([number; 12]), at: Timestamp::from_millis(1) };
    let upload = Upload { id: UploadId::from_bytes([number; 16]), ..whole(None) };
    Announcement::NewMessage(Box::new(upload.message(stamp).expect("bound")))
}

fn progress() -> Progress {
    Progress {
        upload_id: UploadId::random(),
        conversation_id: conversation(1),
        sender: user("ann"),
        file_name: "a.mp4".into(),
        mime_type: "video/mp4".into(),
        kind: crate::message::MessageKind::Video,
        offset: 5,
        length: Some(10),
    }
}

async fn announce(fixture: &impl AnnouncementsFixture, to: &[&str], announcement: &Announcement) {
    let to: Vec<_> = to.iter().map(|name| user(name)).collect();
    fixture.announcements().announce(&to, announcement).await.expect("handed over");
}

pub async fn every_kind_arrives(mut fixture: impl AnnouncementsFixture) {
    let mut ann = fixture.connect(&user("ann")).await;
    for announcement in [
        new_message(1),
        Announcement::UploadStarted(progress()),
        Announcement::UploadProgress(Progress { length: None, ..progress() }),
        Announcement::UploadPaused(progress()),
        Announcement::UploadFinished(progress(), MessageId::from_bytes([1; 12])),
        Announcement::UploadCancelled(progress()),
    ] {
        announce(&fixture, &["ann"], &announcement).await;
        assert_eq!(ann.next().await, heard(&announcement));
    }
}

pub async fn only_those_addressed_hear(mut fixture: impl AnnouncementsFixture) {
    let mut ann = fixture.connect(&user("ann")).await;
    let mut bob = fixture.connect(&user("bob")).await;
    announce(&fixture, &["ann"], &new_message(1)).await;
    announce(&fixture, &["anna", "an"], &new_message(2)).await;
    announce(&fixture, &[], &new_message(3)).await;
    announce(&fixture, &["bob", "cyd", "ann"], &new_message(4)).await;
    assert_eq!(ann.next().await, heard(&new_message(1)));
    assert_eq!(ann.next().await, heard(&new_message(4)));
    assert_eq!(bob.next().await, heard(&new_message(4)));
}

pub async fn every_connection_hears_once(mut fixture: impl AnnouncementsFixture) {
    let mut connections = [fixture.connect(&user("ann")).await, fixture.connect(&user("ann")).await];
    announce(&fixture, &["ann", "bob", "ann"], &new_message(1)).await;
    announce(&fixture, &["ann"], &new_message(2)).await;
    for connection in &mut connections {
        assert_eq!(connection.next().await, heard(&new_message(1)));
        assert_eq!(connection.next().await, heard(&new_message(2)));
    }
}

pub async fn announcements_arrive_in_order(mut fixture: impl AnnouncementsFixture) {
    let mut ann = fixture.connect(&user("ann")).await;
    for number in 0..50 {
        announce(&fixture, &["ann"], &new_message(number)).await;
    }
    for number in 0..50 {
        assert_eq!(ann.next().await, heard(&new_message(number)));
    }
}

pub async fn nobody_needs_to_be_connected(mut fixture: impl AnnouncementsFixture) {
    announce(&fixture, &["ann"], &new_message(1)).await;
    let mut ann = fixture.connect(&user("ann")).await;
    announce(&fixture, &["ann"], &new_message(2)).await;
    assert_eq!(ann.next().await, heard(&new_message(2)), "what came before is not told again");
}

pub async fn what_was_left_is_heard_by_each_who_comes_until_it_is_let_go(
    mut fixture: impl AnnouncementsFixture,
) {
    let announcements = fixture.announcements();
    let to = [user("ann"), user("bob"), user("ann")];
    let leave = async |number| {
        let Announcement::NewMessage(message) = new_message(number) else { unreachable!("a message") };
        announcements.leave(&to, &message).await.expect("handed over")
    };
    let is_left = |number| {
        let Announcement::NewMessage(message) = new_message(number) else { unreachable!("a message") };
        let finished = Announcement::UploadFinished(Progress::of_message(&message), message.id);
        [heard(&new_message(number)), heard(&finished)]
    };
    assert!(leave(1).await, "it is kept");
    let mut ann = fixture.connect(&user("ann")).await;
    let mut cyd = fixture.connect(&user("cyd")).await;
    assert!(leave(2).await);
    let mut again = fixture.connect(&user("ann")).await;
    announce(&fixture, &["ann", "bob", "cyd"], &new_message(3)).await;
    for connection in [&mut ann, &mut again] {
        for expected in [is_left(1), is_left(2)].as_flattened() {
            assert_eq!(connection.next().await, *expected);
        }
        assert_eq!(connection.next().await, heard(&new_message(3)));
    }
    announcements.let_go();
    let mut bob = fixture.connect(&user("bob")).await;
    assert!(!leave(4).await, "it is an announcement as any other from now on");
    announce(&fixture, &["ann", "bob"], &new_message(4)).await;
    announce(&fixture, &["bob", "cyd"], &new_message(5)).await;
    assert_eq!(bob.next().await, heard(&new_message(4)));
    assert_eq!(bob.next().await, heard(&new_message(5)));
    assert_eq!(cyd.next().await, heard(&new_message(3)), "it is for none of hers");
    assert_eq!(cyd.next().await, heard(&new_message(5)));
    assert_eq!(ann.next().await, heard(&new_message(4)));
}
