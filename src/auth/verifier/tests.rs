use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::*;
use crate::auth::mint_hs256;

const SECRET: &str = "a secret of the tests";
const RS256_PEM: &str = include_str!("../testdata/rs256.pem");
const ES256_PEM: &str = include_str!("../testdata/es256.pem");
const EDDSA_PEM: &str = include_str!("../testdata/eddsa.pem");
const JWKS: &str = include_str!("../testdata/jwks.json");

/// Tokens of `user@example.com` until 2100, each with its algorithm as `kid`. The private halves are gone.
const RS256: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsImtpZCI6IlJTMjU2In0.eyJleHAiOjQxMDI0NDQ4MDAsInN1YiI6InVzZXJAZXhhbXBsZS5jb20ifQ.sg2cJtFo0Ie5JMvQ9cLFm6XmIgj8eMJovsnMy36MFwvN_Vt0O-y72lxh_tmRClibamiBO-y1g1r9H-XVGUR8fEG4lFs2YGicUE88_-qkAd2vEZNc5DI1YSdEvhy3UGJz38FedvWLCgQNx_ntfU79UOmgcnpmRNJgYVv_iEdaWf9Cin42_S04lGuAAtSLydU8du4QLfJYaZizOt3JB4i6hL2gaVmqj0A3_hseBEYWGjFMAxco9HIKXkKVxRxApgeM8YPswyBJA4i-GyVUJUn1oH8mN55A_7xxG4072hCEGXa5ukzs_amScypdodglrPD6UrdGft_NwnhZxFiwHbKfnA";
const ES256: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIsImtpZCI6IkVTMjU2In0.eyJleHAiOjQxMDI0NDQ4MDAsInN1YiI6InVzZXJAZXhhbXBsZS5jb20ifQ.9IBr4zkS7wIbnl37JJCeBTX_RmL0zlZZW0LONbrieQNSqHUgcuYZgBaJ9oQhsjWxwRevS3dXli6CG2nY8HJe1A";
const EDDSA: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6IkVkRFNBIn0.eyJleHAiOjQxMDI0NDQ4MDAsInN1YiI6InVzZXJAZXhhbXBsZS5jb20ifQ.aAJykt_7A9yHCGJlFmDA-LuGVBZtvfzN6-eja1vweQkgkozlNud4Kquipp1kxIY3MEDPBn50ZJf5Hh_IlNIXDA";

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn user() -> UserId {
    "user@example.com".parse().expect("valid")
}

fn hs256() -> Verifier {
    Verifier::hs256(SECRET).expect("a secret")
}

/// A token with this header and these claims, signed with HS256 and this secret.
fn signed(header: &serde_json::Value, claims: &serde_json::Value, secret: &str) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
    let message = format!("{header}.{claims}");
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    format!("{message}.{}", signature.expect("HMAC signs"))
}

#[test]
fn a_minted_token_is_its_user_until_it_expires() {
    for admin in [false, true] {
        let token = mint_hs256(SECRET, &user(), admin, at(100));
        let valid = Identity { user: user(), admin, expired: false, expires_at: at(100) };
        assert_eq!(hs256().verify(&token, at(99)), Ok(valid.clone()));
        assert_eq!(hs256().verify_expired(&token, at(99)), Ok(valid.clone()));
        assert_eq!(hs256().verify(&token, at(100)), Err(AuthError::Invalid));
        assert_eq!(hs256().verify_expired(&token, at(100)), Ok(Identity { expired: true, ..valid }));
    }
}

#[test]
fn expiry_excuses_nothing_else() {
    let header = json!({"alg": "HS256"});
    let expired = json!({"sub": "a", "exp": 1});
    let verifier = hs256().with_audience("chat");
    for (token, why) in [
        (signed(&header, &json!({"sub": "a", "exp": 1, "aud": "chat"}), "another secret"), "signature"),
        (signed(&header, &expired, SECRET), "audience"),
        (signed(&header, &json!({"exp": 1, "aud": "chat"}), SECRET), "user"),
        (signed(&header, &json!({"sub": "a", "aud": "chat"}), SECRET), "exp"),
        (signed(&header, &json!({"sub": "a", "exp": 1, "nbf": 200, "aud": "chat"}), SECRET), "nbf"),
    ] {
        assert_eq!(verifier.verify_expired(&token, at(100)), Err(AuthError::Invalid), "{why}");
    }
}

#[test]
fn a_public_key_verifies_its_own_algorithm_only() {
    let tokens = [RS256, ES256, EDDSA];
    for (index, pem) in [RS256_PEM, ES256_PEM, EDDSA_PEM].into_iter().enumerate() {
        let verifier = Verifier::public_key(pem).expect("a public key");
        for (other, token) in tokens.into_iter().enumerate() {
            let verified = verifier.verify(token, at(100)).map(|identity| identity.user).ok();
            assert_eq!(verified, (index == other).then(user), "key {index}, token {other}");
        }
    }
}

