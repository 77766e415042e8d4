//! The settings as they are given: flags with environment variables. All are text here, so that everything that
//! is wrong with them can be said at once.

use clap::Parser;

/// The server's settings, not looked at yet.
#[derive(Debug, Clone, Parser)]
#[command(name = "longhaul", version, max_term_width = 110, allow_negative_numbers = true)]
pub struct Flags {
    /// Address to listen on. Port 0 takes a free one; the address in use is printed.
    #[arg(long, env = "LONGHAUL_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub listen: String,

    /// Folder of everything that is stored: records/, parts/ and chats/.
    #[arg(long, env = "LONGHAUL_DATA_DIR", value_name = "DIR", default_value = "uploads")]
    pub data_dir: String,

    /// Secret of HS256 tokens.
    #[arg(long, env = "LONGHAUL_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// PEM file with the public key of RS256, ES256 or EdDSA tokens.
    #[arg(long, env = "LONGHAUL_JWT_PUBLIC_KEY", value_name = "FILE")]
    pub jwt_public_key: Option<String>,

    /// JWKS file with public keys, chosen by a token's `kid`.
    #[arg(long, env = "LONGHAUL_JWT_JWKS", value_name = "FILE")]
    pub jwt_jwks: Option<String>,

    /// Claims that hold the user id; the first one that is there counts.
    #[arg(long, env = "LONGHAUL_JWT_CLAIMS", value_name = "NAMES", default_value = "sub,email,uid")]
    pub jwt_claims: String,

    /// Audience that a token has to be for. Without it `aud` is not looked at.
    #[arg(long, env = "LONGHAUL_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Largest upload in bytes. [default: 8 GiB, or the largest that --payload is fit for]
    #[arg(long, env = "LONGHAUL_MAX_UPLOAD_SIZE", value_name = "BYTES")]
    pub max_upload_size: Option<String>,

    /// Largest file of POST /messages/upload in bytes. [default: as --max-upload-size]
    #[arg(long, env = "LONGHAUL_MAX_ONESHOT_SIZE", value_name = "BYTES")]
    pub max_oneshot_size: Option<String>,

    /// Most unfinished uploads of a user, parts and waiting concatenations included; one more is refused with 507.
    /// A backend that uploads for all of its users is one user.
    #[arg(long, env = "LONGHAUL_MAX_UNFINISHED", value_name = "COUNT", default_value = "2000000")]
    pub max_unfinished: String,

    /// Most bytes that the unfinished uploads of a user may come to; more are refused with 507, and with 503 where
    /// they belong to an upload that did not say its length.
    #[arg(long, env = "LONGHAUL_MAX_RESERVED_BYTES", value_name = "BYTES", default_value = "17592186044416")]
    pub max_reserved_bytes: String,

    /// Seconds without a byte after which an unfinished upload goes away.
    #[arg(long, env = "LONGHAUL_EXPIRE_AFTER", value_name = "SECS", default_value = "604800")]
    pub expire_after: String,

    /// Seconds between two looks for expired uploads.
    #[arg(long, env = "LONGHAUL_SWEEP_INTERVAL", value_name = "SECS", default_value = "60")]
    pub sweep_interval: String,

    /// What an acknowledgement survives: `power` (a power cut) or `process` (kill -9).
    #[arg(long, env = "LONGHAUL_DURABILITY", value_name = "WHAT", default_value = "power")]
    pub durability: String,

    /// Digest of every file: `sha256` or `off`. One that a client announces is always checked.
    #[arg(long, env = "LONGHAUL_DIGEST", value_name = "WHAT", default_value = "sha256")]
    pub digest: String,

    /// Where bytes are kept: `disk` (files), or `sled` (beside the records; for small uploads only, at a sixth
    /// of the speed). A data folder keeps the one it was made with.
    #[arg(long, env = "LONGHAUL_PAYLOAD", value_name = "WHERE", default_value = "disk")]
    pub payload: String,

    /// Largest upload in bytes with `--payload sled`; what is larger is refused with 413.
    #[arg(long, env = "LONGHAUL_PAYLOAD_SLED_MAX", value_name = "BYTES", default_value = "1048576")]
    pub payload_sled_max: String,

    /// Bytes of the disk that are kept free: what would need them is refused with 507.
    #[arg(long, env = "LONGHAUL_RESERVE", value_name = "BYTES", default_value = "268435456")]
    pub reserve: String,

    /// Seconds after which a request body that says nothing is given up; what came is kept.
    #[arg(long, env = "LONGHAUL_IDLE_TIMEOUT", value_name = "SECS", default_value = "30")]
    pub idle_timeout: String,

    /// Seconds that a connection has for the header of a request.
    #[arg(long, env = "LONGHAUL_HEADER_TIMEOUT", value_name = "SECS", default_value = "10")]
    pub header_timeout: String,

    /// Seconds that requests in flight have after SIGTERM or Ctrl-C.
    #[arg(long, env = "LONGHAUL_DRAIN_TIMEOUT", value_name = "SECS", default_value = "10")]
    pub drain_timeout: String,

    /// Most connections at once; fewer where the process may not have two files open for each. Further ones wait to
    /// be accepted.
    #[arg(long, env = "LONGHAUL_MAX_CONNECTIONS", value_name = "COUNT", default_value = "10000")]
    pub max_connections: String,

    /// Origins whose pages may call, separated by commas. [default: any, without credentials]
    #[arg(long, env = "LONGHAUL_CORS_ORIGIN", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origin: Vec<String>,

    /// Let pages of the listed origins send credentials.
    #[arg(long, env = "LONGHAUL_CORS_CREDENTIALS")]
    pub cors_credentials: bool,

    /// Believe X-Forwarded-Proto and X-Forwarded-Host. Only behind a proxy that overwrites them.
    #[arg(long, env = "LONGHAUL_TRUST_FORWARDED")]
    pub trust_forwarded: bool,

    /// Form of the log: `text` or `json`. What is logged is chosen by RUST_LOG.
    #[arg(long, env = "LONGHAUL_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: String,
}
