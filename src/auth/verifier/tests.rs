use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::*;
use crate::auth::{KeyError, MAX_TOKEN_BYTES, mint_hs256};

const SECRET: &str = "a secret of the tests, of more than 32 bytes";
const ANOTHER: &str = "another secret of the tests, as long as that";
const RS256_PEM: &str = include_str!("../testdata/rs256.pem");
const ES256_PEM: &str = include_str!("../testdata/es256.pem");
const EDDSA_PEM: &str = include_str!("../testdata/eddsa.pem");
const JWKS: &str = include_str!("../testdata/jwks.json");

/// Tokens of `user@example.com` until 2100, each with its algorithm as `kid`. The private keys are gone.
const RS256: &str = include_str!("../testdata/rs256.jwt");
const ES256: &str = include_str!("../testdata/es256.jwt");
const EDDSA: &str = include_str!("../testdata/eddsa.jwt");

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn user() -> UserId {
    "user@example.com".parse().expect("valid")
}

fn with(rules: Rules, keys: Result<KeySet, KeyError>) -> Verifier {
    let verifier = Verifier::new(rules);
    verifier.trust(keys.expect("keys"));
    verifier
}

fn verifier(keys: Result<KeySet, KeyError>) -> Verifier {
    with(Rules::default(), keys)
}

fn hs256() -> Verifier {
    verifier(KeySet::secrets(&[SECRET]))
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
        let valid = Identity { user: user(), admin, backend: false, expired: false, expires_at: at(100) };
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
    let rules = Rules { audience: Some("chat".into()), ..Rules::default() };
    let verifier = with(rules, KeySet::secrets(&[SECRET]));
    for (token, why) in [
        (signed(&header, &json!({"sub": "a", "exp": 1, "aud": "chat"}), ANOTHER), "signature"),
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
        let verifier = verifier(KeySet::pem(pem));
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
    for verifier in [hs256(), verifier(KeySet::pem(RS256_PEM)), verifier(KeySet::jwks(JWKS))] {
        for token in [&none, &confused, &named, &symmetric] {
            assert_eq!(verifier.verify(token, at(100)), Err(AuthError::Invalid), "{token}");
        }
    }
}

#[test]
fn a_key_set_picks_by_name() {
    let set = verifier(KeySet::jwks(JWKS));
    for token in [RS256, ES256, EDDSA] {
        assert_eq!(set.verify(token, at(100)).map(|identity| identity.user), Ok(user()));
    }
    let mut json: serde_json::Value = serde_json::from_str(JWKS).expect("json");
    let keys = json["keys"].as_array_mut().expect("keys");
    keys.truncate(1);
    keys[0]["kid"] = json!("renamed");
    let only = verifier(KeySet::jwks(&json.to_string()));
    assert!(only.verify(RS256, at(100)).is_ok(), "the only key need not be named");
    assert_eq!(only.verify(ES256, at(100)), Err(AuthError::UnknownKey), "it is another one's");
    json["keys"].as_array_mut().expect("keys").push(json!({
        "kid": "other", "kty": "OKP", "crv": "Ed25519", "x": "ThbAIxeiTTYUr7SU9xYrZ33ln0Mmi0Vmkb3Zm1Difjk"
    }));
    let two = verifier(KeySet::jwks(&json.to_string()));
    assert_eq!(two.verify(RS256, at(100)), Err(AuthError::UnknownKey), "no key has this name");
    let forged = format!("{}AAAA", &ES256[..ES256.len() - 4]);
    assert_eq!(set.verify(&forged, at(100)), Err(AuthError::Invalid), "no newer key would help");
}

#[test]
fn two_keys_of_a_kind_may_have_one_name() {
    let mut json: serde_json::Value = serde_json::from_str(JWKS).expect("json");
    let other = json!({
        "kid": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    });
    json["keys"].as_array_mut().expect("keys").insert(0, other);
    let set = verifier(KeySet::jwks(&json.to_string()));
    assert_eq!(set.verify(EDDSA, at(100)).map(|identity| identity.user), Ok(user()));
}

#[test]
fn two_keys_are_valid_side_by_side() {
    let tokens = [SECRET, ANOTHER].map(|secret| mint_hs256(secret, &user(), false, at(200)));
    for (text, good) in [
        (format!("{SECRET}\n{ANOTHER}\n"), [true, true]),
        (format!("{ANOTHER}\r\n\r\n{SECRET}"), [true, true]),
        (format!("{SECRET}\n"), [true, false]),
        (ANOTHER.to_owned(), [false, true]),
    ] {
        let verifier = verifier(KeySet::secret_lines(&text));
        assert_eq!([0, 1].map(|n| verifier.verify(&tokens[n], at(100)).is_ok()), good, "{text:?}");
    }
    let both = verifier(KeySet::pem(&format!("{RS256_PEM}\n{EDDSA_PEM}")));
    for (token, outcome) in [(RS256, Ok(user())), (EDDSA, Ok(user())), (ES256, Err(AuthError::Invalid))] {
        assert_eq!(both.verify(token, at(100)).map(|identity| identity.user), outcome);
    }
}

#[test]
fn what_a_key_signed_is_refused_once_the_key_is_taken_away() {
    let verifier = hs256();
    let token = mint_hs256(SECRET, &user(), false, at(200));
    assert!(verifier.verify(&token, at(100)).is_ok());
    assert!(verifier.verify(&token, at(100)).is_ok(), "now it is remembered");
    verifier.trust(KeySet::secrets(&[ANOTHER]).expect("a secret"));
    assert_eq!(verifier.verify(&token, at(100)), Err(AuthError::Invalid));
    verifier.trust(KeySet::secrets(&[ANOTHER, SECRET]).expect("secrets"));
    assert!(verifier.verify(&token, at(100)).is_ok());
}

#[test]
fn without_a_key_nothing_can_be_said_of_a_token() {
    let token = mint_hs256(SECRET, &user(), false, at(200));
    let verifier = Verifier::new(Rules::default());
    assert_eq!(verifier.verify(&token, at(100)), Err(AuthError::NoKeys));
    assert!(!verifier.has_keys() && hs256().has_keys());
}

#[test]
fn a_token_may_have_16_kibibytes() {
    let header = json!({"alg": "HS256"});
    let of = |x: usize| signed(&header, &json!({"sub": "a", "exp": 200, "groups": "x".repeat(x)}), SECRET);
    let most = (1..MAX_TOKEN_BYTES).rev().find(|x| of(*x).len() <= MAX_TOKEN_BYTES).expect("some do");
    assert!(hs256().verify(&of(most), at(100)).is_ok());
    assert!(of(most).len() > MAX_TOKEN_BYTES - 4);
    for longer in [most + 3, 4 * most] {
        let refusal = hs256().verify_expired(&of(longer), at(100));
        assert_eq!(refusal, Err(AuthError::TooLong));
    }
    assert_eq!(AuthError::TooLong.to_string(), "The access token is longer than 16384 bytes");
}

#[test]
fn what_is_no_token_is_refused() {
    let good = mint_hs256(SECRET, &user(), false, at(100));
    let claims = json!({"sub": "a", "exp": 100});
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
    ] {
        assert_eq!(hs256().verify_expired(token, at(50)), Err(AuthError::Invalid), "{token}");
    }
}

