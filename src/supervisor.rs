//! The supervisor that starts and watches the server: systemd, or a program with the same protocol. It may
//! hold the listeners, so that connections wait while one server ends and the next one begins. It is told
//! when a server is ready, and when it ends.

use std::env;
use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// The name of the listener for operators (`FileDescriptorName=` of its unit).
const OPERATIONS: &str = "ops";

/// Listeners that the supervisor handed over.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// The listener for clients.
    pub main: Option<TcpListener>,
    /// The listener for operators.
    pub operations: Option<TcpListener>,
}

/// Takes the listeners that were handed over to this process (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`).
/// Has to be called only once, and before there are other threads.
///
/// # Errors
/// A listener that is unusable, or one too many, worded for the operator.
pub fn listeners() -> Result<HandedOver, String> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut fds = ListenFd::from_env();
    let mut handed_over = HandedOver::default();
    for number in 0..fds.len() {
        let is_for_operations = names.get(number) == Some(&OPERATIONS);
        let place = if is_for_operations { &mut handed_over.operations } else { &mut handed_over.main };
        if place.is_some() {
            return Err(format!(
                "there is use for one listener, and for one more with the name `{OPERATIONS}`: {} were handed over",
                fds.len()
            ));
        }
        *place = take(&mut fds, number).map_err(|error| {
            format!("socket {number} of those that were handed over is no TCP listener: {error}")
        })?;
    }
    Ok(handed_over)
}

fn take(fds: &mut ListenFd, number: usize) -> io::Result<Option<TcpListener>> {
    let listener = fds.take_tcp_listener(number)?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(true)?;
    }
    Ok(listener)
}

/// Tells the supervisor that the server is ready.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// Tells the supervisor that the server ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("letting requests in flight end")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "the supervisor could not be told");
    }
}
