//! Connections to the database.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::borrowed::{self, Borrowed, Params, in_time};
use super::connector::{CONNECT_TIMEOUT, Connector, Driver};
use crate::store::StoreError;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a machine that does not acknowledge a packet is waited for.
const GONE_AFTER: Duration = Duration::from_secs(10);

/// The address of a database, which may contain a password: it is not shown.
#[derive(Clone)]
pub struct Address(Config);

/// The connections of one process to its database. They are made when they are needed.
#[derive(Clone)]
pub struct Connections {
    connector: Connector,
    pool: Pool,
}

/// The text is not the address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a database: {0}")]
pub struct InvalidAddress(String);

/// The reason why there can be no connection at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address asks for TLS, and the system trusts no certificates.
    #[error("the address of the database asks for TLS, and this system has no certificates: {0}")]
    NoCertificates(String),
    /// The pool cannot be made.
    #[error(transparent)]
    Pool(#[from] deadpool_postgres::BuildError),
}

impl Connections {
    /// At most this many connections to the database at this address.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub fn to(address: &Address, most: usize) -> Result<Self, ConnectError> {
        let config = completed(address);
        let connector = Connector::with(&config, tls(config.get_ssl_mode())?);
        // A connection that broke is noticed when it is given back or used; a query for each use would cost
        // as much as most statements.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(config, connector.clone(), recycling);
        let pool = Pool::builder(manager)
            .max_size(most)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { connector, pool })
    }

    /// A connection of the pool.
    pub(super) async fn client(&self) -> Result<Borrowed, StoreError> {
        Ok(Borrowed::new(self.pool.get().await?))
    }

    /// The rows that a single statement answers, if it does so in time.
    pub(super) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        self.query_within(borrowed::PATIENCE, sql, params).await
    }

    /// The rows that a statement answers which may take this long, because it looks at many.
    pub(super) async fn query_within(
        &self,
        patience: Duration,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        in_time(patience, self.query_at_once(sql, params, || {})).await
    }

    /// The rows that a single statement answers, if it does so in time. `sent` is called right before it is
    /// sent: up to then it has no effect.
    pub(super) async fn query_sending(
        &self,
        sql: &str,
        params: Params<'_>,
        sent: impl FnOnce(),
    ) -> Result<Vec<Row>, StoreError> {
        in_time(borrowed::PATIENCE, self.query_at_once(sql, params, sent)).await
    }

    async fn query_at_once(
        &self,
        sql: &str,
        params: Params<'_>,
        sent: impl FnOnce(),
    ) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await?;
        // After an error the connection is closed as well: the database may be unfit for good behind it, as
        // one that became a standby.
        let statement = client.prepare_cached(sql).await?;
        sent();
        let found = client.query(&statement, params).await?;
        client.give_back();
        Ok(found)
    }

    /// A connection beside the pool, and what drives it.
    pub(super) async fn own(&self) -> Result<(tokio_postgres::Client, Driver), StoreError> {
        in_time(CONNECT_TIMEOUT, self.connector.open()).await
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    /// Reads a URL, or pairs of `key=value`.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        text.parse().map(Self).map_err(|error: tokio_postgres::Error| {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            InvalidAddress(cause)
        })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

/// The address, with our settings where it has none.
fn completed(Address(config): &Address) -> Config {
    let mut config = config.clone();
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(GONE_AFTER);
    }
    if config.get_application_name().is_none() {
        config.application_name("longhaul");
    }
    // A standby takes no changes, so a connection to one is of no use.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    config
}

/// The certificates that the system trusts. A server whose certificate is none of theirs is refused in every
/// mode but `disable`; `prefer`, the default, goes without TLS where the system has no certificates at all.
fn tls(mode: SslMode) -> Result<Option<MakeRustlsConnect>, ConnectError> {
    if mode == SslMode::Disable {
        return Ok(None);
    }
    match MakeRustlsConnect::with_native_certs() {
        Ok((tls, _)) => Ok(Some(tls)),
        Err(_) if mode == SslMode::Prefer => Ok(None),
        Err(errors) => Err(ConnectError::NoCertificates(format!("{errors:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_address_says_stays_but_that_a_standby_would_do() {
        for (address, name, timeout) in [
            ("postgres://a@b,c/d?target_session_attrs=any", "longhaul", 5),
            ("host=b application_name=chat connect_timeout=2", "chat", 2),
        ] {
            let config = completed(&address.parse().expect("an address"));
            assert_eq!(config.get_application_name(), Some(name));
            assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(timeout)));
            assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(config.get_options(), None, "a pooler in between may refuse options");
        }
    }

    #[test]
    fn an_address_is_not_shown() {
        for text in ["postgres://u:secret@:x/y", "postgres://u:secret@h/y?secret=1", "secret"] {
            let error = text.parse::<Address>().expect_err("no address").to_string();
            assert!(!error.contains("u:secret"), "{error}");
        }
        let address: Address = "postgres://u:secret@h/y".parse().expect("an address");
        assert!(!format!("{address:?}").contains("secret"));
    }
}
