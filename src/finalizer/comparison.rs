//! Comparison of bytes that come with bytes that are stored.

use bytes::{Buf, Bytes};
use futures_util::TryStreamExt;

use crate::store::{ByteStream, StoreError};

/// Stored bytes, read piece by piece as others come to be compared.
pub(crate) struct Comparison {
    stored: ByteStream,
    piece: Bytes,
}

impl Comparison {
    /// A comparison with these bytes.
    pub(crate) fn with(stored: ByteStream) -> Self {
        Self { stored, piece: Bytes::new() }
    }

    /// Whether the bytes that come next are those that are stored next. More bytes than are stored do not
    /// agree.
    ///
    /// # Errors
    /// [`StoreError`] if the stored bytes cannot be read.
    pub(crate) async fn agrees(&mut self, mut data: &[u8]) -> Result<bool, StoreError> {
        while !data.is_empty() {
            if self.piece.is_empty() {
                let Some(piece) = self.stored.try_next().await? else { return Ok(false) };
                self.piece = piece;
                continue;
            }
            let length = self.piece.len().min(data.len());
            if self.piece[..length] != data[..length] {
                return Ok(false);
            }
            self.piece.advance(length);
            data = &data[length..];
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn however_bytes_are_cut_they_are_the_same_or_not() {
        for (others, expected) in [
            (&["abcdef"][..], true),
            (&["a", "bcde", "", "f"], true),
            (&["abc"], true),
            (&[], true),
            (&["abcdeF"], false),
            (&["ab", "cX"], false),
            (&["abcdef", "g"], false),
        ] {
            let stored = ["ab", "", "cde", "f"].map(|piece| Ok(Bytes::from(piece)));
            let mut comparison = Comparison::with(stream::iter(stored).boxed());
            let mut agree = true;
            for piece in others {
                agree &= comparison.agrees(piece.as_bytes()).await.expect("readable");
            }
            assert_eq!(agree, expected, "{others:?}");
        }
    }
}
