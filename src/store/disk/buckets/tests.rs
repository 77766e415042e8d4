use std::fs::File;
use std::thread;

use super::*;
use crate::store::Durability;
use crate::store::Payloads;
use crate::store::disk::{Disk, Folders};
use crate::store::embedded::Files;
use crate::time::Timestamp;
use crate::upload::{Concat, Epoch, Metadata};

fn buckets(round: Duration) -> (tempfile::TempDir, Buckets) {
    let parts = tempfile::tempdir().expect("a folder");
    let buckets = Buckets::with_round(parts.path().to_owned(), round);
    (parts, buckets)
}

/// Buckets whose rounds are over at once.
fn hasty() -> (tempfile::TempDir, Buckets) {
    buckets(Duration::ZERO)
}

fn create(buckets: &Buckets, id: UploadId) {
    let part = buckets.part(id);
    buckets.create(id, || File::create(&part)).expect("created");
}

fn free(buckets: &Buckets, id: UploadId) {
    fs::remove_file(buckets.part(id)).expect("there");
    buckets.left(Bucket::of(id));
}

fn id_at(millis: u64) -> UploadId {
    UploadId::new(Timestamp::from_millis(millis))
}

fn final_id() -> UploadId {
    let Ok(Concat::Final(parts)) = Concat::parse(&format!("final;/files/{}", UploadId::random())) else {
        panic!("one part is enough")
    };
    parts.final_id(&"ann".parse().expect("valid"), &Metadata::default(), None)
}

fn folders_in(parts: &Path) -> usize {
    fs::read_dir(parts).expect("readable").count()
}

#[test]
fn ids_of_a_minute_share_a_bucket_and_those_of_no_time_share_few() {
    let begin = 0x0192_f3a4_0000;
    let of = |millis| Bucket::of(id_at(millis)).to_string();
    assert_eq!(of(begin), "0192f3a4");
    assert_eq!(of(begin + 0xffff), "0192f3a4");
    assert_eq!(of(begin + 0x1_0000), "0192f3a5");
    for id in [final_id(), UploadId::random()] {
        assert_eq!(Bucket::of(id).to_string(), format!("x{}", &id.to_string()[..2]));
    }
}

#[test]
fn only_a_buckets_own_name_is_its_name() {
    for bucket in [Bucket::Time(0), Bucket::Time(0x0192_f3a4), Bucket::Share(0), Bucket::Share(0xff)] {
        assert!(bucket.to_string().parse::<Bucket>().is_ok_and(|read| read == bucket), "{bucket}");
    }
    for name in ["", "x", "x7", "X7c", "x7C", "x07c", "0192F3A4", "192f3a4", "+192f3a4", "00192f3a4", "notes"]
    {
        assert!(name.parse::<Bucket>().is_err(), "{name}");
    }
    assert!(UploadId::random().to_string().parse::<Bucket>().is_err());
}

#[test]
fn a_bucket_comes_with_its_first_part_and_goes_after_its_last() {
    let (parts, buckets) = hasty();
    let (early, late) = ([id_at(0), id_at(1)], id_at(1 << 20));
    early.iter().for_each(|id| create(&buckets, *id));
    assert_eq!(folders_in(parts.path()), 1);
    free(&buckets, early[0]);
    create(&buckets, late);
    assert!(buckets.part(early[1]).exists(), "a bucket with a part stays");
    free(&buckets, early[1]);
    free(&buckets, late);
    assert!(!buckets.folder(Bucket::of(early[0])).exists());
    create(&buckets, early[0]);
    assert!(buckets.part(early[0]).exists(), "and it comes again");
}

/// Uploads that come one after the other must not have their bucket made and removed each.
#[test]
fn an_empty_bucket_waits_for_the_round_to_end() {
    let (parts, buckets) = buckets(Duration::from_secs(1 << 40));
    for millis in 0..99 {
        let id = id_at(millis);
        create(&buckets, id);
        free(&buckets, id);
        assert_eq!(folders_in(parts.path()), 1);
    }
    assert_eq!(buckets.known().made, 1);
}

#[test]
fn many_empty_buckets_go_a_few_at_a_time() {
    let (parts, buckets) = hasty();
    let count = 100;
    for millis in 0..count {
        let id = id_at(millis << 16);
        create(&buckets, id);
        fs::remove_file(buckets.part(id)).expect("there");
    }
    let mut before = folders_in(parts.path());
    while before > 1 {
        buckets.left(Bucket::Share(0));
        let now = folders_in(parts.path());
        assert!(before - now <= REMOVED_AT_ONCE && now < before, "{before} {now}");
        before = now;
    }
}

