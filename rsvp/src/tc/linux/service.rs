//! Traffic control as the engine knows it.

use std::collections::BTreeMap;
use std::io;

use super::classifier::{self, Classifier};
use super::flow::Flow;
use super::htb::Scheduler;
use super::link::{Installed, Link, Reservation};
use super::lock::Lock;
use super::plan::Plan;
use super::{
    InterfaceStatus, InterfaceSummary, ReservationStatus, TcCounters, TcState, TcStatus, htb,
};
use crate::interface::{IfIndex, Interface};
use crate::intserv::{Bandwidth, LocalControlledLoad, LocalElement, LocalGuaranteed};
use crate::netlink::KernelError;
use crate::tc::admission_only::{local_values, no_services};
use crate::tc::ledger::{Entry, Ledger};
use crate::tc::{Granted, RHandle, Request, Shortage, TcError, TcSettings, TrafficControl};
use crate::wire::{Sender, Session};

/// Traffic control of Linux: see the [module](super).
///
/// It belongs to the network namespace of the thread that makes it, and to no other process as long as it lives. Needs
/// `CAP_NET_ADMIN`; without, there is admission only. Calls are answered at once: the kernel does what it is asked within
/// them.
///
/// Dropping it removes all it has installed.
#[derive(Debug)]
pub struct LinuxTc {
    scheduler: Scheduler,
    classifier: Result<Classifier, String>,
    links: BTreeMap<IfIndex, Link>,
    next: u64,
    is_closed: bool,
    /// Given up last.
    _lock: Lock,
}

impl LinuxTc {
    /// Opens the way to the kernel, and removes what a predecessor left behind.
    ///
    /// # Errors
    /// `AddrInUse` if another process does this: then nothing is touched. Others if the kernel does not speak of networks
    /// at all.
    pub fn new() -> io::Result<Self> {
        let lock = Lock::take()?;
        let mut scheduler = Scheduler::open()?;
        scheduler.remove_left_over().map_err(io::Error::other)?;
        let classifier = Classifier::remove_left_over().and_then(|()| Classifier::open());
        Ok(Self {
            scheduler,
            classifier: classifier.map_err(|error| format!("nftables: {error}")),
            links: BTreeMap::new(),
            next: 1,
            is_closed: false,
            _lock: lock,
        })
    }

    /// Removes what one that was killed left behind in the network namespace of the calling thread.
    ///
    /// # Errors
    /// `AddrInUse` if there is one that works: then nothing is touched. Else what the kernel says.
    pub fn remove_left_over() -> io::Result<()> {
        let _lock = Lock::take()?;
        let qdiscs = Scheduler::open()?.remove_left_over();
        let table = Classifier::remove_left_over();
        qdiscs.and(table).map_err(io::Error::other)
    }

