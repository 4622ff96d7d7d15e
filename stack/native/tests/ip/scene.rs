//! A host on two networks, and a stranger who sends it what no honest host would.

use crate::support::Lab;
use fairway_native::event::{Class, EventId, Fields, Level};
use fairway_native::mgmt::Statistics;
use fairway_native::{InterfaceId, PacketBuf, SocketId, Stack};
use fairway_wire::{EtherType, MacAddr, Protocol, arp, ethernet, icmp, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The host, on the first network.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Its neighbour there, which is a whole host too.
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// The stranger there, who answers nothing.
pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 66);
/// The host, on the second network.
pub(crate) const HOST_TOO: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// Its neighbour there.
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// An address that no route leads to.
pub(crate) const NOWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// The link address of the stranger.
pub(crate) const STRANGER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0xee, 0xee]);

/// The first network of the host.
pub(crate) const LAN: InterfaceId = InterfaceId(2);
/// The second.
pub(crate) const FAR_LAN: InterfaceId = InterfaceId(3);

/// Whose counters are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layer {
    Ip,
    Icmp,
    Igmp,
}

pub(crate) struct Scene {
    pub(crate) lab: Lab,
}

impl Scene {
    /// A host that forwards nothing.
    pub(crate) fn new() -> Self {
        let mut lab = Lab::new();
        lab.host("host");
        Self::with(lab)
    }

    /// A router.
    pub(crate) fn router() -> Self {
        let mut lab = Lab::new();
        lab.router("router");
        Self::with(lab)
    }

    /// That host.
    pub(crate) fn of(host: Stack) -> Self {
        let mut lab = Lab::new();
        lab.hosts.push(host);
        Self::with(lab)
    }

    fn with(mut lab: Lab) -> Self {
        let peer = lab.host("peer");
        let far = lab.host("far");
        lab.ethernet(&[(0, "10.0.0.1"), (peer, "10.0.0.2")]);
        lab.ethernet(&[(0, "10.0.1.1"), (far, "10.0.1.2")]);
        lab.pass(Duration::from_secs(5));
        let now = lab.now;
        let host = &mut lab.hosts[0];
        host.set_neighbor(now, LAN, STRANGER, STRANGER_MAC).unwrap();
        let events = host.events_mut();
        events.set_threshold(Level::Verbose);
        for class in Class::ALL {
            events.set_class(class, true);
        }
        let mut scene = Self { lab };
        scene.watch();
        scene
    }

    pub(crate) fn host(&mut self) -> &mut Stack {
        &mut self.lab.hosts[0]
    }

    /// Forgets what was seen so far.
    pub(crate) fn watch(&mut self) {
        self.host().events_mut().start(256, false);
        self.lab.carried.clear();
    }

    /// What the event said, which was raised exactly once since the last look.
    pub(crate) fn raised(&mut self, id: EventId) -> Fields {
        let records = self.host().events_mut().ring_mut().take();
        let mut of_it = records.iter().filter(|record| record.id == id);
        let record = of_it.next().unwrap_or_else(|| {
            let seen: Vec<_> = records.iter().map(|record| record.id).collect();
            panic!("{id:?} was not raised, but {seen:?}")
        });
        assert_eq!(of_it.next(), None, "raised twice");
        assert!(self.host().events().count_of(id) > 0);
        record.fields
    }

    /// Whether an event was not raised since the last look.
    pub(crate) fn silent(&mut self, id: EventId) -> bool {
        let records = self.host().events_mut().ring_mut().take();
        records.iter().all(|record| record.id != id)
    }

    /// An IP packet arrives on the first network with a segment that is still to be cut into pieces of `mss` octets.
    pub(crate) fn offloaded(&mut self, octets: &[u8], mss: u16) {
        let mac = self.mac();
        self.frame_with(mac, EtherType::IPV4, octets, mss);
    }

    /// A frame arrives on the first network.
    pub(crate) fn frame(&mut self, to: MacAddr, ether_type: EtherType, payload: &[u8]) {
        self.frame_with(to, ether_type, payload, 0);
    }

    fn frame_with(&mut self, to: MacAddr, ether_type: EtherType, payload: &[u8], mss: u16) {
        let mut head = [0; ethernet::Header::LEN];
        let header = ethernet::Header {
            destination: to,
            source: STRANGER_MAC,
            ether_type,
        };
        header.emit(&mut head);
        let mut frame = PacketBuf::from_slice(&head);
        frame.extend_from_slice(payload);
        frame.segment_size = mss;
        let now = self.lab.now;
        self.host().handle_frame(now, LAN, frame);
        self.lab.settle();
    }

    /// The link address of the host on the first network.
    pub(crate) fn mac(&mut self) -> MacAddr {
        match self.host().interfaces()[1].medium() {
            fairway_native::Medium::Ethernet(mac) => mac,
            other => panic!("{other:?}"),
        }
    }

