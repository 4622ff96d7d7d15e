//! A script against Fairway's own engine: its time is a number, so a script of minutes takes milliseconds and comes out
//! the same every time.

mod options;
mod setup;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use fairway_native::sock::Interest;
use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown};
use fairway_native::{Departure, Errno, InterfaceId, PacketBuf, SocketId, Stack};
use fairway_wire::Instant;

use super::ast::{Address, Call, Direction, Host, Kind, Settings, Side, SocketOption};
use super::executor::{Executor, Failure, Step, Value};

/// How many deadlines the engine may have at one moment before the runner calls it stuck.
const STUCK: u32 = 100_000;

/// The engine, with a point-to-point interface that the script is the other end of.
#[derive(Debug)]
pub struct Native {
    stack: Stack,
    interface: InterfaceId,
    now: Instant,
    /// Packets that the engine sent and no step has told of.
    sent: VecDeque<(Instant, Vec<u8>)>,
    sockets: BTreeMap<u32, (Kind, SocketId)>,
    /// Sockets whose close has begun and waits.
    lingering: BTreeSet<u32>,
    local_ip: Ipv4Addr,
    remote_ip: Ipv4Addr,
    /// Deadlines met at this moment.
    idle: u32,
}

const DONE: Result<Value, Failure> = Ok(Value::Number(0));

fn number(value: impl TryInto<i64>) -> Result<Value, Failure> {
    Ok(Value::Number(value.try_into().unwrap_or(i64::MAX)))
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Error(name(errno).into())
    }
}

/// The name of an error on Linux.
fn name(errno: Errno) -> &'static str {
    match errno {
        Errno::Perm => "EPERM",
        Errno::NoEnt => "ENOENT",
        Errno::NxIo => "ENXIO",
        Errno::Srch => "ESRCH",
        Errno::Intr => "EINTR",
        Errno::Access => "EACCES",
        Errno::Exist => "EEXIST",
        Errno::NoDev => "ENODEV",
        Errno::Inval => "EINVAL",
        Errno::TooManyFiles => "EMFILE",
        Errno::Pipe => "EPIPE",
        Errno::WouldBlock => "EAGAIN",
        Errno::InProgress => "EINPROGRESS",
        Errno::Already => "EALREADY",
        Errno::NotSock => "ENOTSOCK",
        Errno::DestAddrReq => "EDESTADDRREQ",
        Errno::MsgSize => "EMSGSIZE",
        Errno::NoProtoOpt => "ENOPROTOOPT",
        Errno::ProtoNoSupport => "EPROTONOSUPPORT",
        Errno::OpNotSupp => "EOPNOTSUPP",
        Errno::AfNoSupport => "EAFNOSUPPORT",
        Errno::AddrInUse => "EADDRINUSE",
        Errno::AddrNotAvail => "EADDRNOTAVAIL",
        Errno::NetDown => "ENETDOWN",
        Errno::NetUnreach => "ENETUNREACH",
        Errno::ConnAborted => "ECONNABORTED",
        Errno::ConnReset => "ECONNRESET",
        Errno::NoBufs => "ENOBUFS",
        Errno::IsConn => "EISCONN",
        Errno::NotConn => "ENOTCONN",
        Errno::TimedOut => "ETIMEDOUT",
        Errno::ConnRefused => "ECONNREFUSED",
        Errno::NameTooLong => "ENAMETOOLONG",
        Errno::HostDown => "EHOSTDOWN",
        Errno::HostUnreach => "EHOSTUNREACH",
        Errno::ProtoType => "EPROTOTYPE",
        _ => "an error without a name here",
    }
}

