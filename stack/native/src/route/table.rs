//! The table of routes.
//!
//! Routes to one prefix live in one entry, the cheapest first; a [`Trie`] finds the entry. Redirects (RFC 1122
//! §3.2.2.2) are routes to single hosts that expire, and of which there is a limited number.

use super::{Origin, Prefix, Route, RouteError, RouteKind, RouteQuery, Trie};
use crate::iface::InterfaceId;
use crate::limits::RouteLimits;
use crate::stack::{Inconsistency, ensure};
use fairway_wire::Instant;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

mod redirect;

pub use redirect::{Redirect, RedirectError};

/// The routes to one prefix.
#[derive(Clone, Debug)]
struct Entry {
    best: Route,
    /// The others, by rank.
    others: Vec<Route>,
}

impl Entry {
    fn routes(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.best).chain(&self.others)
    }

    /// The first route that is not by one of those gateways; the best if all are.
    fn best_but(&self, dead: &BTreeMap<Ipv4Addr, Instant>) -> &Route {
        let alive = |route: &&Route| route.gateway.is_none_or(|it| !dead.contains_key(&it));
        self.routes().find(alive).unwrap_or(&self.best)
    }
}

/// Where a packet for an address goes.
///
/// Told of the time for redirects and dead gateways only: [`RouteTable::handle_timeout`] when
/// [`RouteTable::poll_timeout`] is due.
#[derive(Clone, Debug)]
pub struct RouteTable {
    trie: Trie,
    /// The entries that the trie's values name, and the free ones.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// Routes in all entries.
    len: usize,
    /// When each redirect ends.
    redirects: BTreeMap<Ipv4Addr, Instant>,
    /// The same by time: the first is the next to end, and the first to go when there are too many.
    expiry: BTreeMap<(Instant, Ipv4Addr), ()>,
    /// How many routes each gateway has.
    gateways: BTreeMap<Ipv4Addr, usize>,
    /// Gateways that do not answer, and until when the others are preferred.
    dead: BTreeMap<Ipv4Addr, Instant>,
    generation: u64,
    several_defaults: bool,
    limits: RouteLimits,
}

