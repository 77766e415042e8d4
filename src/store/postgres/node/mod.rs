//! placeholder
/// A node.
#[derive(Debug)]
pub struct PostgresNode;
