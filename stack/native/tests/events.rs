//! EVT-20: each of the 55 names of the event dictionary, raised by the one thing it is for; and EVT-27.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use fairway_native::event::{Class, EventId, Events, MessageId, Record};
use fairway_native::ip::multicast::Command;
use fairway_native::local::{Credentials, LocalKind};
use fairway_native::mgmt::InterfaceFlags;
use fairway_native::qos::Fifo;
use fairway_native::route::{Prefix, Route, RouteQuery};
use fairway_native::sock::MtuDiscovery;
use fairway_native::stack::{Answer, ArpRequest, Control};
use fairway_native::{
    Errno, InterfaceAddress, InterfaceConfig, InterfaceId, PacketBuf, Setup, SocketId, Stack,
};
use fairway_wire::{EtherType, MacAddr, Protocol, arp, icmp, ipv4};
use std::io::IoSliceMut;
use std::net::Ipv4Addr;
use std::time::Duration;
use support::frames::{self, STRANGER};
use support::{Lab, addr, ip};

/// The first Ethernet of a host.
const ETH: InterfaceId = InterfaceId(2);
/// The host that the events are of.
const HOST: usize = 0;

/// A host, its neighbour, and what the host's events are asked of.
struct Case {
    lab: Lab,
}

impl Case {
    fn new() -> Self {
        let mut lab = Lab::new();
        let (host, other) = (lab.host("host"), lab.host("other"));
        lab.ethernet(&[(host, "10.0.0.1"), (other, "10.0.0.2")]);
        lab.settle();
        lab.hosts[HOST].events_mut().start(256, false);
        Self { lab }
    }

    fn host(&mut self) -> &mut Stack {
        &mut self.lab.hosts[HOST]
    }

    fn own_mac(&self) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, 1])
    }

    /// An IP packet comes from the stranger.
    fn packet(&mut self, packet: &[u8]) {
        let now = self.lab.now;
        let frame = frames::frame(self.own_mac(), EtherType::IPV4, packet);
        self.host().handle_frame(now, ETH, frame);
        self.lab.settle();
    }

    /// A packet of `payload`, after `spoil` was at it and its header checksum was made right again.
    fn spoiled(&mut self, protocol: Protocol, payload: &[u8], spoil: impl FnOnce(&mut Vec<u8>)) {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), protocol);
        let mut packet = frames::packet(header, &[], payload);
        spoil(&mut packet);
        self.packet(&packet);
    }

    fn udp(&mut self) -> SocketId {
        self.lab.udp(HOST, "0.0.0.0:1000")
    }

    /// Sends to `to`; gives what that came to.
    fn send(&mut self, to: &str, len: usize) -> Result<(), Errno> {
        let id = self.udp();
        self.lab.send(HOST, id, to, &vec![0; len]).map(drop)
    }

    fn control(&mut self, interface: &str, control: Control) -> Result<Answer, Errno> {
        let now = self.lab.now;
        let id = self.host().udp_socket().unwrap();
        self.host().control(now, id, interface, &control)
    }

    fn router(&mut self) {
        let now = self.lab.now;
        self.host()
            .set_parameter(now, "net.inet.ip.forwarding", 1)
            .unwrap();
    }

    fn command(&mut self, command: Command) -> Result<(), Errno> {
        let now = self.lab.now;
        self.host().multicast_command(now, command)
    }

    fn init(&mut self) {
        self.command(Command::Init).unwrap();
    }

    fn vif(&mut self, index: u8, address: &str, tunnel: bool) -> Result<(), Errno> {
        let address = ip(address);
        self.command(Command::AddVif {
            index,
            address,
            threshold: 1,
            tunnel,
        })
    }
}

/// What raises an event, and gives what the caller got, if there is one.
type Stimulus = fn(&mut Case) -> Result<(), Errno>;

