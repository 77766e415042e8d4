//! The `Authorization` header.

use super::error::AuthError;

/// The token of an `Authorization` header's value, `Bearer` in any letter case (RFC 6750 §2.1, RFC 9110
/// §11.1).
///
/// # Errors [`AuthError::Missing`] for another scheme, or without a token.
pub fn bearer(authorization: &str) -> Result<&str, AuthError> {
    let (scheme, token) = authorization.trim().split_once(' ').ok_or(AuthError::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim_start()) } else { Err(AuthError::Missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_has_any_letter_case() {
        for (value, token) in [
            ("Bearer a.b.c", Ok("a.b.c")),
            ("bearer a.b.c", Ok("a.b.c")),
            ("BEARER  a.b.c ", Ok("a.b.c")),
            ("Bearer", Err(AuthError::Missing)),
            ("Bearer ", Err(AuthError::Missing)),
            ("", Err(AuthError::Missing)),
            ("a.b.c", Err(AuthError::Missing)),
            ("Basic dXNlcjpwYXNz", Err(AuthError::Missing)),
        ] {
            assert_eq!(bearer(value), token, "{value:?}");
        }
    }
}
