//! Flows, as filters name them: from sessions and senders to keys of maps.

use std::net::IpAddr;

use crate::interface::IfIndex;
use crate::wire::{Sender, Session};

/// A part of a key. Each takes whole words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The index of the interface the packet leaves by.
    Interface,
    /// Its destination.
    Destination,
    /// Its source.
    Source,
    /// Its protocol: the first that is no extension header.
    Protocol,
    /// Its ports, source first, in one word.
    Ports,
    /// Its destination port.
    DestinationPort,
    /// Its flow label, 20 bits.
    FlowLabel,
}

/// A form of filter: which parts of a packet it looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The name of its map.
    pub(super) name: &'static str,
    /// Whether it is for IPv6.
    pub(super) v6: bool,
    /// What it looks at, in this order.
    pub(super) parts: &'static [Part],
}

use Part::{Destination, DestinationPort, FlowLabel, Interface, Ports, Protocol, Source};

/// All forms, those that look at most first: a packet belongs to the first that knows it.
pub(super) const FORMS: [Form; 12] = [
    Form {
        name: "v4_flows",
        v6: false,
        parts: &[Interface, Destination, Source, Protocol, Ports],
    },
    Form {
        name: "v4_senders_to_port",
        v6: false,
        parts: &[Interface, Destination, Source, Protocol, DestinationPort],
    },
    Form {
        name: "v4_ports",
        v6: false,
        parts: &[Interface, Destination, Protocol, DestinationPort],
    },
    Form {
        name: "v4_senders",
        v6: false,
        parts: &[Interface, Destination, Source, Protocol],
    },
    Form {
        name: "v4_destinations",
        v6: false,
        parts: &[Interface, Destination, Protocol],
    },
    Form {
        name: "v6_labels_to_port",
        v6: true,
        parts: &[
            Interface,
            Destination,
            Source,
            Protocol,
            FlowLabel,
            DestinationPort,
        ],
    },
    Form {
        name: "v6_labels",
        v6: true,
        parts: &[Interface, Destination, Source, Protocol, FlowLabel],
    },
    Form {
        name: "v6_flows",
        v6: true,
        parts: &[Interface, Destination, Source, Protocol, Ports],
    },
    Form {
        name: "v6_senders_to_port",
        v6: true,
        parts: &[Interface, Destination, Source, Protocol, DestinationPort],
    },
    Form {
        name: "v6_ports",
        v6: true,
        parts: &[Interface, Destination, Protocol, DestinationPort],
    },
    Form {
        name: "v6_senders",
        v6: true,
        parts: &[Interface, Destination, Source, Protocol],
    },
    Form {
        name: "v6_destinations",
        v6: true,
        parts: &[Interface, Destination, Protocol],
    },
];

/// Names data: what a filter selects on one interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    /// The name of its [`Form`].
    pub(super) map: &'static str,
    /// The key in that map.
    pub(super) key: Vec<u8>,
}

impl Flow {
    /// What of `session` leaves by `interface` and is `sender`'s, or anybody's.
    ///
    /// `None` if session and sender are of different families: there is no such data.
    pub(super) fn new(
        interface: IfIndex,
        session: &Session,
        sender: Option<Sender>,
    ) -> Option<Self> {
        let v6 = session.destination.is_ipv6();
        if sender.is_some_and(|sender| sender.address().is_ipv6() != v6) {
            return None;
        }
        let label = match sender {
            Some(Sender::V6FlowLabel(_, label)) => Some(label),
            _ => None,
        };
        // RFC 2205 §A.9: a source port of zero stands for none, and so does a sender without one.
        let port = sender.and_then(Sender::port).unwrap_or(0);
        let wanted = |part: &Part| match part {
            Interface | Destination | Protocol => true,
            Source => sender.is_some(),
            Ports => session.port != 0 && port != 0,
            DestinationPort => session.port != 0 && port == 0,
            FlowLabel => label.is_some(),
        };
        const ALL: [Part; 7] = [
            Interface,
            Destination,
            Source,
            Protocol,
            FlowLabel,
            Ports,
            DestinationPort,
        ];
        let parts = || ALL.iter().filter(|part| wanted(part));
        let form = FORMS
            .iter()
            .find(|form| form.v6 == v6 && form.parts.iter().eq(parts()))?;
        let mut key = Vec::with_capacity(48);
        for part in form.parts {
            match part {
                Interface => key.extend_from_slice(&interface.0.to_ne_bytes()),
                Destination => put(&mut key, session.destination),
                Source => put(&mut key, sender?.address()),
                Protocol => key.extend_from_slice(&[session.protocol.0, 0, 0, 0]),
                Ports => {
                    key.extend_from_slice(&port.to_be_bytes());
                    key.extend_from_slice(&session.port.to_be_bytes());
                }
                DestinationPort => {
                    key.extend_from_slice(&session.port.to_be_bytes());
                    key.extend_from_slice(&[0, 0]);
                }
                // IPv6 has 20 bits of the 24 that RFC 2205 §A.9 has room for.
                FlowLabel => key.extend_from_slice(&(label? & 0x000f_ffff).to_be_bytes()),
            }
        }
        Some(Self {
            map: form.name,
            key,
        })
    }
}

