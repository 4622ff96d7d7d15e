//! The two programs as a user without privileges runs them: on a local socket of their own.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod administration;
mod json;

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use fairway_portmap::Portmapper;
use fairway_portmap::client::{At, reach};
use fairway_portmap::core::Core;
use fairway_portmap::pmap::{Mapping, PmapV2Client};
use fairway_portmap::rpcb::{Rpcb, RpcbV4Client};
use fairway_rpc::{
    Args, CallContext, CallFuture, Client, ClientConfig, Refusal, Reply, Server, Service,
};
use fairway_stack::{LocalAddr, Net};
use fairway_xdr::Encoder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

const SOON: Duration = Duration::from_secs(20);

/// A folder with a configuration, a socket and whatever the daemon writes; removed at the end.
struct Place {
    folder: PathBuf,
    notify: UnixDatagram,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("fwpm-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let notify = UnixDatagram::bind(folder.join("notify")).unwrap();
        notify.set_read_timeout(Some(SOON)).unwrap();
        let place = Self { folder, notify };
        place.configure("");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn configure(&self, limits: &str) {
        let folder = self.folder.to_str().unwrap();
        let text = format!(
            "listen = []\nsocket = \"{folder}/s\"\nabstract_socket = false\nmulticast = false\nuser = []\nwarm_start = true\n\
             state_directory = \"{folder}\"\ntake_over = \"{folder}/old\"\nhosts_allow = \"\"\nhosts_deny = \"\"\n[limits]\n{limits}"
        );
        std::fs::write(self.path("c.toml"), text).unwrap();
    }

    fn start(&self) -> Running<'_> {
        self.start_with(&[], Stdio::null())
    }

    fn start_with(&self, words: &[&str], stderr: Stdio) -> Running<'_> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portmapd"));
        command.arg("--config").arg(self.path("c.toml")).args(words);
        command
            .env("NOTIFY_SOCKET", self.path("notify"))
            .env_remove("RUST_LOG")
            .stderr(stderr);
        let child = command.spawn().unwrap();
        let running = Running { child, place: self };
        running.told("READY=1");
        running
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

struct Running<'a> {
    child: Child,
    place: &'a Place,
}

