//! The `longhaul` server: settings, log, address, and run until a signal; also `check` and `token`.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use longhaul::backend::Shared;
use longhaul::check::{self, Finding, Manner, Summary};
use longhaul::config::{
    CheckFlags, Command, Config, Flags, LogFormat, MoveFlags, Order, Problems, TokenFlags,
};
use longhaul::descriptors;
use longhaul::issue::issue;
use longhaul::keys::{Keyring, LinkKeyring};
use longhaul::logging;
use longhaul::moving::{self, MoveError, Tally};
use longhaul::server::{Listeners, Server};
use longhaul::store::object::S3;
use longhaul::store::postgres::Address;
use longhaul::supervisor::{self, HandedOver};
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The most connections if no other number is set; fewer if the process may not open enough files.
const MAX_CONNECTIONS: usize = 10_000;

fn main() -> ExitCode {
    keep_others_out();
    let command = Command::parse();
    match command.order {
        Some(Order::Check(flags)) => check(&flags),
        Some(Order::Move(flags)) => move_folder(&flags),
        Some(Order::Token(flags)) => token(&flags),
        None => serve(&command.flags),
    }
}

/// Keeps other users out of the files that this process writes: what is stored, and the copy of the records
/// that a check reads. They are for the process's user and group, also where a library makes the files.
fn keep_others_out() {
    let others = Mode::RWXO | Mode::WGRP;
    let mask = umask(others);
    umask(mask | others);
}

/// Prints what is wrong with what is stored, one fault a line.
fn check(flags: &CheckFlags) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return unreadable(flags, &error),
    };
    match runtime.block_on(checked(flags)) {
        Ok(summary) => {
            say(&summary.to_string());
            if summary.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => unreadable(flags, &*error),
    }
}

async fn checked(flags: &CheckFlags) -> Result<Summary, Box<dyn Error>> {
    let database = flags.database.as_deref().map(str::parse::<Address>).transpose()?;
    let mut tell = |finding: &Finding| say(&finding.to_string());
    let (Some(bucket), Some(database)) = (&flags.bucket, &database) else {
        return Ok(check::check(&flags.data_dir, database.as_ref(), flags.deep, &mut tell).await?);
    };
    let bucket = S3::at(bucket, flags.s3_endpoint.clone())?;
    let shared = Shared::look(database, &bucket).await?;
    let manner = Manner { deep: flags.deep, repair: flags.repair };
    Ok(check::check_online(&shared, manner, &mut tell).await?)
}

