//! `hosts.allow` and `hosts.deny`: read, and watched for changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fairway_portmap::Portmapper;
use fairway_portmap::access::Access;
use fairway_portmap::config::Config;
use fairway_portmap::hosts::Rules;
use fairway_stack::{Net, NetError, Task};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::sync::Notify;
use tracing::{debug, error, warn};

/// The rules, with what the hosts files say now. Names in them have no addresses yet: [`Lookups`] finds them.
pub(crate) async fn read_access(net: &Net, config: &Config) -> Access {
    let allow = read_text(net, &config.hosts_allow).await;
    let deny = read_text(net, &config.hosts_deny).await;
    let name = |path: &Path| path.display().to_string();
    let (rules, remarks) = Rules::parse(
        (&name(&config.hosts_allow), &allow),
        (&name(&config.hosts_deny), &deny),
    );
    for remark in remarks {
        warn!(file = remark.file, line = remark.line, "{}", remark.text);
    }
    Access {
        insecure: config.insecure,
        trusted: config.trusted_networks(),
        hosts: rules,
    }
}

/// Looks up the names in the rules beside everything else: the daemon starts, serves and ends however slow the name servers are.
///
/// Until a name has an address it decides against the caller.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    running: Option<Task<()>>,
}

impl Lookups {
    /// Puts other rules in place. A name that was known keeps its addresses until it is looked up again.
    pub(crate) fn replace(&mut self, net: &Net, portmapper: &Portmapper, mut access: Access) {
        let mut core = portmapper.core();
        access.hosts.resolve(&core.access.hosts.addresses());
        core.access = access;
        drop(core);
        self.begin(net, portmapper);
    }

    /// Looks up the names of the rules in place; lookups for earlier rules end without effect.
    pub(crate) fn begin(&mut self, net: &Net, portmapper: &Portmapper) {
        if let Some(earlier) = self.running.take() {
            earlier.abort();
        }
        let names = portmapper.core().access.hosts.names();
        if names.is_empty() {
            return;
        }
        let portmapper = portmapper.clone();
        let resolver = net.clone();
        self.running = Some(net.spawn(async move {
            let mut addresses = BTreeMap::new();
            for host in names {
                match resolver.lookup(&host).await {
                    Ok(found) => {
                        addresses.insert(host, found);
                    }
                    Err(error) => {
                        warn!(host, %error, "host of the access files not found");
                        if error == NetError::HostNotFound {
                            addresses.insert(host, Vec::new());
                        } // else nobody knows better than before
                    }
                }
            }
            portmapper.core().access.hosts.resolve(&addresses);
            debug!("hosts of the access files looked up");
        }));
    }
}

/// A file's text; empty if it is not there. One that cannot be read lets nobody in by mistake: it denies all.
async fn read_text(net: &Net, path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return String::new();
    }
    match net.files().read(path).await {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(NetError::NotFound) => String::new(),
        Err(error) => {
            error!(%error, file = %path.display(), "cannot read an access file: nobody is let in");
            "ALL: ALL: deny\n".to_owned()
        }
    }
}

/// Watches the access files' directories, as files are often replaced; a thread that sleeps in the system.
pub(crate) fn watch_files(config: &Config, changed: &Arc<Notify>) {
    let files: Vec<PathBuf> = [&config.hosts_allow, &config.hosts_deny]
        .into_iter()
        .filter(|path| path.file_name().is_some())
        .cloned()
        .collect();
    if files.is_empty() {
        return;
    }
    let watch = || -> nix::Result<Inotify> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
        let what = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        for file in &files {
            let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
            inotify.add_watch(directory.unwrap_or_else(|| Path::new(".")), what)?;
        }
        Ok(inotify)
    };
    let inotify = match watch() {
        Ok(inotify) => inotify,
        Err(error) => {
            warn!(%error, "cannot watch the access files: send SIGHUP after changes");
            return;
        }
    };
    let changed = Arc::clone(changed);
    let thread = std::thread::Builder::new()
        .name("watch".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            while let Ok(events) = inotify.read_events() {
                let ours = events.iter().filter_map(|event| event.name.as_deref());
                if ours
                    .into_iter()
                    .any(|name| files.iter().any(|file| file.file_name() == Some(name)))
                {
                    changed.notify_one();
                }
            }
        });
    if let Err(error) = thread {
        warn!(%error, "cannot watch the access files: send SIGHUP after changes");
    }
}
