//! The file that members read.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

use super::instance::Instance;
use super::load::load;
use super::plan::Work;
use super::{Contender, Options};

/// Sends it to longhaul as a message, and tells all servers its path. It is read back and compared. Returns
/// its place on the disk.
pub(super) async fn send(
    options: &Options,
    work: &Work,
    servers: &mut [Instance],
) -> Result<PathBuf, String> {
    let longhaul = servers.iter().find(|server| server.contender == Contender::Longhaul);
    let longhaul = longhaul.ok_or_else(|| format!("{}: no server has the film", work.name))?;
    let sent = load(options, work, longhaul, &work.warm_up, true).await?;
    if !sent.is_good() {
        return Err(format!("{}: the film did not arrive: {:?}", work.name, sent.failures));
    }
    let message = longhaul.message().await?;
    let url = message["media_url"].as_str().ok_or_else(|| format!("{}: no message", work.name))?.to_owned();
    let file = url.strip_prefix("/uploads/").unwrap_or(&url);
    let place = Contender::Longhaul.folder(options).join("data").join(file);
    servers.iter_mut().for_each(|server| server.film = Some(url.clone()));
    Ok(place)
}

/// Lets the page cache forget a file whose bytes are on the disk already.
pub(super) fn forget(path: &Path) -> Result<(), String> {
    let forgotten = File::open(path).and_then(|file| Ok(fadvise(&file, 0, None, Advice::DontNeed)?));
    forgotten.map_err(|error| format!("{}: {error}", path.display()))
}
