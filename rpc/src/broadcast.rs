//! One call, many answers: asks the portmapper of every host in reach to pass a call on to a program
//! (`clnt_broadcast`; CALLIT of RFC 1833 §3.2, BCAST of §2.2.1).

use std::collections::HashSet;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::{Family, Net, SendInfo, UdpSocket, option};
use fairway_xdr::{DecodeOwned, Decoder, Encode, Encoder};

use crate::auth::{AuthSys, CallHead, ClientAuth};
use crate::bind;
use crate::error::CallError;
use crate::msg::{AcceptStat, CallHeader, Procedure, ReplyHeader, ReplyStat};
use crate::portmapper::{self, Indirect};

/// The group that rpcbind joins on every interface: `ff02::202`, "SunRPC" in the registry of IPv6 groups.
pub const RPCBIND_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x202);

/// The most octets of arguments, rpc-api §2.5: the whole datagram must fit a link.
pub const MAX_REQUEST: usize = 1400;

/// How long and where to ask.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BroadcastOptions {
    /// Times the question is sent. Default 6.
    pub rounds: u32,
    /// How long to listen after the first time. Default 4 s.
    pub first_wait: Duration,
    /// How much longer each time. Default 2 s: 4, 6, 8, 10, 12, 14 s.
    pub longer: Duration,
    /// Tell of an answer that a responder has given before: it answers each time it is asked. Default `false`.
    pub repeats: bool,
    /// Where portmappers listen. Default 111.
    pub port: u16,
    /// Further addresses to ask beside those of the interfaces.
    pub also: Vec<IpAddr>,
    /// Ask every network the machine is on. Default `true`.
    pub interfaces: bool,
    /// The credential sent. Default AUTH_SYS of this process, as the C library does.
    pub auth: Option<Arc<dyn ClientAuth>>,
    /// The most responders kept apart; answers of others are dropped. Default 65 536.
    pub responders: usize,
}

impl Default for BroadcastOptions {
    fn default() -> Self {
        Self {
            rounds: 6,
            first_wait: Duration::from_secs(4),
            longer: Duration::from_secs(2),
            repeats: false,
            port: portmapper::PORT,
            also: Vec::new(),
            interfaces: true,
            auth: None,
            responders: 65_536,
        }
    }
}

impl BroadcastOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With so many rounds, the first listening for `first_wait`, each further one for `longer` more.
    #[must_use]
    pub fn rounds(mut self, rounds: u32, first_wait: Duration, longer: Duration) -> Self {
        self.rounds = rounds;
        self.first_wait = first_wait;
        self.longer = longer;
        self
    }

    /// With portmappers at this port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Asks these addresses only.
    #[must_use]
    pub fn only(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.interfaces = false;
        self.also = addresses.into_iter().collect();
        self
    }

    /// Whether repeated answers are told of.
    #[must_use]
    pub fn repeats(mut self, repeats: bool) -> Self {
        self.repeats = repeats;
        self
    }
}

/// Calls `procedure` on every host in reach and gives each good answer, with the address of the program that gave it,
/// to `each`, until that says stop or the time is over. Error replies are ignored: hosts without the program are silent.
///
/// Portmappers pass calls on only if they are configured to, and over UDP only.
///
/// # Errors
/// [`CallError::TimedOut`] if `each` never said stop, which need not be a failure; [`CallError::Encode`] if the
/// arguments are longer than [`MAX_REQUEST`] allows; [`CallError::Send`] if no question could be sent at all.
///
/// # Cancel safety
/// Dropping it stops asking.
pub async fn broadcast<A, R>(
    net: &Net,
    procedure: Procedure,
    args: &A,
    options: &BroadcastOptions,
    mut each: impl FnMut(R, SocketAddr) -> ControlFlow<()> + Send,
) -> Result<(), CallError>
where
    A: Encode + Sync + ?Sized,
    R: DecodeOwned,
{
    let mut plain = Encoder::with_capacity(args.encoded_len());
    args.encode(&mut plain)?;
    let question = Question::new(net, procedure, plain.into_bytes(), options)?;
    let clock = net.clock();
    let mut heard = HashSet::new();
    let mut wait = options.first_wait;
    let mut octets = [vec![0; 65_535], vec![0; 65_535]];
    for _ in 0..options.rounds {
        question.ask(net, options).await?;
        let end = clock.now() + wait;
        // The time is looked at for each answer: where answers never end, none is waited for.
        while clock.now() < end {
            let Ok(received) = clock.timeout_at(end, question.receive(&mut octets)).await else {
                break;
            };
            let Some((record, peer)) = received else {
                continue;
            };
            let Some((address, results)) = question.answer(&record, peer) else {
                continue;
            };
            if !options.repeats && (heard.len() >= options.responders || !heard.insert(address)) {
                continue;
            }
            let mut d = Decoder::shared(&results);
            let Ok(value) = R::decode(&mut d) else {
                continue;
            };
            if d.finish().is_ok() && each(value, address).is_break() {
                return Ok(());
            }
        }
        wait = wait.saturating_add(options.longer);
    }
    Err(CallError::TimedOut)
}

/// What is asked, and over which sockets.
struct Question {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    /// CALLIT of portmapper version 2, for IPv4.
    old: (u32, Bytes),
    /// BCAST of rpcbind version 3.
    new: (u32, Bytes),
}

