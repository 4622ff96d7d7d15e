//! `portmapd` and `rpcinfo` beside rpcbind's and libtirpc's: the same questions, the same answers.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fairway_tests::{Child, Namespace, built, have, have_root, scratch, uninterrupted, until};
use nix::sys::signal::Signal;

mod names;
mod octets;
mod programs;
mod texts;

const RPCBIND: &str = "/usr/sbin/rpcbind";
const RPCINFO: &str = "/usr/sbin/rpcinfo";
const SOON: Duration = Duration::from_secs(20);

/// The path of one of our programs, built as the tests are.
pub(crate) fn ours(program: &str) -> PathBuf {
    fairway_tests::programs("fairway-portmap").join(program)
}

/// A portmapper in a namespace, ready.
struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts one; both kinds tell a service manager when they are ready.
    fn start(name: &str, namespace: &Namespace, program: &std::ffi::OsStr, flags: &[&str]) -> Self {
        // A socket's path is short.
        let told =
            std::env::temp_dir().join(format!("fw{}-{}", std::process::id(), namespace.inside()));
        drop(std::fs::remove_file(&told));
        let socket = UnixDatagram::bind(&told).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        // rpcbind tells after it has become another user.
        std::fs::set_permissions(&told, std::fs::Permissions::from_mode(0o777)).unwrap();
        let mut command = namespace.command(program);
        command
            .args(flags)
            .env("NOTIFY_SOCKET", &told)
            .stderr(Stdio::null());
        let child = Child::spawn(&mut command);
        let mut state = [0; 200];
        let n = uninterrupted(|| socket.recv(&mut state))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        std::fs::remove_file(&told).unwrap();
        assert!(
            state[..n].starts_with(b"READY=1"),
            "{}",
            String::from_utf8_lossy(&state[..n])
        );
        Self { child }
    }

    fn rpcbind(name: &str, namespace: &Namespace, flags: &[&str]) -> Self {
        let mut all = vec!["-f"];
        all.extend(flags);
        Self::start(name, namespace, RPCBIND.as_ref(), &all)
    }

    fn ours(name: &str, namespace: &Namespace, flags: &[&str]) -> Self {
        Self::start(name, namespace, ours("portmapd").as_ref(), flags)
    }

    fn stop(mut self) {
        self.child.stop(Signal::SIGTERM, SOON);
    }
}

/// A way to a portmapper.
enum Way {
    Stream(Box<dyn ReadWrite>),
    Udp(UdpSocket),
}

trait ReadWrite: std::io::Read + std::io::Write + Send {}
impl<T: std::io::Read + std::io::Write + Send> ReadWrite for T {}

/// How long a portmapper is waited for that may be silent.
const SILENCE: Duration = Duration::from_millis(300);

impl Way {
    fn local(namespace: &Namespace) -> Self {
        let stream = UnixStream::connect(format!(
            "/proc/{}/root/run/rpcbind.sock",
            namespace.inside()
        ))
        .unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        Self::Stream(Box::new(stream))
    }

    fn tcp(host: &str) -> Self {
        let address: SocketAddr = format!("{host}:111").parse().unwrap();
        let stream = TcpStream::connect_timeout(&address, SOON).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        Self::Stream(Box::new(stream))
    }

    fn udp(host: &str, from: &str) -> Self {
        let socket = UdpSocket::bind(from).unwrap();
        socket.connect(format!("{host}:111")).unwrap();
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        Self::Udp(socket)
    }

    /// Sends a call of program 100000 without credentials; gives the reply behind its xid, or nothing if there is none.
    fn call(&mut self, xid: u32, version: u32, procedure: u32, args: &[u8]) -> Option<Vec<u8>> {
        self.send(&question(xid, version, procedure, args));
        let reply = match self.receive() {
            Ok(reply) => reply,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.late(xid)?,
            // It hung up.
            Err(_) => return None,
        };
        assert_eq!(reply[..4], xid.to_be_bytes());
        Some(reply[4..].to_vec())
    }

