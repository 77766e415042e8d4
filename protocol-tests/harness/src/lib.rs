//! The harness of the black-box tests: the real binary, real connections, real clients.
//!
//! Nothing here links against the server. A [`Server`](server::Server) is the release binary on a free port
//! with a folder of its own; it is killed with SIGKILL and started again on the same port, as a supervisor
//! would. A [`ReverseProxy`](reverse_proxy::ReverseProxy) is nginx, HAProxy or Caddy as people put them in
//! front. A [`Cluster`](cluster::Cluster) is several nodes behind a balancer. A [`Script`](script::Script)
//! drives the real clients, in Node, in Chromium, in Firefox and in Python, a [`Person`](person::Person) uses
//! the demo's page, and a [`Sending`](sending::Sending) is what they have to do. A [`Chat`](chat::Chat) is
//! the setting of most tests: one conversation, two members, and a stranger.
//!
//! The parts that know nothing of longhaul come from `tus-lab`: a client that does exactly what it is told
//! ([`http`]), a bad network ([`proxy`]), [`content`] and its [`checksum`]s.
//!
//! The tests are named after facts. They never sleep: they wait for something, with a bound ([`wait`]), and a
//! bound is only ever there to catch a hang.

pub mod attack;
pub mod binary;
pub mod chat;
pub mod cluster;
pub mod folder;
pub mod heavy;
pub mod issuer;
pub mod left_out;
pub mod multipart;
pub mod person;
pub mod reverse_proxy;
pub mod script;
pub mod sending;
pub mod server;
pub mod steps;
pub mod token;
pub mod tus;

pub use tus_lab::{checksum, content, http, note, proxy, wait};
