//! Managing a host.

use super::{Difference, Pair};
use fairway_stack::{
    Clear, Family, Interface, InterfaceAddress, MacAddr, NetError, Old, ParameterKind, Route,
};
use std::net::IpAddr;

/// The interface by which the client reaches the server.
fn interface(pair: &Pair) -> Interface {
    let interfaces = pair.client.manage().interfaces().unwrap();
    let ip = pair.client_addr(Family::V4).ip();
    let has = |one: &Interface| one.addresses.iter().any(|own| own.address == ip);
    interfaces.into_iter().find(has).unwrap()
}

/// IOC-1, SIOCGIFCONF, SIOCGIFADDR, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFNETMASK, SIOCGIFBRDADDR, SIOCGIFDSTADDR,
/// SIOCGIFVALID, SIOSTATAT, SIOSTATCNTAT, SIOCGUNIT: what interfaces there are.
pub(crate) async fn interfaces_are_known(pair: Pair) {
    let manage = pair.client.manage();
    let one = interface(&pair);
    assert!(one.up && one.running && one.mtu.is_some_and(|mtu| mtu >= 1500));
    assert_eq!(manage.interface(&one.name), Ok(one));
    assert_eq!(manage.interface("nowhere0").err(), Some(NetError::Nxio));
    let changed = manage.routes();
    if pair.as_system(Difference::Management) {
        assert_eq!(changed.err(), Some(NetError::OpNotSupp));
    } else {
        assert!(!changed.unwrap().is_empty());
    }
}

/// SIOCSIFADDR, SIOCAIFADDR, SIOCDIFADDR, SIOCSIFFLAGS, SIOCGIFEFLAGS, SIOCSIFEFLAGS, SIOCSIFMTU, SIOCSIFNOREDIR,
/// SIOCSIFYESREDIR, SIOCSIFNETMASK: interfaces and their addresses are changed.
pub(crate) async fn interfaces_are_changed(pair: Pair) {
    let manage = pair.client.manage();
    let index = interface(&pair).index;
    let other = IpAddr::from([10, 99, 0, 1]);
    manage
        .add_address(index, InterfaceAddress::new(other, 24))
        .unwrap();
    assert_eq!(
        manage.add_address(index, InterfaceAddress::new(other, 24)),
        Err(NetError::Exists)
    );
    pair.client.bind_udp((other, 0).into()).unwrap();
    let network = IpAddr::from([10, 99, 0, 0]);
    let routed = |routes: Vec<Route>| routes.iter().any(|route| route.destination == network);
    assert!(routed(manage.routes().unwrap()), "its network has a route");
    manage.remove_address(index, other).unwrap();
    assert!(!routed(manage.routes().unwrap()));
    assert_eq!(
        manage.remove_address(index, other),
        Err(NetError::AddrNotAvail)
    );
    assert_eq!(
        pair.client.bind_udp((other, 0).into()).err(),
        Some(NetError::AddrNotAvail),
        "BND-4"
    );

    manage.set_mtu(index, 1400).unwrap();
    assert_eq!(interface(&pair).mtu, Some(1400));
    assert_eq!(manage.set_mtu(index, 10), Err(NetError::Inval));
    manage.set_redirects(index, false).unwrap();
    manage.set_promiscuous(index, true).unwrap();
    assert!(interface(&pair).promiscuous);
    manage.set_up(index, false).unwrap();
    assert!(!interface(&pair).up);
    assert_eq!(manage.set_promiscuous(index, false), Err(NetError::NetDown));
    manage.set_up(index, true).unwrap();
    assert_eq!(manage.set_up(99, true), Err(NetError::Nxio));
}