    /// On a busy machine what is late may only be slow: it is silent if it answers what it is asked next, and only that.
    fn late(&mut self, xid: u32) -> Option<Vec<u8>> {
        let next = !xid;
        self.send(&question(next, 2, 0, &[]));
        let first = until("the answer to NULL", SOON, || self.receive().ok());
        if first[..4] == next.to_be_bytes() {
            return None;
        }
        let second = until("the answer to NULL", SOON, || self.receive().ok());
        assert_eq!(second[..4], next.to_be_bytes());
        Some(first)
    }

    fn send(&mut self, question: &[u8]) {
        match self {
            Self::Udp(socket) => {
                socket.send(question).unwrap();
            }
            Self::Stream(stream) => {
                let mark = 0x8000_0000 | u32::try_from(question.len()).unwrap();
                stream
                    .write_all(&[&mark.to_be_bytes()[..], question].concat())
                    .unwrap();
            }
        }
    }

    fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                let mut reply = vec![0; 70_000];
                let n = uninterrupted(|| socket.recv(&mut reply))?;
                reply.truncate(n);
                Ok(reply)
            }
            Self::Stream(stream) => {
                let mut mark = [0; 4];
                stream.read_exact(&mut mark)?;
                let mut reply =
                    vec![0; usize::try_from(u32::from_be_bytes(mark) & 0x7fff_ffff).unwrap()];
                stream.read_exact(&mut reply).unwrap();
                Ok(reply)
            }
        }
    }
}