impl Native {
    /// A host as the script's settings want it.
    ///
    /// # Errors
    /// When a setting means nothing to the engine.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let (stack, interface) = setup::host(settings)?;
        Ok(Self {
            stack,
            interface,
            now: Instant::ZERO,
            sent: VecDeque::new(),
            sockets: BTreeMap::new(),
            lingering: BTreeSet::new(),
            local_ip: settings.local_ip,
            remote_ip: settings.remote_ip,
            idle: 0,
        })
    }

    /// Takes what the engine has to send.
    fn drain(&mut self) {
        while let Some(id) = self.stack.output_pending() {
            while let Some(frame) = self.stack.poll_frame(self.now, id) {
                if id == self.interface {
                    self.sent.push_back((self.now, frame.as_slice().to_vec()));
                }
            }
        }
    }

    fn socket(&self, socket: u32) -> Result<(Kind, SocketId), Failure> {
        self.sockets
            .get(&socket)
            .copied()
            .ok_or_else(|| Failure::Broken(format!("no socket {socket}")))
    }

    fn address(&self, address: Address) -> SocketAddrV4 {
        let ip = match address.host {
            Host::Local => self.local_ip,
            Host::Remote => self.remote_ip,
            Host::Any => Ipv4Addr::UNSPECIFIED,
            Host::Ip(ip) => ip,
        };
        SocketAddrV4::new(ip, address.port)
    }

    fn name(&mut self, named: Option<u32>, kind: Kind, id: SocketId) -> Result<Value, Failure> {
        if let Some(name) = named {
            self.sockets.insert(name, (kind, id));
        }
        DONE
    }

    fn make(&mut self, call: &Call, data: &[u8], named: Option<u32>) -> Result<Value, Failure> {
        let now = self.now;
        let Some(socket) = call.socket() else {
            let Call::Socket { kind, .. } = call else {
                return Err(Failure::Broken("a call without a socket".into()));
            };
            let id = match kind {
                Kind::Tcp => self.stack.tcp_socket(now)?,
                Kind::Udp => self.stack.udp_socket()?,
            };
            return self.name(named, *kind, id);
        };
        let (kind, id) = self.socket(socket)?;
        match call {
            Call::Socket { .. } => DONE,
            Call::Accept { .. } => {
                let (new, _peer) = self.stack.accept(now, id)?;
                self.name(named, Kind::Tcp, new)
            }
            Call::Bind(_, to) => {
                self.stack.bind(now, id, self.address(*to))?;
                DONE
            }
            Call::Connect(_, to) => {
                self.stack.connect(now, id, self.address(*to))?;
                DONE
            }
            Call::Listen(_, backlog) => {
                self.stack.listen(now, id, u32::from(*backlog))?;
                DONE
            }
            Call::Receive { room, flags, .. } => {
                let mut buffer = vec![0; *room];
                let len = if kind == Kind::Tcp {
                    let flags = RecvFlags {
                        peek: flags.peek,
                        oob: flags.oob,
                        wait_all: false,
                    };
                    let bufs = &mut [IoSliceMut::new(&mut buffer)];
                    self.stack.tcp_recv(now, id, bufs, flags)?
                } else {
                    self.stack.recv_msg(id, &mut buffer, flags.peek)?.0
                };
                buffer.truncate(len);
                Ok(Value::Octets(buffer))
            }
            Call::Send { flags, to, .. } => {
                let bufs = [IoSlice::new(data)];
                if kind == Kind::Tcp {
                    let flags = SendFlags {
                        oob: flags.oob,
                        more: flags.more,
                        ..SendFlags::default()
                    };
                    return number(self.stack.tcp_send(now, id, &bufs, flags)?);
                }
                let departure = Departure {
                    peer: to.map(|to| self.address(to)),
                    ..Departure::default()
                };
                number(self.stack.send_msg(now, id, &bufs, &departure)?)
            }
            Call::Shutdown(_, direction) => {
                let how = match direction {
                    Direction::Read => Shutdown::Read,
                    Direction::Write => Shutdown::Write,
                    Direction::Both => Shutdown::Both,
                };
                self.stack.shutdown(now, id, how)?;
                DONE
            }
            Call::Close(_) => self.close(socket, id),
            Call::SetOption(_, option, values) => {
                options::set(&mut self.stack, now, (kind, id), *option, values)
            }
            Call::GetOption(_, SocketOption::Error) => match self.stack.take_error(id)? {
                None => DONE,
                Some(errno) => Ok(Value::Words(vec![name(errno).into()])),
            },
            Call::GetOption(_, option) => options::get(&self.stack, (kind, id), *option),
            Call::Poll(_) => self.ready(kind, id),
            Call::Queued(_) => number(self.stack.readable_octets(id)?),
        }
    }

    /// Closes; a close that lingers is asked about again.
    fn close(&mut self, socket: u32, id: SocketId) -> Result<Value, Failure> {
        let lingers = if self.lingering.contains(&socket) {
            !self.stack.readiness(id)?.closed
        } else {
            !self.stack.begin_close(self.now, id)?
        };
        if lingers {
            self.lingering.insert(socket);
            return Err(Errno::WouldBlock.into());
        }
        if self.lingering.remove(&socket) {
            self.stack.close(self.now, id)?;
        }
        self.sockets.remove(&socket);
        DONE
    }

    fn ready(&self, kind: Kind, id: SocketId) -> Result<Value, Failure> {
        let ready = self.stack.readiness(id)?;
        let stream = kind == Kind::Tcp;
        let names = [
            ("POLLERR", ready.error),
            ("POLLHUP", ready.closed && stream),
            (
                "POLLIN",
                ready.read || stream && ready.satisfies(Interest::Read),
            ),
            (
                "POLLOUT",
                ready.write || stream && ready.satisfies(Interest::Write),
            ),
            ("POLLPRI", ready.urgent),
        ];
        let words = names
            .iter()
            .filter(|(_, is)| *is)
            .map(|(name, _)| (*name).to_owned())
            .collect();
        Ok(Value::Words(words))
    }
}

