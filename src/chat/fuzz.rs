//! The payload of an event, for the fuzz targets.

use bytes::Bytes;

use super::request::Reading;

/// Reads a payload as `send_message` does, and decodes the file in it.
pub fn fuzz_event(data: &[u8]) {
    if let Ok(request) = Reading::of(&Bytes::copy_from_slice(data)).request
        && let Ok(item) = request.item
    {
        let announced = item.data.decoded_len();
        let slices: Result<Vec<_>, _> = item.data.collect();
        if let Ok(slices) = slices {
            let decoded: usize = slices.iter().map(|slice| slice.len()).sum();
            assert!(
                u64::try_from(decoded).is_ok_and(|decoded| decoded <= announced),
                "more than was announced"
            );
        }
    }
}
