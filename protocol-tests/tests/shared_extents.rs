//! Parts on a file system whose files can share blocks: joining them takes no room.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use harness::chat::Chat;
use harness::content::Content;
use harness::heavy::alone;
use harness::left_out::left_out;
use harness::note::note;
use harness::server::Setup;
use harness::tus;
use protocol_tests::crash::{Format, Image};

const MIB: u64 = 1 << 20;
const DISK_MIB: u64 = 1024;
/// How many bytes the file system and the database may write meanwhile.
const SLACK: u64 = 4 * MIB;

/// How many bytes of the disk are in use, after a sync.
fn taken(disk: &Image) -> u64 {
    let root = std::fs::File::open(disk.root()).expect("the disk is there");
    rustix::fs::syncfs(&root).expect("it can be synced");
    let stat = rustix::fs::statvfs(disk.root()).expect("the disk is there");
    (stat.f_blocks - stat.f_bfree) * stat.f_frsize
}

/// How many bytes of the disk a join of parts of these sizes takes.
async fn joined(disk: &Image, chat: &Chat, sizes: &[u64]) -> u64 {
    let content = Content::random(sizes.iter().sum());
    let (mut urls, mut start) = (Vec::new(), 0);
    for size in sizes {
        let creation = tus::creation(chat, &chat.alice, "/files", *size).header("Upload-Concat", "partial");
        let location = creation.send().await.expecting(201).expect("Location").to_owned();
        tus::append(chat, &location, 0, &content.slice(start..start + size)).await.expecting(204);
        urls.push(location);
        start += size;
    }
    let before = taken(disk);
    let target = format!("/conversations/{}/files", chat.conversation);
    let whole = tus::request(chat, &chat.alice, "POST", &target)
        .header("Upload-Concat", format_args!("final;{}", urls.join(" ")));
    let answer = whole.send().await.expecting(201);
    let took = taken(disk).saturating_sub(before);
    let messages = chat.messages().await;
    assert_eq!(answer.expect("Chat-Message-Id"), messages[0]["_id"]);
    assert_eq!(chat.media_digest(&messages[0]).await, (content.len(), content.sha256()));
    for url in urls {
        tus::request(chat, &chat.alice, "DELETE", &url).send().await.expecting(204);
    }
    took
}

/// `parallelUploadBoundaries` of tus-js-client can cut parts at whole blocks. With other sizes only the first
/// part is not copied: only whole blocks are shared, and those of the other parts would begin within a block.
#[tokio::test]
async fn parts_of_whole_blocks_are_joined_without_being_copied() {
    if left_out("xfs") {
        return;
    }
    let _heavy = alone().await;
    let disk = Image::new(Format::Xfs, DISK_MIB).expect("xfs can be mounted, or is left out");
    assert_eq!(block_of(&disk.root()), 4096, "the size that the next lines speak of");
    for durability in ["power", "process"] {
        let data = disk.root().join(durability);
        // The attributes of single files do not matter here.
        let setup =
            Setup::default().setting("--durability", durability).setting("--reserve", 0).data_folder(&data);
        let chat = Chat::on(setup).await;
        for (sizes, copied) in [
            (&[24 * MIB, 16 * MIB, 20 * MIB][..], 0),
            (&[24 * MIB, 16 * MIB + 4096, 20 * MIB + 17], 0),
            (&[24 * MIB + 17, 16 * MIB, 20 * MIB], 36 * MIB),
        ] {
            let took = joined(&disk, &chat, sizes).await;
            note(format_args!("{durability}: joining {sizes:?} took {took} bytes"));
            // XFS reserves room behind a growing file, as much as the file has, and gives back what it
            // reserved behind the parts.
            assert!((copied / 2..=2 * copied + SLACK).contains(&took), "{took} of {sizes:?}");
        }
    }
}

fn block_of(folder: &Path) -> u64 {
    std::fs::metadata(folder).expect("the disk is there").blksize()
}
