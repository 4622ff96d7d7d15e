//! Wireshark reads the captures, and finds nothing malformed and no bad checksum: needs `tshark`. Without it the tests
//! say so and pass, unless `CI` is `true`: then they fail.

use crate::{any, ask, echo_of, ms, serve_echo};
use fairway_sim::{BitsPerSec, Capture, DirectionBuilder, Network, Queue};
use std::io::Write as _;
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A network that chatters over TCP, UDP, ARP and ICMP, and what was captured on all links, and on one.
fn chatter(checksums: bool, nature: impl Fn(DirectionBuilder) -> DirectionBuilder) -> [Capture; 2] {
    let network = Network::new(5);
    let (a, b, r) = (network.node("a"), network.node("b"), network.router("r"));
    let mut near = network.link(&a, &r).delay(ms(1));
    let mut far = network.link(&r, &b).point_to_point().both(nature);
    if checksums {
        (near, far) = (near.checksums(), far.checksums());
    }
    let (_near, far) = (near.connect(), far.connect());
    network.route_all();
    let captures = [network.capture_all(), far.capture()];
    serve_echo(&b);
    let listener = b.net().listen_tcp(any(80)).unwrap();
    b.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        stream.write_all(&all).await.unwrap();
    })
    .detach();
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        // One is longer than a frame, and the service behind the last does not exist: an ICMP error comes back.
        ask(&net, &socket, echo_of(&b), b"hello").await;
        ask(&net, &socket, echo_of(&b), &[1; 1900]).await;
        ask(&net, &socket, (b.address(), 9).into(), b"?").await;
        let mut stream = net.connect_tcp((b.address(), 80).into()).await.unwrap();
        stream.write_all(&[7; 50_000]).await.unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 50_000);
    });
    captures
}

/// The frames of a capture that `filter` lets pass, as tshark describes them; `None` without tshark.
fn tshark(capture: &Capture, name: &str, filter: &str) -> Option<String> {
    let file =
        std::env::temp_dir().join(format!("fairway-sim-{name}-{}.pcapng", std::process::id()));
    capture.save(&file).unwrap();
    let output = Command::new("tshark")
        .args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
        ])
        .args(["-o", "udp.check_checksum:TRUE", "-Y", filter, "-r"])
        .arg(&file)
        .output();
    std::fs::remove_file(&file).unwrap();
    let Ok(output) = output else {
        leave_out("needs tshark");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Says that the tests are left out, and why; the list is a courtesy of `tests/run`.
fn leave_out(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    println!("skipped: {why}");
    if let Some(list) = std::env::var_os("FAIRWAY_LEFT_OUT")
        && let Ok(mut list) = std::fs::OpenOptions::new().append(true).open(list)
    {
        let _listed = writeln!(list, "sim: captures in Wireshark: {why}");
    }
}

const BAD: &str = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 \
                   || udp.checksum.status == 0 || icmp.checksum.status == 0";

#[test]
fn nothing_is_malformed_and_no_checksum_bad() {
    for checksums in [false, true] {
        let [capture, _] = chatter(checksums, |way| {
            way.rate(BitsPerSec::mega(10))
                .delay(ms(5))
                .queue(Queue::frames(20))
                .loss(0.02)
                .reorder(0.05, ms(4))
                .duplicate(0.02)
        });
        let Some(bad) = tshark(&capture, "bad", BAD) else {
            return;
        };
        assert_eq!(bad, "");
    }
}

#[test]
fn every_protocol_is_recognised() {
    let [capture, _] = chatter(false, |way| way.lose([3]));
    let filters = [
        "arp",
        "icmp.type == 3 && icmp.code == 3",
        "ip.flags.mf == 1",
        "tcp.flags.syn == 1",
        "frame.comment contains \"lost by link\"",
    ];
    for filter in filters {
        if let Some(found) = tshark(&capture, "some", filter) {
            assert_ne!(found, "", "{filter}");
        }
    }
}

#[test]
fn a_clean_transfer_raises_no_analysis_flag() {
    // A packet that crosses several links would be its own retransmission.
    let [_, capture] = chatter(false, |way| way.delay(ms(5)));
    let flags =
        "tcp.analysis.flags && !tcp.analysis.window_update && tcp && frame.interface_id == 0";
    if let Some(flagged) = tshark(&capture, "clean", flags) {
        assert_eq!(flagged, "");
    }
}
