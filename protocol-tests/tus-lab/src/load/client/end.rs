/// How the sending of a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// An answer, or the end of the stream, came first.
    Interrupted,
}
