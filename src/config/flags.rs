//! The settings as they are given: flags with environment variables. All are text here, so that all their
//! faults can be reported at once.

use clap::Parser;
use clap::builder::BoolishValueParser;

// The groups of `--help`.
const USERS: &str = "Users and their tokens";
const BOUNDS: &str = "How much, and for how long";
const STORAGE: &str = "Storage";
const CONNECTIONS: &str = "Connections";
const PAGES: &str = "Pages and proxies";
const LOG: &str = "Log";

/// The server's settings, not looked at yet.
#[derive(Debug, Clone, Parser)]
#[command(name = "longhaul", version, max_term_width = 110, allow_negative_numbers = true)]
pub struct Flags {
    /// Address to listen on. Port 0 takes a free one; the address in use is printed.
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub listen: String,

    /// Folder of everything that is stored: records/, parts/ and chats/. With --bucket nothing in it has to
    /// outlive the server.
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_DATA_DIR", value_name = "DIR", default_value = "uploads")]
    pub data_dir: String,

    /// PostgreSQL (15 or newer) for everything but the bytes, which stay in the data folder unless there is a
    /// --bucket: a postgres:// URL. TLS is used if the server offers it, and then its certificate has to be
    /// trusted; ?sslmode=disable does without. [default: the records are in the data folder as well]
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,

    /// Bucket of an object store for the bytes, beside --database: s3://bucket/prefix, where nothing else is.
    /// Region and credentials are those of AWS_REGION, AWS_ACCESS_KEY_ID and so on. [default: the data
    /// folder]
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_BUCKET", value_name = "URL")]
    pub bucket: Option<String>,

    /// Server of the bucket, if it is not that of AWS: an http:// or https:// URL.
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,

    /// Redis or Valkey (7 or newer), which carries events between servers that share a bucket: a redis:// or
    /// rediss:// URL. [default: the database carries them]
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// Secret of HS256 tokens, at least 32 bytes. Given twice, both are valid: a new one and the one it
    /// replaces.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Vec<String>,

    /// File with the secret of HS256 tokens, or with two, one a line. Read again on SIGHUP.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: Option<String>,

    /// PEM file with the public key of RS256, ES256 or EdDSA tokens, or with several. Read again on SIGHUP.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_PUBLIC_KEY", value_name = "FILE")]
    pub jwt_public_key: Option<String>,

    /// JSON Web Key Set with public keys, chosen by a token's `kid`: a file, or an https:// URL. Read again
    /// every ten minutes, on SIGHUP, and for a `kid` that is not in it (once a minute at most).
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_JWKS", value_name = "FILE|URL")]
    pub jwt_jwks: Option<String>,

    /// Claims that hold the user id; the first one that is there counts.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_CLAIMS", value_name = "NAMES", default_value = "sub,email,uid")]
    pub jwt_claims: String,

    /// Audience that a token has to be for. Without it `aud` is not looked at.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Issuer that a token has to be from. Without it `iss` is not looked at.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,

    /// Largest upload. [default: 8GiB, or the largest that --payload is fit for]
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_MAX_UPLOAD_SIZE", value_name = "SIZE")]
    pub max_upload_size: Option<String>,

    /// Largest file of POST /messages/upload. [default: as --max-upload-size]
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_MAX_ONESHOT_SIZE", value_name = "SIZE")]
    pub max_oneshot_size: Option<String>,

    /// Most unfinished uploads of a user, parts and waiting concatenations included; one more is refused with
    /// 507. Parts that an upload was made of do not count. A token whose scope contains `backend` is not
    /// bound by this, nor by --max-reserved-bytes: a backend that uploads for all of its users is one user.
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_MAX_UNFINISHED", value_name = "COUNT", default_value = "4000")]
    pub max_unfinished: String,

    /// Most bytes that the unfinished uploads of a user may come to; more are refused with 507, and with 503
    /// where they belong to an upload that did not say its length.
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_MAX_RESERVED_BYTES", value_name = "SIZE", default_value = "100GiB")]
    pub max_reserved_bytes: String,

    /// Time without a byte after which the room that is kept for an upload goes to others that send and need
    /// it. The upload goes on when there is room again.
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_LAPSE_AFTER", value_name = "TIME", default_value = "2m")]
    pub lapse_after: String,

    /// Time without a byte after which an unfinished upload goes away.
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_EXPIRE_AFTER", value_name = "TIME", default_value = "7d")]
    pub expire_after: String,

    /// Time after its message for which an upload tells of it. Then it is over, and the same file sent again
    /// is a new message, unless it has the same `client_message_id`.
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_RESULT_WINDOW", value_name = "TIME", default_value = "24h")]
    pub result_window: String,

    /// Time between two looks for expired uploads.
    #[arg(long, help_heading = BOUNDS, env = "LONGHAUL_SWEEP_INTERVAL", value_name = "TIME", default_value = "60s")]
    pub sweep_interval: String,

    /// What an acknowledgement survives: `power` (a power cut), which not every file system is fit for, or
    /// `process` (kill -9). [default: power, or process where the file system is not fit for it, which is
    /// said at the start]
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_DURABILITY", value_name = "WHAT")]
    pub durability: Option<String>,

    /// Digests of files: `sha256` of every one; `auto`, of those up to 128 MiB, and of those that begin with
    /// a checksum; or `off`. One that a client announces is always checked.
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_DIGEST", value_name = "WHAT", default_value = "sha256")]
    pub digest: String,

