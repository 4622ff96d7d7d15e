//! Asking portmappers: one program's address, and everybody at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use fairway_rpc::msg::{AcceptStat, CallHeader};
use fairway_rpc::xdr::{Encoder, Text};
use fairway_rpc::{
    Args, BroadcastOptions, CallContext, CallError, CallFuture, CallOptions, Client, ClientConfig,
    ConnectError, Netid, Portmapper, Procedure, Reply, Server, Service, Transport, broadcast,
    simple,
};
use fairway_stack::Net;

use crate::support::{accepted, run, success};

const PROGRAM: u32 = 0x2000_0055;
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A portmapper of one version that knows one program.
struct Fake {
    version: u32,
    tcp: u16,
    udp: u16,
    /// What it was told to register.
    set: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Service for Fake {
    fn program(&self) -> u32 {
        100_000
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        let (version, tcp, udp) = (self.version, self.tcp, self.udp);
        let set = Arc::clone(&self.set);
        Box::pin(async move {
            if version == 2 {
                let (program, asked, protocol, port) = args.decode::<(u32, u32, u32, u32)>()?;
                if cx.procedure() != 3 {
                    let line = format!("{} {program} {asked} {protocol} {port}", cx.procedure());
                    set.lock().unwrap().push(line);
                    return cx.reply(Reply::Value(true));
                }
                let port = match (program, protocol) {
                    (PROGRAM, 6) => tcp,
                    (PROGRAM, 17) => udp,
                    _ => 0,
                };
                return cx.reply(Reply::Value(u32::from(port)));
            }
            let (program, asked, netid, address, owner) =
                args.decode::<(u32, u32, Text, Text, Text)>()?;
            if cx.procedure() != 3 {
                let line = format!(
                    "{} {program} {asked} {} {} {}",
                    cx.procedure(),
                    netid.0,
                    address.0,
                    owner.0
                );
                set.lock().unwrap().push(line);
                return cx.reply(Reply::Value(true));
            }
            let port = match (program, netid.0.as_str()) {
                (PROGRAM, "tcp") => tcp,
                (PROGRAM, "udp") => udp,
                (1, _) => return cx.reply(Reply::Value(Text("nonsense".into()))),
                _ => return cx.reply(Reply::Value(Text(String::new()))),
            };
            let [high, low] = port.to_be_bytes();
            // An address of its own making: only the port counts.
            cx.reply(Reply::Value(Text(format!("10.9.8.7.{high}.{low}"))))
        })
    }
}

fn any() -> SocketAddr {
    SocketAddr::new(LOCALHOST, 0)
}

/// A program that doubles, and a portmapper of these versions on one port for TCP and UDP.
async fn machine(
    net: &Net,
    versions: &[u32],
) -> (Server, Server, Arc<std::sync::Mutex<Vec<String>>>) {
    let doubling = Procedure::new(PROGRAM, 1, 1);
    let program = simple::register(doubling, |n: u32| async move { n * 2 })
        .start(net)
        .await
        .unwrap();
    let set = Arc::default();
    let tcp = net.listen_tcp(any()).unwrap();
    let udp = net.bind_udp(tcp.local_addr().unwrap()).unwrap();
    let mut portmapper = Server::builder(net).adopt(tcp).adopt(udp);
    for &version in versions {
        portmapper = portmapper.service(Fake {
            version,
            tcp: program.tcp_addr().unwrap().port(),
            udp: program.udp_addr().unwrap().port(),
            set: Arc::clone(&set),
        });
    }
    (program, portmapper.start().await.unwrap(), set)
}

/// RFC 1833 §2.2.1, §3.2.
mod dial {
    use super::*;

    #[test]
    fn program_is_found_by_whatever_version_the_portmapper_speaks() {
        run(async || {
            let net = crate::stacks::net();
            for versions in [&[2, 3, 4][..], &[3], &[2], &[4]] {
                let (_program, portmapper, _) = machine(&net, versions).await;
                let port = portmapper.tcp_addr().unwrap().port();
                for transport in [Transport::Tcp, Transport::Udp] {
                    let config = ClientConfig::new().portmapper_port(port);
                    let client = Client::dial(&net, "127.0.0.1", PROGRAM, 1, transport, config)
                        .await
                        .unwrap();
                    let twice: u32 = client
                        .call(Procedure::new(PROGRAM, 1, 1), &21u32, &CallOptions::new())
                        .await
                        .unwrap();
                    assert_eq!(twice, 42, "{versions:?} {transport:?}");
                }
            }
        });
    }

