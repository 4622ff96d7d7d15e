//! Interfaces: read from the system, told to the engine and to traffic control.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fairway_stack::{Instant, Interface as SystemInterface};
use tracing::{error, info, warn};

use super::Service;
use super::memberships::share_out;
use crate::daemon::config::{InterfaceKeys, Loaded};
use crate::daemon::io::{ENCAPSULATION_GROUP, Encapsulation};
use crate::daemon::platform::{Reservations, ShaperState};
use crate::interface::{IfIndex, Interface, UdpEncapsulation};
use crate::intserv::LocalElement;
use crate::shown;
use crate::tc::RHandle;
use crate::wire::ErrorCode;

/// What there is where the system does not tell.
const DEFAULT_MTU: u32 = 1500;

/// Which UDP ports the interfaces want.
pub(super) fn encapsulation(loaded: &Loaded, list: &[SystemInterface]) -> Encapsulation {
    let mut wanted = Encapsulation::default();
    for interface in list.iter().filter(|one| !one.loopback) {
        let keys = loaded.config().keys(&interface.name);
        match keys.udp.0 {
            _ if !keys.enabled => {}
            UdpEncapsulation::Never => {}
            UdpEncapsulation::WhenHeard | UdpEncapsulation::Always => wanted.router = true,
            UdpEncapsulation::Only { .. } => wanted.host = true,
        }
    }
    wanted
}

/// As RSVP sees it.
fn seen(system: &SystemInterface, loaded: &Loaded) -> Interface {
    let mut addresses: Vec<IpAddr> = system.addresses.iter().map(|of| of.address).collect();
    // The first of a family is ours there; one that is good beyond the link is better.
    addresses.sort_by_key(|address| match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    });
    Interface {
        index: IfIndex(system.index),
        name: system.name.clone(),
        addresses,
        mtu: system.mtu.unwrap_or(DEFAULT_MTU),
        up: system.up && system.running,
        point_to_point: system.point_to_point,
        settings: loaded.settings(&system.name),
    }
}

/// Whether RSVP is spoken there now.
const fn works(interface: &Interface) -> bool {
    interface.up && interface.settings.enabled
}

/// What the log says of an interface.
#[derive(Debug)]
pub(super) struct Logged {
    name: String,
    up: bool,
    keys: InterfaceKeys,
    bandwidth: Option<String>,
    reservable: Option<String>,
    traffic_control: &'static str,
}

impl Logged {
    fn new(interface: &Interface, keys: InterfaceKeys, state: &ShaperState) -> Self {
        Self {
            name: interface.name.clone(),
            up: interface.up,
            keys,
            bandwidth: state.link_rate.map(shown::rate),
            reservable: state.share.map(shown::rate),
            traffic_control: state.kind,
        }
    }

    /// What has happened to it since `before`. How traffic control fares is told by [`tell_state`].
    fn event(&self, before: &Self) -> Option<&'static str> {
        if !self.keys.enabled && !before.keys.enabled {
            return None; // RSVP has nothing to do with it
        }
        let is_same = (&self.name, &self.keys) == (&before.name, &before.keys)
            && (&self.bandwidth, &self.reservable) == (&before.bandwidth, &before.reservable);
        match (before.up, self.up) {
            (false, true) => Some("up"),
            (true, false) => Some("down"),
            _ => (!is_same).then_some("changed"),
        }
    }

    fn tell(&self, index: IfIndex, event: &'static str) {
        info!(
            name = self.name,
            %index,
            event,
            enabled = self.keys.enabled,
            up = self.up,
            bandwidth = self.bandwidth,
            reservable = self.reservable,
            traffic_control = self.traffic_control,
            "interface"
        );
    }

    /// Tells it if it is news, and keeps it.
    fn tell_news(self, index: IfIndex, logged: &mut BTreeMap<IfIndex, Self>) {
        let event = match logged.get(&index) {
            Some(before) => self.event(before),
            None => Some("there"),
        };
        if let Some(event) = event {
            self.tell(index, event);
        }
        logged.insert(index, self);
    }
}

