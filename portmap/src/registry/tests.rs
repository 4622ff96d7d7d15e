use super::*;
use proptest::prelude::*;

const PROG: u32 = 0x2000_0001;

fn table() -> Registry {
    Registry::new(Limits::default())
}

fn mapping(version: u32, netid: &str, address: &str, owner: Owner) -> Mapping {
    Mapping::new(PROG, version, netid, address.to_owned(), owner)
}

fn tcp(version: u32, port: u16) -> Mapping {
    Mapping::of_port(PROG, version, 6, port, Owner::Uid(7)).unwrap()
}

fn shown(table: &Registry) -> Vec<(u32, u32, String, String)> {
    table
        .iter()
        .map(|m| {
            (
                m.program,
                m.version,
                m.netid_text().to_owned(),
                m.address().to_owned(),
            )
        })
        .collect()
}

mod section_2_2_1 {
    use super::*;

    // "The procedure refuses to establish a mapping if one already exists for the ordered set".
    #[test]
    fn set_refuses_another_address_for_the_same_program_version_and_netid() {
        let mut t = table();
        assert_eq!(
            t.set(mapping(1, "tcp", "0.0.0.0.4.5", Owner::Unknown)),
            SetOutcome::Added
        );
        assert_eq!(
            t.set(mapping(1, "tcp", "0.0.0.0.4.6", Owner::Unknown)),
            SetOutcome::Taken
        );
        assert_eq!(
            t.set(mapping(1, "TCP", "0.0.0.0.4.6", Owner::Unknown)),
            SetOutcome::Taken
        );
        assert_eq!(t.len(), 1);
    }

    #[test]
    fn set_of_the_same_again_is_true_and_keeps_the_owner() {
        let mut t = table();
        assert!(
            t.set(mapping(1, "tcp", "0.0.0.0.4.5", Owner::Uid(1)))
                .answer()
        );
        assert_eq!(
            t.set(mapping(1, "tcp", "0.0.0.0.4.5", Owner::Uid(2))),
            SetOutcome::AlreadyThere
        );
        assert_eq!(t.iter().next().unwrap().owner, Owner::Uid(1));
    }

    // "If "r_netid" is NULL, all mappings specified by the ordered set ("r_prog", "r_vers", *) … are deleted."
    #[test]
    fn unset_without_netid_removes_all_netids_of_the_version() {
        let mut t = table();
        for (version, netid) in [
            (1, "tcp"),
            (1, "udp6"),
            (1, "local"),
            (1, "own"),
            (2, "tcp"),
        ] {
            assert!(t.set(mapping(version, netid, "x", Owner::Unknown)).answer());
        }
        assert!(t.unset(PROG, 1, None, Owner::Unknown));
        assert_eq!(shown(&t), [(PROG, 2, "tcp".into(), "x".into())]);
    }

    #[test]
    fn unset_with_netid_removes_that_one() {
        let mut t = table();
        assert!(t.set(mapping(1, "tcp", "x", Owner::Unknown)).answer());
        assert!(t.set(mapping(1, "udp", "x", Owner::Unknown)).answer());
        assert!(t.unset(PROG, 1, Some(&Netid::new("UDP")), Owner::Unknown));
        assert_eq!(shown(&t), [(PROG, 1, "tcp".into(), "x".into())]);
    }

    #[test]
    fn unset_of_nothing_is_true() {
        assert!(table().unset(PROG, 1, None, Owner::Unknown));
    }

    // "Only the owner of the service or the super-user is allowed to unset a service."
    #[test]
    fn only_the_owner_and_the_superuser_unset() {
        for (caller, may) in [
            (Owner::Uid(7), true),
            (Owner::Superuser, true),
            (Owner::Uid(8), false),
            (Owner::Unknown, false),
        ] {
            let mut t = table();
            assert!(t.set(tcp(1, 5)).answer());
            assert_eq!(t.unset(PROG, 1, None, caller), may, "{caller:?}");
            assert_eq!(t.is_empty(), may);
        }
    }

    #[test]
    fn nobody_keeps_a_mapping_in_place_by_adding_one_beside_it() {
        let mut t = table();
        assert!(t.set(mapping(1, "other", "x", Owner::Uid(8))).answer());
        assert!(t.set(tcp(1, 5)).answer());
        assert!(!t.unset(PROG, 1, None, Owner::Uid(7)));
        assert_eq!(shown(&t), [(PROG, 1, "other".into(), "x".into())]);
    }

    #[test]
    fn a_lookup_of_a_missing_version_finds_the_last_registered() {
        let mut t = table();
        assert!(t.set(tcp(5, 55)).answer());
        assert!(t.set(tcp(3, 33)).answer());
        assert!(
            t.set(mapping(9, "udp", "0.0.0.0.0.99", Owner::Unknown))
                .answer()
        );
        let found = t.lookup(PROG, 4, &Netid::Tcp).unwrap();
        assert_eq!((found.mapping.version, found.exact), (3, false));
        let found = t.lookup(PROG, 5, &Netid::Tcp).unwrap();
        assert_eq!((found.mapping.version, found.exact), (5, true));
        assert_eq!(t.versions(PROG, &Netid::Tcp), Some((3, 5)));
        assert_eq!(t.lookup(PROG, 4, &Netid::Tcp6), None);
        assert_eq!(t.lookup(PROG + 1, 3, &Netid::Tcp), None);
    }
}