impl Running<'_> {
    /// Waits for what the daemon tells its service manager.
    fn told(&self, state: &str) {
        let mut octets = [0; 100];
        let n = self.place.notify.recv(&mut octets).unwrap();
        assert_eq!(String::from_utf8_lossy(&octets[..n]), state);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn end(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

async fn client(socket: &Path) -> Client {
    let at = At::Path(socket.to_owned());
    reach(&Net::system(), &at, None, ClientConfig::default())
        .await
        .unwrap()
        .0
}

fn port(prog: u32) -> Mapping {
    Mapping {
        prog,
        vers: 1,
        prot: 6,
        port: 2000 + prog,
    }
}

fn rpcinfo(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rpcinfo"))
        .args(words)
        .output()
        .unwrap()
}

mod state {
    use super::*;

    #[test]
    fn registrations_survive_a_restart() {
        let place = Place::new("restart");
        let daemon = place.start();
        on(async {
            let client = PmapV2Client::new(client(&place.path("s")).await);
            assert!(client.set(&port(7)).await.unwrap());
        });
        assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
        let mut left = [0; 20];
        assert_eq!(place.notify.recv(&mut left).unwrap(), "STOPPING=1".len());
        let daemon = place.start();
        on(async {
            let client = PmapV2Client::new(client(&place.path("s")).await);
            assert_eq!(client.getport(&port(7)).await.unwrap(), 2007);
            assert!(client.unset(&port(7)).await.unwrap());
        });
        drop(daemon);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_told_at_the_start() {
        let place = Place::new("unwritable");
        let words = ["--state-directory", "/proc/fairway/none"];
        let mut daemon = place.start_with(&words, Stdio::piped());
        daemon.child.kill().unwrap();
        let mut told = String::new();
        let stderr = daemon.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut told).unwrap();
        assert!(told.contains("registrations cannot be saved"), "{told}");
    }

    /// Who starts as root saves as the user it becomes: the directory, and what an earlier run left in it, are that user's.
    #[test]
    fn the_user_that_root_becomes_can_save() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root becomes somebody else");
            return;
        }
        let place = Place::new("drop");
        let anybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(place.path("notify"), anybody).unwrap();
        let state = place.path("state");
        let owned = |path: &Path| std::fs::metadata(path).unwrap().uid();
        let words = [
            "--user",
            "daemon",
            "--state-directory",
            state.to_str().unwrap(),
        ];
        for (prog, known) in [(7, 0), (8, 1)] {
            let daemon = place.start_with(&words, Stdio::null());
            on(async {
                let client = PmapV2Client::new(client(&place.path("s")).await);
                assert_eq!(client.dump().await.unwrap().0.len(), known);
                assert!(client.set(&port(prog)).await.unwrap());
            });
            assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
            let mut left = [0; 20];
            assert_eq!(place.notify.recv(&mut left).unwrap(), "STOPPING=1".len());
            let file = state.join("portmapd.state");
            assert_ne!((owned(&state), owned(&file)), (0, 0));
            // As root would have left them.
            std::os::unix::fs::chown(&state, Some(0), Some(0)).unwrap();
            std::os::unix::fs::chown(&file, Some(0), Some(0)).unwrap();
        }
        // What else is root's stays root's.
        std::fs::write(state.join("other"), b"").unwrap();
        drop(place.start_with(&words, Stdio::null()));
        assert_eq!(owned(&state), 0);
    }

    #[test]
    fn a_killed_daemon_has_saved_what_was_registered_a_second_before() {
        let place = Place::new("kill");
        let daemon = place.start();
        let state = place.path("portmapd.state");
        on(async {
            let client = PmapV2Client::new(client(&place.path("s")).await);
            assert!(client.set(&port(8)).await.unwrap());
            let clock = Net::system().clock();
            let saved = async {
                while !state.exists() {
                    clock.sleep(Duration::from_millis(10)).await;
                }
            };
            clock.timeout(SOON, saved).await.unwrap();
        });
        assert_eq!(daemon.end(Signal::SIGKILL), None);
        let _daemon = place.start();
        on(async {
            let client = PmapV2Client::new(client(&place.path("s")).await);
            assert_eq!(client.getport(&port(8)).await.unwrap(), 2008);
        });
    }

    #[test]
    fn a_damaged_state_file_is_not_used_and_not_fatal() {
        let place = Place::new("damaged");
        std::fs::write(place.path("portmapd.state"), b"FWPM\0\0\0\x01nonsense").unwrap();
        let _daemon = place.start();
        on(async {
            let client = PmapV2Client::new(client(&place.path("s")).await);
            assert!(client.dump().await.unwrap().0.is_empty());
        });
    }

    #[test]
    fn rpcbinds_files_are_read_once() {
        let place = Place::new("takeover");
        let old = place.path("old");
        std::fs::create_dir(&old).unwrap();
        let mut e = Encoder::new();
        e.bool(true);
        e.u32(9);
        e.u32(1);
        for text in ["tcp", "0.0.0.0.8.1", "1234"] {
            e.string(text, 100).unwrap();
        }
        e.bool(false);
        std::fs::write(old.join("rpcbind.xdr"), e.into_vec()).unwrap();
        let daemon = place.start();
        let list = async || {
            let list = RpcbV4Client::new(client(&place.path("s")).await)
                .dump()
                .await
                .unwrap()
                .0;
            list.into_iter()
                .map(|node| node.rpcb_map)
                .filter(|map| map.r_prog == 9)
                .collect::<Vec<_>>()
        };
        let expected = [Rpcb {
            r_prog: 9,
            r_vers: 1,
            r_netid: "tcp".to_owned(),
            r_addr: "0.0.0.0.8.1".to_owned(),
            r_owner: "1234".to_owned(),
        }];
        assert_eq!(on(list()), expected);
        assert!(!old.join("rpcbind.xdr").exists());
        daemon.end(Signal::SIGKILL);
        let _daemon = place.start();
        assert_eq!(on(list()), expected);
    }
}

mod reload {
    use super::*;

    #[test]
    fn hup_takes_a_good_configuration_and_keeps_the_old_before_a_bad_one() {
        let place = Place::new("reload");
        let daemon = place.start();
        let set = |program| {
            on(async {
                PmapV2Client::new(client(&place.path("s")).await)
                    .set(&port(program))
                    .await
                    .unwrap()
            })
        };
        assert!(set(1));
        place.configure("mappings = 1\n");
        daemon.signal(Signal::SIGHUP);
        daemon.told("RELOADING=1");
        daemon.told("READY=1");
        assert!(!set(2));
        place.configure("mappings = 100\nmapings = 5\n");
        daemon.signal(Signal::SIGHUP);
        daemon.told("RELOADING=1");
        daemon.told("READY=1");
        assert!(!set(2));
        place.configure("mappings = 100\n");
        daemon.signal(Signal::SIGHUP);
        daemon.told("RELOADING=1");
        daemon.told("READY=1");
        assert!(set(2));
    }
}

