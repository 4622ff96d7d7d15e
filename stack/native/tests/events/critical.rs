//! `events.md` §5.3: what raises the events of level CRITICAL.

use crate::case::{AUX, CORE, ETH, HOST, Line, passing};
use crate::support::frames::{self, STRANGER};
use crate::support::ip;
use fairway_native::local::{Credentials, LocalKind};
use fairway_native::mgmt::InterfaceFlags;
use fairway_native::qos::Fifo;
use fairway_native::route::{Prefix, Route, RouteQuery};
use fairway_native::sock::MtuDiscovery;
use fairway_native::stack::{ArpRequest, Control};
use fairway_native::{Errno, InterfaceAddress, InterfaceConfig, Setup, Stack};
use fairway_wire::{MacAddr, Protocol, icmp, ipv4};
use std::io::IoSliceMut;
use std::time::Duration;

/// `events.md` §5.3, its interfaces, ARP and IP.
pub(crate) const CRITICAL: &[Line] = &[
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
