//! What others can make this core remember.

use super::*;

const LIMIT: usize = 4;

fn small() -> Neighbours {
    let limits = Limits {
        neighbours: LIMIT,
        ..Limits::default()
    };
    let mut node = Neighbours::new(1, 0, &limits);
    node.set_interface(ms(0), &interface(a(), Settings::default()));
    node
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn hear(node: &mut Neighbours, now: Instant, last: u8) {
    let message = Message {
        flags: crate::wire::HeaderFlags::REFRESH_REDUCTION,
        ..Message::new(255, resv(address(last), 1))
    };
    node.handle_datagram(now, &raw(address(last), a(), 255), &octets(&message));
    // Nothing of it depends on whether the sender is remembered.
    assert!(matches!(
        node.poll_delivery(),
        Some(Delivery::Message { .. })
    ));
}

fn known(node: &Neighbours) -> Vec<IpAddr> {
    node.neighbours().map(|row| row.address).collect()
}

#[test]
fn neighbour_not_heard_for_longest_makes_room() {
    let mut node = small();
    for (at, last) in [(0, 10), (1, 11), (2, 12), (3, 13), (4, 10), (5, 14)] {
        hear(&mut node, ms(at), last);
    }
    assert_eq!(known(&node), [10, 12, 13, 14].map(address));
}

#[test]
fn neighbour_that_holds_state_makes_no_room() {
    let mut node = small();
    for last in 10..14 {
        hear(&mut node, ms(0), last);
        node.send(
            ms(0),
            to(address(last), Some(last.into()), true, resv(a(), 1)),
        );
    }
    hear(&mut node, ms(1), 14);
    assert_eq!(known(&node), [10, 11, 12, 13].map(address));
    assert_eq!(node.counters().dropped["neighbours"], 1);
}

#[test]
fn idle_neighbour_is_forgotten() {
    let mut node = small();
    hear(&mut node, ms(0), 10);
    hear(&mut node, ms(0), 11);
    node.send(ms(0), to(address(11), Some(1), true, resv(a(), 1)));
    while let Some(next) = node.poll_timeout()
        && next <= ms(900_000)
    {
        node.handle_timeout(next);
    }
    assert_eq!(known(&node), [address(11)]);
}

#[test]
fn interface_that_goes_takes_all_with_it() {
    let mut pair = Pair::acquainted();
    pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
    let now = pair.now;
    pair.nodes[0].remove_interface(now, LINK);
    assert_eq!(pair.nodes[0].poll_transmit(), None);
    assert_eq!(pair.nodes[0].poll_timeout(), None);
    assert_eq!(pair.nodes[0].neighbours().count(), 0);
    assert!(!pair.nodes[0].can_summarise(LINK, StateKey(1), Some(b())));
    pair.nodes[0].forget(StateKey(1));
    pair.nodes[0].handle_timeout(ms(100_000));
}
