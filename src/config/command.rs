//! The command line as a whole: the server, or another command on its folder.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::Flags;

/// Takes photos, videos and files over connections that die, and makes chat messages of them.
///
/// Uploads come by tus 1.0.0 (/files), as one multipart request (/messages/upload), or as a Socket.IO event.
/// Whatever is interrupted goes on where it was; whatever is complete becomes a message exactly once.
///
/// Without a key the server runs in demo mode: on loopback only, with a page on which two users talk.
///
/// A SIZE is in bytes, or has a unit: 8GiB, 512MiB, 1GB. A TIME is in seconds, or has a unit: 500ms, 30s,
/// 15m, 24h, 7d.
#[derive(Debug, Parser)]
#[command(name = "longhaul", version, max_term_width = 110, args_conflicts_with_subcommands = true)]
#[command(allow_negative_numbers = true)]
pub struct Command {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub order: Option<Order>,
    /// The server's settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// What the program does besides serving.
#[derive(Debug, Subcommand)]
pub enum Order {
    /// Says what is wrong with what is stored; changes nothing, unless --repair is given.
    ///
    /// Without --bucket it reads a data folder that no server has open: it compares ledgers with part files,
    /// messages with media files, and indexes with rows. The records are read from a copy in the folder for
    /// temporary files.
    ///
    /// With --database and --bucket it reads what servers share, which go on meanwhile: it compares records
    /// with ledgers and sums, and the rows of the database with the objects in the bucket, both ways.
    ///
    /// Exit status: 0 nothing is wrong, 1 something is, 2 it could not be read.
    Check(CheckFlags),
    /// Moves a data folder that no server has open into a database and a bucket that servers share.
    ///
    /// Messages, conversations and unfinished uploads go along: a client resumes where it was. The database
    /// and the bucket have to be empty, and no server may use them yet. A move that was interrupted in any
    /// way goes on when it is run again. The folder is checked before, and what was made of it afterwards.
    /// Nothing in the folder is changed but its file `format`, which says at the end that it was moved, so
    /// that no server starts on it by mistake.
    ///
    /// Exit status: 0 it is moved, 1 something is wrong, 2 it cannot begin or go on.
    Move(MoveFlags),
    /// Prints a token: of the secret that is configured, or of the demo in the data folder.
    Token(TokenFlags),
}

/// What is checked, and how.
#[derive(Debug, Args)]
pub struct CheckFlags {
    /// The data folder.
    #[arg(long, env = "LONGHAUL_DATA_DIR", value_name = "DIR", default_value = "uploads")]
    pub data_dir: PathBuf,
    /// The database that belongs to the folder, if one does; or the one that servers share.
    #[arg(long, env = "LONGHAUL_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// The bucket that servers share: s3://bucket/prefix. Then the data folder is not looked at.
    #[arg(long, env = "LONGHAUL_BUCKET", value_name = "URL", requires = "database")]
    pub bucket: Option<String>,
    /// Server of the bucket, if it is not that of AWS: an http:// or https:// URL.
    #[arg(long, env = "LONGHAUL_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Read every byte and compare its digest with the record.
    #[arg(long)]
    pub deep: bool,
    /// Free what has been in the bucket for an hour and is named by no row of the database.
    #[arg(long, requires = "bucket")]
    pub repair: bool,
}

/// What is moved, and where to.
#[derive(Debug, Args)]
pub struct MoveFlags {
    /// The data folder.
    #[arg(long, env = "LONGHAUL_DATA_DIR", value_name = "DIR", default_value = "uploads")]
    pub data_dir: PathBuf,
    /// The database: a postgres:// URL.
    #[arg(long, env = "LONGHAUL_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: String,
    /// The bucket: s3://bucket/prefix.
    #[arg(long, env = "LONGHAUL_BUCKET", value_name = "URL")]
    pub bucket: String,
    /// Server of the bucket, if it is not that of AWS: an http:// or https:// URL.
    #[arg(long, env = "LONGHAUL_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
}

/// Whose token, who signs it, and what the server asks of one.
#[derive(Debug, Args)]
pub struct TokenFlags {
    /// The user id.
    #[arg(long, value_name = "NAME")]
    pub user: String,
    /// With the scope `admin`: it may change conversations and read every message.
    #[arg(long)]
    pub admin: bool,
    /// Time for which the token is good.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub valid_for: String,
    /// The data folder, which has the secret of the demo.
    #[arg(long, env = "LONGHAUL_DATA_DIR", value_name = "DIR", default_value = "uploads")]
    pub data_dir: PathBuf,
    /// The secret, as the server has it; the first one signs.
    #[arg(long, env = "LONGHAUL_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Vec<String>,
    /// The file with the secret; its first line signs.
    #[arg(long, env = "LONGHAUL_JWT_SECRET_FILE", value_name = "FILE", conflicts_with = "jwt_secret")]
    pub jwt_secret_file: Option<PathBuf>,
    /// Claims that hold the user id; the first one is written.
    #[arg(long, env = "LONGHAUL_JWT_CLAIMS", value_name = "NAMES", default_value = "sub,email,uid")]
    pub jwt_claims: String,
    /// Audience that the token is for.
    #[arg(long, env = "LONGHAUL_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,
    /// Issuer that the token is from.
    #[arg(long, env = "LONGHAUL_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,
}
