//! The codes of errors, over HTTP and sockets, for programs and translations. All of them are in this table,
//! and in `src/docs/errors.md`.

use serde::Serialize;

macro_rules! codes {
    ($($name:ident = $text:literal,)+) => {
        /// The code of an error, for programs. The meanings are in the documentation of errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $(#[doc = concat!("`", $text, "`")] $name,)+
        }

        impl Code {
            /// All codes.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as clients read it.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    MissingToken = "missing_token",
    InvalidToken = "invalid_token",
    TokenTooLong = "token_too_long",
    Unauthorized = "unauthorized",
    KeysUnavailable = "keys_unavailable",
    AdminRequired = "admin_required",
    LocalOnly = "local_only",

    ConversationNotFound = "conversation_not_found",
    NotAParticipant = "not_a_participant",
    MessageNotFound = "message_not_found",
    FileNotFound = "file_not_found",
    FileGone = "file_gone",
    InvalidLink = "invalid_link",
    LinksOff = "links_off",

    UploadNotFound = "upload_not_found",
    UploadExpired = "upload_expired",
    UploadOver = "upload_over",
    UploadDisplaced = "upload_displaced",
    UploadBusy = "upload_busy",
    UploadIncomplete = "upload_incomplete",
    UploadAlreadyBound = "upload_already_bound",
    UploadIsPart = "upload_is_part",
    UploadIsFinal = "upload_is_final",
    UploadDamaged = "upload_damaged",
    NotAPart = "not_a_part",
    PartGone = "part_gone",
    OffsetMismatch = "offset_mismatch",
    LengthExceeded = "length_exceeded",
    LengthConflict = "length_conflict",
    ClientMessageIdTaken = "client_message_id_taken",
    ChecksumMismatch = "checksum_mismatch",
    ChecksumUnsupported = "checksum_unsupported",
    InvalidChecksum = "invalid_checksum",
    Sha256Mismatch = "sha256_mismatch",

    FileTooLarge = "file_too_large",
    NoRoom = "no_room",
    TooManyUploads = "too_many_uploads",
    TooManyBytesReserved = "too_many_bytes_reserved",
    TooManyMessages = "too_many_messages",
    TooManyRequests = "too_many_requests",
    TooManySessions = "too_many_sessions",
    SessionLimit = "session_limit",
    SendingTooMuch = "sending_too_much",

    InvalidConversationId = "invalid_conversation_id",
    InvalidMessageId = "invalid_message_id",
    InvalidClientMessageId = "invalid_client_message_id",
    InvalidReplyTo = "invalid_reply_to",
    InvalidSha256 = "invalid_sha256",
    InvalidParticipants = "invalid_participants",
    ConversationsDiffer = "conversations_differ",
    ContentTooLong = "content_too_long",
    FileNameTooLong = "file_name_too_long",
    MissingConversationId = "missing_conversation_id",
    MissingUploadId = "missing_upload_id",
    MissingFile = "missing_file",
    InvalidFile = "invalid_file",
    InvalidField = "invalid_field",
    RepeatedField = "repeated_field",
    FieldTooLong = "field_too_long",
    InvalidQuery = "invalid_query",
    InvalidBody = "invalid_body",
    InvalidForm = "invalid_form",
    FormTooLarge = "form_too_large",
    InvalidPayload = "invalid_payload",
    PayloadTooLong = "payload_too_long",
    UnknownEvent = "unknown_event",

    MissingHeader = "missing_header",
    InvalidHeader = "invalid_header",
    RepeatedHeader = "repeated_header",
    HeaderTooLong = "header_too_long",
    InvalidMetadata = "invalid_metadata",
    MetadataTooLong = "metadata_too_long",
    InvalidConcat = "invalid_concat",
    UnsupportedVersion = "unsupported_version",
    UnsupportedMediaType = "unsupported_media_type",
    UnsupportedEncoding = "unsupported_encoding",
    InvalidHost = "invalid_host",
    InvalidWebsocket = "invalid_websocket",
    InvalidSession = "invalid_session",
    PreconditionFailed = "precondition_failed",
    RangeNotSatisfiable = "range_not_satisfiable",
    BodyBroken = "body_broken",
    BodyIdle = "body_idle",

    NotFound = "not_found",
    MethodNotAllowed = "method_not_allowed",
    Restarting = "restarting",
    NotReady = "not_ready",
    Unavailable = "unavailable",
    Internal = "internal",
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::docs::{ASYNCAPI, OPENAPI};

    /// The first two columns of the documentation's tables: each code, and the statuses that it comes with.
    fn documented() -> Vec<(&'static str, BTreeSet<u16>)> {
        let rows = include_str!("../../docs/errors.md").lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let (code, rest) = row.split_once("` | ").expect("a code");
            let statuses = rest.split(" | ").next().unwrap_or_default();
            let numbers = statuses.split([' ', ',']).filter_map(|word| word.parse().ok());
            (code, numbers.collect())
        })
        .collect()
    }

    fn all() -> BTreeSet<&'static str> {
        Code::ALL.iter().map(|code| code.as_str()).collect()
    }

    fn texts(values: &Value) -> BTreeSet<&str> {
        values.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
    }

    #[test]
    fn the_documentation_has_each_code_once_and_no_other() {
        let documented = documented();
        assert_eq!(documented.iter().map(|(code, _)| *code).collect::<BTreeSet<_>>(), all());
        assert_eq!(documented.len(), all().len(), "each once");
        assert_eq!(all().len(), Code::ALL.len(), "no two errors share a code");
    }

    #[test]
    fn the_descriptions_have_each_code_and_no_other() {
        for text in [OPENAPI, ASYNCAPI] {
            let description: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(texts(&description["components"]["schemas"]["Code"]["enum"]), all());
        }
    }

    /// The codes that any route describes for a status are those that the documentation has for that status.
    #[test]
    fn the_description_has_each_code_at_the_statuses_of_the_documentation() {
        let openapi: Value = serde_json::from_str(OPENAPI).expect("JSON");
        let operations = openapi["paths"].as_object().expect("paths").values();
        let operations = operations.flat_map(|path| path.as_object().expect("methods").values());
        let mut described: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
        for (status, response) in
            operations.filter_map(|operation| operation["responses"].as_object()).flatten()
        {
            let Some(name) = response["$ref"].as_str().and_then(|path| path.rsplit('/').next()) else {
                continue;
            };
            let response = &openapi["components"]["responses"][name];
            let codes = &response["content"]["application/json"]["schema"]["properties"]["code"]["enum"];
            described.entry(status.parse().expect("a number")).or_default().extend(texts(codes));
        }
        let mut expected: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
        for (code, statuses) in documented() {
            for status in statuses {
                expected.entry(status).or_default().insert(code);
            }
        }
        // Each described operation has a method that its path supports, so none answers 405.
        expected.remove(&405).expect("an unknown method");
        assert_eq!(described, expected);
    }

    #[test]
    fn codes_are_words_in_snake_case() {
        for code in Code::ALL.iter().map(|code| code.as_str()) {
            let is_snake = code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            assert!(is_snake && !code.starts_with('_') && !code.ends_with('_'), "{code}");
        }
    }
}
