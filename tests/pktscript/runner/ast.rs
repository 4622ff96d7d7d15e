//! A script as written: headers, then timed statements. Numbers are the script's own (relative sequence numbers,
//! socket numbers it chose); what they are on the wire is the business of `flow.rs`.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::segment::Flags;

/// One script file.
#[derive(Clone, Debug)]
pub struct Script {
    /// Where it came from; only for messages.
    pub path: PathBuf,
    /// The settings before the first statement.
    pub settings: Settings,
    /// The statements in the order they are carried out.
    pub statements: Vec<Statement>,
}

/// What can run a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Fairway's own engine, in virtual time.
    Native,
    /// The kernel of a Linux machine, through a TUN device.
    Linux,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Linux => "linux",
        })
    }
}

/// The header lines of a script, `--name=value`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The only side this script can run on, with the reason (`--native-only=…`, `--linux-only=…`).
    pub only: Option<(Side, String)>,
    /// Octets of the largest IP packet of the interface (`--mtu`, 576..=65535).
    pub mtu: u16,
    /// Address of the stack under test (`--local-ip`).
    pub local_ip: Ipv4Addr,
    /// Address of the scripted peer (`--remote-ip`).
    pub remote_ip: Ipv4Addr,
    /// Port of the stack under test where a statement names none (`--local-port`).
    pub local_port: u16,
    /// Port of the scripted peer where a statement names none (`--remote-port`).
    pub remote_port: u16,
    /// What the wire carries where the script says 0 for the peer's sequence number (`--remote-isn`).
    pub remote_isn: u32,
    /// Congestion control of every TCP socket: `reno` or `cubic` (`--congestion`).
    pub congestion: String,
    /// Knobs of the stack, by the names of the reference card (`--set=name=value`).
    pub knobs: Vec<(String, i64)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            only: None,
            mtu: 1500,
            local_ip: Ipv4Addr::new(192, 0, 2, 1),
            remote_ip: Ipv4Addr::new(192, 0, 2, 2),
            local_port: 8080,
            remote_port: 40_000,
            remote_isn: 1_000_000,
            congestion: "reno".into(),
            knobs: Vec::new(),
        }
    }
}

/// One timed line.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Line in the file, from 1.
    pub line: usize,
    /// The line as written, for messages.
    pub text: String,
    /// Carried out on this side only (`native:`, `linux:`).
    pub only: Option<Side>,
    /// When it happens.
    pub when: When,
    /// When the call returns, where that is later (`+0...+0.2`).
    pub returns: Option<Moment>,
    /// What happens.
    pub action: Action,
}

/// When a statement happens, or has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At a moment.
    At(Moment),
    /// Not before the first, not after the second (`+0.2~+0.3`).
    Between(Moment, Moment),
    /// Whenever it happens (`*`).
    Any,
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long after the statement before (`+0.1`).
    After(Duration),
    /// So long after the start of the script (`0.1`).
    Absolute(Duration),
}

/// What a statement does.
#[derive(Clone, Debug)]
pub enum Action {
    /// A socket call and what it has to return.
    Call(Call, Outcome),
    /// The peer sends this packet (`<`).
    Inject(Packet),
    /// The stack has to send this packet (`>`).
    Expect(Packet),
    /// The stack must have sent nothing that has not been expected yet (`quiet`).
    Quiet,
    /// A number of the stack has to be so (`expect`).
    Assert(Assertion),
}

/// A socket, by the number the script gave it.
pub type Socket = u32;

