use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Options, nginx};
use harness::cluster::Place;
use harness::token::SECRET;

/// longhaul's flags against its limits per user: all clients of a measurement are one user, with more uploads
/// than a person makes.
const UNBOUND: [&str; 4] = ["--max-unfinished", "100000000", "--max-reserved-bytes", "1024TiB"];

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// longhaul as it is shipped: an acknowledgement survives a power cut, and every file has its SHA-256.
    Longhaul,
    /// longhaul without digests.
    Undigested,
    /// longhaul whose acknowledgements survive kill -9, but no power cut.
    Process,
    /// longhaul with neither digests nor syncs: it only receives and writes, as the sink that writes does.
    Bare,
    /// tusd as it is released.
    Tusd,
    /// tusd's handler with its locks in memory and without logs.
    TusdMem,
    /// The sink that forgets everything.
    Discard,
    /// The sink that writes.
    Write,
    /// The sink that writes and syncs.
    Fsync,
    /// The sink that writes past the page cache, and syncs.
    Direct,
    /// The same with SHA-256.
    DirectDigest,
    /// longhaul as a node: rows in PostgreSQL, bytes in an S3 server.
    Node,
    /// Three such nodes of one service.
    Nodes,
    /// tusd with the same S3 server.
    TusdS3,
    /// nginx, which sends the files of longhaul's folder with sendfile.
    Nginx,
}

impl Contender {
    /// The contender's name in the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Longhaul => "longhaul",
            Self::Undigested => "longhaul --digest off",
            Self::Process => "longhaul --durability process",
            Self::Bare => "longhaul --durability process --digest off",
            Self::Tusd => "tusd",
            Self::TusdMem => "tusd-mem",
            Self::Discard => "sink: discard",
            Self::Write => "sink: write",
            Self::Fsync => "sink: write and fsync",
            Self::Direct => "sink: past the page cache",
            Self::DirectDigest => "sink: past the page cache, SHA-256",
            Self::Node => "longhaul, PostgreSQL and S3",
            Self::Nodes => "longhaul, three nodes",
            Self::TusdS3 => "tusd, S3",
            Self::Nginx => "nginx, sendfile",
        }
    }

    pub(super) fn is_longhaul(self) -> bool {
        matches!(
            self,
            Self::Longhaul | Self::Undigested | Self::Process | Self::Bare | Self::Node | Self::Nodes
        )
    }

    /// Whether the server answers GET of an upload with its bytes.
    pub(super) fn gives_back(self) -> bool {
        self.is_longhaul() || matches!(self, Self::Tusd | Self::TusdMem | Self::TusdS3)
    }

    /// Whether the server keeps its bytes in an S3 server.
    pub(super) fn has_bucket(self) -> bool {
        matches!(self, Self::Node | Self::Nodes | Self::TusdS3)
    }

    /// The server's own folder.
    pub(super) fn folder(self, options: &Options) -> PathBuf {
        options.folder.join(self.name().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-"))
    }

    /// How many processes are the server together.
    pub(super) fn processes(self) -> usize {
        if self == Self::Nodes { 3 } else { 1 }
    }

    /// Whether the server's program is installed here.
    pub(super) fn is_here(self, options: &Options) -> bool {
        match self {
            Self::Tusd => options.tusd.is_some(),
            Self::Node | Self::Nodes => options.has_cloud,
            Self::TusdS3 => options.has_cloud && options.tusd.is_some(),
            Self::TusdMem => options.tusd_mem.is_some(),
            Self::Nginx => options.nginx.is_some(),
            _ => true,
        }
    }

    /// The command that starts the server with this folder, and with this place if it has a bucket; `flags`
    /// are for longhaul. Settings in the bench's own environment do not reach it.
    pub(super) fn command(
        self,
        options: &Options,
        folder: &Path,
        place: Option<&Place>,
        flags: &[&str],
    ) -> Command {
        let own = match self {
            Self::Undigested => &["--digest", "off"][..],
            Self::Process => &["--durability", "process"][..],
            Self::Bare => &["--durability", "process", "--digest", "off"][..],
            _ => &[][..],
        };
        let sink = |keeping| (Some(&options.lab), vec!["sink", "--keeping", keeping, "--folder"]);
        let (program, arguments) = match self {
            Self::Longhaul | Self::Undigested | Self::Process | Self::Bare | Self::Node | Self::Nodes => (
                Some(&options.longhaul),
                [&UNBOUND[..], &["--listen", "127.0.0.1:0", "--jwt-secret", SECRET, "--data-dir"][..]]
                    .concat(),
            ),
            Self::Tusd | Self::TusdS3 => {
                (options.tusd.as_ref(), ["-host", "127.0.0.1", "-port", "0", "-upload-dir"].to_vec())
            }
            Self::TusdMem => (options.tusd_mem.as_ref(), ["127.0.0.1:0"].to_vec()),
            Self::Discard => sink("discard"),
            Self::Write => sink("write"),
            Self::Fsync => sink("fsync"),
            Self::Direct => sink("direct"),
            Self::DirectDigest => sink("direct-sha256"),
            Self::Nginx => (options.nginx.as_ref(), ["-e", "stderr", "-c", nginx::SETTINGS, "-p"].to_vec()),
        };
        let mut command = Command::new(program.expect("only those take part whose program is here"));
        command.args(arguments).arg(folder).args(own).stdin(Stdio::null());
        // Only nginx has processes of its own, which a kill would leave behind.
        command.kill_on_drop(self != Self::Nginx);
        if self.is_longhaul() {
            command.args(flags);
        }
        std::env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with("LONGHAUL_") || name == "RUST_LOG")
            .for_each(|(name, _)| _ = command.env_remove(name));
        match place {
            Some(place) if self.is_longhaul() => place.settle(&mut command),
            Some(place) => place.settle_tusd(&mut command),
            None => {}
        }
        command
    }
}
