use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, digits};
use super::options::Options;
use super::place::{BadUrl, Place};
use crate::http::Request;

/// The protocol version of all requests.
pub(super) const VERSION: &str = "1.0.0";

/// The server under test, and what every request to it carries.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The URL of creation.
    pub endpoint: Place,
    /// Headers for every request.
    pub headers: Vec<(String, String)>,
    /// The beginning of every creation's `Upload-Metadata`.
    pub metadata: Option<String>,
    /// What the server offers.
    pub offer: Offer,
    /// The server's answer to OPTIONS.
    pub(super) discovery: Answer,
    /// Whether GET on the URL of a complete upload gives its bytes.
    pub(super) gives_bytes_back: bool,
}

/// The server's offer, as its answer to OPTIONS tells it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Offer {
    /// `Tus-Version`.
    pub versions: Vec<String>,
    /// `Tus-Extension`.
    pub extensions: Vec<String>,
    /// `Tus-Checksum-Algorithm`.
    pub algorithms: Vec<String>,
    /// `Tus-Max-Size`.
    pub max_size: Option<u64>,
}

/// Why a run could not take place.
#[derive(Debug)]
pub enum CouldNotRun {
    /// The endpoint is no URL that can be used.
    Url(BadUrl),
    /// No server answers at the endpoint.
    Unreachable(io::Error),
    /// The server asks for credentials.
    Unauthorized(u16),
    /// `--only` names no case.
    NothingChosen,
}

impl fmt::Display for CouldNotRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(formatter),
            Self::Unreachable(error) => write!(formatter, "no server answers: {error}"),
            Self::Unauthorized(status) => write!(
                formatter,
                "a creation was answered {status}: pass what the server wants to know, for example \
                 --header 'Authorization: Bearer …' or --metadata 'filename …'"
            ),
            Self::NothingChosen => formatter.write_str("--only names no case"),
        }
    }
}

impl Subject {
    /// Asks the server what it offers.
    pub(super) async fn discover(options: &Options) -> Result<Self, CouldNotRun> {
        let endpoint = Place::of(&options.endpoint).await.map_err(CouldNotRun::Url)?;
        let request = with_headers(&endpoint, "OPTIONS", &options.headers);
        let asking = tokio::time::timeout(options.bound, request.try_send());
        let response = asking.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let discovery = Answer::new("OPTIONS", response.map_err(CouldNotRun::Unreachable)?);
        Ok(Self {
            endpoint,
            headers: options.headers.clone(),
            metadata: options.metadata.clone(),
            offer: Offer::of(&discovery),
            discovery,
            gives_bytes_back: false,
        })
    }

    /// Whether the server offers this extension.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.offer.extensions.iter().any(|offered| offered == extension)
    }

    /// A request with only the headers that this server always wants.
    pub(super) fn request(&self, method: &str, place: &Place) -> Request {
        with_headers(place, method, &self.headers)
    }
}

impl Offer {
    fn of(discovery: &Answer) -> Self {
        let max_size = discovery.list("Tus-Max-Size");
        Self {
            versions: discovery.list("Tus-Version"),
            extensions: discovery.list("Tus-Extension"),
            algorithms: discovery.list("Tus-Checksum-Algorithm"),
            max_size: max_size.first().and_then(|size| digits(size)),
        }
    }
}

fn with_headers(place: &Place, method: &str, headers: &[(String, String)]) -> Request {
    let request = Request::new(place.address, method, &place.path).header("Host", &place.authority);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}