#[test]
fn the_claims_of_the_user_are_configurable() {
    let token = signed(&json!({"alg": "HS256"}), &json!({"sub": "a", "name": "b", "exp": 100}), SECRET);
    let user_claims = ["nick", "name"].map(str::to_owned).to_vec();
    let verifier = with(Rules { user_claims, ..Rules::default() }, KeySet::secrets(&[SECRET]));
    assert_eq!(verifier.verify(&token, at(1)).map(|identity| identity.user.to_string()), Ok("b".into()));
}

#[test]
fn the_issuer_is_asked_for_once_it_is_configured() {
    let rules = Rules { issuer: Some("https://id.example".into()), ..Rules::default() };
    let verifier = with(rules, KeySet::secrets(&[SECRET]));
    let header = json!({"alg": "HS256"});
    for (claims, good) in [
        (json!({"sub": "a", "exp": 200, "iss": "https://id.example"}), true),
        (json!({"sub": "a", "exp": 200, "iss": "https://other.example"}), false),
        (json!({"sub": "a", "exp": 200}), false),
    ] {
        assert_eq!(verifier.verify(&signed(&header, &claims, SECRET), at(1)).is_ok(), good, "{claims}");
    }
}

#[test]
fn keys_that_cannot_verify_are_found_at_the_start() {
    let p521 = json!({"keys": [{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}]}).to_string();
    let encryption = JWKS.replace("\"sig\"", "\"enc\"");
    let short = |bytes| Err(KeyError::ShortSecret { bytes });
    let (of_31, of_32) = ("x".repeat(31), "x".repeat(32));
    for (outcome, expected) in [
        (KeySet::secrets(&[]), Err(KeyError::NoSecret)),
        (KeySet::secrets(&[""]), short(0)),
        (KeySet::secrets(&["s"]), short(1)),
        (KeySet::secrets(&[&of_31]), short(31)),
        (KeySet::secrets(&[&of_32]), Ok(1)),
        (KeySet::secrets(&[&"é".repeat(16)]), Ok(1)),
        (KeySet::secrets(&[&of_32, &of_31]), short(31)),
        (KeySet::secrets(&[SECRET, ANOTHER]), Ok(2)),
        (KeySet::secrets(&[SECRET, ANOTHER, &of_32]), Err(KeyError::TooManySecrets(2))),
        (KeySet::secret_lines(" \n\n"), Err(KeyError::NoSecret)),
        (KeySet::secret_lines(&format!("{SECRET}\nshort\n")), short(5)),
        (KeySet::pem(""), Err(KeyError::Pem)),
        (KeySet::pem(&RS256_PEM.replace("PUBLIC", "PRIVATE")), Err(KeyError::Pem)),
        (KeySet::pem(&RS256_PEM.replace("MIIB", "MIIC")), Err(KeyError::Pem)),
        (KeySet::pem(&format!("{ES256_PEM}{}", EDDSA_PEM.replace("PUBLIC", "PRIVATE"))), Err(KeyError::Pem)),
        (KeySet::pem(&format!("a comment\n{ES256_PEM}{EDDSA_PEM}")), Ok(2)),
        (KeySet::jwks("{}"), Err(KeyError::Jwks)),
        (KeySet::jwks("<html>"), Err(KeyError::Jwks)),
        (KeySet::jwks("{\"keys\": []}"), Err(KeyError::NoUsableKey)),
        (KeySet::jwks("{\"keys\": [7, null, {}]}"), Err(KeyError::NoUsableKey)),
        (KeySet::jwks(&p521), Err(KeyError::NoUsableKey)),
        (KeySet::jwks(&encryption), Ok(2)),
        (KeySet::jwks(JWKS), Ok(3)),
    ] {
        assert_eq!(outcome.map(|keys| keys.count()), expected);
    }
    let without_rsa = verifier(KeySet::jwks(&encryption));
    assert_eq!(without_rsa.verify(RS256, at(100)), Err(AuthError::UnknownKey));
}