fn question(xid: u32, version: u32, procedure: u32, args: &[u8]) -> Vec<u8> {
    let head = [xid, 0, 2, 100_000, version, procedure, 0, 0, 0, 0];
    let mut question: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).collect();
    question.extend(args);
    question
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn text(text: &str) -> Vec<u8> {
    let mut octets = words(&[u32::try_from(text.len()).unwrap()]);
    octets.extend(text.bytes());
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

fn rpcb(program: u32, version: u32, netid: &str, address: &str) -> Vec<u8> {
    [
        words(&[program, version]),
        text(netid),
        text(address),
        text(""),
    ]
    .concat()
}

fn ready(test: &str, peers: &[&str]) -> bool {
    have_root(test) && have(test, &["unshare", "nsenter", "ip", "setpriv"]) && have(test, peers)
}

/// Goal B6, RFC 1833 §2.2.2 ("RPCBIND only accepts RPCBPROC_SET and RPCBPROC_UNSET requests by clients running on the same machine").
#[test]
fn a_stranger_registers_nothing_and_gets_at_most_three_times_its_question() {
    let test = "a_stranger_registers_nothing_and_gets_at_most_three_times_its_question";
    if !ready(test, &[]) {
        return;
    }
    let (host, other) = (Namespace::new(), Namespace::new());
    host.connect(("a", "10.77.0.1/24"), &other, ("b", "10.77.0.2/24"));
    let _daemon = Daemon::ours(test, &host, &["-r"]);
    let mut local = Way::local(&host);
    for program in 0..400 {
        let done = local.call(
            1,
            4,
            1,
            &rpcb(0x2000_0000 + program, 1, "udp", "0.0.0.0.8.1"),
        );
        assert_eq!(done.unwrap().last(), Some(&1));
    }
    other.enter(|| {
        let mut udp = Way::udp("10.77.0.1", "10.77.0.2:0");
        let mut tcp = Way::tcp("10.77.0.1");
        let too_weak = words(&[1, 1, 1, 5]);
        let mapping = words(&[0x2000_0001, 1, 17, 9]);
        let named = rpcb(0x2000_0001, 1, "udp", "0.0.0.0.8.1");
        for way in [&mut udp, &mut tcp] {
            for (version, args) in [(2, &mapping), (3, &named), (4, &named)] {
                for procedure in [1, 2] {
                    assert_eq!(
                        way.call(7, version, procedure, args).as_ref(),
                        Some(&too_weak)
                    );
                }
            }
        }
        let indirect = [words(&[0x2000_0001, 1, 0]), words(&[0])].concat();
        let arguments = [
            &[][..],
            &mapping,
            &named,
            &indirect,
            &text("10.0.0.1.0.111"),
            &words(&[16, 0]),
        ];
        for version in 2..=4 {
            for procedure in 0..=13 {
                for args in arguments {
                    let asked = question(9, version, procedure, args).len();
                    let got = udp
                        .call(9, version, procedure, args)
                        .map_or(0, |reply| reply.len() + 4);
                    assert!(
                        got <= 3 * asked,
                        "version {version} procedure {procedure}: {got} for {asked}"
                    );
                }
            }
        }
        assert_eq!(udp.call(9, 2, 4, &[]).as_ref(), Some(&too_weak));
        assert_eq!(udp.call(9, 4, 12, &[]).as_ref(), Some(&too_weak));
        assert_eq!(
            udp.call(9, 2, 3, &mapping),
            Some(words(&[1, 0, 0, 0, 0, 0x801]))
        );
        assert!(tcp.call(9, 2, 4, &[]).unwrap().len() > 8000);
    });
}

/// A datagram sent to one of two addresses is answered from that one, and addresses are merged with it.
#[test]
fn answers_come_from_the_address_that_was_asked() {
    let test = "answers_come_from_the_address_that_was_asked";
    if !ready(test, &[]) {
        return;
    }
    let (host, other) = (Namespace::new(), Namespace::new());
    host.connect(("a", "10.77.0.1/24"), &other, ("b", "10.77.0.2/24"));
    built(
        host.command("ip")
            .args(["address", "add", "10.77.0.9/24", "dev", "a"]),
    );
    let _daemon = Daemon::ours(test, &host, &[]);
    other.enter(|| {
        for asked in ["10.77.0.1", "10.77.0.9"] {
            // Connected sockets take nothing from elsewhere.
            let mut udp = Way::udp(asked, "10.77.0.2:0");
            let reply = udp.call(5, 3, 3, &rpcb(100_000, 3, "udp", "")).unwrap();
            assert_eq!(reply[20..], text(&format!("{asked}.0.111")));
        }
    });
}

#[test]
fn rpcbinds_registrations_are_taken_over_once() {
    let test = "rpcbinds_registrations_are_taken_over_once";
    if !ready(test, &[RPCBIND]) {
        return;
    }
    let namespace = Namespace::new();
    let user = namespace
        .command("chown")
        .args(["_rpc", "/run/rpcbind"])
        .status();
    assert!(user.unwrap().success());
    let list = |namespace: &Namespace| Way::local(namespace).call(3, 4, 4, &[]).unwrap();
    let old = Daemon::rpcbind(test, &namespace, &["-w"]);
    let mut local = Way::local(&namespace);
    for (netid, address) in [
        ("tcp", "0.0.0.0.8.1"),
        ("udp6", "::.8.1"),
        ("local", "/run/x"),
        ("odd", "y"),
    ] {
        assert!(
            local
                .call(1, 4, 1, &rpcb(100_003, 3, netid, address))
                .unwrap()
                .ends_with(&[1])
        );
    }
    drop(local);
    let before = list(&namespace);
    old.stop();
    let run = PathBuf::from(format!("/proc/{}/root/run/rpcbind", namespace.inside()));
    assert!(run.join("rpcbind.xdr").exists() && run.join("portmap.xdr").exists());
    let new = Daemon::ours(test, &namespace, &["-w"]);
    assert_eq!(list(&namespace), before);
    assert!(!run.join("rpcbind.xdr").exists() && !run.join("portmap.xdr").exists());
    new.stop();
    let again = Daemon::ours(test, &namespace, &["-w"]);
    assert_eq!(list(&namespace), before);
    again.stop();
}

#[test]
fn privileges_are_dropped_after_binding() {
    let test = "privileges_are_dropped_after_binding";
    if !ready(test, &[]) {
        return;
    }
    let namespace = Namespace::new();
    let daemon = Daemon::ours(test, &namespace, &["-s"]);
    let user = nix::unistd::User::from_name("daemon").unwrap().unwrap();
    let id = format!("{0}\t{0}\t{0}\t{0}", user.uid);
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
    let line = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .trim()
    };
    let name = std::ffi::CString::new(user.name).unwrap();
    let groups: Vec<String> = nix::unistd::getgrouplist(&name, user.gid)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(!groups.contains(&"0".to_owned()), "{groups:?}");
    // In the user's groups and in none of root's.
    assert_eq!(
        (line("Uid:"), line("Groups:"), line("CapEff:")),
        (&*id, &*groups.join(" "), "0000000000000000")
    );
    let socket = format!("/proc/{}/root/run/rpcbind.sock", namespace.inside());
    let mode = std::fs::metadata(socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
}

#[test]
fn sockets_of_a_service_manager_are_served() {
    let test = "sockets_of_a_service_manager_are_served";
    if !ready(test, &["systemd-socket-activate"]) {
        return;
    }
    let namespace = Namespace::new();
    let mut command = namespace.command("systemd-socket-activate");
    command.args(["-l", "/run/rpcbind.sock", "-l", "127.0.0.1:111"]);
    command.arg(ours("portmapd")).stderr(Stdio::null());
    let _manager = Child::spawn(&mut command);
    let socket = format!("/proc/{}/root/run/rpcbind.sock", namespace.inside());
    // The first connection starts the daemon.
    let stream = until("the manager's socket", SOON, || {
        UnixStream::connect(&socket).ok()
    });
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut local = Way::Stream(Box::new(stream));
    let dump = local.call(1, 4, 4, &[]).unwrap();
    let shown = String::from_utf8_lossy(&dump).into_owned();
    assert!(
        shown.contains("/run/rpcbind.sock") && shown.contains("127.0.0.1.0.111"),
        "{shown:?}"
    );
    assert!(!shown.contains("udp"), "{shown:?}");
    namespace.enter(|| {
        assert_eq!(
            Way::tcp("127.0.0.1").call(2, 2, 0, &[]),
            Some(words(&[1, 0, 0, 0, 0]))
        );
    });
}

/// The access files are read again when they change, and not at every call.
#[test]
fn access_files_are_watched() {
    let test = "access_files_are_watched";
    if !ready(test, &[]) {
        return;
    }
    let namespace = Namespace::new();
    let folder = scratch("access_files_are_watched.files");
    let (allow, deny) = (folder.join("hosts.allow"), folder.join("hosts.deny"));
    let config = folder.join("portmapd.toml");
    std::fs::write(
        &config,
        format!("hosts_allow = {allow:?}\nhosts_deny = {deny:?}\n"),
    )
    .unwrap();
    let _daemon = Daemon::ours(test, &namespace, &["--config", config.to_str().unwrap()]);
    namespace.enter(|| {
        let mut udp = Way::udp("127.0.0.1", "127.0.0.1:0");
        let served = words(&[1, 0, 0, 0, 0, 111]);
        let refused = words(&[1, 1, 1, 5]);
        let mut ask = || udp.call(3, 2, 3, &words(&[100_000, 2, 6, 0])).unwrap();
        assert_eq!(ask(), served);
        std::fs::write(&deny, "portmap: ALL\n").unwrap();
        until("the refusal", SOON, || (ask() == refused).then_some(()));
        let beside = folder.join("new");
        std::fs::write(&beside, "rpcbind: 127.0.0.0/8\n").unwrap();
        std::fs::rename(&beside, &allow).unwrap();
        until("the permission", SOON, || (ask() == served).then_some(()));
    });
}