mod section_3_2 {
    use super::*;

    #[test]
    fn getport_finds_what_either_version_registered() {
        let mut t = table();
        assert!(t.set(tcp(1, 1025)).answer());
        assert!(
            t.set(mapping(1, "udp", "10.0.0.1.4.2", Owner::Unknown))
                .answer()
        );
        assert!(t.set(mapping(1, "tcp6", "::.4.3", Owner::Unknown)).answer());
        assert_eq!(t.port(PROG, 1, 6), 1025);
        assert_eq!(t.port(PROG, 1, 17), 1026);
        assert_eq!(t.port(PROG, 1, 58), 0);
        assert_eq!(t.port(PROG + 1, 1, 6), 0);
    }

    #[test]
    fn getport_of_a_missing_version_gives_the_last_registered() {
        let mut t = table();
        assert!(t.set(tcp(5, 55)).answer());
        assert!(t.set(tcp(3, 33)).answer());
        assert_eq!(t.port(PROG, 4, 6), 33);
        assert!(t.unset(PROG, 3, None, Owner::Superuser));
        assert_eq!(t.port(PROG, 4, 6), 55);
    }

    #[test]
    fn an_address_without_a_port_is_not_seen_by_version_2() {
        let mut t = table();
        assert!(t.set(mapping(1, "udp", "hello", Owner::Unknown)).answer());
        assert_eq!(t.port(PROG, 1, 17), 0);
        assert_eq!(t.dump_v2().unwrap()[..], [0, 0, 0, 0]);
        assert_ne!(t.dump_v3().unwrap()[..], [0, 0, 0, 0]);
    }

    // "The protocol and port number fields of the argument are ignored."
    #[test]
    fn unset_removes_both_protocols_and_nothing_else() {
        let mut t = table();
        for netid in ["tcp", "udp", "tcp6", "local"] {
            assert!(
                t.set(mapping(1, netid, "0.0.0.0.1.1", Owner::Unknown))
                    .answer()
            );
        }
        assert!(t.unset_ports(PROG, 1, Owner::Unknown));
        let left: Vec<_> = t.iter().map(Mapping::netid_text).collect();
        assert_eq!(left, ["tcp6", "local"]);
    }

    #[test]
    fn other_protocols_cannot_be_registered_by_number() {
        assert_eq!(Mapping::of_port(PROG, 1, 58, 9, Owner::Unknown), None);
    }
}

mod lists {
    use super::*;

    #[test]
    fn own_mappings_come_first_and_latest_first() {
        let mut t = table();
        assert!(t.set(tcp(1, 9)).answer());
        for version in [2, 3, 4] {
            let own =
                Mapping::of_port(PORTMAP_PROGRAM, version, 17, 111, Owner::Superuser).unwrap();
            assert!(t.add_own(own).answer());
        }
        assert!(t.set(tcp(2, 9)).answer());
        let order: Vec<_> = t.iter().map(|m| (m.program, m.version)).collect();
        let own = PORTMAP_PROGRAM;
        assert_eq!(order, [(own, 4), (own, 3), (own, 2), (PROG, 1), (PROG, 2)]);
    }

    #[test]
    fn dumps_are_kept_until_the_table_changes() {
        let mut t = table();
        assert!(t.set(tcp(1, 0x1234)).answer());
        let first = t.dump_v2().unwrap();
        assert_eq!(first.as_ptr(), t.dump_v2().unwrap().as_ptr());
        assert_eq!(
            first[..],
            [
                0, 0, 0, 1, 0x20, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0x12, 0x34, 0, 0, 0, 0
            ]
        );
        let third = t.dump_v3().unwrap();
        assert_eq!(third.as_ptr(), t.dump_v3().unwrap().as_ptr());
        assert!(!t.set(tcp(1, 0x1235)).answer());
        assert_eq!(third.as_ptr(), t.dump_v3().unwrap().as_ptr());
        assert!(t.set(tcp(2, 0x1234)).answer());
        assert_eq!(t.dump_v2().unwrap().len(), 44);
        assert!(t.unset(PROG, 2, None, Owner::Superuser));
        assert_eq!(t.dump_v2().unwrap(), first);
        assert_eq!(t.dump_v3().unwrap(), third);
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_flood_of_one_user_leaves_room_for_others() {
        let mut t = Registry::new(Limits {
            mappings: 20,
            mappings_per_owner: 10,
            text: 16,
        });
        for version in 0..15 {
            let _ = t.set(mapping(version, "tcp", "x", Owner::Uid(5)));
        }
        assert_eq!(t.len(), 10);
        assert_eq!(t.refusals().mappings_per_owner, 5);
        for version in 100..115 {
            let _ = t.set(mapping(version, "tcp", "x", Owner::Superuser));
        }
        assert_eq!(t.len(), 20);
        assert_eq!(t.refusals().mappings, 5);
        let long = mapping(200, "tcp", "12345678901234567", Owner::Superuser);
        assert_eq!(t.set(long), SetOutcome::Refused(Bound::Text));
        assert!(t.unset(PROG, 0, None, Owner::Uid(5)));
        assert!(t.set(mapping(0, "tcp", "x", Owner::Uid(5))).answer());
    }
}

/// The table as plainly as it can be written: a list that is walked, as rpcbind does it.
#[derive(Default)]
struct Plain(Vec<Mapping>);

impl Plain {
    fn set(&mut self, new: Mapping) -> bool {
        let key = |m: &Mapping| (m.program, m.version, m.netid.clone());
        if let Some(old) = self.0.iter().find(|old| key(old) == key(&new)) {
            return old.address() == new.address();
        }
        self.0.push(new);
        true
    }

