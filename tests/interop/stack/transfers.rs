//! nc and curl: streams and datagrams between programs of the machine and of the native host.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{scratch, uninterrupted, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::machine::{LIMIT, Lab, MACHINE, in_namespace, possible, told};
use super::services::{PAGE, is_page, page};

#[test]
fn nc_gets_back_what_it_sends() {
    let test = "nc_gets_back_what_it_sends";
    if !possible(test, &["nc"]) {
        return;
    }
    in_namespace(move || {
        let folder = scratch(test);
        let mut lab = Lab::new(folder.join("nc.pcap"));
        let mut octets = vec![0; 3_000_000];
        page(0, &mut octets);
        let (sent, got) = (folder.join("sent"), folder.join("got"));
        std::fs::write(&sent, &octets).unwrap();
        let mut nc = Command::new("nc");
        // It ends when both directions have.
        nc.args(["-N", "10.0.0.2", "7"])
            .stdin(std::fs::File::open(&sent).unwrap())
            .stdout(std::fs::File::create(&got).unwrap());
        let mut nc = nc.spawn().unwrap();
        let status = until("the end of nc", LIMIT, || nc.try_wait().unwrap());
        assert!(status.success(), "{status}");
        assert!(std::fs::read(&got).unwrap() == octets);
        let captured = lab.captured();
        captured.assert_sound("10.0.0.2");
        captured.assert_ordinary();
        // Both ends closed: RFC 9293 §3.6.
        assert_eq!(captured.frames("tcp.flags.fin == 1").len(), 2);
        assert!(captured.frames("tcp.flags.reset == 1").is_empty());
    });
}

#[test]
fn a_datagram_comes_back_also_in_fragments() {
    let test = "a_datagram_comes_back_also_in_fragments";
    if !possible(test, &[]) {
        return;
    }
    in_namespace(move || {
        let mut lab = Lab::new(scratch(test).join("udp.pcap"));
        let socket = std::net::UdpSocket::bind((MACHINE, 0)).unwrap();
        socket.connect("10.0.0.2:7").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        for len in [0, 1, 1472, 1473, 9000, 65_507] {
            let mut octets = vec![0; len];
            page(len, &mut octets);
            socket.send(&octets).unwrap();
            let mut back = vec![0; 65_536];
            let got = uninterrupted(|| socket.recv(&mut back)).unwrap();
            assert!(back[..got] == octets, "{len}");
        }
        // RFC 1122 §4.1.3.3: nobody there is an error at the sender.
        socket.connect("10.0.0.2:9").unwrap();
        socket.send(b"?").unwrap();
        let refused = uninterrupted(|| socket.recv(&mut [0; 1])).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        lab.captured().assert_sound("10.0.0.2");
    });
}

#[test]
fn the_host_connects_to_nc() {
    let test = "the_host_connects_to_nc";
    if !possible(test, &["nc", "ss"]) {
        return;
    }
    in_namespace(move || {
        let folder = scratch(test);
        let mut lab = Lab::new(folder.join("nc.pcap"));
        let got = folder.join("got");
        let mut nc = Command::new("nc");
        nc.args(["-l", "-N", "10.0.0.1", "9000"])
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(&got).unwrap());
        let mut nc = nc.spawn().unwrap();
        until("nc to listen", LIMIT, || {
            told("ss", "-Hltn").contains("10.0.0.1:9000").then_some(())
        });
        nc.stdin
            .take()
            .unwrap()
            .write_all(b"from the kernel")
            .unwrap();
        let net = lab.host.net();
        let heard = lab.on_host(async move {
            let mut stream = net.connect_tcp((MACHINE, 9000).into()).await?;
            let mut octets = vec![0; 1_000_000];
            page(0, &mut octets);
            stream.write_all(&octets).await?;
            stream.shutdown(std::net::Shutdown::Write)?;
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await?;
            Ok::<_, std::io::Error>(heard)
        });
        assert_eq!(heard.unwrap(), "from the kernel");
        assert!(nc.wait().unwrap().success());
        let octets = std::fs::read(&got).unwrap();
        assert!(octets.len() == 1_000_000 && is_page(0, &octets));
        let captured = lab.captured();
        captured.assert_sound("10.0.0.2");
        captured.assert_ordinary();
    });
}

#[test]
fn curl_takes_and_brings_a_hundred_megabytes() {
    let test = "curl_takes_and_brings_a_hundred_megabytes";
    if !possible(test, &["curl"]) {
        return;
    }
    in_namespace(move || {
        let folder = scratch(test);
        let mut lab = Lab::with_capture_of(folder.join("curl.pcap"), Some(20_000));
        let file = folder.join("page");
        let quiet = "--silent --show-error --fail --max-time 110";
        told(
            "curl",
            &format!("{quiet} -o {} http://10.0.0.2/", file.display()),
        );
        let octets = std::fs::read(&file).unwrap();
        assert_eq!(octets.len(), PAGE);
        assert!(is_page(0, &octets), "the page is damaged");
        let said = told(
            "curl",
            &format!("{quiet} -T {} http://10.0.0.2/", file.display()),
        );
        assert_eq!(said, format!("{PAGE} of {PAGE}"));
        let captured = lab.captured();
        captured.assert_sound("10.0.0.2");
        captured.assert_ordinary();
        std::fs::remove_dir_all(&folder).unwrap();
    });
}