/// Name, level, class, error, and what raises it.
type Line = (&'static str, u8, Class, Option<Errno>, Stimulus);

/// A packet from elsewhere for elsewhere.
fn passing(to: &str) -> Vec<u8> {
    let header = frames::header(ip("10.0.0.9"), ip(to), Protocol::UDP);
    frames::packet(header, &[], &[0; 8])
}

const CORE: Class = Class::Core;
const AUX: Class = Class::Aux;

/// `events.md` §5.3, its interfaces, ARP and IP.
const CRITICAL: &[Line] = &[
    ("ifpromisc-ifdown", 3, AUX, Some(Errno::NetDown), |case| {
        let now = case.lab.now;
        case.host().set_up(now, ETH, false)?;
        let result = case.host().set_promiscuous(now, ETH, true);
        assert!(
            !case.host().interfaces()[1]
                .flags()
                .contains(InterfaceFlags::PROMISCUOUS)
        );
        result
    }),
    (
        "ether_output-ifdown",
        3,
        CORE,
        Some(Errno::NetDown),
        |case| {
            let now = case.lab.now;
            case.host().set_up(now, ETH, false)?;
            case.send("10.0.0.2:7", 1)
        },
    ),
    ("ether_output-nomem", 3, CORE, Some(Errno::NoBufs), |case| {
        case.send("10.0.0.2:7", 1)?;
        case.host().set_queue(ETH, Fifo::new(0, 0)).unwrap();
        let id = case.host().udp_socket()?;
        case.lab.send(HOST, id, "10.0.0.2:7", b"x").map(drop)
    }),
    (
        "ether_output-noroute",
        3,
        CORE,
        Some(Errno::HostUnreach),
        |case| {
            // An interface without an address cannot ask who has one.
            let now = case.lab.now;
            let bare = InterfaceConfig::ethernet("eth9", MacAddr([2; 6]));
            let id = case.host().add_interface(bare);
            let network = Prefix::new(ip("10.9.0.0"), 24).unwrap();
            case.host().add_route(now, Route::new(network, None, id))?;
            let socket = case.lab.udp(HOST, "10.0.0.1:1000");
            case.lab.send(HOST, socket, "10.9.0.9:7", b"x").map(drop)
        },
    ),
    (
        "ether_output-rtreject",
        3,
        CORE,
        Some(Errno::HostDown),
        |case| {
            let id = case.udp();
            case.lab.send(HOST, id, "10.0.0.99:7", b"x")?;
            case.lab.pass(Duration::from_secs(10));
            // That nobody was there is told by the next call.
            let _ = case.lab.send(HOST, id, "10.0.0.99:7", b"x");
            case.lab.send(HOST, id, "10.0.0.99:7", b"x").map(drop)
        },
    ),
    (
        "arpioctl-noentry",
        3,
        AUX,
        Some(Errno::NetUnreach),
        |case| {
            let elsewhere = ArpRequest::new(ip("10.5.5.5"), STRANGER);
            case.control("eth0", Control::SetArp(elsewhere)).map(drop)
        },
    ),
    ("ipintr-shortmsg", 3, CORE, None, |case| {
        case.packet(&[0x45; 19]);
        Ok(())
    }),
    ("ipintr-badvers", 3, CORE, None, |case| {
        case.spoiled(Protocol::UDP, &[0; 8], |packet| packet[0] = 0x65);
        Ok(())
    }),
    ("ipintr-badhlen", 3, CORE, None, |case| {
        case.spoiled(Protocol::UDP, &[0; 8], |packet| packet[0] = 0x44);
        Ok(())
    }),
    ("ipintr-badsum", 3, CORE, None, |case| {
        case.spoiled(Protocol::UDP, &[0; 8], |packet| packet[10] ^= 1);
        Ok(())
    }),
    ("ipintr-badlen", 3, CORE, None, |case| {
        case.spoiled(Protocol::UDP, &[0; 8], |packet| {
            packet[2..4].copy_from_slice(&19_u16.to_be_bytes());
            ipv4::fill_checksum(packet);
        });
        Ok(())
    }),
    ("ipintr-badmblk", 3, CORE, None, |case| {
        case.spoiled(Protocol::UDP, &[0; 8], |packet| packet.truncate(24));
        Ok(())
    }),
    ("ip_dooptions-badopt", 3, CORE, None, |case| {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::UDP);
        case.packet(&frames::packet(header, &[7, 1, 4, 0], &[0; 8]));
        Ok(())
    }),
    ("ip_forward-badaddr", 3, CORE, None, |case| {
        case.router();
        case.packet(&passing("240.0.0.1"));
        Ok(())
    }),
    (
        "ip_output-badaddr",
        3,
        CORE,
        Some(Errno::NetUnreach),
        |case| case.send("172.16.0.1:7", 1),
    ),
    (
        "ip_output-badaddrtype",
        3,
        CORE,
        Some(Errno::Access),
        |case| case.send("10.0.0.255:7", 1),
    ),
    ("ip_output-badsize", 3, CORE, Some(Errno::MsgSize), |case| {
        let (id, now) = (case.udp(), case.lab.now);
        let always = MtuDiscovery::Always;
        case.host()
            .set_options(now, id, |options| options.mtu_discovery = always)?;
        case.lab.send(HOST, id, "10.0.0.2:7", &[0; 3000]).map(drop)
    }),
    (
        "ip_output-shortmsg",
        3,
        CORE,
        Some(Errno::MsgSize),
        |case| {
            let now = case.lab.now;
            let mut tiny = InterfaceConfig::point("tun0", 1500);
            tiny.mtu = 27;
            let id = case.host().add_interface(tiny);
            case.host()
                .add_address(now, id, InterfaceAddress::new(ip("10.8.0.1"), 24))?;
            case.send("10.8.0.9:7", 100)
        },
    ),
    ("icmp_error-start", 3, CORE, None, |case| {
        // Nobody has that port.
        let mut packet = frames::udp((ip("10.0.0.2"), 5), (ip("10.0.0.1"), 9), &[], b"x");
        packet.truncate(29);
        case.packet(&packet);
        Ok(())
    }),
    ("icmp_input-shortmsg", 3, CORE, None, |case| {
        case.spoiled(Protocol::ICMP, &[8, 0, 0, 0, 0, 0, 0], |_| {});
        Ok(())
    }),
    ("icmp_input-badsum", 3, CORE, None, |case| {
        case.spoiled(Protocol::ICMP, &[8, 0, 1, 2, 3, 4, 5, 6], |_| {});
        Ok(())
    }),
    ("icmp_input-badlen", 3, CORE, None, |case| {
        let about = icmp::Message::TimeExceeded {
            code: icmp::TimeExceededCode::TTL,
        };
        case.packet(&frames::icmp(
            ip("10.0.0.9"),
            ip("10.0.0.1"),
            about,
            &[0x45; 9],
        ));
        Ok(())
    }),
    ("igmp_input-shortmsg", 3, CORE, None, |case| {
        case.spoiled(Protocol::IGMP, &[0x11; 7], |_| {});
        Ok(())
    }),
    ("igmp_input-badsum", 3, CORE, None, |case| {
        case.spoiled(Protocol::IGMP, &[0x11, 0, 1, 1, 0, 0, 0, 0], |_| {});
        Ok(())
    }),
    // It has no error of its own in the table; the caller's is that of ip_output-badaddr.
    ("rtalloc1-miss", 3, AUX, None, |case| {
        case.send("172.16.0.1:7", 1).unwrap_err();
        Ok(())
    }),
    ("rtredirect-error", 3, AUX, None, |case| {
        let (before, about) = (case.host().routes().len(), passing("172.16.0.1"));
        let redirect = icmp::Message::Redirect {
            code: icmp::RedirectCode::HOST,
            gateway: ip("10.0.0.77"),
        };
        case.packet(&frames::icmp(
            ip("10.0.0.9"),
            ip("10.0.0.1"),
            redirect,
            &about,
        ));
        assert_eq!(case.host().routes().len(), before);
        Ok(())
    }),
    ("rtrequest-error", 3, AUX, Some(Errno::Srch), |case| {
        let now = case.lab.now;
        let query = RouteQuery {
            destination: Prefix::new(ip("172.16.0.0"), 12).unwrap(),
            gateway: None,
            interface: None,
            metric: None,
        };
        case.host().delete_route(now, &query).map(drop)
    }),
    ("route_output-error", 3, AUX, Some(Errno::Inval), |case| {
        let now = case.lab.now;
        case.host().route_message(now, b"no message of ours!!")
    }),
    ("tcp_input-badsum", 3, CORE, None, |case| {
        let segment = frames::syn(1, 2, 3);
        let mut packet = frames::tcp(ip("10.0.0.9"), ip("10.0.0.1"), segment, &[], &[]);
        packet[36] ^= 1;
        case.packet(&packet);
        Ok(())
    }),
    ("tcp_input-badhlen", 3, CORE, None, |case| {
        let segment = frames::syn(1, 2, 3);
        let mut packet = frames::tcp(ip("10.0.0.9"), ip("10.0.0.1"), segment, &[], &[]);
        packet[32] = 0x40;
        case.packet(&packet);
        Ok(())
    }),
    (
        "tcp_ctloutput-nopcb",
        3,
        AUX,
        Some(Errno::ConnReset),
        |case| {
            let now = case.lab.now;
            let id = case.host().tcp_socket(now)?;
            case.host().close(now, id)?;
            case.host().set_tcp_options(now, id, |_| {})
        },
    ),
    (
        "tcp_attach-nopcbmem",
        3,
        AUX,
        Some(Errno::TooManyFiles),
        |case| {
            let now = case.lab.now;
            let mut setup = Setup::new("full", [1; 32]);
            setup.limits.socket.sockets = 0;
            *case.host() = Stack::new(setup);
            case.host().events_mut().start(8, false);
            case.host().tcp_socket(now).map(drop)
        },
    ),
    ("sosend-error", 3, CORE, Some(Errno::DestAddrReq), |case| {
        let (id, now) = (case.udp(), case.lab.now);
        case.host()
            .send_msg(now, id, &[], &fairway_native::Departure::default())
            .map(drop)
    }),
    ("soreceive-error", 3, CORE, Some(Errno::NotConn), |case| {
        let now = case.lab.now;
        let id = case
            .host()
            .local_socket(now, LocalKind::Stream, Credentials::default())?;
        let mut buf = [0; 4];
        case.host()
            .local_recv(now, id, &mut [IoSliceMut::new(&mut buf)], false)
            .map(drop)
    }),
];

