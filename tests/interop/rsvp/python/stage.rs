//! Three namespaces in a row, and what may run in them: `rsvpd`, and the peer in Python.
//!
//! `a` – `b` – `c`, with 10.1.0.0/24 between the first two and 10.2.0.0/24 between the others; `b` forwards.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use fairway_tests::rsvp::{Held, Machine, possible};
use fairway_tests::{Child, have, scratch, until};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::super::lab::LIMIT;
use super::super::readers::complaints;

/// Where the data goes: `c`.
pub(super) const DESTINATION: &str = "10.2.0.3";
/// Where it comes from: `a`.
pub(super) const SOURCE: &str = "10.1.0.1";
/// `b`, as `a` and as `c` know it.
pub(super) const MIDDLE: [&str; 2] = ["10.1.0.2", "10.2.0.2"];

/// Whether these tests can run.
pub(super) fn ready(test: &str) -> bool {
    possible(test) && have(test, &["python3", "sysctl", "tcpdump", "tshark"])
}

/// What a peer printed, in the order of all peers.
type Lines = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// The row. When a test fails, it prints the messages that passed, as the peers and the daemons saw them.
pub(super) struct Stage {
    nodes: [Machine; 3],
    folder: PathBuf,
    lines: Lines,
    /// What passes `b` is captured.
    tcpdump: Child,
}

/// The place of a node in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    A = 0,
    B = 1,
    C = 2,
}

impl Stage {
    pub(super) fn new(test: &str) -> Self {
        let nodes = [(); 3].map(|()| Machine::new());
        let [a, b, c] = &nodes;
        a.connect(("a0", "10.1.0.1/24"), b, ("b0", "10.1.0.2/24"));
        b.connect(("b1", "10.2.0.2/24"), c, ("c0", "10.2.0.3/24"));
        for (node, gateway) in [(a, MIDDLE[0]), (c, MIDDLE[1])] {
            node.run(&format!("ip route add default via {gateway}"));
        }
        b.forward();
        let folder = scratch(test);
        let (capture, log) = (folder.join("b.pcap"), folder.join("tcpdump.log"));
        let mut tcpdump = b.system("tcpdump");
        tcpdump.args(["--immediate-mode", "-U", "-i", "any", "proto", "46", "-w"]);
        tcpdump.arg(&capture).stderr(File::create(&log).unwrap());
        let tcpdump = Child::spawn(&mut tcpdump);
        until("the capture", LIMIT, || {
            let said = std::fs::read_to_string(&log).unwrap();
            said.contains("listening on").then_some(())
        });
        Self {
            nodes,
            folder,
            lines: Lines::default(),
            tcpdump,
        }
    }

    pub(super) fn node(&self, at: At) -> &Machine {
        &self.nodes[at as usize]
    }

    /// Starts the daemon: links of 20 Mbit/s.
    pub(super) fn daemon(&mut self, at: At) {
        self.daemon_with(at, "");
    }

    /// The same, with more about all interfaces.
    pub(super) fn daemon_with(&mut self, at: At, defaults: &str) {
        self.nodes[at as usize].start(&format!(
            "[defaults]\nbandwidth = \"20Mbit/s\"\n{defaults}\n"
        ));
    }

    /// Ends the daemon without giving it time for a word.
    pub(super) fn kill(&mut self, at: At) {
        self.nodes[at as usize].kill();
    }

    /// Starts `rsvpctl send` or `reserve`, which lasts.
    pub(super) fn tool(&self, at: At, line: &str) -> Held {
        self.node(at).hold(&format!("{line} --json"))
    }

