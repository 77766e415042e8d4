//! How a connection is made. The address of a database may name several servers, one of which takes writes.
//!
//! The server that took the last connection is asked first, so that not every connection has to wait for one
//! that is gone. A standby is passed over: reads would go on there, unseen, and every change would fail.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, NoTlsStream};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a connection may take to be made, whichever server takes it.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What each connection is told first, unless the address sets it otherwise: what a connection asks for while
/// it is made, a pooler in between may refuse.
///
/// A process that stands still in the middle of a change loses its connection, and with it the locks that
/// others wait for: they wait longer than that, and less long than a request waits for an answer.
const SETTINGS: &str = "
    select set_config(s.name, w.setting, false)
    from (values ('idle_in_transaction_session_timeout', '5s'), ('lock_timeout', '8s')) w (name, setting)
    join pg_settings s on s.name = w.name and s.source <> 'client'";

/// What makes connections. Clones know of the same last server.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    servers: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
    /// The number of the server that took the last connection.
    last: AtomicUsize,
}

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// A connection of its own, which does nothing unless it is polled.
pub(super) enum Driver {
    Plain(Box<Connection<Socket, NoTlsStream>>),
    Tls(Box<Connection<Socket, TlsStream>>),
}

impl Connector {
    /// What makes connections with these settings.
    pub(super) fn with(config: &Config, tls: Option<MakeRustlsConnect>) -> Self {
        Self(Arc::new(Inner { servers: servers(config), tls, last: AtomicUsize::default() }))
    }

    /// A connection to the first server that takes writes. Each server but the last has its share of the
    /// time.
    pub(super) async fn open(&self) -> Result<(Client, Driver), Error> {
        let Inner { servers, last, .. } = &*self.0;
        let count = servers.len();
        let share = CONNECT_TIMEOUT / u32::try_from(count).unwrap_or(u32::MAX);
        let first = last.load(Ordering::Relaxed);
        for number in (first..first + count - 1).map(|number| number % count) {
            if let Ok(Ok(opened)) = tokio::time::timeout(share, self.open_at(number)).await {
                return Ok(opened);
            }
        }
        self.open_at((first + count - 1) % count).await
    }

    async fn open_at(&self, number: usize) -> Result<(Client, Driver), Error> {
        let config = &self.0.servers[number];
        let (client, mut driver) = match self.0.tls.clone() {
            Some(tls) => {
                let (client, connection) = config.connect(tls).await?;
                (client, Driver::Tls(Box::new(connection)))
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, Driver::Plain(Box::new(connection)))
            }
        };
        driver.until(client.batch_execute(SETTINGS)).await?;
        self.0.last.store(number, Ordering::Relaxed);
        Ok((client, driver))
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async move {
            let (client, mut driver) = self.open().await?;
            let driving = tokio::spawn(async move { while let Some(Ok(_)) = driver.next().await {} });
            Ok((client, driving))
        })
    }
}

impl Driver {
    /// The next message that the server sends by itself; `None` or an error at the end.
    pub(super) async fn next(&mut self) -> Option<Result<AsyncMessage, Error>> {
        std::future::poll_fn(|cx| match self {
            Self::Plain(connection) => connection.poll_message(cx),
            Self::Tls(connection) => connection.poll_message(cx),
        })
        .await
    }

    /// Drives the connection until this work on it is done.
    async fn until<T>(&mut self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                message = self.next() => match message {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return work.await,
                },
            }
        }
    }
}

/// The settings for each server that an address names; as they are, if its lists do not fit together: the
/// connection fails then, and says so.
fn servers(config: &Config) -> Vec<Config> {
    let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
    let (ports, count) = (config.get_ports().len(), hosts.max(addresses));
    let fits = |length: usize| length == count || length == 0;
    if !(fits(hosts) && fits(addresses) && (ports <= 1 || ports == count)) || count <= 1 {
        return vec![config.clone()];
    }
    (0..count).map(|number| only(config, number)).collect()
}

/// The settings for one of the servers.
fn only(config: &Config, number: usize) -> Config {
    let mut only = without_servers(config);
    if let Some(host) = config.get_hosts().get(number) {
        match host {
            tokio_postgres::config::Host::Tcp(name) => only.host(name),
            tokio_postgres::config::Host::Unix(folder) => only.host_path(folder),
        };
    }
    if let Some(address) = config.get_hostaddrs().get(number) {
        only.hostaddr(*address);
    }
    if let Some(port) = config.get_ports().get(number).or(config.get_ports().first()) {
        only.port(*port);
    }
    only
}

/// The settings of an address, and none of its servers.
fn without_servers(config: &Config) -> Config {
    let mut bare = Config::new();
    bare.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    if let Some(user) = config.get_user() {
        bare.user(user);
    }
    if let Some(password) = config.get_password() {
        bare.password(password);
    }
    if let Some(name) = config.get_dbname() {
        bare.dbname(name);
    }
    if let Some(options) = config.get_options() {
        bare.options(options);
    }
    if let Some(name) = config.get_application_name() {
        bare.application_name(name);
    }
    if let Some(timeout) = config.get_connect_timeout() {
        bare.connect_timeout(*timeout);
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        bare.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        bare.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        bare.keepalives_retries(retries);
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that an address can say beside its servers.
    const REST: &str = "user=u password=p dbname=d options='-c a=b' application_name=x sslmode=require \
        sslnegotiation=direct connect_timeout=3 tcp_user_timeout=4 keepalives=0 keepalives_idle=5 \
        keepalives_interval=6 keepalives_retries=7 target_session_attrs=read-write channel_binding=disable \
        load_balance_hosts=random";

    fn split(servers_of: &str) -> Vec<Config> {
        servers(&format!("{servers_of} {REST}").parse().expect("an address"))
    }

    #[test]
    fn each_server_has_all_that_the_address_says() {
        for (address, alone) in [
            ("host=a,/b,c port=1,2,3", &["host=a port=1", "host=/b port=2", "host=c port=3"][..]),
            ("host=a,b port=7", &["host=a port=7", "host=b port=7"]),
            ("host=a,b", &["host=a", "host=b"]),
            ("hostaddr=1.2.3.4,::1", &["hostaddr=1.2.3.4", "hostaddr=::1"]),
            ("host=a,b hostaddr=1.2.3.4,::1", &["host=a hostaddr=1.2.3.4", "host=b hostaddr=::1"]),
            ("host=a port=5", &["host=a port=5"]),
        ] {
            let expected: Vec<_> = alone.iter().flat_map(|server| split(server)).collect();
            assert_eq!(split(address), expected, "{address}");
            assert_eq!(expected.len(), alone.len(), "{address}");
        }
    }

    #[test]
    fn lists_that_do_not_fit_together_are_left_to_the_connection() {
        for address in ["host=a,b port=1,2,3", "host=a,b hostaddr=::1", "user=x"] {
            assert_eq!(split(address), [format!("{address} {REST}").parse().expect("an address")]);
        }
    }
}
