//! The portmapper without its sockets: every procedure of every version as a method that is told where the call comes from and gives
//! what to answer. `v2`, `v3` and `v4` turn calls into these; nothing here waits.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use fairway_xdr::EncodeError;

use crate::access::{AMPLIFICATION, Access, Denied, Origin, Request};
use crate::address::{self, Netid, Semantics, TransportAddress};
use crate::call_it::{self, Forward, Kind, NotForwarded};
use crate::hosts::Network;
use crate::registry::{Bound, Limits, Mapping, Owner, PORTMAP_PROGRAM, Registry, SetOutcome};
use crate::stats::{Statistics, Version};

/// An address of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// The address.
    pub address: IpAddr,
    /// The network it is on.
    pub network: Network,
    /// Whether it is of a loopback or point-to-point interface: taken if there is no other.
    pub last_choice: bool,
}

/// Gives the addresses of this host; asked only if the address that was called does not say enough.
pub type Host<'a> = &'a dyn Fn() -> Vec<HostAddress>;

/// An `rpcb_entry` (RFC 1833 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Address as the caller can use it.
    pub address: String,
    /// Kind of transport.
    pub netid: Netid,
    /// What the kind means.
    pub semantics: Semantics,
}

/// Counters beside those of GETSTAT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// SET and UNSET from elsewhere.
    pub not_local: u64,
    /// Calls that the hosts files refuse.
    pub hosts: u64,
    /// Calls over UDP that could have been used against somebody else.
    pub amplification: u64,
    /// Indirect calls of procedures that are never called for others.
    pub never_forwarded: u64,
    /// Indirect calls not made because [`FORWARDS_PER_ADDRESS`](call_it::FORWARDS_PER_ADDRESS) of the caller's were in flight.
    pub forwards_of_address: u64,
    /// Indirect calls not made because [`FORWARDS`](call_it::FORWARDS) were in flight.
    pub forwards_in_all: u64,
}

/// Table, counters and rules of a portmapper.
#[derive(Debug, Default)]
pub struct Core {
    /// What is registered.
    pub registry: Registry,
    /// What GETSTAT tells.
    pub statistics: Statistics,
    /// Who may ask what.
    pub access: Access,
    /// Whether indirect calls are made (rpcbind's `-r`).
    pub indirect: bool,
    /// Whether every call is logged (rpcbind's `-l`).
    pub log_calls: bool,
    counters: Counters,
    changes: u64,
}

