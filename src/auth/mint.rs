//! Tokens that the server signs itself, for trying it out.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use super::rules::Rules;
use crate::message::UserId;
use crate::time::Timestamp;

/// A token signed with HS256, for demo mode and for tests. In production another server issues tokens.
pub fn mint_hs256(secret: &str, user: &UserId, admin: bool, expires_at: Timestamp) -> String {
    mint_by_rules(secret, &Rules::default(), user, admin, expires_at)
}

/// A token signed with HS256 that meets these rules.
pub fn mint_by_rules(
    secret: &str,
    rules: &Rules,
    user: &UserId,
    admin: bool,
    expires_at: Timestamp,
) -> String {
    let name = rules.user_claims.first().map_or("sub", String::as_str);
    let claims = [
        (name, Some(json!(user.as_str()))),
        ("exp", Some(json!(expires_at.secs()))),
        ("scope", admin.then(|| json!("admin"))),
        ("aud", rules.audience.as_ref().map(|audience| json!(audience))),
        ("iss", rules.issuer.as_ref().map(|issuer| json!(issuer))),
    ];
    let claims: Map<String, Value> =
        claims.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .expect("strings and numbers serialize, and HMAC signs with any secret")
}
