use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use fairway_wire::Instant;

use super::{Access, Counters, InterfaceFlags, PARAMETERS, Parameter, Request, Statistics};
use crate::Errno;
use crate::config::Config;
use crate::event::EventId;
use crate::stack::{Clear, Old, Setup, Stack};

const NOW: Instant = Instant::ZERO;

fn stack() -> Stack {
    Stack::new(Setup::new("one", [0; 32]))
}

fn path(name: &str) -> Vec<i32> {
    Parameter::by_name(name).unwrap().mib.to_vec()
}

mod parameters {
    use super::*;

    #[test]
    fn names_and_paths_are_unique() {
        for names in [
            PARAMETERS
                .iter()
                .map(|one| one.name.to_owned())
                .collect::<Vec<_>>(),
            PARAMETERS
                .iter()
                .map(|one| format!("{:?}", one.mib))
                .collect(),
            PARAMETERS
                .iter()
                .map(|one| one.symbol.to_owned())
                .filter(|one| !one.is_empty())
                .collect(),
        ] {
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        }
    }

    /// `sockets.md` §10.2: the 46 names, but for the two of high performance send (its section 13.3).
    #[test]
    fn every_symbol_of_the_seed_is_there() {
        let symbols = PARAMETERS
            .iter()
            .filter(|one| !one.symbol.is_empty())
            .count();
        assert_eq!(symbols, 44);
    }

    #[test]
    fn defaults_are_within_their_ranges_and_each_value_comes_back() {
        for one in PARAMETERS {
            let Some(setting) = one.setting(&Config::default()) else {
                continue;
            };
            assert!(
                setting.minimum <= setting.default && setting.default <= setting.maximum,
                "{one:?}"
            );
            if one.access() == Access::ReadOnly {
                assert_eq!(one.set(&mut Config::default(), 0), Err(Errno::Perm));
                continue;
            }
            for value in [setting.minimum, setting.maximum] {
                let mut config = Config::default();
                one.set(&mut config, value).unwrap();
                assert_eq!(one.setting(&config).unwrap().current, value, "{}", one.name);
            }
            for value in [setting.minimum - 1, setting.maximum + 1] {
                let mut config = Config::default();
                assert_eq!(one.set(&mut config, value), Err(Errno::Inval));
                assert_eq!(config, Config::default());
            }
        }
    }

    /// `sockets.md` §10.2: the defaults proposed.
    #[test]
    fn defaults_are_those_of_the_table() {
        for (symbol, default) in [
            ("TCPCTL_KEEPCNT", 8),
            ("TCPCTL_LINGERTIME", 120),
            ("TCPCTL_MSL", 60),
            ("TCPCTL_MTU", 1),
            ("TCPCTL_TCPRWIN", 256 << 10),
            ("TCPCTL_TIMESTMP", 1),
            ("TCPCTL_WINSCALE", 1),
            ("TCPCTL_MSSDFLT", 536),
            ("TCPCTL_RTTDFLT", 1),
            ("UDPCTL_CHECKSUM", 1),
            ("UDPCTL_UDPSWIN", 64 << 10),
            ("IPCTL_FORWARDING", 0),
            ("IPCTL_ARPKILLC", 1200),
            ("IPCTL_ARPKILLI", 20),
            ("IPCTL_FRAGTTL", 60),
            ("IPCTL_SYNATTCK", 1),
            ("ICMPCTL_MASKREPL", 0),
            ("ICMPCTL_TTL", 64),
            ("LIPCCTL_ST_RECVSPACE", 64 << 10),
        ] {
            let setting = Parameter::by_name(symbol)
                .unwrap()
                .setting(&Config::default());
            assert_eq!(setting.unwrap().default, default, "{symbol}");
        }
    }
}

mod documentation {
    use super::*;
    use std::fmt::Write as _;