/// `events.md` §5.4.
const ERROR: &[Line] = &[
    ("ifioctl-badifname", 4, AUX, Some(Errno::NxIo), |case| {
        case.control("eth7", Control::GetFlags).map(drop)
    }),
    ("ifioctl-noproto", 4, AUX, Some(Errno::OpNotSupp), |case| {
        let now = case.lab.now;
        let id = case
            .host()
            .local_socket(now, LocalKind::Datagram, Credentials::default())?;
        case.host()
            .control(now, id, "eth0", &Control::GetFlags)
            .map(drop)
    }),
    (
        "arpioctl-badreq",
        4,
        AUX,
        Some(Errno::AfNoSupport),
        |case| {
            let mut request = ArpRequest::new(ip("10.0.0.2"), STRANGER);
            request.hardware_family = 18;
            case.control("eth0", Control::SetArp(request)).map(drop)
        },
    ),
    (
        "ether_output-afnotsupp",
        4,
        CORE,
        Some(Errno::AfNoSupport),
        |case| {
            let now = case.lab.now;
            case.host()
                .send_frame(now, ETH, 10, PacketBuf::from_slice(&[0; 60]))
        },
    ),
    (
        "in_control-noifdata",
        4,
        AUX,
        Some(Errno::AddrNotAvail),
        |case| {
            let nobody = ip("10.0.0.77");
            let result = case
                .control("eth0", Control::DeleteAddress(nobody))
                .map(drop);
            assert_eq!(case.host().interfaces()[1].addresses().len(), 1);
            result
        },
    ),
    ("in_control-badflags", 4, AUX, Some(Errno::Inval), |case| {
        let before = case.host().interfaces()[1].addresses().to_vec();
        let result = case
            .control("eth0", Control::SetDestination(ip("10.0.0.2")))
            .map(drop);
        assert_eq!(case.host().interfaces()[1].addresses(), before);
        result
    }),
    (
        "in_pcbbind-noaddr",
        4,
        AUX,
        Some(Errno::AddrNotAvail),
        |case| {
            let now = case.lab.now;
            let (own, loopback) = (ip("10.0.0.1"), Ipv4Addr::LOCALHOST);
            case.host().remove_address(now, ETH, own)?;
            case.host()
                .remove_address(now, InterfaceId::LOOPBACK, loopback)?;
            let id = case.host().udp_socket()?;
            case.host().bind(now, id, addr("10.0.0.1:1"))
        },
    ),
    ("in_pcbbind-badsock", 4, AUX, Some(Errno::Inval), |case| {
        let (id, now) = (case.udp(), case.lab.now);
        let result = case.host().bind(now, id, addr("0.0.0.0:2000"));
        assert_eq!(case.host().local_addr(id), Ok(addr("0.0.0.0:1000")));
        result
    }),
    (
        "in_pcbbind-badaddrlen",
        4,
        AUX,
        Some(Errno::Inval),
        |case| {
            let now = case.lab.now;
            let id = case.host().udp_socket()?;
            let result = case.host().bind_octets(now, id, &[16, 2, 0, 7, 0, 0, 0, 0]);
            assert_eq!(case.host().local_addr(id), Ok(addr("0.0.0.0:0")));
            result
        },
    ),
    (
        "in_pcbbind-badaddr",
        4,
        AUX,
        Some(Errno::AddrNotAvail),
        |case| {
            let now = case.lab.now;
            let id = case.host().udp_socket()?;
            case.host().bind(now, id, addr("10.0.0.77:1"))
        },
    ),
    (
        "in_pcbbind-badport",
        4,
        AUX,
        Some(Errno::AddrInUse),
        |case| {
            let (_, now) = (case.udp(), case.lab.now);
            let id = case.host().udp_socket()?;
            case.host().bind(now, id, addr("0.0.0.0:1000"))
        },
    ),
    (
        "in_pcbladdr-badaddr",
        4,
        AUX,
        Some(Errno::AddrNotAvail),
        |case| {
            let (id, now) = (case.udp(), case.lab.now);
            let result = case.host().connect(now, id, addr("0.0.0.0:7"));
            assert_eq!(case.host().peer_addr(id), Err(Errno::NotConn));
            result
        },
    ),
    (
        "in_pcbladdr-badif",
        4,
        AUX,
        Some(Errno::AddrNotAvail),
        |case| {
            let (id, now) = (case.udp(), case.lab.now);
            case.host()
                .set_options(now, id, |options| options.multicast_interface = Some(ETH))?;
            case.host().set_up(now, ETH, false)?;
            case.host().connect(now, id, addr("224.1.1.1:7"))
        },
    ),
    (
        "in_pcbconnect-badaddr",
        4,
        AUX,
        Some(Errno::AddrInUse),
        |case| {
            let now = case.lab.now;
            let mut last = Ok(());
            for _ in 0..2 {
                let id = case.host().tcp_socket(now)?;
                case.host().set_tcp_options(now, id, |options| {
                    options.reuse_addr = true;
                    options.reuse_port = true;
                })?;
                case.host().bind(now, id, addr("10.0.0.1:3000"))?;
                last = case.host().connect(now, id, addr("10.0.0.2:80"));
            }
            last
        },
    ),
    (
        "ip_mrouter_cmd-notinit",
        4,
        AUX,
        Some(Errno::Access),
        |case| case.vif(0, "10.0.0.1", false),
    ),
    (
        "ip_mrouter_cmd-badcmd",
        4,
        AUX,
        Some(Errno::OpNotSupp),
        |case| {
            case.init();
            case.command(Command::Other(199))
        },
    ),
    ("add_vif-badindex", 4, AUX, Some(Errno::Inval), |case| {
        case.init();
        case.vif(200, "10.0.0.1", false)
    }),
    ("add_vif-badentry", 4, AUX, Some(Errno::AddrInUse), |case| {
        case.init();
        case.vif(0, "10.0.0.1", false)?;
        case.vif(0, "10.0.0.1", false)
    }),
    (
        "add_vif-badaddr",
        4,
        AUX,
        Some(Errno::AddrNotAvail),
        |case| {
            case.init();
            case.vif(0, "10.0.0.77", false)
        },
    ),
    // A tunnel; every device here does multicast.
    ("add_vif-badif", 4, AUX, Some(Errno::OpNotSupp), |case| {
        case.init();
        case.vif(0, "10.0.0.1", true)
    }),
    ("del_vif-badindex", 4, AUX, Some(Errno::Inval), |case| {
        case.init();
        case.command(Command::DeleteVif(3))
    }),
];

