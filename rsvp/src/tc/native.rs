//! Traffic control of our own stack: a fair queue on each interface.
//!
//! The scheduler behind it is worst-case fair weighted fair queueing (`fairway_native::qos::FairQueue`), so that
//! guaranteed service is exact: C is the longest packet, D the time that the link takes for its longest frame, and what
//! keeps to its Tspec is never later than RFC 2212 says. What [`advertise`](TrafficControl::advertise) tells does not
//! know the flow: there C is the interface's MTU, which is no less than any flow's M.
//!
//! | Service | Where | Data is held to it by |
//! |---|---|---|
//! | guaranteed | first node that polices (E) | token bucket; excess at once |
//! | | merge or branch (M, B) | reshaping; excess when the queue is full |
//! | | elsewhere | room for b + Csum + Dsum · R, which what keeps to its Tspec never fills |
//! | controlled load | everywhere | token bucket (RFC 2211: each element for itself), inside the network with as many octets more as the way so far may have let bunch up, at least M + b/4 |
//!
//! What is excess at the first node that polices is best effort, marked as lower effort (RFC 8622), and queues of our own
//! stack further on do not let it use a reservation. Else it would mingle again with what conforms, and make that late.
//!
//! A packet has an IP header at least: an m of less than 20 octets, which deployed senders announce, is taken as that, or
//! the link's headers would count for many times the flow itself.
//!
//! Where the rate of a link is not told, or its settings want it so, reservations are only counted
//! ([`AdmissionOnly`]).

use std::collections::BTreeMap;
use std::net::IpAddr;

use fairway_stack::qos::{self, AdmissionError, FairQueue, Filter, FilterId, FlowId, LinkShare};
use fairway_stack::{Manage, NetError};
use fairway_wire::Protocol;

use super::admission_only::{AdmissionOnly, local_values};
use super::ledger::{Bounds, Ledger};
use super::settings::Excess;
use super::{Granted, RHandle, Request, Shortage, TcError, TcMode, TcSettings, TrafficControl};
use crate::interface::{IfIndex, Interface};
use crate::intserv::{
    Bandwidth, BytesPerSec, ErrorTerms, Flowspec, LocalControlledLoad, LocalElement,
    LocalGuaranteed, PeakRate,
};
use crate::wire::{Sender, Session};

/// Traffic control of a host of our own stack. IPv4 only, as the stack is: other sessions are
/// [`TcError::ServiceUnsupported`].
///
/// What it has installed stays when it is dropped; [`interface_gone`](Self::interface_gone) takes it away.
#[derive(Debug)]
pub struct NativeTc {
    manage: Manage,
    links: BTreeMap<IfIndex, Link>,
    /// Interfaces without a fair queue.
    counted: AdmissionOnly,
    named: u64,
}

/// An interface with a fair queue.
#[derive(Debug)]
struct Link {
    element: LocalElement,
    excess: Excess,
    ledger: Ledger,
    most_filters: usize,
    filters: usize,
    installed: BTreeMap<RHandle, Installed>,
}

#[derive(Debug)]
struct Installed {
    flow: FlowId,
    filters: BTreeMap<Option<Sender>, FilterId>,
}

impl NativeTc {
    /// Traffic control of that host. No interface is known.
    #[must_use]
    pub fn new(manage: Manage) -> Self {
        Self {
            manage,
            links: BTreeMap::new(),
            counted: AdmissionOnly::new(),
            named: 0,
        }
    }

