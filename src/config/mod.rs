//! Every setting, checked once, all faults named at the same time.

mod command;
mod flags;
mod key;

pub use command::{Command, Order};
pub use flags::Flags;
pub use key::KeySource;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::crash;
use crate::store::Durability;
use crate::upload::decimal;

/// Eight GiB.
const DEFAULT_MAX_UPLOAD_SIZE: u64 = 8 << 30;

/// Settings that make sense together.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Who signs tokens; demo mode without.
    pub key: Option<KeySource>,
    /// Claims that hold the user id.
    pub jwt_claims: Vec<String>,
    /// The audience that tokens have to be for.
    pub jwt_audience: Option<String>,
    /// The largest upload, in bytes.
    pub max_upload_size: u64,
    /// The largest one-shot, in bytes.
    pub max_oneshot_size: u64,
    /// The most unfinished uploads of a user.
    pub max_unfinished: u64,
    /// The most bytes that a user's unfinished uploads may come to.
    pub max_reserved_bytes: u64,
    /// Seconds without a byte until an upload expires.
    pub expire_after_secs: u64,
    /// Between two sweeps.
    pub sweep_interval: Duration,
    /// What an acknowledgement survives.
    pub durability: Durability,
    /// Whether every file's SHA-256 is taken.
    pub digests: bool,
    /// Where bytes are kept.
    pub payload: Payload,
    /// Bytes of the disk that stay free.
    pub reserve: u64,
    /// How long a body may say nothing.
    pub body_idle: Duration,
    /// How long a request's header may take.
    pub header_timeout: Duration,
    /// How long requests in flight have at the end.
    pub drain_timeout: Duration,
    /// The most connections.
    pub max_connections: usize,
    /// Origins that may call; any if empty.
    pub cors_origins: Vec<String>,
    /// Whether those may send credentials.
    pub cors_credentials: bool,
    /// Whether forwarded headers count.
    pub trust_forwarded: bool,
    /// The log's form.
    pub log_format: LogFormat,
}

/// Where bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// In files.
    Disk,
    /// In sled, for uploads of at most so many bytes.
    Sled {
        /// The cap.
        max_bytes: u64,
    },
}

/// The log's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
}

