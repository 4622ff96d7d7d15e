//! A service and a client of `echo.x`: ours against those of libtirpc and the C `rpcgen`, over TCP, UDP and local sockets.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_rpc::{
    AuthSys, CallContext, CallError, Client, ClientConfig, Procedure, Refusal, Reply, Server,
};
use fairway_stack::{LocalAddr, Net};
use fairway_tests::generated::echo::{
    ECHO_PROG, EchoBlob, EchoStat, EchoV1, EchoV1Client, EchoV1Service,
};
use fairway_tests::{Child, built, have, scratch, uninterrupted};

const PEERS: &[&str] = &["rpcgen", "gcc", "/usr/include/tirpc/rpc/rpc.h"];
const LIMIT: Duration = Duration::from_secs(60);

/// Answers as `calls/server.c` does.
#[derive(Debug)]
struct Echo;

impl EchoV1 for Echo {
    async fn blob(&self, _: &CallContext, blob: EchoBlob) -> Result<Reply<EchoBlob>, Refusal> {
        Ok(blob.into())
    }

    async fn stat(&self, _: &CallContext, pad: u32) -> Result<Reply<EchoStat>, Refusal> {
        Ok(EchoStat { calls: 7, pad }.into())
    }
}

/// Where a server can be reached.
#[derive(Clone, Debug)]
struct Doors {
    udp: SocketAddr,
    tcp: SocketAddr,
    local: PathBuf,
}

/// The C programs, compiled into a folder of their own.
struct CPrograms {
    folder: PathBuf,
}

impl CPrograms {
    fn new(test: &str) -> Self {
        let folder = scratch(test);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(here.join("bench/peers/echo.x"), folder.join("echo.x")).unwrap();
        for (flag, out) in [
            ("-h", "echo.h"),
            ("-c", "echo_xdr.c"),
            ("-l", "echo_clnt.c"),
            ("-m", "echo_svc.c"),
        ] {
            let mut rpcgen = Command::new("rpcgen");
            built(
                rpcgen
                    .args([flag, "-o", out, "echo.x"])
                    .current_dir(&folder),
            );
        }
        for (program, stub) in [("server", "echo_svc.c"), ("client", "echo_clnt.c")] {
            let mut gcc = Command::new("gcc");
            gcc.args([
                "-O1",
                "-w",
                "-I.",
                "-I/usr/include/tirpc",
                "-o",
                program,
                stub,
                "echo_xdr.c",
            ]);
            gcc.arg(here.join("interop/calls").join(format!("{program}.c")));
            built(gcc.arg("-ltirpc").current_dir(&folder));
        }
        Self { folder }
    }

    /// Starts the C server.
    fn serve(&self) -> (Child, Doors) {
        let local = self.folder.join("c.sock");
        let mut server = Command::new(self.folder.join("server"));
        let mut child = Child::spawn(server.arg(&local).stdout(Stdio::piped()));
        let ready = child.first_line();
        let mut ports = ready.split_whitespace().map(|port| port.parse().unwrap());
        let mut at = || SocketAddr::from(([127, 0, 0, 1], ports.next().unwrap()));
        (
            child,
            Doors {
                udp: at(),
                tcp: at(),
                local,
            },
        )
    }
}

async fn our_server(net: &Net, folder: &Path) -> (Server, Doors) {
    let local = folder.join("ours.sock");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let server = Server::builder(net)
        .service(EchoV1Service::new(Echo))
        .listen_udp(any)
        .listen_tcp(any)
        .listen_local(LocalAddr::path(&local))
        .start()
        .await
        .unwrap();
    let doors = Doors {
        udp: server.udp_addr().unwrap(),
        tcp: server.tcp_addr().unwrap(),
        local,
    };
    (server, doors)
}

/// Runs `test` on a runtime with a thread of its own for each of two workers.
fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

#[test]
fn our_client_agrees_with_a_c_server() {
    let test = "our_client_agrees_with_a_c_server";
    if !have(test, PEERS) {
        return;
    }
    let programs = CPrograms::new(test);
    let (_server, doors) = programs.serve();
    run(async {
        let net = Net::system();
        for user in [false, true] {
            let config = if user {
                ClientConfig::new().auth(AuthSys::current(&net))
            } else {
                ClientConfig::new()
            };
            let clients = [
                Client::udp(&net, doors.udp, config.clone()).await.unwrap(),
                Client::tcp(&net, doors.tcp, config.clone()).await.unwrap(),
                Client::local(&net, &LocalAddr::path(&doors.local), config.clone())
                    .await
                    .unwrap(),
            ];
            for (place, client) in clients.into_iter().enumerate() {
                agrees(&EchoV1Client::new(client), place == 0).await;
            }
        }
    });
}

async fn agrees(echo: &EchoV1Client, datagrams: bool) {
    echo.null().await.unwrap();
    let lengths = (0..9)
        .chain([1500, 8000])
        .chain((!datagrams).then_some(1 << 20));
    for length in lengths {
        let octets: Vec<u8> = (0..length)
            .map(|at: u32| (at * 31 + length).to_le_bytes()[0])
            .collect();
        let blob = EchoBlob(octets.into());
        assert_eq!(echo.blob(&blob).await.unwrap(), blob);
    }
    let stat = echo.stat(0xdead_beef).await.unwrap();
    assert_eq!(
        stat,
        EchoStat {
            calls: 7,
            pad: 0xdead_beef
        }
    );
    let refused = async |version, procedure| -> CallError {
        let call = Procedure::new(ECHO_PROG, version, procedure);
        let options = fairway_rpc::CallOptions::default();
        let result: Result<(), CallError> = echo.client().call(call, &(), &options).await;
        result.unwrap_err()
    };
    assert!(matches!(refused(1, 99).await, CallError::ProcUnavail));
    assert!(matches!(refused(1, 1).await, CallError::GarbageArgs));
    let mismatch = refused(9, 0).await;
    assert!(
        matches!(mismatch, CallError::ProgMismatch { low: 1, high: 1 }),
        "{mismatch}"
    );
}