/// SIOCADDRT, SIOCDELRT, SIOFLUSHRT, SIOFLUSHRTIFP, SIOSTATCNTRT, SIOSTATRT, NET_RT_DUMP, NET_RT_FLAGS, NET_RT_IFLIST.
pub(crate) async fn routes_are_changed(pair: Pair) {
    let manage = pair.client.manage();
    let index = interface(&pair).index;
    let before = manage.routes().unwrap();
    let to = IpAddr::from([192, 0, 2, 0]);
    let route = Route::new(to, 24, Some(pair.server_addr(Family::V4).ip()), index);
    manage.add_route(&route).unwrap();
    assert_eq!(manage.add_route(&route), Err(NetError::Exists));
    let after = manage.routes().unwrap();
    assert_eq!(after.len(), before.len() + 1);
    assert!(after.contains(&route));
    manage.delete_route(&route).unwrap();
    assert_eq!(manage.delete_route(&route), Err(NetError::Srch));
    manage.add_route(&route).unwrap();
    assert!(manage.flush_routes(Some(index)).unwrap() >= 1);
    assert!(!manage.routes().unwrap().contains(&route));
    let bad = Route::new(to, 33, None, index);
    assert_eq!(manage.add_route(&bad), Err(NetError::Inval));
}

/// SIOCSARP, SIOCGARP, SIOCDARP, SIOSTATARP, SIOCARP, NET_RT_LLINFO.
pub(crate) async fn neighbors_are_changed(pair: Pair) {
    let manage = pair.client.manage();
    let one = interface(&pair);
    let stranger = MacAddr([2, 0, 0, 0, 0, 9]);
    let IpAddr::V4(own) = pair.client_addr(Family::V4).ip() else {
        panic!("IPv4")
    };
    let near = IpAddr::V4(std::net::Ipv4Addr::from_bits(own.to_bits() ^ 0x3));
    if one.link.is_none() {
        let refused = manage.set_neighbor(one.index, near, stranger);
        assert_eq!(refused, Err(NetError::AfNoSupport));
        return;
    }
    // It is asked for by whoever sends to it.
    let server = pair.server.bind_udp(pair.server_addr(Family::V4)).unwrap();
    let client = pair.client.bind_udp(pair.client_addr(Family::V4)).unwrap();
    client
        .send_to(b"?", server.local_addr().unwrap())
        .await
        .unwrap();
    server.recv_from(&mut [0; 8]).await.unwrap();
    let known = manage.neighbors().unwrap();
    let other = pair.server_addr(Family::V4).ip();
    let mut answered = known.iter();
    assert!(
        pair.client_ips == pair.server_ips
            || answered.any(|one| one.address == other && one.link.is_some())
    );
    manage.set_neighbor(one.index, near, stranger).unwrap();
    let known = manage.neighbors().unwrap();
    let set = known.iter().find(|one| one.address == near).unwrap();
    assert_eq!((set.link, set.permanent), (Some(stranger), true));
    manage.delete_neighbor(one.index, near).unwrap();
    assert_eq!(
        manage.delete_neighbor(one.index, near),
        Err(NetError::AddrNotAvail)
    );
    let far = manage.set_neighbor(one.index, IpAddr::from([192, 0, 2, 1]), stranger);
    assert_eq!(far, Err(NetError::NetUnreach));
}

/// SYS-7, SIOSTATTCP, SIOSTATUDP, SIOSTATIP, SIOSTATICMP, SIOSTATIGMP, SIOSTATMBUF, SIOSTATIF, SIOSTATTCPZ, SIOSTATUDPZ,
/// SIOSTATIPZ, SIOSTATICMPZ, SIOSTATIGMPZ; tcpstat, udpstat, ipstat, icmpstat, igmpstat, mbstat, ifmib.
pub(crate) async fn everything_is_counted(pair: Pair) {
    let manage = pair.client.manage();
    let before = manage.counters().unwrap();
    let server = pair.server.bind_udp(pair.server_addr(Family::V4)).unwrap();
    let client = pair.client.bind_udp(pair.client_addr(Family::V4)).unwrap();
    for _ in 0..3 {
        client
            .send_to(b"counted", server.local_addr().unwrap())
            .await
            .unwrap();
        server.recv_from(&mut [0; 8]).await.unwrap();
    }
    let after = manage.counters().unwrap();
    assert_eq!(after.udp.sent - before.udp.sent, 3);
    assert!(after.ip.sent > before.ip.sent);
    assert!(after.memory.sockets > before.memory.sockets);
    assert_eq!(after.interfaces.len(), manage.interfaces().unwrap().len());
    for what in [Clear::Tcp, Clear::Udp, Clear::Ip, Clear::Icmp, Clear::Igmp] {
        manage.clear_counters(what).unwrap();
    }
    let cleared = manage.counters().unwrap();
    assert_eq!(
        (cleared.udp.sent, cleared.ip.sent, cleared.icmp.errors),
        (0, 0, 0)
    );
}

