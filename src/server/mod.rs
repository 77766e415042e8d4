//! The composition root: who is given what.

mod recovery;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{KeyError, KeySet, Rules};
use crate::backend::{Backend, BackendError, Between};
use crate::chat;
use crate::chats::Chats;
use crate::config::{Config, Media, Page};
use crate::data_folder::DataFolder;
use crate::demo::Demo;
use crate::finalizer::Finalizer;
use crate::http::{self, Api, Connections, Cors, Inner, Readiness, Site, Timeouts};
use crate::keys::{Keyring, LinkFileError, LinkKeyring};
use crate::links::{MediaLinks, Presenter};
use crate::metrics;
use crate::reservations::Allowance;
use crate::store::{Announcements, Durability, StoreError, Stores};
use crate::uploads::{Limits, Uploads};
use crate::web::Web;

/// A server whose stores are open and which has not begun to serve.
#[derive(Debug)]
pub struct Server {
    config: Config,
    readiness: Readiness,
    uploads: Arc<Uploads>,
    finalizer: Arc<Finalizer>,
    /// Announcements of other processes, if there may be any.
    relayed: Option<Arc<chat::RelayedAnnouncements>>,
    engine: chat::Engine,
    site: Site,
    operations: Site,
    keyring: Arc<Keyring>,
    link_keyring: LinkKeyring,
    tasks: TaskTracker,
    draining: CancellationToken,
    instructions: Option<String>,
    /// Keeps other processes out of the data folder.
    _alone: Option<std::fs::File>,
}

/// Where a server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
    pub main: TcpListener,
    /// For those who run it.
    pub operations: Option<TcpListener>,
}

