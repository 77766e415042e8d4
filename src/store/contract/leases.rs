//! Facts of leases, wherever their holders are.

use std::sync::Arc;

use crate::store::{Elsewhere, Leases, NoTurn, Wanted};
use crate::upload::UploadId;

pub async fn a_newcomer_displaces_the_holder_and_follows_it(leases: impl Leases + Clone) {
    let id = UploadId::random();
    let first = leases.take_over(id, Wanted::WhatCame).await.expect("idle");
    assert!(leases.take_idle(id).await.expect("asked").is_none());
    let other = leases.clone();
    let newcomer = tokio::spawn(async move { other.take_over(id, Wanted::WhatCame).await.map(drop) });
    assert_eq!(first.displaced().await, Wanted::WhatCame);
    drop(first);
    newcomer.await.expect("no panic").expect("its turn");
    assert!(leases.take_idle(id).await.expect("asked").is_some(), "it was left");
}

/// The first holder never lets go here, like one that is busy: a displaced request must not wait for it.
pub async fn the_newest_displaces_those_that_wait_and_they_give_way_at_once(leases: impl Leases + Clone) {
    let id = UploadId::random();
    let first = leases.take_over(id, Wanted::WhatCame).await.expect("idle");
    let wait = || {
        let leases = leases.clone();
        tokio::spawn(
            async move { leases.take_over(id, Wanted::WhatCame).await.map(|lease| lease.is_displaced()) },
        )
    };
    let second = wait();
    first.displaced().await;
    let third = wait();
    assert!(matches!(second.await.expect("no panic"), Err(NoTurn::Displaced)));
    drop(first);
    assert!(matches!(third.await.expect("no panic"), Ok(None)));
}

pub async fn uploads_do_not_wait_for_each_other(leases: impl Leases) {
    let one = leases.take_over(UploadId::random(), Wanted::WhatCame).await.expect("idle");
    let two = leases.take_over(UploadId::random(), Wanted::WhatCame).await.expect("idle");
    assert_eq!((one.is_displaced(), two.is_displaced()), (None, None));
}

pub async fn the_holder_learns_what_the_first_newcomer_wants(leases: impl Leases + Clone) {
    for wanted in [Wanted::WhatCame, Wanted::RecordedOffset] {
        let (id, leases) = (UploadId::random(), Arc::new(leases.clone()));
        let holder = leases.take_idle(id).await.expect("asked").expect("idle");
        assert_eq!(holder.is_displaced(), None);
        let (other, last) = (Arc::clone(&leases), Arc::clone(&leases));
        let second = tokio::spawn(async move { other.take_over(id, wanted).await.map(drop) });
        assert_eq!(holder.displaced().await, wanted);
        let third = tokio::spawn(async move { last.take_over(id, Wanted::WhatCame).await.map(drop) });
        assert!(matches!(second.await.expect("no panic"), Err(NoTurn::Displaced)));
        assert_eq!((holder.is_displaced(), holder.displaced().await), (Some(wanted), wanted));
        drop(holder);
        third.await.expect("no panic").expect("its turn");
    }
}

pub async fn what_nobody_holds_is_not_taken_from_a_holder(leases: impl Leases + Clone) {
    let id = UploadId::random();
    assert!(leases.take_held(id, Wanted::WhatCame, Elsewhere::Unknown).await.expect("asked").is_none());
    let holder = leases.take_idle(id).await.expect("asked").expect("idle");
    let other = leases.clone();
    let newcomer = tokio::spawn(async move {
        other.take_held(id, Wanted::WhatCame, Elsewhere::Unknown).await.map(|lease| lease.is_some())
    });
    assert_eq!(holder.displaced().await, Wanted::WhatCame);
    drop(holder);
    assert!(newcomer.await.expect("no panic").expect("its turn"));
    assert!(leases.take_held(id, Wanted::WhatCame, Elsewhere::Unknown).await.expect("asked").is_none());
}
