//! Telling the machine's portmapper where a server can be called (RFC 1833).

use std::time::Duration;

use tracing::warn;

use super::parked::lock;
use super::{Server, ServerAddress};
use crate::bind::{self, Netid, Transport};
use crate::error::CallError;
use crate::portmapper::Portmapper;

/// Why a program could not be registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The portmapper said no: another server holds the program.
    #[error("program {program} version {version} over {netid} is registered by another server")]
    Refused {
        /// The program.
        program: u32,
        /// Its version.
        version: u32,
        /// Over which transport.
        netid: Netid,
    },
    /// The portmapper did not answer, or refuses this caller.
    #[error("cannot register program {program} version {version} over {netid}: {error}")]
    Call {
        /// The program.
        program: u32,
        /// Its version.
        version: u32,
        /// Over which transport.
        netid: Netid,
        /// What went wrong.
        error: Box<CallError>,
    },
}

/// How long a server that ends waits for the portmapper in all.
const UNREGISTER_WITHIN: Duration = Duration::from_secs(2);

/// What a server has told a portmapper.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    portmapper: Portmapper,
    /// Program, version and transport of each.
    all: Vec<(u32, u32, Netid)>,
}

impl Server {
    /// Registers every service at every address, the first one of each transport.
    ///
    /// What a crashed server has left is cleared first, as every service should. A server that is known to nobody but its
    /// callers need not do this. If it fails half-way, what was registered stays until [`unregister`](Self::unregister) or
    /// [`shutdown`](Self::shutdown) clears it; the latter knows the portmapper that was told last.
    ///
    /// # Errors
    /// The first registration that was refused.
    ///
    /// # Cancel safety
    /// Dropped, it may have registered some.
    pub async fn register(&self, portmapper: &Portmapper) -> Result<(), RegisterError> {
        let addresses = self.registered_addresses();
        *lock(&self.registered) = Some(Registered {
            portmapper: portmapper.clone(),
            all: Vec::new(),
        });
        for (program, version) in self.services() {
            let failed = |netid, error| RegisterError::Call {
                program,
                version,
                netid,
                error: Box::new(error),
            };
            // All before the first: version 2 of the protocol clears every transport at once (RFC 1833 §3.2).
            for &(netid, _) in &addresses {
                let unset = portmapper.unset(program, version, Some(netid), "").await;
                unset.map_err(|error| failed(netid, error))?;
            }
            for (netid, address) in &addresses {
                let set = portmapper.set(program, version, *netid, address, "").await;
                if !set.map_err(|error| failed(*netid, error))? {
                    return Err(RegisterError::Refused {
                        program,
                        version,
                        netid: *netid,
                    });
                }
                if let Some(registered) = &mut *lock(&self.registered) {
                    registered.all.push((program, version, *netid));
                }
            }
        }
        Ok(())
    }

    /// Takes every registration of this server's services back. Those that are not there do no harm.
    ///
    /// [`shutdown`](Self::shutdown) does as much and goes on if it fails; this tells.
    ///
    /// # Errors
    /// The portmapper did not answer, or refuses this caller; the rest was tried all the same.
    ///
    /// # Cancel safety
    /// Dropped, it may have unregistered some.
    pub async fn unregister(&self, portmapper: &Portmapper) -> Result<(), RegisterError> {
        // Tried once: whoever registers the same later keeps it.
        lock(&self.registered).take();
        let mut result = Ok(());
        for (program, version) in self.services() {
            for (netid, _) in self.registered_addresses() {
                let unset = portmapper.unset(program, version, Some(netid), "").await;
                result = result.and(unset.map(drop).map_err(|error| RegisterError::Call {
                    program,
                    version,
                    netid,
                    error: Box::new(error),
                }));
            }
        }
        result
    }

    /// Takes back what [`register`](Self::register) has told, in bounded time; failures are logged.
    pub(super) async fn unregister_at_end(&self) {
        let Some(Registered { portmapper, all }) = lock(&self.registered).take() else {
            return;
        };
        let work = async {
            for (prog, vers, netid) in all {
                if let Err(error) = portmapper.unset(prog, vers, Some(netid), "").await {
                    warn!(%error, prog, vers, %netid, "cannot unregister");
                }
            }
        };
        if self
            .net()
            .clock()
            .timeout(UNREGISTER_WITHIN, work)
            .await
            .is_err()
        {
            warn!("cannot unregister: the portmapper does not answer");
        }
    }

    /// The first address of each transport, as the portmapper writes it (RFC 5665 §5.2.3).
    fn registered_addresses(&self) -> Vec<(Netid, String)> {
        let mut all: Vec<(Netid, String)> = Vec::new();
        for address in self.addresses() {
            let (netid, address) = match address {
                ServerAddress::Tcp(address) => (
                    Netid::of(Transport::Tcp, address.ip()),
                    bind::universal(address),
                ),
                ServerAddress::Udp(address) => (
                    Netid::of(Transport::Udp, address.ip()),
                    bind::universal(address),
                ),
                ServerAddress::Local(address) => (Netid::Local, address.to_string()),
                // There is no network identifier for them.
                ServerAddress::LocalDatagram(_) => continue,
            };
            if all.iter().all(|(other, _)| *other != netid) {
                all.push((netid, address));
            }
        }
        all
    }
}
