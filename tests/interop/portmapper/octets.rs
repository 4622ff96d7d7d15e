//! The same calls to rpcbind and to portmapd: the same octets.

use super::{Daemon, Namespace, RPCBIND, Way, ready, rpcb, text, words};

const PROG: u32 = 0x2000_0001;

#[derive(Clone, Copy, Debug)]
enum By {
    Local,
    Tcp,
    Tcp6,
    Udp,
    Udp6,
    /// From a port of the superuser's.
    Root,
}

fn sockaddr(family: u16, rest: &[u8]) -> Vec<u8> {
    let address = [&family.to_ne_bytes()[..], rest].concat();
    let mut octets = words(&[110, u32::try_from(address.len()).unwrap()]);
    octets.extend(&address);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// Version, procedure, arguments. Calls for which portmapd differs on purpose are in the crate's own tests.
fn calls() -> Vec<(By, u32, u32, Vec<u8>)> {
    use By::{Local, Root, Tcp, Tcp6, Udp, Udp6};
    let map = |program, version, protocol, port| words(&[program, version, protocol, port]);
    let indirect = |program, version, procedure| words(&[program, version, procedure, 0]);
    let mut calls = Vec::new();
    let mut add = |by, version, procedure, args| calls.push((by, version, procedure, args));
    for by in [Local, Tcp, Tcp6, Udp, Udp6] {
        for version in 1..=5 {
            add(by, version, 0, vec![]);
        }
        for (version, procedure) in [(2, 6), (3, 9), (4, 13), (4, 0xffff_ffff)] {
            add(by, version, procedure, vec![]);
        }
        add(by, 2, 4, vec![]);
        add(by, 3, 4, vec![]);
        add(by, 4, 4, vec![]);
    }
    // RFC 1833 §2.2.1: SET, and again, and otherwise.
    for (version, netid, address) in [
        (3, "tcp", "10.1.2.3.4.5"),
        (3, "tcp", "10.1.2.3.4.5"),
        (3, "tcp", "10.1.2.3.4.6"),
        (3, "TCP", "10.1.2.3.4.7"),
        (4, "TCP", "0.0.0.0.4.7"),
        (3, "tcp6", "::.4.9"),
        (3, "udp", "hello"),
        (5, "udp", "0.0.0.0.8.9"),
        (3, "udp6", "::1.4.9"),
        (3, "local", "/run/three"),
        (3, "odd", "where"),
    ] {
        // Asked for the addresses of a version with a netid that is not in its netconfig, rpcbind does not answer at all; one
        // that is no address it counts as not found, whatever it found before.
        let odd = netid == "odd" || address == "hello" || (version, netid) == (4, "TCP");
        let program = if odd { PROG + 2 } else { PROG };
        add(Local, 4, 1, rpcb(program, version, netid, address));
        add(Local, 3, 1, rpcb(PROG + 1, version, netid, address));
    }
    // GETADDR and GETVERSADDR: this version, others, hints.
    for by in [Local, Tcp, Tcp6, Udp, Udp6] {
        for version in [0, 3, 4, 5, 9] {
            for hint in [
                "",
                "127.0.0.1.0.111",
                "10.9.9.9.0.111",
                "nonsense",
                "::1.0.111",
            ] {
                if matches!(by, Tcp6 | Udp6) && !matches!(hint, "" | "::1.0.111") {
                    continue;
                }
                if matches!(by, Tcp | Udp) && hint == "::1.0.111" {
                    continue;
                }
                add(by, 3, 3, rpcb(PROG, version, "", hint));
                add(by, 4, 3, rpcb(PROG, version, "tcp", hint));
                add(by, 4, 9, rpcb(PROG, version, "tcp", hint));
                add(by, 4, 11, rpcb(PROG, version, "tcp", hint));
            }
        }
        add(by, 4, 3, rpcb(100_000, 4, "", ""));
        add(by, 4, 11, rpcb(100_000, 4, "", ""));
        add(by, 4, 3, rpcb(99, 4, "", ""));
        add(by, 4, 3, rpcb(PROG + 2, 4, "", ""));
        add(by, 4, 9, rpcb(PROG + 2, 4, "", ""));
        add(by, 4, 3, rpcb(PROG + 2, 3, "", ""));
    }
    // RFC 1833 §3.2.
    for by in [Local, Tcp, Udp, Tcp6, Root] {
        let program = PROG + 16 + u32::try_from(calls_so_far(by)).unwrap();
        let mut add = |procedure, args| calls.push((by, 2, procedure, args));
        add(1, map(program, 3, 6, 70_000));
        add(1, map(program, 3, 17, 9));
        add(1, map(program, 3, 99, 9));
        add(1, map(program, 3, 6, 70_000));
        add(1, map(program, 3, 6, 70_001));
        add(1, map(program, 7, 6, 0));
        add(1, map(program, 8, 6, 80));
        for version in [3, 7, 8, 9] {
            for protocol in [6, 17, 99] {
                add(3, map(program, version, protocol, 1));
            }
        }
        add(2, map(program, 8, 17, 1));
        add(2, map(program, 88, 17, 1));
        add(3, map(program, 9, 6, 1));
    }
    let mut add = |by, version, procedure, args| calls.push((by, version, procedure, args));
    // Owners: what the superuser has registered, nobody else removes.
    add(Local, 2, 1, map(PROG + 90, 1, 6, 5));
    add(Udp, 2, 2, map(PROG + 90, 1, 6, 5));
    add(Udp, 3, 2, rpcb(PROG + 90, 1, "tcp", ""));
    add(Tcp, 4, 2, rpcb(PROG + 90, 1, "", ""));
    add(Udp, 2, 3, map(PROG + 90, 1, 6, 0));
    add(Root, 2, 2, map(PROG + 90, 1, 6, 5));
    add(Udp, 2, 3, map(PROG + 90, 1, 6, 0));
    // Addresses in the form of the transport.
    for by in [Tcp, Udp, Tcp6, Udp6] {
        for address in ["1.2.3.4.5.6", "fe80::1.5.6", "zz", ""] {
            if matches!(by, Tcp6 | Udp6) == address.contains(':') || address.len() < 3 {
                add(by, 3, 7, text(address));
                add(by, 4, 7, text(address));
            }
        }
        add(
            by,
            4,
            8,
            sockaddr(2, &[5, 6, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
        );
    }
    add(Local, 4, 7, text("/run/three"));
    add(Local, 4, 8, sockaddr(1, b"/run/three"));
    add(Tcp, 4, 8, words(&[4, 16, 0, 0, 0, 0]));
    // Indirect calls are off, and CALLIT is silent about it.
    for (program, version, procedure) in [
        (99, 1, 1),
        (100_003, 3, 1),
        (100_000, 2, 4),
        (100_000, 9, 0),
        (100_000, 2, 0),
    ] {
        add(Udp, 4, 10, indirect(program, version, procedure));
    }
    // A CALLIT of what nobody has called yet would count as INDIRECT in rpcbind's statistics; this one follows an INDIRECT.
    add(Udp, 4, 5, indirect(99, 1, 1));
    add(Local, 3, 2, rpcb(PROG, 3, "tcp6", ""));
    add(Local, 4, 2, rpcb(PROG, 3, "", ""));
    add(Local, 4, 2, rpcb(PROG, 3, "", ""));
    for (version, procedure) in [(2, 4), (3, 4), (4, 4), (4, 12)] {
        add(Tcp, version, procedure, vec![]);
    }
    calls
}

/// A program number apart for each way.
fn calls_so_far(by: By) -> usize {
    by as usize
}

fn answers(namespace: &Namespace) -> Vec<Option<Vec<u8>>> {
    let mut ways = namespace.enter(|| {
        [
            Way::local(namespace),
            Way::tcp("127.0.0.1"),
            Way::tcp("[::1]"),
            Way::udp("127.0.0.1", "127.0.0.1:0"),
            Way::udp("[::1]", "[::1]:0"),
            Way::udp("127.0.0.1", "127.0.0.1:901"),
        ]
    });
    let mut xid = 0;
    let mut ask = |(by, version, procedure, args): (By, u32, u32, Vec<u8>)| {
        xid += 1;
        ways[by as usize].call(xid, version, procedure, &args)
    };
    calls().into_iter().map(&mut ask).collect()
}

#[test]
fn rpcbind_and_portmapd_answer_the_same_octets() {
    let test = "rpcbind_and_portmapd_answer_the_same_octets";
    if !ready(test, &[RPCBIND]) {
        return;
    }
    let namespace = Namespace::new();
    let daemon = Daemon::rpcbind(test, &namespace, &[]);
    let expected = answers(&namespace);
    daemon.stop();
    let daemon = Daemon::ours(test, &namespace, &[]);
    let got = answers(&namespace);
    daemon.stop();
    assert!(expected.iter().flatten().count() > 300);
    for ((call, expected), got) in calls().into_iter().zip(expected).zip(got) {
        assert_eq!(
            got,
            expected,
            "{call:?}\n ours {}\n rpcbind {}",
            shown(got.as_deref()),
            shown(expected.as_deref())
        );
    }
}

fn shown(reply: Option<&[u8]>) -> String {
    reply.map_or("nothing".to_owned(), |reply| {
        String::from_utf8_lossy(reply).escape_debug().to_string()
    })
}

/// Indirect calls, on: portmapd makes them over UDP as rpcbind does, for its own program through itself.
#[test]
fn indirect_calls_are_made_when_on() {
    let test = "indirect_calls_are_made_when_on";
    if !ready(test, &[]) {
        return;
    }
    let namespace = Namespace::new();
    let _daemon = Daemon::ours(test, &namespace, &["-r"]);
    namespace.enter(|| {
        let null = words(&[100_000, 2, 0, 0]);
        let mut udp = Way::udp("127.0.0.1", "127.0.0.1:0");
        let mut tcp = Way::tcp("127.0.0.1");
        let success = words(&[1, 0, 0, 0, 0]);
        // RFC 1833 §3.2: the port and the results.
        assert_eq!(
            udp.call(1, 2, 5, &null),
            Some([&success[..], &words(&[111, 0])].concat())
        );
        // RFC 1833 §2.2.1, §2.2.2: the address and the results.
        let named = [&success[..], &text("127.0.0.1.0.111"), &words(&[0])].concat();
        assert_eq!(udp.call(2, 3, 5, &null).as_ref(), Some(&named));
        assert_eq!(udp.call(3, 4, 10, &null).as_ref(), Some(&named));
        assert_eq!(tcp.call(4, 4, 10, &null).as_ref(), Some(&named));
        // Errors are told by INDIRECT only.
        let missing = words(&[99, 2, 0, 0]);
        assert_eq!(udp.call(5, 4, 10, &missing), Some(words(&[1, 0, 0, 0, 1])));
        assert_eq!(udp.call(6, 4, 5, &missing), None);
        assert_eq!(udp.call(7, 2, 5, &words(&[100_000, 2, 4, 0])), None);
    });
}
