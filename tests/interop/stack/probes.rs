//! ping, arping, nmap and hping3: cheap probes of conformance.

use fairway_tests::scratch;

use super::machine::{Lab, in_namespace, possible, run, told};

#[test]
fn ping_is_answered_in_all_its_forms() {
    let test = "ping_is_answered_in_all_its_forms";
    if !possible(test, &["ping"]) {
        return;
    }
    in_namespace(move || {
        let mut lab = Lab::new(scratch(test).join("ping.pcap"));
        // RFC 1122 §3.2.2.6: an echo server; §3.3.2: 576 octets at least are put together, and 64 KiB is what IP has.
        for arguments in [
            "-c 3 -i 0.2",
            "-c 3 -i 0.2 -s 4000",
            "-c 1 -s 65507",
            "-c 1 -s 0",
            "-c 3 -i 0.2 -t 1",
        ] {
            let said = told("ping", &format!("{arguments} 10.0.0.2"));
            assert!(said.contains(" 0% packet loss"), "{arguments}: {said}");
        }
        // RFC 1122 §3.2.2.6: Record Route and Timestamp options come back updated.
        let said = told("ping", "-c 2 -i 0.2 -R 10.0.0.2");
        let recorded = said.split("RR:").nth(1).unwrap();
        assert!(recorded.contains("10.0.0.2"), "{said}");
        for form in ["tsonly", "tsandaddr"] {
            let said = told("ping", &format!("-c 2 -i 0.2 -T {form} 10.0.0.2"));
            assert!(
                said.contains("TS:") && said.contains(" 0% packet loss"),
                "{said}"
            );
            if form == "tsandaddr" {
                let stamped = said.split("TS:").nth(1).unwrap();
                assert!(stamped.contains("10.0.0.2"), "{said}");
            }
        }
        let said = told(
            "ping",
            "-c 2 -i 0.2 -T tsprespec 10.0.0.1 10.0.0.2 10.0.0.2",
        );
        assert!(said.contains("TS:"), "{said}");
        let said = told("ping", "-q -f -c 3000 10.0.0.2");
        assert!(said.contains(" 0% packet loss"), "{said}");
        lab.captured().assert_sound("10.0.0.2");
    });
}

#[test]
fn arp_requests_and_probes_are_answered() {
    let test = "arp_requests_and_probes_are_answered";
    if !possible(test, &["arping"]) {
        return;
    }
    in_namespace(move || {
        let mut lab = Lab::new(scratch(test).join("arping.pcap"));
        let said = told("arping", "-c 3 -w 5 -I t0 10.0.0.2");
        assert!(said.contains("[02:00:00:00:00:02]"), "{said}");
        assert!(said.contains("Received 3 response(s)"), "{said}");
        // RFC 5227 §2.1.1: whoever wants the address hears that it is taken, and an address nobody has is free.
        let output = run("arping", "-D -c 2 -w 5 -I t0 10.0.0.2");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let output = run("arping", "-D -c 2 -w 3 -I t0 10.0.0.77");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        lab.captured().assert_sound("10.0.0.2");
    });
}

#[test]
fn a_scan_tells_open_from_closed_ports() {
    let test = "a_scan_tells_open_from_closed_ports";
    if !possible(test, &["nmap"]) {
        return;
    }
    in_namespace(move || {
        let mut lab = Lab::new(scratch(test).join("scan.pcap"));
        let said = told("nmap", "-n -sS -p 7,80,81 10.0.0.2");
        for line in ["7/tcp  open", "80/tcp open", "81/tcp closed"] {
            assert!(said.contains(line), "{line} in {said}");
        }
        // RFC 1122 §4.1.3.1: a closed port is a port-unreachable message.
        let said = told("nmap", "-n -sU -p 7,9 10.0.0.2");
        for line in ["7/udp open", "9/udp closed"] {
            assert!(said.contains(line), "{line} in {said}");
        }
        lab.captured().assert_sound("10.0.0.2");
    });
}

#[test]
fn sequence_numbers_and_identifications_tell_nothing() {
    let test = "sequence_numbers_and_identifications_tell_nothing";
    if !possible(test, &["nmap"]) {
        return;
    }
    in_namespace(move || {
        let folder = scratch(test);
        let mut lab = Lab::new(folder.join("fingerprint.pcap"));
        let report = folder.join("report.xml");
        told(
            "nmap",
            &format!("-n -O -p 7,80,81 -oX {} 10.0.0.2", report.display()),
        );
        let report = std::fs::read_to_string(report).unwrap();
        let attribute = |element: &str, name: &str| {
            let (_, from) = report.split_once(&format!("<{element} "))?;
            let (_, from) = from.split_once(&format!("{name}=\""))?;
            Some(from.split_once('"')?.0.to_owned())
        };
        // RFC 6528: initial sequence numbers cannot be guessed; nmap's index says how hard it is, Linux has about 260.
        let index: u32 = attribute("tcpsequence", "index").unwrap().parse().unwrap();
        assert!(index >= 200, "{index}: {report}");
        // RFC 6864 §4.1: what may not be fragmented needs no number; what may has one that is not the next.
        let class = attribute("ipidsequence", "class").unwrap();
        assert!(
            ["All zeros", "Randomized", "Random positive increments"].contains(&class.as_str()),
            "{class}"
        );
        lab.captured().assert_sound("10.0.0.2");
    });
}

#[test]
fn a_segment_with_syn_and_fin_opens_nothing_and_harms_nothing() {
    let test = "a_segment_with_syn_and_fin_opens_nothing_and_harms_nothing";
    if !possible(test, &["hping3", "ping"]) {
        return;
    }
    in_namespace(move || {
        let mut lab = Lab::new(scratch(test).join("hping.pcap"));
        // Open and closed port; SYN and FIN, all flags, none.
        for arguments in [
            "-SF -p 80",
            "-SF -p 81",
            "-FSRPAU -p 80",
            "-p 80",
            "-XY -S -p 80",
        ] {
            // It fails when nobody answers.
            run("hping3", &format!("-n -c 3 -i u50000 {arguments} 10.0.0.2"));
        }
        // Every connection half open is gone, and every port as before.
        let said = told("nmap", "-n -sS -p 7,80,81 10.0.0.2");
        assert!(
            said.contains("80/tcp open") && said.contains("81/tcp closed"),
            "{said}"
        );
        let captured = lab.captured();
        captured.assert_sound("10.0.0.2");
        // RFC 9293 §3.10.7.1: nothing there is a reset; and a reset is answered by nothing.
        let closed =
            captured.frames("ip.src == 10.0.0.2 && tcp.srcport == 81 && tcp.flags.reset == 1");
        assert!(closed.len() >= 3, "{closed:#?}");
    });
}
