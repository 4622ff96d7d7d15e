//! Reservations, ways and groups: what a daemon that speaks RSVP asks of a host (RFC 2205 §3.11.2, §3.11.3).

use super::Pair;
use fairway_stack::qos::{
    AdmissionError, Filter, Flowspec, LinkShare, ReserveError, ReserveOptions, Service, Tspec,
};
use fairway_stack::{Family, InterfaceAddress, MulticastRoute, NetError, Route, Way};
use std::net::IpAddr;

/// The index of the interface by which the client reaches the server.
fn interface(pair: &Pair) -> u32 {
    let interfaces = pair.client.interfaces().unwrap();
    let ip = pair.client_addr(Family::V4).ip();
    let mut all = interfaces.iter();
    let found = all.find(|one| one.addresses.iter().any(|own| own.address == ip));
    found.unwrap().index
}

fn guaranteed(rate: u64, reserved: u64) -> Flowspec {
    Flowspec {
        tspec: Tspec {
            rate,
            bucket: 3_000,
            peak: None,
            min_policed: 100,
            max_packet: 1_000,
        },
        service: Service::Guaranteed { rate: reserved },
    }
}

/// RFC 2205 §3.11.2: reservations are admitted, changed, filtered and given up.
pub(crate) async fn queues_keep_reservations(pair: Pair) {
    let (manage, index) = (pair.client.manage(), interface(&pair));
    let none = ReserveOptions::default();
    let spec = guaranteed(10_000, 20_000);
    let refused = manage.reserve(index, spec, none);
    assert_eq!(refused, Err(ReserveError::Net(NetError::OpNotSupp)));
    let link = LinkShare::new(1_250_000).share(50);
    assert_eq!(manage.share_link(99, &link), Err(NetError::Nxio));
    let nothing = LinkShare::new(0);
    assert_eq!(manage.share_link(index, &nothing), Err(NetError::Inval));
    manage.share_link(index, &link).unwrap();
    let offer = manage.offer(index, 1_000, 1_000).unwrap();
    assert_eq!((offer.link_rate, offer.terms.c), (1_250_000, 1_000));
    assert_eq!(offer.available, offer.reservable);

    let flow = manage.reserve(index, spec, none).unwrap();
    assert_eq!(manage.flows(index).unwrap(), [(flow, spec)]);
    let less = manage.offer(index, 1_000, 1_000).unwrap();
    assert!(less.available < offer.available && less.reservable == offer.reservable);
    let more = guaranteed(10_000, 1_000_000);
    let refused = manage.modify(index, flow, more, none).unwrap_err();
    let bandwidth = |it| {
        matches!(
            it,
            ReserveError::Admission(AdmissionError::Bandwidth { .. })
        )
    };
    assert!(bandwidth(refused), "{refused}");
    let changed = guaranteed(10_000, 30_000);
    manage.modify(index, flow, changed, none).unwrap();
    // The link turns out to be faster: what is reserved stays.
    let link = LinkShare::new(2_500_000).share(50);
    manage.share_link(index, &link).unwrap();
    assert_eq!(manage.offer(index, 64, 1_000).unwrap().link_rate, 2_500_000);
    assert_eq!(manage.flows(index).unwrap(), [(flow, changed)]);
    let filter = Filter {
        destination_port: Some(9),
        ..Filter::default()
    };
    let id = manage.add_filter(index, flow, filter).unwrap();
    let again = manage.add_filter(index, flow, filter);
    assert_eq!(
        again,
        Err(ReserveError::Admission(AdmissionError::FilterInUse))
    );
    let state = manage.flow(index, flow).unwrap();
    assert_eq!((state.spec, state.waiting), (changed, 0));
    assert_eq!(manage.remove_filter(index, id), Ok(true));
    assert_eq!(manage.remove_filter(index, id), Ok(false));
    manage.release(index, flow).unwrap();
    let gone = Err(ReserveError::Admission(AdmissionError::NoSuchFlow));
    assert_eq!(manage.release(index, flow), gone);

    let counted = manage.queue_stats(index).unwrap();
    assert_eq!(counted.dropped, 0);
    manage.queue_plainly(index, 100).unwrap();
    assert_eq!(
        manage.flows(index),
        Err(ReserveError::Net(NetError::OpNotSupp))
    );
}