    /// An interface is there, or it or its settings have changed. What is reserved on it stays, and is installed as the
    /// new settings want it.
    pub fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) {
        if self.is_closed {
            return;
        }
        let index = interface.index;
        let before = self.links.remove(&index);
        let kind = self.scheduler.link_kind(index).unwrap_or(0);
        let root = self.scheduler.roots().ok().and_then(|roots| {
            let mut roots = roots.into_iter();
            roots.find(|root| root.interface == index)
        });
        let was = before
            .as_ref()
            .map(|link| (link.is_installed(), link.terms()));
        let mut link = Link::new(interface, settings, kind, before);
        let ours = root.as_ref().is_some_and(htb::Root::is_ours);
        // Reservations keep their classes if nothing that counts has changed.
        if ours && link.is_installed() && was == Some((true, link.terms())) {
            self.links.insert(index, link);
            return;
        }
        self.uninstall(index, &mut link, ours);
        if link.is_installed() {
            let foreign = root.filter(|root| !root.is_ours() && root.is_made());
            if let Err(reason) = self.install_all(index, &mut link, foreign.as_ref()) {
                self.uninstall(index, &mut link, true);
                link.state = TcState::AdmissionOnly(reason);
            }
        }
        self.links.insert(index, link);
    }

    /// An interface is gone, and with it all that was reserved on it.
    pub fn interface_gone(&mut self, interface: IfIndex) {
        if let Some(mut link) = self.links.remove(&interface) {
            let installed = link.is_installed();
            self.uninstall(interface, &mut link, installed);
        }
    }

    /// What is done on an interface; `None` if it is not known. The kernel is not asked.
    #[must_use]
    pub fn summary(&self, interface: IfIndex) -> Option<InterfaceSummary> {
        let link = self.links.get(&interface)?;
        Some(InterfaceSummary {
            state: link.state.clone(),
            no_classifier: self.classifier.as_ref().err().cloned(),
            link_rate: link.rate,
            share: link.ledger.as_ref().map(|ledger| ledger.bounds().share),
            reserved: link.ledger.as_ref().map(Ledger::reserved),
            link_header: link
                .ledger
                .as_ref()
                .map(|ledger| ledger.bounds().link_header),
            reservations: link.reservations.len(),
        })
    }

    /// What is installed, with the kernel's counters: it is asked for all of them.
    pub fn status(&mut self) -> TcStatus {
        let excess = match &mut self.classifier {
            Ok(classifier) => classifier.excess().unwrap_or_default(),
            Err(_) => BTreeMap::new(),
        };
        let scheduler = &mut self.scheduler;
        let interfaces = self
            .links
            .iter()
            .map(|(index, link)| {
                let counters: BTreeMap<u16, TcCounters> = if link.is_installed() {
                    let counters = scheduler.counters(*index).unwrap_or_default();
                    counters.into_iter().collect()
                } else {
                    BTreeMap::new()
                };
                let of_class = |minor: u16| {
                    let (octets, packets) = excess.get(&(*index, minor)).copied().unwrap_or((0, 0));
                    TcCounters {
                        excess_octets: octets,
                        excess_packets: packets,
                        ..counters.get(&minor).copied().unwrap_or_default()
                    }
                };
                interface_status(*index, link, of_class)
            })
            .collect();
        let requests = self.scheduler.requests();
        TcStatus {
            no_classifier: self.classifier.as_ref().err().cloned(),
            interfaces,
            requests: requests + self.classifier.as_ref().map_or(0, Classifier::requests),
        }
    }

    /// Removes all that is installed, with a request for each interface and one for the table. Afterwards
    /// nothing is installed any more.
    pub fn close(&mut self) {
        for (index, link) in core::mem::take(&mut self.links) {
            if link.is_installed() {
                self.scheduler.remove(index);
            }
        }
        if let Ok(classifier) = &mut self.classifier {
            classifier.close();
        }
        self.is_closed = true;
    }

    /// Removes what is installed for a link, and forgets the names it had.
    fn uninstall(&mut self, index: IfIndex, link: &mut Link, has_qdisc: bool) {
        // The qdisc first: all its classes go with it at once.
        if has_qdisc {
            self.scheduler.remove(index);
        }
        let installed: Vec<Installed> = link
            .reservations
            .values_mut()
            .filter_map(|reservation| reservation.installed.take())
            .collect();
        if let Ok(classifier) = &mut self.classifier {
            let entries = installed.iter().map(|of| (of.minor, &of.entry));
            classifier.remove_link(index, entries);
        }
        link.numbers = super::link::Numbers::default();
    }

    /// Installs a link with all its reservations; why not, if not.
    fn install_all(
        &mut self,
        index: IfIndex,
        link: &mut Link,
        foreign: Option<&htb::Root>,
    ) -> Result<(), String> {
        let classifier = self.classifier.as_mut().map_err(|reason| reason.clone())?;
        if let Some(root) = foreign
            && !link.settings.replace_qdisc
        {
            return Err(format!(
                "somebody made the root queueing discipline {} {:x}:",
                root.kind,
                root.handle >> 16
            ));
        }
        let terms = link.terms().ok_or("the rate of the link is not known")?;
        self.scheduler
            .install(index, foreign.is_some(), &terms)
            .map_err(|error| format!("htb: {error}"))?;
        classifier
            .add_link(index)
            .map_err(|error| format!("nftables: {error}"))?;
        for (handle, reservation) in &mut link.reservations {
            let entry = link.ledger.as_ref().and_then(|ledger| ledger.get(*handle));
            let entry = entry.ok_or("a reservation is not counted")?;
            let plan = Plan::new(&reservation.request, entry, &terms);
            let plan = plan.map_err(|error| error.to_string())?;
            let minor = link.numbers.take().ok_or("no class is left")?;
            let rules = rules(index, &reservation.session, &reservation.filters, &plan);
            self.scheduler
                .add_class(index, minor, &plan.class, plan.queue)
                .and_then(|()| classifier.change((*handle, index, minor), None, Some(&rules)))
                .map_err(|error| error.to_string())?;
            reservation.installed = Some(Installed {
                minor,
                plan,
                entry: rules,
            });
        }
        Ok(())
    }

    /// Installs a reservation that has been admitted, or changes it.
    fn carry_out(
        &mut self,
        index: IfIndex,
        handle: RHandle,
        request: &Request,
        (session, filters): (&Session, &[Option<Sender>]),
    ) -> Result<Option<Installed>, TcError> {
        let (Some(link), Ok(classifier)) = (self.links.get_mut(&index), &mut self.classifier)
        else {
            return Ok(None);
        };
        if !link.is_installed() {
            return Ok(None);
        }
        let entry = link.ledger.as_ref().and_then(|ledger| ledger.get(handle));
        let (Some(entry), Some(terms)) = (entry, link.terms()) else {
            return Ok(None);
        };
        let plan = Plan::new(request, entry, &terms)?;
        let rules = rules(index, session, filters, &plan);
        let old = link
            .reservations
            .get(&handle)
            .and_then(|reservation| reservation.installed.as_ref());
        let minor = match old {
            Some(old) => old.minor,
            None => link.numbers.take().ok_or(TcError::TooMany)?,
        };
        let scheduler = &mut self.scheduler;
        let name = (handle, index, minor);
        let done = match old {
            None => scheduler
                .add_class(index, minor, &plan.class, plan.queue)
                .and_then(|()| {
                    classifier
                        .change(name, None, Some(&rules))
                        .inspect_err(|_| scheduler.delete_class(index, minor))
                })
                .inspect_err(|_| link.numbers.give_back(minor)),
            Some(old) => {
                let mut change =
                    |plan: &Plan| scheduler.change_class(index, minor, &plan.class, plan.queue);
                let is_other = old.plan.class != plan.class || old.plan.queue != plan.queue;
                let changed = if is_other { change(&plan) } else { Ok(()) };
                changed
                    .and_then(|()| classifier.change(name, Some(&old.entry), Some(&rules)))
                    .inspect_err(|_| {
                        if is_other {
                            drop(change(&old.plan));
                        }
                    })
            }
        };
        done.map_err(|error| system(&error))?;
        Ok(Some(Installed {
            minor,
            plan,
            entry: rules,
        }))
    }
}