/// SYS-1 … SYS-11, C-2, section 10.2: every parameter is read, set to its bounds, and refused beyond.
pub(crate) async fn parameters_have_names_and_bounds(pair: Pair) {
    let manage = pair.server.manage();
    for parameter in manage.parameters() {
        let ParameterKind::Number { .. } = parameter.kind else {
            continue;
        };
        let name = parameter.name;
        let setting = manage.parameter(name).unwrap();
        assert!((setting.minimum..=setting.maximum).contains(&setting.current));
        for bound in [setting.minimum, setting.maximum, setting.current] {
            manage.set_parameter(name, bound).unwrap();
            assert_eq!(manage.parameter(name).unwrap().current, bound, "{name}");
        }
        for beyond in [setting.minimum - 1, setting.maximum + 1] {
            assert_eq!(
                manage.set_parameter(name, beyond),
                Err(NetError::Inval),
                "{name}"
            );
        }
        if !parameter.symbol.is_empty() {
            assert_eq!(manage.parameter(parameter.symbol), Ok(setting));
        }
    }
    assert_eq!(
        manage.set_parameter("net.inet.tcp.cc", 0),
        Err(NetError::Perm)
    );
    assert_eq!(
        manage.parameter("net.inet.nowhere").err(),
        Some(NetError::NotFound)
    );
}

/// SYS-1, SYS-2, SYS-3, SYS-4, SYS-5, SYS-6, SYS-8, SYS-9, SYS-10, SYS-11: by numbers and octets.
pub(crate) async fn parameters_by_number(pair: Pair) {
    let manage = pair.server.manage();
    let by = |name: &str| {
        let mut all = manage.parameters().iter();
        all.find(|one| one.symbol == name).unwrap().mib
    };
    let keepcnt = by("TCPCTL_KEEPCNT");
    let mut room = [0; 4];
    assert_eq!(manage.sysctl(keepcnt, Old::Into(&mut room), None), Ok(4));
    let before = i32::from_ne_bytes(room);
    assert_eq!(manage.sysctl(keepcnt, Old::Size, None), Ok(4), "SYS-3");
    let new = (before + 1).to_ne_bytes();
    assert_eq!(manage.sysctl(keepcnt, Old::Unwanted, Some(&new)), Ok(0));
    let changed = manage.parameter("TCPCTL_KEEPCNT").unwrap().current;
    assert_eq!(changed, i64::from(before + 1));
    let mut small = [0; 2];
    assert_eq!(
        manage.sysctl(keepcnt, Old::Into(&mut small), None),
        Err(NetError::NoMem),
        "SYS-5"
    );
    let table = manage.sysctl(by("TCPCTL_STATS"), Old::Size, None).unwrap();
    let mut room = vec![0; table];
    assert!(
        manage
            .sysctl(by("TCPCTL_STATS"), Old::Into(&mut room), None)
            .unwrap()
            > 0
    );
    let read_only = manage.sysctl(by("TCPCTL_CC"), Old::Unwanted, Some(&new));
    assert_eq!(read_only, Err(NetError::Perm));
    assert_eq!(
        manage.sysctl(&[], Old::Unwanted, None),
        Err(NetError::NotDir)
    );
    let (head, _) = keepcnt.split_at(4);
    assert_eq!(
        manage.sysctl(head, Old::Unwanted, None),
        Err(NetError::Inval),
        "SYS-10"
    );
}
