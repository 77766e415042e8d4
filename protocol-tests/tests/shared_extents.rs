//! Parts on a file system whose files can share what they have in common: what is joined of them takes no
//! room.

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
/// What the file system itself writes meanwhile, and the database.
const SLACK: u64 = 4 * MIB;

/// The bytes of the disk that are taken, when everything that was written is down.
fn taken(disk: &Image) -> u64 {
    let root = std::fs::File::open(disk.root()).expect("the disk is there");
    rustix::fs::syncfs(&root).expect("it can be synced");
    let stat = rustix::fs::statvfs(disk.root()).expect("the disk is there");
    (stat.f_blocks - stat.f_bfree) * stat.f_frsize
}

/// How many bytes of the disk a join of these parts takes.
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

/// As `parallelUploadBoundaries` of tus-js-client can have it. At any other size only the first part is not
/// copied: blocks are shared as a whole, and those of the others begin elsewhere in the joined file.
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
        // Attributes of single files are not what this is about.
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
            // Behind a file that grows XFS holds room for as much again, and gives back what it held for the
            // parts.
            assert!((copied / 2..=2 * copied + SLACK).contains(&took), "{took} of {sizes:?}");
        }
    }
}

fn block_of(folder: &Path) -> u64 {
    std::fs::metadata(folder).expect("the disk is there").blksize()
}
