//! What nodes tell each other, and the channels on which they do. A node passes over what it does not know,
//! as a newer one may say.

use serde::{Deserialize, Serialize};

use crate::store::Wanted;
use crate::upload::UploadId;

/// Something that a node tells others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// A newcomer wants an upload that the listener holds.
    Ask {
        /// The upload.
        id: UploadId,
        /// The epoch in which the newcomer saw it held. It may be told late, when another request, which is
        /// newer than the newcomer, holds the upload in a later one.
        epoch: u64,
        /// Whether it wants to append at the recorded offset, and so nothing that came since.
        at_recorded_offset: bool,
        /// The newcomer's node.
        from: i32,
    },
    /// The upload that the listener asked for is not held any more.
    Free {
        /// The upload.
        id: UploadId,
    },
    /// An upload has all of its bytes.
    Complete {
        /// The upload.
        id: UploadId,
    },
}

/// The channels of the nodes that share a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels {
    /// The number of the schema.
    pub(super) schema: u32,
}

impl Channels {
    /// The channel on which all nodes listen.
    pub(super) fn all(self) -> String {
        format!("longhaul_{}", self.schema)
    }

    /// The channel on which one node listens.
    pub(super) fn of(self, node: i32) -> String {
        format!("longhaul_{}_{node}", self.schema)
    }
}

impl Said {
    /// The words as they go over a channel.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("words are made of what JSON can say")
    }

    /// The wish of one who asks.
    pub(super) fn wish(at_recorded_offset: bool) -> Wanted {
        if at_recorded_offset { Wanted::RecordedOffset } else { Wanted::WhatCame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let id = UploadId::from_bytes([7; 16]);
        let ask = Said::Ask { id, epoch: 1 << 40, at_recorded_offset: true, from: 3 };
        for said in [ask, Said::Free { id }, Said::Complete { id }] {
            assert_eq!(serde_json::from_str::<Said>(&said.text()).expect("ours"), said);
        }
        assert!(serde_json::from_str::<Said>(r#"{"later":{"id":1}}"#).is_err(), "it is passed over");
    }
}