/// CALLIT of version 2 and of version 3, BCAST of version 4.
const CALLIT: u32 = 5;

impl Question {
    fn new(
        net: &Net,
        procedure: Procedure,
        args: Bytes,
        options: &BroadcastOptions,
    ) -> Result<Self, CallError> {
        let xid = net.rng().next_u32();
        let auth: Arc<dyn ClientAuth> = match &options.auth {
            Some(auth) => Arc::clone(auth),
            None => Arc::new(AuthSys::current(net)),
        };
        let indirect = Indirect { procedure, args };
        let message = |xid: u32, version: u32| -> Result<Bytes, CallError> {
            let outer = Procedure::new(portmapper::PROGRAM, version, CALLIT);
            let mut e = Encoder::new();
            let (credential, ticket) = auth.credential(&CallHead {
                xid,
                procedure: outer,
            })?;
            CallHeader::put_fixed(xid, outer, &mut e);
            credential.put(&mut e);
            auth.verifier(ticket, &[])?.put(&mut e);
            indirect.encode(&mut e)?;
            if e.len() > MAX_REQUEST {
                let kind = fairway_xdr::EncodeErrorKind::TooLong {
                    length: e.len(),
                    max: 1400,
                };
                return Err(CallError::Encode(fairway_xdr::EncodeError::new(kind)));
            }
            Ok(e.into_bytes())
        };
        let socket = |family: Family| {
            let socket = net.udp_socket(family).ok()?;
            if family == Family::V4 {
                socket.set(option::Broadcast, true).ok()?;
            }
            Some(socket)
        };
        let second = xid.wrapping_add(1);
        Ok(Self {
            v4: socket(Family::V4),
            v6: socket(Family::V6),
            old: (xid, message(xid, 2)?),
            new: (second, message(second, 3)?),
        })
    }

    /// Sends one round of questions.
    async fn ask(&self, net: &Net, options: &BroadcastOptions) -> Result<(), CallError> {
        let mut targets: Vec<(SocketAddr, Option<u32>)> = options
            .also
            .iter()
            .map(|ip| (SocketAddr::new(*ip, options.port), None))
            .collect();
        if options.interfaces {
            for interface in net.interfaces().unwrap_or_default() {
                if !interface.up {
                    continue;
                }
                for address in &interface.addresses {
                    if let Some(all) = address.broadcast {
                        targets.push((SocketAddr::new(all, options.port), None));
                    }
                }
                let v6 = interface.addresses.iter().any(|own| own.address.is_ipv6());
                if v6 && interface.multicast {
                    let group = SocketAddr::new(RPCBIND_GROUP.into(), options.port);
                    targets.push((group, Some(interface.index)));
                }
            }
        }
        let mut sent = false;
        let mut failed = None;
        for (peer, interface) in targets {
            let (socket, questions): (_, &[&Bytes]) = if peer.is_ipv4() {
                (&self.v4, &[&self.old.1, &self.new.1])
            } else {
                (&self.v6, &[&self.new.1])
            };
            let Some(socket) = socket else {
                continue;
            };
            let info = SendInfo {
                interface,
                ..SendInfo::to(peer)
            };
            for question in questions {
                match socket.send_msg(&[IoSlice::new(question)], &info).await {
                    Ok(_) => sent = true,
                    Err(error) => failed = Some(error),
                }
            }
        }
        match failed {
            Some(error) if !sent => Err(CallError::Send(error)),
            _ if sent => Ok(()),
            _ => Err(CallError::Send(
                std::io::ErrorKind::NetworkUnreachable.into(),
            )),
        }
    }

    /// The next datagram; `None` if a socket had an error to tell.
    async fn receive(&self, octets: &mut [Vec<u8>; 2]) -> Option<(Bytes, SocketAddr)> {
        async fn next(
            socket: Option<&UdpSocket>,
            octets: &mut [u8],
        ) -> Option<(Bytes, SocketAddr)> {
            match socket {
                None => std::future::pending().await,
                Some(socket) => {
                    let (length, info) = socket.recv_msg(octets).await.ok()?;
                    let record = octets.get(..length).filter(|_| !info.truncated)?;
                    Some((Bytes::copy_from_slice(record), info.peer))
                }
            }
        }
        let [first, second] = octets;
        tokio::select! { biased;
            received = next(self.v4.as_ref(), first) => received,
            received = next(self.v6.as_ref(), second) => received,
        }
    }

    /// The program's address and its results, if this is a good answer to one of the questions.
    fn answer(&self, record: &Bytes, peer: SocketAddr) -> Option<(SocketAddr, Bytes)> {
        let (header, body) = ReplyHeader::parse(record).ok()?;
        let ReplyStat::Accepted(_, AcceptStat::Success) = header.stat else {
            return None;
        };
        let mut d = Decoder::shared(&body);
        let port = if header.xid == self.old.0 {
            u16::try_from(d.u32().ok()?).ok()?
        } else if header.xid == self.new.0 {
            bind::parse_universal(d.str_ref(256).ok()?)?.port()
        } else {
            return None;
        };
        let results = d.opaque(u32::MAX).ok()?;
        d.finish().ok()?;
        Some((SocketAddr::new(peer.ip(), port), results))
    }
}
