use std::io;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::event::Event;
use super::network::Network;
use super::step::{Cut, Direction, Step};

/// How many pieces may be on their way at once, over a line with latency.
const ON_THEIR_WAY: usize = 32;

/// How many bytes of a lost answer are kept for its event.
const REMEMBERED: usize = 16 * 1024;

/// How a direction of a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The sender ended its direction, and the receiver has been told.
    Finished,
    /// The sender is dead.
    SenderBroken,
    /// The receiver accepts no more bytes.
    ReceiverBroken,
    /// A planned step ends the connection.
    Struck(End),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Cut(Cut),
    Vanish,
    BadGateway,
}

/// One direction of one connection.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    pub(super) connection: u64,
    pub(super) direction: Direction,
    pub(super) network: &'a Network,
    /// How many bytes this lane has carried.
    pub(super) carried: u64,
}

/// Bytes on their way, and when they may arrive. If the sender dies, its pieces just end.
#[derive(Debug)]
struct Piece {
    due: Instant,
    /// The bytes; an empty piece is the sender's orderly end.
    bytes: Vec<u8>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(connection: u64, direction: Direction, network: &'a Network) -> Self {
        Self { connection, direction, network, carried: 0 }
    }

    /// Carries bytes until there are no more, or until a step ends the connection.
    pub(super) async fn carry(&mut self, mut sender: ReadHalf<'_>, mut receiver: WriteHalf<'_>) -> Ended {
        let pieces = if self.network.latency.is_zero() { 1 } else { ON_THEIR_WAY };
        let (entry, exit) = mpsc::channel(pieces);
        let (network, direction) = (self.network, self.direction);
        let take_in = take_in(direction, network, &mut sender, entry);
        let mut deliver = std::pin::pin!(self.deliver(exit, &mut receiver));
        tokio::select! {
            biased;
            ended = &mut deliver => return ended,
            // The pieces on their way tell whether the sender ended or died.
            _ = take_in => {}
        }
        deliver.await
    }

    /// Hands each piece over when it is due.
    async fn deliver(&mut self, mut pieces: Receiver<Piece>, receiver: &mut WriteHalf<'_>) -> Ended {
        while let Some(piece) = pieces.recv().await {
            tokio::time::sleep_until(piece.due.into()).await;
            if piece.bytes.is_empty() {
                _ = receiver.shutdown().await;
                return Ended::Finished;
            }
            if let Err(ended) = self.hand_over(&piece.bytes, receiver).await {
                return ended;
            }
        }
        Ended::SenderBroken
    }

    /// Hands these bytes over as far as the plan lets them go.
    async fn hand_over(&mut self, mut rest: &[u8], receiver: &mut WriteHalf<'_>) -> Result<(), Ended> {
        while !rest.is_empty() {
            self.before(rest, receiver).await?;
            let (allowed, step) = self.network.pass(self.direction, rest.len());
            let (now, later) = rest.split_at(allowed);
            rest = later;
            receiver.write_all(now).await.map_err(|_| Ended::ReceiverBroken)?;
            self.carried += allowed as u64;
            if let Some(step) = step {
                self.take(step, receiver).await?;
            }
        }
        Ok(())
    }

    /// Applies the network's state before the next bytes: waits for a stall, or ends the connection.
    async fn before(&mut self, next: &[u8], receiver: &mut WriteHalf<'_>) -> Result<(), Ended> {
        while let Some(until) = self.network.still_until() {
            tokio::time::sleep_until(until.into()).await;
        }
        match self.direction {
            Direction::Up if self.network.is_without_server() => Err(Ended::Struck(End::BadGateway)),
            Direction::Up => Ok(()),
            Direction::Down => match self.network.doom() {
                Some((cut, after)) => Err(self.spoil(next, cut, after, receiver).await),
                None => Ok(()),
            },
        }
    }

    /// Passes on the beginning of an answer that is to be cut.
    async fn spoil(&mut self, answer: &[u8], cut: Cut, after: u64, receiver: &mut WriteHalf<'_>) -> Ended {
        let passed = usize::try_from(after).map_or(answer.len(), |after| after.min(answer.len()));
        _ = receiver.write_all(&answer[..passed]).await;
        self.carried += passed as u64;
        let answer = answer[..answer.len().min(REMEMBERED)].to_vec();
        self.network.tell(&Event::AnswerLost { connection: self.connection, answer });
        Ended::Struck(End::Cut(cut))
    }

    async fn take(&mut self, step: Step, receiver: &mut WriteHalf<'_>) -> Result<(), Ended> {
        let at = self.network.count(self.direction);
        let (connection, direction) = (self.connection, self.direction);
        self.network.tell(&Event::Struck { connection, direction, at, step });
        match step {
            Step::Cut(cut) => {
                self.network.cut(cut);
                return Err(Ended::Struck(End::Cut(cut)));
            }
            Step::Hold => {
                self.network.holds.notify_one();
                std::future::pending().await
            }
            Step::HalfClose => {
                _ = receiver.shutdown().await;
                return Err(Ended::Finished);
            }
            Step::Vanish => return Err(Ended::Struck(End::Vanish)),
            Step::BadGateway(time) => {
                self.network.lose_server(time);
                return Err(Ended::Struck(End::BadGateway));
            }
            Step::LoseAnswer => self.network.doom_next_answer(Cut::Reset, 0),
            Step::CutAnswer(cut, after) => self.network.doom_next_answer(cut, after),
            Step::Stall(time) => self.network.stand_still(time),
        }
        Ok(())
    }
}

/// Reads the sender's bytes, no faster than the line carries them.
async fn take_in(
    direction: Direction,
    network: &Network,
    sender: &mut ReadHalf<'_>,
    entry: Sender<Piece>,
) -> io::Result<()> {
    let mut buffer = vec![0; network.piece(direction)];
    loop {
        let count = sender.read(&mut buffer).await?;
        let arrival = network.arrival(direction, count);
        if let Some(arrival) = arrival {
            tokio::time::sleep_until(arrival.into()).await;
        }
        let due = arrival.unwrap_or_else(Instant::now) + network.latency;
        let is_taken = entry.send(Piece { due, bytes: buffer[..count].to_vec() }).await.is_ok();
        if count == 0 || !is_taken {
            return Ok(());
        }
    }
}
