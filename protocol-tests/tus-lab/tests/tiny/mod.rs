//! The smallest possible tus server, to test the tests.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The server's treatment of bytes of a PATCH that another request has overtaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// Late bytes are appended, which is wrong.
    Appended,
    /// Late bytes are refused, and their connection ends.
    Refused,
    /// Late bytes cannot come: the upload is locked while their connection lives. This is wrong, too.
    Locked,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Tiny {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Upload {
    length: u64,
    bytes: Vec<u8>,
    /// How many PATCHes are under way.
    appending: u64,
    /// How many requests have looked at the upload; a PATCH is overtaken when this has grown.
    requests: u64,
}

type Uploads = Arc<Mutex<Vec<Upload>>>;

impl Tiny {
    pub(crate) async fn start(late: Late) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let uploads = Uploads::default();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&uploads), late));
            }
        });
        Self { address, accepting }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/files", self.address)
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one request, and ends the connection.
async fn serve(mut stream: TcpStream, uploads: Uploads, late: Late) -> io::Result<()> {
    let (head, body) = read_head(&mut stream).await?;
    let (method, path) = head.split_once(' ').unwrap_or_default();
    let path = path.split(' ').next().unwrap_or_default();
    let number = path.rsplit('/').next().and_then(|number| number.parse::<usize>().ok());
    let answer = match (method, number) {
        ("OPTIONS", _) => "204 No Content\r\nTus-Extension: creation".to_owned(),
        ("POST", None) => {
            let mut uploads = held(&uploads);
            uploads.push(Upload { length: value(&head, "upload-length"), ..Upload::default() });
            format!("201 Created\r\nLocation: {path}/{}\r\nContent-Length: 0", uploads.len() - 1)
        }
        ("HEAD", Some(number)) => {
            let upload = &mut held(&uploads)[number];
            upload.requests += 1;
            if late == Late::Locked && upload.appending > 0 {
                "423 Locked".to_owned()
            } else {
                format!("200 OK\r\nUpload-Offset: {}\r\nUpload-Length: {}", upload.bytes.len(), upload.length)
            }
        }
        ("PATCH", Some(number)) => {
            held(&uploads)[number].appending += 1;
            let answer = append(&mut stream, &uploads, number, &head, body, late).await;
            held(&uploads)[number].appending -= 1;
            answer?
        }
        ("GET", Some(number)) => {
            let bytes = held(&uploads)[number].bytes.clone();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
            return stream.write_all(&[head.as_bytes(), &bytes].concat()).await;
        }
        _ => "404 Not Found\r\nContent-Length: 0".to_owned(),
    };
    stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await
}

async fn append(
    stream: &mut TcpStream,
    uploads: &Uploads,
    number: usize,
    head: &str,
    mut piece: Vec<u8>,
    late: Late,
) -> io::Result<String> {
    let mine = {
        let upload = &mut held(uploads)[number];
        upload.requests += 1;
        if upload.bytes.len() as u64 != value(head, "upload-offset") {
            return Ok("409 Conflict\r\nContent-Length: 0".to_owned());
        }
        upload.requests
    };
    let mut left = value(head, "content-length");
    loop {
        left = left.saturating_sub(piece.len() as u64);
        {
            let upload = &mut held(uploads)[number];
            if late == Late::Refused && upload.requests != mine {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            upload.bytes.extend_from_slice(&piece);
            if left == 0 {
                return Ok(format!("204 No Content\r\nUpload-Offset: {}", upload.bytes.len()));
            }
        }
        piece.resize(64 * 1024, 0);
        let count = stream.read(&mut piece).await?;
        piece.truncate(count);
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads the head, and the part of the body that came with it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), body));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn value(head: &str, name: &str) -> u64 {
    let mut values = head.lines().filter_map(|line| line.split_once(':'));
    let value = values.find(|(held, _)| held.eq_ignore_ascii_case(name));
    value.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or_default()
}

fn held(uploads: &Uploads) -> MutexGuard<'_, Vec<Upload>> {
    uploads.lock().expect("nobody panicked while holding it")
}