/// Connections at once for those who run the server: more than any of them needs, and few enough that they
/// are not missed elsewhere.
const OPERATIONS_CONNECTIONS: usize = 64;
/// How long an answer to them may take at the very end.
const OPERATIONS_DRAIN: Duration = Duration::from_secs(1);
/// In the data folder: the keys of links, one a line, the one that signs first.
const LINK_KEYS: &str = "media-link.keys";
/// How long closing the sockets waits for announcements; those that it does not wait for are made after the
/// start.
const TELL_WAIT: Duration = Duration::from_secs(1);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What is stored cannot be opened.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The keys are none.
    #[error("the keys of tokens: {0}")]
    Key(#[from] KeyError),
    /// The keys of links are none.
    #[error("the keys of media links: {0}")]
    LinkKeys(#[from] LinkFileError),
    /// The stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Server {
    /// Opens the stores; nothing that is owed is driven on yet.
    ///
    /// # Errors
    /// [`StartError`]. Nothing that was stored is changed by one.
    pub async fn open(config: Config, address: SocketAddr) -> Result<Self, StartError> {
        let mut backend = Backend::open(&config).await?;
        let (folder, durability) = (&backend.folder, backend.durability);
        let link_keyring = link_keyring(&config, folder)?;
        let presenter = Presenter::new(config.base_path.clone(), link_keyring.links());
        let (transports, engine) = sockets(&config, presenter.clone());
        let (announcements, relayed) = announcements(&backend, &engine);
        let stores = backend.stores(announcements);
        let (keyring, demo) = identity(&config, folder, &stores).await?;
        let instructions = demo.is_some().then(|| instructions(&config, address));
        let (tasks, draining) = (TaskTracker::new(), CancellationToken::new());
        let finalizer = finalizer(&config, &stores, &tasks).await?;
        let uploads = uploads(&config, &stores, &finalizer, &tasks, &draining);
        tracing::info!(data = %folder.path().display(), "stores are open");
        say_what_is_different(&config, folder, durability);
        let readiness = Readiness::new(durability, backend.dependencies());
        let api = Inner {
            uploads: Arc::clone(&uploads),
            chats: Arc::new(Chats::new(stores.memberships, stores.messages, stores.payloads)),
            keyring: Arc::clone(&keyring),
            readiness: readiness.clone(),
            max_oneshot_size: config.max_oneshot_size,
            body_idle: config.body_idle,
            presenter,
            links: link_keyring.links(),
            media_prefix: config.media.prefix().map(str::to_owned),
            redirects_media: config.media == Media::Redirect,
            types: http::MediaTypes::default(),
            trust_forwarded: config.trust_forwarded,
            web: web(&config, demo),
        };
        serve_sockets(&engine, &api);
        let (site, operations) = sites(&config, Api::new(api), transports);
        Ok(Self {
            config,
            readiness,
            uploads,
            finalizer,
            relayed,
            engine,
            site,
            operations,
            keyring,
            link_keyring,
            tasks,
            draining,
            instructions,
            _alone: backend.alone(),
        })
    }

    /// The keys of tokens.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    /// The keys of links to media.
    pub fn link_keyring(&self) -> LinkKeyring {
        self.link_keyring.clone()
    }

    /// What to do next, in demo mode.
    pub fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// Serves until `shutdown` is cancelled; then stops accepting, lets requests in flight checkpoint or end,
    /// and ends within a bounded time.
    pub async fn listen(self, listeners: Listeners, connections: usize, shutdown: CancellationToken) {
        let background = CancellationToken::new();
        self.start(&background);
        if let Some(listener) = listeners.operations {
            // Operators want to know how the server does until its very end.
            let most = Connections(OPERATIONS_CONNECTIONS);
            let timeouts = Timeouts { drain: OPERATIONS_DRAIN, ..self.timeouts() };
            let serving = http::serve(listener, self.operations.clone(), most, timeouts, background.clone());
            self.tasks.spawn(serving);
        }
        let most = Connections(connections);
        let serve = http::serve(listeners.main, self.site.clone(), most, self.timeouts(), shutdown.clone());
        tokio::join!(serve, self.drain(&shutdown));
        background.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.config.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!("work in flight did not end in time; it goes on at the next start");
        }
        self.uploads.leave().await;
    }

    fn timeouts(&self) -> Timeouts {
        let Config { header_timeout, keep_alive, send_timeout, drain_timeout, .. } = self.config;
        Timeouts { header: header_timeout, keep_alive, send: send_timeout, drain: drain_timeout }
    }

    /// Waits for the shutdown, keeps new work out, ends what can be resumed, and closes the sockets when what
    /// came over them is a message that was announced.
    async fn drain(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        self.readiness.draining();
        self.draining.cancel();
        chat::finish(&self.engine, self.config.drain_timeout).await;
        let _ = tokio::time::timeout(TELL_WAIT, self.finalizer.everybody_told()).await;
        chat::close(&self.engine).await;
    }

    /// Starts what runs beside the requests.
    fn start(&self, cancelled: &CancellationToken) {
        self.tasks.spawn(recovery::recover(
            Arc::clone(&self.finalizer),
            self.readiness.clone(),
            cancelled.clone(),
        ));
        let (finalizer, stopped) = (Arc::clone(&self.finalizer), cancelled.clone());
        self.tasks.spawn(async move { finalizer.keep_publishing(&stopped).await });
        let (finalizer, stopped) = (Arc::clone(&self.finalizer), cancelled.clone());
        self.tasks.spawn(async move { finalizer.keep_listening(&stopped).await });
        if let Some(relayed) = self.relayed.clone() {
            let (uploads, stopped) = (Arc::clone(&self.uploads), cancelled.clone());
            self.tasks.spawn(async move {
                relayed.keep_delivering(|event| uploads.heard_elsewhere(event), &stopped).await;
            });
        }
        let (keyring, stopped) = (Arc::clone(&self.keyring), cancelled.clone());
        self.tasks.spawn(async move { keyring.keep_reading(stopped).await });
        let (uploads, stopped) = (Arc::clone(&self.uploads), cancelled.clone());
        let is_shared = self.relayed.is_some();
        self.tasks.spawn(async move {
            stopped.run_until_cancelled(recovery::keep_freeing_orphans(&uploads, is_shared)).await
        });
        let (uploads, stopped) = (Arc::clone(&self.uploads), cancelled.clone());
        self.tasks.spawn(async move { uploads.keep_telling(stopped).await });
        let (uploads, cancelled) = (Arc::clone(&self.uploads), cancelled.clone());
        let interval = self.config.sweep_interval;
        self.tasks.spawn(async move { uploads.keep_sweeping(interval, cancelled).await });
    }
}

/// A finalizer that knows what the last process has left to announce, and for how much room is promised.
async fn finalizer(
    config: &Config,
    stores: &Stores,
    tasks: &TaskTracker,
) -> Result<Arc<Finalizer>, StoreError> {
    let allowance = Allowance::new(stores, limits(config).terms());
    allowance.recall().await?;
    let finalizer = Finalizer::new(stores.clone(), tasks.clone(), allowance);
    finalizer.find_left().await?;
    Ok(finalizer)
}

/// Announcements to the sockets of this process and, where others share its stores, to theirs.
fn announcements(
    backend: &Backend,
    engine: &chat::Engine,
) -> (Arc<dyn Announcements>, Option<Arc<chat::RelayedAnnouncements>>) {
    let own = Arc::new(chat::SocketAnnouncements::new(engine.clone()));
    let Some(Between { relay, recent }) = backend.between() else { return (own, None) };
    let (messages, memberships) = (backend.messages(), backend.memberships());
    let relays = chat::Relays { relay, recent, messages, memberships };
    let relayed = Arc::new(chat::RelayedAnnouncements::new(own, relays));
    (relayed.clone(), Some(relayed))
}