    /// Where bytes are kept: `disk` (files), or `sled` (beside the records; for small uploads only, at a
    /// sixth of the speed). A data folder keeps the one it was made with.
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_PAYLOAD", value_name = "WHERE", default_value = "disk")]
    pub payload: String,

    /// Largest upload with `--payload sled`; what is larger is refused with 413. [default: 1MiB]
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_PAYLOAD_SLED_MAX", value_name = "SIZE")]
    pub payload_sled_max: Option<String>,

    /// Room on the disk that is kept free: what would need it is refused with 507. [default: 256MiB]
    #[arg(long, help_heading = STORAGE, env = "LONGHAUL_RESERVE", value_name = "SIZE")]
    pub reserve: Option<String>,

    /// Time after which a request body that says nothing is given up; what came is kept.
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_IDLE_TIMEOUT", value_name = "TIME", default_value = "30s")]
    pub idle_timeout: String,

    /// Address on which /healthz, /readyz and /metrics are served as well, with connections of their own that
    /// users cannot use up. [default: none]
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_OPS_LISTEN", value_name = "ADDR")]
    pub ops_listen: Option<String>,

    /// Time that a connection has for the header of a request.
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_HEADER_TIMEOUT", value_name = "TIME", default_value = "10s")]
    pub header_timeout: String,

    /// Time that a connection may rest between two requests. A proxy that keeps connections should let go of
    /// them sooner.
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_KEEP_ALIVE_TIMEOUT", value_name = "TIME", default_value = "75s")]
    pub keep_alive_timeout: String,

    /// Time after which a client that reads nothing of what it is sent loses its connection, or its HTTP/2
    /// stream.
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_SEND_TIMEOUT", value_name = "TIME", default_value = "60s")]
    pub send_timeout: String,

    /// Time that requests in flight have after SIGTERM or Ctrl-C. Those that can be resumed end at once. Work
    /// that outlives its request has as long again.
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_DRAIN_TIMEOUT", value_name = "TIME", default_value = "10s")]
    pub drain_timeout: String,

    /// Most connections at once; fewer where the process may not have two files open for each. Further ones
    /// wait to be accepted. [default: 10000]
    #[arg(long, help_heading = CONNECTIONS, env = "LONGHAUL_MAX_CONNECTIONS", value_name = "COUNT")]
    pub max_connections: Option<String>,

    /// Origins whose pages may call, separated by commas. [default: any, without credentials]
    #[arg(long, help_heading = PAGES, env = "LONGHAUL_CORS_ORIGIN", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origin: Vec<String>,

    /// Let pages of the listed origins send credentials.
    #[arg(long, help_heading = PAGES, env = "LONGHAUL_CORS_CREDENTIALS", value_parser = BoolishValueParser::new())]
    pub cors_credentials: bool,

    /// Who sends media: `serve` (this server); `redirect`: the object store of --bucket, to which clients are
    /// sent with a URL that is good for five minutes; or `accel:PREFIX`: a proxy that has the same disk. Then
    /// answers are empty and tell the proxy in X-Accel-Redirect and X-Sendfile which file to send: PREFIX is
    /// where it has the folder chats/ of the data folder.
    #[arg(long, help_heading = PAGES, env = "LONGHAUL_MEDIA", value_name = "serve|redirect|accel:PREFIX", default_value = "serve")]
    pub media: String,

    /// Links to media, which need no token, end on multiples of this time, between one and two of them ahead;
    /// with 0 there are none.
    #[arg(long, help_heading = USERS, env = "LONGHAUL_MEDIA_LINK_SECS", value_name = "TIME", default_value = "3600")]
    pub media_link_secs: String,

    /// Key that signs links to media, at least 16 bytes; further ones, after commas, are only accepted.
    /// Servers that share a bucket need the same. [default: the lines of media-link.keys in the data folder,
    /// a random one at first; read again on SIGHUP]
    #[arg(long, help_heading = USERS, env = "LONGHAUL_MEDIA_LINK_KEY", value_name = "TEXT", hide_env_values = true)]
    pub media_link_key: Option<String>,

    /// Path below which everything is: routes, the socket, and the page, and what Location and media_url say.
    /// A proxy passes the path on as it is.
    #[arg(long, help_heading = PAGES, env = "LONGHAUL_BASE_PATH", value_name = "PATH")]
    pub base_path: Option<String>,

    /// Believe Forwarded, X-Forwarded-Proto, -Host, -Port and -Prefix, and the last address in
    /// X-Forwarded-For. Only behind a proxy that writes all of them.
    #[arg(long, help_heading = PAGES, env = "LONGHAUL_TRUST_FORWARDED", value_parser = BoolishValueParser::new())]
    pub trust_forwarded: bool,

    /// What stands at `/`: `off` for nothing, or a folder whose files are served there. [default: the page of
    /// the demo; with a key, a notice]
    #[arg(long, help_heading = PAGES, env = "LONGHAUL_WEB", value_name = "off|DIR")]
    pub web: Option<String>,

    /// What is logged: a level (error, warn, info, debug, trace, off), or levels for parts, the first one for
    /// the rest: `info,longhaul=debug`.
    #[arg(long, help_heading = LOG, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// Form of the log: `text` or `json`.
    #[arg(long, help_heading = LOG, env = "LONGHAUL_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: String,
}
