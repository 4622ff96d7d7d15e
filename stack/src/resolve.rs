//! Names of hosts.

use crate::error::NetError;
use std::net::{IpAddr, SocketAddr};

/// The addresses of `host` by the system's resolver, each once.
pub(crate) async fn lookup(host: &str) -> Result<Vec<IpAddr>, NetError> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let found = tokio::net::lookup_host((host, 0))
        .await
        .map_err(lookup_error)?;
    let mut addresses = Vec::new();
    for address in found.map(|found| found.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        Err(NetError::HostNotFound)
    } else {
        Ok(addresses)
    }
}

/// The standard library gives the resolver's codes as text only, in English as long as nobody calls `setlocale`.
fn lookup_error(error: std::io::Error) -> NetError {
    match error.raw_os_error() {
        Some(_) => error.into(),
        None if error.to_string().contains("Temporary failure") => NetError::TryAgain,
        None => NetError::HostNotFound,
    }
}

/// The name of `address` by the system's resolver.
pub(crate) async fn reverse_lookup(address: IpAddr) -> Option<String> {
    let found = tokio::task::spawn_blocking(move || {
        let flags = nix::libc::NI_NAMEREQD;
        dns_lookup::getnameinfo(&SocketAddr::new(address, 0), flags).ok()
    });
    found.await.ok().flatten().map(|(name, _service)| name)
}

/// The machine's name.
pub(crate) fn host_name() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|_| "localhost".into())
}
