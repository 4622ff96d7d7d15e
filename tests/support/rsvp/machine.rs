//! A machine: a namespace, perhaps with a daemon.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use fairway_rsvp::api::client::Rapi;
use fairway_stack::{LocalAddr, Net};
use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::{Child, Namespace, Output, built};

/// Nothing here takes longer unless it is broken.
const LIMIT: Duration = Duration::from_secs(60);

/// The folder of `rsvpd` and `rsvpctl`, built as this program was: with optimisation if it was.
///
/// # Panics
/// When they cannot be built.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a test helper")]
pub fn programs() -> PathBuf {
    static BUILT: Once = Once::new();
    let here = std::env::current_exe().unwrap();
    let folder = here.parent().unwrap();
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap()
    } else {
        folder
    };
    BUILT.call_once(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "-p", "fairway-rsvp", "--bins"]);
        if folder.ends_with("release") {
            command.arg("--release");
        }
        command.env("CARGO_TARGET_DIR", folder.parent().unwrap());
        built(command.current_dir(env!("CARGO_MANIFEST_DIR")));
    });
    folder.to_path_buf()
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

    /// Starts a daemon with this configuration, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[track_caller]
    pub fn start(&mut self, configuration: &str) {
        let file = self.folder.join("rsvpd.toml");
        std::fs::write(&file, configuration).unwrap();
        let told = self.folder.join("notify");
        drop(std::fs::remove_file(&told));
        let socket = UnixDatagram::bind(&told).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        std::fs::set_permissions(&told, std::fs::Permissions::from_mode(0o777)).unwrap();
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let mut command = self.namespace.command(programs().join("rsvpd"));
        command.arg("-c").arg(&file);
        command.env("NOTIFY_SOCKET", &told).stderr(log);
        let daemon = Child::spawn(&mut command);
        let mut state = [0; 200];
        let n = socket
            .recv(&mut state)
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
        let mut command = self.namespace.command(programs().join("rsvpctl"));
        command.args(line.split_whitespace());
        command
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
        // Root, best effort and control have classes of their own.
        text.lines()
            .filter(|line| line.contains("class htb"))
            .count()
            .saturating_sub(3)
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
        let net = std::fs::File::open(format!("/proc/{}/ns/net", self.namespace.inside())).unwrap();
        let made = std::thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(net, CloneFlags::CLONE_NEWNET).unwrap();
                UdpSocket::bind(address)
            });
            inside.join()
        });
        made.unwrap().unwrap()
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
