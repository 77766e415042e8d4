use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};

use super::*;

fn config(args: &[&str]) -> Result<Config, Problems> {
    let args = ["longhaul"].into_iter().chain(args.iter().copied());
    Config::of(&Flags::try_parse_from(args).expect("known flags"), [])
}

#[test]
fn the_defaults_are_demo_mode_on_loopback() {
    let config = config(&[]).expect("valid");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert!(config.key.is_none() && config.digests == Digests::Every);
    assert_eq!(config.max_upload_size, 8_589_934_592);
    assert_eq!(config.max_oneshot_size, config.max_upload_size);
    assert_eq!((config.max_unfinished, config.max_reserved_bytes), (4000, 107_374_182_400));
    assert_eq!(config.lapse_after, Duration::from_secs(120));
    assert_eq!((config.expire_after_secs, config.reserve), (604_800, 268_435_456));
    assert_eq!(config.sweep_interval, Duration::from_secs(60));
    let waits = [config.body_idle, config.header_timeout, config.drain_timeout];
    assert_eq!(waits, [30, 10, 10].map(Duration::from_secs));
    assert_eq!([config.keep_alive, config.send_timeout], [75, 60].map(Duration::from_secs));
    assert_eq!((config.media_link_secs, config.media_link_keys), (3600, None));
}

#[test]
fn all_faults_are_named_at_once() {
    let args = [
        ["--listen", "nowhere"],
        ["--max-upload-size", "1.5GB"],
        ["--durability", "hope"],
        ["--expire-after", "0"],
        ["--idle-timeout", "-1"],
        ["--log", "loud"],
    ];
    let Problems(problems) = config(args.as_flattened()).expect_err("invalid");
    let named: Vec<_> = problems.iter().filter_map(|p| p.split([':', ' ']).next()).collect();
    let flags =
        ["--max-upload-size", "--listen", "--expire-after", "--durability", "--idle-timeout", "--log"];
    assert_eq!(named, flags, "{problems:?}");
}

#[test]
fn demo_mode_refuses_other_addresses() {
    assert!(config(&["--listen", "0.0.0.0:8000"]).is_err());
    assert!(config(&["--listen", "[::1]:8000"]).is_ok());
    assert!(config(&["--ops-listen", "0.0.0.0:9000"]).is_err());
    assert!(config(&["--ops-listen", "127.0.0.1:9000"]).is_ok());
    let secret = "a secret that is as long as it has to be";
    assert!(config(&["--listen", "0.0.0.0:8000", "--jwt-secret", secret]).is_ok());
}

#[test]
fn keys_have_one_source_that_can_verify() {
    const SECRET: &str = "a secret of the tests, of more than 32 bytes";
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let (good, short) = (file("good", SECRET), file("short", "hunter2\n"));
    let jwks = file("jwks", include_str!("../auth/testdata/jwks.json"));
    let missing = folder.path().join("missing").display().to_string();
    for (args, problem) in [
        (&["--jwt-secret", SECRET][..], None),
        (&["--jwt-secret", SECRET, "--jwt-secret", &SECRET.to_uppercase()], None),
        (&["--jwt-secret-file", &good], None),
        (&["--jwt-jwks", &jwks], None),
        (&["--jwt-jwks", "https://id.example/keys"], None),
        (&["--jwt-secret", "hunter2"], Some("--jwt-secret: a secret has 7 bytes; HS256 needs at least 32")),
        (&["--jwt-secret", ""], Some("--jwt-secret: a secret has 0 bytes")),
        (&["--jwt-secret", SECRET, "--jwt-secret", "s"], Some("--jwt-secret: a secret has 1 bytes")),
        (&["--jwt-secret-file", &short], Some("a secret has 7 bytes")),
        (&["--jwt-secret-file", &missing], Some("No such file")),
        (&["--jwt-public-key", &good], Some("not a PEM")),
        (&["--jwt-jwks", &good], Some("not a JSON Web Key Set")),
        (&["--jwt-jwks", "http://id.example/keys"], Some("--jwt-jwks: the keys have to come by https://")),
        (&["--jwt-jwks", "https://a:hunter2@id.example/"], Some("--jwt-jwks: the URL has a user name")),
        (&["--jwt-secret", SECRET, "--jwt-jwks", &jwks], Some("exclude each other")),
        (&["--jwt-secret", SECRET, "--jwt-secret-file", &good], Some("exclude each other")),
    ] {
        let Problems(problems) = config(args).err().unwrap_or(Problems(Vec::new()));
        let expected = match (&problems[..], problem) {
            ([], None) => true,
            ([one], Some(text)) => one.contains(text),
            _ => false,
        };
        assert!(expected, "{args:?}: {problems:?}");
        assert!(!format!("{problems:?}").contains("hunter2"), "a secret is not told");
    }
}

