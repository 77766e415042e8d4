//! The keys that sign media links, over restarts.

use harness::chat::Chat;
use harness::server::{Setup, run_to_its_end};
use harness::wait;

mod linked;

use linked::{CONTENT, KEY, check_refused, exp_of, get, link_of, sig};

const OTHER_KEY: &str = "another key of the tests of links";

/// The ends of links are rounded to a grid. Its lines are a second or a week apart, so that a test sees both
/// sides of one.
#[tokio::test]
async fn a_link_stays_the_same_for_a_while_and_over_a_restart() {
    let week = Setup::default().setting("--media-link-secs", "7d");
    let chat = Chat::on(week.clone()).await;
    let message = chat.post("a.mp4", CONTENT).await;
    let link = link_of(&message);
    assert_eq!(exp_of(&link) % (7 * 24 * 60 * 60), 0);
    chat.server.kill().await;
    chat.server.restart_with(week).await;
    assert_eq!(link_of(&chat.only_message().await), link);
    get(&chat, &link).send().await.expecting(200);

    chat.server.kill().await;
    chat.server.restart_with(Setup::default().setting("--media-link-secs", 1)).await;
    let soon = link_of(&chat.only_message().await);
    assert_ne!(soon, link);
    wait::until_true("another link is given", async || link_of(&chat.only_message().await) != soon).await;
    wait::until_true("the first one ends", async || get(&chat, &soon).send().await.status == 403).await;
    // A link carries its own end, so later settings do not change it.
    get(&chat, &link).send().await.expecting(200);
}

#[tokio::test]
async fn keys_are_replaced_one_after_the_other_over_restarts() {
    let with = |keys: &str| Setup::default().env("LONGHAUL_MEDIA_LINK_KEY", keys);
    let chat = Chat::on(with(KEY)).await;
    let old = link_of(&chat.post("a.mp4", CONTENT).await);
    let restart = async |keys: &str| {
        chat.server.kill().await;
        chat.server.restart_with(with(keys)).await;
        link_of(&chat.only_message().await)
    };
    let new = restart(&format!("{OTHER_KEY},{KEY}")).await;
    assert_ne!(new.split_once("sig="), old.split_once("sig="));
    for link in [&old, &new] {
        get(&chat, link).send().await.expecting(200);
    }
    restart(OTHER_KEY).await;
    check_refused(&get(&chat, &old).send().await, "of a key that is gone");
    get(&chat, &new).send().await.expecting(200);
    assert!(
        !chat.server.folder().path().join("media-link.keys").exists(),
        "no key is made where one is given"
    );
}

#[tokio::test]
async fn the_key_that_is_kept_with_the_data_is_replaced_on_sighup() {
    let chat = Chat::start().await;
    let old = link_of(&chat.post("a.mp4", CONTENT).await);
    let file = chat.server.folder().path().join("media-link.keys");
    let first = std::fs::read_to_string(&file).expect("the server has made a key");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("there").permissions());
    assert_eq!((mode & 0o777, first.trim().len()), (0o600, 64));

    let replace = async |keys: &str, judge: &dyn Fn(&str) -> bool| {
        std::fs::write(&file, keys).expect("written");
        chat.server.hang_up();
        wait::until("the keys are read", async || {
            Some(link_of(&chat.only_message().await)).filter(|link| judge(link))
        })
        .await
    };
    let new = replace(&format!("{KEY}\n{first}"), &|link| sig(link) != sig(&old)).await;
    get(&chat, &old).send().await.expecting(200);
    let newest = replace(OTHER_KEY, &|link| sig(link) != sig(&new)).await;
    check_refused(&get(&chat, &old).send().await, "of a key that is gone");
    get(&chat, &newest).send().await.expecting(200);
    chat.server.kill().await;
    chat.server.restart().await;
    get(&chat, &newest).send().await.expecting(200);
}

#[tokio::test]
async fn bad_link_settings_are_named_without_the_key() {
    for (flag, value, said) in [
        ("--media-link-key", "short", "at least 16 bytes"),
        ("--media-link-key", "a key that is long enough,", "at least 16 bytes"),
        ("--media-link-secs", "8d", "seven days"),
        ("--media-link-secs", "500ms", "whole seconds"),
    ] {
        let death = run_to_its_end(&[flag, value], &[]).await.to_string();
        assert!(death.contains(said) && !death.contains("long enough"), "{death}");
    }
}
