use super::*;

const PROG: u32 = 0x2000_0001;

fn local() -> Origin {
    Origin::Local { uid: Some(0) }
}

fn tcp(peer: &str, called: &str) -> Origin {
    Origin::Tcp {
        peer: peer.parse().unwrap(),
        local: Some(called.parse().unwrap()),
    }
}

fn stranger(peer: &str, called: &str) -> Origin {
    Origin::Udp {
        peer: peer.parse().unwrap(),
        local: Some(called.parse().unwrap()),
        through_lo: false,
    }
}

fn host() -> Vec<HostAddress> {
    [
        ("127.0.0.1", 8, true),
        ("192.0.2.1", 24, false),
        ("198.51.100.1", 24, false),
        ("::1", 128, true),
        ("2001:db8::1", 64, false),
    ]
    .into_iter()
    .map(|(address, bits, last_choice)| {
        let address: IpAddr = address.parse().unwrap();
        HostAddress {
            address,
            network: Network::new(address, bits).unwrap(),
            last_choice,
        }
    })
    .collect()
}

fn core() -> Core {
    let mut core = Core::default();
    core.register_self(&Netid::Tcp, "0.0.0.0.0.111");
    for (netid, address) in [
        ("tcp", "0.0.0.0.8.1"),
        ("udp", "10.9.8.7.8.2"),
        ("udp6", "::.8.3"),
        ("local", "/run/x"),
        ("odd", "?"),
    ] {
        assert!(
            core.set(Version::V4, &local(), PROG, 3, netid, address.to_owned())
                .unwrap()
        );
    }
    core
}

fn ask(core: &mut Core, origin: &Origin, version: u32, hint: &str, exact: bool) -> String {
    core.address(Version::V4, origin, PROG, version, hint, exact, 60, &host)
        .unwrap()
}

mod section_2_2_1 {
    use super::*;

    #[test]
    fn getaddr_answers_for_the_transport_of_the_question() {
        let mut core = core();
        assert_eq!(
            ask(&mut core, &tcp("192.0.2.9:1", "192.0.2.1"), 3, "", false),
            "192.0.2.1.8.1"
        );
        assert_eq!(
            ask(
                &mut core,
                &stranger("192.0.2.9:1", "198.51.100.1"),
                3,
                "",
                false
            ),
            "198.51.100.1.8.2"
        );
        assert_eq!(
            ask(
                &mut core,
                &stranger("[2001:db8::9]:1", "2001:db8::1"),
                3,
                "",
                false
            ),
            "2001:db8::1.8.3"
        );
        assert_eq!(
            ask(
                &mut core,
                &tcp("[2001:db8::9]:1", "2001:db8::1"),
                3,
                "",
                false
            ),
            ""
        );
        assert_eq!(ask(&mut core, &local(), 3, "", false), "/run/x");
    }

    #[test]
    fn getaddr_finds_another_version_and_getversaddr_does_not() {
        let mut core = core();
        let caller = tcp("192.0.2.9:1", "192.0.2.1");
        assert_eq!(ask(&mut core, &caller, 9, "", false), "192.0.2.1.8.1");
        assert_eq!(ask(&mut core, &caller, 9, "", true), "");
        assert_eq!(ask(&mut core, &caller, 3, "", true), "192.0.2.1.8.1");
    }

    #[test]
    fn the_hint_chooses_the_network() {
        let mut core = core();
        let caller = tcp("192.0.2.9:1", "192.0.2.1");
        assert_eq!(
            ask(&mut core, &caller, 3, "192.0.2.1.0.111", false),
            "192.0.2.1.8.1"
        );
        assert_eq!(
            ask(&mut core, &caller, 3, "198.51.100.77.0.111", false),
            "198.51.100.1.8.1"
        );
        assert_eq!(
            ask(&mut core, &caller, 3, "203.0.113.1.0.111", false),
            "192.0.2.1.8.1"
        );
        assert_eq!(
            ask(&mut core, &caller, 3, "::1.0.111", false),
            "192.0.2.1.8.1"
        );
        assert_eq!(ask(&mut core, &caller, 3, "nonsense", false), "0.0.0.0.8.1");
    }