    /// Starts the peer.
    pub(super) fn peer(&self, at: At, arguments: &[&str]) -> Peer {
        let name = ["a", "b", "c"][at as usize];
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/rsvp/peer");
        let mut command = self.node(at).system("python3");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(script).args(arguments);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take(), process.stdout.take().unwrap());
        let lines = self.lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                lines.lock().unwrap().push((name, value));
            }
        });
        let mut peer = Peer {
            process,
            input,
            name,
            lines: self.lines.clone(),
            seen: 0,
        };
        peer.until("readiness", |line| line["ready"] == true);
        peer
    }

    /// Whether something is reserved on an interface, as `tc` sees it.
    pub(super) fn is_reserved(&self, at: At, interface: &str) -> bool {
        self.node(at).classes(interface) > 0
    }

    pub(super) fn until_reserved(&self, at: At, interface: &str, wanted: bool) {
        let what = format!("{interface}: reserved is {wanted}");
        until(&what, LIMIT, || {
            (self.is_reserved(at, interface) == wanted).then_some(())
        });
    }

    /// Whatever arrived at peers was as the RFC wants it, and Wireshark has nothing to say against what passed `b`
    /// (RSVP-2).
    pub(super) fn nothing_was_bad(&mut self) {
        self.tcpdump.stop(Signal::SIGINT, LIMIT);
        let capture = self.folder.join("b.pcap");
        let found = complaints(&capture);
        assert!(found.is_empty(), "{}: {found:#?}", capture.display());
        for (name, line) in self.lines.lock().unwrap().iter() {
            let is_good =
                line.is_object() && line.get("bad").is_none() && line.get("failed").is_none();
            assert!(is_good, "{name}: {line}");
        }
    }

    /// The messages that the peers saw and sent, for people.
    fn table(&self) -> String {
        let mut text = format!(
            "{:<4} {:<8} {:<9} {:<10} {:<10} {:>3}  what\n",
            "node", "", "type", "from", "to", "ttl"
        );
        for (name, line) in self.lines.lock().unwrap().iter() {
            let Some((verb, what)) = line.as_object().and_then(|fields| {
                fields.iter().find(|(key, _)| {
                    ["saw", "sent", "bad", "expired", "failed"].contains(&key.as_str())
                })
            }) else {
                continue;
            };
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (from, to, ttl) = (word(&line["from"]), word(&line["to"]), &what["ttl"]);
            let mut rest = what.clone();
            if let Some(fields) = rest.as_object_mut() {
                fields.retain(|key, _| !["type", "ttl", "flags"].contains(&key.as_str()));
            }
            let kind = word(&what["type"]);
            writeln!(
                text,
                "{name:<4} {verb:<8} {kind:<9} {from:<10} {to:<10} {ttl:>3}  {rest}"
            )
            .unwrap();
        }
        text
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for node in self.nodes.iter_mut().filter(|node| node.is_running()) {
                node.daemon().stop(Signal::SIGTERM, LIMIT);
            }
            return;
        }
        let mut text = format!("messages at the peers:\n{}", self.table());
        for (at, node) in ["a", "b", "c"].iter().zip(&self.nodes) {
            if node.is_running() {
                let log = node.ctl("log").stdout;
                write!(text, "messages at the daemon of {at}:\n{log}").unwrap();
            }
        }
        print(&text);
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what happened, beside why the test failed"
)]
fn print(text: &str) {
    eprintln!("{text}");
}

/// The peer in Python.
pub(super) struct Peer {
    process: std::process::Child,
    input: Option<ChildStdin>,
    name: &'static str,
    lines: Lines,
    seen: usize,
}

impl Peer {
    /// Has it do something.
    pub(super) fn tell(&mut self, command: &Value) {
        let line = format!("{command}\n");
        self.input
            .as_mut()
            .unwrap()
            .write_all(line.as_bytes())
            .unwrap();
    }

    /// Waits for a line, which it has not been asked for before, nor one behind it.
    pub(super) fn until(&mut self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        let (line, seen) = until(&format!("{what} at {}", self.name), LIMIT, || {
            let lines = self.lines.lock().unwrap();
            let mut rest = lines.iter().enumerate().skip(self.seen);
            let found = rest.find(|(_, (name, line))| *name == self.name && is_it(line));
            found.map(|(at, (_, line))| (line.clone(), at + 1))
        });
        self.seen = seen;
        line
    }

    /// Waits for a message.
    pub(super) fn sees(&mut self, kind: &str) -> Value {
        self.until(kind, |line| line["saw"]["type"] == kind)
    }

    /// Waits for a message of some kind with something about it.
    pub(super) fn sees_that(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until(kind, |line| {
            line["saw"]["type"] == kind && is_it(&line["saw"])
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
