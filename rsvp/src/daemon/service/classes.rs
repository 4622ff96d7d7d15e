//! `rsvpctl traffic-control`: what is installed, and what it has counted.

use super::Service;
use crate::daemon::config::{Endpoint, Protocol};
use crate::daemon::control::protocol::{ClassOf, Classes, SessionName};
use crate::daemon::control::value;
use crate::daemon::platform::{ShapedData, ShaperClass};
use crate::daemon::timeline::concerns;
use crate::wire::Session;

impl Service {
    /// Of a destination, if one is named; the system is asked for all.
    pub(super) fn class_rows(&self, destination: Option<Endpoint>, most: usize) -> Classes {
        let all = self.shaper.lock().classes();
        let mut wanted = all.into_iter().filter(|class| match &class.data {
            ShapedData::Reserved(session, _) => concerns(destination, Some(session)),
            ShapedData::Control | ShapedData::BestEffort => destination.is_none(),
        });
        let classes = wanted
            .by_ref()
            .take(most)
            .map(|class| self.class_row(class))
            .collect();
        Classes {
            classes,
            is_cut: wanted.next().is_some(),
        }
    }

    fn class_row(&self, of: ShaperClass) -> ClassOf {
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
            mode: self.shaper.lock().state(of.interface).kind.to_owned(),
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