impl Core {
    /// A portmapper that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits, access: Access) -> Self {
        Self {
            registry: Registry::new(limits),
            access,
            ..Self::default()
        }
    }

    /// Refusals so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Counts an indirect call that found no room, of its caller's or at all.
    pub(crate) fn no_room(&mut self, origin: &Origin, of_address: bool) {
        let counter = if of_address {
            &mut self.counters.forwards_of_address
        } else {
            &mut self.counters.forwards_in_all
        };
        *counter = counter.saturating_add(1);
        if self.log_calls || counter.is_power_of_two() {
            tracing::warn!(peer = %origin, of_address, so_far = *counter, "indirect call not made: too many in flight");
        }
    }

    /// Grows with every change of the table: tells whether a saved state is still true.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Registers the portmapper itself on one of its transports, as rpcbind does: versions 3 and 4 on all, version 2 on those of IPv4.
    pub fn register_self(&mut self, netid: &Netid, address: &str) {
        let versions: &[u32] = match netid {
            Netid::Udp | Netid::Tcp => &[2, 3, 4],
            Netid::Udp6 | Netid::Tcp6 | Netid::Local | Netid::Other(_) => &[3, 4],
        };
        for &version in versions {
            let mapping = Mapping::new(
                PORTMAP_PROGRAM,
                version,
                netid.as_str(),
                address.to_owned(),
                Owner::Superuser,
            );
            let _ = self.registry.add_own(mapping);
        }
    }

    fn admit(
        &mut self,
        at: Version,
        procedure: (u32, &'static str),
        program: u32,
        origin: &Origin,
        request: Request,
    ) -> Result<(), Denied> {
        self.statistics.call(at, procedure.0);
        let verdict = self.access.check(origin, request);
        match verdict {
            Ok(()) if self.log_calls => {
                tracing::info!(peer = %origin, procedure = procedure.1, program, "call");
            }
            Ok(()) => {}
            Err(why) => {
                let counter = match why {
                    Denied::NotLocal => &mut self.counters.not_local,
                    Denied::Hosts => &mut self.counters.hosts,
                    Denied::Amplification => &mut self.counters.amplification,
                };
                *counter = counter.saturating_add(1);
                // One line for the first refusal and for every power of two: a flood must not become a flood of lines.
                if self.log_calls || counter.is_power_of_two() {
                    tracing::warn!(
                        peer = %origin, procedure = procedure.1, program, why = why.as_str(), so_far = *counter, "refused"
                    );
                }
            }
        }
        verdict
    }

    /// Procedure 0 of all versions.
    pub fn null(&mut self, at: Version, origin: &Origin) {
        // What is refused elsewhere is answered here: a null call tells no more than that the port is open.
        let _ = self.admit(at, (0, "null"), 0, origin, Request::Null);
    }

    /// PMAPPROC_SET (RFC 1833 §3.2).
    ///
    /// # Errors
    /// [`Denied`] to others than this machine.
    pub fn set_port(
        &mut self,
        origin: &Origin,
        program: u32,
        version: u32,
        protocol: u32,
        port: u32,
    ) -> Result<bool, Denied> {
        self.admit(Version::V2, (1, "set"), program, origin, Request::Change)?;
        // As rpcbind does, the port is what fits: its last 16 bits.
        let [_, _, high, low] = port.to_be_bytes();
        let port = u16::from_be_bytes([high, low]);
        let mapping = Mapping::of_port(program, version, protocol, port, origin.owner());
        let done = mapping.is_some_and(|mapping| self.insert(mapping));
        if done {
            self.statistics.set(Version::V2);
        }
        Ok(done)
    }

    /// PMAPPROC_UNSET (RFC 1833 §3.2).
    ///
    /// # Errors
    /// [`Denied`] to others than this machine.
    pub fn unset_ports(
        &mut self,
        origin: &Origin,
        program: u32,
        version: u32,
    ) -> Result<bool, Denied> {
        self.admit(Version::V2, (2, "unset"), program, origin, Request::Change)?;
        let before = self.registry.len();
        let done = self.registry.unset_ports(program, version, origin.owner());
        self.note_change(before);
        if done {
            self.statistics.unset(Version::V2);
        }
        Ok(done)
    }

    /// PMAPPROC_GETPORT (RFC 1833 §3.2); 0 if nothing is registered.
    ///
    /// # Errors
    /// [`Denied`] if the hosts files say so.
    pub fn port(
        &mut self,
        origin: &Origin,
        program: u32,
        version: u32,
        protocol: u32,
    ) -> Result<u32, Denied> {
        self.admit(
            Version::V2,
            (3, "getport/addr"),
            program,
            origin,
            Request::Lookup,
        )?;
        let port = self.registry.port(program, version, protocol);
        if let Some(netid) = Netid::of_protocol(protocol) {
            self.statistics
                .lookup(Version::V2, program, version, &netid, port != 0);
        }
        Ok(port.into())
    }

    /// PMAPPROC_DUMP and RPCBPROC_DUMP: the encoded list.
    ///
    /// # Errors
    /// [`Denied`] to strangers over UDP, and if the hosts files say so.
    pub fn dump(
        &mut self,
        at: Version,
        origin: &Origin,
    ) -> Result<Result<Bytes, EncodeError>, Denied> {
        self.admit(at, (4, "dump"), 0, origin, Request::List)?;
        Ok(match at {
            Version::V2 => self.registry.dump_v2(),
            Version::V3 | Version::V4 => self.registry.dump_v3(),
        })
    }

    /// RPCBPROC_SET (RFC 1833 §2.2.1). The owner that the caller names does not count.
    ///
    /// # Errors
    /// [`Denied`] to others than this machine.
    pub fn set(
        &mut self,
        at: Version,
        origin: &Origin,
        program: u32,
        version: u32,
        netid: &str,
        address: String,
    ) -> Result<bool, Denied> {
        self.admit(at, (1, "set"), program, origin, Request::Change)?;
        // RFC 1833 §2.2.1: "neither "r_netid" nor "r_addr" can be NULL". rpcbind takes such mappings, which nothing can find or use.
        let done = !netid.is_empty()
            && !address.is_empty()
            && self.insert(Mapping::new(
                program,
                version,
                netid,
                address,
                origin.owner(),
            ));
        if done {
            self.statistics.set(at);
        }
        Ok(done)
    }

    fn insert(&mut self, mapping: Mapping) -> bool {
        let (program, version, owner) = (mapping.program, mapping.version, mapping.owner);
        let outcome = self.registry.set(mapping);
        match outcome {
            SetOutcome::Added => {
                self.changes = self.changes.wrapping_add(1);
                tracing::debug!(program, version, %owner, "registered");
            }
            SetOutcome::Refused(bound) => {
                let so_far = self.registry.refusals().of(bound);
                if self.log_calls || so_far.is_power_of_two() {
                    let bound = key_of(bound);
                    tracing::warn!(program, version, %owner, bound, so_far, "registration refused: table limit");
                }
            }
            SetOutcome::AlreadyThere => {
                tracing::debug!(program, version, %owner, "registered already");
            }
            SetOutcome::Taken => {
                tracing::debug!(program, version, %owner, "not registered: has another address");
            }
        }
        outcome.answer()
    }

    fn note_change(&mut self, before: usize) {
        if self.registry.len() != before {
            self.changes = self.changes.wrapping_add(1);
        }
    }

    /// RPCBPROC_UNSET (RFC 1833 §2.2.1): all netids if `netid` is empty.
    ///
    /// # Errors
    /// [`Denied`] to others than this machine.
    pub fn unset(
        &mut self,
        at: Version,
        origin: &Origin,
        program: u32,
        version: u32,
        netid: &str,
    ) -> Result<bool, Denied> {
        self.admit(at, (2, "unset"), program, origin, Request::Change)?;
        let before = self.registry.len();
        let netid = (!netid.is_empty()).then(|| Netid::new(netid));
        let done = self
            .registry
            .unset(program, version, netid.as_ref(), origin.owner());
        self.note_change(before);
        if done {
            self.statistics.unset(at);
        }
        Ok(done)
    }

    /// RPCBPROC_GETADDR, and RPCBPROC_GETVERSADDR if the version must be `exact` (RFC 1833 §2.2): the address of the program on the
    /// transport the call came by, merged with the address the caller used. Empty if there is none.
    ///
    /// `hint` is what the caller says it reached this host by; `question` the octets of its call, which bound the answer to a stranger
    /// over UDP.
    ///
    /// # Errors
    /// [`Denied`] if the hosts files say so, or the answer would be too long.
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of the call and where it came from"
    )]
    pub fn address(
        &mut self,
        at: Version,
        origin: &Origin,
        program: u32,
        version: u32,
        hint: &str,
        exact: bool,
        question: usize,
        host: Host<'_>,
    ) -> Result<String, Denied> {
        let procedure = if exact {
            (9, "getversaddr")
        } else {
            (3, "getport/addr")
        };
        self.admit(at, procedure, program, origin, Request::Lookup)?;
        let netid = origin.netid();
        let found = self.registry.lookup(program, version, &netid);
        let found = found.filter(|found| found.exact || !exact);
        let address = found.map(|found| merged(found.mapping, origin, hint, host));
        let address = address.unwrap_or_default();
        self.statistics
            .lookup(at, program, version, &netid, !address.is_empty());
        self.bounded(origin, address, question)
    }

    /// Lets an answer with one text through unless it is too long for a stranger.
    fn bounded(
        &mut self,
        origin: &Origin,
        text: String,
        question: usize,
    ) -> Result<String, Denied> {
        // Header of an accepted reply without verifier, length, text.
        let answer = 24 + 4 + text.len().next_multiple_of(4);
        if self.access.is_stranger(origin) && answer > question.saturating_mul(AMPLIFICATION) {
            self.counters.amplification = self.counters.amplification.saturating_add(1);
            return Err(Denied::Amplification);
        }
        Ok(text)
    }

    /// RPCBPROC_GETADDRLIST (RFC 1833 §2.2.2): the addresses of exactly this version on all transports of the family the call came by.
    ///
    /// # Errors
    /// [`Denied`] to strangers over UDP, and if the hosts files say so.
    pub fn address_list(
        &mut self,
        origin: &Origin,
        program: u32,
        version: u32,
        hint: &str,
        host: Host<'_>,
    ) -> Result<Vec<Entry>, Denied> {
        self.admit(
            Version::V4,
            (11, "getaddrlist"),
            program,
            origin,
            Request::List,
        )?;
        let netid = origin.netid();
        let family = netid.semantics().map(|semantics| semantics.family);
        let mut entries = Vec::new();
        // Over the local socket there is nothing to merge with, and rpcbind's list is empty.
        if netid != Netid::Local {
            for mapping in self.registry.of_pair(program, version) {
                let Some(semantics) = mapping.netid.semantics() else {
                    continue;
                };
                if Some(semantics.family) != family {
                    continue;
                }
                if let Some(address) = merge(mapping, origin, hint, host) {
                    entries.push(Entry {
                        address,
                        netid: mapping.netid.clone(),
                        semantics,
                    });
                }
            }
        }
        let found = !entries.is_empty();
        self.statistics
            .lookup(Version::V4, program, version, &netid, found);
        Ok(entries)
    }

    /// RPCBPROC_GETTIME: seconds since 1 January 1970, the last 32 bits of them.
    ///
    /// # Errors
    /// [`Denied`] if the hosts files say so.
    pub fn time(&mut self, at: Version, origin: &Origin, now: Duration) -> Result<u32, Denied> {
        self.admit(at, (6, "gettime"), 0, origin, Request::Lookup)?;
        let [_, _, _, _, a, b, c, d] = now.as_secs().to_be_bytes();
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    /// RPCBPROC_UADDR2TADDR, for the transport the call came by.
    ///
    /// # Errors
    /// [`Denied`] if the hosts files say so.
    pub fn to_transport(
        &mut self,
        at: Version,
        origin: &Origin,
        universal: &str,
    ) -> Result<TransportAddress, Denied> {
        self.admit(at, (7, "uaddr2taddr"), 0, origin, Request::Lookup)?;
        Ok(address::to_transport(&origin.netid(), universal))
    }

    /// RPCBPROC_TADDR2UADDR, for the transport the call came by.
    ///
    /// # Errors
    /// [`Denied`] if the hosts files say so.
    pub fn from_transport(
        &mut self,
        at: Version,
        origin: &Origin,
        octets: &[u8],
    ) -> Result<String, Denied> {
        self.admit(at, (8, "taddr2uaddr"), 0, origin, Request::Lookup)?;
        Ok(address::from_transport(&origin.netid(), octets).unwrap_or_default())
    }

    /// RPCBPROC_GETSTAT: the encoded counters of all versions.
    ///
    /// # Errors
    /// [`Denied`] to strangers over UDP, and if the hosts files say so.
    pub fn statistics(&mut self, origin: &Origin) -> Result<Result<Bytes, EncodeError>, Denied> {
        self.admit(Version::V4, (12, "getstat"), 0, origin, Request::List)?;
        Ok(self.statistics.encode())
    }

    /// PMAPPROC_CALLIT, RPCBPROC_CALLIT, RPCBPROC_BCAST and RPCBPROC_INDIRECT: where to forward a call to.
    ///
    /// # Errors
    /// What the caller is told, if it is told anything: [`NotForwarded::refusal`].
    pub fn forward(
        &mut self,
        at: Version,
        kind: Kind,
        origin: &Origin,
        call: (u32, u32, u32),
        host: Host<'_>,
    ) -> Result<Forward, NotForwarded> {
        let (program, version, procedure) = call;
        self.admit(at, kind.procedure(), program, origin, Request::Indirect)
            .map_err(|_| NotForwarded::Denied)?;
        if call_it::is_denied(program, procedure, self.access.insecure) {
            let so_far = &mut self.counters.never_forwarded;
            *so_far = so_far.saturating_add(1);
            if self.log_calls || so_far.is_power_of_two() {
                tracing::warn!(peer = %origin, program, procedure, so_far = *so_far, "indirect call not allowed");
            }
            return Err(NotForwarded::Denied);
        }
        let netid = origin.netid();
        let found = self.registry.lookup(program, version, &netid);
        let exact = found.is_some_and(|found| found.exact);
        let indirect = kind == Kind::Indirect;
        self.statistics.forwarded(at, call, &netid, exact, indirect);
        let Some(found) = found else {
            return Err(NotForwarded::NoProgram);
        };
        if !exact {
            let (low, high) = self
                .registry
                .versions(program, &netid)
                .unwrap_or((version, version));
            return Err(NotForwarded::NoVersion { low, high });
        }
        if !self.indirect {
            return Err(NotForwarded::Off);
        }
        let service = address::parse(found.mapping.address()).ok_or(NotForwarded::Off)?;
        // Whoever may register here must not have this host call others for strangers.
        let ip = service.ip().to_canonical();
        let own = ip.is_unspecified() || ip.is_loopback();
        if !own && !host().iter().any(|host| host.address == ip) {
            return Err(NotForwarded::Off);
        }
        Ok(Forward {
            to: SocketAddr::new(call_it::loopback_of(service.ip()), service.port()),
            netid,
            address: forwarded_address(found.mapping, origin, host),
        })
    }
}

