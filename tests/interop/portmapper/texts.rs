//! `rpcinfo`, libtirpc's and ours, against rpcbind and portmapd: the same text and exit status (goal B8).

use std::time::Duration;

use std::process::Stdio;

use super::{
    Child, Daemon, Namespace, RPCBIND, RPCINFO, SOON, Way, built, ours, ready, rpcb, until,
};

const BOOTPARAMD: &str = "/usr/sbin/rpc.bootparamd";

/// Every form, right and wrong. `-n` is not among them: libtirpc's tool overlooks it, ours does as the manual says.
const FORMS: &str = "
-p|-s|-p 127.0.0.1|-s 127.0.0.1|127.0.0.1|-p ::1|::1|-s ::1|-T tcp|-T tcp 127.0.0.1|-T udp 127.0.0.1
-l 127.0.0.1 100000 4|-l 127.0.0.1 nfs 3|-l -T udp 127.0.0.1 100000 4|-l ::1 nfs 3|-l 127.0.0.1 999 3
-u 127.0.0.1 100000|-t 127.0.0.1 100000|-t 127.0.0.1 portmapper 2|-t 127.0.0.1 100000 7|-u 127.0.0.1 999|-t ::1 100000
-t 127.0.0.1 nfs|-u 127.0.0.1 nfs 3|-T tcp 127.0.0.1 nfs 3|-T udp 127.0.0.1 nfs
-T tcp 127.0.0.1 100000|-T udp 127.0.0.1 100000 3|-T local 127.0.0.1 100000 3|-T tcp6 ::1 100000 3|-T udp6 ::1 100000
-a 127.0.0.1.0.111 -T udp 100000|-a 127.0.0.1.0.111 -T tcp 100000 9|-a 127.0.0.1.0.112 -T tcp 100000 3
-a 127.0.0.1.0.112 -T udp 100000 3|-a /run/rpcbind.sock -T local 100000 3|-a /run/nosuch.sock -T local 100000 3
-a 127.0.0.1.0.111 100000|-a 1.2 -T tcp 100000 3|-b 100000 2 3|-d nosuch 1|-d 200000 x|-d -T foo 200000 1
127.0.0.1 100000|127.0.0.1 100000 3|-T foo 127.0.0.1 100000|-T foo -l 127.0.0.1 100000 3|-T foo 127.0.0.1
-z|-p -s|-u 127.0.0.1|-n x -u 127.0.0.1 100000|-n|-T|-p 127.0.0.1 x|-n 1 -p|-t 127.0.0.1 12x|-t 127.0.0.1 100000 x
-p nosuch.invalid|nosuch.invalid|-l nosuch.invalid 100003 3|-T tcp nosuch.invalid 100000|-t nosuch.invalid 100000
-m|-m 127.0.0.1|-m ::1|-d 200000 1|-d -T tcp 200000 1|-d 536870913 7|-d -T local 536870913 1|-s|";

const LIMIT: Duration = Duration::from_secs(60);

/// What a tool says to all forms, with a daemon of its own.
fn transcript(
    test: &str,
    daemon: fn(&str, &Namespace) -> Daemon,
    tool: &str,
) -> Vec<(String, String)> {
    let namespace = Namespace::new();
    let running = daemon(test, &namespace);
    let mut local = Way::local(&namespace);
    for (program, version, netid, address) in [
        (100_003, 3, "tcp", "0.0.0.0.8.1"),
        (100_003, 4, "tcp", "0.0.0.0.8.1"),
        (100_003, 3, "udp", "0.0.0.0.8.1"),
        (100_003, 3, "tcp6", "::.8.1"),
        (536_870_913, 1, "local", "/run/x"),
        (536_870_913, 7, "odd", "zz"),
    ] {
        assert!(
            local
                .call(1, 4, 1, &rpcb(program, version, netid, address))
                .unwrap()
                .ends_with(&[1])
        );
    }
    let forms = FORMS.lines().flat_map(|line| line.split('|'));
    let said = forms.map(|form| {
        let mut command = namespace.command(tool);
        command.args(form.split_ascii_whitespace());
        let output = Child::output(&mut command, LIMIT);
        // getopt(3) names the program as it was started.
        let stderr = output.stderr.replace(tool, "rpcinfo");
        (
            form.to_owned(),
            format!("{}{stderr}status {:?}", output.stdout, output.status.code()),
        )
    });
    let said = said.collect();
    running.stop();
    said
}

