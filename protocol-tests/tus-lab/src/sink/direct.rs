//! Receiving a long body past the page cache, with several buffers on their way to the disk at once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::aligned::{Aligned, BLOCK};

/// How much is written at once.
const SIZE: usize = 1024 * 1024;

/// How many buffers a connection has.
const COUNT: usize = 3;

type Writing = JoinHandle<io::Result<Aligned>>;

/// The buffers of a connection, made when they are needed.
#[derive(Debug, Default)]
pub(super) struct Buffers(Vec<Aligned>);

/// Where a body goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Opened past the page cache.
    pub(super) file: Arc<File>,
    /// The digest of the buffers in any order: it costs as much as that of the file, and is not told.
    pub(super) digest: Option<Arc<Mutex<Sha256>>>,
}

/// Whether a body of this length fills buffers, from this offset on.
pub(super) fn fits(offset: u64, length: u64) -> bool {
    length >= SIZE as u64 && offset.is_multiple_of(BLOCK as u64)
}

impl Buffers {
    /// Receives a body into this range of the file; the beginning of it may be in the inbox. What is left of
    /// the last block is written as a whole one, and cut off again.
    pub(super) async fn fill(
        &mut self,
        stream: &mut TcpStream,
        inbox: &mut Vec<u8>,
        target: &Target,
        Range { start: mut at, end }: Range<u64>,
    ) -> io::Result<()> {
        let mut writing = VecDeque::new();
        while at < end {
            let mut buffer = self.next(&mut writing).await?;
            let wanted = usize::try_from(end - at).unwrap_or(SIZE).min(SIZE);
            let here = inbox.len().min(wanted);
            let bytes = buffer.first(wanted);
            bytes[..here].copy_from_slice(&inbox[..here]);
            inbox.drain(..here);
            stream.read_exact(&mut bytes[here..]).await?;
            let target = target.clone();
            writing.push_back(spawn_blocking(move || write(buffer, wanted, at, &target)));
            at += wanted as u64;
        }
        for writing in writing {
            self.0.push(written(writing).await?);
        }
        if !end.is_multiple_of(BLOCK as u64) {
            target.file.set_len(end)?;
        }
        Ok(())
    }

    async fn next(&mut self, writing: &mut VecDeque<Writing>) -> io::Result<Aligned> {
        if writing.len() == COUNT
            && let Some(first) = writing.pop_front()
        {
            return written(first).await;
        }
        Ok(self.0.pop().unwrap_or_else(|| Aligned::new(SIZE)))
    }
}

async fn written(writing: Writing) -> io::Result<Aligned> {
    writing.await.expect("writing does not panic, and is not cancelled")
}

fn write(mut buffer: Aligned, count: usize, at: u64, target: &Target) -> io::Result<Aligned> {
    if let Some(digest) = &target.digest {
        digest.lock().expect("no thread panics while it holds it").update(buffer.first(count));
    }
    target.file.write_all_at(buffer.first(count.next_multiple_of(BLOCK)), at)?;
    Ok(buffer)
}