/// The bound's key in the configuration.
const fn key_of(bound: Bound) -> &'static str {
    match bound {
        Bound::Mappings => "mappings",
        Bound::MappingsPerOwner => "mappings_per_owner",
        Bound::Text => "text",
    }
}

/// The address of a mapping for this caller: merged, or as it was registered if it cannot be.
fn merged(mapping: &Mapping, origin: &Origin, hint: &str, host: Host<'_>) -> String {
    merge(mapping, origin, hint, host).unwrap_or_else(|| mapping.address().to_owned())
}

/// As [`merged`], but the question may have gone to the broadcast address of a network, which nothing in it tells apart.
fn forwarded_address(mapping: &Mapping, origin: &Origin, host: Host<'_>) -> String {
    let known = host();
    let mut origin = *origin;
    if let Origin::Udp { local, .. } | Origin::Tcp { local, .. } = &mut origin {
        *local = local.filter(|local| {
            known
                .iter()
                .any(|host| host.address == local.to_canonical())
        });
    }
    merged(mapping, &origin, "", &|| known.clone())
}

fn merge(mapping: &Mapping, origin: &Origin, hint: &str, host: Host<'_>) -> Option<String> {
    address::merge(mapping.address(), host_used(origin, hint, host)?)
}

/// By which of its addresses the caller reaches this host: the one it called. If it names another one (`r_addr` of the question: it
/// may have gone through a translator of addresses), the host's address on that network, if there is one. Calls to a broadcast or
/// multicast address get the address on the caller's own network.
fn host_used(origin: &Origin, hint: &str, host: Host<'_>) -> Option<IpAddr> {
    let peer = origin.peer()?.ip().to_canonical();
    let called = origin.local().map(|local| local.to_canonical());
    let called = called.filter(|local| is_one_host(*local));
    let hint = if hint.is_empty() {
        None
    } else {
        // rpcbind, too, gives the address as registered if the hint is no address.
        Some(address::parse(hint)?.ip().to_canonical())
    };
    let hint = hint.filter(|hint| hint.is_ipv4() == peer.is_ipv4() && !hint.is_unspecified());
    if called.is_some() && (hint.is_none() || hint == called) {
        return called;
    }
    let all = host();
    let same_family = |h: &&HostAddress| h.address.is_ipv4() == peer.is_ipv4();
    let wanted = hint.unwrap_or(peer);
    all.iter()
        .filter(same_family)
        .find(|h| h.network.contains(wanted))
        .map(|h| h.address)
        .or(called)
        .or_else(|| {
            all.iter()
                .filter(same_family)
                .min_by_key(|h| h.last_choice)
                .map(|h| h.address)
        })
}

fn is_one_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || broadcast)
}

#[cfg(test)]
mod tests;
