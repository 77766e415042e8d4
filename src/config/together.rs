//! Settings that are valid by themselves but not together, or not on this machine.

use std::path::Path;

use super::check::Check;
use super::{Config, Flags, Media, Payload};
use crate::crash;

impl Check {
    pub(super) fn together(&mut self, config: &Config, flags: &Flags) {
        for (flag, address) in [("--listen", Some(config.listen)), ("--ops-listen", config.ops_listen)] {
            if let Some(problem) = address.and_then(|address| config.refusal_of(flag, address)) {
                self.problem(problem);
            }
        }
        if config.key.is_none() && config.jwt_audience.is_some() {
            self.problem("--jwt-audience without a key: the tokens of demo mode are for none");
        }
        if config.key.is_none() && config.jwt_issuer.is_some() {
            self.problem("--jwt-issuer without a key: the tokens of demo mode are from nobody");
        }
        if config.cors_credentials && config.cors_origins.is_empty() {
            self.problem("--cors-credentials needs the origins in --cors-origin");
        }
        if config.media == Media::Redirect && flags.bucket.is_none() {
            self.problem("--media redirect needs --bucket: clients are sent to the object store");
        }
        let has_files = config.payload == Payload::Disk && flags.bucket.is_none();
        if config.media.prefix().is_some() && !has_files {
            self.problem(
                "--media accel needs --payload disk, and no --bucket: without files there is none that a proxy \
                 could send",
            );
        }
        if let Some(reserve) = &flags.reserve
            && let Some(most) = disk_bytes(&config.data_dir).filter(|most| config.reserve >= *most)
        {
            self.problem(format!("--reserve: `{reserve}` leaves nothing of the disk, which has {most}"));
        }
        if let Err(problem) = crash::check() {
            self.problem(problem);
        }
    }
}

/// The size of the disk that the folder is on, or will be on.
fn disk_bytes(folder: &Path) -> Option<u64> {
    let absolute = std::path::absolute(folder).ok()?;
    let stat = absolute.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(stat.f_blocks.saturating_mul(stat.f_frsize))
}
