use std::collections::BTreeMap;
use std::net::IpAddr;

use super::*;

fn rules(allow: &str, deny: &str) -> (Rules, Vec<Remark>) {
    Rules::parse(("hosts.allow", allow), ("hosts.deny", deny))
}

#[track_caller]
fn check(allow: &str, deny: &str, granted: &[&str], refused: &[&str]) {
    let (rules, _) = rules(allow, deny);
    for caller in granted {
        assert!(
            rules.grants(caller.parse().unwrap()),
            "{caller} should be granted"
        );
    }
    for caller in refused {
        assert!(
            !rules.grants(caller.parse().unwrap()),
            "{caller} should be refused"
        );
    }
}

// hosts_access(5), "Access control files".
mod order {
    use super::*;

    #[test]
    fn without_rules_everybody_is_granted() {
        check("", "", &["192.0.2.1", "::1"], &[]);
        check("# nothing\n\n", "#ALL: ALL\n", &["192.0.2.1"], &[]);
    }

    #[test]
    fn allow_goes_before_deny() {
        check(
            "rpcbind: 192.0.2.1",
            "ALL: ALL",
            &["192.0.2.1"],
            &["192.0.2.2", "127.0.0.1", "::1"],
        );
    }

    #[test]
    fn rules_of_other_daemons_do_not_count() {
        check("", "sshd, vsftpd: ALL", &["192.0.2.1"], &[]);
        check("", "ALL EXCEPT rpcbind: ALL", &["192.0.2.1"], &[]);
        check("", "ALL EXCEPT sshd: ALL", &[], &["192.0.2.1"]);
        check(
            "",
            "ALL EXCEPT rpcbind EXCEPT portmap: ALL",
            &[],
            &["192.0.2.1"],
        );
    }

    #[test]
    fn the_option_turns_a_rule_round() {
        check(
            "rpcbind: 192.0.2.1: deny\nrpcbind: ALL: ALLOW",
            "ALL: ALL",
            &["192.0.2.9"],
            &["192.0.2.1"],
        );
    }
}

// hosts_access(5), "Patterns".
mod patterns {
    use super::*;

    #[test]
    fn addresses_prefixes_and_masks() {
        check(
            "rpcbind: 10.1. 192.0.2.0/24, 172.16.0.0/255.240.0.0",
            "ALL: ALL",
            &["10.1.2.3", "192.0.2.200", "172.31.0.1", "::ffff:10.1.0.1"],
            &["10.2.0.1", "192.0.3.1", "172.32.0.1", "::10.1.0.1"],
        );
    }

    #[test]
    fn ipv6_in_brackets() {
        check(
            "rpcbind: [2001:db8::]/32 [::1]",
            "ALL: ALL",
            &["2001:db8:1::1", "::1"],
            &["2001:db9::1", "::2", "127.0.0.1"],
        );
    }

    #[test]
    fn except_nests() {
        check(
            "ALL: 10. EXCEPT 10.1. EXCEPT 10.1.1.1",
            "ALL: ALL",
            &["10.2.0.1", "10.1.1.1"],
            &["10.1.0.1", "11.0.0.1"],
        );
    }

    #[test]
    fn local_is_this_machine() {
        check(
            "rpcbind: LOCAL",
            "rpcbind: ALL",
            &["127.0.0.1", "::1"],
            &["192.0.2.1"],
        );
    }

    #[test]
    fn wildcards_in_addresses() {
        check(
            "rpcbind: 10.?.0.*",
            "ALL: ALL",
            &["10.1.0.77"],
            &["10.12.0.7", "10.1.1.7"],
        );
    }

    #[test]
    fn lines_go_on_behind_a_backslash() {
        check(
            "rpcbind: 192.0.2.1 \\\n  192.0.2.2\n",
            "ALL: ALL",
            &["192.0.2.1", "192.0.2.2"],
            &["192.0.2.3"],
        );
    }

    #[test]
    fn names_are_what_they_resolve_to() {
        let (mut rules, remarks) = rules("rpcbind: server.example", "ALL: ALL");
        assert_eq!(
            (rules.names(), remarks),
            (vec!["server.example".to_owned()], vec![])
        );
        let server: IpAddr = "192.0.2.9".parse().unwrap();
        assert!(!rules.grants(server));
        rules.resolve(&BTreeMap::from([(
            "server.example".to_owned(),
            vec![server],
        )]));
        assert!(rules.grants(server));
        assert!(!rules.grants("192.0.2.8".parse().unwrap()));
    }
}

mod not_understood {
    use super::*;

    #[test]
    fn decides_against_the_caller() {
        for pattern in [
            ".example.com",
            "@netgroup",
            "KNOWN",
            "UNKNOWN",
            "/etc/hosts.list",
            "a@b",
            "[zz]",
            "1.2.3.4/99",
            "300.",
            "x!",
        ] {
            check(&format!("ALL: {pattern}"), "ALL: ALL", &[], &["192.0.2.1"]);
            check("", &format!("ALL: {pattern}"), &[], &["192.0.2.1"]);
            check(
                "",
                &format!("ALL: ALL EXCEPT {pattern}"),
                &[],
                &["192.0.2.1"],
            );
            check(
                &format!("ALL: ALL EXCEPT {pattern}"),
                "ALL: ALL",
                &[],
                &["192.0.2.1"],
            );
            check(
                "",
                &format!("ALL: 192.0.3. EXCEPT {pattern}"),
                &["192.0.2.1"],
                &["192.0.3.1"],
            );
        }
    }

    #[test]
    fn is_told_with_file_and_line() {
        let (_, remarks) = rules(
            "# x\nrpcbind: .example.com: spawn /bin/echo %h\nsshd: .foo: twist x\n",
            "portmap@192.0.2.1: ALL\nALL\n",
        );
        let told: Vec<_> = remarks.iter().map(|r| (r.file.as_str(), r.line)).collect();
        assert_eq!(
            told,
            [
                ("hosts.allow", 2),
                ("hosts.allow", 2),
                ("hosts.deny", 1),
                ("hosts.deny", 2)
            ]
        );
    }
}

#[test]
fn addresses_of_names_pass_to_other_rules() {
    let parse = |allow: &str| Rules::parse(("a", allow), ("d", "ALL: ALL\n")).0;
    let mut old = parse("ALL: one.example, two.example EXCEPT three.example\n");
    assert!(old.addresses().is_empty());
    let one: IpAddr = "192.0.2.1".parse().unwrap();
    let found = BTreeMap::from([("one.example".to_owned(), vec![one])]);
    old.resolve(&found);
    assert_eq!(old.addresses(), found);
    let mut new = parse("ALL: one.example\n");
    assert!(!new.grants(one));
    new.resolve(&old.addresses());
    assert!(new.grants(one));
    // A name that is gone decides against the caller again.
    new.resolve(&BTreeMap::from([("one.example".to_owned(), Vec::new())]));
    assert!(!new.grants(one));
}
