//! The database that a bucket belongs to, as an object in the bucket says.

use super::objects::Shared;
use super::stored::unsigned;
use crate::store::StoreError;
use crate::store::postgres::rows;

/// The name of the object that says which database the bucket belongs to.
pub(super) const MARKER: &str = "database";

/// The database that a bucket belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    This,
    Another,
    None,
}

/// When a bucket that belongs to no database is taken for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    Never,
    /// If it has a file of a message, or no message has one. Otherwise it is another one than it was, or has
    /// lost everything.
    IfKnown,
    Anyway,
}

impl Shared {
    /// Whether the bucket belongs to this database, or to none: a wrong setting would cost another deployment
    /// its files. One that belongs to none may be taken, and is not this database's if it is not.
    pub(super) async fn is_own(&self, take: Take) -> Result<bool, StoreError> {
        Ok(match self.owner().await? {
            Owner::This => true,
            Owner::Another => false,
            Owner::None if self.may_take(take).await? => {
                let own = self.store.cluster().await?.to_string();
                self.bucket.mark(MARKER, own).await?;
                self.owner().await? == Owner::This
            }
            Owner::None => take == Take::Never,
        })
    }

    /// The database to which the bucket says that it belongs.
    pub(super) async fn owner(&self) -> Result<Owner, StoreError> {
        let Some(found) = self.bucket.small(MARKER).await? else { return Ok(Owner::None) };
        let own = self.store.cluster().await?.to_string();
        Ok(if found == own.as_bytes() { Owner::This } else { Owner::Another })
    }

    async fn may_take(&self, take: Take) -> Result<bool, StoreError> {
        if take != Take::IfKnown {
            return Ok(take == Take::Anyway);
        }
        let sql = "select object_key, length from files limit 1";
        let Some(row) = self.store.row(sql, &[]).await? else { return Ok(true) };
        let key: String = rows::column(&row, "object_key")?;
        Ok(self.bucket.length(&key).await? == Some(unsigned(&row, "length")?))
    }
}
