//! What goes over a device, captured, and what Wireshark thinks of it.

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
    pub(super) fn start(device: &str, file: PathBuf) -> Self {
        let log = file.with_extension("log");
        let mut tcpdump = Command::new("tcpdump");
        tcpdump
            .args(["-i", device, "-n", "-U", "-B", "65536", "-Z", "root", "-w"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        let tcpdump = Child::spawn(&mut tcpdump);
        until("the capture", LIMIT, || {
            let said = std::fs::read_to_string(&log).ok()?;
            said.contains("listening on").then_some(())
        });
        Self { tcpdump, file, log }
    }

    pub(super) fn stop(mut self) -> Captured {
        self.tcpdump.stop(Signal::SIGINT, Duration::from_secs(30));
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
        let output = Child::output(&mut tshark, LIMIT);
        assert!(output.status.success(), "{output:?}");
        output.stdout.lines().map(str::to_owned).collect()
    }

    /// Checks that nothing the native host sent is damaged, and something is there at all.
    pub(super) fn assert_sound(&self, address: &str) {
        let ours = format!("(ip.src == {address} || arp.src.proto_ipv4 == {address})");
        assert!(!self.frames(&ours).is_empty(), "{self:?} is empty");
        for wrong in [
            BAD_CHECKSUM,
            "_ws.malformed",
            "_ws.expert.severity == error",
        ] {
            let found = self.frames(&format!("{ours} && ({wrong})"));
            assert!(found.is_empty(), "{wrong} in {self:?}: {found:#?}");
        }
    }

    /// Checks that the analysis of TCP finds nothing but these. If the capture is not whole, it would find gaps.
    pub(super) fn assert_only(&self, expected: &[&str]) {
        if self.missed > 0 {
            return;
        }
        let mut filter = "tcp.analysis.flags".to_owned();
        for flag in expected {
            filter.push_str(" && !tcp.analysis.");
            filter.push_str(flag);
        }
        let found = self.frames(&filter);
        assert!(found.is_empty(), "in {self:?}: {found:#?}");
    }
}
