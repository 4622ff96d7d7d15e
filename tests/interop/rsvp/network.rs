//! Networks of namespaces, with `rsvpd` in each and `rsvpctl` to ask it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Once;

use fairway_tests::{Child, Namespace, Output, built, have, have_root, until};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::lab::LIMIT;

/// Whether these tests can run.
pub(super) fn possible(test: &str) -> bool {
    have_root(test) && have(test, &["unshare", "nsenter", "setpriv", "ip", "tc", "nft"])
}

/// The path of one of our programs, built as the tests are.
pub(super) fn ours(program: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let all = ["build", "--quiet", "-p", "fairway-rsvp", "--bins"];
        built(Command::new(env!("CARGO")).args(all));
    });
    let here = std::env::current_exe().unwrap();
    here.parent().unwrap().parent().unwrap().join(program)
}

/// A machine, perhaps with a daemon.
#[derive(Debug)]
pub(super) struct Node {
    namespace: Namespace,
    daemon: Option<Child>,
    folder: PathBuf,
}

impl Node {
    /// A machine without a daemon.
    pub(super) fn new() -> Self {
        let namespace = Namespace::new();
        let name = format!("rsvp{}-{}", std::process::id(), namespace.inside());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            namespace,
            daemon: None,
            folder,
        }
    }

    /// Joins two machines.
    pub(super) fn connect(&self, here: (&str, &str), other: &Self, there: (&str, &str)) {
        self.namespace.connect(here, &other.namespace, there);
    }

    /// Runs a line that must succeed.
    pub(super) fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let mut command = self.namespace.command(words.next().unwrap());
        let output = Child::output(command.args(words), LIMIT);
        assert!(output.status.success(), "{line}: {output:?}");
        output.stdout
    }

    /// Makes it a router.
    pub(super) fn forward(&self) {
        for file in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            self.run(&format!("sysctl -qw net.{}=1", file.replace('/', ".")));
        }
    }

    /// Where its configuration is.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("rsvpd.toml")
    }

    /// Writes the configuration.
    pub(super) fn configure(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    /// Starts the daemon, and waits until it is ready.
    pub(super) fn start(&mut self) {
        let told = self.folder.join("notify");
        drop(std::fs::remove_file(&told));
        let socket = UnixDatagram::bind(&told).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        std::fs::set_permissions(&told, std::fs::Permissions::from_mode(0o777)).unwrap();
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let mut command = self.namespace.command(ours("rsvpd"));
        command.arg("-d").arg("-c").arg(self.file());
        command.env("NOTIFY_SOCKET", &told).stderr(log);
        let daemon = Child::spawn(&mut command);
        let mut state = [0; 200];
        let n = loop {
            match socket.recv(&mut state) {
                Ok(n) => break n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}: {}", self.log()),
            }
        };
        assert!(state[..n].starts_with(b"READY=1"), "{}", self.log());
        self.daemon = Some(daemon);
    }

    /// What the daemon has logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The running daemon.
    pub(super) fn daemon(&mut self) -> &mut Child {
        self.daemon.as_mut().unwrap()
    }

    /// `rsvpctl`, to its end.
    pub(super) fn ctl(&self, line: &str) -> Output {
        let mut command = self.namespace.command(ours("rsvpctl"));
        Child::output(command.args(line.split_whitespace()), LIMIT)
    }

    /// One of our programs, to be started.
    pub(super) fn command(&self, program: &str) -> Command {
        self.namespace.command(ours(program))
    }

    /// `rsvpd`, to its end.
    pub(super) fn rsvpd(&self, arguments: &[&str]) -> Output {
        Child::output(self.command("rsvpd").args(arguments), LIMIT)
    }

    /// A document of `rsvpctl`.
    pub(super) fn json(&self, line: &str) -> Value {
        let output = self.ctl(&format!("{line} --json"));
        assert!(output.status.success(), "{line}: {output:?} {}", self.log());
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// `rsvpctl send` or `reserve`, which goes on; ends when dropped, by its process id.
    pub(super) fn hold(&self, line: &str) -> Held {
        let out = self.folder.join(line.split_whitespace().next().unwrap());
        let file = std::fs::File::create(&out).unwrap();
        let mut command = self.namespace.command(ours("rsvpctl"));
        command.args(line.split_whitespace());
        command.stdout(file).stderr(Stdio::null());
        Held {
            child: Child::spawn(&mut command),
            out,
        }
    }

    /// The classes that reservations have on an interface, by their rates in octets per second.
    pub(super) fn classes(&self, interface: &str) -> usize {
        let text = self.run(&format!("tc class show dev {interface}"));
        // Root, best effort and control have classes of their own.
        text.lines()
            .filter(|line| line.contains("class htb"))
            .count()
            .saturating_sub(3)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.daemon.take());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A run of `rsvpctl` that goes on.
#[derive(Debug)]
pub(super) struct Held {
    child: Child,
    out: PathBuf,
}

impl Held {
    /// Waits until it has said this.
    pub(super) fn says(&self, what: &str) {
        until(&format!("{what:?} in {}", self.said()), LIMIT, || {
            self.said().contains(what).then_some(())
        });
    }

    /// What it has said.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// Ctrl-c.
    pub(super) fn stop(mut self) {
        self.child.stop(Signal::SIGINT, LIMIT);
    }
}

/// `sender – west – middle – east – receiver`: 10.0.0.1 … 10.0.3.2, and fd00:0::1 … fd00:3::2.
pub(super) fn row() -> [Node; 5] {
    let nodes = [(); 5].map(|()| Node::new());
    for (at, pair) in nodes.windows(2).enumerate() {
        let addresses = [1, 2].map(|host| format!("10.0.{at}.{host}/24"));
        pair[0].connect(("right", &addresses[0]), &pair[1], ("left", &addresses[1]));
        for (node, name, host) in [(&pair[0], "right", 1), (&pair[1], "left", 2)] {
            node.run(&format!(
                "ip address add fd00:{at}::{host}/64 dev {name} nodad"
            ));
        }
    }
    for (at, node) in nodes.iter().enumerate() {
        if (1..4).contains(&at) {
            node.forward();
        }
        for net in 0..4 {
            // Networks to the left are reached by the left neighbour, those to the right by the right one.
            if net + 1 < at {
                node.run(&format!(
                    "ip route add 10.0.{net}.0/24 via 10.0.{}.1",
                    at - 1
                ));
                node.run(&format!(
                    "ip route add fd00:{net}::/64 via fd00:{}::1",
                    at - 1
                ));
            } else if net > at {
                node.run(&format!("ip route add 10.0.{net}.0/24 via 10.0.{at}.2"));
                node.run(&format!("ip route add fd00:{net}::/64 via fd00:{at}::2"));
            }
        }
    }
    nodes
}