/// Tells the log how traffic control fares on an interface, when that is news.
fn tell_state(name: &str, before: Option<&ShaperState>, now: &ShaperState) {
    if before.is_some_and(|before| (before.kind, &before.remark) == (now.kind, &now.remark)) {
        return;
    }
    let kind = now.kind;
    match &now.remark {
        Some(remark) => warn!(name, kind, remark, "traffic control"),
        None if before.is_some_and(|before| before.remark.is_some()) => {
            info!(name, kind, "traffic control");
        }
        None => {}
    }
}

/// Tells the log that more is reserved on an interface than can be, when that is news: its link has become slower, or its
/// share smaller. What is reserved stays.
fn tell_overdrawn(name: &str, before: Option<&ShaperState>, now: &ShaperState) {
    let of = |state: &ShaperState| Some((state.reserved?, state.share?));
    let is_overdrawn = |(reserved, share): (f32, f32)| reserved > share;
    let Some((reserved, share)) = of(now).filter(|of| is_overdrawn(*of)) else {
        return;
    };
    let was = before.and_then(of).filter(|of| is_overdrawn(*of));
    if was.is_none_or(|(_, before)| before != share) {
        warn!(
            name,
            reserved = shown::rate(reserved),
            reservable = shown::rate(share),
            "more is reserved than the link has for it now: promises may not be kept"
        );
    }
}

impl Service {
    /// Reads the list anew, and tells what is new, other, or gone.
    pub(super) fn read_interfaces(&mut self) {
        let list = match self.net.interfaces() {
            Ok(list) => list,
            Err(error) => {
                error!(%error, "interfaces cannot be read: they stay as they were");
                return;
            }
        };
        if let Err(error) = self.io.encapsulate(encapsulation(&self.loaded, &list)) {
            error!(%error, "UDP encapsulation stays as it was");
        }
        // RSVP is not spoken with oneself; applications are behind an interface of their own.
        let new: BTreeMap<IfIndex, Interface> = list
            .iter()
            .filter(|system| !system.loopback)
            .map(|system| {
                let interface = seen(system, &self.loaded);
                (interface.index, interface)
            })
            .collect();
        let now = self.clock.now();
        let gone: Vec<IfIndex> = self
            .interfaces
            .keys()
            .filter(|index| !new.contains_key(index))
            .copied()
            .collect();
        for index in gone {
            if let Some(logged) = self.logged.remove(&index) {
                logged.tell(index, "gone");
            }
            // Traffic control first: it removes all at once what the engine removes one by one.
            self.shaper.lock().interface_gone(index);
            self.engine.handle_interface_gone(now, index);
            if self.interfaces.get(&index).is_some_and(works) {
                self.lose_routes(now);
            }
        }
        // Before any is told of: what is mended for one may be another's, too.
        let before: BTreeMap<IfIndex, (LocalElement, ShaperState)> = {
            let mut shaper = self.shaper.lock();
            let known = self.interfaces.keys();
            let before = known
                .map(|index| (*index, (shaper.advertise(*index), shaper.state(*index))))
                .collect();
            shaper.look_after();
            before
        };
        for (index, interface) in &new {
            let name = &interface.name;
            let keys = self.loaded.config().keys(name);
            let mut shaper = self.shaper.lock();
            // Traffic control is told before the engine, which asks it.
            if works(interface) {
                let reservations = shaper.set_interface(interface, &keys.traffic_control());
                let (element, state) = (shaper.advertise(*index), shaper.state(*index));
                drop(shaper);
                Logged::new(interface, keys, &state).tell_news(*index, &mut self.logged);
                let before = before.get(index);
                let says_other = before.is_some_and(|(before, _)| *before != element);
                let state_before = before.map(|(_, before)| before);
                tell_state(name, state_before, &state);
                tell_overdrawn(name, state_before, &state);
                let lost: Vec<(RHandle, (ErrorCode, u16))> = match reservations {
                    Reservations::Kept => Vec::new(),
                    Reservations::KeptWithout(lost) => lost
                        .into_iter()
                        .inspect(|(handle, error)| {
                            warn!(name, handle = handle.0, %error, "a reservation is lost");
                        })
                        .map(|(handle, error)| (handle, error.code()))
                        .collect(),
                    Reservations::Lost => {
                        let code = (ErrorCode::TRAFFIC_CONTROL_SYSTEM, 0);
                        let all = self.engine.installed_on(*index);
                        all.map(|handle| (handle, code)).collect()
                    }
                };
                for (handle, (code, value)) in lost {
                    self.engine
                        .handle_reservation_lost(now, *index, handle, code, value);
                }
                self.engine.handle_interface(now, interface.clone());
                if says_other {
                    self.engine.handle_traffic_control_changed(now, *index);
                }
            } else {
                // As above.
                shaper.interface_gone(*index);
                let state = shaper.state(*index);
                drop(shaper);
                Logged::new(interface, keys, &state).tell_news(*index, &mut self.logged);
                self.engine.handle_interface(now, interface.clone());
                if self.interfaces.get(index).is_some_and(works) {
                    self.lose_routes(now);
                }
            }
        }
        self.interfaces = new;
        self.join();
    }

