//! Facts of each relay.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use longhaul::message::{MessageId, UserId};
use longhaul::store::contract::samples::{conversation, user};
use longhaul::store::redis::RedisRelay;
use longhaul::store::{Addressed, Announcement, Brought, Parcel, Progress, Recent, Relay};
use longhaul::upload::UploadId;
use uuid::Uuid;

use crate::cluster::{Cluster, Kind};

fn parcel(from: u128, number: u64, to: Vec<UserId>) -> Parcel {
    let progress = Progress {
        upload_id: UploadId::random(),
        conversation_id: conversation(1),
        sender: user("ann"),
        file_name: "a\u{0}\u{1F600}.mp4".into(),
        mime_type: "video/mp4".into(),
        kind: longhaul::message::MessageKind::Video,
        offset: number,
        length: Some(u64::MAX),
    };
    let announcement = Announcement::UploadFinished(progress, MessageId::from_bytes([3; 12]));
    let what = Addressed { to, announcement };
    Parcel { from: Uuid::from_u128(from), number, is_told_there: false, what }
}

/// So many users that their names fill this many bytes.
fn users(bytes: usize) -> Vec<UserId> {
    (0..bytes / 100).map(|n| user(&format!("{n:090}"))).collect()
}

async fn next(brought: &mut BoxStream<'static, Brought>) -> Brought {
    let next = tokio::time::timeout(Duration::from_secs(20), brought.next()).await;
    next.expect("something comes").expect("the stream goes on")
}

/// The parcels that come next; doubts are passed over.
async fn parcels(brought: &mut BoxStream<'static, Brought>, count: usize) -> Vec<Parcel> {
    let mut parcels = Vec::new();
    while parcels.len() < count {
        if let Brought::Parcel(parcel) = next(brought).await {
            parcels.push(*parcel);
        }
    }
    parcels
}

/// Hands parcels on as soon as the line is open.
async fn hand_on(relay: &dyn Relay, parcels: &[Parcel]) {
    while relay.hand_on(parcels).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parcels_of_every_size_come_unchanged_and_to_all_in_one_order() {
    for kind in [Kind::Postgres, Kind::Redis] {
        let cluster = Cluster::of(kind).await;
        let relays = [cluster.relay().await, cluster.relay().await];
        let mut streams = [relays[0].brought(), relays[1].brought()];
        // A line that takes something is open.
        for (relay, number) in relays.iter().zip(1..) {
            hand_on(&**relay, &[parcel(number, 0, vec![])]).await;
        }
        let own: [Vec<Parcel>; 2] = [1, 2].map(|from| {
            let sizes = [0, 100, 7_000, 8_000, 300, 9_000, 200_000, 0];
            sizes
                .iter()
                .cycle()
                .zip(1..=40)
                .map(|(size, number)| parcel(from, number, users(*size)))
                .collect()
        });
        let one = async {
            for parcels in own[0].chunks(7) {
                hand_on(&*relays[0], parcels).await;
            }
        };
        let other = async {
            for one in &own[1] {
                hand_on(&*relays[1], std::slice::from_ref(one)).await;
            }
        };
        tokio::join!(one, other);
        let mut orders = Vec::new();
        for stream in &mut streams {
            let mut all = Vec::new();
            while all.len() < 80 {
                all.extend(parcels(stream, 1).await.into_iter().filter(|parcel| parcel.number > 0));
            }
            for (from, own) in [1, 2].into_iter().zip(&own) {
                let of_it = all.iter().filter(|parcel| parcel.from == Uuid::from_u128(from));
                assert!(of_it.eq(own), "{kind:?}: those of each sender in their order");
            }
            orders.push(all);
        }
        assert!(orders[0] == orders[1], "{kind:?}: one order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_cut_goes_on_with_a_doubt() {
    for kind in [Kind::Postgres, Kind::Redis] {
        let cluster = Cluster::of(kind).await;
        let relay = cluster.relay().await;
        let mut brought = relay.brought();
        hand_on(&*relay, &[parcel(1, 1, vec![])]).await;
        parcels(&mut brought, 1).await;
        for number in 2..5 {
            match kind {
                Kind::Postgres => cluster.cut_listeners().await,
                _ => cluster.redis.cut_subscribers(),
            }
            while !matches!(next(&mut brought).await, Brought::Doubt(_)) {}
            let sent = parcel(1, number, vec![]);
            hand_on(&*relay, std::slice::from_ref(&sent)).await;
            loop {
                match next(&mut brought).await {
                    Brought::Parcel(came) if *came == sent => break,
                    Brought::Parcel(_) => {}
                    // It may have been lost.
                    Brought::Doubt(_) => hand_on(&*relay, std::slice::from_ref(&sent)).await,
                }
            }
        }
    }
}

#[tokio::test]
async fn one_redis_carries_the_parcels_of_several_clusters() {
    let cluster = Cluster::of(Kind::Redis).await;
    let [one, other] = [1, 2].map(|id| RedisRelay::start(&cluster.redis.address(), Uuid::from_u128(id)));
    let (mut to_one, mut to_other) = (one.brought(), other.brought());
    hand_on(&one, &[parcel(1, 1, vec![])]).await;
    hand_on(&other, &[parcel(2, 1, vec![])]).await;
    assert_eq!(parcels(&mut to_one, 1).await[0].from, Uuid::from_u128(1));
    assert_eq!(parcels(&mut to_other, 1).await[0].from, Uuid::from_u128(2));
}

#[tokio::test]
async fn what_was_announced_lately_is_found_in_the_order_of_its_conversation() {
    let cluster = Cluster::of(Kind::Postgres).await;
    let process = cluster.process().await;
    let first = process.tell(1, "announced").await;
    let second = process.make(1, "not yet").await.id;
    let third = process.tell(2, "announced").await;
    let found = cluster.store.announced_within(Duration::from_secs(5)).await.expect("readable");
    assert_eq!(
        found.map(|ids| ids.into_iter().filter(|id| *id != third).collect()),
        Some(vec![first, second])
    );
    let found = cluster.store.announced_within(Duration::ZERO).await.expect("readable");
    assert_eq!(found, Some(vec![second]), "it may have been announced just now");
    let long = cluster.store.announced_within(Duration::from_secs(3600)).await.expect("readable");
    assert_eq!(long, None, "it is not known any more");
}
