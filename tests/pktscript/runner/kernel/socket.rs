//! The calls of a script as system calls. Every socket is non-blocking; who waits is the runner.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd as _;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, ip_mtu, set_ip_mtu_discover, set_tcp_keepcnt, set_tcp_keepidle,
    set_tcp_keepintvl,
};
use socket2::{Domain, Socket, Type};

use super::super::ast::{
    Address, Call, Direction, Host, Kind, MessageFlags, Settings, SocketOption,
};
use super::super::executor::{Failure, Value};

/// The sockets of a script by their numbers there.
pub(super) struct Sockets {
    sockets: BTreeMap<u32, Socket>,
    /// Closes that linger, each on a thread of its own.
    closing: BTreeMap<u32, JoinHandle<()>>,
    local_ip: Ipv4Addr,
    remote_ip: Ipv4Addr,
    congestion: String,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Errno::from_raw(number).into(),
            None => Self::Broken(error.to_string()),
        }
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Error(format!("{error:?}"))
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Self {
        Errno::from_raw(error.raw_os_error()).into()
    }
}

const DONE: Result<Value, Failure> = Ok(Value::Number(0));

fn number(value: impl TryInto<i64>) -> Result<Value, Failure> {
    Ok(Value::Number(value.try_into().unwrap_or(i64::MAX)))
}

impl Sockets {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            sockets: BTreeMap::new(),
            closing: BTreeMap::new(),
            local_ip: settings.local_ip,
            remote_ip: settings.remote_ip,
            congestion: settings.congestion.clone(),
        }
    }

    /// Both ends of a connection.
    pub(super) fn ends(&self, socket: u32) -> Result<(SocketAddrV4, SocketAddrV4), String> {
        let end = |address: io::Result<socket2::SockAddr>| {
            let address = address.map_err(|error| error.to_string())?;
            address
                .as_socket_ipv4()
                .ok_or_else(|| "no IPv4 address".to_owned())
        };
        let socket = self.sockets.get(&socket).ok_or("no such socket")?;
        Ok((end(socket.local_addr())?, end(socket.peer_addr())?))
    }

    pub(super) fn call(
        &mut self,
        call: &Call,
        data: &[u8],
        named: Option<u32>,
    ) -> Result<Value, Failure> {
        match call {
            Call::Socket { kind, .. } => {
                let socket = self.open(*kind)?;
                self.name(named, socket)
            }
            Call::Accept { socket, .. } => {
                let (new, _) = self.get(*socket)?.accept()?;
                new.set_nonblocking(true)?;
                self.name(named, new)
            }
            Call::Close(socket) => self.close(*socket),
            Call::Bind(socket, to) => {
                let address = self.address(*to);
                self.get(*socket)?.bind(&address.into())?;
                DONE
            }
            Call::Connect(socket, to) => {
                let address = self.address(*to);
                self.get(*socket)?.connect(&address.into())?;
                DONE
            }
            Call::Listen(socket, backlog) => {
                self.get(*socket)?.listen(i32::from(*backlog))?;
                DONE
            }
            Call::Receive {
                socket,
                room,
                flags,
            } => {
                let mut buffer = vec![0; *room];
                let fd = self.get(*socket)?.as_raw_fd();
                let len = recv(fd, &mut buffer, message_flags(*flags))?;
                buffer.truncate(len);
                Ok(Value::Octets(buffer))
            }
            Call::Send {
                socket,
                flags,
                to: None,
                ..
            } => {
                let flags = message_flags(*flags) | MsgFlags::MSG_NOSIGNAL;
                let fd = self.get(*socket)?.as_raw_fd();
                number(send(fd, data, flags)?)
            }
            Call::Send {
                socket,
                to: Some(to),
                ..
            } => {
                let address = self.address(*to);
                number(self.get(*socket)?.send_to(data, &address.into())?)
            }
            Call::Shutdown(socket, direction) => {
                self.get(*socket)?.shutdown(match direction {
                    Direction::Read => std::net::Shutdown::Read,
                    Direction::Write => std::net::Shutdown::Write,
                    Direction::Both => std::net::Shutdown::Both,
                })?;
                DONE
            }
            Call::SetOption(socket, option, values) => set(self.get(*socket)?, *option, values),
            Call::GetOption(socket, option) => get(self.get(*socket)?, *option),
            Call::Poll(socket) => ready(self.get(*socket)?),
            Call::Queued(socket) => number(rustix::io::ioctl_fionread(self.get(*socket)?)?),
        }
    }

    fn get(&self, socket: u32) -> Result<&Socket, Failure> {
        self.sockets
            .get(&socket)
            .ok_or_else(|| Failure::Broken(format!("no socket {socket}")))
    }

    fn open(&self, kind: Kind) -> Result<Socket, Failure> {
        let kind_of_socket = match kind {
            Kind::Tcp => Type::STREAM,
            Kind::Udp => Type::DGRAM,
        };
        let socket = Socket::new(Domain::IPV4, kind_of_socket, None)?;
        socket.set_nonblocking(true)?;
        if kind == Kind::Tcp {
            // By the socket: a namespace may not set what its machine does not allow everybody.
            socket.set_tcp_congestion(self.congestion.as_bytes())?;
        }
        Ok(socket)
    }

    fn name(&mut self, named: Option<u32>, socket: Socket) -> Result<Value, Failure> {
        if let Some(name) = named {
            self.sockets.insert(name, socket);
        }
        DONE
    }

    fn address(&self, address: Address) -> SocketAddr {
        let ip = match address.host {
            Host::Local => self.local_ip,
            Host::Remote => self.remote_ip,
            Host::Any => Ipv4Addr::UNSPECIFIED,
            Host::Ip(ip) => ip,
        };
        SocketAddr::from((ip, address.port))
    }

    /// Closes; a close that lingers is left to a thread and asked about again.
    fn close(&mut self, socket: u32) -> Result<Value, Failure> {
        if let Some(thread) = self.closing.get(&socket) {
            if !thread.is_finished() {
                return Err(Errno::EAGAIN.into());
            }
            self.closing.remove(&socket);
            return DONE;
        }
        let closed = self
            .sockets
            .remove(&socket)
            .ok_or_else(|| Failure::Broken(format!("no socket {socket}")))?;
        if closed.linger()?.is_none_or(|linger| linger.is_zero()) {
            drop(closed);
            return DONE;
        }
        let thread = std::thread::spawn(move || drop(closed));
        self.closing.insert(socket, thread);
        Err(Errno::EAGAIN.into())
    }
}

