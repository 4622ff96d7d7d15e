//! Messages of any content, from anybody: bounds hold, nothing is kept for ever, and no call goes on for ever.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fairway_rsvp::engine::{Config, Limits};
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::msg::{Body, FfDescriptor, Flows, FlowspecSlot, Message};
use fairway_rsvp::neighbour::{Arrival, Via};
use fairway_rsvp::wire::{ErrorCode, FilterSpec, RsvpHop, Sender, SenderTemplate, Session};
use proptest::prelude::*;

use crate::any::any_message;
use crate::net::{tspec, udp};
use crate::one::{A, B, C, D, One, b};

fn few() -> Limits {
    Limits {
        sessions: 3,
        senders: 3,
        reservations: 3,
        filters: 2,
        blockades: 2,
        neighbours: 6,
        unacknowledged: 4,
        carried_octets: 64,
        ..Limits::default()
    }
}

/// What stands in a message in place of what chance has put there, so that messages have to do with each other.
#[derive(Clone, Debug)]
struct Aim {
    session: u8,
    hop: u8,
    handle: u8,
    senders: Vec<u8>,
    rate: u8,
    readable: bool,
    interface: u32,
    to_node: bool,
    code: u8,
    wait: u32,
}

fn aim() -> impl Strategy<Value = Aim> {
    (
        (0_u8..6, 1_u8..5, 0_u8..6, prop::collection::vec(1_u8..6, 4)),
        (1_u8..5, prop::bool::weighted(0.9), 1_u32..5),
        (prop::bool::weighted(0.8), 0_u8..9, 0_u32..20_000),
    )
        .prop_map(
            |(
                (session, hop, handle, senders),
                (rate, readable, interface),
                (to_node, code, wait),
            )| Aim {
                session,
                hop,
                handle,
                senders,
                rate,
                readable,
                interface,
                to_node,
                code,
                wait,
            },
        )
}

impl Aim {
    fn session(&self) -> Session {
        let group = IpAddr::V4(Ipv4Addr::new(224, 1, 1, 1));
        let host = IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1));
        match self.session {
            0 => udp(group, 5000),
            1 => udp(group, 5001),
            2 => udp(group, 0),
            3 => udp(host, 5000),
            4 => udp(Ipv4Addr::new(224, 1, 1, 2), 5000),
            _ => udp(Ipv4Addr::new(10, 0, 1, 1), 5000),
        }
    }

    fn sender(&self, at: usize) -> Sender {
        let number = self.senders[at % self.senders.len()];
        let port = if number == 5 || self.session == 2 {
            0
        } else {
            4000
        };
        Sender::V4(Ipv4Addr::new(10, 9, 0, number), port)
    }

    fn flowspec<F: FlowspecSlot>(&self, slot: &mut F) {
        let object = b(f32::from(self.rate)).to_object();
        if let (true, Some(readable)) = (self.readable, F::of(Some(object))) {
            *slot = readable;
        }
    }

    fn flows<F: FlowspecSlot>(&self, flows: &mut Flows<F>) {
        match flows {
            Flows::Wf(flowspec) => self.flowspec(flowspec),
            Flows::Ff(list) => {
                for (at, FfDescriptor { flowspec, filter }) in list.iter_mut().enumerate() {
                    self.flowspec(flowspec);
                    *filter = FilterSpec(self.sender(at));
                }
            }
            Flows::Se { flowspec, filters } => {
                self.flowspec(flowspec);
                for (at, filter) in filters.iter_mut().enumerate() {
                    *filter = FilterSpec(self.sender(at));
                }
            }
            Flows::Unknown { .. } => {}
        }
    }

    fn take(&self, message: &mut Message) {
        let hop = RsvpHop {
            address: Ipv4Addr::new(10, 0, u8::try_from(self.interface).unwrap(), self.hop).into(),
            handle: self.handle.into(),
        };
        let session = self.session();
        let template = SenderTemplate(self.sender(0));
        let rate = tspec(f32::from(self.rate) * 10.0).to_object();
        match &mut message.body {
            Body::Path(path) => {
                (path.session, path.hop) = (session, hop);
                if let Some(sender) = &mut path.sender {
                    sender.template = template;
                    if self.readable {
                        (sender.tspec, sender.adspec) = (rate, None);
                    }
                }
            }
            Body::PathTear(tear) => {
                (tear.session, tear.hop) = (session, hop);
                if let Some(sender) = &mut tear.sender {
                    sender.template = template;
                }
            }
            Body::PathErr(error) => {
                error.session = session;
                if let Some(sender) = &mut error.sender {
                    sender.template = template;
                }
            }
            Body::Resv(resv) => {
                (resv.session, resv.hop) = (session, hop);
                self.flows(&mut resv.flows);
                if !self.readable {
                    return;
                }
                if let Some(confirm) = &mut resv.confirm {
                    confirm.receiver = hop.address;
                }
            }
            Body::ResvTear(tear) => {
                (tear.session, tear.hop) = (session, hop);
                self.flows(&mut tear.flows);
            }
            Body::ResvErr(error) => {
                (error.session, error.hop) = (session, hop);
                error.error.code = ErrorCode(self.code);
                self.flows(&mut error.flows);
            }
            Body::ResvConf(confirm) => {
                confirm.session = session;
                self.flows(&mut confirm.flows);
            }
            _ => {}
        }
    }
}

