use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::outcome::Bytes;
use super::run::Run;
use super::settings::PATIENCE;
use super::sight::Sight;
use crate::content::Content;
use crate::http::Connection;

/// How long reading an upload back may take.
const BOUND: Duration = Duration::from_secs(60);

/// How much of a file is read at once.
const BUFFER: usize = 256 * 1024;

/// Compares the server's bytes of a finished upload with those that were sent.
pub(super) async fn compare(run: &Run, sight: &Sight, path: &str) -> Bytes {
    let reading = async {
        match sight {
            Sight::Get => get(run, path).await,
            Sight::Folder(folder) => read(run, folder.join(id_of(path))).await,
            Sight::None => Ok(Bytes::NotChecked("GET does not give it, and no --verify-dir".to_owned())),
        }
    };
    match timeout(BOUND, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => Bytes::NotChecked(format!("could not be read: {error}")),
        Err(_) => Bytes::NotChecked(format!("could not be read within {BOUND:?}")),
    }
}

/// The offset that the server tells in its answer to HEAD, if it tells one.
pub(super) async fn claims(run: &Run, path: &str) -> Option<u64> {
    let request = run.subject.request(run.subject.endpoint.address, "HEAD", path);
    let answer = timeout(PATIENCE, request.try_send()).await.ok()?.ok()?;
    if !(200..300).contains(&answer.status) {
        return None;
    }
    answer.head.values("Upload-Offset").next()?.parse().ok()
}

async fn get(run: &Run, path: &str) -> io::Result<Bytes> {
    let request = run.subject.request(run.subject.endpoint.address, "GET", path);
    let mut connection = Connection::try_open(request.address()).await?;
    connection.try_send(&request.head()).await?;
    let mut comparison = Comparison::new(&run.content);
    let head = connection.try_answer_into(false, |bytes| comparison.take(bytes)).await?;
    match head.status {
        200 => Ok(comparison.result()),
        status => Ok(Bytes::NotChecked(format!("GET was answered {status}"))),
    }
}

async fn read(run: &Run, path: PathBuf) -> io::Result<Bytes> {
    let mut file = File::open(path).await?;
    let (mut comparison, mut buffer) = (Comparison::new(&run.content), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer).await? {
            0 => return Ok(comparison.result()),
            count => comparison.take(&buffer[..count]),
        }
    }
}

/// The upload's id, which is the last part of its path.
fn id_of(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// A comparison of the bytes that were sent with those that come back.
#[derive(Debug)]
struct Comparison<'a> {
    content: &'a Content,
    len: u64,
    first_difference: Option<u64>,
}

impl<'a> Comparison<'a> {
    fn new(content: &'a Content) -> Self {
        Self { content, len: 0, first_difference: None }
    }

    fn take(&mut self, bytes: &[u8]) {
        let (mut at, size) = (self.len, self.content.len());
        self.len += bytes.len() as u64;
        if self.first_difference.is_some() {
            return;
        }
        let mut rest = bytes;
        for expected in self.content.pieces_of(at.min(size)..self.len.min(size)) {
            let (held, later) = rest.split_at(expected.len());
            if held != expected {
                let position = held.iter().zip(&expected).position(|(held, expected)| held != expected);
                self.first_difference = position.map(|position| at + position as u64);
                return;
            }
            (rest, at) = (later, at + expected.len() as u64);
        }
    }

    fn result(self) -> Bytes {
        let size = self.content.len();
        match self.first_difference {
            _ if self.len != size => Bytes::Different(format!("it has {} bytes instead of {size}", self.len)),
            Some(at) => Bytes::Different(format!("it differs from byte {at} on")),
            None => Bytes::Identical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let content = Content::random(3_000_000);
        let mut bytes = content.bytes();
        change(&mut bytes);
        let mut comparison = Comparison::new(&content);
        bytes.chunks(100_000).for_each(|chunk| comparison.take(chunk));
        comparison.result()
    }

    #[test]
    fn a_comparison_finds_every_byte() {
        assert_eq!(compared(|_| {}), Bytes::Identical);
        let flipped = compared(|bytes| bytes[2_345_678] ^= 1);
        assert_eq!(flipped, Bytes::Different("it differs from byte 2345678 on".to_owned()));
        assert!(matches!(compared(|bytes| bytes.push(0)), Bytes::Different(_)));
        assert!(matches!(compared(|bytes| bytes.truncate(5)), Bytes::Different(_)));
    }

    #[test]
    fn an_id_is_the_last_part_of_the_path() {
        assert_eq!(id_of("/files/abc?x=/y"), "abc");
        assert_eq!(id_of("abc"), "abc");
    }
}
