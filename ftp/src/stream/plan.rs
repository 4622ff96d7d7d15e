//! What is to be transferred, and how it is told to the session.

use super::Representation;
use crate::command;
use crate::error::Error;
use crate::name::Name;
use crate::pool::Lease;
use crate::session::{Setting, Tls, TransferSpec, Verb};
use crate::site::Site;

/// What is to be transferred.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) verb: Verb,
    pub(crate) path: Option<Name>,
    pub(crate) representation: Representation,
    /// Whether the type must be as in the representation: a listing in `MLSD` is the same in each.
    pub(crate) any_type: bool,
    pub(crate) restart: Option<Vec<u8>>,
    pub(crate) allocate: Option<u64>,
}

impl Plan {
    pub(crate) fn new(verb: Verb, path: Option<Name>, representation: Representation) -> Self {
        Self {
            verb,
            path,
            representation,
            any_type: false,
            restart: None,
            allocate: None,
        }
    }

    pub(super) fn spec(&self, site: &Site, lease: &Lease) -> Result<TransferSpec, Error> {
        let charset = site.server.name_charset();
        let path = self.path.as_ref().map(|path| {
            let path = path.encode(charset)?.into_owned();
            // An argument that cannot be sent is refused before anything is.
            command::Command::with(self.verb.as_str(), &path)?;
            Ok(path)
        });
        let mut settings = Vec::new();
        if site.server.tls_plan() != Tls::None && lease.is_secure() {
            let level = if site.server.wants_private_data() {
                "P"
            } else {
                "C"
            };
            settings.push((Setting::Protection, level.to_owned()));
        }
        settings.push((Setting::SecureClient, "OFF".to_owned()));
        if !self.any_type {
            settings.push((Setting::Type, self.representation.ty.to_string()));
        }
        settings.push((Setting::Mode, self.representation.mode.to_string()));
        settings.push((
            Setting::Structure,
            self.representation.structure.to_string(),
        ));
        Ok(TransferSpec {
            verb: self.verb,
            argument: path.transpose().map_err(Error::argument("path"))?,
            settings,
            restart: self.restart.clone(),
            allocate: self.allocate,
            methods: {
                let mut methods = lease.methods();
                methods.retain(|method| !site.active_only || method.is_active());
                methods
            },
            third: None,
        })
    }
}