/// EVT-20: name, class, level, error, counter, and whatever the line checks by itself.
#[test]
fn each_name_is_raised_by_what_it_is_for() {
    assert_eq!(CRITICAL.len() + ERROR.len(), 55);
    for (name, level, class, errno, stimulus) in CRITICAL.iter().chain(ERROR) {
        let id: EventId = name.parse().unwrap();
        assert_eq!(
            (id.level().number(), id.class()),
            (*level, *class),
            "{name}"
        );
        let mut case = Case::new();
        let result = stimulus(&mut case);
        assert_eq!(result.err(), *errno, "{name}");
        let events = case.host().events();
        let records: Vec<&Record> = events.ring().iter().filter(|one| one.id == id).collect();
        assert!(!records.is_empty(), "{name} was not raised");
        let counted = usize::try_from(events.count_of(id)).unwrap();
        assert_eq!(counted, records.len(), "{name}");
        for record in records {
            // The error told is the caller's, where there is a caller.
            assert!(
                errno.is_none() || record.fields.errno == *errno,
                "{name}: {record:?}"
            );
        }
    }
}

/// The one name at two levels: level 1 for a source quench, which no router sends unless told to (RFC 6633).
#[test]
fn a_source_quench_is_an_emergency() {
    for on in [false, true] {
        let mut lab = Lab::new();
        let mut setup = Setup::new("router", [3; 32]);
        setup.config.ip.forwarding = true;
        setup.config.icmp.source_quench = on;
        lab.hosts.push(Stack::new(setup));
        let (source, sink) = (lab.host("source"), lab.host("sink"));
        lab.ethernet(&[(HOST, "10.0.0.1"), (source, "10.0.0.2")]);
        lab.ethernet(&[(HOST, "10.0.1.1"), (sink, "10.0.1.2")]);
        lab.settle();
        let gateway = Route::new(Prefix::DEFAULT, Some(ip("10.0.0.1")), ETH);
        let now = lab.now;
        lab.hosts[source].add_route(now, gateway).unwrap();
        let id = lab.udp(source, "0.0.0.0:1000");
        lab.send(source, id, "10.0.1.2:7", b"finds the way")
            .unwrap();
        lab.hosts[HOST]
            .set_queue(InterfaceId(3), Fifo::new(0, 0))
            .unwrap();
        lab.send(source, id, "10.0.1.2:7", b"too much").unwrap();
        let raised = |host: &Stack, id| host.events().count_of(id) != 0;
        assert_eq!(raised(&lab.hosts[HOST], EventId::IcmpErrorStartQuench), on);
        // Who gets it does not care (RFC 6633 §3.1).
        assert_eq!(raised(&lab.hosts[source], EventId::IcmpInputQuench), on);
    }
}

