//! A service with every kind of handler, and a client that speaks octets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fairway_rpc::xdr::{self, Encoder, Opaque};
use fairway_rpc::{
    Args, AuthStat, CallContext, CallFuture, CallOptions, Caller, Counters, Limits, Procedure,
    Refusal, Reply, Server, ServerBuilder, Service, ServiceOptions,
};
use fairway_stack::{Net, SendInfo, TcpStream, UdpSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

pub(crate) use crate::stacks::run;

/// The test program; versions 2 and 4 are served.
pub(crate) const PROGRAM: u32 = 0x2000_7777;
pub(crate) const VERSION: u32 = 2;

pub(crate) const NULL: u32 = 0;
pub(crate) const ECHO: u32 = 1;
/// Waits until the test opens the gate, once a call.
pub(crate) const WAIT: u32 = 2;
/// Answers nothing.
pub(crate) const SILENT: u32 = 3;
pub(crate) const PANIC: u32 = 4;
/// Counts, and answers the count: tells whether a call was executed twice.
pub(crate) const COUNT: u32 = 5;
/// Answers as many octets as it is asked for.
pub(crate) const LARGE: u32 = 6;
pub(crate) const REFUSE_AUTH: u32 = 7;
pub(crate) const REFUSE_SYSTEM: u32 = 8;
pub(crate) const REFUSE_DROP: u32 = 9;
/// Answers the address that was asked, as text.
pub(crate) const ASKED: u32 = 10;
/// As `WAIT`, then counts.
pub(crate) const WAIT_COUNT: u32 = 11;
pub(crate) const WAIT_PANIC: u32 = 12;
/// Calls procedure 3 of program 55, version 1, back over the connection with its own arguments, and answers what that answers.
pub(crate) const CALL_BACK: u32 = 13;
/// Answers the uid of an AUTH_SYS caller.
pub(crate) const WHO: u32 = 14;
/// Echoes after having given way to other tasks a few times.
pub(crate) const YIELD: u32 = 15;
/// Panics before there is a future.
pub(crate) const EARLY_PANIC: u32 = 16;

#[derive(Clone)]
pub(crate) struct TestService {
    pub(crate) version: u32,
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) count: Arc<AtomicU32>,
}

impl TestService {
    pub(crate) fn new(version: u32) -> Self {
        Self {
            version,
            gate: Arc::new(Semaphore::new(0)),
            count: Arc::default(),
        }
    }

    async fn handle(
        self,
        cx: CallContext,
        args: Args,
    ) -> Result<fairway_rpc::EncodedReply, Refusal> {
        match cx.procedure() {
            ECHO => cx.reply(Reply::Value(args.decode::<Opaque>()?)),
            WAIT => {
                self.gate
                    .acquire()
                    .await
                    .map_err(|_| Refusal::SystemErr)?
                    .forget();
                cx.reply(Reply::Value(7u32))
            }
            SILENT => Ok(cx.no_reply()),
            PANIC => panic!("the handler panics, as the test wants"),
            WAIT_PANIC => {
                self.gate
                    .acquire()
                    .await
                    .map_err(|_| Refusal::SystemErr)?
                    .forget();
                panic!("the handler panics, as the test wants")
            }
            COUNT => cx.reply(Reply::Value(self.count.fetch_add(1, Ordering::Relaxed))),
            WAIT_COUNT => {
                self.gate
                    .acquire()
                    .await
                    .map_err(|_| Refusal::SystemErr)?
                    .forget();
                cx.reply(Reply::Value(self.count.fetch_add(1, Ordering::Relaxed)))
            }
            LARGE => {
                let length = usize::try_from(args.decode::<u32>()?).unwrap();
                cx.reply(Reply::Value(Opaque(vec![0x55; length].into())))
            }
            REFUSE_AUTH => Err(Refusal::Auth(AuthStat::TOOWEAK)),
            REFUSE_SYSTEM => Err(Refusal::SystemErr),
            REFUSE_DROP => Err(Refusal::Drop),
            ASKED => cx.reply(Reply::Value(xdr::Text(
                cx.local_addr().unwrap().to_string(),
            ))),
            YIELD => {
                let value = args.decode::<u32>()?;
                for _ in 0..value % 5 {
                    tokio::task::yield_now().await;
                }
                cx.reply(Reply::Value(value))
            }
            WHO => match cx.caller() {
                Caller::Sys(sys) => cx.reply(Reply::Value(sys.uid)),
                _ => Err(Refusal::Auth(AuthStat::TOOWEAK)),
            },
            CALL_BACK => {
                let client = cx.callback().ok_or(Refusal::SystemErr)?;
                let procedure = Procedure::new(55, 1, 3);
                let results = client
                    .call_raw(procedure, args.raw(), &CallOptions::new())
                    .await;
                cx.reply_raw(results.map_err(|_| Refusal::SystemErr)?)
            }
            // Procedure 0 is among these: the server answers it all the same.
            _ => Err(Refusal::ProcUnavail),
        }
    }
}

impl Service for TestService {
    fn program(&self) -> u32 {
        PROGRAM
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn procedure_name(&self, procedure: u32) -> Option<&'static str> {
        (procedure == ECHO).then_some("ECHO")
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        assert!(
            cx.procedure() != EARLY_PANIC,
            "the service panics, as the test wants"
        );
        Box::pin(self.clone().handle(cx, args))
    }
}

