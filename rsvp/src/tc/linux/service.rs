//! Traffic control as the engine knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::process::geteuid;
use tracing::warn;

use super::classifier::Classifier;
use super::htb::{self, Scheduler};
use super::install::rules;
use super::link::{Installed, Link, Lost, Numbers, Reservation};
use super::lock::Lock;
use super::plan::Plan;
use super::watch::{Expected, Shared};
use super::{
    InterfaceStatus, InterfaceSummary, ReservationStatus, TcCounters, TcState, TcStatus, TcWatch,
};
use crate::interface::{IfIndex, Interface};
use crate::intserv::{Bandwidth, LocalControlledLoad, LocalElement, LocalGuaranteed};
use crate::netlink::KernelError;
use crate::tc::admission_only::{local_values, no_services};
use crate::tc::ledger::{Entry, Ledger};
use crate::tc::{Bound, Granted, RHandle, Request, Shortage, TcError, TcSettings, TrafficControl};
use crate::wire::{Sender, Session};

/// What one that was killed left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOver {
    /// The interfaces on which there were queues.
    pub queues: Vec<IfIndex>,
    /// There was the table of nftables.
    pub table: bool,
}

/// Traffic control of Linux: see the [module](super).
///
/// It belongs to the network namespace of the thread that makes it, and to no other process as long as it lives. Needs
/// `CAP_NET_ADMIN`; without, there is admission only. Calls are answered at once: the kernel does what it is asked within
/// them.
///
/// Dropping it removes all it has installed.
#[derive(Debug)]
pub struct LinuxTc {
    pub(super) scheduler: Scheduler,
    pub(super) classifier: Result<Classifier, String>,
    pub(super) links: BTreeMap<IfIndex, Link>,
    pub(super) numbers: Numbers,
    next: u64,
    is_closed: bool,
    expected: Shared,
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
        Self::for_user(geteuid().as_raw())
    }

    /// The same, for a daemon that is this user sooner or later: what it sends in UDP then is RSVP, as what root sends is.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_user(user: u32) -> io::Result<Self> {
        let lock = Lock::take()?;
        let mut scheduler = Scheduler::open()?;
        match scheduler.remove_left_over() {
            // It has admission only.
            Err(error) if error.is_refusal() => warn!(%error, "what is left over stays"),
            removed => drop(removed.map_err(io::Error::other)?),
        }
        let classifier = Classifier::remove_left_over().and_then(|_| {
            // Sockets that were opened before it gave up being root are root's.
            Classifier::open(BTreeSet::from([0, geteuid().as_raw(), user]))
        });
        Ok(Self {
            scheduler,
            classifier: classifier.map_err(|error| format!("nftables: {error}")),
            links: BTreeMap::new(),
            numbers: Numbers::default(),
            next: 1,
            is_closed: false,
            expected: Shared::default(),
            _lock: lock,
        })
    }

    /// Removes what one that was killed left behind in the network namespace of the calling thread; says what that was.
    ///
    /// # Errors
    /// `AddrInUse` if there is one that works: then nothing is touched. Else what the kernel says.
    pub fn remove_left_over() -> io::Result<LeftOver> {
        let _lock = Lock::take()?;
        let queues = Scheduler::open()?.remove_left_over();
        let table = Classifier::remove_left_over();
        let removed = queues.and_then(|queues| {
            let table = table?;
            Ok(LeftOver { queues, table })
        });
        removed.map_err(io::Error::other)
    }

    /// An interface is there, or it or its settings have changed, or what is installed is to be looked after. What is
    /// reserved on it stays, and is installed as the new settings want it. What somebody else has removed is put back.
    ///
    /// Gives the reservations that cannot stay, with why: they are gone. Where nothing was counted before, all are
    /// admitted, oldest first; and a queue may have become too long.
    pub fn set_interface(
        &mut self,
        interface: &Interface,
        settings: &TcSettings,
    ) -> Vec<(RHandle, TcError)> {
        self.look_after_table();
        self.set_this_interface(interface, settings)
    }

    /// What all interfaces have in common is put back, if somebody else has removed it.
    pub(crate) fn look_after_table(&mut self) {
        if !self.is_closed
            && let Err(error) = self.mend_table()
        {
            self.count_only(&error);
        }
    }

    /// [`set_interface`](Self::set_interface), when what they have in common has been looked after.
    pub(crate) fn set_this_interface(
        &mut self,
        interface: &Interface,
        settings: &TcSettings,
    ) -> Vec<Lost> {
        if self.is_closed {
            return Vec::new();
        }
        let lost = self.set_link(interface, settings);
        self.expect();
        lost
    }

    fn set_link(&mut self, interface: &Interface, settings: &TcSettings) -> Vec<Lost> {
        let index = interface.index;
        let scheduler = &mut self.scheduler;
        let asked = scheduler
            .link_kind(index)
            .and_then(|kind| Ok((kind, scheduler.root(index)?)));
        let (kind, root, unknown) = match asked {
            Ok((kind, root)) => (kind, root, None),
            Err(error) if self.links.contains_key(&index) => {
                // If it is gone, that is told soon.
                if !error.is_missing() {
                    let name = &interface.name;
                    warn!(name, %error, "the kernel does not tell of it: traffic control stays as it is");
                }
                return Vec::new();
            }
            Err(error) => (0, None, Some(error)),
        };
        let before = self.links.remove(&index);
        let was = before
            .as_ref()
            .filter(|link| link.is_installed())
            .map(Link::terms);
        let (mut link, mut lost) = Link::new(interface, settings, kind, before);
        if let Some(error) = unknown
            && link.is_installed()
        {
            link.state = TcState::AdmissionOnly(format!("its queues cannot be read: {error}"));
        }
        let ours = root.as_ref().is_some_and(htb::Root::is_ours);
        if link.is_installed()
            && let Some(was) = was
        {
            if ours && was == link.terms() {
                self.links.insert(index, link);
                return lost;
            }
            // Reservations keep their classes, and what waits in them.
            if ours && let Ok(outgrown) = self.change_all(index, &mut link) {
                self.links.insert(index, link);
                for (handle, _) in &outgrown {
                    self.remove(index, *handle);
                }
                lost.extend(outgrown);
                return lost;
            }
            if !ours {
                let name = &interface.name;
                warn!(name, "somebody else has removed its scheduler");
            }
        }
        self.uninstall(index, &mut link, ours);
        if link.is_installed() {
            let foreign = root.filter(|root| !root.is_ours() && root.is_made());
            lost.extend(self.install_or_count(index, &mut link, foreign.as_ref()));
        }
        self.links.insert(index, link);
        lost
    }

    /// An interface is gone, and with it all that was reserved on it.
    pub fn interface_gone(&mut self, interface: IfIndex) {
        if let Some(mut link) = self.links.remove(&interface) {
            let installed = link.is_installed();
            self.uninstall(interface, &mut link, installed);
            self.expect();
        }
    }

    /// Tells when somebody else has removed what is installed here.
    ///
    /// # Errors
    /// What the system says.
    pub fn watch(&self) -> io::Result<TcWatch> {
        TcWatch::new(self.expected.clone())
    }

    /// What is to be there is other than it was.
    pub(super) fn expect(&self) {
        let Ok(classifier) = &self.classifier else {
            return;
        };
        let links = self.links.iter().filter(|(_, link)| link.is_installed());
        self.expected.set(Expected {
            table: classifier.written(),
            links: links.map(|(index, _)| *index).collect(),
            is_wanting: self.links.values().any(Link::is_wanting),
        });
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
            if link.is_installed()
                && let Err(error) = self.scheduler.remove(index)
            {
                let name = link.name;
                warn!(name, %error, "its scheduler cannot be removed");
            }
        }
        if let Ok(classifier) = &mut self.classifier {
            classifier.close();
        }
        self.is_closed = true;
        self.expect();
    }

    /// Installs a reservation that has been admitted, or changes it. If what it is to be put into is not there, that is put
    /// back, and it is tried again.
    fn carry_out(
        &mut self,
        index: IfIndex,
        handle: RHandle,
        request: &Request,
        data: (&Session, &[Option<Sender>]),
    ) -> Result<Option<Installed>, TcError> {
        match self.try_out(index, handle, request, data) {
            Err(Failure::Kernel(error)) if error.is_missing() && self.mend(index) => {
                self.try_out(index, handle, request, data)
            }
            tried => tried,
        }
        .map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Kernel(error) => TcError::System(error.to_string()),
        })
    }

    fn try_out(
        &mut self,
        index: IfIndex,
        handle: RHandle,
        request: &Request,
        (session, filters): (&Session, &[Option<Sender>]),
    ) -> Result<Option<Installed>, Failure> {
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
            None => {
                let minor = self.numbers.take().ok_or(TcError::TooMany)?;
                link.numbers.insert(minor);
                minor
            }
        };
        let (scheduler, numbers) = (&mut self.scheduler, &mut self.numbers);
        let name = (handle, index, minor);
        // A class that cannot be removed keeps its number.
        let mut is_free = true;
        let done = match old {
            None => scheduler
                .add_class(index, (minor, plan.class, plan.queue))
                .and_then(|()| {
                    classifier
                        .change(name, None, Some(&rules))
                        .inspect_err(|_| is_free = scheduler.delete_class(index, minor).is_ok())
                })
                .inspect_err(|_| {
                    if is_free && link.numbers.remove(&minor) {
                        numbers.give_back(minor);
                    }
                }),
            Some(old) => {
                let mut change = |plan: &Plan| {
                    scheduler.change_classes(index, &[(minor, plan.class, plan.queue)])
                };
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
        done.map_err(Failure::Kernel)?;
        Ok(Some(Installed {
            minor,
            plan,
            entry: rules,
        }))
    }
}

/// Why a reservation is not carried out.
enum Failure {
    Refused(TcError),
    Kernel(KernelError),
}

impl From<TcError> for Failure {
    fn from(error: TcError) -> Self {
        Self::Refused(error)
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
        let link = self.links.get(&interface)?;
        let ledger = link.ledger.as_ref()?;
        let shortage = ledger.shortage(handle, request);
        // Bandwidth is not what is short, then.
        if shortage.bound == Bound::PerFlow
            && shortage.wanted <= shortage.free
            && let Some(terms) = link.terms()
        {
            let entry = Entry::new(request, terms.header);
            return Some(Shortage {
                bound: Bound::Queue {
                    wanted: Plan::queue(request, &entry, &terms),
                    most: terms.longest_queue(),
                },
                ..shortage
            });
        }
        Some(shortage)
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
            self.withdraw(interface, handle, &installed);
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