/// RFC 2205 §3.11.3: the way to an address, this host's own among them.
pub(crate) async fn ways_are_known(pair: Pair) {
    let (manage, index) = (pair.client.manage(), interface(&pair));
    let own = pair.client_addr(Family::V4).ip();
    assert_eq!(manage.way_to(own), Ok(Some(Way::Here)));
    let far = IpAddr::from([192, 0, 2, 7]);
    assert_eq!(manage.way_to(far), Ok(None));
    let network = InterfaceAddress::new([10, 99, 0, 1].into(), 24);
    manage.add_address(index, network).unwrap();
    let router = IpAddr::from([10, 99, 0, 2]);
    let to = IpAddr::from([192, 0, 2, 0]);
    let route = Route::new(to, 24, Some(router), index);
    manage.add_route(&route).unwrap();
    if pair.simulated {
        let by = |gateway| Way::By {
            interface: index,
            gateway,
            source: network.address,
        };
        assert_eq!(manage.way_to(far), Ok(Some(by(Some(router)))));
        assert_eq!(manage.way_to(router), Ok(Some(by(None))));
        manage.set_up(index, false).unwrap();
        assert_eq!(manage.way_to(router), Ok(None));
    }
    let v6 = manage.way_to("2001:db8::1".parse().unwrap());
    assert_eq!(v6, Err(NetError::AfNoSupport));
}

/// RFC 2205 §3.6, §3.11.3: changes are told to who waits for them.
pub(crate) async fn changes_are_told(pair: Pair) {
    let (manage, index) = (pair.client.manage(), interface(&pair));
    let mut changes = manage.changes().unwrap();
    assert!(pair.is_pending(changes.changed()).await);
    let address = IpAddr::from([10, 99, 0, 1]);
    let to = IpAddr::from([192, 0, 2, 0]);
    let route = Route::new(to, 24, None, index);
    let group = IpAddr::from([239, 1, 1, 1]);
    let multicast = MulticastRoute {
        source: to,
        group,
        incoming: index,
        outgoing: Vec::new(),
    };
    let steps: [&dyn Fn() -> Result<(), NetError>; 6] = [
        &|| manage.add_address(index, InterfaceAddress::new(address, 24)),
        &|| manage.add_route(&route),
        &|| manage.delete_route(&route),
        &|| manage.remove_address(index, address),
        &|| manage.set_up(index, false),
        &|| manage.set_up(index, true),
    ];
    for step in steps {
        // Who waits already is woken, and who asks later hears of it.
        let net = pair.client.clone();
        let waiting = net.spawn(async move {
            let result = changes.changed().await;
            (changes, result)
        });
        pair.settle().await;
        assert!(!waiting.is_finished());
        step().unwrap();
        let (same, result) = waiting.await.unwrap();
        result.unwrap();
        changes = same;
        assert!(pair.is_pending(changes.changed()).await);
    }
    if pair.simulated {
        manage.start_multicast(&[index]).unwrap();
        changes.changed().await.unwrap();
        manage.set_multicast_route(&multicast).unwrap();
        changes.changed().await.unwrap();
        manage.delete_multicast_route(to, group).unwrap();
        changes.changed().await.unwrap();
    }
}

/// RFC 2205 §3.11.3: the interfaces that packets for a group come by and leave by.
pub(crate) async fn groups_are_routed(pair: Pair) {
    let manage = pair.client.manage();
    let (source, group) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([239, 1, 1, 1]));
    assert_eq!(manage.multicast_way(source, group), Ok(None));
    assert_eq!(manage.stop_multicast(), Err(NetError::Access));
    let index = interface(&pair);
    if !pair.simulated {
        // The loopback interface leads to nobody else's members.
        let refused = manage.start_multicast(&[index]);
        assert_eq!(refused, Err(NetError::OpNotSupp));
        return;
    }
    assert_eq!(manage.start_multicast(&[99]), Err(NetError::Nxio));
    let twice = manage.start_multicast(&[index, index]);
    assert_eq!(twice, Err(NetError::AddrInUse));
    manage.start_multicast(&[index]).unwrap();
    assert_eq!(manage.start_multicast(&[index]), Err(NetError::AddrInUse));
    assert_eq!(manage.multicast_interfaces().unwrap(), [index]);
    let route = MulticastRoute {
        source,
        group,
        incoming: index,
        outgoing: Vec::new(),
    };
    let bad = MulticastRoute {
        incoming: 99,
        ..route.clone()
    };
    assert_eq!(manage.set_multicast_route(&bad), Err(NetError::Inval));
    manage.set_multicast_route(&route).unwrap();
    assert_eq!(manage.multicast_way(source, group), Ok(Some(route)));
    manage.delete_multicast_route(source, group).unwrap();
    assert_eq!(manage.multicast_way(source, group), Ok(None));
    // The neighbour is where that interface leads, and nobody listens elsewhere.
    manage.follow_members(true).unwrap();
    let near = pair.server_addr(Family::V4).ip();
    let way = manage.multicast_way(near, group).unwrap().unwrap();
    assert_eq!((way.incoming, way.outgoing), (index, Vec::new()));
    manage.stop_multicast().unwrap();
    assert!(manage.multicast_interfaces().unwrap().is_empty());
    assert_eq!(manage.multicast_way(near, group), Ok(None));
}