    #[test]
    fn a_broadcast_gets_the_address_on_the_callers_network() {
        let mut core = core();
        assert_eq!(
            ask(
                &mut core,
                &stranger("198.51.100.9:1", "255.255.255.255"),
                3,
                "",
                false
            ),
            "198.51.100.1.8.2"
        );
        assert_eq!(
            ask(
                &mut core,
                &stranger("203.0.113.9:1", "224.0.0.1"),
                3,
                "",
                false
            ),
            "192.0.2.1.8.2"
        );
        assert_eq!(
            ask(
                &mut core,
                &stranger("[2001:db8::9]:1", "ff02::202"),
                3,
                "",
                false
            ),
            "2001:db8::1.8.3"
        );
    }

    #[test]
    fn the_portmapper_itself_is_registered_and_not_to_be_taken() {
        let mut core = core();
        assert_eq!(core.port(&local(), 100_000, 2, 6), Ok(111));
        assert_eq!(core.set_port(&local(), 100_000, 2, 6, 112), Ok(false));
        let user = Origin::Local { uid: Some(9) };
        assert_eq!(core.unset(Version::V3, &user, 100_000, 2, ""), Ok(false));
    }

    // "Note that neither "r_netid" nor "r_addr" can be NULL".
    #[test]
    fn set_needs_a_netid_and_an_address() {
        let mut core = core();
        assert_eq!(
            core.set(Version::V3, &local(), 5, 1, "", "x".into()),
            Ok(false)
        );
        assert_eq!(
            core.set(Version::V3, &local(), 5, 1, "tcp", String::new()),
            Ok(false)
        );
    }

    #[test]
    fn set_and_unset_are_for_this_machine() {
        let mut core = core();
        for origin in [
            tcp("192.0.2.9:1", "192.0.2.1"),
            stranger("192.0.2.9:1", "192.0.2.1"),
        ] {
            assert_eq!(core.set_port(&origin, 7, 1, 6, 5), Err(Denied::NotLocal));
            assert_eq!(core.unset_ports(&origin, PROG, 3), Err(Denied::NotLocal));
            assert_eq!(
                core.set(Version::V3, &origin, 7, 1, "tcp", "x".into()),
                Err(Denied::NotLocal)
            );
            assert_eq!(
                core.unset(Version::V4, &origin, PROG, 3, ""),
                Err(Denied::NotLocal)
            );
        }
        assert_eq!(core.counters().not_local, 8);
        assert_eq!(core.port(&local(), PROG, 3, 6), Ok(0x801));
    }
}

mod section_2_2_2 {
    use super::*;

    #[test]
    fn getaddrlist_is_about_the_family_of_the_question() {
        let mut core = core();
        let list = core
            .address_list(&tcp("192.0.2.9:1", "192.0.2.1"), PROG, 3, "", &host)
            .unwrap();
        let shown: Vec<_> = list
            .iter()
            .map(|e| (e.netid.as_str(), e.address.as_str(), e.semantics.semantics))
            .collect();
        assert_eq!(
            shown,
            [("tcp", "192.0.2.1.8.1", 3), ("udp", "192.0.2.1.8.2", 1)]
        );
        let list = core
            .address_list(&tcp("[2001:db8::9]:1", "2001:db8::1"), PROG, 3, "", &host)
            .unwrap();
        assert_eq!(list.len(), 1);
        assert!(
            core.address_list(&tcp("192.0.2.9:1", "192.0.2.1"), PROG, 4, "", &host)
                .unwrap()
                .is_empty()
        );
        assert!(
            core.address_list(&local(), PROG, 3, "", &host)
                .unwrap()
                .is_empty()
        );
    }
}

/// Goal B6.
mod amplification {
    use super::*;

    #[test]
    fn strangers_get_no_lists_over_udp() {
        let mut core = core();
        let everywhere = "0.0.0.0.8.2".to_owned();
        assert_eq!(
            core.set(Version::V4, &local(), PROG, 4, "udp", everywhere),
            Ok(true)
        );
        core.indirect = true;
        let origin = stranger("203.0.113.9:1", "192.0.2.1");
        for at in [Version::V2, Version::V3, Version::V4] {
            assert_eq!(core.dump(at, &origin).unwrap_err(), Denied::Amplification);
        }
        assert_eq!(core.statistics(&origin).unwrap_err(), Denied::Amplification);
        assert_eq!(
            core.address_list(&origin, PROG, 3, "", &host).unwrap_err(),
            Denied::Amplification
        );
        for kind in [Kind::Broadcast, Kind::Indirect] {
            assert_eq!(
                core.forward(Version::V4, kind, &origin, (PROG, 4, 0), &host),
                Err(NotForwarded::Denied)
            );
        }
        core.access.trusted = vec![Network::parse("203.0.113.0/24").unwrap()];
        assert!(core.dump(Version::V2, &origin).is_ok());
        assert!(
            core.forward(Version::V4, Kind::Indirect, &origin, (PROG, 4, 0), &host)
                .is_ok()
        );
    }