/// `events.md` §7.3: what an operator hears of.
#[test]
fn the_operator_is_told_of_links_and_of_two_with_one_address() {
    let mut case = Case::new();
    let now = case.lab.now;
    let all = case.host().events_mut().subscribe(16, |_| true).unwrap();
    case.host().set_up(now, ETH, false).unwrap();
    case.host().set_up(now, ETH, true).unwrap();
    case.host().handle_carrier(now, ETH, false);
    case.host().handle_carrier(now, ETH, true);
    let mut claim = |mac: MacAddr, address: &str| {
        let sender = (mac, ip(address));
        let octets = frames::arp(
            arp::Operation::REQUEST,
            sender,
            (MacAddr([0; 6]), ip("10.0.0.1")),
        );
        let frame = frames::frame(MacAddr::BROADCAST, EtherType::ARP, &octets);
        case.host().handle_frame(now, ETH, frame);
    };
    claim(STRANGER, "10.0.0.1");
    claim(MacAddr::BROADCAST, "10.0.0.66");
    let told = |events: &mut Events| {
        std::iter::from_fn(|| events.poll_message(all, None))
            .map(|one| one.id())
            .collect()
    };
    let told: Vec<MessageId> = told(case.host().events_mut());
    let link = MessageId::SumstateChg;
    assert_eq!(
        told,
        [
            link,
            link,
            link,
            link,
            MessageId::DupIpAddr,
            MessageId::BcastEnetAddr
        ]
    );
}