#[test]
fn plain_numbers_are_bytes_and_seconds() {
    let args = [
        ["--max-upload-size", "1234"],
        ["--max-oneshot-size", "123"],
        ["--expire-after", "5"],
        ["--sweep-interval", "250ms"],
        ["--reserve", "0"],
    ];
    let config = config(args.as_flattened()).expect("valid");
    assert_eq!((config.max_upload_size, config.max_oneshot_size), (1234, 123));
    assert_eq!((config.expire_after_secs, config.reserve), (5, 0));
    assert_eq!(config.sweep_interval, Duration::from_millis(250));
}

#[test]
fn what_can_never_do_what_it_says_is_named() {
    for (args, named) in [
        (&["--max-upload-size", "1MiB", "--max-oneshot-size", "2MiB"][..], "--max-oneshot-size"),
        (&["--max-oneshot-size", "9GiB"], "--max-oneshot-size"),
        (&["--payload", "sled", "--max-upload-size", "2MiB"], "--payload-sled-max, 1048576"),
        (&["--payload", "sled", "--max-oneshot-size", "2MiB"], "--max-oneshot-size"),
        (&["--payload-sled-max", "2MiB"], "--payload sled"),
        (&["--max-upload-size", "2GiB", "--max-reserved-bytes", "1GiB"], "--max-reserved-bytes"),
        (&["--max-upload-size", "0"], "--max-upload-size"),
        (&["--max-unfinished", "0"], "--max-unfinished"),
        (&["--max-unfinished", "1k"], "--max-unfinished"),
        (&["--max-connections", "0"], "--max-connections"),
        (&["--max-connections", "1000001"], "--max-connections"),
        (&["--sweep-interval", "0"], "--sweep-interval"),
        (&["--header-timeout", "0s"], "--header-timeout"),
        (&["--keep-alive-timeout", "0s"], "--keep-alive-timeout"),
        (&["--send-timeout", "0s"], "--send-timeout"),
        (&["--ops-listen", "8001"], "--ops-listen"),
        (&["--idle-timeout", "0ms"], "--idle-timeout"),
        (&["--drain-timeout", "2d"], "--drain-timeout"),
        (&["--expire-after", "500ms"], "whole seconds"),
        (&["--expire-after", "1500ms"], "whole seconds"),
        (&["--reserve", "8000000TiB"], "--reserve"),
        (&["--data-dir", ""], "--data-dir"),
        (&["--jwt-claims", "sub,,uid"], "--jwt-claims"),
        (&["--jwt-audience", "chat"], "--jwt-audience"),
        (&["--jwt-issuer", "https://id.example"], "--jwt-issuer"),
        (&["--cors-origin", "example.com"], "https://example.com"),
        (&["--cors-origin", "https://a.example, https://b.example/"], "https://b.example/"),
        (&["--cors-origin", "https://a.example,"], "empty"),
        (&["--cors-credentials"], "--cors-origin"),
        (&["--media", "accel"], "none of `serve`, `redirect`, `accel:PREFIX`"),
        (&["--media", "accel:"], "everything"),
        (&["--media", "accel:/"], "everything"),
        (&["--media", "accel:protected/"], "does not begin with `/`"),
        (&["--media", "accel:/my films/"], "has characters"),
        (&["--media", "accel:/a?b"], "has characters"),
        (&["--media", "accel:/a%2Fb"], "has characters"),
        (&["--media", "accel:/a/../b"], "`..`"),
        (&["--media", "accel://films/"], "empty part"),
        (&["--media", "accel:/films/", "--payload", "sled"], "--payload disk"),
        (&["--media", "redirect"], "--bucket"),
        (&["--log", "info,loud"], "`loud`"),
        (&["--log-format", "xml"], "--log-format"),
    ] {
        let Problems(problems) = config(args).expect_err("it cannot do that");
        assert!(matches!(&problems[..], [one] if one.contains(named)), "{args:?}: {problems:?}");
    }
}