/// Everything that is wrong with the settings, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl Config {
    /// Checks the flags.
    ///
    /// # Errors
    /// [`Problems`], all of them.
    pub fn of(flags: &Flags) -> Result<Self, Problems> {
        let mut check = Check::default();
        let payload = check.payload(flags);
        let max_upload_size = check.max_upload_size(flags, payload);
        let max_oneshot_size = match &flags.max_oneshot_size {
            Some(text) => check.number("--max-oneshot-size", text),
            None => max_upload_size,
        };
        let config = Self {
            listen: check.listen(&flags.listen),
            data_dir: PathBuf::from(&flags.data_dir),
            key: check.key(flags),
            jwt_claims: check.claims(&flags.jwt_claims),
            jwt_audience: flags.jwt_audience.clone(),
            max_upload_size,
            max_oneshot_size: max_oneshot_size.min(max_upload_size),
            max_unfinished: check.positive("--max-unfinished", &flags.max_unfinished),
            max_reserved_bytes: check.positive("--max-reserved-bytes", &flags.max_reserved_bytes),
            expire_after_secs: check.positive("--expire-after", &flags.expire_after),
            sweep_interval: check.secs("--sweep-interval", &flags.sweep_interval),
            durability: check.word(
                "--durability",
                &flags.durability,
                [("power", Durability::Power), ("process", Durability::Process)],
            ),
            digests: check.word("--digest", &flags.digest, [("sha256", true), ("off", false)]),
            payload,
            reserve: check.number("--reserve", &flags.reserve),
            body_idle: check.secs("--idle-timeout", &flags.idle_timeout),
            header_timeout: check.secs("--header-timeout", &flags.header_timeout),
            drain_timeout: check.secs("--drain-timeout", &flags.drain_timeout),
            max_connections: check.count("--max-connections", &flags.max_connections),
            cors_origins: flags.cors_origin.clone(),
            cors_credentials: flags.cors_credentials,
            trust_forwarded: flags.trust_forwarded,
            log_format: check.word(
                "--log-format",
                &flags.log_format,
                [("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
        };
        check.together(&config);
        if check.problems.is_empty() { Ok(config) } else { Err(Problems(check.problems)) }
    }
}

/// Collects what is wrong; a value that could not be read is replaced by one that nobody will use.
#[derive(Default)]
struct Check {
    problems: Vec<String>,
}

impl Check {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn listen(&mut self, text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            self.problem(format!("--listen: `{text}` is not an address like 127.0.0.1:8000"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn number(&mut self, flag: &str, text: &str) -> u64 {
        decimal(text).unwrap_or_else(|_| {
            self.problem(format!("{flag}: `{text}` is not a whole number"));
            1
        })
    }

    fn positive(&mut self, flag: &str, text: &str) -> u64 {
        let number = self.number(flag, text);
        if number == 0 {
            self.problem(format!("{flag} has to be more than 0"));
        }
        number.max(1)
    }

    fn secs(&mut self, flag: &str, text: &str) -> Duration {
        let secs = self.positive(flag, text);
        if secs > 86_400 {
            self.problem(format!("{flag}: more than a day (86400) makes no sense"));
        }
        Duration::from_secs(secs.min(86_400))
    }

    fn count(&mut self, flag: &str, text: &str) -> usize {
        usize::try_from(self.positive(flag, text).min(1_000_000)).expect("a million fits")
    }

    fn word<T: Copy, const N: usize>(&mut self, flag: &str, text: &str, words: [(&str, T); N]) -> T {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.problem(format!("{flag}: `{text}` is none of: {}", known.join(", ")));
        words[0].1
    }

    fn claims(&mut self, text: &str) -> Vec<String> {
        let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            self.problem(format!("--jwt-claims: `{text}` names an empty claim"));
        }
        names
    }

    fn payload(&mut self, flags: &Flags) -> Payload {
        let max_bytes = self.positive("--payload-sled-max", &flags.payload_sled_max);
        let words = [("disk", Payload::Disk), ("sled", Payload::Sled { max_bytes })];
        self.word("--payload", &flags.payload, words)
    }

    fn max_upload_size(&mut self, flags: &Flags, payload: Payload) -> u64 {
        let fit = match payload {
            Payload::Disk => DEFAULT_MAX_UPLOAD_SIZE,
            Payload::Sled { max_bytes } => max_bytes,
        };
        let Some(text) = &flags.max_upload_size else { return fit };
        let asked = self.positive("--max-upload-size", text);
        match payload {
            Payload::Disk => asked,
            Payload::Sled { max_bytes } => asked.min(max_bytes),
        }
    }

    fn key(&mut self, flags: &Flags) -> Option<KeySource> {
        key::of(flags).unwrap_or_else(|problem| {
            self.problem(problem);
            None
        })
    }

    fn together(&mut self, config: &Config) {
        if config.key.is_none() && !config.listen.ip().is_loopback() {
            self.problem(format!(
                "--listen {} without a key: demo mode is for loopback only; give --jwt-secret, \
                 --jwt-public-key or --jwt-jwks",
                config.listen
            ));
        }
        if config.cors_credentials && config.cors_origins.is_empty() {
            self.problem("--cors-credentials needs the origins in --cors-origin");
        }
        if let Err(problem) = crash::check() {
            self.problem(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(args: &[&str]) -> Result<Config, Problems> {
        let args = ["longhaul"].into_iter().chain(args.iter().copied());
        Config::of(&Flags::try_parse_from(args).expect("known flags"))
    }

    #[test]
    fn the_defaults_are_demo_mode_on_loopback() {
        let config = config(&[]).expect("valid");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
        assert!(config.key.is_none() && config.digests);
        assert_eq!(config.max_upload_size, 8_589_934_592);
        assert_eq!(config.max_oneshot_size, config.max_upload_size);
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let Problems(problems) = config(&[
            "--listen",
            "nowhere",
            "--max-upload-size",
            "1GB",
            "--durability",
            "hope",
            "--expire-after",
            "0",
            "--idle-timeout",
            "-1",
        ])
        .expect_err("invalid");
        let named: Vec<_> = problems.iter().filter_map(|p| p.split([':', ' ']).next()).collect();
        assert_eq!(
            named,
            ["--max-upload-size", "--listen", "--expire-after", "--durability", "--idle-timeout"],
            "{problems:?}"
        );
    }

    #[test]
    fn demo_mode_refuses_other_addresses() {
        assert!(config(&["--listen", "0.0.0.0:8000"]).is_err());
        assert!(config(&["--listen", "[::1]:8000"]).is_ok());
        assert!(config(&["--listen", "0.0.0.0:8000", "--jwt-secret", "s"]).is_ok());
    }

    #[test]
    fn sled_payloads_cap_the_size() {
        let config = config(&["--payload", "sled", "--max-upload-size", "9999999"]).expect("valid");
        assert_eq!(config.max_upload_size, 1_048_576);
    }
}