#[test]
fn both_rpcinfos_say_the_same_of_both_daemons() {
    let test = "both_rpcinfos_say_the_same_of_both_daemons";
    if !ready(test, &[RPCBIND, RPCINFO]) {
        return;
    }
    let our_tool = ours("rpcinfo").to_str().unwrap().to_owned();
    let rpcbind = |test: &str, namespace: &Namespace| Daemon::rpcbind(test, namespace, &[]);
    let portmapd = |test: &str, namespace: &Namespace| Daemon::ours(test, namespace, &[]);
    let expected = transcript(test, rpcbind, RPCINFO);
    for (pair, got) in [
        (
            "libtirpc's rpcinfo, portmapd",
            transcript(test, portmapd, RPCINFO),
        ),
        ("our rpcinfo, rpcbind", transcript(test, rpcbind, &our_tool)),
        (
            "our rpcinfo, portmapd",
            transcript(test, portmapd, &our_tool),
        ),
    ] {
        for ((form, expected), (_, got)) in expected.iter().zip(&got) {
            assert_eq!(got, expected, "{pair}: rpcinfo {form}");
        }
    }
}

/// Broadcasts reach portmapd as they reach rpcbind, from both tools.
#[test]
fn broadcasts_find_both_daemons() {
    let test = "broadcasts_find_both_daemons";
    if !ready(test, &[RPCBIND, RPCINFO, BOOTPARAMD, "timeout", "stdbuf"]) {
        return;
    }
    let our_tool = ours("rpcinfo").to_str().unwrap().to_owned();
    let rpcbind = |namespace: &Namespace| Daemon::rpcbind(test, namespace, &["-r"]);
    let portmapd = |namespace: &Namespace| {
        Daemon::ours(
            test,
            namespace,
            &["-r", "--trust", "10.77.0.0/24", "--trust", "fe80::/10"],
        )
    };
    let daemons: [&dyn Fn(&Namespace) -> Daemon; 2] = [&rpcbind, &portmapd];
    let mut found = Vec::new();
    for daemon in daemons {
        let (host, other) = (Namespace::new(), Namespace::new());
        host.connect(("a", "10.77.0.1/24"), &other, ("b", "10.77.0.2/24"));
        for (side, address, interface) in
            [(&host, "10.77.0.1/24", "a"), (&other, "10.77.0.2/24", "b")]
        {
            // A broadcast address, which an address does not get by itself.
            built(
                side.command("ip")
                    .args(["address", "flush", "dev", interface]),
            );
            let add = [
                "address",
                "add",
                address,
                "broadcast",
                "10.77.0.255",
                "dev",
                interface,
            ];
            built(side.command("ip").args(add));
        }
        let running = daemon(&host);
        let mut program = host.command(BOOTPARAMD);
        program
            .arg("-d")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let _program = Child::spawn(&mut program);
        until("bootparamd to be registered", SOON, || {
            let ports = Child::output(host.command(RPCINFO).arg("-p"), SOON).stdout;
            ports.contains("100026").then_some(())
        });
        for tool in [RPCINFO, &our_tool] {
            let mut command = other.command("timeout");
            command.args(["4", "stdbuf", "-oL", tool, "-b", "100026", "1"]);
            let output = Child::output(&mut command, LIMIT);
            let mut hosts: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
            // The port differs from run to run, and so do addresses of the link.
            hosts.retain(|line| line.starts_with("10.77."));
            for line in &mut hosts {
                let (address, name) = line.split_once('\t').unwrap();
                let host: Vec<&str> = address.split('.').take(4).collect();
                *line = format!("{}.p.p\t{name}", host.join("."));
            }
            hosts.sort();
            hosts.dedup();
            found.push(hosts);
        }
        running.stop();
    }
    assert_eq!(found[0].len(), 1, "{found:?}");
    assert!(found[0][0].starts_with("10.77.0.1.p.p\t"), "{found:?}");
    for hosts in &found {
        assert_eq!(hosts, &found[0], "{found:?}");
    }
}
