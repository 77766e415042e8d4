//! The texts on a channel.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::Parcel;

/// A text on a channel. A version that does not know one passes over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// A parcel.
    Parcel(Box<Parcel>),
    /// A mark of one line.
    Mark {
        /// The line.
        of: Uuid,
        /// Its number among the marks of the line.
        number: u64,
    },
}

impl Said {
    /// The text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("parcels and marks are made of what JSON can say")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessageId, Stamp};
    use crate::store::contract::samples;
    use crate::store::{Addressed, Announcement, Progress};

    #[test]
    fn what_is_said_is_understood() {
        let stamp = Stamp { id: MessageId::from_bytes([1; 12]), at: samples::at(7) };
        let message = samples::whole(Some("c")).message(stamp).expect("it is bound");
        let progress = Progress { length: Some(u64::MAX), ..Progress::of_message(&message) };
        for announcement in [
            Announcement::NewMessage(Box::new(message.clone())),
            Announcement::UploadProgress(progress.clone()),
            Announcement::UploadFinished(progress, message.id),
        ] {
            let what = Addressed { to: vec![message.sender.clone()], announcement };
            let parcel = Parcel { from: Uuid::from_bytes([7; 16]), number: 3, is_told_there: true, what };
            let said = Said::Parcel(Box::new(parcel));
            assert_eq!(serde_json::from_str::<Said>(&said.text()).expect("ours"), said);
        }
        let mark = Said::Mark { of: Uuid::nil(), number: u64::MAX };
        assert_eq!(serde_json::from_str::<Said>(&mark.text()).expect("ours"), mark);
        assert!(serde_json::from_str::<Said>(r#"{"later":{"id":1}}"#).is_err(), "it is passed over");
    }
}
