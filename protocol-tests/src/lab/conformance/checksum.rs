use data_encoding::BASE64;
use sha2::Digest;

/// What `Upload-Checksum` says about these bytes, for the algorithms that are in use.
///
/// The text does not say how a CRC becomes bytes; four of them, the most significant first, is
/// what every other digest does.
pub(super) fn checksum(algorithm: &str, bytes: &[u8]) -> Option<String> {
    let digest = match algorithm {
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        "md5" => md5::Md5::digest(bytes).to_vec(),
        "sha224" => sha2::Sha224::digest(bytes).to_vec(),
        "sha256" => sha2::Sha256::digest(bytes).to_vec(),
        "sha384" => sha2::Sha384::digest(bytes).to_vec(),
        "sha512" => sha2::Sha512::digest(bytes).to_vec(),
        "crc32" => crc32fast::hash(bytes).to_be_bytes().to_vec(),
        _ => return None,
    };
    Some(format!("{algorithm} {}", BASE64.encode(&digest)))
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_example_of_the_text_comes_out() {
        let expected = Some("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=".to_owned());
        assert_eq!(checksum("sha1", b"hello world"), expected);
        assert_eq!(checksum("crc32", b"hello world").as_deref(), Some("crc32 DUoRhQ=="));
        assert_eq!(checksum("none", b"hello world"), None);
    }
}
