use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// How often a disk is copied until two copies are alike: they are once the kernel has nothing more to write.
const ATTEMPTS: usize = 200;

/// How a disk is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ext4, which most servers run on.
    Ext4,
    /// XFS, on which files can share blocks.
    Xfs,
}

impl Format {
    fn make(self) -> Command {
        let (program, options) = match self {
            // No block is reserved for root: this may run as root.
            Self::Ext4 => ("mkfs.ext4", &["-q", "-F", "-m", "0"][..]),
            Self::Xfs => ("mkfs.xfs", &["-q", "-f", "-m", "reflink=1"][..]),
        };
        let mut command = Command::new(program);
        command.args(options);
        command
    }

    fn mounting(self) -> &'static str {
        match self {
            Self::Ext4 => "loop",
            // A copy has the name of the original, which is mounted.
            Self::Xfs => "loop,nouuid",
        }
    }
}

/// A file system of its own in a file, on a loop device.
///
/// The file lies in memory if possible: there, other load on the disk does not slow it down, and a copy takes
/// no time.
#[derive(Debug)]
pub struct Image {
    folder: TempDir,
    format: Format,
    is_mounted: bool,
}

/// Whether file systems can be made and mounted here.
///
/// # Errors
/// Why not, in the words of the tool that refused.
pub fn disks() -> Result<(), String> {
    let image = Image::new(Format::Ext4, 16)?;
    drop(image);
    Ok(())
}

impl Image {
    /// A mounted, empty file system of this many MiB.
    ///
    /// # Errors
    /// Why not, in the words of the tool that refused.
    pub fn new(format: Format, mib: u64) -> Result<Self, String> {
        let mut image = Self { folder: folder()?, format, is_mounted: false };
        let file = File::create(image.file()).and_then(|file| file.set_len(mib << 20));
        file.map_err(|error| error.to_string())?;
        std::fs::create_dir(image.root()).map_err(|error| error.to_string())?;
        tool(format.make().arg(image.file()))?;
        image.mount()?;
        Ok(image)
    }

    /// A mounted copy of the disk as it is at this moment, without what only the page cache has.
    ///
    /// # Panics
    /// When the disk cannot be copied, or the copy not be mounted.
    #[must_use]
    pub fn cut(&self) -> Self {
        let folder = folder().expect("there was one before");
        let mut image = Self { folder, format: self.format, is_mounted: false };
        std::fs::create_dir(image.root()).expect("a folder of ours can be made");
        // The kernel writes on by itself, and a copy made during such a write is not the disk of one moment.
        let is_moment = (0..ATTEMPTS).any(|_| {
            let copy = tool(Command::new("cp").arg("--sparse=always").args([self.file(), image.file()]));
            copy.expect("a disk can be copied");
            tool(Command::new("cmp").arg("-s").args([self.file(), image.file()])).is_ok()
        });
        assert!(is_moment, "the kernel does not stop writing to a disk that nobody uses");
        image.mount().expect("what was mounted once can be mounted again");
        image
    }

    /// The mount point.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&mut self) -> Result<(), String> {
        tool(Command::new("mount").args(["-o", self.format.mounting()]).args([self.file(), self.root()]))?;
        self.is_mounted = true;
        Ok(())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.is_mounted {
            // A process that is just being killed may still have files open: the mount goes when they are
            // closed.
            _ = tool(Command::new("umount").arg("-l").arg(self.root()));
        }
    }
}

fn folder() -> Result<TempDir, String> {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).map_err(|error| error.to_string())
}

fn tool(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