#[test]
fn a_malformed_key_among_good_ones_is_passed_over() {
    let short_modulus = BASE64URL_NOPAD.encode(&[0xff; 128]);
    for (bad, name, why) in [
        (json!(7), "number 1", "malformed"),
        (json!({}), "number 1", "malformed"),
        (json!({"kid": "a\nb\u{1b}", "kty": "RSA"}), "a\\nb\\u{1b}", "malformed"),
        (json!({"kid": "n".repeat(1000), "kty": "RSA", "n": 7}), &*"n".repeat(64), "malformed"),
        (json!({"kid": 7, "kty": "RSA", "n": "AA", "e": "AQAB"}), "number 1", "malformed"),
        (json!({"kid": "a", "kty": "RSA", "n": "*", "e": "AQAB"}), "a", "base64url"),
        (json!({"kid": "a", "kty": "RSA", "n": short_modulus, "e": "AQAB"}), "a", "too short"),
        (json!({"kid": "a", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}), "a", "unknown size"),
        (json!({"kid": "a", "kty": "oct", "k": "c2VjcmV0"}), "a", "malformed"),
        (json!({"kid": "a", "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}), "a", "malformed"),
    ] {
        let mut json: serde_json::Value = serde_json::from_str(JWKS).expect("json");
        let keys = json["keys"].as_array_mut().expect("keys");
        keys.truncate(3);
        keys.insert(0, bad.clone());
        let set = KeySet::jwks(&json.to_string()).expect("three good ones");
        let [passed_over] = set.passed_over() else { panic!("{bad}: {:?}", set.passed_over()) };
        assert_eq!(passed_over.name, name, "{bad}");
        assert!(passed_over.why.contains(why), "{bad}: {}", passed_over.why);
        assert!(verifier(Ok(set)).verify(RS256, at(100)).is_ok());
    }
}

#[test]
fn debug_shows_no_secret() {
    assert!(!format!("{:?}", hs256()).contains(SECRET));
}
