//! The state file: loaded, taken over from rpcbind, saved.

use bytes::Bytes;
use fairway_portmap::Portmapper;
use fairway_portmap::config::Config;
use fairway_portmap::core::Core;
use fairway_portmap::warm::{self, RPCBIND_FILES, STATE_FILE};
use fairway_stack::{Net, NetError};
use fairway_xdr::EncodeError;
use tracing::{debug, info, warn};

/// Loads the state file, or takes over from rpcbind.
pub(crate) async fn load_state(net: &Net, config: &Config, core: &mut Core) {
    let path = config.state_directory.join(STATE_FILE);
    match net.files().read(&path).await {
        Ok(octets) => match warm::decode(&octets) {
            Ok(mappings) => {
                let loaded = mappings.len();
                for mapping in mappings {
                    let _ = core.registry.set(mapping);
                }
                info!(loaded, "registrations loaded");
            }
            Err(error) => warn!(%error, file = %path.display(), "state file not used"),
        },
        Err(NetError::NotFound) => take_over(net, config, core).await,
        Err(error) => warn!(%error, file = %path.display(), "cannot read the state file"),
    }
}

/// Reads rpcbind's files once: they go when their content is safe in ours.
async fn take_over(net: &Net, config: &Config, core: &mut Core) {
    if config.take_over.as_os_str().is_empty() {
        return;
    }
    let [rpcbind, portmap] = RPCBIND_FILES.map(|name| config.take_over.join(name));
    let files = net.files();
    let Ok(list) = files.read(&rpcbind).await else {
        return;
    };
    let ports = files.read(&portmap).await.ok().map(Bytes::from);
    match warm::decode_rpcbind(&Bytes::from(list), ports.as_ref()) {
        Ok(mappings) => {
            for mapping in mappings {
                let _ = core.registry.set(mapping);
            }
            info!(
                registrations = core.registry.len(),
                "taken over from rpcbind"
            );
        }
        Err(error) => {
            warn!(%error, "rpcbind's files not used");
            return;
        }
    }
    if write_state(net, config, warm::encode(&core.registry)).await {
        for file in [rpcbind, portmap] {
            if let Err(error) = files.remove(&file).await
                && error != NetError::NotFound
            {
                warn!(%error, file = %file.display(), "cannot remove");
            }
        }
    }
}

/// Replaces the state file; says whether that went well.
async fn write_state(net: &Net, config: &Config, octets: Result<Vec<u8>, EncodeError>) -> bool {
    let path = config.state_directory.join(STATE_FILE);
    let Ok(octets) = octets else {
        return false;
    };
    match net.files().write(&path, octets).await {
        Ok(()) => true,
        Err(error) => {
            warn!(%error, file = %path.display(), "registrations not saved");
            false
        }
    }
}

/// Saves the table unless it is as it was; gives the change that is safe now.
pub(crate) async fn save_state(
    net: &Net,
    config: &Config,
    portmapper: &Portmapper,
    saved: u64,
) -> u64 {
    let (octets, changes) = {
        let core = portmapper.core();
        if core.changes() == saved {
            return saved;
        }
        (warm::encode(&core.registry), core.changes())
    };
    if write_state(net, config, octets).await {
        debug!("registrations saved");
        changes
    } else {
        saved
    }
}
