//! Values of `Upload-Checksum`, computed independently of the server.

use data_encoding::BASE64;
use sha2::Digest as _;

/// The algorithms that the cases use.
pub const ALGORITHMS: [&str; 5] = ["sha1", "sha256", "sha512", "md5", "crc32"];

/// The value of `Upload-Checksum` for these bytes by one of [`ALGORITHMS`].
///
/// # Panics
/// For another algorithm.
#[must_use]
pub fn checksum(algorithm: &str, bytes: &[u8]) -> String {
    checksum_if_known(algorithm, bytes).unwrap_or_else(|| panic!("{algorithm} is not an algorithm"))
}

/// The value of `Upload-Checksum` for these bytes; none for an unknown algorithm.
///
/// The protocol does not say how a CRC becomes bytes. Here it is four bytes, the most significant first, as
/// in every other digest.
#[must_use]
pub fn checksum_if_known(algorithm: &str, bytes: &[u8]) -> Option<String> {
    let sum = match algorithm {
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        "sha224" => sha2::Sha224::digest(bytes).to_vec(),
        "sha256" => sha2::Sha256::digest(bytes).to_vec(),
        "sha384" => sha2::Sha384::digest(bytes).to_vec(),
        "sha512" => sha2::Sha512::digest(bytes).to_vec(),
        "md5" => md5::Md5::digest(bytes).to_vec(),
        "crc32" => crc32fast::hash(bytes).to_be_bytes().to_vec(),
        _ => return None,
    };
    Some(format!("{algorithm} {}", BASE64.encode(&sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_of_other_programs() {
        for (algorithm, expected) in [
            ("sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
            ("sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
            (
                "sha512",
                "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==",
            ),
            ("md5", "XUFAKrxLKna5cZ2REBfFkg=="),
            ("crc32", "NhCmhg=="),
        ] {
            assert_eq!(checksum(algorithm, b"hello"), format!("{algorithm} {expected}"));
        }
    }

    #[test]
    fn the_example_of_the_text_comes_out() {
        assert_eq!(checksum("sha1", b"hello world"), "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
        assert_eq!(checksum_if_known("none", b"hello world"), None);
    }
}
