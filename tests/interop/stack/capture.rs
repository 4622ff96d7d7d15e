//! What goes over a device, captured, and what Wireshark thinks of it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{Child, until};
use nix::sys::signal::Signal;

use super::machine::LIMIT;

/// A capture that runs.
pub(super) struct Capture {
    tcpdump: Child,
    file: PathBuf,
    log: PathBuf,
}

/// A capture that has ended.
#[derive(Debug)]
pub(super) struct Captured {
    file: PathBuf,
    /// Frames that the kernel did not hand to the capture.
    missed: u64,
}

impl Capture {
    /// Captures what goes over a device, the first `frames` at most.
    pub(super) fn start(device: &str, file: PathBuf, frames: Option<u32>) -> Self {
        let log = file.with_extension("log");
        let mut tcpdump = Command::new("tcpdump");
        tcpdump
            .args(["--immediate-mode", "-i", device, "-n", "-U", "-B", "65536"])
            .args(["-Z", "root", "-w"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        if let Some(frames) = frames {
            tcpdump.arg("-c").arg(frames.to_string());
        }
        let tcpdump = Child::spawn(&mut tcpdump);
        until("the capture", LIMIT, || {
            let said = std::fs::read_to_string(&log).ok()?;
            said.contains("listening on").then_some(())
        });
        Self { tcpdump, file, log }
    }

    /// Ends it when all that was sent before is in the file: the last is a datagram of its own, broadcast to a port
    /// where nobody is.
    pub(super) fn stop(mut self, broadcast: Ipv4Addr) -> Captured {
        let mark = b"nothing comes after this mark";
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_broadcast(true).unwrap();
        socket.send_to(mark, (broadcast, 9)).unwrap();
        until("the end of the capture", LIMIT, || {
            if self.tcpdump.ended().is_some() {
                return Some(());
            }
            let end = std::fs::metadata(&self.file).ok()?.len();
            let mut file = std::fs::File::open(&self.file).ok()?;
            file.seek(SeekFrom::Start(end.saturating_sub(8192))).ok()?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail).ok()?;
            let is_there = tail.windows(mark.len()).any(|octets| octets == mark);
            is_there.then_some(())
        });
        if self.tcpdump.ended().is_none() {
            self.tcpdump.stop(Signal::SIGINT, Duration::from_secs(30));
        }
        let said = std::fs::read_to_string(&self.log).unwrap();
        let missed = said
            .lines()
            .find_map(|line| line.strip_suffix(" packets dropped by kernel"))
            .map_or(0, |count| count.parse().unwrap());
        Captured {
            file: self.file,
            missed,
        }
    }
}

/// Checksums that are wrong: Wireshark looks at them only when told to.
const BAD_CHECKSUM: &str = "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0";

impl Captured {
    /// The frames that a display filter takes, a line each.
    pub(super) fn frames(&self, filter: &str) -> Vec<String> {
        let mut tshark = Command::new("tshark");
        tshark.arg("-r").arg(&self.file).args(["-Y", filter]);
        for protocol in ["ip", "tcp", "udp"] {
            tshark
                .arg("-o")
                .arg(format!("{protocol}.check_checksum:TRUE"));
        }
        // The services on ports 7 and 80 are not what its dissectors take them for.
        for protocol in ["http", "echo"] {
            tshark.args(["--disable-protocol", protocol]);
        }
        for protocol in guessed() {
            tshark.args(["--disable-protocol", &protocol]);
        }
        let output = Child::output(&mut tshark, LIMIT);
        assert!(output.status.success(), "{output:?}");
        output.stdout.lines().map(str::to_owned).collect()
    }

    /// Checks that nothing the native host sent is damaged, and something is there at all.
    pub(super) fn assert_sound(&self, address: &str) {
        let ours = format!("(ip.src == {address} || arp.src.proto_ipv4 == {address})");
        assert!(
            !self.frames(&ours).is_empty(),
            "nothing of ours in {self:?}"
        );
        let wrong = format!("{BAD_CHECKSUM} || _ws.malformed || _ws.expert.severity == error");
        let found = self.frames(&format!("{ours} && ({wrong})"));
        assert!(found.is_empty(), "in {self:?}: {found:#?}");
    }

    /// Checks that the analysis of TCP finds nothing but windows that open and fill, and little of what a machine with
    /// too much to do loses, which its queue before the capture may, and is sent again. If the capture itself is not
    /// whole, it would find gaps.
    pub(super) fn assert_ordinary(&self) {
        if self.missed > 0 {
            return;
        }
        let without = |flags: &[&str]| {
            let mut filter = "tcp.analysis.flags".to_owned();
            for flag in flags {
                filter.push_str(" && !tcp.analysis.");
                filter.push_str(flag);
            }
            filter
        };
        let windows = ["window_update", "window_full"];
        let again = [
            "lost_segment",
            "out_of_order",
            "retransmission",
            "duplicate_ack",
        ];
        let all = self.frames("tcp").len();
        let flagged = self.frames(&without(&windows));
        assert!(flagged.len() <= all / 50 + 2, "in {self:?}: {flagged:#?}");
        if !flagged.is_empty() {
            let found = self.frames(&without(&[&windows[..], &again].concat()));
            assert!(found.is_empty(), "in {self:?}: {found:#?}");
        }
    }
}

/// The protocols that Wireshark sees in the octets of a stream or datagram whatever its ports. What the tests send is
/// drawn at random: now and then it looks like one of them, badly used.
fn guessed() -> Vec<String> {
    let output = Child::output(
        Command::new("tshark").args(["-G", "heuristic-decodes"]),
        LIMIT,
    );
    assert!(output.status.success(), "{output:?}");
    let guessed: Vec<String> = output
        .stdout
        .lines()
        .filter_map(|line| {
            let (carrier, rest) = line.split_once('\t')?;
            let (protocol, _) = rest.split_once('\t')?;
            matches!(carrier, "tcp" | "udp").then(|| protocol.to_owned())
        })
        .collect();
    assert!(!guessed.is_empty(), "{output:?}");
    guessed
}