    /// An IP packet arrives on the first network, for the host's link address.
    pub(crate) fn packet(&mut self, octets: &[u8]) {
        let mac = self.mac();
        self.frame(mac, EtherType::IPV4, octets);
    }

    pub(crate) fn arp(&mut self, packet: arp::Packet) {
        let mut octets = [0; arp::Packet::LEN];
        packet.emit(&mut octets);
        self.frame(MacAddr::BROADCAST, EtherType::ARP, &octets);
    }

    /// The IP packets that were carried on a network since the last look, without their link header.
    pub(crate) fn carried(&self, segment: usize) -> Vec<Vec<u8>> {
        let of_it = self.lab.carried.iter().filter(|(on, _)| *on == segment);
        of_it
            .filter_map(|(_, frame)| {
                let (header, payload) = ethernet::Header::parse(frame).ok()?;
                (header.ether_type == EtherType::IPV4).then(|| payload.to_vec())
            })
            .collect()
    }

    /// The only ICMP error that was carried on the first network since the last look: what it says, and what it quotes.
    pub(crate) fn icmp_error(&mut self) -> (ipv4::Header, icmp::Message, Vec<u8>) {
        let mut errors = self.icmp_sent();
        errors.retain(|(_, message, _)| message.is_error());
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    /// The ICMP messages of the host that were carried on the first network since the last look.
    pub(crate) fn icmp_sent(&mut self) -> Vec<(ipv4::Header, icmp::Message, Vec<u8>)> {
        let mut all = Vec::new();
        for packet in self.carried(0) {
            let (header, _, payload) = ipv4::Header::parse_verified(&packet).unwrap();
            if header.protocol == Protocol::ICMP && header.source == HOST {
                assert!(icmp::verify_checksum(payload));
                let (message, rest) = icmp::Message::parse(payload).unwrap();
                all.push((header, message, rest.to_vec()));
            }
        }
        all
    }

    /// A counter of the host, by the layer and its name.
    pub(crate) fn counter(&mut self, layer: Layer, name: &str) -> u64 {
        let counters = self.host().counters();
        let of: &dyn Statistics = match layer {
            Layer::Ip => &counters.ip,
            Layer::Icmp => &counters.icmp,
            Layer::Igmp => &counters.igmp,
        };
        of.by_name(name)
            .unwrap_or_else(|| panic!("no counter {name}"))
    }

    /// A UDP socket of the host with that port.
    pub(crate) fn udp(&mut self, port: u16) -> SocketId {
        self.lab.udp(0, &format!("0.0.0.0:{port}"))
    }
}

/// What the dictionary says of an event, against `events.md` §5.
pub(crate) fn declared(id: EventId, name: &str, class: Class, level: Level) {
    assert_eq!((id.name(), id.class(), id.level()), (name, class, level));
}

/// An IP header; its lengths are set by [`packet`].
pub(crate) fn header(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol) -> ipv4::Header {
    ipv4::Header {
        dscp_ecn: 0,
        total_len: 0,
        id: 7,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol,
        source,
        destination,
        header_len: 20,
    }
}

/// A packet with that header.
pub(crate) fn packet(header: ipv4::Header, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = ipv4::Header::len_with_options(options.len()).unwrap();
    let total_len = u16::try_from(usize::from(header_len) + payload.len()).unwrap();
    let header = ipv4::Header {
        header_len,
        total_len,
        ..header
    };
    let mut octets = vec![0; header_len.into()];
    header.emit(options, &mut octets);
    octets.extend_from_slice(payload);
    octets
}

/// A UDP datagram from the stranger.
pub(crate) fn datagram(destination: Ipv4Addr, port: u16, data: &[u8]) -> Vec<u8> {
    datagram_with(
        header(STRANGER, destination, Protocol::UDP),
        &[],
        port,
        data,
    )
}

pub(crate) fn datagram_with(
    header: ipv4::Header,
    options: &[u8],
    port: u16,
    data: &[u8],
) -> Vec<u8> {
    let udp = fairway_wire::udp::Header {
        source_port: 4000,
        destination_port: port,
        length: u16::try_from(8 + data.len()).unwrap(),
        checksum: 0,
    };
    let mut head = [0; 8];
    udp.emit(&mut head);
    let mut octets = [&head, data].concat();
    fairway_wire::udp::fill_checksum(header.source, header.destination, &mut octets);
    packet(header, options, &octets)
}

/// An ICMP message.
pub(crate) fn icmp(header: ipv4::Header, message: icmp::Message, rest: &[u8]) -> Vec<u8> {
    packet(header, &[], &icmp_octets(message, rest))
}

pub(crate) fn icmp_octets(message: icmp::Message, rest: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; message.header_len()];
    octets.extend_from_slice(rest);
    message.emit(&mut octets);
    octets
}

/// An echo request from the stranger.
pub(crate) fn echo(destination: Ipv4Addr, data: &[u8]) -> Vec<u8> {
    let message = icmp::Message::EchoRequest { id: 1, seq: 2 };
    icmp(header(STRANGER, destination, Protocol::ICMP), message, data)
}