/// EVT-27
#[test]
fn the_same_stimuli_give_the_same_events() {
    let run = || {
        let mut records = Vec::new();
        for (.., stimulus) in CRITICAL.iter().chain(ERROR) {
            let mut case = Case::new();
            let _ = stimulus(&mut case);
            records.extend(case.host().events_mut().ring_mut().take());
        }
        records
    };
    let first = run();
    assert!(first.len() > 50);
    assert_eq!(first, run());
}

/// `sockets.md` §8.3: each operation, and what it changed.
#[test]
fn control_operations_read_back_what_they_set() {
    let mut case = Case::new();
    let set =
        |case: &mut Case, control| assert_eq!(case.control("eth0", control), Ok(Answer::Done));
    let get = |case: &mut Case, control| case.control("eth0", control).unwrap();
    set(
        &mut case,
        Control::SetAddress(InterfaceAddress::new(ip("10.0.0.5"), 24)),
    );
    set(
        &mut case,
        Control::AddAddress(InterfaceAddress::new(ip("10.7.0.1"), 16)),
    );
    set(&mut case, Control::SetNetmask(25));
    assert_eq!(
        get(&mut case, Control::GetAddress),
        Answer::Address(ip("10.0.0.5"))
    );
    assert_eq!(
        get(&mut case, Control::GetNetmask),
        Answer::Address(ip("255.255.255.128"))
    );
    assert_eq!(
        get(&mut case, Control::GetBroadcast),
        Answer::Address(ip("10.0.0.127"))
    );
    set(&mut case, Control::SetBroadcast(ip("10.0.0.100")));
    assert_eq!(
        get(&mut case, Control::GetBroadcast),
        Answer::Address(ip("10.0.0.100"))
    );
    set(&mut case, Control::SetMtu(1000));
    assert_eq!(get(&mut case, Control::GetMtu), Answer::Mtu(1000));
    set(&mut case, Control::SetMetric(7));
    assert_eq!(get(&mut case, Control::GetMetric), Answer::Metric(7));
    let metrics: Vec<u32> = (case.host().routes().iter())
        .filter(|route| route.interface == ETH)
        .map(|route| route.metric)
        .collect();
    assert_eq!(metrics, [7, 7]);
    let Answer::Flags(flags) = get(&mut case, Control::GetFlags) else {
        unreachable!("flags were asked for");
    };
    assert!(
        flags.contains(InterfaceFlags::UP | InterfaceFlags::RUNNING | InterfaceFlags::BROADCAST)
    );
    set(&mut case, Control::SetFlags(InterfaceFlags::default()));
    assert!(!case.host().interfaces()[1].is_up());
    set(&mut case, Control::SetFlags(InterfaceFlags::UP));
    let neighbor = ArpRequest::new(ip("10.0.0.9"), STRANGER);
    assert_eq!(
        case.control("eth0", Control::GetArp(neighbor)),
        Err(Errno::AddrNotAvail)
    );
    set(&mut case, Control::SetArp(neighbor));
    assert_eq!(
        get(&mut case, Control::GetArp(neighbor)),
        Answer::Link(STRANGER)
    );
    set(&mut case, Control::DeleteArp(neighbor));
    set(&mut case, Control::DeleteAddress(ip("10.7.0.1")));
    assert_eq!(case.host().interfaces()[1].addresses().len(), 1);
}