    fn markdown() -> String {
        let mut table = String::from(
            "| Name | Symbol | Path | Default | Range | Unit | Meaning |\n|---|---|---|---|---|---|---|\n",
        );
        for one in PARAMETERS {
            let (default, range) = match one.setting(&Config::default()) {
                Some(setting) if one.access() == Access::ReadWrite => (
                    setting.default.to_string(),
                    format!("{} to {}", setting.minimum, setting.maximum),
                ),
                Some(setting) => (setting.default.to_string(), "fixed".to_owned()),
                None => ("-".to_owned(), "read only".to_owned()),
            };
            let symbol = match one.symbol {
                "" => "-".to_owned(),
                symbol => format!("`{symbol}`"),
            };
            let path: Vec<String> = one.mib.iter().map(i32::to_string).collect();
            writeln!(
                table,
                "| `{}` | {symbol} | {} | {default} | {range} | {} | {} |",
                one.name,
                path.join("."),
                one.unit,
                one.about,
            )
            .unwrap();
        }
        table
    }

    /// The table in the documentation is the declaration; `BLESS=1` writes it anew.
    #[test]
    fn shows_the_declaration() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/doc/parameters.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, markdown(), "BLESS=1 writes it anew");
    }
}

/// SYS-1 … SYS-11.
mod sysctl {
    use super::*;

    fn read(stack: &mut Stack, path: &[i32], room: usize) -> Result<Vec<u8>, Errno> {
        let mut buffer = vec![0xee; room];
        let copied = stack.sysctl(NOW, path, Old::Into(&mut buffer), None)?;
        buffer.truncate(copied);
        Ok(buffer)
    }

    /// SYS-1, SYS-2, SYS-6, SYS-8
    #[test]
    fn numbers_are_read_and_set() {
        let mut stack = stack();
        let path = path("TCPCTL_KEEPCNT");
        assert_eq!(read(&mut stack, &path, 99).unwrap(), 8_i32.to_ne_bytes());
        let new = 5_i32.to_ne_bytes();
        let mut old = [0; 4];
        assert_eq!(
            stack.sysctl(NOW, &path, Old::Into(&mut old), Some(&new)),
            Ok(4)
        );
        assert_eq!(old, 8_i32.to_ne_bytes());
        assert_eq!(stack.config().tcp.keep_count, 5);
        assert_eq!(stack.events().count_of(EventId::SysctlSet), 1);
    }

    /// SYS-3, SYS-4, SYS-5
    #[test]
    fn sizes_can_be_asked_for_and_small_buffers_get_what_fits() {
        let mut stack = stack();
        let path = path("net.route.iflist");
        let needed = stack.sysctl(NOW, &path, Old::Size, None).unwrap();
        let whole = read(&mut stack, &path, needed).unwrap();
        assert_eq!(whole.len(), 16, "the loopback interface and its address");
        assert_eq!(&whole[4..8], &Ipv4Addr::LOCALHOST.octets());
        let mut buffer = [0; 5];
        let cut = stack.sysctl(NOW, &path, Old::Into(&mut buffer), None);
        assert_eq!((cut, &buffer[..]), (Err(Errno::NoMem), &whole[..5]));
        assert_eq!(stack.sysctl(NOW, &path, Old::Unwanted, None), Ok(0));
    }

    /// SYS-10, SYS-11
    #[test]
    fn wrong_paths_say_what_is_wrong() {
        let mut stack = stack();
        let cfg = path("TCPCTL_MSL");
        let direct = path("TCPCTL_MSSDFLT");
        for (path, error) in [
            (&[][..], Errno::NotDir),
            (&[99, 2, 6, 3], Errno::OpNotSupp),
            (&[4, 99, 6, 3], Errno::NoProtoOpt),
            (&[4, 2, 99, 3], Errno::NoProtoOpt),
            (&[4, 2, 6, 98], Errno::OpNotSupp),
            (&[4, 2, 6, 100, 99], Errno::OpNotSupp),
            (&[4, 2, 6], Errno::Inval),
            (&[4], Errno::Inval),
            (&[4, 99], Errno::NoProtoOpt),
            (&cfg[..4], Errno::Inval),
            (&[&direct[..], &[0]].concat(), Errno::NotDir),
            (&[&cfg[..], &[0]].concat(), Errno::NotDir),
            (&[4, 17, 0, 0], Errno::Inval),
            (&[4, 17, 0, 2, 9], Errno::OpNotSupp),
            (&[4, 17, 0, 2, 2], Errno::Inval),
            (&[4, 17, 0, 2, 1, 0, 0], Errno::NotDir),
        ] {
            assert_eq!(Parameter::by_path(path), Err(error), "{path:?}");
            assert_eq!(read(&mut stack, path, 9), Err(error));
        }
        assert_eq!(stack.events().count_of(EventId::SysctlBadname), 16);
        // Any address family will do for routes.
        assert_eq!(
            Parameter::by_path(&[4, 17, 0, 2, 1]).unwrap().name,
            "net.route.dump"
        );
    }

