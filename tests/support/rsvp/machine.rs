//! A machine: a namespace, perhaps with a daemon.

use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_rsvp::api::client::Rapi;
use fairway_stack::{LocalAddr, Net};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{Child, Namespace, Output, uninterrupted, until};

/// Nothing here takes longer unless it is broken.
const LIMIT: Duration = Duration::from_secs(60);

/// The folder of `rsvpd` and `rsvpctl`, built as this program was.
///
/// # Panics
/// When they cannot be built.
pub fn programs() -> PathBuf {
    crate::programs("fairway-rsvp")
}

/// A machine, perhaps with a daemon, which ends with it.
#[derive(Debug)]
pub struct Machine {
    namespace: Namespace,
    daemon: Option<Child>,
    folder: PathBuf,
}

#[expect(clippy::unwrap_used, clippy::panic, reason = "a test helper")]
impl Machine {
    /// A machine without a daemon.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let namespace = Namespace::new();
        let name = format!("rsvp-lab-{}-{}", std::process::id(), namespace.inside());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            namespace,
            daemon: None,
            folder,
        }
    }

    /// Joins two machines: names of the ends and their addresses, as `10.1.0.1/24`. Packets have up to 1500 octets,
    /// whatever this system's virtual cables have else.
    pub fn connect(&self, here: (&str, &str), other: &Self, there: (&str, &str)) {
        self.namespace.connect(here, &other.namespace, there);
        for (machine, (interface, _)) in [(self, here), (other, there)] {
            machine.run(&format!("ip link set dev {interface} mtu 1500"));
        }
    }

    /// Runs a line that must succeed, and gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let mut command = self.namespace.command(words.next().unwrap());
        let output = Child::output(command.args(words), LIMIT);
        assert!(output.status.success(), "{line}: {output:?}");
        output.stdout
    }

    /// Makes it a router.
    pub fn forward(&self) {
        self.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    }

    /// Where its configuration is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join("rsvpd.toml")
    }

    /// Writes the configuration.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    /// Starts a daemon with this configuration, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[track_caller]
    pub fn start(&mut self, configuration: &str) {
        self.configure(configuration);
        self.start_again();
    }

    /// The same, with the configuration that is there.
    ///
    /// # Panics
    /// When it does not become ready.
    #[track_caller]
    pub fn start_again(&mut self) {
        let told = self.folder.join("notify");
        drop(std::fs::remove_file(&told));
        let socket = UnixDatagram::bind(&told).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        std::fs::set_permissions(&told, std::fs::Permissions::from_mode(0o777)).unwrap();
        let log = File::create(self.folder.join("log")).unwrap();
        let mut command = self.command("rsvpd");
        command.arg("-c").arg(self.file());
        command.env("NOTIFY_SOCKET", &told).stderr(log);
        let daemon = Child::spawn(&mut command);
        let mut state = [0; 200];
        let n = uninterrupted(|| socket.recv(&mut state))
            .unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        let state = state.get(..n).unwrap_or_default();
        assert!(state.starts_with(b"READY=1"), "{}", self.log());
        self.daemon = Some(daemon);
    }

    /// The running daemon.
    ///
    /// # Panics
    /// When none was started.
    pub fn daemon(&mut self) -> &mut Child {
        self.daemon.as_mut().unwrap()
    }

    /// Whether a daemon was started, and not [killed](Self::kill).
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.daemon.is_some()
    }

    /// Ends the daemon, if one runs, without giving it time for a word.
    pub fn kill(&mut self) {
        self.daemon = None;
    }

    /// What the daemon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// `rsvpctl`, to its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn ctl(&self, line: &str) -> Output {
        Child::output(&mut self.ctl_command(line), LIMIT)
    }

    /// `rsvpctl`, to be started.
    #[must_use]
    pub fn ctl_command(&self, line: &str) -> Command {
        let mut command = self.command("rsvpctl");
        command.args(line.split_whitespace());
        command
    }

    /// `rsvpd`, to its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn rsvpd(&self, arguments: &[&str]) -> Output {
        Child::output(self.command("rsvpd").args(arguments), LIMIT)
    }

    /// One of our programs on it, to be started; or another one, by its path.
    #[must_use]
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        self.namespace.command(programs().join(program))
    }

    /// A program of the system on it, to be started.
    #[must_use]
    pub fn system(&self, program: &str) -> Command {
        self.namespace.command(program)
    }

    /// `rsvpctl send` or `reserve`, which goes on; it ends when dropped.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn hold(&self, line: &str) -> Held {
        let verb = line.split_whitespace().next().unwrap_or_default();
        let said = self.folder.join(verb);
        let mut command = self.ctl_command(line);
        command.stdout(File::create(&said).unwrap());
        Held {
            child: Child::spawn(command.stderr(Stdio::null())),
            said,
        }
    }

    /// A document of `rsvpctl`.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn json(&self, line: &str) -> Value {
        let output = self.ctl(&format!("{line} --json"));
        assert!(output.status.success(), "{line}: {output:?} {}", self.log());
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// How many classes reservations have on an interface; none without traffic control.
    #[must_use]
    pub fn classes(&self, interface: &str) -> usize {
        let text = self.run(&format!("tc class show dev {interface}"));
        // Root, best effort, control and network control have classes of their own.
        text.lines()
            .filter(|line| line.contains("class htb"))
            .count()
            .saturating_sub(4)
    }

    /// A file of the machine, as this process reaches it.
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.namespace.inside());
        Path::new(&root).join(inside.trim_start_matches('/'))
    }

    /// A local address of the machine, as this process reaches it.
    #[must_use]
    pub fn local(&self, inside: &str) -> LocalAddr {
        LocalAddr::path(self.path(inside))
    }

    /// An application on it.
    ///
    /// # Panics
    /// When the daemon does not answer.
    ///
    /// # Cancel safety
    /// Nothing is left.
    pub async fn rapi(&self, net: &Net) -> Rapi {
        let path = self.local(fairway_rsvp::api::SOCKET_PATH);
        let connected = Rapi::connect(net, &path).await;
        connected.unwrap_or_else(|error| panic!("{error}: {}", self.log()))
    }

    /// A socket on it.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn udp(&self, address: SocketAddr) -> UdpSocket {
        self.namespace.enter(|| UdpSocket::bind(address)).unwrap()
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.daemon.take());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A run of `rsvpctl` that goes on.
#[derive(Debug)]
pub struct Held {
    child: Child,
    said: PathBuf,
}

impl Held {
    /// What it has said.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Waits until it has said this.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn says(&self, what: &str) {
        until(&format!("{what:?} in {}", self.said()), LIMIT, || {
            self.said().contains(what).then_some(())
        });
    }

    /// Waits for an event of this kind, of a run with `--json`.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    #[must_use]
    pub fn event(&self, kind: &str) -> Value {
        until(&format!("{kind:?} in {}", self.said()), LIMIT, || {
            let text = self.said();
            let lines = text.lines().flat_map(serde_json::from_str::<Value>);
            let mut events = lines.filter_map(|line| line.get("event").cloned());
            events.find(|event| event.get("kind").is_some_and(|of| of == kind))
        })
    }

    /// Ctrl-c.
    pub fn stop(mut self) {
        self.child.stop(Signal::SIGINT, LIMIT);
    }
}
