use proptest::prelude::*;

use super::*;
use crate::message::sample;

const KEY: &str = "a key of the tests of links";
const OTHER: &str = "another key of the tests";

fn links(keys: &str) -> MediaLinks {
    MediaLinks::new(100, LinkKeys::of_list(keys).expect("keys"))
}

fn presented(query: &str) -> Option<Presented> {
    let (exp, sig) = query.strip_prefix("exp=")?.split_once("&sig=")?;
    Presented::of(exp, sig)
}

fn judged(links: &MediaLinks, query: &str, message: &Message, now: Timestamp) -> Option<u64> {
    links.judge(&presented(query)?, message.id, &message.stored_name, now)
}

#[test]
fn a_link_is_good_until_it_ends_and_not_a_moment_longer() {
    let (links, message) = (links(KEY), sample("né.mp4"));
    let link = links.link(&message, Timestamp::from_secs(1050)).expect("a link");
    assert_eq!(link.expires_at, Timestamp::from_secs(1200));
    for (millis, left) in [
        (0, Some(1200)),
        (1_050_000, Some(150)),
        (1_199_000, Some(1)),
        (1_199_999, Some(0)),
        (1_200_000, None),
        (9_999_999, None),
    ] {
        assert_eq!(judged(&links, &link.query, &message, Timestamp::from_millis(millis)), left, "{millis}");
    }
}

#[test]
fn a_link_is_for_one_file_of_one_message() {
    let (links, message, now) = (links(KEY), sample("né.mp4"), Timestamp::from_secs(1050));
    let query = links.link(&message, now).expect("a link").query;
    let mut other = message.clone();
    other.id = "507f1f77bcf86cd7994390ff".parse().expect("an id");
    for (message, is_good) in [
        (message.clone(), true),
        (Message { stored_name: "ne\u{301}.mp4".into(), ..message.clone() }, true),
        (Message { stored_name: "ne.mp4".into(), ..message.clone() }, false),
        (other, false),
    ] {
        assert_eq!(judged(&links, &query, &message, now).is_some(), is_good, "{}", message.stored_name);
    }
}

#[test]
fn a_link_that_was_changed_is_none() {
    let (links, message, now) = (links(KEY), sample("a.mp4"), Timestamp::from_secs(1050));
    let good = links.link(&message, now).expect("a link").query;
    let sig = good.split_once("&sig=").expect("a signature").1.to_owned();
    let bad = [
        format!("exp=1201&sig={sig}"),
        format!("exp=01200&sig={sig}"),
        format!("exp=+1200&sig={sig}"),
        format!("exp=1200 &sig={sig}"),
        format!("exp=-1200&sig={sig}"),
        format!("exp=&sig={sig}"),
        format!("exp=99999999999999999999&sig={sig}"),
        "exp=1200&sig=".to_owned(),
        format!("exp=1200&sig={sig}="),
        format!("exp=1200&sig={}", &sig[1..]),
        format!("exp=1200&sig={sig}{sig}"),
        format!("exp=1200&sig={}", sig.to_uppercase()),
    ];
    assert!(judged(&links, &good, &message, now).is_some());
    for query in bad {
        assert_eq!(judged(&links, &query, &message, now), None, "{query}");
    }
}

#[test]
fn a_new_key_signs_and_the_old_one_is_accepted_until_it_is_taken_away() {
    let (links, message, now) = (links(KEY), sample("a.mp4"), Timestamp::from_secs(1050));
    let old = links.link(&message, now).expect("a link").query;
    links.trust(LinkKeys::of_list(&format!("{OTHER},{KEY}")).expect("keys"));
    let new = links.link(&message, now).expect("a link").query;
    assert_ne!(old, new);
    let good = |query: &str| judged(&links, query, &message, now).is_some();
    assert!(good(&old) && good(&new));
    links.trust(LinkKeys::of_list(OTHER).expect("a key"));
    assert!(!good(&old) && good(&new));
}

#[test]
fn without_keys_there_are_no_links() {
    let (off, message, now) = (MediaLinks::default(), sample("a.mp4"), Timestamp::from_secs(1050));
    assert_eq!(off.link(&message, now), None);
    let query = links(KEY).link(&message, now).expect("a link").query;
    assert_eq!(judged(&off, &query, &message, now), None);
}

#[test]
fn a_link_that_was_asked_for_lasts_as_long_as_asked_and_seven_days_at_most() {
    let (links, message) = (links(KEY), sample("a.mp4"));
    for (secs, expected) in [(1, 1051), (60, 1110), (u64::MAX, 1050 + MAX_LINK_SECS)] {
        let link = links.link_for(&message, secs, Timestamp::from_secs(1050)).expect("a link");
        assert_eq!(link.expires_at, Timestamp::from_secs(expected));
        assert!(judged(&links, &link.query, &message, Timestamp::from_secs(1050)).is_some());
    }
}

proptest! {
    /// Any single bit of the signature that a forger flips.
    #[test]
    fn no_other_signature_is_accepted(byte in 0_usize..32, bit in 0_u8..8, secs in 0_u64..10_000_000_000) {
        let (links, message, now) = (links(KEY), sample("a.mp4"), Timestamp::from_secs(secs));
        let query = links.link(&message, now).expect("a link").query;
        let (exp, sig) = query.split_once("&sig=").expect("a signature");
        let mut signature = data_encoding::BASE64URL_NOPAD.decode(sig.as_bytes()).expect("base64url");
        prop_assert!(judged(&links, &query, &message, now).is_some());
        signature[byte] ^= 1 << bit;
        let forged = format!("{exp}&sig={}", data_encoding::BASE64URL_NOPAD.encode(&signature));
        prop_assert_eq!(judged(&links, &forged, &message, now), None);
    }
}
