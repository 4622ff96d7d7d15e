//! What RPCBPROC_GETSTAT tells (RFC 1833 §2.1, `rpcb_stat_byvers`).
//!
//! Callers choose programs and versions, so the lists of what was asked for are bounded; what does not fit is counted.

use std::collections::HashMap;

use bytes::Bytes;
use fairway_xdr::{EncodeError, Encoder};

use crate::address::Netid;

/// Counters are kept for this many procedures of each version: RPCBSTAT_HIGHPROC, RFC 1833 §2.1.
pub const PROCEDURES: usize = 13;
/// Default bound of each list.
pub const DEFAULT_LIST: usize = 512;

/// A version of the portmapper protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// Portmap.
    V2,
    /// rpcbind.
    V3,
    /// rpcbind.
    V4,
}

#[derive(Clone, Debug)]
struct Lookup {
    program: u32,
    version: u32,
    netid: Netid,
    success: i32,
    failure: i32,
}

#[derive(Clone, Debug)]
struct Forwarded {
    program: u32,
    version: u32,
    procedure: u32,
    netid: Netid,
    success: i32,
    failure: i32,
    indirect: i32,
}

#[derive(Clone, Debug, Default)]
struct PerVersion {
    calls: [i32; PROCEDURES],
    set: i32,
    unset: i32,
    lookups: Vec<Lookup>,
    lookup_at: HashMap<(u32, u32, Netid), usize>,
    forwarded: Vec<Forwarded>,
    forwarded_at: HashMap<(u32, u32, u32, Netid), usize>,
}

/// The counters of all versions. They stop at the largest number.
#[derive(Clone, Debug)]
pub struct Statistics {
    versions: [PerVersion; 3],
    list: usize,
    not_listed: u64,
}

impl Default for Statistics {
    fn default() -> Self {
        Self::new(DEFAULT_LIST)
    }
}

fn count(counter: &mut i32) {
    *counter = counter.saturating_add(1);
}

impl Statistics {
    /// Counters at zero; each list takes at most `list` entries.
    #[must_use]
    pub fn new(list: usize) -> Self {
        Self {
            versions: Default::default(),
            list,
            not_listed: 0,
        }
    }

    /// Another bound from now on.
    pub fn set_limit(&mut self, list: usize) {
        self.list = list;
    }

    /// Lookups and calls that found their list full.
    #[must_use]
    pub fn not_listed(&self) -> u64 {
        self.not_listed
    }

    fn of(&mut self, version: Version) -> &mut PerVersion {
        let [v2, v3, v4] = &mut self.versions;
        match version {
            Version::V2 => v2,
            Version::V3 => v3,
            Version::V4 => v4,
        }
    }

    /// A call of a procedure; unknown ones are not counted.
    pub fn call(&mut self, version: Version, procedure: u32) {
        let highest = match version {
            Version::V2 => 5,
            Version::V3 => 8,
            Version::V4 => 12,
        };
        if procedure <= highest
            && let Ok(at) = usize::try_from(procedure)
            && let Some(calls) = self.of(version).calls.get_mut(at)
        {
            count(calls);
        }
    }

    /// A SET that answered TRUE.
    pub fn set(&mut self, version: Version) {
        count(&mut self.of(version).set);
    }

    /// An UNSET that answered TRUE.
    pub fn unset(&mut self, version: Version) {
        count(&mut self.of(version).unset);
    }

    /// A lookup, and whether it found something. Version 4's address lists count as lookups too, as rpcbind has it.
    pub fn lookup(&mut self, at: Version, program: u32, version: u32, netid: &Netid, found: bool) {
        let list = self.list;
        let per = self.of(at);
        let key = (program, version, netid.clone());
        let place = if let Some(place) = per.lookup_at.get(&key) {
            *place
        } else if per.lookups.len() < list {
            let place = per.lookups.len();
            per.lookups.push(Lookup {
                program,
                version,
                netid: netid.clone(),
                success: 0,
                failure: 0,
            });
            per.lookup_at.insert(key, place);
            place
        } else {
            self.not_listed = self.not_listed.saturating_add(1);
            return;
        };
        if let Some(entry) = per.lookups.get_mut(place) {
            count(if found {
                &mut entry.success
            } else {
                &mut entry.failure
            });
        }
    }