/// The uploads, driven on by this finalizer.
fn uploads(
    config: &Config,
    stores: &Stores,
    finalizer: &Arc<Finalizer>,
    tasks: &TaskTracker,
    draining: &CancellationToken,
) -> Arc<Uploads> {
    let (finalizer, limits) = (Arc::clone(finalizer), limits(config));
    Arc::new(Uploads::new(stores.clone(), finalizer, limits, tasks.clone(), draining.clone()))
}

/// The transports of the sockets and their engine, which serves no one yet.
fn sockets(config: &Config, presenter: Presenter) -> (chat::Transports, chat::Engine) {
    chat::open(chat::Settings {
        presenter,
        body_idle: config.body_idle,
        trust_forwarded: config.trust_forwarded,
        ..chat::Settings::default()
    })
}

/// Lets the sockets in, with the same state as the API.
fn serve_sockets(engine: &chat::Engine, api: &Inner) {
    let state = chat::State {
        uploads: Arc::clone(&api.uploads),
        chats: Arc::clone(&api.chats),
        keyring: Arc::clone(&api.keyring),
        max_size: api.max_oneshot_size,
    };
    chat::serve(engine, state);
}

/// The site of clients, and the one of operators.
fn sites(config: &Config, api: Api, transports: chat::Transports) -> (Site, Site) {
    let cors = Cors::new(config.cors_origins.clone(), config.cors_credentials);
    let operations = Site::of_operations(api.clone());
    let site = Site::new(api, cors, chat::PATH, |router| transports.beside(router));
    (if config.key.is_none() { site.for_a_demo() } else { site }, operations)
}

/// What to do next, in demo mode.
fn instructions(config: &Config, address: SocketAddr) -> String {
    let at = format!("{address}{}", config.base_path);
    Demo::instructions(&at, &config.data_dir, config.web != Page::Off)
}

/// Warns the operator where the data folder survives less, or is open to more users, than it should be.
fn say_what_is_different(config: &Config, folder: &DataFolder, durability: Durability) {
    metrics::get().survives(durability.name());
    if config.durability.is_none() && durability == Durability::Process {
        tracing::warn!(
            "runs with --durability process, so acknowledgements survive kill -9 and no power cut: the file \
             system does not write single files through"
        );
    }
    for path in folder.open_to_others() {
        let path = path.display();
        tracing::warn!("{path} is open to others; `chmod -R g-w,o-rwx '{path}'` closes it");
    }
}

/// Who verifies tokens; in demo mode also who is there.
async fn identity(
    config: &Config,
    folder: &DataFolder,
    stores: &Stores,
) -> Result<(Arc<Keyring>, Option<Arc<Demo>>), StartError> {
    let rules = Rules {
        user_claims: config.jwt_claims.clone(),
        audience: config.jwt_audience.clone(),
        issuer: config.jwt_issuer.clone(),
    };
    if let Some(source) = &config.key {
        return Ok((Arc::new(Keyring::open(source.clone(), rules).await?), None));
    }
    let demo = Demo::open(folder.path())?;
    stores.memberships.put(Demo::conversation(), &Demo::users()).await?;
    let keys = KeySet::secrets(&[demo.secret()])?;
    Ok((Arc::new(Keyring::fixed(keys, rules)), Some(Arc::new(demo))))
}

/// What stands at `/`.
fn web(config: &Config, demo: Option<Arc<Demo>>) -> Web {
    match (&config.web, demo) {
        (Page::Off, _) => Web::Off,
        (Page::Folder(folder), demo) => Web::Folder(folder.clone(), demo),
        (Page::Own, Some(demo)) => Web::Chat(demo),
        (Page::Own, None) => Web::Notice,
    }
}

/// The keys of links to media: those of the settings, or those of the folder.
fn link_keyring(config: &Config, folder: &DataFolder) -> Result<LinkKeyring, StartError> {
    match &config.media_link_keys {
        _ if config.media_link_secs == 0 => Ok(LinkKeyring::fixed(MediaLinks::default())),
        Some(keys) => Ok(LinkKeyring::fixed(MediaLinks::new(config.media_link_secs, keys.clone()))),
        None => Ok(LinkKeyring::open(folder.secret(LINK_KEYS)?, config.media_link_secs)?),
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_upload_size: config.max_upload_size,
        expire_after_secs: config.expire_after_secs,
        result_window_secs: config.result_window_secs,
        body_idle: config.body_idle,
        max_unfinished: config.max_unfinished,
        max_reserved_bytes: config.max_reserved_bytes,
        lapse_after: config.lapse_after,
        digests: config.digests,
    }
}
