//! All settings, checked once, with all faults named at the same time.

mod check;
mod command;
mod flags;
mod key;
mod log_filter;
mod media;
mod origin;
mod sizes;
mod together;
mod units;
mod variables;

pub use command::{CheckFlags, Command, MoveFlags, Order, TokenFlags};
pub use flags::Flags;
pub use media::Media;
pub use sizes::Payload;
pub use units::time as time_of;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use crate::base_path::BasePath;
use crate::keys::KeySource;
use crate::links::{LinkKeys, MAX_LINK_SECS};
use crate::store::Durability;
use crate::store::object::S3;
use crate::store::postgres::Address;
use crate::store::redis::RedisAddress;
use crate::upload::Digests;
use check::Check;
use sizes::Sizes;

/// 256 MiB.
const DEFAULT_RESERVE: u64 = 256 << 20;
const DURABILITIES: [(&str, Durability); 2] =
    [("power", Durability::Power), ("process", Durability::Process)];
const DIGESTS: [(&str, Digests); 3] =
    [("sha256", Digests::Every), ("auto", Digests::Auto), ("off", Digests::Off)];
const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

/// Settings that are valid together.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address to listen on for operators.
    pub ops_listen: Option<SocketAddr>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The address of the database, if records are in one.
    pub database: Option<Address>,
    /// The bucket of the bytes, if they are in one.
    pub bucket: Option<S3>,
    /// The address of the server that carries events, if it is not the database.
    pub redis: Option<RedisAddress>,
    /// The source of the keys of tokens; demo mode if `None`.
    pub key: Option<KeySource>,
    /// Claims that hold the user id.
    pub jwt_claims: Vec<String>,
    /// The audience that tokens have to be for.
    pub jwt_audience: Option<String>,
    /// The issuer that tokens have to be from.
    pub jwt_issuer: Option<String>,
    /// The largest upload, in bytes.
    pub max_upload_size: u64,
    /// The largest one-shot, in bytes.
    pub max_oneshot_size: u64,
    /// The most unfinished uploads of a user.
    pub max_unfinished: u64,
    /// The most bytes that a user's unfinished uploads may take.
    pub max_reserved_bytes: u64,
    /// How long room is kept for an upload that gets no bytes, when other uploads need it.
    pub lapse_after: Duration,
    /// Seconds without a byte until an upload expires.
    pub expire_after_secs: u64,
    /// Seconds from an upload's message until the upload is over.
    pub result_window_secs: u64,
    /// The time between two sweeps.
    pub sweep_interval: Duration,
    /// The durability of acknowledgements, if it was asked for.
    pub durability: Option<Durability>,
    /// Whether the SHA-256 of every file is computed.
    pub digests: Digests,
    /// Where bytes are kept.
    pub payload: Payload,
    /// Bytes of the disk that are kept free.
    pub reserve: u64,
    /// The idle timeout of a body.
    pub body_idle: Duration,
    /// How long a request's header may take.
    pub header_timeout: Duration,
    /// The keep-alive timeout of a connection.
    pub keep_alive: Duration,
    /// The send timeout: how long a client may read nothing of what it is sent.
    pub send_timeout: Duration,
    /// The drain timeout: how long requests in flight may take at the end.
    pub drain_timeout: Duration,
    /// The most connections, if that was asked for.
    pub max_connections: Option<usize>,
    /// Origins that may call; any if empty.
    pub cors_origins: Vec<String>,
    /// Whether these origins may send credentials.
    pub cors_credentials: bool,
    /// The period on whose multiples links to media expire, in seconds; 0 for no links.
    pub media_link_secs: u64,
    /// Who sends media.
    pub media: Media,
    /// The keys of links to media, if they were given.
    pub media_link_keys: Option<LinkKeys>,
    /// The path below which all routes are.
    pub base_path: BasePath,
    /// Whether forwarded headers are trusted.
    pub trust_forwarded: bool,
    /// The page at `/`.
    pub web: Page,
    /// The format of the log.
    pub log_format: LogFormat,
    /// The filter of the log.
    pub log_filter: Targets,
}