fn message_flags(flags: MessageFlags) -> MsgFlags {
    let pairs = [
        (flags.oob, MsgFlags::MSG_OOB),
        (flags.peek, MsgFlags::MSG_PEEK),
        (flags.dont_wait, MsgFlags::MSG_DONTWAIT),
        (flags.wait_all, MsgFlags::MSG_WAITALL),
        (flags.more, MsgFlags::from_bits_retain(0x8000)),
    ];
    pairs
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .fold(MsgFlags::empty(), |all, (_, flag)| all | flag)
}

/// What `poll` says of a socket.
fn ready(socket: &Socket) -> Result<Value, Failure> {
    let names = [
        ("POLLERR", PollFlags::ERR),
        ("POLLHUP", PollFlags::HUP),
        ("POLLIN", PollFlags::IN),
        ("POLLOUT", PollFlags::OUT),
        ("POLLPRI", PollFlags::PRI),
    ];
    let asked = names
        .iter()
        .fold(PollFlags::empty(), |all, (_, flag)| all | *flag);
    let mut fds = [PollFd::new(socket, asked)];
    poll(&mut fds, Some(&Timespec::default()))?;
    let [fd] = fds;
    let words = names
        .iter()
        .filter(|(_, flag)| fd.revents().contains(*flag))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    Ok(Value::Words(words))
}