/// A socket call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `socket(tcp)`, `socket(udp, nonblock)`; its outcome *names* the socket.
    Socket {
        /// TCP or UDP.
        kind: Kind,
        /// Whether calls that would wait fail instead.
        nonblocking: bool,
    },
    /// `bind(3, local:8080)`.
    Bind(Socket, Address),
    /// `listen(3, 5)`.
    Listen(Socket, u16),
    /// `connect(3, remote:8080)`.
    Connect(Socket, Address),
    /// `accept(3)`, `accept(3, nonblock)`; its outcome names the new socket.
    Accept {
        /// The listener.
        socket: Socket,
        /// Whether calls on the new socket that would wait fail instead.
        nonblocking: bool,
    },
    /// `read(4, 100)`, `recv(4, 100, MSG_PEEK)`.
    Receive {
        /// The socket.
        socket: Socket,
        /// Octets of room.
        room: usize,
        /// What to do.
        flags: MessageFlags,
    },
    /// `write(4, 1000)`, `write(4, "GET /")`, `send(4, 1, MSG_OOB)`, `sendto(3, 100, remote:53)`.
    Send {
        /// The socket.
        socket: Socket,
        /// What to send.
        data: Data,
        /// How.
        flags: MessageFlags,
        /// To whom, if the socket is not connected.
        to: Option<Address>,
    },
    /// `shutdown(4, SHUT_WR)`.
    Shutdown(Socket, Direction),
    /// `close(4)`.
    Close(Socket),
    /// `setsockopt(4, TCP_NODELAY, 1)`.
    SetOption(Socket, SocketOption, Vec<i64>),
    /// `getsockopt(4, SO_ERROR)`.
    GetOption(Socket, SocketOption),
    /// `poll(4)`: what the socket is ready for.
    Poll(Socket),
    /// `queued(4)`: octets that can be read at once (FIONREAD).
    Queued(Socket),
}

impl Call {
    /// The socket it is made on; none for `socket`.
    #[must_use]
    pub fn socket(&self) -> Option<Socket> {
        match self {
            Self::Socket { .. } => None,
            Self::Bind(socket, _)
            | Self::Listen(socket, _)
            | Self::Connect(socket, _)
            | Self::Accept { socket, .. }
            | Self::Receive { socket, .. }
            | Self::Send { socket, .. }
            | Self::Shutdown(socket, _)
            | Self::Close(socket)
            | Self::SetOption(socket, _, _)
            | Self::GetOption(socket, _)
            | Self::Poll(socket)
            | Self::Queued(socket) => Some(*socket),
        }
    }
}

/// The protocol of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A byte stream.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Where to bind, connect or send: `local:80`, `remote:80`, `any:80`, `192.0.2.9:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which host.
    pub host: Host,
    /// Which port.
    pub port: u16,
}

/// The host part of an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The stack under test.
    Local,
    /// The scripted peer.
    Remote,
    /// The unspecified address.
    Any,
    /// This one.
    Ip(Ipv4Addr),
}

/// Octets to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// So many octets of the stream's pattern.
    Pattern(usize),
    /// These.
    Text(Vec<u8>),
}

/// Flags of one send or receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of flags")]
pub struct MessageFlags {
    /// `MSG_OOB`
    pub oob: bool,
    /// `MSG_PEEK`
    pub peek: bool,
    /// `MSG_DONTWAIT`
    pub dont_wait: bool,
    /// `MSG_WAITALL`
    pub wait_all: bool,
    /// `MSG_MORE`
    pub more: bool,
}

/// What `shutdown` closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `SHUT_RD`
    Read,
    /// `SHUT_WR`
    Write,
    /// `SHUT_RDWR`
    Both,
}

/// A socket option both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names of the socket interface, see the reference card"
)]
pub enum SocketOption {
    Error,
    KeepAlive,
    Linger,
    OobInline,
    ReceiveBuffer,
    ReuseAddress,
    SendBuffer,
    ReceiveLowWater,
    Broadcast,
    TypeOfService,
    TimeToLive,
    MtuDiscover,
    Mtu,
    NoDelay,
    MaxSegment,
    Cork,
    KeepIdle,
    KeepInterval,
    KeepCount,
    UserTimeout,
    QuickAck,
    Congestion,
}

/// What a call has to return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A number (`= 100`); for `socket` and `accept` the name of the new socket.
    Number(i64),
    /// An error (`= -1 ECONNRESET`), by its name.
    Error(String),
    /// These octets (`= "abc"`).
    Text(Vec<u8>),
    /// These words (`= POLLIN|POLLOUT`, `= ECONNREFUSED` of `SO_ERROR`), sorted.
    Words(Vec<String>),
    /// Anything (`= *`).
    Any,
}

