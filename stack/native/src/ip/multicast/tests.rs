use super::{
    Command, Forward, Incoming, MulticastForwarder, MulticastRoute, Surroundings, Upcall,
    UpcallReason,
};
use crate::errno::Errno;
use crate::event::{EventId, Events};
use crate::iface::InterfaceId;
use crate::limits::MulticastLimits;
use crate::pkt::PacketBuf;
use fairway_wire::{Instant, Protocol, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
const NOW: Instant = Instant::ZERO;

/// Interface n has 10.0.n.1; number 9 cannot do multicast. Sources are where their network is. Interface 3 has a
/// listener.
struct World;

impl Surroundings for World {
    fn interface_of(&self, address: Ipv4Addr) -> Option<(InterfaceId, bool)> {
        match address.octets() {
            [10, 0, n @ 1..=9, 1] => Some((InterfaceId(n.into()), n != 9)),
            _ => None,
        }
    }

    fn reverse_path(&self, source: Ipv4Addr) -> Option<InterfaceId> {
        let [.., n, _] = source.octets();
        Some(InterfaceId(n.into()))
    }

    fn is_wanted(&self, interface: InterfaceId, group: Ipv4Addr, _: Ipv4Addr) -> bool {
        interface == InterfaceId(3) && group == GROUP
    }
}

struct Bed {
    router: MulticastForwarder,
    events: Events,
}

impl Bed {
    fn command(&mut self, command: Command) -> Result<Vec<Forward>, Errno> {
        self.router.command(NOW, command, &World, &mut self.events)
    }

    /// A command that must fail so.
    fn refuses(&mut self, command: Command, errno: Errno, id: EventId) {
        let before = self.events.count_of(id);
        assert_eq!(self.command(command).unwrap_err(), errno);
        assert_eq!(self.events.count_of(id), before + 1);
    }

    fn packet(&mut self, interface: u32, ttl: u8) -> Vec<u32> {
        self.packet_of(SOURCE, GROUP, interface, ttl)
    }

    fn packet_of(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        interface: u32,
        ttl: u8,
    ) -> Vec<u32> {
        let header = ipv4::Header {
            dscp_ecn: 0,
            total_len: 20,
            id: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl,
            protocol: Protocol::UDP,
            source,
            destination,
            header_len: 20,
        };
        let mut packet = PacketBuf::new(20);
        header.emit(&[], packet.grow(20));
        let interface = InterfaceId(interface);
        let events = &mut self.events;
        let incoming = Incoming {
            interface,
            header: &header,
            kept: false,
        };
        let sent = self
            .router
            .handle_packet(NOW, &incoming, packet, &World, events);
        numbers(&sent)
    }
}

fn numbers(sent: &[Forward]) -> Vec<u32> {
    sent.iter().map(|(interface, _)| interface.0).collect()
}

fn add_vif(index: u8, threshold: u8) -> Command {
    Command::AddVif {
        index,
        address: Ipv4Addr::new(10, 0, index, 1),
        threshold,
        tunnel: false,
    }
}

fn route(incoming: u8, outgoing: &[(u8, u8)]) -> Command {
    Command::AddRoute(MulticastRoute {
        source: SOURCE,
        group: GROUP,
        incoming,
        outgoing: outgoing.to_vec(),
    })
}

/// Virtual interfaces 1 to 4 on the interfaces of those numbers; number 4 has a threshold of 16.
fn bed() -> Bed {
    let mut bed = Bed {
        router: MulticastForwarder::new(MulticastLimits::default()),
        events: Events::new(),
    };
    bed.command(Command::Init).unwrap();
    for index in 1..=4 {
        bed.command(add_vif(index, if index == 4 { 16 } else { 0 }))
            .unwrap();
    }
    bed
}

mod commands {
    use super::*;

    /// EVT-20: ip_mrouter_cmd-notinit, ip_mrouter_cmd-badcmd.
    #[test]
    fn nothing_works_before_it_is_initialised() {
        let mut bed = Bed {
            router: MulticastForwarder::new(MulticastLimits::default()),
            events: Events::new(),
        };
        for command in [
            add_vif(1, 0),
            Command::DeleteVif(1),
            route(1, &[]),
            Command::Done,
        ] {
            bed.refuses(command, Errno::Access, EventId::IpMrouterCmdNotinit);
        }
        let unknown = Command::Other(199);
        bed.refuses(unknown, Errno::OpNotSupp, EventId::IpMrouterCmdBadcmd);
        assert!(!bed.router.is_enabled());
        bed.command(Command::Init).unwrap();
        assert_eq!(bed.command(Command::Init).unwrap_err(), Errno::AddrInUse);
    }

    /// EVT-20: add_vif-badindex, -badentry, -badaddr, -badif, del_vif-badindex.
    #[test]
    fn bad_virtual_interfaces_are_refused() {
        let mut bed = bed();
        let with = |index, last: u8, tunnel| Command::AddVif {
            index,
            address: Ipv4Addr::new(10, 0, last, 1),
            threshold: 0,
            tunnel,
        };
        bed.refuses(with(32, 5, false), Errno::Inval, EventId::AddVifBadindex);
        bed.refuses(with(1, 5, false), Errno::AddrInUse, EventId::AddVifBadentry);
        bed.refuses(
            with(5, 77, false),
            Errno::AddrNotAvail,
            EventId::AddVifBadaddr,
        );
        bed.refuses(with(5, 9, false), Errno::OpNotSupp, EventId::AddVifBadif);
        bed.refuses(with(5, 5, true), Errno::OpNotSupp, EventId::AddVifBadif);
        bed.refuses(Command::DeleteVif(5), Errno::Inval, EventId::DelVifBadindex);
        assert_eq!(bed.router.vifs().count(), 4);
    }

    #[test]
    fn bad_routes_are_refused_and_there_is_a_limit() {
        let mut bed = bed();
        bed.router.limits.routes = 1;
        assert_eq!(bed.command(route(7, &[])).unwrap_err(), Errno::Inval);
        assert_eq!(bed.command(route(1, &[(7, 0)])).unwrap_err(), Errno::Inval);
        let to = |group| {
            Command::AddRoute(MulticastRoute {
                source: SOURCE,
                group,
                incoming: 1,
                outgoing: Vec::new(),
            })
        };
        assert_eq!(bed.command(to(SOURCE)).unwrap_err(), Errno::Inval);
        bed.command(to(GROUP)).unwrap();
        let second = to(Ipv4Addr::new(239, 1, 1, 2));
        bed.refuses(second, Errno::NoBufs, EventId::AddMrtNomem);
        bed.command(Command::DeleteRoute(SOURCE, GROUP)).unwrap();
        let again = bed.command(Command::DeleteRoute(SOURCE, GROUP));
        assert_eq!(again.unwrap_err(), Errno::AddrNotAvail);
    }

    #[test]
    fn a_virtual_interface_that_goes_takes_its_routes_along() {
        let mut bed = bed();
        bed.command(route(1, &[(2, 0), (3, 0)])).unwrap();
        bed.command(Command::DeleteVif(2)).unwrap();
        assert_eq!(bed.packet(1, 64), [3]);
        bed.command(Command::DeleteVif(1)).unwrap();
        assert_eq!(bed.router.routes().count(), 0);
        bed.command(Command::Done).unwrap();
        assert!(!bed.router.is_enabled());
    }
}

mod forwarding {
    use super::*;

    #[test]
    fn a_route_names_the_interfaces_and_the_time_to_live_they_want() {
        let mut bed = bed();
        bed.command(route(1, &[(2, 0), (3, 40), (4, 0)])).unwrap();
        assert_eq!(bed.packet(1, 64), [2, 3, 4]);
        assert_eq!(bed.packet(1, 40), [2, 4]);
        assert_eq!(bed.packet(1, 16), [2]);
        assert!(bed.packet(1, 1).is_empty());
        let state = bed.router.routes().next().unwrap();
        assert_eq!((state.packets, state.octets), (3, 60));
        let out: Vec<_> = bed.router.vifs().map(|(_, vif)| vif.packets_out).collect();
        assert_eq!(out, [0, 3, 1, 2]);
    }

    #[test]
    fn what_comes_by_the_wrong_interface_is_dropped_and_told() {
        let mut bed = bed();
        bed.command(route(1, &[(2, 0)])).unwrap();
        assert!(bed.packet(3, 64).is_empty());
        assert_eq!(bed.events.count_of(EventId::IpMforwardWrongif), 1);
        let upcall = bed.router.poll_upcall().unwrap();
        assert_eq!(
            (upcall.reason, upcall.incoming),
            (UpcallReason::WrongInterface, 3)
        );
        assert_eq!(bed.router.routes().next().unwrap().wrong_interface, 1);
    }

    /// RFC 1112 §4, RFC 5771 §4.
    #[test]
    fn groups_of_the_link_stay_there() {
        let mut bed = bed();
        bed.command(Command::Membership(true)).unwrap();
        let local = Ipv4Addr::new(224, 0, 0, 77);
        assert!(bed.packet_of(SOURCE, local, 1, 64).is_empty());
        assert!(bed.packet_of(SOURCE, GROUP, 8, 64).is_empty());
        assert!(
            bed.router.is_interested(InterfaceId(1)) && !bed.router.is_interested(InterfaceId(8))
        );
    }

    /// RFC 1812 §5.2.1.3: reverse path forwarding, to where listeners are.
    #[test]
    fn in_membership_mode_listeners_get_what_comes_the_right_way() {
        let mut bed = bed();
        bed.command(Command::Membership(true)).unwrap();
        assert_eq!(bed.packet(1, 64), [3]);
        assert!(bed.packet(2, 64).is_empty());
        assert_eq!(bed.events.count_of(EventId::IpMforwardWrongif), 1);
        let other = Ipv4Addr::new(239, 9, 9, 9);
        assert!(bed.packet_of(SOURCE, other, 1, 64).is_empty());
        // A listener's own network does not get its own packets back.
        assert!(
            bed.packet_of(Ipv4Addr::new(10, 0, 3, 50), GROUP, 3, 64)
                .is_empty()
        );
        // Beside what a route says.
        bed.command(route(1, &[(2, 0)])).unwrap();
        assert_eq!(bed.packet(1, 64), [2, 3]);
    }
}

mod waiting {
    use super::*;

    #[test]
    fn packets_wait_for_their_route() {
        let mut bed = bed();
        for _ in 0..5 {
            assert!(bed.packet(1, 64).is_empty());
        }
        assert_eq!(bed.events.count_of(EventId::IpMforwardNoroute), 5);
        assert_eq!(
            bed.router.poll_upcall(),
            Some(Upcall {
                reason: UpcallReason::NoRoute,
                incoming: 1,
                source: SOURCE,
                group: GROUP
            })
        );
        assert_eq!(bed.router.poll_upcall(), None);
        assert_eq!(bed.router.unresolved(), 2);
        let released = bed.command(route(1, &[(2, 0)])).unwrap();
        assert_eq!(numbers(&released), [2, 2, 2]);
        assert_eq!(bed.router.poll_timeout(), None);
    }

    #[test]
    fn they_do_not_wait_for_ever() {
        let mut bed = bed();
        bed.packet(1, 64);
        let at = NOW + Duration::from_secs(10);
        assert_eq!(bed.router.poll_timeout(), Some(at));
        bed.router.handle_timeout(at, &mut bed.events);
        assert_eq!(
            (bed.router.unresolved(), bed.router.poll_timeout()),
            (1, None)
        );
        assert!(bed.command(route(1, &[(2, 0)])).unwrap().is_empty());
    }

    #[test]
    fn a_flood_of_groups_stays_within_the_limit() {
        let mut bed = bed();
        for number in 0..1000 {
            let group = Ipv4Addr::from_bits(0xef00_0000 + number);
            bed.packet_of(SOURCE, group, 1, 64);
        }
        assert_eq!(bed.router.waiting.len(), 64);
        assert_eq!(bed.router.unresolved(), 936);
        assert_eq!(bed.router.upcalls.len(), 64);
    }
}
