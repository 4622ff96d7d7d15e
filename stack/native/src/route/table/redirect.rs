//! What the network tells of its routers: redirects (RFC 1122 §3.2.2.2), and which of them do not answer (§3.3.1.4).

use super::RouteTable;
use crate::iface::InterfaceId;
use crate::route::{Origin, Prefix, Route, RouteKind};
use fairway_wire::Instant;
use std::net::Ipv4Addr;

/// An ICMP redirect: `from` says that packets for `destination` had better go to `gateway`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The router that sent it.
    pub from: Ipv4Addr,
    /// The destination of the packet that caused it.
    pub destination: Ipv4Addr,
    /// The better router.
    pub gateway: Ipv4Addr,
    /// The interface that it came by.
    pub interface: InterfaceId,
}

/// Why a redirect was ignored: the event `rtredirect-error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// It is not from the router that is used for that destination.
    #[error("not from the current router")]
    NotFromRouter,
    /// The new router is not a neighbour on the interface that the old one is on.
    #[error("the new router is not directly reachable")]
    GatewayUnreachable,
    /// The destination is a neighbour: no router is needed.
    #[error("the destination is directly reachable")]
    Direct,
    /// The new router is this host.
    #[error("the new router is this host")]
    Ours,
    /// The table holds as many routes as it may.
    #[error("the table is full")]
    Full,
}

impl RouteTable {
    /// Does what an ICMP redirect says, if it may: packets for that one destination go to the better router from now
    /// on. `is_ours` tells the addresses of this host.
    ///
    /// # Errors
    /// Why it may not: the event `rtredirect-error`.
    pub fn handle_redirect(
        &mut self,
        now: Instant,
        redirect: &Redirect,
        is_ours: impl Fn(Ipv4Addr) -> bool,
    ) -> Result<(), RedirectError> {
        let current = self
            .lookup(redirect.destination)
            .ok_or(RedirectError::NotFromRouter)?;
        let Some(router) = current.gateway else {
            return Err(RedirectError::Direct);
        };
        // RFC 1122 §3.2.2.2: "a Redirect message SHOULD be silently discarded if the new gateway address it specifies
        // is not on the same connected (sub-) net through which the Redirect arrived, or if the source of the Redirect
        // is not the current first-hop gateway for the specified destination".
        if router != redirect.from || current.interface != redirect.interface {
            return Err(RedirectError::NotFromRouter);
        }
        if is_ours(redirect.gateway) {
            return Err(RedirectError::Ours);
        }
        if !self.is_neighbour(redirect.gateway, redirect.interface) {
            return Err(RedirectError::GatewayUnreachable);
        }
        // RFC 1122 §3.2.2.2 lets a network redirect be treated as one for the host, and that is the safe reading.
        let route = Route {
            destination: Prefix::host(redirect.destination),
            gateway: Some(redirect.gateway),
            interface: redirect.interface,
            source: current.source,
            metric: 0,
            mtu: current.mtu,
            kind: RouteKind::Unicast,
            origin: Origin::Redirect,
        };
        self.forget_redirect(redirect.destination);
        while self.redirects.len() >= self.limits.redirects.max(1) {
            let Some((&(_, oldest), ())) = self.expiry.first_key_value() else {
                break;
            };
            self.forget_redirect(oldest);
        }
        self.put(route).map_err(|_full| RedirectError::Full)?;
        let until = now + self.limits.redirect_life;
        self.redirects.insert(redirect.destination, until);
        self.expiry.insert((until, redirect.destination), ());
        Ok(())
    }

    /// A router does not answer (RFC 1122 §3.3.1.4): until then, other routes to the same prefixes are preferred, and the
    /// redirects to it are forgotten. How many those were.
    pub fn handle_dead_gateway(&mut self, gateway: Ipv4Addr, until: Instant) -> usize {
        let doomed: Vec<_> = self
            .redirects
            .keys()
            .copied()
            .filter(|&to| {
                let best = self.trie.find(Prefix::host(to)).and_then(|n| self.entry(n));
                best.is_some_and(|entry| entry.best.gateway == Some(gateway))
            })
            .collect();
        for &destination in &doomed {
            self.forget_redirect(destination);
        }
        if self.gateways.contains_key(&gateway) {
            self.dead.insert(gateway, until);
            self.generation += 1;
        }
        doomed.len()
    }

    /// A router answers again.
    pub fn handle_live_gateway(&mut self, gateway: Ipv4Addr) {
        if self.dead.remove(&gateway).is_some() {
            self.generation += 1;
        }
    }

    /// Forgets the redirects, and that gateways are dead, whose time is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((&(at, destination), ())) = self.expiry.first_key_value()
            && at <= now
        {
            self.forget_redirect(destination);
        }
        let before = self.dead.len();
        self.dead.retain(|_, until| *until > now);
        self.generation += u64::from(self.dead.len() != before);
    }

    /// When anything of that ends next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let redirect = self.expiry.first_key_value().map(|(&(at, _), ())| at);
        let dead = self.dead.values().min().copied();
        redirect.into_iter().chain(dead).min()
    }

    fn forget_redirect(&mut self, destination: Ipv4Addr) {
        if let Some(number) = self.trie.find(Prefix::host(destination)) {
            self.take(number, Route::is_redirect);
        }
    }
}
