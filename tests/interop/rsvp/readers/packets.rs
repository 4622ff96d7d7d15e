//! Messages as the packets of a capture file.

use fairway_rsvp::neighbour::Transmit;
use fairway_sim::pcap::{Direction, Interface, LinkType, Packet, Writer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub(super) at: Duration,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ttl: u8,
    pub(super) router_alert: bool,
    pub(super) payload: Vec<u8>,
}

impl Datagram {
    pub(super) fn of(at: Duration, transmit: &Transmit) -> Self {
        Self {
            at,
            source: transmit.source,
            destination: transmit.destination,
            ttl: transmit.ttl,
            router_alert: transmit.router_alert,
            payload: transmit.payload.to_vec(),
        }
    }

    fn octets(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.v4(source, destination),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.v6(source, destination),
            _ => panic!("two families: {self:?}"),
        }
    }

    /// RFC 2113: the option 94 04 00 00.
    fn v4(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let option: &[u8] = if self.router_alert {
            &[0x94, 4, 0, 0]
        } else {
            &[]
        };
        let header = 20 + option.len();
        let length = u16::try_from(header + self.payload.len())
            .unwrap()
            .to_be_bytes();
        let words = u8::try_from(header / 4).unwrap();
        let first = [
            0x40 | words,
            0xc0,
            length[0],
            length[1],
            0,
            0,
            0,
            0,
            self.ttl,
            46,
            0,
            0,
        ];
        let mut octets = [&first[..], &source.octets(), &destination.octets(), option].concat();
        let sum: u32 = octets
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let check = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
        octets[10..12].copy_from_slice(&check.to_be_bytes());
        octets.extend(&self.payload);
        octets
    }

    /// RFC 2711: the option 05 02 00 01 in a hop-by-hop header.
    fn v6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let option: &[u8] = if self.router_alert {
            &[46, 0, 5, 2, 0, 1, 1, 0]
        } else {
            &[]
        };
        let length = u16::try_from(option.len() + self.payload.len())
            .unwrap()
            .to_be_bytes();
        let next = if self.router_alert { 0 } else { 46 };
        let first = [0x6c, 0, 0, 0, length[0], length[1], next, self.ttl];
        [
            &first[..],
            &source.octets(),
            &destination.octets(),
            option,
            &self.payload,
        ]
        .concat()
    }
}

/// Writes a capture file.
pub(super) fn write(path: &Path, datagrams: &[Datagram]) {
    let mut writer = Writer::new(Vec::new());
    let interface = writer
        .interface(&Interface {
            name: "rsvp".into(),
            description: String::new(),
            link_type: LinkType::RAW_IP,
            speed: None,
        })
        .unwrap();
    for datagram in datagrams {
        let octets = datagram.octets();
        let packet = Packet {
            interface,
            at: datagram.at,
            direction: Direction::Outbound,
            octets: &octets,
            original_length: octets.len(),
            comment: "",
        };
        writer.packet(&packet).unwrap();
    }
    std::fs::write(path, writer.into_inner()).unwrap();
}
