use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use crate::load::failure::Failure;
use crate::load::payload::Payload;

/// An address of the server, and what every request to it carries.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    /// The path of the URL of creation.
    pub(crate) base: String,
    /// The header lines of every request, each with its line end.
    pub(crate) headers: String,
    /// How long a request may take before it counts as failed.
    pub(crate) patience: Duration,
    pub(crate) payload: Arc<Payload>,
}

impl Target {
    pub(crate) fn new(
        endpoint: &str,
        headers: &[(String, String)],
        patience: Duration,
    ) -> Result<Self, Failure> {
        let (address, host, base) = resolved(endpoint)?;
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Ok(Self { address, host, base, headers, patience, payload: Arc::new(Payload::random()) })
    }

    /// The same service at another URL of creation.
    pub(crate) fn also_at(&self, endpoint: &str) -> Result<Self, Failure> {
        let (address, host, base) = resolved(endpoint)?;
        let (headers, payload) = (self.headers.clone(), Arc::clone(&self.payload));
        Ok(Self { address, host, base, headers, patience: self.patience, payload })
    }

    /// The path of a `Location` in any form; its authority is not used.
    pub(crate) fn resolve(&self, location: &str) -> String {
        let absolute = location.strip_prefix("http://").or_else(|| location.strip_prefix("https://"));
        if let Some(rest) = absolute.or_else(|| location.strip_prefix("//")) {
            return rest.find('/').map_or("/", |slash| &rest[slash..]).to_owned();
        }
        if location.starts_with('/') {
            return location.to_owned();
        }
        let folder = &self.base[..=self.base.rfind('/').unwrap_or(0)];
        format!("{folder}{location}")
    }

    /// The URL of a path, for headers that need URLs.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }
}

/// The address, the host and the path of a URL.
fn resolved(endpoint: &str) -> Result<(SocketAddr, String, String), Failure> {
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return Err(Failure::new(format_args!("{endpoint}: only http:// is spoken")));
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let addresses = with_port.to_socket_addrs().map_err(|error| Failure::io(host, &error))?;
    let address = addresses.into_iter().next();
    let address = address.ok_or_else(|| Failure::new(format_args!("{host} has no address")))?;
    Ok((address, host.to_owned(), if path.is_empty() { "/".to_owned() } else { path.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_many_forms() {
        let target = Target::new("http://127.0.0.1:1/api/files/", &[], Duration::ZERO).expect("a URL");
        for (location, path) in [
            ("http://other/files/1", "/files/1"),
            ("//other/files/1", "/files/1"),
            ("/files/1?x=y", "/files/1?x=y"),
            ("1", "/api/files/1"),
        ] {
            assert_eq!(target.resolve(location), path);
        }
    }
}