    fn unset(&mut self, program: u32, version: u32, netid: Option<&Netid>, caller: Owner) -> bool {
        let hit = |m: &Mapping| {
            m.program == program && m.version == version && netid.is_none_or(|n| *n == m.netid)
        };
        self.0.retain(|m| !(hit(m) && caller.may_remove(m.owner)));
        !self.0.iter().any(hit)
    }

    fn port(&self, program: u32, version: u32, protocol: u32) -> u16 {
        let mut hit = 0;
        for m in &self.0 {
            if let Some((found, port)) = m.port()
                && (m.program, found) == (program, protocol)
            {
                hit = port;
                if m.version == version {
                    break;
                }
            }
        }
        hit
    }

    fn lookup(&self, program: u32, version: u32, netid: &Netid) -> Option<&Mapping> {
        let mut hit = None;
        for m in self
            .0
            .iter()
            .filter(|m| m.program == program && m.netid == *netid)
        {
            hit = Some(m);
            if m.version == version {
                break;
            }
        }
        hit
    }
}

fn owners() -> impl Strategy<Value = Owner> {
    prop_oneof![
        Just(Owner::Superuser),
        Just(Owner::Uid(1)),
        Just(Owner::Uid(2)),
        Just(Owner::Unknown)
    ]
}

fn netids() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("tcp"),
        Just("udp"),
        Just("TCP"),
        Just("udp6"),
        Just("local"),
        Just("own")
    ]
}

proptest! {
    #[test]
    fn the_indexed_table_behaves_as_a_walked_list(
        steps in proptest::collection::vec(
            (any::<bool>(), 1u32..3, 1u32..4, netids(), any::<bool>(), 0u16..4, owners()), 1..60)
    ) {
        let mut table = table();
        let mut plain = Plain::default();
        for (set, program, version, netid, all, port, owner) in steps {
            if set {
                let address = if port == 3 { "nowhere".to_owned() } else { format!("0.0.0.0.0.{port}") };
                let m = Mapping::new(program, version, netid, address, owner);
                prop_assert_eq!(table.set(m.clone()).answer(), plain.set(m));
            } else {
                let netid = (!all).then(|| Netid::new(netid));
                prop_assert_eq!(
                    table.unset(program, version, netid.as_ref(), owner),
                    plain.unset(program, version, netid.as_ref(), owner)
                );
            }
            prop_assert_eq!(table.iter().collect::<Vec<_>>(), plain.0.iter().collect::<Vec<_>>());
            for program in 1..3 {
                for netid in [Netid::Tcp, Netid::Local, Netid::new("own")] {
                    let versions = || plain.0.iter().filter(|m| (m.program, &m.netid) == (program, &netid)).map(|m| m.version);
                    prop_assert_eq!(table.versions(program, &netid), versions().min().zip(versions().max()));
                }
                for version in 0..5 {
                    let pair = plain.0.iter().filter(|m| (m.program, m.version) == (program, version));
                    prop_assert_eq!(table.of_pair(program, version).collect::<Vec<_>>(), pair.collect::<Vec<_>>());
                    for protocol in [6, 17] {
                        prop_assert_eq!(
                            table.port(program, version, protocol), plain.port(program, version, protocol));
                    }
                    for netid in [Netid::Tcp, Netid::Udp6, Netid::new("own")] {
                        prop_assert_eq!(
                            table.lookup(program, version, &netid).map(|f| f.mapping),
                            plain.lookup(program, version, &netid));
                    }
                }
            }
        }
        for (program, version) in [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)] {
            table.unset(program, version, None, Owner::Superuser);
        }
        prop_assert!(table.keys.is_empty() && table.lines.is_empty() && table.others.is_empty());
        prop_assert!(table.mappings.is_empty() && table.owned.is_empty());
    }
}