/// The page at `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// The page of the demo, or a notice.
    Own,
    /// No page.
    Off,
    /// The files of a folder.
    Folder(PathBuf),
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The format that the flags ask for, which is needed even to report that the flags are wrong.
    pub fn of(flags: &Flags) -> Self {
        let found = LOG_FORMATS.iter().find(|(word, _)| *word == flags.log_format);
        found.map_or(Self::Text, |(_, format)| *format)
    }
}

/// All faults of the settings, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl Config {
    /// Checks the flags, and the names of the environment's variables.
    ///
    /// # Errors
    /// [`Problems`], all of them.
    pub fn of(flags: &Flags, variables: impl IntoIterator<Item = String>) -> Result<Self, Problems> {
        let mut check = Check::default();
        let sizes = Sizes::of(&mut check, flags);
        let config = Self {
            listen: check.listen("--listen", &flags.listen),
            ops_listen: flags.ops_listen.as_deref().map(|text| check.listen("--ops-listen", text)),
            data_dir: check.data_dir(&flags.data_dir),
            database: check.database(flags),
            bucket: check.bucket(flags),
            redis: check.redis(flags),
            key: check.key(flags),
            jwt_claims: check.names("--jwt-claims", &flags.jwt_claims),
            jwt_audience: flags.jwt_audience.clone(),
            jwt_issuer: flags.jwt_issuer.clone(),
            max_upload_size: sizes.max_upload,
            max_oneshot_size: sizes.max_oneshot,
            max_unfinished: check.positive("--max-unfinished", &flags.max_unfinished),
            max_reserved_bytes: sizes.max_reserved,
            lapse_after: check.period("--lapse-after", &flags.lapse_after),
            expire_after_secs: check.positive_secs("--expire-after", &flags.expire_after),
            result_window_secs: check.positive_secs("--result-window", &flags.result_window),
            sweep_interval: check.period("--sweep-interval", &flags.sweep_interval),
            durability: check.durability(flags),
            digests: check.word("--digest", &flags.digest, DIGESTS),
            payload: sizes.payload,
            reserve: check.reserve(flags),
            body_idle: check.period("--idle-timeout", &flags.idle_timeout),
            header_timeout: check.period("--header-timeout", &flags.header_timeout),
            keep_alive: check.period("--keep-alive-timeout", &flags.keep_alive_timeout),
            send_timeout: check.period("--send-timeout", &flags.send_timeout),
            drain_timeout: check.period("--drain-timeout", &flags.drain_timeout),
            max_connections: flags
                .max_connections
                .as_deref()
                .map(|text| check.count("--max-connections", text)),
            cors_origins: check.origins(&flags.cors_origin),
            cors_credentials: flags.cors_credentials,
            media_link_secs: check.link_secs(&flags.media_link_secs),
            media: check.media(&flags.media),
            media_link_keys: flags.media_link_key.as_deref().and_then(|text| check.link_keys(text)),
            base_path: check.base_path(flags.base_path.as_deref().unwrap_or_default()),
            trust_forwarded: flags.trust_forwarded,
            web: check.page(flags.web.as_deref()),
            log_format: check.word("--log-format", &flags.log_format, LOG_FORMATS),
            log_filter: check.log_filter(&flags.log),
        };
        check.together(&config, flags);
        check.problems.extend(variables::unknown(variables));
        if check.problems.is_empty() { Ok(config) } else { Err(Problems(check.problems)) }
    }

    /// Why the server must not listen on this address, wherever the address came from.
    pub fn refusal_of(&self, origin: &str, address: SocketAddr) -> Option<String> {
        let is_refused = self.key.is_none() && !address.ip().is_loopback();
        is_refused.then(|| {
            format!(
                "{origin} {address} without a key: demo mode is for loopback only; give --jwt-secret, \
                 --jwt-secret-file, --jwt-public-key or --jwt-jwks"
            )
        })
    }
}