    /// SYS-11, and the project's ranges.
    #[test]
    fn what_cannot_be_set_is_refused() {
        let mut stack = stack();
        let one = 1_i32.to_ne_bytes();
        for (name, new, error, event) in [
            (
                "net.inet.tcp.stats",
                &one[..],
                Errno::Perm,
                Some(EventId::SysctlReadonly),
            ),
            (
                "kern.inetver",
                &one,
                Errno::Perm,
                Some(EventId::SysctlReadonly),
            ),
            (
                "net.inet.tcp.cc",
                &one,
                Errno::Perm,
                Some(EventId::SysctlReadonly),
            ),
            ("net.inet.tcp.msl", &[1, 2], Errno::Inval, None),
            (
                "net.inet.tcp.msl",
                &999_i32.to_ne_bytes(),
                Errno::Inval,
                Some(EventId::SysctlRange),
            ),
        ] {
            stack.events_mut().clear_counters();
            let result = stack.sysctl(NOW, &path(name), Old::Unwanted, Some(new));
            assert_eq!(result, Err(error), "{name}");
            let raised: Vec<EventId> = stack.events().counts().map(|(id, _)| id).collect();
            assert_eq!(raised, event.into_iter().collect::<Vec<_>>(), "{name}");
        }
        assert_eq!(stack.config(), &Config::default());
    }

    /// SYS-9
    #[test]
    fn versions_and_statistics_are_structures() {
        let mut stack = stack();
        let version = read(&mut stack, &path("IPCTL_INETVER"), 14).unwrap();
        assert_eq!(&version[..4], 1_i32.to_ne_bytes());
        assert_eq!(
            (&version[4..9], version[13]),
            (env!("CARGO_PKG_VERSION").as_bytes(), 0)
        );
        let udp = read(&mut stack, &path("UDPCTL_STATS"), 999).unwrap();
        let mut names = 0;
        stack.counters().udp.for_each(&mut |_, _| names += 1);
        assert_eq!(udp.len(), names * 8);
    }

    #[test]
    fn names_work_as_paths_do() {
        let mut stack = stack();
        assert_eq!(stack.parameter("no.such"), Err(Errno::NoEnt));
        assert_eq!(stack.parameter("net.route.dump"), Err(Errno::Inval));
        stack.set_parameter(NOW, "net.inet.ip.forward", 1).unwrap();
        assert_eq!(stack.parameter("IPCTL_FORWARDING").unwrap().current, 1);
        assert_eq!(
            stack.set_parameter(NOW, "IPCTL_FORWARD", 2),
            Err(Errno::Inval)
        );
        assert_eq!(stack.events().count_of(EventId::SysctlRange), 1);
    }

    /// The routes of a host with its loopback network only: one, of which no flag but `RTF_UP` is set.
    #[test]
    fn routes_can_be_chosen_by_flags() {
        let mut stack = stack();
        let all = read(&mut stack, &[4, 17, 0, 0, 1], 999).unwrap();
        assert_eq!(all.len(), 20);
        assert_eq!(read(&mut stack, &[4, 17, 0, 0, 2, 1], 999).unwrap(), all);
        assert!(
            read(&mut stack, &[4, 17, 0, 0, 2, 2], 999)
                .unwrap()
                .is_empty()
        );
        assert!(
            read(&mut stack, &[4, 17, 0, 0, 3, 9], 999)
                .unwrap()
                .is_empty()
        );
        assert!(read(&mut stack, &[4, 17, 0, 0, 4], 999).unwrap().is_empty());
    }
}

mod statistics {
    use super::*;

    /// Every counter of a struct has a name: its `Debug` form tells which there are.
    fn complete(counters: &(impl Statistics + std::fmt::Debug)) {
        let shown = format!("{counters:?}");
        let (_, body) = shown.split_once('{').unwrap();
        let plain: Vec<&str> = body
            .split(", ")
            .filter_map(|field| field.split_once(": "))
            .map(|(name, _)| name.trim())
            .collect();
        let mut named = BTreeSet::new();
        counters.for_each(&mut |name, _| {
            named.insert(name.split('.').next().unwrap().to_owned());
        });
        let plain: BTreeSet<String> = plain.into_iter().map(str::to_owned).collect();
        assert_eq!(named, plain);
    }

