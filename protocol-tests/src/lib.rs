//! The harness of the black-box tests: the real binary, real connections, real clients.
//!
//! Nothing here links against the server. A [`Server`] is the release binary on a free port with
//! a folder of its own; it is killed with SIGKILL and started again on the same port, as a
//! supervisor would. A [`Proxy`] stands in for the network and cuts connections at chosen byte
//! counts, and a [`ReverseProxy`] is nginx, HAProxy or Caddy as people put them in front. [`http`] is a client that does exactly what it is told and tidies nothing up, for
//! everything that a library would hide: half a body, a reset, a header sent twice. [`Script`]
//! drives the real clients, in Node, in Chromium, in Firefox and in Python, a [`Person`] uses the demo's page, and a [`Sending`] is what they have
//! to do. [`Chat`] is the stage on which most tests play: one conversation, two members, and a
//! stranger.
//!
//! [`crash`] does to the server whatever a server can suffer, while a crew of clients keeps books of what it
//! told them; the binary `crash-lab` does that for as long as one likes.
//!
//! The tests are named after facts. They never sleep: they wait for something, with a bound
//! ([`wait`]), and a bound is only ever there to catch a hang.

pub mod attack;
mod binary;
mod chat;
mod checksum;
mod content;
pub mod crash;
mod folder;
mod heavy;
pub mod http;
mod issuer;
pub mod lab;
mod left_out;
pub mod multipart;
mod note;
mod person;
mod proxy;
mod reverse_proxy;
mod script;
mod sending;
mod server;
mod token;
pub mod tus;
pub mod wait;

pub use binary::longhaul;
pub use chat::{Chat, User, check_code, check_detail, conversation_id};
pub use checksum::{ALGORITHMS, checksum, checksum_if_known};
pub use content::{Content, Digest, sha256};
pub use folder::Folder;
pub use heavy::alone;
pub use issuer::{Issuer, Says, SigningKey, key_set};
pub use left_out::left_out;
pub use note::note;
pub use person::Person;
pub use proxy::{Conditions, Cut, Direction, Event, Every, Observer, Proxy, Recurring, Step};
pub use reverse_proxy::{Product, ReverseProxy};
pub use script::{Script, socket};
pub use sending::Sending;
pub use server::{Death, Server, Setup, run_to_its_end};
pub use token::Token;