fn put(key: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => key.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => key.extend_from_slice(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_wire::Protocol as Number;

    fn session(destination: &str, port: u16) -> Session {
        Session {
            destination: destination.parse().unwrap(),
            protocol: Number(17),
            e_police: false,
            port,
        }
    }

    fn flow(destination: &str, port: u16, sender: Option<Sender>) -> (&'static str, usize) {
        let flow = Flow::new(IfIndex(2), &session(destination, port), sender).unwrap();
        (flow.map, flow.key.len())
    }

    /// RFC 2205 §1.3: a filter is the session's destination, and the sender's address and port, or flow label.
    #[test]
    fn each_kind_of_filter_has_its_map() {
        let v4 = |port| Some(Sender::V4([192, 0, 2, 1].into(), port));
        let address = "2001:db8::1".parse().unwrap();
        let v6 = |port| Some(Sender::V6(address, port));
        let label = Some(Sender::V6FlowLabel(address, 0xabcde));
        assert_eq!(flow("10.0.0.1", 5, v4(6)), ("v4_flows", 20));
        assert_eq!(flow("10.0.0.1", 5, v4(0)), ("v4_senders_to_port", 20));
        assert_eq!(flow("10.0.0.1", 5, None), ("v4_ports", 16));
        assert_eq!(flow("10.0.0.1", 0, v4(0)), ("v4_senders", 16));
        assert_eq!(flow("10.0.0.1", 0, None), ("v4_destinations", 12));
        assert_eq!(flow("2001:db8::2", 5, v6(6)), ("v6_flows", 44));
        assert_eq!(flow("2001:db8::2", 5, v6(0)), ("v6_senders_to_port", 44));
        assert_eq!(flow("2001:db8::2", 5, label), ("v6_labels_to_port", 48));
        assert_eq!(flow("2001:db8::2", 0, label), ("v6_labels", 44));
        assert_eq!(flow("2001:db8::2", 5, None), ("v6_ports", 28));
        assert_eq!(flow("2001:db8::2", 0, v6(0)), ("v6_senders", 40));
        assert_eq!(flow("2001:db8::2", 0, None), ("v6_destinations", 24));
    }

    #[test]
    fn families_do_not_mix() {
        let sender = Some(Sender::V4([192, 0, 2, 1].into(), 6));
        assert_eq!(
            Flow::new(IfIndex(2), &session("2001:db8::2", 5), sender),
            None
        );
    }

    /// Both ports are one word, in network order, the source's first, as packets have them.
    #[test]
    fn keys_are_as_packets_have_them() {
        let sender = Some(Sender::V4([192, 0, 2, 1].into(), 0x0102));
        let flow = Flow::new(IfIndex(7), &session("10.0.0.1", 0x0304), sender).unwrap();
        let mut key = 7u32.to_ne_bytes().to_vec();
        key.extend_from_slice(&[10, 0, 0, 1, 192, 0, 2, 1, 17, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(flow.key, key);
    }
}
