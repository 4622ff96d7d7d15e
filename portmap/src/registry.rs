//! The table of registrations, pure: who may add and remove what, and what a lookup finds (RFC 1833 §2.2 and §3.2).
//!
//! One table serves all versions. A mapping set by version 2 is a mapping of netid `tcp` or `udp` like any other, and what
//! versions 3 and 4 set for these netids is seen by version 2, if its address ends in a port.
//!
//! **Order.** Lists are given out in the order in which mappings were registered, the portmapper's own first, latest of
//! them first, as rpcbind prints them. Every mapping has a *rank* for that; all indexes map to ranks, and no hash table is ever
//! walked.
//!
//! **Memory.** A mapping takes some 400 octets with all that points to it. Two indexes serve the lookups: one by program, version and
//! netid, one by program and netid for callers that ask for a version that is not there. What is registered under names that
//! no system has ([`Netid::Other`]) is found again by a third, which is usually empty.
//!
//! **Versions.** A lookup of a version that is not there finds another version of the program on the same netid, the last
//! registered: the caller calls it, is refused with PROG_MISMATCH, and learns which versions there are. RPCBPROC_GETVERSADDR
//! and RPCBPROC_GETADDRLIST want exactly theirs.
//!
//! **Owners.** A mapping belongs to who registered it. Only its owner or the superuser removes it (RFC 1833 §2.2.1).

mod ranks;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bytes::Bytes;
use fairway_xdr::{EncodeError, Encoder};

use crate::address::{self, Netid};

use ranks::{Rank, Ranks};

/// Program number of the portmapper and rpcbind (RFC 1833 §2.1, §3.1).
pub const PORTMAP_PROGRAM: u32 = fairway_rpc::portmapper::PROGRAM;

/// Who registered a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// User 0, who may remove everything.
    Superuser,
    /// A user of this machine, known from the local socket.
    Uid(u32),
    /// Somebody on this machine.
    Unknown,
}

impl Owner {
    /// Whether this owner may remove a mapping of `other`.
    #[must_use]
    pub fn may_remove(self, other: Self) -> bool {
        self == Self::Superuser || self == other
    }

    /// The owner that a list of rpcbind's names; a name that is none of its own is unknown.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "superuser" | "0" => Self::Superuser,
            _ => text.parse().map_or(Self::Unknown, Self::Uid),
        }
    }
}

impl fmt::Display for Owner {
    /// As rpcbind writes it: `superuser`, a number, `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superuser => f.write_str("superuser"),
            Self::Uid(uid) => write!(f, "{uid}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Where a version of a program listens on one kind of transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// Kind of transport.
    pub netid: Netid,
    /// Its name as it was registered, where that differs.
    spelling: Option<Box<str>>,
    address: Box<str>,
    /// The port at the end of the address, if version 2 sees the mapping.
    port: Option<u16>,
    /// Who registered it.
    pub owner: Owner,
}

impl Mapping {
    /// A mapping as versions 3 and 4 describe it.
    #[must_use]
    pub fn new(
        program: u32,
        version: u32,
        netid: &str,
        address: impl Into<Box<str>>,
        owner: Owner,
    ) -> Self {
        let (address, spelling) = (address.into(), netid);
        let netid = Netid::new(spelling);
        let spelling = (netid.as_str() != spelling).then(|| spelling.into());
        // In lower case only, as rpcbind wants it.
        let port = match netid.protocol() {
            Some(_) if spelling.is_none() => address::port_of(&address),
            _ => None,
        };
        Self {
            program,
            version,
            netid,
            spelling,
            address,
            port,
            owner,
        }
    }

    /// The netid as it was registered: its case may be any.
    #[must_use]
    pub fn netid_text(&self) -> &str {
        self.spelling.as_deref().unwrap_or(self.netid.as_str())
    }

    /// The universal address as it was registered.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A mapping as version 2 describes it; `None` if the protocol is neither TCP nor UDP.
    #[must_use]
    pub fn of_port(
        program: u32,
        version: u32,
        protocol: u32,
        port: u16,
        owner: Owner,
    ) -> Option<Self> {
        let netid = Netid::of_protocol(protocol)?;
        let [high, low] = port.to_be_bytes();
        let address = format!("0.0.0.0.{high}.{low}");
        Some(Self::new(program, version, netid.as_str(), address, owner))
    }