    /// An interface is there, or it or its settings have changed. What is reserved on it stays, unless it gets a fair queue
    /// or loses it: [`has_fair_queue`](Self::has_fair_queue). What somebody else, or an earlier life of the daemon, has
    /// reserved is given up when it is first heard of.
    ///
    /// Of the settings, those that are about other systems are not looked at: `delay_micros`, `link_header`,
    /// `replace_qdisc`. No more than [`FairQueue::MOST_SHARE`] percent can be reserved.
    ///
    /// # Errors
    /// [`TcError::System`] if there is no such interface.
    pub fn set_interface(
        &mut self,
        interface: &Interface,
        settings: &TcSettings,
    ) -> Result<(), TcError> {
        let index = interface.index;
        let rate = settings
            .link_rate
            .filter(|_| settings.mode == TcMode::Auto && index.0 != 0);
        let Some(rate) = rate else {
            if self.links.contains_key(&index) {
                self.interface_gone(index);
            }
            self.counted.set_interface(interface, settings);
            return Ok(());
        };
        self.counted.interface_gone(index);
        self.manage
            .share_link(index.0, &LinkShare::new(up(rate.wide())))?;
        if !self.links.contains_key(&index) {
            for (flow, _) in self.manage.flows(index.0)? {
                self.manage.release(index.0, flow)?;
            }
        }
        let offer = self.manage.offer(index.0, interface.mtu, interface.mtu)?;
        // What the queue can never give is not promised either.
        let most = BytesPerSec::nearest(rate.wide() * f64::from(FairQueue::MOST_SHARE) / 100.0);
        let header = link_header(&self.manage, index)?;
        let mut bounds = Bounds::new(settings, rate, header, interface.mtu);
        bounds.share = bounds.share.min(most);
        let mtu = f64::from(interface.mtu.max(1));
        let in_packets = bounds.share.wide() * mtu / (mtu + f64::from(header));
        let bandwidth = BytesPerSec::nearest(in_packets).min(bounds.per_flow_max);
        let terms = ErrorTerms::new(saturate(offer.terms.c), saturate(offer.terms.d_micros));
        let element = LocalElement {
            general: local_values(Bandwidth::from(bandwidth), settings, interface.mtu),
            guaranteed: Some(LocalGuaranteed {
                terms,
                ..LocalGuaranteed::default()
            }),
            controlled_load: Some(LocalControlledLoad::default()),
            after_non_is_hop: false,
        };
        let link = self.links.entry(index).or_insert_with(|| Link {
            element: element.clone(),
            excess: settings.excess,
            ledger: Ledger::new(bounds),
            most_filters: settings.max_filters,
            filters: 0,
            installed: BTreeMap::new(),
        });
        link.element = element;
        link.excess = settings.excess;
        link.most_filters = settings.max_filters;
        link.ledger.set_bounds(bounds);
        Ok(())
    }

    /// An interface is no longer RSVP's: all that is reserved on it is given up.
    pub fn interface_gone(&mut self, interface: IfIndex) {
        self.counted.interface_gone(interface);
        if let Some(link) = self.links.remove(&interface) {
            for one in link.installed.values() {
                // It may be gone with the host.
                let _gone = self.manage.release(interface.0, one.flow);
            }
        }
    }

    /// Whether reservations there are carried out, and not only counted. When that changes, those there were are gone.
    #[must_use]
    pub fn has_fair_queue(&self, interface: IfIndex) -> bool {
        self.links.contains_key(&interface)
    }

    /// What is reserved there.
    #[must_use]
    pub fn ledger(&self, interface: IfIndex) -> Option<&Ledger> {
        match self.links.get(&interface) {
            Some(link) => Some(&link.ledger),
            None => self.counted.ledger(interface),
        }
    }

    /// What the data of a reservation has met with.
    #[must_use]
    pub fn flow(&self, interface: IfIndex, handle: RHandle) -> Option<qos::FlowState> {
        let one = self.links.get(&interface)?.installed.get(&handle)?;
        self.manage.flow(interface.0, one.flow).ok()
    }
}

impl TrafficControl for NativeTc {
    fn advertise(&self, interface: IfIndex) -> LocalElement {
        match self.links.get(&interface) {
            Some(link) => link.element.clone(),
            None => self.counted.advertise(interface),
        }
    }

    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        session: &Session,
        filters: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        let Some(link) = self.links.get_mut(&interface) else {
            return self
                .counted
                .install(interface, handle, request, session, filters);
        };
        let wanted = filters
            .iter()
            .map(|&sender| Ok((sender, filter(session, sender)?)))
            .collect::<Result<Vec<_>, TcError>>()?;
        let request = with_least_packet(request);
        let work = Work {
            manage: &self.manage,
            interface: interface.0,
            spec: spec(&request),
            options: options(&request, link.excess),
        };
        let handle = match handle {
            Some(handle) => {
                work.change(link, handle, &request, &wanted)?;
                handle
            }
            None => {
                let handle = RHandle(self.named);
                work.add(link, handle, &request, &wanted)?;
                self.named += 1;
                handle
            }
        };
        Ok(Granted {
            handle,
            forward: None,
        })
    }

    fn shortage(
        &self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
    ) -> Option<Shortage> {
        let ledger = self.ledger(interface);
        ledger.map(|ledger| ledger.shortage(handle, request))
    }

    fn remove(&mut self, interface: IfIndex, handle: RHandle) {
        let Some(link) = self.links.get_mut(&interface) else {
            return self.counted.remove(interface, handle);
        };
        if let Some(one) = link.installed.remove(&handle) {
            link.filters -= one.filters.len();
            link.ledger.release(handle);
            // It may be gone with the host.
            let _gone = self.manage.release(interface.0, one.flow);
        }
    }
}

impl Link {
    /// Whether there may be so many filters in the place of those.
    const fn room_for(&self, wanted: usize, before: usize) -> Result<(), TcError> {
        if self.filters - before + wanted > self.most_filters {
            return Err(TcError::TooMany);
        }
        Ok(())
    }
}

