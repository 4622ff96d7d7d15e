//! Registrations that outlive the daemon: the state file, and the files of rpcbind it takes over from.
//!
//! The state file is XDR: the octets `FWPM`, a version, the list of mappings as RPCBPROC_DUMP gives it without the portmapper's own,
//! and a checksum of all before. It is replaced as a whole. rpcbind keeps two files, `rpcbind.xdr` and `portmap.xdr`: the bare results of its
//! two DUMP procedures. They are read once, at a start that finds no state file, and removed when their content is safe in ours.

use bytes::Bytes;
use fairway_xdr::{DecodeError, Decoder, EncodeError, Encoder};

use crate::registry::{Mapping, Owner, PORTMAP_PROGRAM, Registry};

/// Name of the state file in the state directory.
pub const STATE_FILE: &str = "portmapd.state";
/// Names of rpcbind's files in its state directory: versions 3 and 4, version 2.
pub const RPCBIND_FILES: [&str; 2] = ["rpcbind.xdr", "portmap.xdr"];
/// A longer file is not read.
pub const LONGEST_FILE: usize = 64 << 20;

const MAGIC: [u8; 4] = *b"FWPM";
const FORMAT: u32 = 1;
/// Octets of a netid, an address, an owner in a file.
const LONGEST_TEXT: u32 = 9000;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarmError {
    /// It does not begin as a state file does.
    #[error("not a state file")]
    Magic,
    /// A later version of this program wrote it.
    #[error("state file of format {0}, expected 1")]
    Format(u32),
    /// It was cut or changed.
    #[error("checksum does not match")]
    Checksum,
    /// It is longer than it can be.
    #[error("longer than 64 MiB")]
    TooLong,
    /// It holds something else than it should.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// FNV-1a over 64 bits: finds files that were cut or scribbled on; against malice there are the file's permissions.
fn checksum(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Writes the state of a table.
///
/// # Errors
/// None while texts are shorter than 4 GiB.
pub fn encode(registry: &Registry) -> Result<Vec<u8>, EncodeError> {
    let mut e = Encoder::with_capacity(registry.len().saturating_mul(64).saturating_add(32));
    e.put(MAGIC);
    e.u32(FORMAT);
    for mapping in registry.iter().filter(|m| m.program != PORTMAP_PROGRAM) {
        e.bool(true);
        e.u32(mapping.program);
        e.u32(mapping.version);
        e.string(mapping.netid_text(), u32::MAX)?;
        e.string(mapping.address(), u32::MAX)?;
        e.string(&mapping.owner.to_string(), u32::MAX)?;
    }
    e.bool(false);
    let mut octets = e.into_vec();
    let sum = checksum(&octets);
    octets.extend(sum.to_be_bytes());
    Ok(octets)
}

/// Reads a state file: the mappings in the order they were registered.
///
/// # Errors
/// Why it is not used.
pub fn decode(octets: &[u8]) -> Result<Vec<Mapping>, WarmError> {
    if octets.len() > LONGEST_FILE {
        return Err(WarmError::TooLong);
    }
    if octets.first_chunk() != Some(&MAGIC) {
        return Err(WarmError::Magic);
    }
    let Some((body, sum)) = octets.split_last_chunk::<8>() else {
        return Err(WarmError::Checksum);
    };
    if checksum(body) != u64::from_be_bytes(*sum) {
        return Err(WarmError::Checksum);
    }
    let mut d = Decoder::new(body);
    d.u32()?;
    let format = d.u32()?;
    if format != FORMAT {
        return Err(WarmError::Format(format));
    }
    let mappings = decode_list(&mut d)?;
    d.finish()?;
    Ok(mappings)
}

fn decode_list(d: &mut Decoder<'_>) -> Result<Vec<Mapping>, DecodeError> {
    let mut mappings = Vec::new();
    while d.bool()? {
        let program = d.u32()?;
        let version = d.u32()?;
        let netid = d.str_ref(LONGEST_TEXT)?;
        let address = d.str_ref(LONGEST_TEXT)?;
        let owner = Owner::parse(d.str_ref(LONGEST_TEXT)?);
        if program != PORTMAP_PROGRAM {
            mappings.push(Mapping::new(program, version, netid, address, owner));
        }
    }
    Ok(mappings)
}

/// Reads rpcbind's files: `rpcbind.xdr`, and what `portmap.xdr` has beside it. Its own registrations are left out.
///
/// # Errors
/// Why they are not used.
pub fn decode_rpcbind(rpcbind: &Bytes, portmap: Option<&Bytes>) -> Result<Vec<Mapping>, WarmError> {
    if rpcbind.len().max(portmap.map_or(0, Bytes::len)) > LONGEST_FILE {
        return Err(WarmError::TooLong);
    }
    let mut d = Decoder::new(rpcbind);
    let mut mappings = decode_list(&mut d)?;
    d.finish()?;
    if let Some(portmap) = portmap {
        let mut d = Decoder::new(portmap);
        while d.bool()? {
            let (program, version, protocol, port) = (d.u32()?, d.u32()?, d.u32()?, d.u32()?);
            let port = u16::try_from(port).ok();
            let mapping = port.and_then(|port| {
                Mapping::of_port(program, version, protocol, port, Owner::Unknown)
            });
            // The same program, version and protocol is in the other file already, with address and owner: the table keeps the first.
            mappings.extend(mapping.filter(|m| m.program != PORTMAP_PROGRAM));
        }
        d.finish()?;
    }
    Ok(mappings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Limits;
    use proptest::prelude::*;

    fn table() -> Registry {
        let mut table = Registry::new(Limits::default());
        let own = Mapping::of_port(PORTMAP_PROGRAM, 2, 6, 111, Owner::Superuser).unwrap();
        assert!(table.add_own(own).answer());
        for (program, netid, address, owner) in [
            (5, "tcp", "0.0.0.0.1.2", Owner::Superuser),
            (4, "Odd", "x", Owner::Unknown),
            (5, "local", "/run/five", Owner::Uid(33)),
        ] {
            assert!(
                table
                    .set(Mapping::new(program, 1, netid, address.to_owned(), owner))
                    .answer()
            );
        }
        table
    }

    fn foreign(table: &Registry) -> Vec<Mapping> {
        table
            .iter()
            .filter(|m| m.program != PORTMAP_PROGRAM)
            .cloned()
            .collect()
    }

    #[test]
    fn a_table_comes_back_in_its_order_without_the_portmappers_own() {
        let table = table();
        assert_eq!(decode(&encode(&table).unwrap()).unwrap(), foreign(&table));
    }

    #[test]
    fn a_cut_or_changed_file_is_not_used() {
        let octets = encode(&table()).unwrap();
        for cut in 0..octets.len() {
            assert!(decode(&octets[..cut]).is_err(), "{cut}");
        }
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            assert!(decode(&changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_later_format_is_told() {
        let mut octets = encode(&table()).unwrap();
        octets.truncate(octets.len() - 8);
        octets[7] = 2;
        let sum = checksum(&octets);
        octets.extend(sum.to_be_bytes());
        assert!(matches!(decode(&octets), Err(WarmError::Format(2))));
    }

    #[test]
    fn rpcbinds_files_are_its_dumps() {
        let mut table = table();
        let v3 = table.dump_v3().unwrap();
        let v2 = table.dump_v2().unwrap();
        let mut taken = Registry::new(Limits::default());
        for mapping in decode_rpcbind(&v3, Some(&v2)).unwrap() {
            let _ = taken.set(mapping);
        }
        assert_eq!(taken.iter().cloned().collect::<Vec<_>>(), foreign(&table));
        let only_v2 = decode_rpcbind(&Bytes::from_static(&[0; 4]), Some(&v2)).unwrap();
        assert_eq!(
            only_v2,
            [Mapping::of_port(5, 1, 6, 0x102, Owner::Unknown).unwrap()]
        );
    }

    proptest! {
        #[test]
        fn no_octets_disturb_the_readers(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&octets);
            let octets = Bytes::from(octets);
            let _ = decode_rpcbind(&octets, Some(&octets));
        }
    }
}