fn system(error: &KernelError) -> TcError {
    TcError::System(error.to_string())
}

/// What the classifier is to hold.
fn rules(
    index: IfIndex,
    session: &Session,
    filters: &[Option<Sender>],
    plan: &Plan,
) -> classifier::Entry {
    classifier::Entry {
        flows: filters
            .iter()
            .filter_map(|sender| Flow::new(index, session, *sender))
            .collect(),
        bucket: plan.bucket,
    }
}

fn interface_status(
    index: IfIndex,
    link: &Link,
    counters: impl Fn(u16) -> TcCounters,
) -> InterfaceStatus {
    let ledger = link.ledger.as_ref();
    let reservations = link.reservations.iter().map(|(handle, reservation)| {
        let installed = reservation.installed.as_ref();
        let request = &reservation.request;
        let entry = ledger.and_then(|ledger| ledger.get(*handle));
        let flowspec = request.flowspec.effective(&request.path);
        ReservationStatus {
            handle: *handle,
            class: installed.map(|installed| {
                let class = htb::class_id(installed.minor);
                format!("{:x}:{:x}", class >> 16, class & 0xffff)
            }),
            session: reservation.session,
            filters: reservation.filters.clone(),
            flowspec,
            rate: entry.map_or_else(|| flowspec.rate(), Entry::rate),
            counters: installed
                .map_or_else(TcCounters::default, |installed| counters(installed.minor)),
        }
    });
    InterfaceStatus {
        index,
        name: link.name.clone(),
        state: link.state.clone(),
        link_rate: link.rate,
        share: ledger.map(|ledger| ledger.bounds().share),
        reserved: ledger.map(Ledger::reserved),
        available: ledger.map(Ledger::available),
        best_effort: counters(htb::BEST_EFFORT),
        control: counters(htb::CONTROL),
        network_control: counters(htb::NETWORK_CONTROL),
        reservations: reservations.collect(),
    }
}