/// A packet to send or to expect.
#[derive(Clone, Debug, Default)]
pub struct Packet {
    /// Address of the peer, if not the usual one.
    pub remote_ip: Option<Ipv4Addr>,
    /// Port of the peer, if not the usual one.
    pub remote_port: Option<u16>,
    /// Port of the stack, if not the usual one.
    pub local_port: Option<u16>,
    /// What is said of the IP header.
    pub ip: Ip,
    /// What it carries.
    pub body: Body,
    /// Sent with a wrong transport checksum (`badsum`).
    pub damaged: bool,
}

/// What a script says of the IP header: `ip(ttl 1, tos 0x10, df, id 7, fragment 0..1480)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ip {
    /// Type of service octet; `ect0`, `ect1`, `ce` set its low bits.
    pub tos: Option<u8>,
    /// Time to live.
    pub ttl: Option<u8>,
    /// Identification.
    pub id: Option<u16>,
    /// Don't fragment: `df` or `no-df`.
    pub dont_fragment: Option<bool>,
    /// Only these octets of the payload are in this packet.
    pub fragment: Option<(u16, u16)>,
    /// Options, without padding.
    pub options: Option<Vec<u8>>,
    /// Sent with a wrong header checksum (`badsum`).
    pub damaged: bool,
}

/// What an IP packet carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// A segment.
    Tcp(Segment),
    /// A datagram of so many octets of data.
    Udp(usize),
    /// A control message.
    Icmp(Icmp),
    /// So many octets of a protocol by its number.
    Other(u8, usize),
    /// No packet but these octets, to send only.
    Raw(Vec<u8>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Udp(0)
    }
}

/// A TCP segment, `P. 1:101(100) ack 1 win 1000 urg 3 <nop,nop,TS val 1 ecr 0>`.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    /// The control bits that have to be set.
    pub flags: Flags,
    /// PSH may be set or not (a small `p`).
    pub push_optional: bool,
    /// First sequence number; `None` is any (`*`).
    pub seq: Option<u32>,
    /// Octets of data; `None` is any.
    pub len: Option<usize>,
    /// Acknowledgement number; `None` is any.
    pub ack: Option<u32>,
    /// Window field; `None` is any.
    pub window: Option<Bounds>,
    /// Urgent pointer; `None` is 0.
    pub urgent: Option<u16>,
    /// Options; `None` is any (`<...>`).
    pub options: Option<Vec<TcpOption>>,
}

/// A TCP option as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// `eol`
    End,
    /// `nop`
    Nop,
    /// `mss 1460`
    Mss(u16),
    /// `wscale 7`; `None` is any
    WindowScale(Option<u8>),
    /// `sackOK`
    SackPermitted,
    /// `sack 1:1001 3001:4001`
    Sack(Vec<(u32, u32)>),
    /// `TS val 1 ecr 2`; `None` is any
    Timestamps(Option<u32>, Option<u32>),
    /// `opt 253 f989`: kind and content
    Other(u8, Vec<u8>),
}

/// An ICMP message.
#[derive(Clone, Debug)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Octets 4 to 7: identifier and number of an echo, next hop's MTU, pointer.
    pub rest: Option<u32>,
    /// What follows.
    pub content: IcmpContent,
}

/// What follows the first eight octets of an ICMP message.
#[derive(Clone, Debug)]
pub enum IcmpContent {
    /// The head of a packet that caused an error.
    Quote(Box<Packet>),
    /// So many octets of an echo.
    Data(usize),
}

/// `expect tcp_info(4).cwnd = 10`
#[derive(Clone, Debug)]
pub struct Assertion {
    /// What is asked.
    pub subject: Subject,
    /// What it has to be.
    pub bounds: Bounds,
}

/// What an assertion looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A field of a connection's `TCP_INFO`.
    TcpInfo(Socket, String),
    /// How much a counter has grown since the script began.
    Counter(String),
    /// How often an event has been raised since the script began.
    Event(String),
}

/// Inclusive bounds of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl Bounds {
    /// Whether `value` is within.
    #[must_use]
    pub fn hold(self, value: u64) -> bool {
        (self.least..=self.most).contains(&value)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.least == self.most {
            write!(f, "{}", self.least)
        } else if self.most == u64::MAX {
            write!(f, ">= {}", self.least)
        } else {
            write!(f, "{}~{}", self.least, self.most)
        }
    }
}