impl Executor for Native {
    fn side(&self) -> Side {
        Side::Native
    }

    fn now(&self) -> Duration {
        self.now.since_start()
    }

    fn step(&mut self, until: Duration, _watch: bool) -> Result<Step, String> {
        self.drain();
        if let Some((at, packet)) = self.sent.pop_front() {
            return Ok(Step::Packet(at.since_start(), packet));
        }
        let until = Instant::ZERO + until;
        match self.stack.poll_timeout() {
            Some(due) if due <= until => {
                self.idle = if due > self.now { 0 } else { self.idle + 1 };
                if self.idle > STUCK {
                    return Err(format!(
                        "the engine's deadline at {due} is met again and again"
                    ));
                }
                self.now = self.now.max(due);
                self.stack.handle_timeout(self.now);
                Ok(Step::Changed)
            }
            _ => {
                self.now = self.now.max(until);
                Ok(Step::Reached)
            }
        }
    }

    fn inject(&mut self, packet: &[u8]) -> Result<(), String> {
        self.stack
            .handle_frame(self.now, self.interface, PacketBuf::from_slice(packet));
        self.drain();
        Ok(())
    }

    fn call(&mut self, call: &Call, data: &[u8], named: Option<u32>) -> Result<Value, Failure> {
        let result = self.make(call, data, named);
        self.drain();
        result
    }

    fn tcp_info(&mut self, socket: u32) -> Result<BTreeMap<&'static str, u64>, String> {
        let Ok((_, id)) = self.socket(socket) else {
            return Err(format!("no socket {socket}"));
        };
        let info = self.stack.tcp_info(id).map_err(|errno| errno.to_string())?;
        Ok(options::info(&info))
    }

    fn counter(&mut self, name: &str) -> Result<u64, String> {
        Err(format!(
            "the engine's counters are its events: expect event {name}"
        ))
    }

    fn event(&mut self, name: &str) -> Result<u64, String> {
        setup::event(&self.stack, name)
    }

    /// Virtual time is exact; what is left is rounding of the engine's own timers.
    fn tolerance(&self, _wait: Duration) -> Duration {
        Duration::from_millis(1)
    }
}
