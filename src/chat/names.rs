//! The names of all events sent to clients. No event has another name, so `src/docs/asyncapi.json` can miss
//! none.

macro_rules! names {
    ($($name:ident = $text:literal,)+) => {
        /// An event's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Name {
            $(#[doc = concat!("`", $text, "`")] $name,)+
        }

        impl Name {
            /// All names.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name as clients read it.
            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

names! {
    NewMessage = "new_message",
    MessageError = "message_error",
    CaughtUp = "caught_up",
    UploadStarted = "upload_started",
    UploadProgress = "upload_progress",
    UploadPaused = "upload_paused",
    UploadFinished = "upload_finished",
    UploadCancelled = "upload_cancelled",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::chat::{membership, send};
    use crate::docs::ASYNCAPI;

    /// Events of Socket.IO itself.
    const OF_SOCKET_IO: [&str; 2] = ["connect", "connect_error"];

    /// The names of the messages in operations of this kind.
    fn described(asyncapi: &Value, action: &str) -> BTreeSet<String> {
        let operations = asyncapi["operations"].as_object().expect("operations").values();
        let of_kind = operations.filter(|operation| operation["action"] == action);
        let messages = of_kind.flat_map(|operation| operation["messages"].as_array().expect("messages"));
        messages
            .map(|message| {
                let path = message["$ref"].as_str().expect("a path");
                let at = path.rsplit('/').next().expect("a name");
                assert_eq!(path, format!("#/channels/chat/messages/{at}"));
                asyncapi["components"]["messages"][at]["name"].as_str().expect("a name").to_owned()
            })
            .filter(|name| !OF_SOCKET_IO.contains(&name.as_str()))
            .collect()
    }

    #[test]
    fn the_description_has_each_event_and_no_other() {
        let asyncapi: Value = serde_json::from_str(ASYNCAPI).expect("JSON");
        let told = Name::ALL.iter().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(described(&asyncapi, "send"), told);
        let heard = membership::EVENTS.into_iter().chain([send::EVENT]).map(str::to_owned).collect();
        assert_eq!(described(&asyncapi, "receive"), heard);
        let messages = asyncapi["components"]["messages"].as_object().expect("messages").keys();
        let channel = asyncapi["channels"]["chat"]["messages"].as_object().expect("messages").keys();
        assert!(messages.eq(channel), "each message is one of the channel");
    }
}