#[test]
fn the_token_does_not_choose_the_algorithm() {
    let claims = json!({"sub": "a", "exp": 4_102_444_800_u64});
    let none = format!(
        "{}.{}.",
        BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#),
        RS256.split('.').nth(1).expect("claims")
    );
    let confused = signed(&json!({"alg": "HS256"}), &claims, RS256_PEM);
    let named = signed(&json!({"alg": "HS256", "kid": "RS256"}), &claims, RS256_PEM);
    let symmetric = signed(&json!({"alg": "HS256", "kid": "symmetric"}), &claims, "secret");
    for verifier in
        [hs256(), Verifier::public_key(RS256_PEM).expect("a key"), Verifier::jwks(JWKS).expect("a set")]
    {
        for token in [&none, &confused, &named, &symmetric] {
            assert_eq!(verifier.verify(token, at(100)), Err(AuthError::Invalid), "{token}");
        }
    }
}

#[test]
fn a_key_set_picks_by_name() {
    let set = Verifier::jwks(JWKS).expect("a set");
    for token in [RS256, ES256, EDDSA] {
        assert_eq!(set.verify(token, at(100)).map(|identity| identity.user), Ok(user()));
    }
    let mut json: serde_json::Value = serde_json::from_str(JWKS).expect("json");
    let keys = json["keys"].as_array_mut().expect("keys");
    keys.truncate(1);
    keys[0]["kid"] = json!("renamed");
    let only = Verifier::jwks(&json.to_string()).expect("a set");
    assert!(only.verify(RS256, at(100)).is_ok(), "the only key need not be named");
    json["keys"].as_array_mut().expect("keys").push(json!({
        "kid": "other", "kty": "OKP", "crv": "Ed25519", "x": "ThbAIxeiTTYUr7SU9xYrZ33ln0Mmi0Vmkb3Zm1Difjk"
    }));
    let two = Verifier::jwks(&json.to_string()).expect("a set");
    assert_eq!(two.verify(RS256, at(100)), Err(AuthError::Invalid), "no key has this name");
}

#[test]
fn what_is_no_token_is_refused() {
    let good = mint_hs256(SECRET, &user(), false, at(100));
    let claims = json!({"sub": "a", "exp": 100});
    let long = json!({"sub": "a", "exp": 100, "x": "x".repeat(MAX_TOKEN_BYTES)});
    for token in [
        "",
        "a.b.c",
        "..",
        &good[1..],
        &good[..good.len() - 1],
        &format!("{good}."),
        &format!("{good} "),
        &signed(&json!({"alg": "HS256"}), &json!(["sub"]), SECRET),
        &signed(&json!({"alg": "HS256", "crit": ["exp"]}), &claims, SECRET),
        &signed(&json!({"alg": "HS512"}), &claims, SECRET),
        &signed(&json!({"alg": "HS256"}), &long, SECRET),
    ] {
        assert_eq!(hs256().verify_expired(token, at(50)), Err(AuthError::Invalid), "{token}");
    }
}

#[test]
fn the_claims_of_the_user_are_configurable() {
    let token = signed(&json!({"alg": "HS256"}), &json!({"sub": "a", "name": "b", "exp": 100}), SECRET);
    let verifier = hs256().with_user_claims(["nick", "name"]);
    assert_eq!(verifier.verify(&token, at(1)).map(|identity| identity.user.to_string()), Ok("b".into()));
}

#[test]
fn keys_that_cannot_verify_are_found_at_the_start() {
    let p521 = json!({"keys": [{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}]}).to_string();
    let encryption = JWKS.replace("\"sig\"", "\"enc\"");
    for (outcome, expected) in [
        (Verifier::hs256(""), Some(KeyError::EmptySecret)),
        (Verifier::public_key(""), Some(KeyError::Pem)),
        (Verifier::public_key(&RS256_PEM.replace("PUBLIC", "PRIVATE")), Some(KeyError::Pem)),
        (Verifier::public_key(&RS256_PEM.replace("MIIB", "MIIC")), Some(KeyError::Pem)),
        (Verifier::jwks("{}"), Some(KeyError::Jwks)),
        (Verifier::jwks("{\"keys\": []}"), Some(KeyError::NoUsableKey)),
        (Verifier::jwks(&p521), Some(KeyError::NoUsableKey)),
        (Verifier::jwks(&encryption), None),
    ] {
        assert_eq!(outcome.err(), expected);
    }
    let without_rsa = Verifier::jwks(&encryption).expect("two other keys");
    assert_eq!(without_rsa.verify(RS256, at(100)), Err(AuthError::Invalid));
}

#[test]
fn debug_shows_no_secret() {
    assert!(!format!("{:?}", hs256()).contains(SECRET));
}
