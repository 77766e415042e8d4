//! Tokens of our own, for trying the server out.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

use crate::message::UserId;
use crate::time::Timestamp;

#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// A token signed with HS256: demo mode hands them out, tests use them. In production somebody else issues.
pub fn mint_hs256(secret: &str, user: &UserId, admin: bool, expires_at: Timestamp) -> String {
    let claims = Minted { sub: user.as_str(), exp: expires_at.secs(), scope: admin.then_some("admin") };
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .expect("strings and numbers serialize, and HMAC signs with any secret")
}
