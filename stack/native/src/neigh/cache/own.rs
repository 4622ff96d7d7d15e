//! Interfaces and addresses of this host: the claims to them (RFC 5227).

use super::{ArpCache, Link};
use crate::iface::InterfaceId;
use crate::neigh::claim::{Claim, MAX_CONFLICTS, RATE_LIMIT_INTERVAL, Step};
use crate::neigh::{ClaimMode, ClaimState, ConflictPolicy, Output};
use fairway_wire::arp::{self, Operation};
use fairway_wire::{Instant, MacAddr};
use std::net::Ipv4Addr;

impl ArpCache {
    /// An Ethernet: ARP is spoken there as `mac`.
    pub fn add_interface(&mut self, interface: InterfaceId, mac: MacAddr) {
        self.links.entry(interface).or_insert(Link {
            mac,
            claims: Vec::new(),
            conflicts: 0,
            probed_at: None,
        });
    }

    /// No such interface any more.
    pub fn remove_interface(&mut self, interface: InterfaceId) {
        self.flush(Some(interface), true);
        self.links.remove(&interface);
        self.plan_claims();
    }

    /// An address of this host on that interface, in a network of `prefix` leading bits. With [`ClaimMode::Probe`] it
    /// may be used once [`Output::Ready`] says so.
    pub fn add_address(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: Ipv4Addr,
        prefix: u8,
        mode: ClaimMode,
        policy: ConflictPolicy,
    ) {
        self.remove_address(interface, address);
        // What we thought a neighbour had is ours.
        self.forget((interface, address));
        let Some(link) = self.links.get_mut(&interface) else {
            return;
        };
        let not_before = match mode {
            ClaimMode::Probe => link.probes_from(now),
            ClaimMode::Silent | ClaimMode::Announce => now,
        };
        let rng = &mut self.rng;
        link.claims.push(Claim::new(
            now, rng, address, prefix, mode, policy, not_before,
        ));
        self.run_claims(now);
    }

    /// The link of an interface has come up, perhaps to another network than before: its addresses are claimed anew.
    pub fn handle_up(&mut self, now: Instant, interface: InterfaceId) {
        let Some(link) = self.links.get_mut(&interface) else {
            return;
        };
        let mut not_before = now;
        if link.claims.iter().any(Claim::asks_first) {
            not_before = match link.probed_at {
                // What was to begin then begins anew: a link that goes up and down puts it off no further.
                Some(at) if at > now => at,
                _ => link.probes_from(now),
            };
        }
        for claim in &mut link.claims {
            claim.handle_up(now, &mut self.rng, not_before);
        }
        self.run_claims(now);
    }

    /// No address of this host any more.
    pub fn remove_address(&mut self, interface: InterfaceId, address: Ipv4Addr) {
        if let Some(link) = self.links.get_mut(&interface) {
            link.claims.retain(|claim| claim.address != address);
            self.plan_claims();
        }
    }

    /// How far the claim to an address is; `None` if there is none.
    #[must_use]
    pub fn claim_state(&self, interface: InterfaceId, address: Ipv4Addr) -> Option<ClaimState> {
        let claims = &self.links.get(&interface)?.claims;
        let claim = claims.iter().find(|claim| claim.address == address)?;
        Some(claim.state())
    }

    /// Finds out when the first of the claims has something to do; to be called when one has changed.
    pub(super) fn plan_claims(&mut self) {
        let claims = self.links.values().flat_map(|link| &link.claims);
        self.claims_due = claims.filter_map(Claim::poll_timeout).min();
    }

    /// Does what is due for addresses of our own.
    pub(super) fn run_claims(&mut self, now: Instant) {
        let mut steps = Vec::new();
        for (&interface, link) in &mut self.links {
            for claim in &mut link.claims {
                while let Some(step) = claim.handle_timeout(now, &mut self.rng) {
                    steps.push((interface, link.mac, claim.address, step));
                }
            }
        }
        for (interface, mac, address, step) in steps {
            let mut packet = announcement(mac, address);
            match step {
                // RFC 5227 §2.1.1: "The 'sender IP address' field MUST be set to all zeroes".
                Step::Probe => packet.sender_ip = Ipv4Addr::UNSPECIFIED,
                Step::Ready => self.output.push_back(Output::Ready { interface, address }),
                Step::Announce => {}
            }
            self.counters.requests_sent += 1;
            self.transmit(interface, MacAddr::BROADCAST, packet);
        }
        self.plan_claims();
    }
}

impl Link {
    /// When probing may begin.
    fn probes_from(&mut self, now: Instant) -> Instant {
        let mut from = now;
        // RFC 5227 §2.1.1: "if the host experiences MAX_CONFLICTS or more address conflicts on a given interface,
        // then the host MUST limit the rate at which it probes for new addresses".
        if let Some(at) = self.probed_at
            && self.conflicts >= MAX_CONFLICTS
        {
            from = now.max(at + RATE_LIMIT_INTERVAL);
        }
        self.probed_at = Some(from);
        from
    }
}

/// RFC 5227 §2.3: "both set to the host's newly selected IPv4 address".
pub(super) fn announcement(mac: MacAddr, address: Ipv4Addr) -> arp::Packet {
    arp::Packet {
        operation: Operation::REQUEST,
        sender_mac: mac,
        sender_ip: address,
        target_mac: MacAddr::default(),
        target_ip: address,
    }
}