impl TrafficControl for LinuxTc {
    /// The bandwidth is what can be reserved of the link, taken or not: RFC 2215 §3.3 allows an estimate that is too high,
    /// and a value that changes with each reservation would have every Path sent anew.
    fn advertise(&self, interface: IfIndex) -> LocalElement {
        let Some(link) = self.links.get(&interface) else {
            return no_services(local_values(
                Bandwidth::UNKNOWN,
                &TcSettings::default(),
                u32::MAX,
            ));
        };
        let share = link.rate.map(|rate| link.settings.share(rate));
        let bandwidth = share.map_or(Bandwidth::UNKNOWN, Bandwidth::from);
        let element = no_services(local_values(bandwidth, &link.settings, link.mtu));
        if !link.is_installed() {
            return element;
        }
        LocalElement {
            guaranteed: Some(LocalGuaranteed {
                terms: link.error_terms(),
                ..LocalGuaranteed::default()
            }),
            controlled_load: Some(LocalControlledLoad::default()),
            ..element
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
        let name = handle.unwrap_or(RHandle(self.next));
        let Some(link) = self.links.get_mut(&interface) else {
            // What was reserved went with its interface, or with all; whoever tears down may ask for less before for nothing.
            return handle
                .map(|handle| Granted {
                    handle,
                    forward: None,
                })
                .ok_or(TcError::NoSuchHandle);
        };
        let own = link
            .reservations
            .get(&name)
            .map_or(0, |own| own.filters.len());
        let all = link.filters.saturating_sub(own) + filters.len();
        if all > link.settings.max_filters {
            return Err(TcError::TooMany);
        }
        // A handle may come from before the interface went and returned: then it is new again.
        let before = match &mut link.ledger {
            Some(ledger) if ledger.get(name).is_some() => Some(ledger.change(name, request)?),
            Some(ledger) => {
                ledger.admit(name, request)?;
                None
            }
            None => None,
        };
        let carried_out = self.carry_out(interface, name, request, (session, filters));
        let link = self
            .links
            .get_mut(&interface)
            .ok_or(TcError::NoSuchHandle)?;
        let installed = match carried_out {
            Ok(installed) => installed,
            Err(error) => {
                if let Some(ledger) = &mut link.ledger {
                    match before {
                        Some(before) => ledger.restore(name, before),
                        None => drop(ledger.release(name)),
                    }
                }
                return Err(error);
            }
        };
        let reservation = Reservation {
            request: *request,
            session: *session,
            filters: filters.to_vec(),
            installed,
        };
        link.reservations.insert(name, reservation);
        link.filters = all;
        self.next = self.next.max(name.0.saturating_add(1));
        Ok(Granted {
            handle: name,
            forward: None,
        })
    }

    fn shortage(
        &self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
    ) -> Option<Shortage> {
        let ledger = self.links.get(&interface)?.ledger.as_ref();
        ledger.map(|ledger| ledger.shortage(handle, request))
    }

    fn remove(&mut self, interface: IfIndex, handle: RHandle) {
        let Some(link) = self.links.get_mut(&interface) else {
            return;
        };
        if let Some(ledger) = &mut link.ledger {
            ledger.release(handle);
        }
        let Some(reservation) = link.reservations.remove(&handle) else {
            return;
        };
        link.filters = link.filters.saturating_sub(reservation.filters.len());
        if let Some(installed) = reservation.installed {
            let name = (handle, interface, installed.minor);
            if let Ok(classifier) = &mut self.classifier {
                drop(classifier.change(name, Some(&installed.entry), None));
            }
            self.scheduler.delete_class(interface, installed.minor);
            link.numbers.give_back(installed.minor);
        }
    }
}

impl Drop for LinuxTc {
    fn drop(&mut self) {
        if !self.is_closed {
            self.close();
        }
    }
}