/// `sockets.md` §8.3 to §8.5: SIOCSHOSTID, SIOCGMCAST, SIOCARP.
#[test]
fn a_host_has_a_name_by_address_and_can_ask_who_is_there() {
    let mut case = Case::new();
    let now = case.lab.now;
    assert_eq!(case.host().host_id(), Some(ip("10.0.0.1")));
    case.host().set_host_id(Some(ip("192.0.2.1")));
    assert_eq!(case.host().host_id(), Some(ip("192.0.2.1")));
    let id = case.udp();
    case.host()
        .join(now, id, ip("224.1.1.1"), Some(ETH), None)
        .unwrap();
    assert!(case.host().memberships(ETH).contains(&ip("224.1.1.1")));
    case.lab.settle();
    let carried = case.lab.carried.len();
    case.host().ask_for(now, ip("10.0.0.2"));
    case.lab.settle();
    // A question and an answer.
    assert_eq!(case.lab.carried.len(), carried + 2);
}

/// The other end of a point-to-point interface has a route of its own.
#[test]
fn the_destination_of_a_serial_line_is_reachable() {
    let mut case = Case::new();
    let now = case.lab.now;
    let id = case
        .host()
        .add_interface(InterfaceConfig::point("ppp0", 1500));
    case.host()
        .add_address(now, id, InterfaceAddress::new(ip("10.6.0.1"), 32))
        .unwrap();
    assert_eq!(
        case.control("ppp0", Control::GetDestination),
        Err(Errno::AddrNotAvail)
    );
    assert_eq!(
        case.control("ppp0", Control::SetDestination(ip("172.20.0.9"))),
        Ok(Answer::Done)
    );
    let destination = case.control("ppp0", Control::GetDestination);
    assert_eq!(destination, Ok(Answer::Address(ip("172.20.0.9"))));
    assert_eq!(
        case.control("ppp0", Control::SetBroadcast(ip("1.2.3.4"))),
        Err(Errno::Inval)
    );
    assert_eq!(case.send("172.20.0.9:7", 1), Ok(()));
}

