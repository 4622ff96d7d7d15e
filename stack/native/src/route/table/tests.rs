use super::{Redirect, RedirectError, RouteTable};
use crate::errno::Errno;
use crate::iface::InterfaceId;
use crate::limits::RouteLimits;
use crate::route::{Origin, Prefix, Route, RouteError, RouteKind, RouteQuery};
use fairway_wire::Instant;
use std::net::Ipv4Addr;
use std::time::Duration;

const LAN: InterfaceId = InterfaceId(2);
const WAN: InterfaceId = InterfaceId(3);

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap()
}

fn connected(text: &str, interface: InterfaceId) -> Route {
    Route {
        origin: Origin::Connected,
        ..Route::new(prefix(text), None, interface)
    }
}

fn via(text: &str, gateway: &str, interface: InterfaceId) -> Route {
    Route::new(prefix(text), Some(address(gateway)), interface)
}

/// A host on 10.0.0.0/24 and 10.9.0.0/24 with a default route.
fn table() -> RouteTable {
    let mut table = RouteTable::new(RouteLimits::default());
    table.add(connected("10.0.0.0/24", LAN)).unwrap();
    table.add(connected("10.9.0.0/24", WAN)).unwrap();
    table.add(via("0.0.0.0/0", "10.0.0.1", LAN)).unwrap();
    table
}

mod changes {
    use super::*;

    /// EVT-20: rtrequest-error, each of its reasons.
    #[test]
    fn errors_are_those_of_bsd_and_leave_the_table_alone() {
        let mut table = table();
        let before = (table.generation(), table.len());
        let error = table.add(via("0.0.0.0/0", "10.0.0.2", LAN)).unwrap_err();
        assert_eq!((error, error.errno()), (RouteError::Exists, Errno::Exist));
        let error = table.add(via("10.1.0.0/16", "10.2.0.1", LAN)).unwrap_err();
        assert_eq!(
            (error, error.errno()),
            (RouteError::GatewayUnreachable, Errno::NetUnreach)
        );
        let error = table.add(via("10.1.0.0/16", "10.9.0.1", LAN)).unwrap_err();
        assert_eq!(error, RouteError::GatewayUnreachable);
        let query = RouteQuery::new(prefix("10.1.0.0/16"));
        let error = table.delete(&query).unwrap_err();
        assert_eq!((error, error.errno()), (RouteError::NoSuch, Errno::Srch));
        assert_eq!((table.generation(), table.len()), before);
    }

    #[test]
    fn the_table_has_a_limit() {
        let limits = RouteLimits {
            routes: 2,
            ..RouteLimits::default()
        };
        let mut table = RouteTable::new(limits);
        table.add(connected("10.0.0.0/24", LAN)).unwrap();
        table.add(connected("10.0.1.0/24", LAN)).unwrap();
        let error = table.add(connected("10.0.2.0/24", LAN)).unwrap_err();
        assert_eq!((error, error.errno()), (RouteError::Full, Errno::NoBufs));
    }

    #[test]
    fn every_change_changes_the_generation() {
        let mut table = table();
        let mut last = table.generation();
        let mut changed = |table: &RouteTable| {
            let was = std::mem::replace(&mut last, table.generation());
            was != last
        };
        table.add(via("10.1.0.0/16", "10.0.0.2", LAN)).unwrap();
        assert!(changed(&table));
        table.replace(via("10.1.0.0/16", "10.0.0.3", LAN)).unwrap();
        assert!(changed(&table));
        let found = table.lookup(address("10.1.2.3")).unwrap();
        assert_eq!(found.next_hop(address("10.1.2.3")), address("10.0.0.3"));
        table
            .delete(&RouteQuery::new(prefix("10.1.0.0/16")))
            .unwrap();
        assert!(changed(&table));
        assert!(!changed(&table));
    }

    #[test]
    fn a_change_that_fails_keeps_the_old_route() {
        let mut table = table();
        let query = RouteQuery::new(Prefix::DEFAULT);
        let bad = via("0.0.0.0/0", "172.16.0.1", LAN);
        assert_eq!(
            table.change(&query, bad),
            Err(RouteError::GatewayUnreachable)
        );
        assert_eq!(
            table.find(&query).unwrap().gateway,
            Some(address("10.0.0.1"))
        );
        let good = via("0.0.0.0/0", "10.0.0.7", LAN);
        table.change(&query, good.clone()).unwrap();
        assert_eq!(table.find(&query), Some(&good));
        assert_eq!(
            table.change(&RouteQuery::new(prefix("9.0.0.0/8")), good),
            Err(RouteError::NoSuch)
        );
    }

