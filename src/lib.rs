//! longhaul takes photos, videos and files over connections that die, and makes chat messages of them: each
//! upload becomes one message, whatever is killed, lost or repeated on the way.
//!
//! # The map
//!
//! Data flows one way: wire → request value → use case → store, and back as a reply value.
//!
//! | room | what is in it | may know |
//! | --- | --- | --- |
//! | [`time`] | points in time | |
//! | [`base_path`] | PURE: the path below which clients find the server | |
//! | [`message`] | PURE: message, ids, kinds, file names | base_path, time |
//! | [`upload`] | PURE: offsets, lengths, metadata, checksums, states | message, time |
//! | [`links`] | PURE: signed links to media | base_path, message, time |
//! | [`auth`] | PURE: tokens to identities | message, time |
//! | [`json`] | PURE: JSON text that cuts characters in two | |
//! | [`loopback`] | PURE: names of this machine | |
//! | [`keys`] | the keys of tokens and of links, and when they are read again | auth, links, loopback, time |
//! | [`crash`] | named steps at which a test kills the process | |
//! | [`metrics`] | what Prometheus is told | |
//! | [`outlive`] | work that its caller waits for, and that goes on without it | |
//! | [`refusals`] | what is refused, in the log | |
//! | [`store`] | PORTS, and a folder per implementation | crash, message, metrics, time, upload |
//! | [`reservations`] | who may have how much room | message, store, time, upload |
//! | [`telling`] | what members are told of uploads that run | message, store, upload |
//! | [`finalizer`] | complete upload → message, once | crash, message, metrics, outlive, reservations, store, telling, time, upload |
//! | [`uploads`] | create, append, look, end, bind, one-shot | crash, finalizer, message, metrics, outlive, reservations, store, telling, time, upload |
//! | [`chats`] | conversations, messages, media; what a user missed | message, store, time |
//! | [`http`] | the wire of HTTP | auth, base_path, chats, docs, json, keys, links, loopback, message, metrics, refusals, store, time, upload, uploads, web |
//! | [`chat`] | the wire of Socket.IO | auth, chats, http, json, keys, links, message, refusals, store, telling, time, upload, uploads |
//! | [`config`] | settings, checked once | auth, base_path, crash, keys, links, store, upload |
//! | [`data_folder`] | the data folder: its note, who may look into it, what it is fit for | store |
//! | [`backend`] | the implementations of the ports, opened by the settings | config, data_folder, message, store, upload |
//! | [`check`] | what is wrong with a data folder, offline | backend, message, store, time, upload |
//! | [`docs`] | the documentation, and the pages made of it | |
//! | [`descriptors`] | how many files the process may have open | |
//! | [`demo`] | what the server is without a key | auth, message, time |
//! | [`issue`] | a token, printed | auth, config, demo, message, time |
//! | [`web`] | the page at `/` | base_path, demo |
//! | [`logging`] | the log | config, time |
//! | [`supervisor`] | listeners that were handed over; telling systemd | |
//! | [`server`] | the composition root | auth, backend, chat, chats, config, data_folder, demo, finalizer, http, keys, links, metrics, reservations, store, time, uploads, web |
//!
//! A test below holds this table against the sources.
//!
//! # Invariants
//!
//! - **Durable before told.** No answer, header or event says what a crash could take back. A store answers
//!   when a change is durable, and what a read sees is durable already.
//! - **Bytes may be ahead of their record, never behind.** Write, sync, record, tell; or, for few bytes, write,
//!   record with the bytes in the record's journal, tell, and sync later ([`store::embedded`]). What is ahead after
//!   a crash is cut off by the next writer.
//! - **The ledger's end is the offset.** There is no second place for it.
//! - **A displaced holder writes nothing.** One request at a time holds an upload ([`store::Leases`]); what it writes
//!   carries its epoch, and is refused once another has the upload.
//! - **The record is the truth.** Wake-ups and socket events are hints; whoever is owed a message is found from
//!   stored state, at the start and every few seconds.
//! - **A message id is stored before the first effect**, every effect can be repeated, and the commit is one
//!   atomic change.
//! - **Room is taken before it is used.** Everything that writes bytes takes room first, from one place. A creation
//!   has room set aside within its user's share; who is silent for long loses it to one who sends, and never a byte.
//! - **Work that must finish outlives its request.** A client that goes away cancels a handler at the most
//!   ([`outlive`]).
//! - **One way in.** tus, one-shot and Socket.IO all end in [`finalizer`].
//!
//! # A PATCH
//!
//! 1. `http::tus::patch` parses headers into an [`upload::AppendRequest`] and calls [`uploads::Uploads::append`].
//! 2. That takes the upload's lease, which makes an older request let go, reads the record, and lets
//!    [`upload::Upload::admit`] decide.
//! 3. A `Reception`, which outlives the request, gathers frames, hands them to the store's sink in large writes
//!    with the digest running beside, and adds a row to the ledger every few MiB, every second, and at the end.
//!    Bytes of a row that are few go with it into the journal, which saves syncing the file for them. If the
//!    request has a checksum, there is one row, at the end, once the bytes are found to match.
//! 4. The last row makes the upload complete, and one sync does for it and the claim of its message. Then the
//!    request drives the finalizer, or waits for who does, and its answer names the message.
//!
//! # A concatenation
//!
//! 1. `Upload-Concat: partial` makes an upload that waits for another once it is complete. `final` makes that
//!    other one, under an id that follows from what was asked for, so that asking again finds it.
//! 2. A final upload is one that the server appends to: the finalizer takes the first part's file under a
//!    second name, takes room for the others, copies them behind it, and writes the same ledger as a PATCH, so a
//!    kill costs one stretch. With the last row it is a complete upload like any other.
//!
//! # A finalization
//!
//! 1. [`finalizer::Finalizer::drive`] shares one drive per upload between all who wait. It checks the digest and
//!    that the sender is still in the conversation; a refusal is recorded as such.
//! 2. The claim stores the message's id and time, and takes the `client_message_id`. If another upload has it already,
//!    its message is this one's as well, or this one is rejected: the files are compared, and the first is not touched.
//! 3. The file is renamed to its place; the commit writes message, indexes and outbox in one change, and the
//!    journal carries where the file went until its folders are synced.
//! 4. The publisher announces what is in the outbox, then clears it: at least once, the same `_id`.
//! 5. A while after that the upload is over, and as long again later its record goes. The message has the file, and the
//!    `client_message_id`.