/// A server with the test program in versions 2 and 4, over TCP and UDP.
pub(crate) struct Fixture {
    pub(crate) net: Net,
    pub(crate) server: Server,
    pub(crate) service: TestService,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn limits(limits: Limits) -> Self {
        Self::with(|builder| builder.limits(limits)).await
    }

    pub(crate) async fn with(build: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let net = crate::stacks::net();
        let service = TestService::new(VERSION);
        let other = TestService {
            version: 4,
            ..service.clone()
        };
        let builder = Server::builder(&net)
            .service(service.clone())
            .service(other)
            .listen_tcp("127.0.0.1:0".parse().unwrap())
            .listen_udp("127.0.0.1:0".parse().unwrap());
        let server = build(builder).start().await.unwrap();
        Self {
            net,
            server,
            service,
        }
    }

    /// The test program with other options, over TCP and UDP.
    pub(crate) async fn options(options: ServiceOptions, limits: Limits) -> Self {
        let net = crate::stacks::net();
        let service = TestService::new(VERSION);
        let server = Server::builder(&net)
            .service_with(service.clone(), options)
            .limits(limits)
            .listen_tcp("127.0.0.1:0".parse().unwrap())
            .listen_udp("127.0.0.1:0".parse().unwrap())
            .start()
            .await
            .unwrap();
        Self {
            net,
            server,
            service,
        }
    }

    pub(crate) async fn connect(&self) -> Peer {
        Peer {
            stream: self
                .net
                .connect_tcp(self.server.tcp_addr().unwrap())
                .await
                .unwrap(),
        }
    }

    pub(crate) async fn datagrams(&self) -> DatagramPeer {
        let socket = self.net.bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
        DatagramPeer {
            socket,
            server: self.server.udp_addr().unwrap(),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.server.counters()
    }

    /// Lets other tasks run until the counters say so.
    pub(crate) async fn until(&self, what: impl Fn(&Counters) -> bool) -> Counters {
        loop {
            let counters = self.counters();
            if what(&counters) {
                return counters;
            }
            self.net.clock().sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A client's end of a TCP connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    pub(crate) async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next record, which must be one fragment; nothing at the end of the stream.
    pub(crate) async fn record(&mut self) -> Option<Vec<u8>> {
        let mut mark = [0; 4];
        match self.stream.read_exact(&mut mark).await {
            Ok(_) => {}
            Err(_) => return None,
        }
        assert_eq!(mark[0] & 0x80, 0x80, "one fragment");
        let length = u32::from_be_bytes(mark) & 0x7fff_ffff;
        let mut record = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut record).await.unwrap();
        Some(record)
    }

    /// Sends a message as a record and waits for the reply.
    pub(crate) async fn ask(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        self.send(&record(message)).await;
        self.record().await
    }
}

/// A client's UDP socket.
pub(crate) struct DatagramPeer {
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
}

impl DatagramPeer {
    pub(crate) async fn send(&self, message: &[u8]) {
        self.socket
            .send_msg(
                &[std::io::IoSlice::new(message)],
                &SendInfo::to(self.server),
            )
            .await
            .unwrap();
    }

    pub(crate) async fn receive(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_535];
        let (length, info) = self.socket.recv_msg(&mut buffer).await.unwrap();
        assert_eq!(
            info.peer, self.server,
            "replies leave from the address that was asked"
        );
        buffer.truncate(length);
        buffer
    }

    pub(crate) async fn ask(&self, message: &[u8]) -> Vec<u8> {
        self.send(message).await;
        self.receive().await
    }
}

/// A message as a record of one fragment.
pub(crate) fn record(message: &[u8]) -> Vec<u8> {
    fragment(true, message)
}

pub(crate) fn fragment(last: bool, octets: &[u8]) -> Vec<u8> {
    let mark = u32::try_from(octets.len()).unwrap() | if last { 0x8000_0000 } else { 0 };
    [&mark.to_be_bytes()[..], octets].concat()
}

/// Words, most significant octet first.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A call with AUTH_NONE.
pub(crate) fn call(xid: u32, procedure: u32, args: &[u8]) -> Vec<u8> {
    call_of(xid, PROGRAM, VERSION, procedure, args)
}

pub(crate) fn call_of(
    xid: u32,
    program: u32,
    version: u32,
    procedure: u32,
    args: &[u8],
) -> Vec<u8> {
    [
        words(&[xid, 0, 2, program, version, procedure, 0, 0, 0, 0]),
        args.to_vec(),
    ]
    .concat()
}

/// A successful reply with an empty verifier.
pub(crate) fn success(xid: u32, results: &[u8]) -> Vec<u8> {
    [words(&[xid, 1, 0, 0, 0, 0]), results.to_vec()].concat()
}

/// A reply that says SYSTEM_ERR, with an empty verifier (RFC 5531 §9).
pub(crate) fn system_err(xid: u32) -> Vec<u8> {
    words(&[xid, 1, 0, 0, 0, 5])
}

/// Octets as XDR opaque data.
pub(crate) fn opaque(octets: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.opaque(octets, u32::MAX).unwrap();
    encoder.into_vec()
}