    #[test]
    fn flushing_an_interface_takes_its_routes_and_no_others() {
        let mut table = table();
        assert_eq!(table.flush_interface(LAN), 2);
        let left: Vec<_> = table.dump().iter().map(|r| r.destination).collect();
        assert_eq!(left, [prefix("10.9.0.0/24")]);
        assert_eq!(table.flush(|_| true), 1);
        assert!(table.is_empty() && table.lookup(address("10.9.0.1")).is_none());
    }
}

mod lookup {
    use super::*;

    #[test]
    fn of_several_defaults_the_lowest_metric_is_used_and_the_next_remains() {
        let mut table = table();
        let mut second = via("0.0.0.0/0", "10.9.0.1", WAN);
        second.metric = 10;
        table.add(second).unwrap();
        let far = address("198.51.100.1");
        assert_eq!(table.lookup(far).unwrap().interface, LAN);
        let other = table.lookup_where(far, |route| route.interface != LAN);
        assert_eq!(other.unwrap().interface, WAN);
        let mut query = RouteQuery::new(Prefix::DEFAULT);
        query.metric = Some(0);
        table.delete(&query).unwrap();
        assert_eq!(table.lookup(far).unwrap().interface, WAN);
        table.add(via("0.0.0.0/0", "10.0.0.1", LAN)).unwrap();
        assert_eq!(table.lookup(far).unwrap().interface, LAN);
    }

    /// `sockets.md` §10.2: IPCTL_MULTIDEFROUTES.
    #[test]
    fn several_defaults_can_be_forbidden() {
        let mut table = table();
        table.set_several_defaults(false);
        let mut second = via("0.0.0.0/0", "10.9.0.1", WAN);
        second.metric = 10;
        assert_eq!(table.add(second), Err(RouteError::Exists));
    }

    #[test]
    fn reject_routes_need_no_router() {
        let mut table = table();
        let mut route = Route::new(prefix("10.66.0.0/16"), None, LAN);
        route.kind = RouteKind::Reject;
        table.add(route).unwrap();
        let kind = table.lookup(address("10.66.1.1")).unwrap().kind;
        assert_eq!(kind, RouteKind::Reject);
    }

    #[test]
    fn the_dump_is_in_order() {
        let mut table = table();
        table.add(via("10.0.0.0/8", "10.0.0.9", LAN)).unwrap();
        let all: Vec<_> = table
            .dump()
            .iter()
            .map(|route| route.destination.to_string())
            .collect();
        assert_eq!(
            all,
            ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.9.0.0/24"]
        );
    }
}

mod redirects {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    fn redirect() -> Redirect {
        Redirect {
            from: address("10.0.0.1"),
            destination: address("198.51.100.1"),
            gateway: address("10.0.0.2"),
            interface: LAN,
        }
    }

    fn ours(it: Ipv4Addr) -> bool {
        it == address("10.0.0.100")
    }

    /// RFC 1122 §3.2.2.2.
    #[test]
    fn a_good_one_changes_the_way_to_that_host_only() {
        let mut table = table();
        table.handle_redirect(NOW, &redirect(), ours).unwrap();
        let route = table.lookup(address("198.51.100.1")).unwrap();
        assert_eq!(route.gateway, Some(address("10.0.0.2")));
        assert_eq!((route.origin, route.is_host()), (Origin::Redirect, true));
        let other = table.lookup(address("198.51.100.2")).unwrap();
        assert_eq!(other.gateway, Some(address("10.0.0.1")));
    }

    /// EVT-20: rtredirect-error, each of its reasons (`events.md` §6: only from the current router, new router directly
    /// reachable, existing route not direct).
    #[test]
    fn bad_ones_are_refused_and_change_nothing() {
        let mut table = table();
        let before = table.generation();
        let mut try_with = |change: fn(&mut Redirect)| {
            let mut redirect = redirect();
            change(&mut redirect);
            table.handle_redirect(NOW, &redirect, ours).unwrap_err()
        };
        assert_eq!(
            try_with(|r| r.from = address("10.0.0.3")),
            RedirectError::NotFromRouter
        );
        assert_eq!(
            try_with(|r| r.interface = WAN),
            RedirectError::NotFromRouter
        );
        assert_eq!(
            try_with(|r| r.gateway = address("10.9.0.2")),
            RedirectError::GatewayUnreachable
        );
        assert_eq!(
            try_with(|r| r.gateway = address("203.0.113.1")),
            RedirectError::GatewayUnreachable
        );
        assert_eq!(
            try_with(|r| r.destination = address("10.0.0.50")),
            RedirectError::Direct
        );
        assert_eq!(
            try_with(|r| r.gateway = address("10.0.0.100")),
            RedirectError::Ours
        );
        assert_eq!(table.generation(), before);
    }