#[test]
fn a_c_client_agrees_with_our_server() {
    let test = "a_c_client_agrees_with_our_server";
    if !have(test, PEERS) {
        return;
    }
    let programs = CPrograms::new(test);
    run(async {
        let (_server, doors) = our_server(&Net::system(), &programs.folder).await;
        let targets = [
            ("udp", doors.udp.port().to_string()),
            ("tcp", doors.tcp.port().to_string()),
            ("local", doors.local.display().to_string()),
        ];
        for (how, target) in targets {
            let mut client = Command::new(programs.folder.join("client"));
            client.args([how, &target]);
            let output = tokio::task::block_in_place(|| Child::output(&mut client, LIMIT));
            assert_eq!(output.stdout, "agrees\n", "{how}: {output:?}");
        }
    });
}

/// Calls as octets, behind a transaction identifier.
fn calls() -> Vec<(&'static str, Vec<u8>)> {
    let words =
        |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_be_bytes()).collect() };
    let none = [0, 0, 0, 0];
    let call = |head: [u32; 5], auth: &[u32], arguments: &[u32]| {
        words(&[&[0x1234_5678], head.as_slice(), auth, arguments].concat())
    };
    let echo = |procedure| [0, 2, ECHO_PROG, 1, procedure];
    // A machine named "here", user 1, group 2, groups 3 and 4; AUTH_NONE as verifier.
    let user = [
        1,
        36,
        99,
        4,
        u32::from_be_bytes(*b"here"),
        1,
        2,
        2,
        3,
        4,
        0,
        0,
        0,
    ];
    let user = [&[1, 32], &user[2..10], &[0, 0]].concat();
    vec![
        ("null", call(echo(0), &none, &[])),
        ("null of a user", call(echo(0), &user, &[])),
        ("blob of 0", call(echo(1), &none, &[0])),
        (
            "blob of 5",
            call(echo(1), &none, &[5, 0x0102_0304, 0x0500_0000]),
        ),
        ("stat", call(echo(2), &user, &[0xffff_ffff])),
        ("unknown procedure", call(echo(3), &none, &[])),
        ("no arguments", call(echo(1), &none, &[])),
        ("arguments cut short", call(echo(1), &none, &[8, 1])),
        ("version 0", call([0, 2, ECHO_PROG, 0, 0], &none, &[])),
        ("version 2", call([0, 2, ECHO_PROG, 2, 1], &none, &[1])),
        (
            "unknown program",
            call([0, 2, ECHO_PROG + 1, 1, 0], &none, &[]),
        ),
    ]
}

/// RFC 5531 §9: the reply to the same call is the same octets, whoever answers.
#[test]
fn replies_are_the_octets_of_a_c_server() {
    let test = "replies_are_the_octets_of_a_c_server";
    if !have(test, PEERS) {
        return;
    }
    let programs = CPrograms::new(test);
    let (_child, theirs) = programs.serve();
    run(async {
        let (_server, ours) = our_server(&Net::system(), &programs.folder).await;
        tokio::task::block_in_place(|| {
            for (name, call) in calls() {
                for (how, ask) in [
                    ("udp", by_udp as fn(&Doors, &[u8]) -> Vec<u8>),
                    ("tcp", by_tcp),
                    ("local", by_local),
                ] {
                    // libtirpc reads on behind the end of a datagram, in what an earlier one left in its buffer.
                    if how == "udp" && name.contains("arguments") {
                        continue;
                    }
                    assert_eq!(ask(&ours, &call), ask(&theirs, &call), "{name} over {how}");
                }
            }
        });
    });
}

fn by_udp(doors: &Doors, call: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket.send_to(call, doors.udp).unwrap();
    let mut reply = vec![0; 9000];
    let (length, from) = uninterrupted(|| socket.recv_from(&mut reply)).unwrap();
    assert_eq!(from, doors.udp);
    reply.truncate(length);
    reply
}

fn by_tcp(doors: &Doors, call: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(doors.tcp).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    by_stream(stream, call)
}

fn by_local(doors: &Doors, call: &[u8]) -> Vec<u8> {
    let stream = UnixStream::connect(&doors.local).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    by_stream(stream, call)
}

/// One record there and one back, its mark included.
fn by_stream(mut stream: impl std::io::Read + std::io::Write, call: &[u8]) -> Vec<u8> {
    let mark = 0x8000_0000 | u32::try_from(call.len()).unwrap();
    stream
        .write_all(&[&mark.to_be_bytes(), call].concat())
        .unwrap();
    let mut reply = vec![0; 4];
    stream.read_exact(&mut reply).unwrap();
    let mark = u32::from_be_bytes(reply[..4].try_into().unwrap());
    assert_ne!(mark & 0x8000_0000, 0, "a reply of several fragments");
    reply.resize(4 + (mark & 0x7fff_ffff) as usize, 0);
    stream.read_exact(&mut reply[4..]).unwrap();
    reply
}
