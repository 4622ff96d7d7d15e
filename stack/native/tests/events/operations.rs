//! Operations that raise nothing when they succeed: `sockets.md` §8.

use crate::case::{Case, ETH};
use crate::support::frames::STRANGER;
use crate::support::{addr, ip};
use fairway_native::mgmt::InterfaceFlags;
use fairway_native::stack::{Answer, ArpRequest, Control};
use fairway_native::{Errno, InterfaceAddress, InterfaceConfig, PacketBuf};

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