#[test]
fn origins_may_stand_behind_a_comma_and_a_space() {
    let config = config(&["--cors-origin", "https://a.example, http://localhost:3000"]).expect("valid");
    assert_eq!(config.cors_origins, ["https://a.example", "http://localhost:3000"]);
}

#[test]
fn a_variable_that_is_no_setting_is_named_with_the_rest() {
    let flags = Flags::try_parse_from(["longhaul", "--expire-after", "never"]).expect("known flags");
    let names = ["PATH", "LONGHAUL_EXPIRES", "LONGHAUL_LISTEN"].map(str::to_owned);
    let Problems(problems) = Config::of(&flags, names).expect_err("invalid");
    assert!(problems[0].starts_with("--expire-after") && problems[1].starts_with("LONGHAUL_EXPIRES "));
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn the_prefix_of_media_ends_with_a_slash() {
    for (text, prefix) in [
        ("serve", None),
        ("accel:/protected/", Some("/protected/")),
        ("accel:/srv/longhaul/chats", Some("/srv/longhaul/chats/")),
    ] {
        assert_eq!(config(&["--media", text]).expect("valid").media.prefix(), prefix, "{text}");
    }
}

#[test]
fn a_base_path_is_checked_at_the_start() {
    for (text, path) in [("chat", "/chat"), ("/chat/", "/chat"), ("/a/b", "/a/b"), ("/", ""), ("", "")] {
        assert_eq!(config(&["--base-path", text]).expect("valid").base_path.to_string(), path);
    }
    for text in ["/a/../b", "/chat?x", "/my chat", "//chat", "https://chat.example/"] {
        let Problems(problems) = config(&["--base-path", text]).expect_err("invalid");
        assert!(problems[0].starts_with(&format!("--base-path: `{text}`: ")), "{problems:?}");
    }
}

#[test]
fn redis_is_for_servers_that_share_what_is_stored() {
    let shared = ["--database", "postgres://h/d", "--bucket", "s3://b"];
    for address in ["redis://127.0.0.1:6379", "rediss://:word@redis.example/0", "unix:///run/redis/socket"] {
        let config = config(&[&shared[..], &["--redis", address]].concat()).expect("valid");
        assert!(config.redis.is_some());
        for alone in [&[][..], &shared[..2]] {
            config_of_faults(&[alone, &["--redis", address]].concat(), "--redis without --bucket");
        }
    }
    for address in ["http://127.0.0.1", "redis.example:secret", ""] {
        let fault = config_of_faults(&[&shared[..], &["--redis", address]].concat(), "--redis: ");
        assert!(!fault.contains("secret"), "{fault}");
    }
}

/// The only fault of these settings, which begins like this.
fn config_of_faults(args: &[&str], begin: &str) -> String {
    let Problems(problems) = config(args).expect_err("invalid");
    assert!(matches!(&problems[..], [only] if only.starts_with(begin)), "{problems:?}");
    problems.concat()
}

/// The table of `src/docs/settings.md`.
#[test]
fn every_setting_is_in_the_documentation_and_no_other() {
    let text = include_str!("../docs/settings.md");
    let (table, _) = text.split_once("\n## Keys").expect("the table comes first");
    let quoted = |mark: &str| -> BTreeSet<String> {
        let words = table.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line.split('`'));
        words.filter(|word| word.starts_with(mark)).map(str::to_owned).collect()
    };
    let command = Flags::command();
    let arguments = || command.get_arguments().filter(|argument| argument.get_env().is_some());
    let flags = arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect();
    let variables = arguments().filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()));
    let variables: BTreeSet<_> = variables.filter(|name| name.starts_with("LONGHAUL_")).collect();
    assert_eq!(quoted("--"), flags);
    assert_eq!(quoted("LONGHAUL_"), variables);
}