    #[test]
    fn they_expire() {
        let mut table = table();
        table.handle_redirect(NOW, &redirect(), ours).unwrap();
        let at = table.poll_timeout().unwrap();
        assert_eq!(at, NOW + Duration::from_secs(600));
        table.handle_timeout(at - Duration::from_nanos(1));
        assert_eq!(table.len(), 4);
        table.handle_timeout(at);
        assert_eq!((table.len(), table.poll_timeout()), (3, None));
    }

    /// RFC 1122 §3.3.1.4: a router that does not answer is not used any more.
    #[test]
    fn they_are_forgotten_when_their_router_is_dead() {
        let mut table = table();
        table.handle_redirect(NOW, &redirect(), ours).unwrap();
        let until = NOW + Duration::from_secs(20);
        assert_eq!(table.handle_dead_gateway(address("10.0.0.2"), until), 1);
        let route = table.lookup(address("198.51.100.1")).unwrap();
        assert_eq!(route.gateway, Some(address("10.0.0.1")));
    }

    #[test]
    fn a_flood_stays_within_the_limit() {
        let limits = RouteLimits {
            redirects: 8,
            ..RouteLimits::default()
        };
        let mut table = RouteTable::new(limits);
        table.add(connected("10.0.0.0/24", LAN)).unwrap();
        table.add(via("0.0.0.0/0", "10.0.0.1", LAN)).unwrap();
        for number in 0..1000_u32 {
            let mut redirect = redirect();
            redirect.destination = Ipv4Addr::from_bits(0xc633_0000 + number);
            let now = Instant::from_nanos(number.into());
            table.handle_redirect(now, &redirect, ours).unwrap();
            assert!(table.len() <= 10);
        }
        assert_eq!(table.flush(|route| route.origin == Origin::Redirect), 8);
        assert_eq!(table.poll_timeout(), None);
    }
}

mod dead_gateways {
    use super::*;

    const UNTIL: Instant = Instant::from_nanos(20_000_000_000);

    fn gateway(table: &RouteTable) -> Option<Ipv4Addr> {
        table.lookup(address("198.51.100.1")).unwrap().gateway
    }

    /// RFC 1122 §3.3.1.4: another default gateway is used when one fails, and the first again when it is back.
    #[test]
    fn another_route_is_used_while_a_gateway_is_dead() {
        let mut table = table();
        let mut second = via("0.0.0.0/0", "10.9.0.1", WAN);
        second.metric = 10;
        table.add(second).unwrap();
        let before = table.generation();
        table.handle_dead_gateway(address("10.0.0.1"), UNTIL);
        assert_ne!(table.generation(), before);
        assert_eq!(gateway(&table), Some(address("10.9.0.1")));
        assert_eq!(table.poll_timeout(), Some(UNTIL));
        table.handle_timeout(UNTIL);
        assert_eq!(gateway(&table), Some(address("10.0.0.1")));
        table.handle_dead_gateway(address("10.0.0.1"), UNTIL);
        table.handle_live_gateway(address("10.0.0.1"));
        assert_eq!(gateway(&table), Some(address("10.0.0.1")));
        assert_eq!(table.poll_timeout(), None);
    }

    #[test]
    fn the_only_gateway_is_used_even_if_it_is_dead() {
        let mut table = table();
        table.handle_dead_gateway(address("10.0.0.1"), UNTIL);
        assert_eq!(gateway(&table), Some(address("10.0.0.1")));
        table.flush(|route| route.gateway.is_some());
        assert_eq!((table.dead.len(), table.gateways.len()), (0, 0));
    }

    #[test]
    fn neighbours_that_are_no_gateways_do_not_matter() {
        let mut table = table();
        let before = table.generation();
        table.handle_dead_gateway(address("10.0.0.77"), UNTIL);
        assert_eq!((table.generation(), table.poll_timeout()), (before, None));
    }
}

mod model {
    use super::*;
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Change {
        Add(Prefix, u32, u8),
        Replace(Prefix, u32, u8),
        Delete(Prefix, Option<u32>),
        Dead(u8),
        Live(u8),
        Flush(InterfaceId),
    }

