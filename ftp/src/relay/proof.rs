//! What is known of the file before, and compared after.

use super::way::{TICKETS, Way};
use super::{Both, Job, Side, Verified};
use crate::directory::is_unknown_command;
use crate::error::{Error, ErrorKind};
use crate::list::{Entry, Kind};
use crate::name::Name;
use crate::session::Verb;
use crate::site::Site;
use crate::verify::{Algorithm, Digest, Verify};

/// What is known before anything is moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Size of the source.
    pub(super) size: Option<u64>,
    /// Size of the target, if there is one.
    pub(super) before: Option<u64>,
}

impl Job {
    /// Sees to it that the source is there, as far as its server tells, before the target is emptied.
    pub(super) async fn prove(&self) -> Result<Known, Error> {
        let unique = self.options.verb == Verb::Stou;
        let before = async {
            if unique {
                return Ok(None);
            }
            self.size(Side::Target, &self.names.target).await
        };
        // Neither waits for the other while it holds a connection.
        let (source, before) = tokio::join!(self.source(), before);
        let (size, entry) = source.map_err(|error| self.at(Side::Source, error, None))?;
        let before = before?;
        self.refuse_itself(entry.as_ref()).await?;
        Ok(Known { size, before })
    }

    async fn source(&self) -> Result<(Option<u64>, Option<Entry>), Error> {
        let (site, path) = (&self.sites.source, &self.names.source);
        let mut entry = None;
        if site.features().await?.has("MLST") {
            match site.metadata(path).await {
                Ok(found) if found.kind.is_directory() => return Err(directory(path)),
                Ok(found) if found.kind == Kind::File && found.size.is_some() => {
                    return Ok((found.size, Some(found)));
                }
                // What a link points at is what would be sent.
                Ok(found) => entry = Some(found),
                Err(error) if is_unknown_command(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let refusal = match site.size(path).await {
            Ok(size) => return Ok((Some(size), entry)),
            Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => error,
            Err(error) => return Err(error),
        };
        if site.detached().cd(path).await.is_ok() {
            return Err(directory(path));
        }
        // A file may have a time and no size: one that is made when it is asked for, or on a server without SIZE.
        match site.modified(path).await {
            Ok(_) => Ok((None, entry)),
            Err(error) if is_unknown_command(&error) && is_unknown_command(&refusal) => {
                // Nothing can be proved here.
                Ok((None, entry))
            }
            Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => {
                Err(if is_unknown_command(&refusal) {
                    error
                } else {
                    refusal
                })
            }
            Err(error) => Err(error),
        }
    }

    /// A file that is sent onto itself is emptied first.
    async fn refuse_itself(&self, source: Option<&Entry>) -> Result<(), Error> {
        let sites = &self.sites;
        if self.options.verb == Verb::Stou || !self.is_one_machine().await {
            return Ok(());
        }
        let itself = || {
            let reason = "source and target are the same file";
            Err(ErrorKind::Unsupported(reason.into()).into())
        };
        if let Some(unique) = source.and_then(Entry::unique)
            && let Ok(target) = sites.target.metadata(&self.names.target).await
            && target.unique() == Some(unique)
        {
            return itself();
        }
        if sites.source.server.user() == sites.target.server.user() {
            let paths = Both {
                source: absolute(&sites.source, &self.paths.source).await?,
                target: absolute(&sites.target, &self.paths.target).await?,
            };
            if paths.source == paths.target {
                return itself();
            }
        }
        Ok(())
    }

    /// Whether both are the same port of the same machine, by whatever names.
    async fn is_one_machine(&self) -> bool {
        let (source, target) = (&self.sites.source.server, &self.sites.target.server);
        if source.authority() == target.authority() {
            return true;
        }
        if source.port() != target.port() || source.host() == target.host() {
            return false;
        }
        let net = &self.shared.net;
        // A name that only a proxy knows has no address here, and is no other name of the other.
        let addresses = async |host: &str| net.lookup(host).await.unwrap_or_default();
        let source = addresses(source.host()).await;
        let target = addresses(target.host()).await;
        source.iter().any(|address| target.contains(address))
    }

    /// Compares the copy with the source: what that showed, and how large the source is.
    pub(super) async fn compare(
        &self,
        known: &Known,
        name: Option<&Name>,
        way: Way,
    ) -> Result<(Verified, Option<u64>), Error> {
        let Some(name) = name.filter(|_| self.options.verify != Verify::No) else {
            return Ok((Verified::No, known.size));
        };
        let size = self.size(Side::Target, name).await?;
        let Some(size) = size else {
            return Ok((Verified::No, known.size));
        };
        let moved = match (self.options.verb, known.before) {
            (Verb::Appe, Some(before)) => size.checked_sub(before),
            _ => Some(size),
        };
        let differs = |source: u64| {
            let moved = moved.map_or_else(|| format!("{size} in all"), |moved| moved.to_string());
            let mut text = format!(
                "both servers report success, the source has {source} octets, and {moved} arrived"
            );
            if way.source_begins_tls() {
                text += &format!(" ({TICKETS})");
            }
            let error = ErrorKind::Verify(text);
            Err(self.at(Side::Target, error.into(), None))
        };
        let Some(source) = known.size else {
            let octets = moved.filter(|_| !self.options.text);
            return Ok((Verified::No, octets));
        };
        if self.options.text {
            return if (source == 0) == (moved == Some(0)) {
                Ok((Verified::NotEmpty, known.size))
            } else {
                differs(source)
            };
        }
        if moved != Some(source) {
            // It may have grown since.
            let now = self.size(Side::Source, &self.names.source).await?;
            if now.is_none() || moved != now {
                return differs(now.unwrap_or(source));
            }
        }
        if self.options.verify == Verify::Hash
            && self.options.verb != Verb::Appe
            && let Some(algorithm) = self.same_hash(name).await?
        {
            return Ok((Verified::Hash(algorithm), moved));
        }
        Ok((Verified::Size, moved))
    }

    /// A size, if the server tells it.
    async fn size(&self, side: Side, name: &Name) -> Result<Option<u64>, Error> {
        match self.sites.get(side).size(name).await {
            Ok(size) => Ok(Some(size)),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Refused { .. } | ErrorKind::Protocol(_)
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.at(side, error, None)),
        }
    }

    /// The algorithm by which the hashes were found equal, if both servers have one.
    async fn same_hash(&self, name: &Name) -> Result<Option<Algorithm>, Error> {
        let here = self.sites.source.hashes().await?;
        let there = self.sites.target.hashes().await?;
        for algorithm in here.into_iter().filter(|one| there.contains(one)) {
            let source = self
                .hash(Side::Source, &self.names.source, algorithm)
                .await?;
            let target = self.hash(Side::Target, name, algorithm).await?;
            // Either may think better of it.
            if let (Some(source), Some(target)) = (source, target) {
                if source == target {
                    return Ok(Some(algorithm));
                }
                let error = ErrorKind::Verify(format!(
                    "{algorithm} of the source is {source}, of the copy {target}"
                ));
                return Err(self.at(Side::Target, error.into(), None));
            }
        }
        Ok(None)
    }

    /// A hash, if the server tells it.
    async fn hash(
        &self,
        side: Side,
        name: &Name,
        algorithm: Algorithm,
    ) -> Result<Option<Digest>, Error> {
        match self.sites.get(side).hash(name, algorithm).await {
            Ok(digest) => Ok(Some(digest)),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Refused { .. } | ErrorKind::Protocol(_) | ErrorKind::Unsupported(_)
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.at(side, error, None)),
        }
    }
}

fn directory(path: &Name) -> Error {
    ErrorKind::Unsupported(format!("{path} is a directory")).into()
}

/// A path from the root on, without what does not matter.
async fn absolute(site: &Site, path: &[u8]) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    if path.first() != Some(&b'/') {
        // Where it is not told, two relative paths can still be compared.
        if let Ok(directory) = site.pwd().await {
            whole.extend_from_slice(directory.raw());
            whole.push(b'/');
        }
    }
    whole.extend_from_slice(path);
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in whole.split(|octet| *octet == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join(&b'/'))
}
