//! Several nodes behind a balancer, with the servers that they need, and lines to these that can be troubled.

pub(crate) mod balancer;
mod line;
pub(crate) mod place;
mod service;
pub(crate) mod services;
mod standby;
mod target;

use std::net::SocketAddr;
use std::sync::Arc;

pub use line::{Line, Trouble};
pub use place::Place;
pub use service::Service;
pub use services::Services;
pub use target::Target;

use crate::chat::{Chat, User};
use crate::server::{Process, Server, Setup};
use tus_lab::http::Request;

/// A chat on several nodes.
#[derive(Debug)]
pub struct Cluster {
    /// The chat, whose server is the balancer with all nodes.
    pub chat: Arc<Chat>,
    /// The servers that the nodes need.
    pub services: Arc<Services>,
    /// The nodes' line to PostgreSQL.
    pub postgres: Line,
    /// The nodes' line to Redis.
    pub redis: Line,
    /// The nodes' line to the S3 server.
    pub s3: Line,
}

impl Cluster {
    /// A chat on this many nodes, on servers that other clusters use as well. They may not be harmed; the
    /// lines to them may.
    pub async fn start(setup: Setup, nodes: usize) -> Self {
        Self::on(Services::shared(), setup, nodes).await
    }

    /// A chat on this many nodes, on servers of its own.
    pub async fn start_alone(setup: Setup, nodes: usize) -> Self {
        Self::on(Services::own(), setup, nodes).await
    }

    /// A chat on this many nodes, on servers of its own. The nodes' database may as well be a standby, which
    /// is there, and which their address names before PostgreSQL.
    pub async fn start_with_standby(setup: Setup, nodes: usize) -> (Self, Arc<Service>) {
        let services = Services::own();
        let standby = services.add_standby();
        (Self::at(services, setup, nodes, |place| place.or_at(&standby)).await, standby)
    }

    async fn on(services: Arc<Services>, setup: Setup, nodes: usize) -> Self {
        Self::at(services, setup, nodes, |place| place).await
    }

    async fn at(
        services: Arc<Services>,
        setup: Setup,
        nodes: usize,
        place_of: impl FnOnce(Place) -> Place,
    ) -> Self {
        let postgres = Line::to(services.postgres().target().clone()).await;
        let redis = Line::to(services.redis.target().clone()).await;
        let s3 = Line::to(services.s3.target().clone()).await;
        let place = Place::on(&services).by_way_of(postgres.address(), redis.address(), s3.address());
        let place = place_of(place);
        let chat = Arc::new(Chat::with(Server::of_nodes(setup, nodes, place).await).await);
        Self { chat, services, postgres, redis, s3 }
    }

    /// A node, by its number from 0 on.
    #[must_use]
    pub fn node(&self, number: usize) -> &Process {
        &self.chat.server.nodes()[number]
    }

    /// The address of a node.
    #[must_use]
    pub fn address(&self, number: usize) -> SocketAddr {
        self.node(number).address()
    }

    /// A request to one node.
    #[must_use]
    pub fn request(&self, node: usize, user: &User, method: &str, target: &str) -> Request {
        self.chat.request(user, method, target).to(self.address(node))
    }

    /// What the nodes share.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn place(&self) -> &Place {
        self.chat.server.place().expect("it is a cluster")
    }
}

/// A chat that goes on where it was moved to, on this many nodes.
pub async fn moved(chat: &Chat, place: Place, nodes: usize) -> Chat {
    let server = Server::of_nodes(Setup::default(), nodes, place).await;
    let Chat { conversation, alice, bob, eve, .. } = chat;
    let (alice, bob, eve) = (alice.clone(), bob.clone(), eve.clone());
    Chat { server, conversation: conversation.clone(), alice, bob, eve }
}

/// Whether this machine lacks a program that clusters need.
#[must_use]
#[track_caller]
pub fn left_out() -> bool {
    ["postgres", "redis", "versitygw", "haproxy"].into_iter().any(crate::left_out::left_out)
}