impl RouteTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: RouteLimits) -> Self {
        Self {
            trie: Trie::new(),
            entries: Vec::new(),
            free: Vec::new(),
            len: 0,
            redirects: BTreeMap::new(),
            expiry: BTreeMap::new(),
            gateways: BTreeMap::new(),
            dead: BTreeMap::new(),
            generation: 1,
            several_defaults: true,
            limits,
        }
    }

    /// Whether more than one default route may be added (`IPCTL_MULTIDEFROUTES`). Those that are there stay.
    pub const fn set_several_defaults(&mut self, allowed: bool) {
        self.several_defaults = allowed;
    }

    /// Changes with every change of the table: a route found earlier still holds while this is the same.
    #[inline]
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// How many routes there are (`SIOSTATCNTRT`).
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The route for `destination`: the longest prefix, then the lowest metric among gateways that are not known to be
    /// dead. `None` is the event `rtalloc1-miss`.
    #[inline]
    #[must_use]
    pub fn lookup(&self, destination: Ipv4Addr) -> Option<&Route> {
        let entry = self.entry(self.trie.longest_match(destination)?)?;
        if self.dead.is_empty() {
            return Some(&entry.best);
        }
        // RFC 1122 §3.3.1.4: when one gateway fails, another is to be used.
        Some(entry.best_but(&self.dead))
    }

    /// As [`RouteTable::lookup`], among the routes that `usable` accepts: by interfaces that are up, or by one.
    #[must_use]
    pub fn lookup_where(
        &self,
        destination: Ipv4Addr,
        mut usable: impl FnMut(&Route) -> bool,
    ) -> Option<&Route> {
        self.trie
            .matches(destination)
            .into_iter()
            .filter_map(|number| self.entry(number))
            .flat_map(Entry::routes)
            .find(|route| usable(route))
    }

    /// The first route that `query` means.
    #[must_use]
    pub fn find(&self, query: &RouteQuery) -> Option<&Route> {
        self.entry(self.trie.find(query.destination)?)?
            .routes()
            .find(|route| query.is_met_by(route))
    }

    /// Adds a route.
    ///
    /// # Errors
    /// [`RouteError::Exists`] if one to the same prefix has the same metric (or there is a default route and only one
    /// is allowed), [`RouteError::GatewayUnreachable`] if its router is no neighbour on its interface,
    /// [`RouteError::Full`].
    pub fn add(&mut self, route: Route) -> Result<(), RouteError> {
        self.check_gateway(&route)?;
        if let Some(entry) = self
            .trie
            .find(route.destination)
            .and_then(|n| self.entry(n))
        {
            let only_one = route.destination == Prefix::DEFAULT && !self.several_defaults;
            if only_one || entry.routes().any(|other| other.same_place(&route)) {
                return Err(RouteError::Exists);
            }
        }
        self.put(route)
    }

    /// Adds a route in the place of the one to the same prefix with the same metric, if there is one.
    ///
    /// # Errors
    /// [`RouteError::GatewayUnreachable`], [`RouteError::Full`].
    pub fn replace(&mut self, route: Route) -> Result<(), RouteError> {
        self.check_gateway(&route)?;
        let new_gateway = route.gateway;
        let number = self.trie.find(route.destination);
        if let Some(entry) = number.and_then(|number| self.entry_mut(number)) {
            let mut routes = std::iter::once(&mut entry.best).chain(&mut entry.others);
            if let Some(old) = routes.find(|other| other.same_place(&route)) {
                let gateway = std::mem::replace(old, route).gateway;
                if let Some(new) = new_gateway {
                    *self.gateways.entry(new).or_default() += 1;
                }
                self.forget_gateway(gateway);
                self.generation += 1;
                return Ok(());
            }
        }
        self.put(route)
    }

    /// Changes an existing route, which `query` names, to `route`, of the same prefix.
    ///
    /// # Errors
    /// [`RouteError::NoSuch`] if there is none, and as [`RouteTable::add`]; the table is unchanged then.
    pub fn change(&mut self, query: &RouteQuery, route: Route) -> Result<(), RouteError> {
        let old = self.find(query).cloned().ok_or(RouteError::NoSuch)?;
        self.delete(query)?;
        let result = self.add(route);
        if result.is_err() {
            self.put(old)?;
        }
        result
    }

    /// Takes the first route that `query` means out of the table.
    ///
    /// # Errors
    /// [`RouteError::NoSuch`].
    pub fn delete(&mut self, query: &RouteQuery) -> Result<Route, RouteError> {
        let number = self.trie.find(query.destination);
        let number = number.ok_or(RouteError::NoSuch)?;
        self.take(number, |route| query.is_met_by(route))
            .ok_or(RouteError::NoSuch)
    }

    /// Every route, by prefix, then by preference (`NET_RT_DUMP`).
    #[must_use]
    pub fn dump(&self) -> Vec<&Route> {
        let mut routes: Vec<_> = self
            .entries
            .iter()
            .flatten()
            .flat_map(Entry::routes)
            .collect();
        routes.sort_by_key(|route| (route.destination, route.rank()));
        routes
    }

    /// Takes every route out that `which` means, in the order of [`RouteTable::dump`]; how many those were
    /// (`SIOFLUSHRT`, `SIOFLUSHRTIFP`).
    pub fn flush(&mut self, mut which: impl FnMut(&Route) -> bool) -> usize {
        let doomed: Vec<Route> = self
            .dump()
            .into_iter()
            .filter(|r| which(r))
            .cloned()
            .collect();
        for route in &doomed {
            if let Some(number) = self.trie.find(route.destination) {
                self.take(number, |other| other == route);
            }
        }
        doomed.len()
    }

    /// Takes every route by that interface out; how many those were.
    pub fn flush_interface(&mut self, interface: InterfaceId) -> usize {
        self.flush(|route| route.interface == interface)
    }

    /// How many routes were learned from redirects.
    #[must_use]
    pub fn redirects(&self) -> usize {
        self.redirects.len()
    }

    /// Whether the routes are as many as are accounted for, within the limits, and each redirect has its end.
    pub(crate) fn check(&self) -> Result<(), Inconsistency> {
        let routes = self.dump();
        ensure!(
            routes.len() == self.len && self.len <= self.limits.routes,
            "{} routes, {} are accounted for, at most {}",
            routes.len(),
            self.len,
            self.limits.routes
        );
        let learned = |route: &&&Route| route.origin == Origin::Redirect;
        let learned = routes.iter().filter(learned).count();
        ensure!(
            learned == self.redirects.len() && learned <= self.limits.redirects.max(1),
            "{learned} redirects, {} are accounted for, at most {}",
            self.redirects.len(),
            self.limits.redirects
        );
        ensure!(
            self.expiry.len() == self.redirects.len()
                && self
                    .redirects
                    .iter()
                    .all(|(&to, &at)| self.expiry.contains_key(&(at, to))),
            "redirects end without being there, or never"
        );
        let by_gateway = routes
            .iter()
            .filter(|route| route.gateway.is_some())
            .count();
        let known = |gateway: &Ipv4Addr| self.gateways.contains_key(gateway);
        ensure!(
            self.gateways.values().sum::<usize>() == by_gateway && self.dead.keys().all(known),
            "{by_gateway} routes by gateways, {:?} are accounted for, {:?} are dead",
            self.gateways,
            self.dead
        );
        let used = self.entries.iter().flatten().count();
        ensure!(
            used == self.trie.len() && used + self.free.len() == self.entries.len(),
            "{used} prefixes with routes, {} in the trie, {} places of {} free",
            self.trie.len(),
            self.free.len(),
            self.entries.len()
        );
        Ok(())
    }

    /// Whether `address` can be sent to by `interface` without a router.
    #[must_use]
    pub fn is_neighbour(&self, address: Ipv4Addr, interface: InterfaceId) -> bool {
        self.lookup_where(address, |route| route.interface == interface)
            .is_some_and(|route| route.gateway.is_none() && route.kind == RouteKind::Unicast)
    }

    fn check_gateway(&self, route: &Route) -> Result<(), RouteError> {
        match route.gateway {
            // Packets that go nowhere need no router.
            Some(gateway)
                if route.kind == RouteKind::Unicast
                    && !self.is_neighbour(gateway, route.interface) =>
            {
                Err(RouteError::GatewayUnreachable)
            }
            _ => Ok(()),
        }
    }

    /// One route by that gateway is gone.
    fn forget_gateway(&mut self, gateway: Option<Ipv4Addr>) {
        let Some(gateway) = gateway else {
            return;
        };
        if let Some(count) = self.gateways.get_mut(&gateway) {
            *count -= 1;
            if *count == 0 {
                self.gateways.remove(&gateway);
                self.dead.remove(&gateway);
            }
        }
    }

    /// Adds a route that was checked.
    fn put(&mut self, route: Route) -> Result<(), RouteError> {
        if self.len >= self.limits.routes {
            return Err(RouteError::Full);
        }
        let gateway = route.gateway;
        let existing = self.trie.find(route.destination);
        if let Some(entry) = existing.and_then(|number| self.entry_mut(number)) {
            let after = entry
                .others
                .partition_point(|other| other.rank() <= route.rank());
            if route.rank() < entry.best.rank() {
                let second = std::mem::replace(&mut entry.best, route);
                entry.others.insert(0, second);
            } else {
                entry.others.insert(after, route);
            }
        } else {
            let number = match self.free.pop() {
                Some(number) => number,
                None => {
                    let number = u32::try_from(self.entries.len());
                    self.entries.push(None);
                    number.map_err(|_| RouteError::Full)?
                }
            };
            self.trie.insert(route.destination, number);
            if let Some(place) = self.entries.get_mut(index(number)) {
                *place = Some(Entry {
                    best: route,
                    others: Vec::new(),
                });
            }
        }
        if let Some(gateway) = gateway {
            *self.gateways.entry(gateway).or_default() += 1;
        }
        self.len += 1;
        self.generation += 1;
        Ok(())
    }

    /// Takes the first route that `which` means out of that entry.
    fn take(&mut self, number: u32, which: impl Fn(&Route) -> bool) -> Option<Route> {
        let entry = self.entry_mut(number)?;
        let at = entry.routes().position(which)?;
        let route = match (at.checked_sub(1), entry.others.is_empty()) {
            (Some(other), _) => entry.others.remove(other),
            (None, false) => {
                let second = entry.others.remove(0);
                std::mem::replace(&mut entry.best, second)
            }
            (None, true) => {
                let entry = self.entries.get_mut(index(number))?.take()?;
                self.trie.remove(entry.best.destination);
                self.free.push(number);
                entry.best
            }
        };
        if route.is_redirect()
            && let Some(at) = self.redirects.remove(&route.destination.address())
        {
            self.expiry.remove(&(at, route.destination.address()));
        }
        self.forget_gateway(route.gateway);
        self.len -= 1;
        self.generation += 1;
        Some(route)
    }

    #[inline]
    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(index(number))?.as_ref()
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        self.entries.get_mut(index(number))?.as_mut()
    }
}

/// The number of an entry as an index.
#[inline]
fn index(number: u32) -> usize {
    // Never fails where pointers have 32 bits or more.
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