impl Check {
    fn base_path(&mut self, text: &str) -> BasePath {
        text.parse().unwrap_or_else(|error| {
            self.problem(format!("--base-path: `{text}`: {error}"));
            BasePath::default()
        })
    }

    fn link_secs(&mut self, text: &str) -> u64 {
        let secs = self.secs("--media-link-secs", text);
        if secs > MAX_LINK_SECS {
            self.problem(format!(
                "--media-link-secs: `{text}` is more than {MAX_LINK_SECS} s, which are seven days"
            ));
        }
        secs.min(MAX_LINK_SECS)
    }

    /// The keys of links. An error does not quote them.
    fn link_keys(&mut self, text: &str) -> Option<LinkKeys> {
        LinkKeys::of_list(text).map_err(|error| self.problem(format!("--media-link-key: {error}"))).ok()
    }

    fn data_dir(&mut self, text: &str) -> PathBuf {
        if text.is_empty() {
            self.problem("--data-dir is empty");
        }
        PathBuf::from(text)
    }

    /// The address of the database. An error does not quote it, as it may contain a password.
    fn database(&mut self, flags: &Flags) -> Option<Address> {
        let address = flags.database.as_deref()?.parse();
        if flags.payload != "disk" {
            self.problem("--database keeps bytes in files: --payload is `disk`");
        }
        address.map_err(|error| self.problem(format!("--database: {error}"))).ok()
    }

    fn durability(&mut self, flags: &Flags) -> Option<Durability> {
        flags.durability.as_deref().map(|text| self.word("--durability", text, DURABILITIES))
    }

    /// The bucket of the bytes.
    fn bucket(&mut self, flags: &Flags) -> Option<S3> {
        let address = flags.bucket.as_deref()?;
        if flags.database.is_none() {
            self.problem("--bucket keeps bytes beside records in a database: it needs --database");
        }
        let bucket = S3::at(address, flags.s3_endpoint.clone());
        bucket.map_err(|error| self.problem(format!("--bucket: {error}"))).ok()
    }

    /// The address of the server that carries events. An error does not quote it, as it may contain a
    /// password.
    fn redis(&mut self, flags: &Flags) -> Option<RedisAddress> {
        let address = flags.redis.as_deref()?.parse();
        if flags.bucket.is_none() {
            self.problem(
                "--redis without --bucket: a server with a data folder of its own has no other to tell",
            );
        }
        address.map_err(|error| self.problem(format!("--redis: {error}"))).ok()
    }

    fn page(&mut self, text: Option<&str>) -> Page {
        match text {
            None => Page::Own,
            Some("off") => Page::Off,
            Some(folder) => {
                if !Path::new(folder).is_dir() {
                    self.problem(format!("--web: `{folder}` is neither `off` nor a folder"));
                }
                Page::Folder(PathBuf::from(folder))
            }
        }
    }

    fn key(&mut self, flags: &Flags) -> Option<KeySource> {
        key::of(flags).unwrap_or_else(|problem| {
            self.problem(problem);
            None
        })
    }

    fn reserve(&mut self, flags: &Flags) -> u64 {
        flags.reserve.as_deref().map_or(DEFAULT_RESERVE, |text| self.bytes("--reserve", text))
    }

    fn origins(&mut self, texts: &[String]) -> Vec<String> {
        let texts: Vec<_> = texts.iter().map(|text| text.trim().to_owned()).collect();
        for text in &texts {
            if let Some(fault) = origin::fault(text) {
                self.problem(format!("--cors-origin: `{text}` {fault}"));
            }
        }
        texts
    }

    fn log_filter(&mut self, text: &str) -> Targets {
        log_filter::of(text).unwrap_or_else(|fault| {
            self.problem(format!("--log (RUST_LOG): `{text}` {fault}"));
            Targets::new()
        })
    }
}

#[cfg(test)]
mod tests;