mod command_line {
    use super::*;

    fn portmapd(words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_portmapd"))
            .args(words)
            .output()
            .unwrap()
    }

    #[test]
    fn check_config_tells_file_line_and_key() {
        let place = Place::new("check");
        let file = place.path("c.toml");
        let file = file.to_str().unwrap();
        assert_eq!(
            portmapd(&["--config", file, "--check-config"])
                .status
                .code(),
            Some(0)
        );
        place.configure("record = \"big\"\n");
        let told = portmapd(&["--config", file, "--check-config"]);
        let stderr = String::from_utf8(told.stderr).unwrap();
        assert_eq!(told.status.code(), Some(2));
        assert!(
            stderr.starts_with(&format!("portmapd: {file}:12: key `record`: invalid type")),
            "{stderr}"
        );
    }

    #[test]
    fn print_config_shows_flags_over_the_file() {
        let place = Place::new("print");
        let file = place.path("c.toml");
        let shown = portmapd(&[
            "--config",
            file.to_str().unwrap(),
            "--print-config",
            "-i",
            "-l",
            "-r",
            "-h",
            "192.0.2.1",
            "--trust",
            "10.0.0.0/8",
        ]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        for line in [
            "insecure = true",
            "log_calls = true",
            "indirect = true",
            "listen_udp = [\"192.0.2.1\"]",
            "trusted = [\"10.0.0.0/8\"]",
        ] {
            assert!(
                shown.lines().any(|shown| shown == line),
                "{line} in {shown}"
            );
        }
    }

    #[test]
    fn wrong_usage_is_status_2() {
        for words in [
            &["-x"][..],
            &["-h", "nonsense"],
            &["-h"],
            &["--port", "0"],
            &["--trust", "x"],
            &["--user", "no-such-user"],
            &["-s", "--user", "x"],
        ] {
            assert_eq!(portmapd(words).status.code(), Some(2), "{words:?}");
        }
        assert_eq!(portmapd(&["--help"]).status.code(), Some(0));
    }
}

mod rpcinfo_tool {
    use super::*;

    #[test]
    fn lists_a_portmapper_anywhere_as_text_and_json() {
        let place = Place::new("list");
        let _daemon = place.start();
        on(async {
            let client = PmapV2Client::new(client(&place.path("s")).await);
            assert!(
                client
                    .set(&Mapping {
                        prog: 100_003,
                        vers: 3,
                        prot: 6,
                        port: 2049
                    })
                    .await
                    .unwrap()
            );
        });
        let socket = place.path("s");
        let socket = socket.to_str().unwrap();
        let text = String::from_utf8(rpcinfo(&["-p", "--portmapper", socket]).stdout).unwrap();
        assert_eq!(
            text,
            "   program vers proto   port  service\n    100003    3   tcp   2049  nfs\n"
        );
        let json = rpcinfo(&["-p", "--portmapper", socket, "--json"]).stdout;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let row = serde_json::json!({"program": 100_003, "version": 3, "protocol": "tcp", "port": 2049, "service": "nfs"});
        assert_eq!(json, serde_json::json!({ "registrations": [row] }));
        for words in [&["-s"][..], &["-m"], &[]] {
            let words = [words, &["--json", "--portmapper", socket]].concat();
            let output = rpcinfo(&words);
            assert_eq!(output.status.code(), Some(0), "{words:?}");
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
        }
        let ping = rpcinfo(&[
            "--portmapper",
            socket,
            "-T",
            "local",
            "x",
            "100000",
            "3",
            "--json",
        ]);
        assert_eq!(
            String::from_utf8(ping.stdout).unwrap(),
            "{\"program\":100000,\"version\":3,\"available\":true}\n"
        );
        let deleted = rpcinfo(&["-d", "nfs", "3", "--portmapper", socket]);
        assert_eq!(deleted.status.code(), Some(0));
        let text = String::from_utf8(rpcinfo(&["-p", "--portmapper", socket]).stdout).unwrap();
        assert_eq!(text, "No remote programs registered.\n");
    }

    /// A portmapper that tries to do harm: terminal controls, long texts, all versions, a list without end.
    struct Hostile(u32);

