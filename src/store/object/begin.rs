//! Parts that are whole, on their way to the object store.
//!
//! While that takes none, bytes go on into the tail, as many as it may have; then their sender waits.

use std::sync::Arc;

use futures_util::FutureExt;

use super::multipart::Multipart;
use super::part::Part;
use super::presence::Turn;
use super::put::{self, Landing, Put};
use super::writer::Writer;
use crate::store::{StoreError, Syncing};

impl Writer {
    /// The index of the part under construction.
    pub(super) fn building(&self) -> u64 {
        self.parts + self.puts.len() as u64
    }

    pub(super) async fn begin_parts(&mut self) -> Result<(), StoreError> {
        while self.end >= (self.building() + 1) * self.part_size {
            if !self.has_entered {
                // What is there may have other parts than were seen.
                self.enter().await?;
                continue;
            }
            if let Some(turn) = self.turn().await? {
                self.begin_part(turn)?;
                continue;
            }
            self.keep_all().await?;
            if self.tail() < self.shared.limits.tail && !self.shared.presence.is_at_its_end() {
                return Ok(());
            }
            self.wait_for_store().await?;
        }
        Ok(())
    }

    /// The right to put a part; `None` if the object store takes none now.
    async fn turn(&mut self) -> Result<Option<Turn>, StoreError> {
        let is_free = self.land_all_but(self.shared.limits.in_flight.max(1) - 1).await?;
        Ok(if is_free { self.shared.presence.turn() } else { None })
    }

    /// How many bytes are in the tail.
    fn tail(&self) -> u64 {
        self.kept.saturating_sub(self.parts * self.part_size)
    }

    /// Waits until the object store has taken a part: the tail has as much as it may have.
    async fn wait_for_store(&mut self) -> Result<(), StoreError> {
        if self.puts.is_empty() {
            self.enter().await?;
            let turn = self.shared.presence.next_turn(self.shared.limits.part_timeout).await?;
            self.begin_part(turn)?;
        }
        let landing = self.puts.front().map(|put| put.landing.clone());
        landing.expect("one is under way").await?;
        Ok(())
    }

    fn begin_part(&mut self, turn: Turn) -> Result<(), StoreError> {
        let idx = self.building();
        if idx >= self.shared.limits.most_parts {
            return Err(StoreError::Full);
        }
        let multipart = self.multipart();
        let (from, to) = (idx * self.part_size, (idx + 1) * self.part_size);
        let begin = (self.end - self.buffer.len()).clamp(from, to);
        let mut pieces = self.buffer.take(to - begin);
        let memory = Arc::new(pieces.take_share());
        let part = Part {
            id: self.id,
            epoch: self.epoch,
            key: self.key.clone(),
            multipart,
            idx,
            in_tail: from..begin,
            pieces: pieces.range(0..pieces.len()),
        };
        let shared = Arc::clone(&self.shared);
        let needs = Arc::clone(&memory);
        let landing = put::begin(async move {
            let (_turn, _needs) = (turn, needs);
            part.put(&shared).await
        });
        self.puts.push_back(Put { begin, end: to, pieces, memory: Some(memory), landing });
        Ok(())
    }

    /// The id of the object of parts, which is begun before the first one.
    fn multipart(&mut self) -> Landing {
        let (shared, id, epoch, key) = (Arc::clone(&self.shared), self.id, self.epoch, self.key.clone());
        let begin = || put::begin(async move { Multipart { id, epoch, key }.begin(&shared).await });
        self.multipart.get_or_insert_with(begin).clone()
    }

    /// Waits until at most this many puts are under way, or until bytes should wait no longer; answers which
    /// of the two it was. The bytes of parts that have landed need no memory: a row that tells of them ends
    /// behind them.
    pub(super) async fn land_all_but(&mut self, most: usize) -> Result<bool, StoreError> {
        let first = self.puts.len().saturating_sub(most);
        let until = self.shared.until();
        for put in self.puts.iter_mut().take(first) {
            if !self.shared.has_landed(&put.landing, until).await? {
                return Ok(false);
            }
            put.let_go();
        }
        Ok(true)
    }

    /// Waits until the parts that are whole have landed, or until a row should wait no longer. What has not
    /// landed then is kept in the tail by the row that follows.
    pub(super) fn landing(&self) -> Syncing {
        let landings: Vec<_> = self.puts.iter().map(|put| put.landing.clone()).collect();
        let shared = Arc::clone(&self.shared);
        async move {
            let until = shared.until();
            for landing in landings {
                if !shared.has_landed(&landing, until).await? {
                    break;
                }
            }
            Ok(())
        }
        .boxed()
    }
}
