//! What starts the server and watches over it: systemd, or what speaks as it does. It may hold the listeners, so that
//! connections wait while one server ends and the next one begins; and it is told when a server is ready, and when it
//! ends.

use std::env;
use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// The name of a listener for those who run the server (`FileDescriptorName=` of its unit).
const OPERATIONS: &str = "ops";

/// Listeners that were handed over.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// For everybody.
    pub main: Option<TcpListener>,
    /// For those who run the server.
    pub operations: Option<TcpListener>,
}

/// Takes the listeners that were handed over to this process (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`). Called
/// once, and before there are other threads.
///
/// # Errors
/// One that cannot be served on, or more than there is use for, in words for the person who set it up.
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

/// The server is ready.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// The server ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("letting requests in flight end")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "the supervisor could not be told");
    }
}
