//! The port to the servers that this one needs.

use async_trait::async_trait;

/// A server that this one needs, or that it is slower without.
#[async_trait]
pub trait Dependency: Send + Sync + 'static {
    /// The name under which the server is known to operators.
    fn name(&self) -> &'static str;

    /// Whether nothing can be done without it.
    fn is_needed(&self) -> bool;

    /// Whether it answers. Takes a second at most.
    async fn answers(&self) -> bool;
}