    impl Service for Hostile {
        fn program(&self) -> u32 {
            100_000
        }

        fn version(&self) -> u32 {
            self.0
        }

        fn call(&self, cx: CallContext, _args: Args) -> CallFuture {
            Box::pin(async move {
                if cx.procedure() == 0 {
                    return Err(Refusal::ProgMismatch {
                        low: 5,
                        high: u32::MAX,
                    });
                }
                let mut e = Encoder::new();
                let bad = "\u{1b}]0;owned\u{7}\r\n\u{202e}".repeat(100);
                for program in 0..1000 {
                    e.bool(true);
                    e.u32(program);
                    e.u32(u32::MAX - program);
                    for _ in 0..3 {
                        e.string(&bad, u32::MAX).map_err(|_| Refusal::SystemErr)?;
                    }
                }
                if cx.version() == 3 {
                    e.bool(false);
                } // else it stops in the middle
                cx.reply::<()>(Reply::Encoded(e.into_bytes()))
            })
        }
    }

    #[test]
    fn a_hostile_portmapper_does_no_harm() {
        let place = Place::new("hostile");
        let socket = place.path("hostile");
        let (tell, told) = std::sync::mpsc::channel();
        let at = LocalAddr::path(&socket);
        let server = std::thread::spawn(move || {
            on(async {
                let server = Server::builder(&Net::system())
                    .service(Hostile(3))
                    .service(Hostile(2))
                    .listen_local(at);
                let _server = server.start().await.unwrap();
                let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
                tell.send(stop).unwrap();
                drop(stopped.await);
            });
        });
        let stop = told.recv().unwrap();
        let socket = socket.to_str().unwrap();
        for words in [&[][..], &["-s"], &["--json"]] {
            let output = rpcinfo(&[words, &["--portmapper", socket]].concat());
            assert_eq!(output.status.code(), Some(0), "{words:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.len() > 1000);
            assert!(
                !text
                    .chars()
                    .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'),
                "{words:?}"
            );
        }
        let cut = rpcinfo(&["-p", "--portmapper", socket]);
        assert_eq!(cut.status.code(), Some(1));
        let said = String::from_utf8(cut.stderr).unwrap();
        assert_eq!(
            said,
            "rpcinfo: can't contact portmapper: RPC: Can't decode result\n"
        );
        let ping = rpcinfo(&["-T", "local", "x", "100000", "--portmapper", socket]);
        assert_eq!(ping.status.code(), Some(1));
        let lines = String::from_utf8(ping.stdout).unwrap().lines().count();
        assert!((1..=1024).contains(&lines), "{lines}");
        drop(stop);
        server.join().unwrap();
    }
}

/// The in-memory transport: the caller is this process, the superuser.
#[test]
fn a_portmapper_serves_in_memory() {
    on(async {
        let net = Net::system();
        let portmapper = Portmapper::new(&net, Core::default());
        let server = Server::builder(&net)
            .registry(portmapper.services())
            .start()
            .await
            .unwrap();
        let client = Client::memory(&server);
        assert!(
            PmapV2Client::new(client.clone())
                .set(&port(3))
                .await
                .unwrap()
        );
        let list = RpcbV4Client::new(client).dump().await.unwrap().0;
        assert_eq!(list[0].rpcb_map.r_owner, "superuser");
    });
}

/// A server that names all versions and then says nothing would keep the classic tool for centuries.
#[test]
fn rpcinfo_leaves_a_server_that_names_many_versions_and_is_silent() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let server = std::thread::spawn(move || {
        let mut call = [0; 100];
        let (_, caller) = socket.recv_from(&mut call).unwrap();
        let mut reply = Encoder::new();
        reply.put(*call.first_chunk::<4>().unwrap());
        // REPLY, MSG_ACCEPTED, AUTH_NONE, PROG_MISMATCH from 1 to the highest number (RFC 5531 §9).
        for word in [1, 0, 0, 0, 2, 1, u32::MAX] {
            reply.u32(word);
        }
        socket.send_to(&reply.into_vec(), caller).unwrap();
        socket
    });
    let clock = Net::system().clock();
    let began = clock.now();
    let output = rpcinfo(&["--timeout", "1", "-n", &port, "-u", "127.0.0.1", "100099"]);
    let took = clock.now().saturating_duration_since(began);
    drop(server.join().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with("rpcinfo: versions ") && last.ends_with(" to 4294967295 are not tried"),
        "{said}"
    );
    assert!(took < SOON, "{took:?}");
}