    /// Protocol and port under which version 2 sees it: netid `tcp` or `udp`, in lower case as rpcbind wants it, and an address that
    /// ends in a port.
    #[must_use]
    pub fn port(&self) -> Option<(u32, u16)> {
        Some((self.netid.protocol()?, self.port?))
    }
}

/// What SET did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SetOutcome {
    /// The mapping is there now.
    Added,
    /// The same mapping was there.
    AlreadyThere,
    /// Program, version and netid have another address.
    Taken,
    /// A bound of [`Limits`] forbids it.
    Refused(Bound),
}

impl SetOutcome {
    /// The answer of RPCBPROC_SET and PMAPPROC_SET.
    #[must_use]
    pub const fn answer(self) -> bool {
        matches!(self, Self::Added | Self::AlreadyThere)
    }
}

/// Which bound of [`Limits`] was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// [`Limits::mappings`].
    Mappings,
    /// [`Limits::mappings_per_owner`].
    MappingsPerOwner,
    /// [`Limits::text`].
    Text,
}

/// Bounds on what users of this machine can make the table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Mappings in all. Default 65 536, about 25 MiB.
    pub mappings: usize,
    /// Mappings of one owner other than the superuser, so that no user can fill the table. Default 16 384.
    pub mappings_per_owner: usize,
    /// Octets of an address, and of a netid. Default 256: a local socket's path takes at most 108.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mappings: 65_536,
            mappings_per_owner: 16_384,
            text: 256,
        }
    }
}

/// How often a bound of [`Limits`] was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// [`Limits::mappings`].
    pub mappings: u64,
    /// [`Limits::mappings_per_owner`].
    pub mappings_per_owner: u64,
    /// [`Limits::text`].
    pub text: u64,
}

impl Refusals {
    /// How often this one.
    #[must_use]
    pub const fn of(&self, bound: Bound) -> u64 {
        match bound {
            Bound::Mappings => self.mappings,
            Bound::MappingsPerOwner => self.mappings_per_owner,
            Bound::Text => self.text,
        }
    }
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The mapping.
    pub mapping: &'a Mapping,
    /// Whether it is of the version that was asked for.
    pub exact: bool,
}

/// What is known of a mapping without looking at it.
#[derive(Clone, Copy, Debug)]
struct Place {
    rank: Rank,
    /// As version 2 sees it.
    port: Option<u16>,
}

/// A program on a netid. What version 2 sees stands apart from what it does not: a name in capitals, an address without a port.
type Line = (u32, Netid, bool);

/// The table.
#[derive(Debug, Default)]
pub struct Registry {
    limits: Limits,
    refusals: Refusals,
    mappings: BTreeMap<Rank, Mapping>,
    /// One mapping each.
    keys: HashMap<(u32, u32, Netid), Place>,
    /// All versions of a program on a netid.
    lines: HashMap<Line, Ranks>,
    /// Program and version: their mappings on netids that are no system's.
    others: HashMap<(u32, u32), Ranks>,
    owned: HashMap<Owner, usize>,
    /// Rank of the latest of the portmapper's own mappings: they go before all others.
    first: Rank,
    /// Rank of the latest other mapping.
    last: Rank,
    dump_v2: Option<Bytes>,
    dump_v3: Option<Bytes>,
}