fn node() -> One {
    let config = Config {
        limits: few(),
        ..Config::default()
    };
    let mut one = One::in_session(udp(Ipv4Addr::new(224, 1, 1, 1), 5000), config);
    one.settings.refresh_reduction = true;
    for interface in [A, B, C, D] {
        one.set_interface(interface, true);
    }
    for (sender, from, to) in [
        (1, A, &[C, D][..]),
        (2, B, &[C, D]),
        (3, C, &[A, D]),
        (4, D, &[A]),
        (5, A, &[B]),
    ] {
        one.route(sender, from, to);
    }
    let host = IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1));
    one.table().unicast.insert(host, IfIndex(D));
    let own = one.neighbour(A, 1);
    one.table().unicast.insert(own, IfIndex::LOCAL);
    one
}

fn holds(one: &One) -> Result<(), TestCaseError> {
    let few = few();
    let sessions = one.engine.sessions(one.now);
    prop_assert!(sessions.len() <= few.sessions);
    for session in &sessions {
        prop_assert!(session.senders.len() <= few.senders);
        prop_assert!(session.reservations.len() <= few.reservations);
        prop_assert!(session.blockades.len() <= few.blockades);
        for one in &session.reservations {
            prop_assert!(one.filters.len() <= few.filters);
        }
    }
    prop_assert!(one.engine.neighbours().count() <= few.neighbours);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(200), failure_persistence: None, ..ProptestConfig::default() })]

    /// STYLE: whatever a peer can make grow has a limit. RFC 2205 §2.3: what is not refreshed ends.
    #[test]
    fn any_messages_leave_nothing_behind(
        messages in prop::collection::vec((any_message(), aim()), 1..60),
    ) {
        let mut one = node();
        for (mut message, aim) in messages {
            aim.take(&mut message);
            message.integrity = None;
            let Ok(octets) = message.encode() else {
                continue;
            };
            let link = u8::try_from(aim.interface).unwrap();
            let arrival = Arrival {
                interface: IfIndex(aim.interface),
                source: Ipv4Addr::new(10, 0, link, aim.hop).into(),
                destination: if aim.to_node {
                    Ipv4Addr::new(10, 0, link, 1).into()
                } else {
                    aim.session().destination
                },
                ttl: Some(message.send_ttl),
                via: Via::Raw,
            };
            one.hear_octets(&arrival, octets);
            holds(&one)?;
            one.wait(Duration::from_millis(aim.wait.into()));
            one.sent();
        }
        // The longest refresh period that is believed is 65 535 s.
        one.wait(Duration::from_secs(350_000));
        prop_assert_eq!(one.engine.session_count(), 0);
        prop_assert!(one.installed().reservations.is_empty());
        prop_assert_eq!(one.engine.poll_timeout(), None);
    }
}
