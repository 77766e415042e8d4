//! The audit of the bytes: compares the tables with each other and with the bucket, while servers go on.
//! Serving needs nothing of it, except that what no row knows is freed ([`leftovers`]).
//!
//! | compared | with |
//! | --- | --- |
//! | records and messages | the rows of their bytes, at one moment ([`tables`]) |
//! | the rows of objects | a list of the bucket: there, and of the right length ([`objects`]) |
//! | the rows of parts | the parts that were put, by what names their bytes ([`parts`]) |
//! | objects, and objects of parts | the rows: one of them knows each ([`leftovers`]) |
//!
//! What differs from a list is looked at again before it is told: it may have come or gone since.

mod leftovers;
mod objects;
mod parts;
mod reconcile;
mod tables;

use super::objects::Objects;
use super::owner::Take;
use crate::store::StoreError;

/// What the audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Something differs from what was written.
    Wrong(String),
    /// A kill left it, and a server frees it within hours.
    Left(String),
    /// It is in the bucket and no row knows it. A kill left it, and a server frees it within hours.
    Leftover(String),
    /// It is not of this server.
    Foreign(String),
}

/// The condition that a record needs the bytes of the row `s` of `stored`. Others are freed, and owed to
/// nobody: a kill may leave the bytes of an upload that was ended because the bucket has lost them.
const IS_NEEDED: &str = "exists (select from uploads u where u.id = s.upload and u.state in (0, 1, 2))";

/// The way of what was found to the caller.
pub(super) type Tell<'a> = &'a mut (dyn FnMut(Found) + Send);

/// The folders of objects, by the first two digits of what is random in their names.
pub(super) fn folders() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|folder| format!("{folder:02x}"))
}

impl Objects {
    /// Compares all rows of bytes with each other and with the bucket, and hands on what is wrong. What no
    /// row knows becomes garbage if it is to be repaired.
    ///
    /// # Errors
    /// [`StoreError`] if the database or the bucket cannot be read at all.
    pub async fn audit(&self, repair: bool, tell: Tell<'_>) -> Result<(), StoreError> {
        let shared = &self.0;
        shared.audit_tables(tell).await?;
        shared.audit_parts(tell).await?;
        shared.audit_names(tell).await?;
        let is_own = shared.is_own(if repair { Take::Anyway } else { Take::Never }).await?;
        if !is_own {
            tell(Found::Wrong("the bucket belongs to another database, so nothing in it is touched".into()));
        }
        for folder in folders() {
            shared.audit_folder(&folder, tell).await?;
            for leftover in shared.leftovers(&folder).await? {
                if repair && is_own {
                    shared.dispose(&leftover).await?;
                }
                tell(Found::Leftover(leftover.to_string()));
            }
        }
        Ok(())
    }
}
