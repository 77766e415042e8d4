//! The data folder that belongs to the database, where bytes are in files: neither is of use without the
//! other.

use uuid::Uuid;

use super::rows;
use super::store::Postgres;
use crate::store::StoreError;

impl Postgres {
    /// The id of the folder that belongs to this database, if one does.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn folder(&self) -> Result<Option<Uuid>, StoreError> {
        let found = self.row("select id from folder", &[]).await?;
        found.map(|row| rows::column(&row, "id")).transpose()
    }

    /// Notes the folder that belongs to this database from now on, unless another one does; answers which.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn belong(&self, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        self.query("insert into folder (id) values ($1) on conflict do nothing", &[&id]).await?;
        self.folder().await
    }
}