pub mod auth;
pub mod backend;
pub mod base_path;
pub mod chat;
pub mod chats;
pub mod check;
pub mod config;
pub mod crash;
pub mod data_folder;
pub mod demo;
pub mod descriptors;
pub mod docs;
pub mod finalizer;
pub mod http;
pub mod issue;
pub mod json;
pub mod keys;
pub mod links;
pub mod logging;
pub mod loopback;
pub mod message;
pub mod metrics;
pub mod outlive;
pub mod refusals;
pub mod reservations;
pub mod server;
pub mod store;
pub mod supervisor;
pub mod telling;
pub mod time;
pub mod upload;
pub mod uploads;
pub mod web;

#[cfg(test)]
mod architecture {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    type Table = BTreeMap<String, BTreeSet<String>>;

    /// The table of the crate's documentation.
    fn documented() -> Table {
        let rows = include_str!("lib.rs").lines().filter_map(|line| line.strip_prefix("//! | [`"));
        rows.map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let room = cells.next().expect("a room").trim_end_matches("`]").to_owned();
            let known = cells.nth(1).unwrap_or_default().split(", ").filter(|name| !name.is_empty());
            (room, known.map(str::to_owned).collect())
        })
        .collect()
    }

    /// Which rooms the sources of each room name by `crate::`, tests aside.
    fn actual(rooms: &Table) -> Table {
        let mut table = Table::new();
        for room in rooms.keys() {
            let mut sources = String::new();
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            collect(&root.join(room), &mut sources);
            sources.push_str(&fs::read_to_string(root.join(format!("{room}.rs"))).unwrap_or_default());
            let named = rooms.keys().filter(|other| *other != room && names(&sources, other));
            table.insert(room.clone(), named.cloned().collect());
        }
        table
    }

    fn names(sources: &str, room: &str) -> bool {
        let path = format!("crate::{room}");
        sources.match_indices(&path).any(|(at, _)| {
            let next = sources[at + path.len()..].chars().next();
            !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    }

    fn collect(folder: &Path, sources: &mut String) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.map(|entry| entry.expect("a readable entry").path()) {
            let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if entry.is_dir() && !matches!(name, "contract" | "tests") {
                collect(&entry, sources);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = fs::read_to_string(&entry).expect("readable source");
                let end = text.find("#[cfg(test)]\nmod").unwrap_or(text.len());
                // Documentation may point anywhere.
                let code = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
                code.for_each(|line| sources.push_str(line));
            }
        }
    }

    #[test]
    fn the_table_of_dependencies_is_true() {
        let documented = documented();
        assert!(documented.len() > 10, "the table was not found");
        let actual = actual(&documented);
        for (room, known) in &documented {
            assert_eq!(&actual[room], known, "{room}: sources (left) against the table (right)");
        }
    }

    #[test]
    fn every_module_is_in_the_table() {
        let modules = include_str!("lib.rs").lines().filter_map(|line| line.strip_prefix("pub mod "));
        let modules: BTreeSet<_> = modules.map(|line| line.trim_end_matches(';').to_owned()).collect();
        assert_eq!(modules, documented().into_keys().collect());
    }
}