    #[test]
    fn a_long_address_is_not_given_to_strangers() {
        let mut core = core();
        let long = "x".repeat(200);
        assert!(
            core.set(Version::V4, &local(), 9, 1, "udp", long.clone())
                .unwrap()
        );
        let origin = stranger("203.0.113.9:1", "192.0.2.1");
        let ask = |core: &mut Core, question| {
            core.address(Version::V4, &origin, 9, 1, "", false, question, &host)
        };
        assert_eq!(ask(&mut core, 60), Err(Denied::Amplification));
        assert_eq!(ask(&mut core, 76), Ok(long));
    }
}

mod indirect {
    use super::*;

    fn forward(
        core: &mut Core,
        origin: &Origin,
        call: (u32, u32, u32),
    ) -> Result<Forward, NotForwarded> {
        core.forward(Version::V4, Kind::Indirect, origin, call, &host)
    }

    /// Else whoever can register could have this host call any other.
    #[test]
    fn calls_go_to_this_host_only() {
        let mut core = core();
        core.indirect = true;
        let own = Origin::Memory;
        for (version, address, to) in [
            (11, "0.0.0.0.8.1", Ok("127.0.0.1:2049")),
            (12, "127.0.0.2.8.1", Ok("127.0.0.2:2049")),
            (13, "192.0.2.1.8.1", Ok("192.0.2.1:2049")),
            (14, "192.0.2.77.8.1", Err(NotForwarded::Off)),
            (15, "::1.8.1", Ok("[::1]:2049")),
        ] {
            let set = core.set(Version::V4, &own, PROG, version, "tcp", address.to_owned());
            assert_eq!(set, Ok(true));
            let caller = tcp("127.0.0.1:9", "127.0.0.1");
            let told = forward(&mut core, &caller, (PROG, version, 1)).map(|forward| forward.to);
            assert_eq!(told, to.map(|to| to.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_never_called_is_counted() {
        let mut core = core();
        let caller = tcp("192.0.2.9:1", "192.0.2.1");
        for so_far in 1..=3 {
            let denied = forward(&mut core, &caller, (100_000, 4, 4));
            assert_eq!(denied, Err(NotForwarded::Denied));
            assert_eq!(core.counters().never_forwarded, so_far);
        }
    }

    #[test]
    fn errors_come_in_the_order_of_rpcbind() {
        let mut core = core();
        let caller = tcp("192.0.2.9:1", "192.0.2.1");
        assert_eq!(
            forward(&mut core, &caller, (100_003, 3, 1)),
            Err(NotForwarded::Denied)
        );
        assert_eq!(
            forward(&mut core, &caller, (99, 3, 1)),
            Err(NotForwarded::NoProgram)
        );
        assert_eq!(
            forward(&mut core, &caller, (PROG, 2, 1)),
            Err(NotForwarded::NoVersion { low: 3, high: 3 })
        );
        assert_eq!(
            forward(&mut core, &caller, (PROG, 3, 1)),
            Err(NotForwarded::Off)
        );
        core.indirect = true;
        assert_eq!(
            forward(&mut core, &caller, (PROG, 3, 1)),
            Ok(Forward {
                to: "127.0.0.1:2049".parse().unwrap(),
                netid: Netid::Tcp,
                address: "192.0.2.1.8.1".to_owned(),
            })
        );
    }
}

#[test]
fn changes_are_counted_only_if_the_table_changed() {
    let mut core = core();
    let before = core.changes();
    assert_eq!(core.set_port(&local(), PROG, 3, 6, 0x801), Ok(true));
    assert_eq!(core.unset_ports(&local(), 77, 1), Ok(true));
    assert_eq!(core.changes(), before);
    assert_eq!(
        core.unset(Version::V4, &local(), PROG, 3, "local"),
        Ok(true)
    );
    assert_eq!(core.changes(), before + 1);
}
