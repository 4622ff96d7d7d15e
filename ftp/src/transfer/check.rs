//! What a transfer is checked by when it is over.

use super::{Options, local_error};
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::site::Site;
use crate::verify::{Algorithm, Digest, Verify};
use std::path::Path;

/// What a transfer will be checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    No,
    Size,
    Hash(Algorithm),
}

impl Site {
    /// How the wish to check can be fulfilled. `whole`: whether the file here will be the whole of the one there.
    pub(super) async fn check_by(&self, options: &Options, whole: bool) -> Result<Check, Error> {
        let verbatim = options.representation.is_verbatim();
        match options.verify {
            Verify::Size if verbatim => Ok(Check::Size),
            Verify::No | Verify::Size => Ok(Check::No),
            Verify::Hash if verbatim && whole => match self.hashes().await?.first() {
                Some(best) => Ok(Check::Hash(*best)),
                None => Err(ErrorKind::Unsupported("the server tells no digests".into()).into()),
            },
            Verify::Hash => Err(ErrorKind::Unsupported(
                "no digest of a text, of a part of a file, or of what was appended".into(),
            )
            .into()),
        }
    }

    /// Compares `remote` with `size` octets of the file `path` behind its first `base`.
    pub(super) async fn compare(
        &self,
        check: Check,
        remote: &Name,
        path: &Path,
        base: u64,
        size: u64,
    ) -> Result<(), Error> {
        let (there, here) = match check {
            Check::No => return Ok(()),
            Check::Size => {
                let there = match self.size(remote).await {
                    Ok(size) => size.to_string(),
                    Err(error) if error.is_not_found() => "none".to_owned(),
                    Err(error) => return Err(error),
                };
                (format!("{there} octets"), format!("{size} octets"))
            }
            Check::Hash(algorithm) => {
                let local = local_error(path);
                let file = self.shared.net.files().open(path).await.map_err(&local)?;
                // Each side reads its file while the other does.
                let (there, here) = tokio::join!(
                    self.hash(remote, algorithm),
                    Digest::of_part(&file, base..base.saturating_add(size), algorithm)
                );
                let (there, here) = (there?, here.map_err(local)?);
                (format!("{there:?}"), format!("{here:?}"))
            }
        };
        if there == here {
            return Ok(());
        }
        let fault = format!("the file on the server has {there}, {here} were moved");
        Err(ErrorKind::Verify(fault).into())
    }
}