/// What comes as octets: names of sockets, messages about routes, frames.
#[test]
fn octets_are_taken_if_they_are_well_formed() {
    let mut case = Case::new();
    let now = case.lab.now;
    let id = case.host().udp_socket().unwrap();
    let mut name = [16, 2, 0x1f, 0x90, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(case.host().bind_octets(now, id, &name), Err(Errno::Inval));
    name[15] = 0;
    name[1] = 10;
    assert_eq!(
        case.host().bind_octets(now, id, &name),
        Err(Errno::AfNoSupport)
    );
    name[1] = 2;
    case.host().bind_octets(now, id, &name).unwrap();
    assert_eq!(case.host().local_addr(id), Ok(addr("10.0.0.1:8080")));

    let mut message = [
        [1, 0, 0, 0],
        [172, 16, 0, 0],
        [0, 0, 0, 12],
        [10, 0, 0, 2],
        [0, 0, 0, 2],
    ]
    .concat();
    let before = case.host().routes().len();
    case.host().route_message(now, &message).unwrap();
    assert_eq!(case.host().routes().len(), before + 1);
    assert_eq!(case.host().route_message(now, &message), Err(Errno::Exist));
    message[0] = 2;
    case.host().route_message(now, &message).unwrap();
    assert_eq!(case.host().routes().len(), before);
    message[11] = 33;
    assert_eq!(case.host().route_message(now, &message), Err(Errno::Inval));

    let carried = case.lab.carried.len();
    case.host()
        .send_frame(now, ETH, 0, PacketBuf::from_slice(&[0xff; 60]))
        .unwrap();
    case.lab.settle();
    assert_eq!(case.lab.carried.len(), carried + 1);
}

mod read {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::span;

    /// Reads events down to INFO, and keeps their names.
    #[derive(Clone, Default)]
    struct Reader(Arc<Mutex<Vec<String>>>);

    impl tracing::Subscriber for Reader {
        fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
            *about.level() <= tracing::Level::INFO
        }
        fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
            Some(tracing::level_filters::LevelFilter::INFO)
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let about = event.metadata();
            let line = format!("{} {}", about.target(), about.name());
            self.0.lock().unwrap().push(line);
        }
    }

    /// A host that is made while somebody reads writes what they read, and no more.
    #[test]
    fn hosts_write_for_whoever_reads() {
        let reader = Reader::default();
        tracing::subscriber::with_default(reader.clone(), || {
            let mut lab = Lab::new();
            let (host, other) = (lab.host("host"), lab.host("other"));
            lab.ethernet(&[(host, "10.0.0.1"), (other, "10.0.0.2")]);
            reader.0.lock().unwrap().clear();
            let id = lab.udp(host, "0.0.0.0:1000");
            lab.send(host, id, "172.16.0.1:7", b"x").unwrap_err();
            lab.send(host, id, "10.0.0.2:7", b"x").unwrap();
            assert!(lab.hosts[host].events().is_selected(EventId::ArpResolved));
            assert!(!lab.hosts[host].events().is_selected(EventId::LinkIn));
            assert!(lab.hosts[host].events().count_of(EventId::LinkIn) > 0);
        });
        let lines = std::mem::take(&mut *reader.0.lock().unwrap());
        for line in [
            "net::route rtalloc1-miss",
            "net::ip::out ip_output-badaddr",
            "net::socket sosend-error",
            "net::arp arp-resolved",
            "net::udp udp_input-noport",
        ] {
            assert!(
                lines.iter().any(|written| written == line),
                "{line}: {lines:?}"
            );
        }
        assert!(
            !lines.iter().any(|line| line.ends_with("link-in")),
            "{lines:?}"
        );
    }
}
