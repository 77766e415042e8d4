//! longhaul takes photos, videos and files over connections that die, and makes chat messages of them: each
//! upload becomes one message, whatever is killed, lost or repeated on the way.
//!
//! # The map
//!
//! Data flows one way: wire → request value → use case → store, and back as a reply value.
//!
//! | room | what is in it | may know |
//! | --- | --- | --- |
//! | [`time`] | points in time, and the clock that the process goes by | |
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
//! | [`reservations`] | who may have how much room | message, metrics, store, time, upload |
//! | [`telling`] | what members are told of uploads that run | message, store, upload |
//! | [`finalizer`] | complete upload → message, once | crash, message, metrics, outlive, reservations, store, telling, time, upload |
//! | [`uploads`] | create, append, look, end, bind, one-shot | crash, finalizer, message, metrics, outlive, reservations, store, telling, time, upload |
//! | [`chats`] | conversations, messages, media; what a user missed | message, store, time |
//! | [`http`] | the wire of HTTP | auth, base_path, chats, docs, json, keys, links, loopback, message, metrics, refusals, store, time, upload, uploads, web |
//! | [`chat`] | the wire of Socket.IO | auth, chats, http, json, keys, links, message, metrics, refusals, store, telling, time, upload, uploads |
//! | [`config`] | settings, checked once | auth, base_path, crash, keys, links, store, time, upload |
//! | [`data_folder`] | the data folder: its note, who may look into it, what it is fit for | store |
//! | [`backend`] | the implementations of the ports, opened by the settings | config, data_folder, message, store, upload |
//! | [`check`] | what is wrong with a data folder, or with a database and its bucket | backend, message, store, time, upload |
//! | [`moving`] | a data folder into a database and a bucket | backend, check, data_folder, store, upload |
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
//! - **Bytes may be ahead of their record, never behind.** Write, sync, record, tell; or, for few bytes,
//!   write, record with the bytes in the record's journal, tell, and sync later ([`store::embedded`]). What
//!   is ahead after a crash is cut off by the next writer.
//! - **The ledger's end is the offset.** There is no second place for it.
//! - **A displaced holder writes nothing.** One request at a time holds an upload ([`store::Leases`]); what
//!   it writes carries its epoch, and is refused once another has the upload.
//! - **The record is the truth.** Wake-ups and socket events are hints; uploads that are owed a message are
//!   found from stored state, at the start and every few seconds.
//! - **A message id is stored before the first effect**, every effect can be repeated, and the commit is one
//!   atomic change.
//! - **Room is taken before it is used.** Everything that writes bytes takes room first, from one place. A
//!   creation has room set aside within its user's share; who is silent for long loses it to one who sends,
//!   and never a byte.
//! - **Work that must finish outlives its request.** A client that goes away cancels a handler at the most
//!   ([`outlive`]).
//! - **One way in.** tus, one-shot and Socket.IO all end in [`finalizer`].
//!
//! # Three walks
//!
//! ## The bytes of a PATCH
//!
//! 1. `http::connection` reads them, `http::site` chooses the route, and `http::tus::patch` makes an
//!    [`upload::AppendRequest`] of the headers. It calls [`uploads::Uploads::append`].
//! 2. That takes the lease of the upload ([`store::Leases`]), which makes an older request let go, and reads
//!    the record ([`store::Records`]). [`upload::Upload::admit`] decides whether the bytes fit,
//!    [`reservations`] whether there is room.
//! 3. `uploads::reception`, which outlives the request ([`outlive`]), takes frame after frame.
//!    `uploads::intake` gathers them for large writes and runs the digest beside.
//! 4. The port [`store::Append`] makes bytes and their row in the ledger durable, in this order: every few
//!    MiB, every second, and at the end. With a checksum there is one row, once the bytes are found to match.
//!    What the row does to the upload is decided in `upload::change`. In [`store::embedded`] the bytes go to
//!    a file of [`store::disk`] and the row to [`store::sled`]; few bytes go along in its journal, and their
//!    file is synced later, and many bytes of a fast client go past the page cache. The sums that quotas are
//!    measured by change with the row.
//! 5. The last row makes the upload complete, and mostly claims its message in the same step. The request
//!    drives [`finalizer`], and its answer names the message.
//!
//! ## A message id
//!
//! 1. The committer of [`store::sled`] makes it for the claim, in the order of claims, and stores it with the
//!    upload, as `State::Finalizing`. Only then does anything else depend on it.
//! 2. [`finalizer`] checks the digest and that the sender is in the conversation, before the claim.
//!    Afterwards it reads the id from the record, so that doing a step again is doing it once: it names the
//!    folder of the file in [`store::disk`], and the commit writes message, indexes and outbox in one change.
//! 3. The publisher reads the outbox and hands [`store::Announcements`] the message: at least once, under
//!    this id. Then [`telling`] tells members that the upload is finished.
//! 4. [`chat`] sends it to every connection of every member, and `chat::relay` to other processes. [`chats`]
//!    reads the message for [`http`], and [`links`] signs its media.
//!
//! ## An upload id across two processes
//!
//! 1. The path of a request is where it comes in (`http::path`). A final upload's id follows from what was
//!    asked for, so that asking again finds it.
//! 2. The record says everything about it, so either process can answer. One that writes has the lease, and
//!    writes under its epoch. Another process that needs the upload asks for the lease: the holder records
//!    what it has and lets go, or is displaced when it does not answer.
//! 3. What a displaced holder still writes is refused by every store as `Fenced`; its client hears that a
//!    newer request took over, and asks again.
//! 4. Once complete, it is owed a message by whichever process finds it: the claim decides between two of
//!    them, and a join of parts holds the lease. A hint tells the others that the upload is complete
//!    ([`store::Hints`]).
//! 5. The process that commits the message announces it. What a process leaves undone is found by the one
//!    that has the duty ([`store::Duties`]): owed messages, announcements, abandoned uploads, and bytes that
//!    no record needs.
//! 6. In [`store::local`] there is one process, and so one epoch. A while after its message the upload is
//!    over, and as long again later its record goes.
//!
//! # Words
//!
//! | word | what it is |
//! | --- | --- |
//! | upload | bytes on their way, with a record; it becomes one message, or a part of another upload |
//! | part | the bytes of an upload that is not a message yet; a *partial* upload is one that others are made of |
//! | ledger, row, chunk | the durable pieces of an upload; each row tells of one chunk, and the last row's end is the offset |
//! | binding | what the message will be: conversation, caption, `client_message_id` |
//! | lease, holder, newcomer | the right to write to an upload; who has it; who asks for it |
//! | epoch, fence | the number of a lease, which grows; the refusal of what comes under an older one |
//! | to seal | to end the appending to an upload that has all of its bytes: then they can be read |
//! | duty | work beside the requests that one process does for all |
//! | to drive | to take a complete upload as far towards its message as it goes |
//! | owed | complete and bound, and without its message yet |
//! | claim, stamp | the step that gives an upload its message's id and time; these two |
//! | place | the folder and name of a message's file; to place is to move the file there |
//! | commit | the one change in which a message, its indexes and its outbox entry come to be |
//! | outbox, publish | messages that are not announced yet; to announce them and take them out |
//! | promise, room | bytes that are set aside for an upload; bytes of the disk |
//! | journal, memtable | changes on disk in the order of commits; the same changes in memory, where reads find them |
//! | frozen, flush, checkpoint | a memtable that takes no more; to give it to the database; the moment that is done |
//! | carry, settle | to keep few bytes in the journal until their file is synced; to sync it |

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
pub mod moving;
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
                let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
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
