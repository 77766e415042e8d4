//! Records of the journal, for the fuzz targets.

use super::record::{self, HEADER};

/// Reads bytes as a record, as they are and with the checksum that they ought to have.
pub fn fuzz_record(data: &[u8]) {
    if let Some(record) = record::decode(data, 0) {
        assert!(record.length <= data.len(), "a record is within its bytes");
    }
    if data.len() >= HEADER {
        let mut data = data.to_vec();
        let length = u32::try_from(data.len() - HEADER).expect("small");
        data[..4].copy_from_slice(b"lhj1");
        data[HEADER - 4..HEADER].copy_from_slice(&length.to_be_bytes());
        let checksum = record::checksum(0, &data);
        data[4..8].copy_from_slice(&checksum.to_be_bytes());
        let _ = record::decode(&data, 0);
    }
}