/// Moves a folder, and prints how far it is.
fn move_folder(flags: &MoveFlags) -> ExitCode {
    let failed = |error: &dyn Error| {
        let _ = writeln!(io::stderr(), "longhaul move {}: {error}", flags.data_dir.display());
        ExitCode::from(2)
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(moved(flags)) {
        Ok(tally) => {
            say(&format!("moved: {tally}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let code = failed(&*error);
            let is_wrong = matches!(error.downcast_ref(), Some(MoveError::Wrong(_) | MoveError::Differs(..)));
            if is_wrong { ExitCode::FAILURE } else { code }
        }
    }
}

async fn moved(flags: &MoveFlags) -> Result<Tally, Box<dyn Error>> {
    let database: Address = flags.database.parse()?;
    let bucket = S3::at(&flags.bucket, flags.s3_endpoint.clone())?;
    Ok(moving::move_all(&flags.data_dir, &database, &bucket, &mut say).await?)
}

fn token(flags: &TokenFlags) -> ExitCode {
    match issue(flags) {
        Ok(token) => {
            say(&token);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            let _ = writeln!(io::stderr(), "longhaul token: {problem}");
            ExitCode::from(2)
        }
    }
}

fn unreadable(flags: &CheckFlags, error: &dyn Error) -> ExitCode {
    let what = flags.bucket.clone().unwrap_or_else(|| flags.data_dir.display().to_string());
    let _ = writeln!(io::stderr(), "longhaul check cannot read {what}: {error}");
    ExitCode::from(2)
}

fn serve(flags: &Flags) -> ExitCode {
    let format = LogFormat::of(flags);
    let hangups = match hangups() {
        Ok(hangups) => hangups,
        Err(error) => return refuse(format, &[error.to_string()]),
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let config = match Config::of(flags, names) {
        Ok(config) => config,
        Err(Problems(problems)) => return refuse(format, &problems),
    };
    logging::start(config.log_format, config.log_filter.clone());
    let handed_over = match supervisor::listeners() {
        Ok(handed_over) => handed_over,
        Err(problem) => return refuse(format, &[problem]),
    };
    let connections = connections_that_fit(config.max_connections);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(format, &[error.to_string()]),
    };
    match runtime.block_on(run(config, handed_over, connections, hangups)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => refuse(format, &[problem]),
    }
}

/// Registers for SIGHUP, which from here on does not end the process, so this comes before anything that
/// takes time. Registering takes a runtime, but only once, and there must not be threads yet.
fn hangups() -> io::Result<Signal> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async { signal(SignalKind::hangup()) })
}

/// How many connections fit: without a free descriptor, what a connection sends could not be stored.
fn connections_that_fit(asked: Option<usize>) -> usize {
    let descriptors = descriptors::raise();
    let wanted = asked.unwrap_or(MAX_CONNECTIONS);
    let connections = descriptors::connections(wanted, descriptors);
    match asked {
        _ if connections >= wanted => {}
        Some(asked) => {
            tracing::warn!(asked, connections, descriptors, "fewer connections, for want of open files");
        }
        // The operator asked for no number, so this is no warning.
        None => tracing::info!(wanted, connections, descriptors, "fewer connections, for want of open files"),
    }
    connections
}

async fn run(
    config: Config,
    handed_over: HandedOver,
    connections: usize,
    hangups: Signal,
) -> Result<(), String> {
    let shutdown = shutdown_on_signal().map_err(|error| error.to_string())?;
    let (listeners, address) = listen(&config, handed_over).await?;
    let operations = listeners.operations.as_ref().map(TcpListener::local_addr).transpose();
    let operations = operations.map_err(|error| error.to_string())?;
    let server = Server::open(config, address).await.map_err(|error| error.to_string())?;
    if let Some(address) = operations {
        say(&format!("health and metrics on http://{address}"));
    }
    say(&format!("listening on http://{address}\n\n{}", server.instructions().unwrap_or_default()));
    tokio::spawn(read_keys_on(hangups, server.keyring(), server.link_keyring()));
    supervisor::ready();
    server.listen(listeners, connections, shutdown).await;
    Ok(())
}

/// The listeners that were handed over, or else those of the settings; and the address of the main one.
async fn listen(config: &Config, handed_over: HandedOver) -> Result<(Listeners, SocketAddr), String> {
    let main = match handed_over.main {
        Some(listener) => adopt(config, "--listen", listener)?,
        None => bind("--listen", config.listen).await?,
    };
    let operations = match (handed_over.operations, config.ops_listen) {
        (Some(listener), _) => Some(adopt(config, "--ops-listen", listener)?),
        (None, Some(address)) => Some(bind("--ops-listen", address).await?),
        (None, None) => None,
    };
    let address = main.local_addr().map_err(|error| error.to_string())?;
    Ok((Listeners { main, operations }, address))
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("{flag} {address}: {error}"))
}

/// Takes a listener that was handed over in place of the setting, whatever that says.
fn adopt(config: &Config, flag: &str, listener: std::net::TcpListener) -> Result<TcpListener, String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    if let Some(refusal) = config.refusal_of("a listener was handed over at", address) {
        return Err(refusal);
    }
    tracing::info!(%address, "serving on the listener that was handed over; {flag} is not looked at");
    TcpListener::from_std(listener).map_err(|error| error.to_string())
}

/// A token that is cancelled by SIGTERM or Ctrl-C.
fn shutdown_on_signal() -> io::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let signalled = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending");
        supervisor::stopping();
        signalled.cancel();
    });
    Ok(shutdown)
}

/// Reads the keys of tokens and of links again on SIGHUP, even on one that came during the start.
async fn read_keys_on(mut hangups: Signal, keyring: Arc<Keyring>, links: LinkKeyring) {
    while hangups.recv().await.is_some() {
        keyring.read_again();
        links.read_again();
    }
}

/// Prints a text. A failure is ignored: the server serves even if no one reads its output.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.trim_end().as_bytes());
    let _ = out.write_all(b"\n");
    let _ = out.flush();
}

fn refuse(format: LogFormat, problems: &[String]) -> ExitCode {
    logging::refuse(format, problems);
    ExitCode::from(2)
}
