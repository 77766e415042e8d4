//! Connections to the database.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Client, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of one process to its database. They are made when they are needed.
#[derive(Clone)]
pub struct Connections {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    pool: Pool,
}

/// The reason why there can be no connection at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address of the database cannot be read.
    #[error("the address of the database: {0}")]
    Address(#[from] tokio_postgres::Error),
    /// The address asks for TLS, and the system trusts no certificates.
    #[error("the address of the database asks for TLS, and this system has no certificates: {0}")]
    NoCertificates(String),
    /// The pool cannot be made.
    #[error(transparent)]
    Pool(#[from] deadpool_postgres::BuildError),
}

impl Connections {
    /// At most this many connections to the database at this address, a URL or `key=value` pairs.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub fn to(address: &str, most: usize) -> Result<Self, ConnectError> {
        let mut config: Config = address.parse()?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("longhaul");
        }
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

    /// Checks that this is the address of a database, which need not be there.
    ///
    /// # Errors
    /// What is wrong with it. The text does not quote it, as it may contain a password.
    pub fn check(address: &str) -> Result<(), String> {
        address.parse::<Config>().map(drop).map_err(|error| error.to_string())
    }

    /// A connection of the pool.
    pub(super) async fn client(&self) -> Result<Client, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// A connection beside the pool, and what drives it.
    pub(super) async fn own(&self) -> Result<(tokio_postgres::Client, Driver), StoreError> {
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

impl fmt::Debug for Connections {
    /// The address may contain a password.
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
