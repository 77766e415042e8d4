//! An attack that goes on for ten seconds, while another user is served and memory is watched.
//!
//! An attack comes in two waves. The allocator keeps much of the memory that it once had, so resident memory
//! does not tell what is still held. Memory that the first wave leaked shows in the second one, which then
//! needs more than the first.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::chat::{Chat, User, conversation_id};
use crate::multipart::Form;
use crate::server::Server;
use crate::tus;
use tus_lab::http::Request;
use tus_lab::note::note;

/// How long each of the two waves lasts.
pub const WAVE: Duration = Duration::from_secs(5);
/// How many bytes the server may ever have resident, unless the attack makes it hold more. The tests of
/// memory have the same bound.
pub const ALLOWED: u64 = 64 << 20;
/// How many bytes the second wave may need beyond the first, besides a third of what the first one cost:
/// other threads of the server take part, and the allocator keeps memory for each of them. (Thousands of
/// connections need a quarter more the second time, then a tenth, then a twentieth.) Memory that is never
/// given back would cost as much again.
const SLACK: u64 = 16 << 20;

/// Repeats the attack, at least once in each wave, and serves another user meanwhile: `/healthz`, an upload
/// in two pieces, a message. The server never has more than `bound` bytes resident, and is well afterwards.
///
/// # Panics
/// When the other user is not served, or memory goes beyond its bounds.
pub async fn goes_on(chat: &Chat, bound: u64, attack: impl AsyncFnMut()) {
    let bystander = Bystander::of(chat).await;
    beside(&chat.server, bound, async || bystander.is_served().await, attack).await;
    chat.server.request("GET", "/readyz").send().await.expecting(200);
}

/// Repeats the attack in two waves, while `others` does for the other users what the caller chooses.
///
/// # Panics
/// When memory goes beyond its bounds, or the server dies.
pub async fn beside(
    server: &Server,
    bound: u64,
    mut others: impl AsyncFnMut(),
    mut attack: impl AsyncFnMut(),
) {
    others().await;
    let (start, mut peaks) = (server.memory(), Vec::new());
    for _ in 0..2 {
        let before = Memory::of(server);
        server.forget_peak_memory();
        let end = Instant::now() + WAVE;
        let (is_over, mut served) = (Cell::new(false), 0);
        let wave = async {
            while !is_over.get() {
                attack().await;
                is_over.set(Instant::now() >= end);
            }
        };
        // What the other users have begun is finished: half of an upload would stay.
        let meanwhile = async {
            while !is_over.get() {
                others().await;
                served += 1;
            }
        };
        tokio::join!(wave, meanwhile);
        others().await;
        let after = Memory::of(server);
        note(format_args!("before {before}, after {after}; others were served {} times", served + 1));
        assert!(after.peak < bound, "{after}, and {bound} bytes are allowed");
        peaks.push(after.peak);
    }
    let slack = SLACK + peaks[0].saturating_sub(start) / 3;
    assert!(peaks[1] <= peaks[0] + slack, "what a wave held was not given back: {peaks:?}");
    assert!(!server.has_died());
}

/// The server's resident memory, in bytes.
#[derive(Debug, Clone, Copy)]
struct Memory {
    now: u64,
    peak: u64,
}

impl Memory {
    fn of(server: &Server) -> Self {
        Self { now: server.memory(), peak: server.peak_memory() }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB resident, {} at the most", self.now >> 10, self.peak >> 10)
    }
}

/// A user without a part in the attack, in a conversation that the attacker is not in.
struct Bystander<'a> {
    chat: &'a Chat,
    user: User,
    conversation: String,
}

impl<'a> Bystander<'a> {
    async fn of(chat: &'a Chat) -> Self {
        let (user, conversation) = (User::named("carol@example.com"), conversation_id());
        chat.put_conversation(&conversation, &[&user, &User::named("dave@example.com")]).await.expecting(201);
        Self { chat, user, conversation }
    }

    async fn is_served(&self) {
        self.chat.server.request("GET", "/healthz").send().await.expecting(200);
        let target = format!("/conversations/{}/files", self.conversation);
        let upload = tus::creation(self.chat, &self.user, &target, 70_000).send().await.expecting(201);
        let location = upload.expect("Location").to_owned();
        for (offset, bytes) in [(0, 40_000), (40_000, 30_000)] {
            let piece = tus::patch(self.chat, &self.user, &location, offset).body(vec![7; bytes]);
            let answer = piece.send().await.expecting(204);
            if offset > 0 {
                assert!(answer.header("Chat-Message-Id").is_some(), "it is a message");
            }
        }
        let message = self.one_shot().send().await.expecting(200).json();
        assert_eq!(message["message"]["file_size"], 1);
    }

    fn one_shot(&self) -> Request {
        Form::of("meanwhile.txt", b"x", &self.conversation).into_request(self.chat.one_shot(&self.user))
    }
}