    #[test]
    fn each_failure_has_its_number() {
        run(async || {
            let net = crate::stacks::net();
            let (_program, portmapper, _) = machine(&net, &[2, 3, 4]).await;
            let port = portmapper.tcp_addr().unwrap().port();
            let dial = async |host: &str, program: u32, port: u16| {
                let config = ClientConfig::new().portmapper_port(port);
                Client::dial(&net, host, program, 1, Transport::Tcp, config)
                    .await
                    .unwrap_err()
            };
            let error = dial("127.0.0.1", 7, port).await;
            assert_eq!(error.classic_text(), "RPC: Program not registered");
            assert_eq!(
                error.to_string(),
                format!(
                    "program 7 version 1 is not registered with the portmapper at 127.0.0.1:{port}"
                )
            );
            let error = dial("127.0.0.1", 1, port).await;
            assert!(matches!(error, ConnectError::BadAddress), "{error}");
            portmapper.shutdown(Duration::ZERO).await;
            let error = dial("127.0.0.1", PROGRAM, port).await;
            let text = error.to_string();
            let begin = format!("no portmapper: cannot connect to 127.0.0.1:{port}: ");
            assert!(text.starts_with(&begin), "{text}");
            assert!(
                error
                    .classic_text()
                    .starts_with("RPC: Port mapper failure - "),
                "{}",
                error.classic_text()
            );
        });
    }

    #[test]
    fn set_and_unset_speak_every_version() {
        run(async || {
            let net = crate::stacks::net();
            for (version, set, unset) in [
                (4, "1 9 1 tcp 0.0.0.0.8.1 me", "2 9 1   me"),
                (2, "1 9 1 6 2049", "2 9 1 0 0"),
            ] {
                let (_program, server, log) = machine(&net, &[version]).await;
                let peer = server.tcp_addr().unwrap();
                let portmapper = Portmapper::at(&net, peer, Transport::Tcp, ClientConfig::new())
                    .await
                    .unwrap();
                assert!(
                    portmapper
                        .set(9, 1, Netid::Tcp, "0.0.0.0.8.1", "me")
                        .await
                        .unwrap()
                );
                assert!(portmapper.unset(9, 1, None, "me").await.unwrap());
                assert_eq!(*log.lock().unwrap(), [set, unset]);
            }
        });
    }
}

/// RFC 1833 §3.2 (CALLIT), rpc-api §3 (`clnt_broadcast`).
mod everybody {
    use super::*;