fn set(socket: &Socket, option: SocketOption, values: &[i64]) -> Result<Value, Failure> {
    let value = values.first().copied().unwrap_or(0);
    let on = value != 0;
    let broken = || Failure::Broken(format!("{value} is no value for {option:?}"));
    let word = || u32::try_from(value).map_err(|_| broken());
    let size = || usize::try_from(value).map_err(|_| broken());
    let seconds = || {
        u64::try_from(value)
            .map(Duration::from_secs)
            .map_err(|_| broken())
    };
    match option {
        SocketOption::KeepAlive => socket.set_keepalive(on)?,
        SocketOption::Linger => {
            let time = values.get(1).copied().unwrap_or(0);
            let time = u64::try_from(time).map_err(|_| broken())?;
            socket.set_linger(on.then_some(Duration::from_secs(time)))?;
        }
        SocketOption::OobInline => socket.set_out_of_band_inline(on)?,
        SocketOption::ReceiveBuffer => socket.set_recv_buffer_size(size()?)?,
        SocketOption::SendBuffer => socket.set_send_buffer_size(size()?)?,
        SocketOption::ReuseAddress => socket.set_reuse_address(on)?,
        SocketOption::Broadcast => socket.set_broadcast(on)?,
        SocketOption::TypeOfService => socket.set_tos_v4(word()?)?,
        SocketOption::TimeToLive => socket.set_ttl_v4(word()?)?,
        SocketOption::MtuDiscover => {
            let mode = match value {
                0 => Ipv4PathMtuDiscovery::DONT,
                1 => Ipv4PathMtuDiscovery::WANT,
                2 => Ipv4PathMtuDiscovery::DO,
                _ => Ipv4PathMtuDiscovery::PROBE,
            };
            set_ip_mtu_discover(socket, mode)?;
        }
        SocketOption::NoDelay => socket.set_tcp_nodelay(on)?,
        SocketOption::MaxSegment => socket.set_tcp_mss(word()?)?,
        SocketOption::Cork => socket.set_tcp_cork(on)?,
        SocketOption::KeepIdle => set_tcp_keepidle(socket, seconds()?)?,
        SocketOption::KeepInterval => set_tcp_keepintvl(socket, seconds()?)?,
        SocketOption::KeepCount => set_tcp_keepcnt(socket, word()?)?,
        SocketOption::UserTimeout => {
            let millis = u64::try_from(value).map_err(|_| broken())?;
            socket.set_tcp_user_timeout(Some(Duration::from_millis(millis)))?;
        }
        SocketOption::QuickAck => socket.set_tcp_quickack(on)?,
        SocketOption::Congestion => {
            let name: &[u8] = if on { b"cubic" } else { b"reno" };
            socket.set_tcp_congestion(name)?;
        }
        SocketOption::Error | SocketOption::Mtu | SocketOption::ReceiveLowWater => {
            return Err(Failure::Broken(format!("{option:?} cannot be set here")));
        }
    }
    DONE
}

fn get(socket: &Socket, option: SocketOption) -> Result<Value, Failure> {
    match option {
        SocketOption::Error => match socket.take_error()? {
            None => DONE,
            Some(error) => match Failure::from(error) {
                Failure::Error(name) => Ok(Value::Words(vec![name])),
                broken @ Failure::Broken(_) => Err(broken),
            },
        },
        SocketOption::KeepAlive => number(i64::from(socket.keepalive()?)),
        SocketOption::Linger => number(socket.linger()?.map_or(0, |time| time.as_secs())),
        SocketOption::OobInline => number(i64::from(socket.out_of_band_inline()?)),
        SocketOption::ReceiveBuffer => number(socket.recv_buffer_size()?),
        SocketOption::SendBuffer => number(socket.send_buffer_size()?),
        SocketOption::ReuseAddress => number(i64::from(socket.reuse_address()?)),
        SocketOption::Broadcast => number(i64::from(socket.broadcast()?)),
        SocketOption::TypeOfService => number(socket.tos_v4()?),
        SocketOption::TimeToLive => number(socket.ttl_v4()?),
        SocketOption::Mtu => number(ip_mtu(socket)?),
        SocketOption::NoDelay => number(i64::from(socket.tcp_nodelay()?)),
        SocketOption::MaxSegment => number(socket.tcp_mss()?),
        SocketOption::Cork => number(i64::from(socket.tcp_cork()?)),
        SocketOption::KeepIdle => number(socket.tcp_keepalive_time()?.as_secs()),
        SocketOption::KeepInterval => number(socket.tcp_keepalive_interval()?.as_secs()),
        SocketOption::KeepCount => number(socket.tcp_keepalive_retries()?),
        SocketOption::UserTimeout => number(
            socket
                .tcp_user_timeout()?
                .map_or(0, |time| time.as_millis()),
        ),
        SocketOption::QuickAck => number(i64::from(socket.tcp_quickack()?)),
        SocketOption::Congestion => {
            let name = socket.tcp_congestion()?;
            let name = String::from_utf8_lossy(&name);
            Ok(Value::Words(vec![name.trim_end_matches('\0').to_owned()]))
        }
        SocketOption::MtuDiscover | SocketOption::ReceiveLowWater => {
            Err(Failure::Broken(format!("{option:?} cannot be asked here")))
        }
    }
}