impl Registry {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Other bounds from now on; what is in the table stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How often a bound was met.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// Mappings in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mappings.len()
    }

    /// Whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    /// Adds one of the portmapper's own mappings: before all others, whatever the bounds say.
    pub fn add_own(&mut self, mapping: Mapping) -> SetOutcome {
        if let Some(outcome) = self.there(&mapping) {
            return outcome;
        }
        self.first = self.first.saturating_sub(1);
        self.insert(self.first, mapping);
        SetOutcome::Added
    }

    /// RPCBPROC_SET and PMAPPROC_SET (RFC 1833 §2.2.1, §3.2): adds a mapping unless program, version and netid have another one.
    /// To register the same again is no error.
    pub fn set(&mut self, mapping: Mapping) -> SetOutcome {
        // RFC 1833 §2.2.1: "refuses to establish a mapping if one already exists for the ordered set".
        if let Some(outcome) = self.there(&mapping) {
            return outcome;
        }
        if let Some(bound) = self.bound(&mapping) {
            return SetOutcome::Refused(bound);
        }
        self.last = self.last.saturating_add(1);
        self.insert(self.last, mapping);
        SetOutcome::Added
    }

    fn there(&self, mapping: &Mapping) -> Option<SetOutcome> {
        let key = (mapping.program, mapping.version, mapping.netid.clone());
        let there = self.mappings.get(&self.keys.get(&key)?.rank)?;
        Some(if there.address == mapping.address {
            SetOutcome::AlreadyThere
        } else {
            SetOutcome::Taken
        })
    }

    fn bound(&mut self, mapping: &Mapping) -> Option<Bound> {
        if mapping.address.len().max(mapping.netid_text().len()) > self.limits.text {
            self.refusals.text = self.refusals.text.saturating_add(1);
            return Some(Bound::Text);
        }
        if self.mappings.len() >= self.limits.mappings {
            self.refusals.mappings = self.refusals.mappings.saturating_add(1);
            return Some(Bound::Mappings);
        }
        let owned = self.owned.get(&mapping.owner).copied().unwrap_or_default();
        if mapping.owner != Owner::Superuser && owned >= self.limits.mappings_per_owner {
            self.refusals.mappings_per_owner = self.refusals.mappings_per_owner.saturating_add(1);
            return Some(Bound::MappingsPerOwner);
        }
        None
    }

    fn insert(&mut self, rank: Rank, mapping: Mapping) {
        let (program, version, netid) = (mapping.program, mapping.version, mapping.netid.clone());
        let port = mapping.port;
        if matches!(netid, Netid::Other(_)) {
            ranks::insert(&mut self.others, (program, version), rank);
        }
        let line = (program, netid.clone(), port.is_some());
        ranks::insert(&mut self.lines, line, rank);
        self.keys
            .insert((program, version, netid), Place { rank, port });
        *self.owned.entry(mapping.owner).or_default() += 1;
        self.mappings.insert(rank, mapping);
        self.changed();
    }

    fn remove(&mut self, rank: Rank) {
        let Some(mapping) = self.mappings.remove(&rank) else {
            return;
        };
        let (program, version, netid) = (mapping.program, mapping.version, mapping.netid);
        if matches!(netid, Netid::Other(_)) {
            ranks::remove(&mut self.others, &(program, version), rank);
        }
        let line = (program, netid.clone(), mapping.port.is_some());
        ranks::remove(&mut self.lines, &line, rank);
        self.keys.remove(&(program, version, netid));
        if let Some(owned) = self.owned.get_mut(&mapping.owner) {
            *owned = owned.saturating_sub(1);
            if *owned == 0 {
                self.owned.remove(&mapping.owner);
            }
        }
        self.changed();
    }

    /// The mappings of a program and version, in order.
    fn ranks_of_pair(&self, program: u32, version: u32) -> Vec<Rank> {
        let known = Netid::KNOWN
            .into_iter()
            .filter_map(|netid| self.keys.get(&(program, version, netid)))
            .map(|place| place.rank);
        let others = self.others.get(&(program, version));
        let others = others.map_or(&[][..], Ranks::as_slice);
        let mut ranks: Vec<Rank> = known.chain(others.iter().copied()).collect();
        ranks.sort_unstable();
        ranks
    }

    /// All versions of a program on a netid: those version 2 sees, and the others.
    fn lines(&self, program: u32, netid: &Netid) -> impl Iterator<Item = &Ranks> {
        [true, false]
            .into_iter()
            .filter_map(move |seen| self.lines.get(&(program, netid.clone(), seen)))
    }

    fn changed(&mut self) {
        self.dump_v2 = None;
        self.dump_v3 = None;
    }

    /// RPCBPROC_UNSET (RFC 1833 §2.2.1): removes the mapping of program, version and netid, or of all netids for `None`.
    ///
    /// True if nothing of the kind is left, also if there was nothing. What belongs to others stays, and makes it false.
    pub fn unset(
        &mut self,
        program: u32,
        version: u32,
        netid: Option<&Netid>,
        caller: Owner,
    ) -> bool {
        let ranks: Vec<Rank> = match netid {
            Some(netid) => {
                let place = self.keys.get(&(program, version, netid.clone()));
                place.map(|place| place.rank).into_iter().collect()
            }
            None => self.ranks_of_pair(program, version),
        };
        let mut all = true;
        for rank in ranks {
            // RFC 1833 §2.2.1: "Only the owner of the service or the super-user is allowed to unset a service."
            let owner = self.mappings.get(&rank).map(|mapping| mapping.owner);
            if owner.is_some_and(|owner| caller.may_remove(owner)) {
                self.remove(rank);
            } else {
                all = false;
            }
        }
        all
    }

    /// PMAPPROC_UNSET (RFC 1833 §3.2): removes the mappings of both protocols. True unless all that was there belongs to others.
    pub fn unset_ports(&mut self, program: u32, version: u32, caller: Owner) -> bool {
        let tcp = self.unset(program, version, Some(&Netid::Tcp), caller);
        let udp = self.unset(program, version, Some(&Netid::Udp), caller);
        tcp || udp
    }

    /// The mapping of program, version and netid, or of another version of the program on that netid, the last registered.
    #[must_use]
    pub fn lookup(&self, program: u32, version: u32, netid: &Netid) -> Option<Found<'_>> {
        let (rank, exact) = match self.keys.get(&(program, version, netid.clone())) {
            Some(place) => (place.rank, true),
            None => (self.lines(program, netid).map(Ranks::last).max()?, false),
        };
        let mapping = self.mappings.get(&rank)?;
        Some(Found { mapping, exact })
    }

    /// PMAPPROC_GETPORT (RFC 1833 §3.2): the port of a program, of another version if this one is not there; 0 for none.
    #[must_use]
    pub fn port(&self, program: u32, version: u32, protocol: u32) -> u16 {
        let port = || {
            let netid = Netid::of_protocol(protocol)?;
            let key = (program, version, netid);
            if let Some(port) = self.keys.get(&key).and_then(|place| place.port) {
                return Some(port);
            }
            let (program, _, netid) = key;
            let last = self.lines.get(&(program, netid, true))?.last();
            self.mappings.get(&last)?.port
        };
        port().unwrap_or_default()
    }

    /// Lowest and highest version of a program on a netid.
    #[must_use]
    pub fn versions(&self, program: u32, netid: &Netid) -> Option<(u32, u32)> {
        let version = |rank: &Rank| self.mappings.get(rank).map(|mapping| mapping.version);
        let versions = || {
            self.lines(program, netid)
                .flat_map(Ranks::as_slice)
                .filter_map(version)
        };
        Some((versions().min()?, versions().max()?))
    }

    /// All mappings of a program and version, in order.
    pub fn of_pair(&self, program: u32, version: u32) -> impl Iterator<Item = &Mapping> {
        self.ranks_of_pair(program, version)
            .into_iter()
            .filter_map(|rank| self.mappings.get(&rank))
    }

    /// All mappings, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.values()
    }

    /// The results of PMAPPROC_DUMP, encoded; kept until the table changes.
    ///
    /// # Errors
    /// None while addresses are shorter than 4 GiB.
    pub fn dump_v2(&mut self) -> Result<Bytes, EncodeError> {
        if let Some(dump) = &self.dump_v2 {
            return Ok(dump.clone());
        }
        let mut e =
            Encoder::with_capacity(self.mappings.len().saturating_mul(20).saturating_add(4));
        for mapping in self.mappings.values() {
            if let Some((protocol, port)) = mapping.port() {
                e.bool(true);
                e.u32(mapping.program);
                e.u32(mapping.version);
                e.u32(protocol);
                e.u32(port.into());
            }
        }
        e.bool(false);
        let dump = e.into_bytes();
        self.dump_v2 = Some(dump.clone());
        Ok(dump)
    }

    /// The results of RPCBPROC_DUMP, encoded; kept until the table changes.
    ///
    /// # Errors
    /// None while addresses are shorter than 4 GiB.
    pub fn dump_v3(&mut self) -> Result<Bytes, EncodeError> {
        if let Some(dump) = &self.dump_v3 {
            return Ok(dump.clone());
        }
        let mut e =
            Encoder::with_capacity(self.mappings.len().saturating_mul(64).saturating_add(4));
        for mapping in self.mappings.values() {
            e.bool(true);
            e.u32(mapping.program);
            e.u32(mapping.version);
            e.string(mapping.netid_text(), u32::MAX)?;
            e.string(&mapping.address, u32::MAX)?;
            match mapping.owner {
                Owner::Superuser => e.string("superuser", u32::MAX)?,
                Owner::Unknown => e.string("unknown", u32::MAX)?,
                Owner::Uid(_) => e.string(&mapping.owner.to_string(), u32::MAX)?,
            }
        }
        e.bool(false);
        let dump = e.into_bytes();
        self.dump_v3 = Some(dump.clone());
        Ok(dump)
    }
}

#[cfg(test)]
mod tests;
