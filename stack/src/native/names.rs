//! Names of hosts, known to those that share them.

use crate::error::NetError;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The names of a network's hosts: what `lookup` answers from. Cheap to clone; clones are the same table.
#[derive(Clone, Debug, Default)]
pub struct Names {
    table: Arc<Mutex<BTreeMap<String, Vec<IpAddr>>>>,
}

impl Names {
    /// Adds an address to a name. Case does not matter.
    pub fn insert(&self, name: &str, address: IpAddr) {
        let mut table = self.lock();
        let addresses = table.entry(name.to_ascii_lowercase()).or_default();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    /// Forgets a name.
    pub fn remove(&self, name: &str) {
        self.lock().remove(&name.to_ascii_lowercase());
    }

    /// The addresses of a host, in the order they were added. A numeric address is its own answer, and `localhost` is
    /// the host that asks.
    ///
    /// # Errors
    /// [`NetError::HostNotFound`].
    pub fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let host = host.to_ascii_lowercase();
        if host == "localhost" {
            return Ok(vec![crate::Family::V4.loopback()]);
        }
        self.lock()
            .get(&host)
            .cloned()
            .ok_or(NetError::HostNotFound)
    }

    /// The first name, by alphabet, that has the address.
    #[must_use]
    pub fn reverse(&self, address: IpAddr) -> Option<String> {
        if address.is_loopback() {
            return Some("localhost".into());
        }
        let table = self.lock();
        let mut names = table.iter();
        names
            .find(|(_, addresses)| addresses.contains(&address))
            .map(|(name, _)| name.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<IpAddr>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