    /// An interface does not work any more, and perhaps its routes are gone with it: Linux does not tell of those of IPv4,
    /// nor of the next best that is the best then. They are asked for when the system has had a moment to forget them.
    fn lose_routes(&mut self, now: Instant) {
        self.settling.handle_routes(now, None);
    }

    /// Interfaces may come later: that one of the configuration is not there is no error, but may be a name misspelt.
    pub(super) fn tell_missing(&self) {
        let Ok(list) = self.net.interfaces() else {
            return; // as was said when they were read
        };
        let machine: Vec<String> = list.into_iter().map(|one| one.name).collect();
        for (name, line) in self.loaded.missing_interfaces(&machine) {
            warn!(
                file = %self.loaded.file().display(),
                line,
                key = %format_args!("interface.{name}"),
                has = machine.join(", "),
                "this machine has no interface of that name"
            );
        }
    }

    /// Makes this host a member of the groups that its applications take part in, so that it hears their Paths. A multicast
    /// router hears them in passing: it is a member of none but that of encapsulated messages, which no router forwards.
    ///
    /// Who gets how much of what there may be is [`share_out`]'s.
    pub(super) fn join(&mut self) {
        let here: Vec<u32> = self
            .interfaces
            .values()
            .filter(|interface| works(interface))
            .map(|interface| interface.index.0)
            .collect();
        let mut wanted: BTreeSet<(IpAddr, u32)> = self
            .interfaces
            .values()
            .filter(|interface| works(interface))
            .filter(|interface| interface.settings.udp != UdpEncapsulation::Never)
            .map(|interface| (ENCAPSULATION_GROUP.into(), interface.index.0))
            .collect();
        let limits = &self.loaded.config().limits;
        let left_out = if (self.forwards_multicast)() {
            0
        } else {
            let groups = self.groups.values().copied();
            share_out(groups, &here, limits, &mut wanted)
        };
        self.io.join(&wanted);
        if left_out > self.groups_left_out && self.seldom.may(self.clock.now(), "groups") {
            let keys = "limits.memberships, limits.groups_per_user";
            warn!(left_out, keys, "too many groups: their Paths are not heard");
        }
        self.groups_left_out = left_out;
    }

    /// What an interface is called.
    pub(super) fn name(&self, index: IfIndex) -> String {
        self.interfaces
            .get(&index)
            .map_or_else(|| index.to_string(), |interface| interface.name.clone())
    }
}