    /// Answers each question so many times, after an error reply and nonsense.
    async fn respond(socket: fairway_stack::UdpSocket, times: u32) {
        let mut octets = vec![0; 2048];
        loop {
            let (length, from) = socket.recv_from(&mut octets).await.unwrap();
            let record = bytes::Bytes::copy_from_slice(&octets[..length]);
            let (header, args) = CallHeader::parse(&record).unwrap();
            assert_eq!(header.procedure.procedure, 5);
            // Program, version, procedure, opaque arguments.
            assert_eq!(
                args[..12],
                [[0x20, 0, 0, 0x55], [0, 0, 0, 1], [0, 0, 0, 1]].concat()
            );
            assert_eq!(args[12..], [[0, 0, 0, 4], 21u32.to_be_bytes()].concat());
            let mut e = Encoder::new();
            if header.procedure.version == 2 {
                e.u32(2049);
            } else {
                e.string("10.9.8.7.8.1", 99).unwrap();
            }
            e.opaque(&42u32.to_be_bytes(), 99).unwrap();
            let answer = success(header.xid, &e.into_vec());
            for octets in [
                &b"?"[..],
                &accepted(header.xid, AcceptStat::ProgUnavail),
                &success(header.xid ^ 0x8000, &answer[24..]),
                &answer[..answer.len() - 4],
            ] {
                socket.send_to(octets, from).await.unwrap();
            }
            for _ in 0..times {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    }

    /// Whoever answers without end does not keep the caller: the time is over when it is over.
    #[test]
    fn answers_without_end() {
        // Whoever answers is a thread of the machine: in virtual time the caller would not see it.
        crate::stacks::run_on_system(async || {
            let net = crate::stacks::net();
            let socket = std::net::UdpSocket::bind((LOCALHOST, 0)).unwrap();
            let port = socket.local_addr().unwrap().port();
            let flood = socket.try_clone().unwrap();
            let (told, asked) = std::sync::mpsc::channel();
            let responder = std::thread::spawn(move || {
                let mut octets = [0; 2048];
                let (length, from) = socket.recv_from(&mut octets).unwrap();
                let record = bytes::Bytes::copy_from_slice(&octets[..length]);
                let (header, _) = CallHeader::parse(&record).unwrap();
                assert_eq!(header.procedure.version, 2);
                let mut e = Encoder::new();
                e.u32(2049);
                e.opaque(&[], 0).unwrap();
                let answer = success(header.xid, &e.into_vec());
                told.send((answer.clone(), from)).unwrap();
                socket.send_to(&answer, from).unwrap();
            });
            let options = BroadcastOptions::default()
                .only([LOCALHOST])
                .port(port)
                .repeats(true)
                .rounds(1, Duration::from_millis(200), Duration::ZERO);
            let mut question = None;
            let mut answers = 0;
            let procedure = Procedure::new(PROGRAM, 1, 0);
            let asked = std::sync::Mutex::new(asked);
            let ended = broadcast(&net, procedure, &(), &options, |(), _| {
                // Before the answer is taken, the next ones are there.
                let (answer, from) =
                    question.get_or_insert_with(|| asked.lock().unwrap().recv().unwrap());
                for _ in 0..2 {
                    flood.send_to(answer, *from).unwrap();
                }
                answers += 1;
                ControlFlow::Continue(())
            })
            .await;
            assert!(matches!(ended, Err(CallError::TimedOut)));
            assert!(answers > 1);
            responder.join().unwrap();
        });
    }

    async fn ask(repeats: bool) -> (Vec<(u32, SocketAddr)>, Result<(), CallError>) {
        let net = crate::stacks::net();
        let socket = net.bind_udp(any()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let responder = net.spawn(respond(socket, 2));
        let options = BroadcastOptions::new()
            .only([LOCALHOST])
            .port(port)
            .rounds(2, Duration::from_millis(40), Duration::from_millis(10))
            .repeats(repeats);
        let mut answers = Vec::new();
        let procedure = Procedure::new(PROGRAM, 1, 1);
        let ended = broadcast(&net, procedure, &21u32, &options, |twice: u32, from| {
            answers.push((twice, from));
            ControlFlow::Continue(())
        })
        .await;
        responder.abort();
        (answers, ended)
    }

    #[test]
    fn each_responder_is_told_of_once() {
        run(async || {
            let (answers, ended) = ask(false).await;
            assert_eq!(answers, [(42, SocketAddr::new(LOCALHOST, 2049))]);
            assert!(matches!(ended, Err(CallError::TimedOut)));
        });
    }

    #[test]
    fn or_as_often_as_it_answers() {
        run(async || {
            // Two rounds of two questions, answered twice each.
            let (answers, _) = ask(true).await;
            assert_eq!(answers.len(), 8, "{answers:?}");
        });
    }

    #[test]
    fn stops_when_told() {
        run(async || {
            let net = crate::stacks::net();
            let socket = net.bind_udp(any()).unwrap();
            let port = socket.local_addr().unwrap().port();
            let responder = net.spawn(respond(socket, 1));
            let options = BroadcastOptions::new().only([LOCALHOST]).port(port);
            let procedure = Procedure::new(PROGRAM, 1, 1);
            broadcast(&net, procedure, &21u32, &options, |_: u32, _| {
                ControlFlow::Break(())
            })
            .await
            .unwrap();
            responder.abort();
        });
    }

    #[test]
    fn too_long_a_question_is_refused() {
        run(async || {
            let net = crate::stacks::net();
            let blob = fairway_rpc::xdr::Opaque(vec![0; 1400].into());
            let options = BroadcastOptions::new().only([LOCALHOST]);
            let ended = broadcast(&net, Procedure::new(1, 1, 1), &blob, &options, |(), _| {
                ControlFlow::Continue(())
            })
            .await;
            assert!(matches!(ended, Err(CallError::Encode(_))));
        });
    }
}

#[test]
fn simple_functions_answer_procedure_0_and_refuse_others() {
    run(async || {
        let net = crate::stacks::net();
        let server = simple::register(Procedure::new(PROGRAM, 1, 1), |n: u32| async move { n + 1 })
            .register(
                Procedure::new(PROGRAM, 2, 7),
                |(a, b): (u32, u32)| async move { a * b },
            )
            .start(&net)
            .await
            .unwrap();
        let peer = SocketAddr::new(LOCALHOST, server.udp_addr().unwrap().port());
        let client = Client::udp(&net, peer, ClientConfig::new()).await.unwrap();
        let options = CallOptions::new();
        client
            .call::<_, ()>(Procedure::new(PROGRAM, 1, 0), &(), &options)
            .await
            .unwrap();
        let product: u32 = client
            .call(Procedure::new(PROGRAM, 2, 7), &(6u32, 7u32), &options)
            .await
            .unwrap();
        assert_eq!(product, 42);
        let error = client
            .call::<_, ()>(Procedure::new(PROGRAM, 2, 1), &(), &options)
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::ProcUnavail));
        let error = client
            .call::<_, ()>(Procedure::new(PROGRAM, 3, 1), &(), &options)
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::ProgMismatch { low: 1, high: 2 }));
    });
}
