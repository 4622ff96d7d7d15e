//! `events.md` §5.4: what raises the events of level ERROR.

use crate::case::{AUX, CORE, ETH, Line};
use crate::support::frames::STRANGER;
use crate::support::{addr, ip};
use fairway_native::ip::multicast::Command;
use fairway_native::local::{Credentials, LocalKind};
use fairway_native::stack::{ArpRequest, Control};
use fairway_native::{Errno, InterfaceId, PacketBuf};
use std::net::Ipv4Addr;

/// `events.md` §5.4.
pub(crate) const ERROR: &[Line] = &[
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
