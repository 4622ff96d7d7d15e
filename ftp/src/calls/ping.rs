//! Whether a host is there, by ICMP echo (`ftp-api` §4.5; RFC 792).

use super::Calls;
use fairway_stack::{Family, Instant, IpProtocol, Net, NetError, RawSocket, SendInfo};
use fairway_wire::icmp::Message;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How long a host may be silent.
const LIMIT: Duration = Duration::from_secs(3);
/// The longest echo message in an IPv4 packet.
const LONGEST: usize = 65_535 - 20;

/// Why a ping told nothing, with the classic numbers (`ftp-api` §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// `PINGREPLY`: the host does not answer.
    #[error("no reply")]
    NoReply,
    /// `PINGSOCKET`: no socket; raw ones need a privilege.
    #[error("no raw socket: {0}")]
    Socket(NetError),
    /// `PINGPROTO`: no ICMP here.
    #[error("protocol ICMP unknown")]
    Protocol,
    /// `PINGSEND`: it could not be sent.
    #[error("send failed: {0}")]
    Send(NetError),
    /// `PINGRECV`: receiving failed.
    #[error("receive failed: {0}")]
    Receive(NetError),
    /// `PINGHOST`: the name has no IPv4 address.
    #[error("unknown host: {0}")]
    Host(NetError),
}

impl PingError {
    /// -1, or -3 to -7.
    #[must_use]
    pub const fn number(self) -> i8 {
        match self {
            Self::NoReply => -1,
            Self::Socket(_) => -3,
            Self::Protocol => -4,
            Self::Send(_) => -5,
            Self::Receive(_) => -6,
            Self::Host(_) => -7,
        }
    }

    /// The name of that number.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoReply => "PINGREPLY",
            Self::Socket(_) => "PINGSOCKET",
            Self::Protocol => "PINGPROTO",
            Self::Send(_) => "PINGSEND",
            Self::Receive(_) => "PINGRECV",
            Self::Host(_) => "PINGHOST",
        }
    }
}

impl Calls {
    /// Looks up `host` and pings it (`ftpping`): its address, for [`ping_addr`](Self::ping_addr), and how long the echo
    /// took. `len` as there.
    ///
    /// # Errors
    /// [`PingError`].
    ///
    /// # Cancel safety
    /// Nothing is left.
    pub async fn ping(&self, host: &str, len: usize) -> Result<(Ipv4Addr, Duration), PingError> {
        let net = self.client.net();
        let limit = self.client.limits().resolve;
        let found = net.clock().timeout(limit, net.lookup(host)).await;
        let found = found.unwrap_or(Err(NetError::TryAgain));
        let found = found.map_err(PingError::Host)?;
        let address = found.into_iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        let address = address.ok_or(PingError::Host(NetError::HostNotFound))?;
        Ok((address, self.ping_addr(address, len).await?))
    }

    /// Pings an address (`ping`): how long the echo took; 3 s at most. `len` octets make the ICMP message, its header of 8
    /// among them.
    ///
    /// # Errors
    /// [`PingError`].
    ///
    /// # Cancel safety
    /// Nothing is left.
    pub async fn ping_addr(&self, addr: Ipv4Addr, len: usize) -> Result<Duration, PingError> {
        let net = self.client.net();
        let socket = net.raw_socket(Family::V4, IpProtocol::ICMP);
        let socket = socket.map_err(|error| match error {
            NetError::ProtoNoSupport | NetError::Prototype => PingError::Protocol,
            error => PingError::Socket(error),
        })?;
        let clock = net.clock();
        let echo = echo(&socket, net, addr, len);
        clock
            .timeout(LIMIT, echo)
            .await
            .unwrap_or(Err(PingError::NoReply))
    }
}

async fn echo(
    socket: &RawSocket,
    net: &Net,
    addr: Ipv4Addr,
    len: usize,
) -> Result<Duration, PingError> {
    if len > LONGEST {
        return Err(PingError::Send(NetError::MsgSize));
    }
    let clock = net.clock();
    let mut message = vec![0; len.max(Message::LEN)];
    net.rng().fill(&mut message);
    // What was random at its place becomes the identifier.
    let id = match message.first_chunk::<2>() {
        Some(octets) => u16::from_be_bytes(*octets),
        None => 0,
    };
    Message::EchoRequest { id, seq: 1 }.emit(&mut message);
    let answer = Message::EchoReply { id, seq: 1 };
    let peer = SocketAddr::new(IpAddr::V4(addr), 0);
    let start: Instant = clock.now();
    let sent = socket
        .send_msg(&[IoSlice::new(&message)], &SendInfo::to(peer))
        .await;
    match sent {
        Ok(_) => {}
        // What earlier packets met is the other host's silence, not a fault of sending.
        Err(error) if is_unreachable(&error) => return Err(PingError::NoReply),
        Err(error) => return Err(PingError::Send(error.into())),
    }
    let mut room = vec![0; 65_535];
    loop {
        let received = socket.recv_msg(&mut room).await;
        let (length, info) = match received {
            Ok(received) => received,
            Err(error) if is_unreachable(&error) => return Err(PingError::NoReply),
            Err(error) => return Err(PingError::Receive(error.into())),
        };
        let packet = room.get(..length).unwrap_or_default();
        if info.peer.ip() == peer.ip()
            && let Some(echoed) = behind_header(packet)
            && let Ok((got, data)) = Message::parse(echoed)
            && got == answer
            && Some(data) == message.get(Message::LEN..)
        {
            return Ok(clock.now().saturating_duration_since(start));
        }
    }
}

/// What an IPv4 packet carries.
fn behind_header(packet: &[u8]) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    packet.get(header..)
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::ConnectionRefused
    )
}
