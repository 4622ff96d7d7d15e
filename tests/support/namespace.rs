//! Private network namespaces: port 111 and `/run` of one's own.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use crate::{Child, built, until};

/// A network and mount namespace with loopback up and an empty `/run`, alive as long as this value.
///
/// It is held open by one sleeping process, which dies with the test; nothing is left behind, whatever happens.
#[derive(Debug)]
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// Makes a namespace. Needs root: ask [`crate::have_root`] first.
    ///
    /// # Panics
    /// When the namespace cannot be made.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let script = "ip link set lo up && mount -t tmpfs tmpfs /run && mkdir -p /run/rpcbind && touch /run/.inside-$$ && exec sleep infinity";
        let mut command = Command::new("setpriv");
        // The holder dies with the thread that made it at the latest, even if that is killed.
        command.args(["--pdeathsig", "KILL", "unshare", "-nm", "sh", "-c", script]);
        command.stdout(Stdio::null());
        let holder = Child::spawn(&mut command);
        let namespace = Self { holder };
        until("a network namespace", Duration::from_secs(60), || {
            // Until the holder has left them, this looks at the machine's own namespaces: only the mark tells that it is inside.
            let mut probe = namespace.command("test");
            probe.arg("-e");
            probe.arg(format!("/run/.inside-{}", namespace.inside()));
            probe
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
                .then_some(())
        });
        namespace
    }

    /// A command that will run inside.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("--target")
            .arg(self.inside().to_string())
            .args(["--net", "--mount", "--"])
            .arg(program);
        command
    }

    /// Process id of a process inside (what `ip link … netns` wants).
    #[must_use]
    pub fn inside(&self) -> u32 {
        self.holder.id()
    }

    /// Runs `work` on a thread of its own, whose network is that of the namespace.
    ///
    /// # Panics
    /// When `work` does, or the namespace cannot be entered.
    #[expect(clippy::unwrap_used, reason = "a test helper")]
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let net = File::open(format!("/proc/{}/ns/net", self.inside())).unwrap();
        std::thread::scope(|scope| {
            let run = scope.spawn(move || {
                setns(net, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            run.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Joins this namespace and `other` with a virtual cable: interface `here` (with `address`, as `10.1.0.1/24`) on
    /// this side, `there` on the other.
    ///
    /// # Panics
    /// When `ip` fails.
    pub fn connect(&self, here: (&str, &str), other: &Self, there: (&str, &str)) {
        let peer = other.inside().to_string();
        built(self.command("ip").args([
            "link", "add", "name", here.0, "type", "veth", "peer", "name", there.0, "netns", &peer,
        ]));
        for (side, (interface, address)) in [(self, here), (other, there)] {
            built(
                side.command("ip")
                    .args(["address", "add", address, "dev", interface]),
            );
            built(
                side.command("ip")
                    .args(["link", "set", "dev", interface, "up"]),
            );
        }
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}
