/// Something that a tus server must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// 412 does not tell the versions.
    HidesVersions,
    /// HEAD takes every version.
    HeadTakesEveryVersion,
    /// `X-HTTP-Method-Override` is not looked at.
    NeverOverrides,
    /// HEAD may be cached.
    Cacheable,
    /// A PATCH at another offset is answered 423.
    ConflictIsLocked,
    /// A PATCH may be of any media type.
    TakesEveryType,
    /// Metadata is read as UTF-8, and other bytes are lost.
    LossyMetadata,
    /// Numbers are cut off after 64 bits.
    WrapsNumbers,
    /// HEAD of an unknown upload tells the offset 0.
    MissingHasOffset,
    /// Some URL leads to a file of the system.
    LeadsOut,
    /// Bytes beyond the length are kept.
    GoesPastTheLength,
    /// Late bytes of an older PATCH are kept among those of a newer one.
    KeepsLateBytes,
    /// HEAD does not tell that a length is deferred.
    HidesDeferral,
    /// A length can be set again.
    ChangesLength,
    /// Only a PATCH that succeeds tells when the upload expires.
    HidesExpiry,
    /// A chunk with a wrong checksum is refused, and kept.
    KeepsMismatch,
    /// A checksum in a trailer is not verified.
    IgnoresTrailers,
    /// DELETE is answered 204, but deletes nothing.
    NeverDeletes,
    /// Partials are joined in the order in which they were made.
    JoinsInOtherOrder,
    /// A PATCH of a final upload is answered 409.
    FinalIsConflict,
    /// A final upload has the metadata of its first partial.
    InheritsMetadata,
    /// Unfinished partials are joined, though the extension is not announced.
    HidesUnfinished,
}