    /// Prefixes that nest, of few lengths; routers .1 to .3 on either network.
    fn some_change() -> impl Strategy<Value = Change> {
        let prefix = (0_u8..3, 0_u8..3, 0_usize..4).prop_map(|(a, b, length)| {
            let address = Ipv4Addr::new(172, 16 + a, b, 0);
            Prefix::new(address, [0, 12, 16, 24][length]).unwrap()
        });
        let prefix = prefix.boxed();
        let put = (prefix.clone(), 0_u32..3, 0_u8..6);
        prop_oneof![
            4 => put.clone().prop_map(|(to, metric, by)| Change::Add(to, metric, by)),
            2 => put.prop_map(|(to, metric, by)| Change::Replace(to, metric, by)),
            2 => (prefix, any::<bool>(), 0_u32..3)
                .prop_map(|(to, exact, metric)| Change::Delete(to, exact.then_some(metric))),
            1 => (0_u8..6).prop_map(Change::Dead),
            1 => (0_u8..6).prop_map(Change::Live),
            1 => any::<bool>().prop_map(|lan| Change::Flush(if lan { LAN } else { WAN })),
        ]
    }

    fn gateway(number: u8) -> Ipv4Addr {
        let network = if number < 3 { 0 } else { 9 };
        Ipv4Addr::new(10, network, 0, number % 3 + 1)
    }

    fn route_by(to: Prefix, metric: u32, number: u8) -> Route {
        let interface = if number < 3 { LAN } else { WAN };
        Route {
            metric,
            ..Route::new(to, Some(gateway(number)), interface)
        }
    }

    proptest! {
        /// Routes with metrics and dead gateways, against a list.
        #[test]
        fn it_finds_what_a_list_has(changes in proptest::collection::vec(some_change(), 1..60)) {
            let mut table = RouteTable::new(RouteLimits::default());
            let mut list: BTreeMap<(Prefix, u32), Route> = BTreeMap::new();
            let mut dead = Vec::new();
            let connect = |table: &mut RouteTable| {
                for route in [connected("10.0.0.0/24", LAN), connected("10.9.0.0/24", WAN)] {
                    let _there = table.add(route);
                }
            };
            connect(&mut table);
            for change in changes {
                match change {
                    Change::Add(to, metric, by) => {
                        let added = table.add(route_by(to, metric, by));
                        let known = list.contains_key(&(to, metric));
                        assert_eq!(added, if known { Err(RouteError::Exists) } else { Ok(()) });
                        list.entry((to, metric)).or_insert(route_by(to, metric, by));
                    }
                    Change::Replace(to, metric, by) => {
                        table.replace(route_by(to, metric, by)).unwrap();
                        list.insert((to, metric), route_by(to, metric, by));
                    }
                    Change::Delete(to, metric) => {
                        let mut query = RouteQuery::new(to);
                        query.metric = metric;
                        let deleted = table.delete(&query).ok();
                        let mut of_it = list.keys().filter(|(prefix, it)| {
                            *prefix == to && metric.is_none_or(|metric| metric == *it)
                        });
                        let expected = of_it.next().copied();
                        assert_eq!(deleted, expected.and_then(|place| list.remove(&place)));
                    }
                    Change::Dead(number) => {
                        table.handle_dead_gateway(gateway(number), Instant::MAX);
                        let used = list.values().any(|it| it.gateway == Some(gateway(number)));
                        if used {
                            dead.push(gateway(number));
                        }
                    }
                    Change::Live(number) => {
                        table.handle_live_gateway(gateway(number));
                        dead.retain(|it| *it != gateway(number));
                    }
                    Change::Flush(interface) => {
                        table.flush_interface(interface);
                        list.retain(|_, route| route.interface != interface);
                        connect(&mut table);
                    }
                }
                // A gateway that no route is by any more is forgotten.
                dead.retain(|gateway| list.values().any(|it| it.gateway == Some(*gateway)));
                table.check().unwrap();
                assert_eq!(table.len(), list.len() + 2);
                for (a, b) in [(16, 0), (17, 1), (18, 2), (16, 2), (30, 0), (99, 0)] {
                    let to = Ipv4Addr::new(172, a, b, 7);
                    let longest = list.keys().filter(|(prefix, _)| prefix.contains(to));
                    let longest = longest.map(|(prefix, _)| prefix.len()).max();
                    let of_it = list.values().filter(|it| {
                        it.destination.contains(to) && Some(it.destination.len()) == longest
                    });
                    let expected = of_it.min_by_key(|it| {
                        let alive = it.gateway.is_none_or(|gateway| !dead.contains(&gateway));
                        (!alive, it.metric)
                    });
                    assert_eq!(table.lookup(to), expected);
                }
            }
        }
    }
}
