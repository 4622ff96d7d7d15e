//! `rsvpctl traffic-control`: what is installed, and what it has counted.

use std::collections::BTreeMap;

use super::Service;
use super::answer::MOST;
use crate::daemon::config::{Endpoint, Protocol};
use crate::daemon::control::protocol::{ClassOf, Classes, Counted, SessionName, Sessions};
use crate::daemon::control::value;
use crate::daemon::platform::{ShapedData, ShaperClass};
use crate::daemon::timeline::concerns;
use crate::wire::Session;

impl Service {
    /// Of a destination, if one is named. The system is asked for all, unless nothing is installed for that one.
    pub(super) fn class_rows(&self, destination: Option<Endpoint>, most: usize) -> Classes {
        if destination.is_some() && !self.has_installed(destination) {
            return Classes::default();
        }
        let all = self.shaper.lock().classes();
        let mut modes = BTreeMap::new();
        let mut wanted = all.into_iter().filter(|class| match &class.data {
            ShapedData::Reserved(session, _) => concerns(destination, Some(session)),
            ShapedData::Control | ShapedData::BestEffort => destination.is_none(),
        });
        let classes = wanted
            .by_ref()
            .take(most.min(MOST))
            .map(|class| {
                let mode = || self.shaper.lock().state(class.interface).kind;
                let mode = *modes.entry(class.interface).or_insert_with(mode);
                self.class_row(class, mode)
            })
            .collect();
        Classes {
            classes,
            is_cut: wanted.next().is_some(),
        }
    }

    fn has_installed(&self, destination: Option<Endpoint>) -> bool {
        self.engine
            .sessions_of(self.clock.now(), |session| {
                concerns(destination, Some(session))
            })
            .any(|session| !session.installed.is_empty())
    }

    /// Says of each reservation what data it has carried; the system is asked for all, unless there are none.
    pub(super) fn count_installed(&self, all: &mut Sessions, destination: Option<Endpoint>) {
        if all.sessions.iter().all(|of| of.installed.is_empty()) {
            return;
        }
        let mut counted: BTreeMap<(String, SessionName, Vec<String>), Counted> = BTreeMap::new();
        let classes = self.shaper.lock().classes();
        for class in classes {
            let ShapedData::Reserved(session, senders) = &class.data else {
                continue;
            };
            if !concerns(destination, Some(session)) {
                continue;
            }
            let senders = senders.iter().flatten().copied().map(value::sender);
            let key = (self.name(class.interface), name(session), senders.collect());
            let of = Counted {
                sent_bytes: class.sent_octets,
                sent_packets: class.sent_packets,
                dropped_packets: class.dropped_packets,
                excess_bytes: class.excess_octets,
                excess_packets: class.excess_packets,
            };
            counted.insert(key, of);
        }
        for session in &mut all.sessions {
            let name = SessionName {
                destination: session.destination,
                protocol: session.protocol.clone(),
                port: session.port,
            };
            for of in &mut session.installed {
                let key = (of.outgoing.clone(), name.clone(), of.senders.clone());
                of.counted = counted.get(&key).copied();
            }
        }
    }

    fn class_row(&self, of: ShaperClass, mode: &str) -> ClassOf {
        let (kind, session, senders) = match of.data {
            ShapedData::Control => ("control", None, Vec::new()),
            ShapedData::BestEffort => ("best effort", None, Vec::new()),
            ShapedData::Reserved(session, senders) => {
                let senders = senders.into_iter().flatten().map(value::sender).collect();
                ("reservation", Some(name(&session)), senders)
            }
        };
        ClassOf {
            interface: self.name(of.interface),
            mode: mode.to_owned(),
            class: of.class,
            kind: kind.to_owned(),
            session,
            senders,
            rate_bytes_per_sec: of.rate,
            sent_bytes: of.sent_octets,
            sent_packets: of.sent_packets,
            dropped_packets: of.dropped_packets,
            excess_bytes: of.excess_octets,
            excess_packets: of.excess_packets,
        }
    }
}

fn name(session: &Session) -> SessionName {
    SessionName {
        destination: session.destination,
        protocol: Protocol(session.protocol.0).to_string(),
        port: session.port,
    }
}
