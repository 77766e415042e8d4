//! Connections to the database.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Connection, NoTls, Row, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::borrowed::{self, Borrowed, Params, in_time};
use crate::store::StoreError;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The address of a database, which may contain a password: it is not shown.
#[derive(Clone)]
pub struct Address(Config);

/// How long a machine that does not acknowledge a packet is waited for.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// A process that stands still in the middle of a change loses its connection, and with it the locks that
/// others wait for: they wait longer than that, and less long than a request waits for an answer.
const SETTINGS: &str = "-c idle_in_transaction_session_timeout=5s -c lock_timeout=8s";

/// The connections of one process to its database. They are made when they are needed.
#[derive(Clone)]
pub struct Connections {
    config: Config,
    tls: Option<MakeRustlsConnect>,
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
        let tls = tls(config.get_ssl_mode())?;
        // A connection that broke is noticed when it is given back or used; a query for each use would cost
        // as much as most statements.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls.clone() {
            Some(tls) => Manager::from_config(config.clone(), tls, recycling),
            None => Manager::from_config(config.clone(), NoTls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(most)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { config, tls, pool })
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
        in_time(patience, async {
            let client = self.client().await?;
            // After an error the connection is closed as well: the database may be unfit for good behind it,
            // as one that became a standby.
            let found = client.query(&client.prepare_cached(sql).await?, params).await?;
            client.give_back();
            Ok::<_, StoreError>(found)
        })
        .await
    }

    /// A connection beside the pool, and what drives it.
    pub(super) async fn own(&self) -> Result<(tokio_postgres::Client, Driver), StoreError> {
        in_time(CONNECT_TIMEOUT, self.connect()).await
    }

    async fn connect(&self) -> Result<(tokio_postgres::Client, Driver), tokio_postgres::Error> {
        match self.tls.clone() {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls).await?;
                Ok((client, Driver::Tls(Box::new(connection))))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                Ok((client, Driver::Plain(Box::new(connection))))
            }
        }
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

type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// A connection of its own, which does nothing unless it is polled.
pub(super) enum Driver {
    Plain(Box<Connection<Socket, tokio_postgres::tls::NoTlsStream>>),
    Tls(Box<Connection<Socket, TlsStream>>),
}

impl Driver {
    /// The next message that the server sends by itself; `None` or an error at the end.
    pub(super) async fn next(
        &mut self,
    ) -> Option<Result<tokio_postgres::AsyncMessage, tokio_postgres::Error>> {
        std::future::poll_fn(|cx| match self {
            Self::Plain(connection) => connection.poll_message(cx),
            Self::Tls(connection) => connection.poll_message(cx),
        })
        .await
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
    // The later of two settings counts, so those of the address are at the end.
    let options = config.get_options().unwrap_or_default();
    let options = format!("{} {options}", SETTINGS);
    config.options(options.trim_end());
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
    fn what_the_address_sets_comes_after_our_settings() {
        for (address, options) in [
            ("postgres://a@b/c", SETTINGS.to_owned()),
            ("host=b options='-c lock_timeout=1s'", format!("{SETTINGS} -c lock_timeout=1s")),
        ] {
            let config = completed(&address.parse().expect("an address"));
            assert_eq!(config.get_options(), Some(&*options));
            assert_eq!(config.get_application_name(), Some("longhaul"));
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
