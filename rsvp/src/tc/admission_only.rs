//! Traffic control that only counts.

use std::collections::BTreeMap;

use super::ledger::{Bounds, Ledger};
use super::{Granted, RHandle, Request, Shortage, TcError, TcMode, TcSettings, TrafficControl};
use crate::interface::{IfIndex, Interface};
use crate::intserv::{Bandwidth, Latency, LocalElement, LocalValues};
use crate::wire::{Sender, Session};

/// Admits and refuses, and installs nothing: for systems without a scheduler.
///
/// That nothing is enforced is told downstream: no service is advertised, so each service's break bit is set in the
/// Adspec. With [`TcMode::Off`], and where the link's rate is not known, whatever is asked is granted.
#[derive(Debug, Default)]
pub struct AdmissionOnly {
    links: BTreeMap<IfIndex, Link>,
    reservations: u64,
}

#[derive(Debug)]
struct Link {
    values: LocalValues,
    ledger: Option<Ledger>,
}

impl AdmissionOnly {
    /// No interface is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An interface is there, or has changed. What is reserved on it stays.
    pub fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) {
        let rate = settings.link_rate;
        let values = local_values(
            rate.map_or(Bandwidth::UNKNOWN, Bandwidth::from),
            settings,
            interface.mtu,
        );
        let bounds = rate.filter(|_| settings.mode != TcMode::Off).map(|rate| {
            Bounds::new(
                settings,
                rate,
                settings.link_header.unwrap_or(0),
                interface.mtu,
            )
        });
        let before = self
            .links
            .remove(&interface.index)
            .and_then(|link| link.ledger);
        let ledger = bounds.map(|bounds| match before {
            Some(mut ledger) => {
                ledger.set_bounds(bounds);
                ledger
            }
            None => Ledger::new(bounds),
        });
        self.links.insert(interface.index, Link { values, ledger });
    }

    /// An interface is gone, and all that is reserved on it.
    pub fn interface_gone(&mut self, interface: IfIndex) {
        self.links.remove(&interface);
    }

    /// What is reserved there, if it is counted.
    #[must_use]
    pub fn ledger(&self, interface: IfIndex) -> Option<&Ledger> {
        self.links.get(&interface)?.ledger.as_ref()
    }
}

/// The values of a link, for Adspecs.
pub(super) fn local_values(bandwidth: Bandwidth, settings: &TcSettings, mtu: u32) -> LocalValues {
    LocalValues {
        bandwidth,
        latency: Latency::from_micros(settings.latency_micros),
        mtu,
    }
}

/// What a node without services adds to an Adspec.
pub(super) const fn no_services(general: LocalValues) -> LocalElement {
    LocalElement {
        general,
        guaranteed: None,
        controlled_load: None,
        after_non_is_hop: false,
    }
}

impl TrafficControl for AdmissionOnly {
    fn advertise(&self, interface: IfIndex) -> LocalElement {
        let unknown = || local_values(Bandwidth::UNKNOWN, &TcSettings::default(), u32::MAX);
        no_services(
            self.links
                .get(&interface)
                .map_or_else(unknown, |link| link.values),
        )
    }

    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        _session: &Session,
        _filters: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        let link = self
            .links
            .get_mut(&interface)
            .ok_or(TcError::NoSuchHandle)?;
        let granted = handle.unwrap_or(RHandle(self.reservations));
        if let Some(ledger) = &mut link.ledger {
            // What was granted uncounted is counted now.
            if handle.is_some() && ledger.get(granted).is_some() {
                ledger.change(granted, request)?;
            } else {
                ledger.admit(granted, request)?;
            }
        }
        if handle.is_none() {
            self.reservations += 1;
        }
        Ok(Granted {
            handle: granted,
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
        if let Some(ledger) = self
            .links
            .get_mut(&interface)
            .and_then(|link| link.ledger.as_mut())
        {
            ledger.release(handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::Settings;
    use crate::intserv::{BytesPerSec, Flowspec, Tspec};
    use crate::tc::Policing;

    fn interface(mtu: u32) -> Interface {
        Interface {
            index: IfIndex(2),
            name: "eth0".into(),
            addresses: Vec::new(),
            mtu,
            up: true,
            point_to_point: false,
            settings: Settings::default(),
        }
    }

    fn ask(tc: &mut AdmissionOnly, rate: f32) -> Result<Granted, TcError> {
        let session = Session {
            destination: "192.0.2.1".parse().unwrap(),
            protocol: fairway_wire::Protocol(17),
            e_police: false,
            port: 5004,
        };
        tc.install(IfIndex(2), None, &load(rate), &session, &[None])
    }

    fn load(rate: f32) -> Request {
        let tspec = Tspec::new(rate, 1e4, f32::INFINITY, 100, 1000).unwrap();
        Request {
            flowspec: Flowspec::ControlledLoad(tspec),
            path: tspec,
            policing: Policing::default(),
            upstream: None,
        }
    }

    /// RFC 2210 §3.3.3: a node without the service says so in the Adspec; the hop still counts.
    #[test]
    fn no_service_is_advertised() {
        let mut tc = AdmissionOnly::new();
        let settings = TcSettings {
            link_rate: BytesPerSec::new(1e6),
            ..TcSettings::default()
        };
        tc.set_interface(&interface(1400), &settings);
        let element = tc.advertise(IfIndex(2));
        assert!(element.guaranteed.is_none() && element.controlled_load.is_none());
        assert_eq!(element.general.mtu, 1400);
        assert_eq!(element.general.bandwidth.get(), 1e6);
    }

    #[test]
    fn admits_up_to_the_share() {
        let mut tc = AdmissionOnly::new();
        let settings = TcSettings {
            link_rate: BytesPerSec::new(1e6),
            ..TcSettings::default()
        };
        tc.set_interface(&interface(1500), &settings);
        let granted = ask(&mut tc, 700_000.0).unwrap();
        assert_eq!(ask(&mut tc, 100_000.0), Err(TcError::Bandwidth));
        tc.remove(IfIndex(2), granted.handle);
        assert_eq!(tc.ledger(IfIndex(2)).unwrap().reserved().get(), 0.0);
        tc.interface_gone(IfIndex(2));
        assert!(ask(&mut tc, 1.0).is_err());
    }

    #[test]
    fn off_grants_whatever_is_asked() {
        let mut tc = AdmissionOnly::new();
        let settings = TcSettings {
            mode: TcMode::Off,
            link_rate: BytesPerSec::new(1e3),
            ..TcSettings::default()
        };
        tc.set_interface(&interface(1500), &settings);
        ask(&mut tc, 1e9).unwrap();
        assert!(tc.ledger(IfIndex(2)).is_none());
    }
}
