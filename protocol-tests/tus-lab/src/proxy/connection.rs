use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::event::Event;
use super::gateway;
use super::lane::{End, Ended, Lane};
use super::network::Network;
use super::step::{Cut, Direction};

/// How long a connection stays open after the server has sent everything.
const LINGER: Duration = Duration::from_secs(5);

/// How long the server's connection stays open after its client has vanished.
const SILENCE: Duration = Duration::from_secs(120);

/// Carries a client's connection to its end. If the server is away, the client gets a reset, as without the
/// proxy.
pub(super) async fn connect(mut client: TcpStream, connection: u64, network: Arc<Network>) {
    let cuts = network.cut.subscribe();
    network.tell(&Event::Opened { connection });
    if network.is_without_server() {
        if gateway::refuse(&mut client).await {
            network.tell(&Event::BadGateway { connection });
        }
        return;
    }
    match TcpStream::connect(network.target).await {
        Ok(server) => carry(client, server, connection, cuts, &network).await,
        Err(_) => {
            reset(&client);
            network.tell(&Event::Unreachable { connection });
        }
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    connection: u64,
    mut cuts: watch::Receiver<Cut>,
    network: &Network,
) {
    // Small pieces must be sent at once, or byte counts would mean little.
    _ = client.set_nodelay(true);
    _ = server.set_nodelay(true);
    let mut up = Lane::new(connection, Direction::Up, network);
    let mut down = Lane::new(connection, Direction::Down, network);
    let end = both_ways(&mut client, &mut server, &mut up, &mut down, &mut cuts).await;
    let (up, down) = (up.carried, down.carried);
    match end {
        End::Cut(Cut::Fin) => {
            drop(server);
            gateway::part(&mut client).await;
        }
        End::Cut(Cut::Reset) => {
            reset(&client);
            reset(&server);
        }
        End::Vanish => {
            reset(&client);
            drop(client);
            stay_silent(server, cuts).await;
        }
        End::BadGateway => {
            drop(server);
            network.tell(&Event::BadGateway { connection });
            gateway::answer(&mut client).await;
        }
    }
    network.tell(&Event::Closed { connection, up, down });
}

/// Carries bytes both ways until the connection is over, and returns how it is to be ended.
async fn both_ways(
    client: &mut TcpStream,
    server: &mut TcpStream,
    up: &mut Lane<'_>,
    down: &mut Lane<'_>,
    cuts: &mut watch::Receiver<Cut>,
) -> End {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut up = pin!(up.carry(from_client, to_server));
    let mut down = pin!(down.carry(from_server, to_client));
    let (mut sending, mut answering) = (true, true);
    while sending || answering {
        tokio::select! {
            biased;
            cut = cuts.changed() => return End::Cut(cut.map_or(Cut::Reset, |()| *cuts.borrow())),
            ended = &mut down, if answering => match ended {
                Ended::Finished => answering = false,
                Ended::Struck(end) => return end,
                Ended::SenderBroken | Ended::ReceiverBroken => return End::Cut(Cut::Reset),
            },
            ended = &mut up, if sending => match ended {
                // The bytes that the server sent before it stopped listening are still passed on.
                Ended::Finished | Ended::ReceiverBroken => sending = false,
                Ended::Struck(end) => return end,
                Ended::SenderBroken => return End::Cut(Cut::Reset),
            },
            () = tokio::time::sleep(LINGER), if !answering => return End::Cut(Cut::Fin),
        }
    }
    End::Cut(Cut::Fin)
}

/// Keeps the server's connection open and silent, until the server or a cut ends it.
async fn stay_silent(mut server: TcpStream, mut cuts: watch::Receiver<Cut>) {
    let mut buffer = [0; 4096];
    let until_it_ends = async { while matches!(server.read(&mut buffer).await, Ok(1..)) {} };
    tokio::select! {
        _ = cuts.changed() => {}
        _ = timeout(SILENCE, until_it_ends) => {}
    }
}

/// Makes closing the socket a reset, by a linger time of zero. For a dead socket this fails, which does not
/// matter.
fn reset(socket: &TcpStream) {
    _ = socket.set_zero_linger();
}