/// The buckets may be removed any number of times between a creation's attempts.
#[test]
fn nothing_is_lost_where_buckets_come_and_go() {
    let (_parts, buckets) = hasty();
    let ids: Vec<Vec<_>> = (0..4u64).map(|_| (0..500).map(|at| id_at((at / 7) << 16)).collect()).collect();
    thread::scope(|scope| {
        for ids in &ids {
            scope.spawn(|| {
                for (at, id) in ids.iter().enumerate() {
                    create(&buckets, *id);
                    assert!(buckets.part(*id).exists());
                    if at % 50 != 0 {
                        free(&buckets, *id);
                    }
                }
            });
        }
    });
    let mut kept: Vec<_> = ids.iter().flat_map(|ids| ids.iter().step_by(50).copied()).collect();
    let mut found = buckets.page(None, usize::MAX).expect("readable");
    kept.sort();
    found.sort();
    assert_eq!(found, kept);
}

#[test]
fn what_fails_otherwise_makes_no_bucket() {
    let (parts, buckets) = hasty();
    let refused = buckets.create(UploadId::random(), || Err::<(), _>(io::ErrorKind::StorageFull.into()));
    assert_eq!(refused.expect_err("refused").kind(), io::ErrorKind::StorageFull);
    assert_eq!(folders_in(parts.path()), 0);
    let gone = buckets.create(UploadId::random(), || Err::<(), _>(io::ErrorKind::NotFound.into()));
    assert_eq!(gone.expect_err("for ever").kind(), io::ErrorKind::NotFound);
}

/// The folder of the buckets is synced once for each new bucket, by the first upload that needs it.
#[test]
fn the_name_of_a_bucket_is_made_durable_once() {
    let (_parts, buckets) = hasty();
    let [one, other] = [id_at(0), id_at(1)];
    let syncs = |id: UploadId, fails: bool| {
        let mut count = 0;
        let outcome = buckets.make_durable(Bucket::of(id), |_| {
            count += 1;
            if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        assert_eq!(outcome.is_err(), fails && count > 0);
        count
    };
    create(&buckets, one);
    create(&buckets, other);
    assert_eq!([syncs(one, true), syncs(one, false), syncs(other, false)], [1, 1, 0]);
    // The bucket is removed and made again while a sync of the earlier one runs.
    free(&buckets, one);
    free(&buckets, other);
    create(&buckets, one);
    let again = || {
        free(&buckets, one);
        buckets.left(Bucket::Share(0));
        create(&buckets, one);
    };
    buckets
        .make_durable(Bucket::of(one), |_| {
            again();
            Ok(())
        })
        .expect("synced");
    assert_eq!([syncs(one, false), syncs(one, false)], [1, 0]);
}

/// The folder as a former version left it, and as a kill left it in the middle of the move.
#[tokio::test]
async fn parts_of_the_former_layout_are_moved_at_the_start() {
    let data = tempfile::tempdir().expect("a folder");
    let disk = Disk::open(data.path(), Durability::Power, 0).expect("opened");
    let Folders { buckets, .. } = &*disk.folders;
    let ids = [id_at(7), id_at(8), UploadId::random(), final_id()];
    let flat = |id: UploadId| buckets.parts().join(id.to_string());
    ids.iter().for_each(|id| fs::write(flat(*id), id.to_string()).expect("written"));
    fs::create_dir(buckets.folder(Bucket::Time(7))).expect("a bucket that a kill left");
    fs::create_dir(flat(UploadId::random())).expect("a folder of somebody");
    fs::rename(flat(ids[0]), {
        create(buckets, ids[0]);
        buckets.part(ids[0])
    })
    .expect("moved before the kill");
    let sorted = |mut ids: Vec<UploadId>| {
        ids.sort();
        ids
    };
    for _ in 0..2 {
        assert_eq!(
            sorted(disk.parts(Timestamp::from_millis(u64::MAX), None, usize::MAX).await.expect("readable")),
            sorted(ids.to_vec())
        );
        disk.folders.restore(&[]).expect("in order");
        for id in ids {
            assert_eq!(fs::read(buckets.part(id)).expect("moved"), id.to_string().as_bytes());
            assert!(!flat(id).exists());
        }
        assert!(!buckets.folder(Bucket::Time(7)).exists());
    }
    assert_eq!(buckets.foreign().expect("readable").len(), 1, "which stays");
}

/// A part's file may be opened for a ledger that a former process wrote, whatever is left of its bucket.
#[tokio::test]
async fn a_bucket_that_is_gone_is_damage_to_its_parts_and_to_no_others() {
    let data = tempfile::tempdir().expect("a folder");
    let disk = Disk::open(data.path(), Durability::Power, 0).expect("opened");
    let id = id_at(7);
    let append = async |offset: u64| {
        let mut sink = disk.open(id, Epoch::FIRST, offset).await.expect("opened");
        sink.sync(vec![bytes::Bytes::from_static(b"abc")]).await
    };
    append(0).await.expect("written");
    fs::remove_dir_all(disk.folders.buckets.folder(Bucket::of(id))).expect("lost");
    append(3).await.expect_err("its bytes are gone");
    append(0).await.expect("it may begin anew");
}