    #[test]
    fn every_counter_has_a_name() {
        let counters = Counters::default();
        complete(&counters.tcp);
        complete(&counters.udp);
        complete(&counters.ip);
        complete(&counters.icmp);
        complete(&counters.igmp);
        complete(&counters.arp);
        complete(&counters.memory);
        complete(&crate::iface::InterfaceCounters::default());
    }

    /// `sockets.md` §8.7: reading and clearing in one.
    #[test]
    fn are_read_by_name_and_cleared_apart() {
        let mut stack = stack();
        stack.udp_counters.sent = 3;
        stack.ip_counters.received = 4;
        let counters = stack.clear_counters(Clear::Udp);
        assert_eq!(counters.by_name("udp.sent"), Some(3));
        assert_eq!(counters.by_name("if1.in_octets"), Some(0));
        assert_eq!(counters.by_name("udp.no_such"), None);
        assert_eq!(stack.counters().by_name("udp.sent"), Some(0));
        assert_eq!(stack.counters().by_name("ip.received"), Some(4));
        for what in [
            Clear::Tcp,
            Clear::Ip,
            Clear::Icmp,
            Clear::Igmp,
            Clear::Arp,
            Clear::Interfaces,
        ] {
            stack.clear_counters(what);
        }
        assert_eq!(stack.counters().ip.received, 0);
    }
}

mod requests {
    use super::*;

    /// `sockets.md` §8.9: interface requests read 0xaa20 69dd, those of ARP 0xaa24 69dd.
    #[test]
    fn are_made_of_direction_length_group_and_number() {
        assert_eq!(Request::SET_ADDRESS.to_string(), "0x8020690c");
        assert_eq!(Request::GET_ARP.to_string(), "0xc0246926");
        let arp = Request::SET_ARP;
        assert_eq!((arp.length(), arp.group(), arp.number()), (36, b'i', 30));
        assert_eq!(Request::ADD_ROUTE.group(), b'r');
    }

    #[test]
    fn flags_say_what_an_interface_can_have() {
        let ethernet = InterfaceFlags::BROADCAST | InterfaceFlags::MULTICAST | InterfaceFlags::UP;
        assert_eq!(
            (ethernet.allow_broadcast(), ethernet.allow_destination()),
            (Ok(()), Err(Errno::Inval))
        );
        let serial = InterfaceFlags::POINT_TO_POINT;
        assert_eq!(
            (serial.allow_broadcast(), serial.allow_destination()),
            (Err(Errno::Inval), Ok(()))
        );
        // Only "up" is the caller's; promiscuous mode has a routine of its own.
        assert_eq!(
            ethernet.request(InterfaceFlags::LOOPBACK),
            Ok(ethernet & !InterfaceFlags::UP)
        );
        assert_eq!(
            ethernet.request(ethernet | InterfaceFlags::PROMISCUOUS),
            Err(Errno::Inval)
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    /// Whatever path, value or message is given: an answer, and a host that goes on.
    #[test]
    fn nonsense_is_answered(
        path in proptest::collection::vec(proptest::sample::select(vec![0, 1, 2, 3, 4, 5, 6, 11, 16, 17, 100, 101, -1]), 0..8),
        new in proptest::option::of(proptest::collection::vec(proptest::num::u8::ANY, 0..6)),
        message in proptest::collection::vec(proptest::num::u8::ANY, 0..24),
        room in 0..64_usize,
    ) {
        let mut stack = stack();
        let mut buffer = vec![0; room];
        if let Ok(copied) = stack.sysctl(NOW, &path, Old::Into(&mut buffer), new.as_deref()) {
            assert!(copied <= room);
            assert!(Parameter::by_path(&path).is_ok());
        }
        let _ = stack.route_message(NOW, &message);
        let id = stack.udp_socket().unwrap();
        let _ = stack.bind_octets(NOW, id, &message);
        // What was set is in its range.
        for one in PARAMETERS {
            if let Some(setting) = one.setting(stack.config()) {
                assert!((setting.minimum..=setting.maximum).contains(&setting.current), "{}", one.name);
            }
        }
        assert_eq!(stack.check(), Ok(()));
    }
}
