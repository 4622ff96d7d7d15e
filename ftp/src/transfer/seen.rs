//! Whether a file on the server is still the one that was begun with.

use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::site::Site;
use jiff::Timestamp;

pub(crate) fn has_changed() -> Error {
    ErrorKind::Verify("the file on the server has changed since the transfer began".into()).into()
}

/// The size in the preliminary reply to a `RETR` that begins at `start`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Announced {
    /// Whether it can be that of a file of `size` octets. Some announce all of it (vsftpd), others what is left
    /// (ProFTPD).
    pub(super) fn fits(self, size: u64) -> bool {
        self.size == size || self.start.checked_add(self.size) == Some(size)
    }
}

/// What tells whether a file is still the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) size: u64,
    pub(crate) modified: Option<Timestamp>,
}

impl Seen {
    pub(crate) async fn ask(site: &Site, path: &Name) -> Result<Self, Error> {
        let size = site.size(path).await?;
        let modified = match site.modified(path).await {
            Ok(modified) => Some(modified),
            // A server that does not tell, or in no way that can be read.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Refused { .. } | ErrorKind::Protocol(_) | ErrorKind::Unsupported(_)
                ) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Self { size, modified })
    }
}