    /// A call to be made for somebody: whether the program was there, and whether it was RPCBPROC_INDIRECT.
    pub fn forwarded(
        &mut self,
        at: Version,
        call: (u32, u32, u32),
        netid: &Netid,
        found: bool,
        indirect: bool,
    ) {
        let (program, version, procedure) = call;
        let list = self.list;
        let per = self.of(at);
        let key = (program, version, procedure, netid.clone());
        let place = if let Some(place) = per.forwarded_at.get(&key) {
            *place
        } else if per.forwarded.len() < list {
            let place = per.forwarded.len();
            per.forwarded.push(Forwarded {
                program,
                version,
                procedure,
                netid: netid.clone(),
                success: 0,
                failure: 0,
                indirect: 0,
            });
            per.forwarded_at.insert(key, place);
            place
        } else {
            self.not_listed = self.not_listed.saturating_add(1);
            return;
        };
        if let Some(entry) = per.forwarded.get_mut(place) {
            count(if found {
                &mut entry.success
            } else {
                &mut entry.failure
            });
            if indirect {
                count(&mut entry.indirect);
            }
        }
    }

    /// The results of RPCBPROC_GETSTAT, encoded: version 2 first, lists with the latest entry first, as rpcbind keeps them.
    ///
    /// # Errors
    /// None while netids are shorter than 4 GiB.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut e = Encoder::with_capacity(1024);
        for per in &self.versions {
            for calls in per.calls {
                e.i32(calls);
            }
            e.i32(per.set);
            e.i32(per.unset);
            for entry in per.lookups.iter().rev() {
                e.bool(true);
                e.u32(entry.program);
                e.u32(entry.version);
                e.i32(entry.success);
                e.i32(entry.failure);
                e.string(entry.netid.as_str(), u32::MAX)?;
            }
            e.bool(false);
            for entry in per.forwarded.iter().rev() {
                e.bool(true);
                e.u32(entry.program);
                e.u32(entry.version);
                e.u32(entry.procedure);
                e.i32(entry.success);
                e.i32(entry.failure);
                e.i32(entry.indirect);
                e.string(entry.netid.as_str(), u32::MAX)?;
            }
            e.bool(false);
        }
        Ok(e.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_stand_where_rfc1833_has_them() {
        let mut stats = Statistics::default();
        stats.call(Version::V2, 3);
        stats.call(Version::V2, 6); // CALLIT is the last of version 2
        stats.call(Version::V4, 12);
        stats.set(Version::V3);
        stats.lookup(Version::V2, 100_003, 3, &Netid::Udp, true);
        stats.lookup(Version::V2, 100_003, 3, &Netid::Udp, false);
        stats.lookup(Version::V2, 100_005, 1, &Netid::Tcp, false);
        stats.forwarded(Version::V4, (1, 2, 3), &Netid::Udp, true, true);
        let octets = stats.encode().unwrap();
        let words: Vec<u32> = octets
            .chunks(4)
            .map(|c| u32::from_be_bytes(c.try_into().unwrap()))
            .collect();
        let mut expected = vec![0; 13];
        expected[3] = 1;
        expected.extend([0, 0]);
        let text = |t: &[u8; 4]| u32::from_be_bytes(*t);
        expected.extend([1, 100_005, 1, 0, 1, 3, text(b"tcp\0")]);
        expected.extend([1, 100_003, 3, 1, 1, 3, text(b"udp\0"), 0]);
        expected.push(0);
        expected.extend([0; 13]);
        expected.extend([1, 0, 0, 0]);
        expected.extend([0; 12]);
        expected.extend([1, 0, 0, 0]);
        expected.extend([1, 1, 2, 3, 1, 0, 1, 3, text(b"udp\0"), 0]);
        assert_eq!(words, expected);
    }

    #[test]
    fn callers_cannot_make_the_lists_grow_without_bound() {
        let mut stats = Statistics::new(4);
        for program in 0..10 {
            stats.lookup(Version::V3, program, 1, &Netid::Tcp, false);
            stats.forwarded(Version::V3, (program, 1, 1), &Netid::Tcp, false, false);
        }
        assert_eq!(stats.not_listed(), 12);
        assert_eq!(stats.versions[1].lookups.len(), 4);
        assert_eq!(stats.versions[1].forwarded.len(), 4);
        stats.lookup(Version::V3, 0, 1, &Netid::Tcp, true);
        assert_eq!(stats.versions[1].lookups[0].success, 1);
    }
}