/// One call on one interface.
struct Work<'a> {
    manage: &'a Manage,
    interface: u32,
    spec: qos::Flowspec,
    options: qos::ReserveOptions,
}

impl Work<'_> {
    fn add(
        &self,
        link: &mut Link,
        handle: RHandle,
        request: &Request,
        wanted: &[(Option<Sender>, Filter)],
    ) -> Result<(), TcError> {
        link.room_for(wanted.len(), 0)?;
        link.ledger.admit(handle, request)?;
        let made = self
            .manage
            .reserve(self.interface, self.spec, self.options)
            .map_err(TcError::from)
            .and_then(|flow| {
                let mut one = Installed {
                    flow,
                    filters: BTreeMap::new(),
                };
                match self.add_filters(&mut one, wanted) {
                    Ok(_) => Ok(one),
                    Err(error) => {
                        self.manage.release(self.interface, flow)?;
                        Err(error)
                    }
                }
            });
        match made {
            Ok(one) => {
                link.filters += one.filters.len();
                link.installed.insert(handle, one);
                Ok(())
            }
            Err(error) => {
                link.ledger.release(handle);
                Err(error)
            }
        }
    }

    fn change(
        &self,
        link: &mut Link,
        handle: RHandle,
        request: &Request,
        wanted: &[(Option<Sender>, Filter)],
    ) -> Result<(), TcError> {
        let before = link.installed.get(&handle).map(|one| one.filters.len());
        let before = before.ok_or(TcError::NoSuchHandle)?;
        link.room_for(wanted.len(), before)?;
        let old = link.ledger.change(handle, request)?;
        let Some(mut one) = link.installed.remove(&handle) else {
            link.ledger.restore(handle, old);
            return Err(TcError::NoSuchHandle);
        };
        // New filters first: they can be taken back, a reservation that was made smaller perhaps not.
        let made = self.add_filters(&mut one, wanted).and_then(|added| {
            self.manage
                .modify(self.interface, one.flow, self.spec, self.options)
                .map_err(|error| {
                    for sender in added {
                        self.remove_filter(&mut one, sender);
                    }
                    TcError::from(error)
                })
        });
        match made {
            Ok(()) => {
                let mut unwanted: Vec<Option<Sender>> = one.filters.keys().copied().collect();
                unwanted.retain(|sender| wanted.iter().all(|(other, _)| other != sender));
                for sender in unwanted {
                    self.remove_filter(&mut one, sender);
                }
            }
            Err(_) => link.ledger.restore(handle, old),
        }
        link.filters = link.filters - before + one.filters.len();
        link.installed.insert(handle, one);
        made
    }

    /// Adds the filters that are not there yet, all or none; says which those were.
    fn add_filters(
        &self,
        one: &mut Installed,
        wanted: &[(Option<Sender>, Filter)],
    ) -> Result<Vec<Option<Sender>>, TcError> {
        let mut added = Vec::new();
        for &(sender, filter) in wanted {
            if one.filters.contains_key(&sender) {
                continue;
            }
            match self.manage.add_filter(self.interface, one.flow, filter) {
                Ok(id) => {
                    one.filters.insert(sender, id);
                    added.push(sender);
                }
                Err(error) => {
                    for sender in added {
                        self.remove_filter(one, sender);
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(added)
    }

    fn remove_filter(&self, one: &mut Installed, sender: Option<Sender>) {
        if let Some(id) = one.filters.remove(&sender) {
            // It may be gone with the host.
            let _gone = self.manage.remove_filter(self.interface, id);
        }
    }
}

impl From<NetError> for TcError {
    fn from(error: NetError) -> Self {
        Self::System(error.to_string())
    }
}

impl From<qos::ReserveError> for TcError {
    fn from(error: qos::ReserveError) -> Self {
        match error {
            qos::ReserveError::Admission(AdmissionError::Bandwidth { .. }) => Self::Bandwidth,
            qos::ReserveError::Admission(AdmissionError::PacketTooLong { .. }) => Self::Mtu,
            qos::ReserveError::Admission(AdmissionError::TooMany) => Self::TooMany,
            qos::ReserveError::Admission(AdmissionError::NoSuchFlow) => Self::NoSuchHandle,
            other => Self::System(other.to_string()),
        }
    }
}

/// Octets in front of the packets of an interface.
fn link_header(manage: &Manage, index: IfIndex) -> Result<u32, TcError> {
    let interfaces = manage.interfaces()?;
    let found = interfaces.iter().find(|one| one.index == index.0);
    let found = found.ok_or(NetError::Nxio)?;
    Ok(if found.link.is_some() { 14 } else { 0 })
}

/// The packets of `session` from `sender`.
fn filter(session: &Session, sender: Option<Sender>) -> Result<Filter, TcError> {
    let IpAddr::V4(destination) = session.destination else {
        return Err(TcError::ServiceUnsupported);
    };
    let (source, source_port) = match sender {
        None => (None, 0),
        Some(Sender::V4(address, port)) => (Some(address), port),
        Some(Sender::V6(..) | Sender::V6FlowLabel(..)) => return Err(TcError::ServiceUnsupported),
    };
    let port = |port: u16| (port != 0).then_some(port);
    // The classifier knows where these have their ports.
    let has_ports = matches!(session.protocol, Protocol::TCP | Protocol::UDP);
    if !has_ports && (session.port != 0 || source_port != 0) {
        return Err(TcError::ServiceUnsupported);
    }
    Ok(Filter {
        source,
        destination: Some(destination),
        protocol: Some(session.protocol),
        source_port: port(source_port),
        destination_port: port(session.port),
        dscp: None,
    })
}

/// The request for packets that have an IP header.
fn with_least_packet(request: &Request) -> Request {
    let flowspec = match request.flowspec {
        Flowspec::ControlledLoad(tspec) => Flowspec::ControlledLoad(tspec.with_least_packet()),
        Flowspec::Guaranteed(tspec, rspec) => {
            Flowspec::Guaranteed(tspec.with_least_packet(), rspec)
        }
    };
    Request {
        flowspec,
        path: request.path.with_least_packet(),
        ..*request
    }
}

/// What is installed, in whole octets: [`Flowspec::effective`], never less.
fn spec(request: &Request) -> qos::Flowspec {
    let effective = request.flowspec.effective(&request.path);
    let tspec = effective.tspec();
    let mut octets = qos::Tspec {
        rate: up(tspec.rate().wide()),
        bucket: up(tspec.bucket().wide()),
        peak: (tspec.peak() != PeakRate::UNKNOWN).then(|| up(tspec.peak().wide())),
        min_policed: tspec.min_policed_unit(),
        max_packet: tspec.max_packet_size(),
    };
    match effective {
        Flowspec::Guaranteed(_, rspec) => qos::Flowspec {
            tspec: octets,
            service: qos::Service::Guaranteed {
                rate: up(rspec.rate.wide()),
            },
        },
        Flowspec::ControlledLoad(_) => {
            // RFC 2211 §5: r·T + b, whatever the peak.
            octets.peak = None;
            if !request.policing.edge {
                octets.bucket = octets.bucket.saturating_add(bunched(request, &octets));
            }
            qos::Flowspec {
                tspec: octets,
                service: qos::Service::ControlledLoad,
            }
        }
    }
}

/// RFC 2211 §5: by how much data of controlled load can exceed its Tspec inside the network, without anybody's fault.
fn bunched(request: &Request, tspec: &qos::Tspec) -> u64 {
    let least = u64::from(tspec.max_packet).saturating_add(tspec.bucket / 4);
    let (c, d_micros) = since_reshaper(request);
    let late = u128::from(tspec.rate) * u128::from(d_micros) / 1_000_000;
    least.max(c.saturating_add(u64::try_from(late).unwrap_or(u64::MAX)))
}

/// Csum and Dsum of the way so far.
fn since_reshaper(request: &Request) -> (u64, u64) {
    request.upstream.map_or((0, 0), |terms| {
        let ErrorTerms { c_octets, d_micros } = terms.since_reshaper;
        (c_octets.into(), d_micros.into())
    })
}

/// How data is held to its reservation.
fn options(request: &Request, excess: Excess) -> qos::ReserveOptions {
    let policing = match request.flowspec {
        Flowspec::ControlledLoad(_) => qos::Policing::Police,
        Flowspec::Guaranteed(..) if request.policing.merge || request.policing.branch => {
            qos::Policing::Reshape
        }
        Flowspec::Guaranteed(..) if request.policing.edge => qos::Policing::Police,
        Flowspec::Guaranteed(..) => qos::Policing::None,
    };
    let (upstream_c, upstream_d_micros) = since_reshaper(request);
    qos::ReserveOptions {
        policing,
        excess: match excess {
            Excess::BestEffort if request.policing.edge => qos::Excess::LowerEffort,
            Excess::BestEffort => qos::Excess::BestEffort,
            Excess::Drop => qos::Excess::Drop,
        },
        upstream_c,
        upstream_d_micros,
    }
}

/// The least whole number that is no less.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and sizes are not negative, and the cast saturates"
)]
const fn up(value: f64) -> u64 {
    value.ceil() as u64
}

fn saturate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
