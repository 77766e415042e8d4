use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::decision::Ask;
use super::fault::Way;
use super::matrix::Row;
use super::settings::{PATIENCE, Settings};
use super::shape::Shape;
use crate::conformance::{BadUrl, Place};
use crate::http::Request;
use crate::{tus, wait};

/// The placeholder in a metadata value for a text that no other upload has.
const UNIQUE: &str = "{row}";

/// How long a server may be away while its supervisor restarts it.
const RESTART: Duration = Duration::from_secs(5);

/// Why a run could not take place.
#[derive(Debug)]
pub enum CouldNotRun {
    /// The endpoint is no URL that can be used.
    Url(BadUrl),
    /// No server answers at the endpoint.
    Unreachable(io::Error),
    /// The server does not offer creation.
    NoCreation,
    /// An upload without any trouble failed.
    NotEvenCalm(String),
    /// The server went away, and this row was the first to notice.
    Gone(Row),
    /// `--only` names no row.
    NothingChosen,
}

impl fmt::Display for CouldNotRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(formatter),
            Self::Unreachable(error) => write!(formatter, "no server answers: {error}"),
            Self::NoCreation => formatter.write_str("the server does not offer the creation extension"),
            Self::NotEvenCalm(why) => write!(
                formatter,
                "an upload without any trouble failed ({why}): pass what the server wants to know, for \
                 example --header 'Authorization: Bearer …' or --metadata 'filename a.bin'"
            ),
            Self::Gone(Row::CALM) => formatter.write_str(
                "the server is gone after an upload without any trouble that was read back with GET: with \
                 --verify-dir there is no GET",
            ),
            Self::Gone(row) => {
                write!(formatter, "the server is gone: what ended it is {row}, or a row that ran beside it")
            }
            Self::NothingChosen => formatter.write_str("--only names no row"),
        }
    }
}

/// The server under test, and what every request to it carries.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) endpoint: Place,
    pub(super) extensions: Vec<String>,
    headers: Vec<(String, String)>,
    metadata: Vec<(String, String)>,
}

impl Subject {
    /// Asks the server what it offers.
    pub(super) async fn discover(settings: &Settings) -> Result<Self, CouldNotRun> {
        let endpoint = Place::of(&settings.endpoint).await.map_err(CouldNotRun::Url)?;
        let mut subject = Self {
            endpoint,
            extensions: Vec::new(),
            headers: settings.headers.clone(),
            metadata: settings.metadata.clone(),
        };
        let request = subject.request(subject.endpoint.address, "OPTIONS", &subject.endpoint.path);
        let asking = timeout(PATIENCE, request.try_send());
        let answer = asking.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        subject.extensions = answer.map_err(CouldNotRun::Unreachable)?.head.list("Tus-Extension");
        if subject.offers("creation") { Ok(subject) } else { Err(CouldNotRun::NoCreation) }
    }

    /// Whether the server still accepts connections. A supervisor gets some time to restart it.
    pub(super) async fn is_there(&self) -> bool {
        let connected = async {
            while TcpStream::connect(self.endpoint.address).await.is_err() {
                tokio::time::sleep(wait::STEP).await;
            }
        };
        timeout(RESTART, connected).await.is_ok()
    }

    /// Whether the server offers this extension.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.extensions.iter().any(|offered| offered == extension)
    }

    /// A request with only the headers that this server always wants.
    pub(super) fn request(&self, to: SocketAddr, method: &str, path: &str) -> Request {
        let request = Request::new(to, method, path)
            .header("Host", &self.endpoint.authority)
            .header("Tus-Resumable", "1.0.0");
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// A client's request for these bytes of the content, without the body.
    pub(super) fn message(&self, client: &Client<'_>, ask: Ask, body: &Range<u64>) -> Request {
        let request = match ask {
            Ask::Create => self.creation(client),
            Ask::Join => return self.described(self.joining(client), client.tag),
            Ask::Offset => return self.request(client.to, "HEAD", client.upload),
            Ask::Append(offset) => {
                self.request(client.to, "PATCH", client.upload).header("Upload-Offset", offset)
            }
        };
        let is_last = matches!(ask, Ask::Append(_)) && body.end == client.shape.size;
        let request = match client.way {
            Way::DeferredLength if is_last => request.header("Upload-Length", client.shape.size),
            _ => request,
        };
        let request = match ask {
            Ask::Create if body.is_empty() => request,
            _ => request.header("Content-Type", tus::OFFSET_OCTET_STREAM),
        };
        request.declared_length(body.end - body.start)
    }

    fn creation(&self, client: &Client<'_>) -> Request {
        let request = self.request(client.to, "POST", &self.endpoint.path);
        let request = match client.way {
            Way::DeferredLength => request.header("Upload-Defer-Length", 1),
            _ => request.header("Upload-Length", client.shape.size),
        };
        match client.way {
            // Metadata of the whole is sent with the final upload.
            Way::Parallel => request.header("Upload-Concat", "partial"),
            _ => self.described(request, client.tag),
        }
    }

    fn joining(&self, client: &Client<'_>) -> Request {
        let request = self.request(client.to, "POST", &self.endpoint.path);
        let urls: Vec<_> =
            client.parts.iter().map(|path| format!("http://{}{path}", self.endpoint.authority)).collect();
        request.header("Upload-Concat", format!("final;{}", urls.join(" "))).declared_length(0)
    }

    fn described(&self, request: Request, tag: &str) -> Request {
        if self.metadata.is_empty() {
            return request;
        }
        let values: Vec<_> = self.metadata.iter().map(|(_, value)| value.replace(UNIQUE, tag)).collect();
        let keys = self.metadata.iter().map(|(key, _)| key.as_str());
        let pairs: Vec<_> = keys.zip(values.iter().map(String::as_str)).collect();
        request.header("Upload-Metadata", tus::metadata(&pairs))
    }
}

/// The client's side of a request.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) to: SocketAddr,
    pub(super) way: Way,
    pub(super) shape: Shape,
    /// The text that no other upload has.
    pub(super) tag: &'a str,
    /// The path of the upload, once there is one.
    pub(super) upload: &'a str,
    /// The paths of the partial uploads, if the client has any.
    pub(super) parts: &'a [String],
}
