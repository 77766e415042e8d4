use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const JWKS: &str = include_str!("../../auth/testdata/jwks.json");
const RS256: &str = include_str!("../../auth/testdata/rs256.jwt");
const ES256: &str = include_str!("../../auth/testdata/es256.jwt");
const EDDSA: &str = include_str!("../../auth/testdata/eddsa.jwt");

/// A keyring over a file, with its reader running.
struct Stage {
    keyring: Arc<Keyring>,
    folder: TempDir,
    reader: tokio::task::JoinHandle<()>,
}

impl Stage {
    /// A stage whose file has the keys of these names.
    async fn with(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        fs::write(&path, set(names)).expect("written");
        let source = KeySource::jwks(&path.display().to_string()).expect("keys");
        let keyring = Arc::new(Keyring::open(source, Rules::default()).await.expect("keys"));
        let reading = Arc::clone(&keyring);
        let reader = tokio::spawn(async move { reading.keep_reading(CancellationToken::new()).await });
        Self { keyring, folder, reader }
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join("keys.json"), text).expect("written");
    }

    async fn accepts(&self, token: &str) -> bool {
        self.keyring.verify(token, Timestamp::now()).await.is_ok()
    }

    fn reads(&self) -> u64 {
        self.keyring.reads.borrow().ended
    }

    /// Waits until this many reads have ended.
    async fn read(&self, count: u64) {
        self.keyring.reads.subscribe().wait_for(|reads| reads.ended >= count).await.expect("it lives");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The key set with the keys of these names.
fn set(names: &[&str]) -> String {
    let set: Value = serde_json::from_str(JWKS).expect("JSON");
    let keys = set["keys"].as_array().expect("keys").iter();
    let keys: Vec<_> = keys.filter(|key| names.iter().any(|name| key["kid"] == *name)).collect();
    json!({ "keys": keys }).to_string()
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_looked_for_once_a_minute() {
    let stage = Stage::with(&["RS256"]).await;
    assert!(stage.accepts(RS256).await);
    assert_eq!(stage.reads(), 0);

    stage.write(set(&["RS256", "ES256"]));
    let (first, second) = tokio::join!(stage.accepts(ES256), stage.accepts(ES256));
    assert!(first && second, "both wait for the same read");
    assert_eq!(stage.reads(), 1);

    stage.write(set(&["RS256", "ES256", "EdDSA"]));
    for _ in 0..100 {
        assert!(!stage.accepts(EDDSA).await, "not twice in a minute");
    }
    assert_eq!(stage.reads(), 1);

    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(stage.accepts(EDDSA).await);
    assert_eq!(stage.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_goes_away_does_not_take_the_read_along() {
    let stage = Stage::with(&["RS256"]).await;
    stage.write(set(&["RS256", "ES256"]));
    let gone = tokio::time::timeout(Duration::ZERO, stage.accepts(ES256)).await;
    assert!(gone.is_err(), "it would have had to wait");
    assert!(stage.accepts(ES256).await);
    assert_eq!(stage.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_every_ten_minutes_and_when_told_to() {
    let stage = Stage::with(&["RS256", "ES256"]).await;
    assert!(stage.accepts(RS256).await, "now it is remembered");
    let start = Instant::now();
    stage.write(set(&["ES256"]));
    stage.read(1).await;
    assert_eq!(start.elapsed().as_secs(), 600);
    assert!(!stage.accepts(RS256).await, "its key was taken away");

    let before = stage.reads();
    stage.write(set(&["RS256"]));
    stage.keyring.read_again();
    stage.read(before + 1).await;
    assert!(stage.accepts(RS256).await && !stage.accepts(ES256).await);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_changes_nothing() {
    let stage = Stage::with(&["RS256"]).await;
    for bad in ["", "<html>", r#"{"keys":[]}"#, r#"{"keys":[{"kid":"RS256","kty":"RSA"}]}"#, "{\"keys\":"] {
        let before = stage.reads();
        stage.write(bad);
        stage.keyring.read_again();
        stage.read(before + 1).await;
        assert!(stage.accepts(RS256).await, "{bad}");
    }
    fs::remove_file(stage.folder.path().join("keys.json")).expect("it was there");
    stage.keyring.read_again();
    stage.read(6).await;
    assert!(stage.accepts(RS256).await);
    let (start, before) = (Instant::now(), stage.reads());
    stage.write(set(&["ES256"]));
    stage.read(before + 1).await;
    assert_eq!(start.elapsed().as_secs(), 600, "nothing brought it forward");
    assert!(stage.accepts(ES256).await);
}

#[tokio::test(start_paused = true)]
async fn given_keys_stay() {
    let secret = "a secret of the tests, of more than 32 bytes";
    let keys = KeySet::secrets(&[secret]).expect("a secret");
    let keyring = Arc::new(Keyring::fixed(keys, Rules::default()));
    let reading = Arc::clone(&keyring);
    let reader = tokio::spawn(async move { reading.keep_reading(CancellationToken::new()).await });
    keyring.read_again();
    keyring.reads.subscribe().wait_for(|reads| reads.ended == 1).await.expect("it lives");
    let user = "ada".parse().expect("valid");
    let token = crate::auth::mint_hs256(secret, &user, false, Timestamp::now().plus_secs(60));
    assert!(keyring.verify(&token, Timestamp::now()).await.is_ok());
    assert_eq!(keyring.verify(ES256, Timestamp::now()).await, Err(AuthError::Invalid), "no set, no wait");
    reader.abort();
}
