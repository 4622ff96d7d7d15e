//! The socket options of a script as the engine has them.

use std::collections::BTreeMap;
use std::time::Duration;

use fairway_native::sock::MtuDiscovery;
use fairway_native::tcp::{Congestion, RecoveryPhase, SocketOptions, State, TcpInfo};
use fairway_native::{Errno, SocketId, Stack};
use fairway_wire::Instant;

use super::super::ast::{Kind, SocketOption};
use super::super::executor::{Failure, Value};
use super::{DONE, number};

fn broken(option: SocketOption) -> Failure {
    Failure::Broken(format!(
        "the engine has no {option:?} to set or ask like this"
    ))
}

/// Sets an option.
pub(super) fn set(
    stack: &mut Stack,
    now: Instant,
    (kind, id): (Kind, SocketId),
    option: SocketOption,
    values: &[i64],
) -> Result<Value, Failure> {
    let value = values.first().copied().unwrap_or(0);
    if kind == Kind::Tcp {
        let mut changed = stack.tcp_options(id)?.to_owned();
        if of_tcp(&mut changed, option, values)? {
            stack.set_tcp_options(now, id, |options| *options = changed)?;
            return DONE;
        }
    }
    let octet = u8::try_from(value).map_err(|_| Errno::Inval);
    let size = usize::try_from(value).map_err(|_| Errno::Inval);
    let mut options = stack.options(id)?.clone();
    match option {
        SocketOption::ReuseAddress => options.reuse_addr = value != 0,
        SocketOption::Broadcast => options.broadcast = value != 0,
        SocketOption::ReceiveBuffer => options.recv_buf = size?,
        SocketOption::SendBuffer => options.send_buf = size?,
        SocketOption::ReceiveLowWater => options.recv_low_water = size?,
        SocketOption::TypeOfService => options.tos = octet?,
        SocketOption::TimeToLive => options.ttl = octet?,
        SocketOption::MtuDiscover => {
            options.mtu_discovery = match value {
                0 => MtuDiscovery::Off,
                1 => MtuDiscovery::Want,
                2 => MtuDiscovery::Always,
                _ => MtuDiscovery::Probe,
            };
        }
        _ => return Err(broken(option)),
    }
    stack.set_options(now, id, |kept| *kept = options)?;
    DONE
}

/// Changes an option that TCP keeps; says whether it is one.
fn of_tcp(
    options: &mut SocketOptions,
    option: SocketOption,
    values: &[i64],
) -> Result<bool, Failure> {
    let value = values.first().copied().unwrap_or(0);
    let on = value != 0;
    let word = u32::try_from(value).map_err(|_| Errno::Inval);
    let octet = u8::try_from(value).map_err(|_| Errno::Inval);
    let span = |value: i64| u64::try_from(value).map_err(|_| Errno::Inval);
    match option {
        SocketOption::KeepAlive => options.keepalive = on,
        SocketOption::Linger => {
            let seconds = span(values.get(1).copied().unwrap_or(0))?;
            options.linger = on.then_some(Duration::from_secs(seconds));
        }
        SocketOption::OobInline => options.oob_inline = on,
        SocketOption::ReceiveBuffer => options.recv_buffer = word?,
        SocketOption::SendBuffer => options.send_buffer = word?,
        SocketOption::ReceiveLowWater => options.recv_low_water = word?,
        SocketOption::ReuseAddress => options.reuse_addr = on,
        SocketOption::TypeOfService => options.tos = octet?,
        SocketOption::TimeToLive => options.ttl = octet?,
        SocketOption::NoDelay => options.no_delay = on,
        SocketOption::Cork => options.cork = on,
        SocketOption::QuickAck => options.quick_ack = on,
        SocketOption::MaxSegment => {
            options.max_segment = u16::try_from(value).map_err(|_| Errno::Inval)?;
        }
        SocketOption::KeepIdle => options.keep_idle = Duration::from_secs(span(value)?),
        SocketOption::KeepInterval => options.keep_interval = Duration::from_secs(span(value)?),
        SocketOption::KeepCount => options.keep_count = octet?,
        SocketOption::UserTimeout => {
            options.user_timeout = on.then_some(Duration::from_millis(span(value)?));
        }
        SocketOption::Congestion => {
            options.congestion = if on {
                Congestion::Cubic
            } else {
                Congestion::NewReno
            };
        }
        SocketOption::Error
        | SocketOption::Broadcast
        | SocketOption::MtuDiscover
        | SocketOption::Mtu => return Ok(false),
    }
    Ok(true)
}

/// Asks for an option; `SO_ERROR` is asked for elsewhere, as that changes the socket.
pub(super) fn get(
    stack: &Stack,
    (kind, id): (Kind, SocketId),
    option: SocketOption,
) -> Result<Value, Failure> {
    if kind == Kind::Tcp {
        let options = stack.tcp_options(id)?;
        let flag = |on: bool| number(i64::from(on));
        match option {
            SocketOption::KeepAlive => return flag(options.keepalive),
            SocketOption::Linger => {
                return number(options.linger.map_or(0, |time| time.as_secs()));
            }
            SocketOption::OobInline => return flag(options.oob_inline),
            SocketOption::ReceiveBuffer => return number(options.recv_buffer),
            SocketOption::SendBuffer => return number(options.send_buffer),
            SocketOption::NoDelay => return flag(options.no_delay),
            SocketOption::Cork => return flag(options.cork),
            SocketOption::QuickAck => return flag(options.quick_ack),
            SocketOption::KeepIdle => return number(options.keep_idle.as_secs()),
            SocketOption::KeepInterval => return number(options.keep_interval.as_secs()),
            SocketOption::KeepCount => return number(options.keep_count),
            SocketOption::MaxSegment => return number(stack.tcp_info(id)?.send_mss),
            SocketOption::Mtu => return number(stack.tcp_info(id)?.path_mtu),
            _ => {}
        }
    }
    let options = stack.options(id)?;
    match option {
        SocketOption::ReceiveBuffer => number(i64::try_from(options.recv_buf).unwrap_or(i64::MAX)),
        SocketOption::SendBuffer => number(i64::try_from(options.send_buf).unwrap_or(i64::MAX)),
        SocketOption::TypeOfService => number(options.tos),
        SocketOption::TimeToLive => number(options.ttl),
        SocketOption::Broadcast => number(i64::from(options.broadcast)),
        SocketOption::ReuseAddress => number(i64::from(options.reuse_addr)),
        _ => Err(broken(option)),
    }
}

/// What the engine tells of a connection, by the names of the reference card: counts of segments where Linux counts
/// segments, times in microseconds.
pub(super) fn info(info: &TcpInfo) -> BTreeMap<&'static str, u64> {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let mss = info.send_mss.max(1);
    let segments = |octets: u32| u64::from(octets.div_ceil(mss));
    BTreeMap::from([
        ("state", state(info.state)),
        (
            "ca_state",
            match info.phase {
                RecoveryPhase::Open => 0,
                RecoveryPhase::Disorder => 1,
                RecoveryPhase::Recovery => 3,
                RecoveryPhase::Loss => 4,
            },
        ),
        ("backoff", u64::from(info.backoff)),
        ("probes", u64::from(info.probes)),
        ("rto", micros(info.rto)),
        ("srtt", micros(info.rtt)),
        ("rttvar", micros(info.rtt_variation)),
        ("snd_mss", u64::from(info.send_mss)),
        ("rcv_mss", u64::from(info.recv_mss)),
        ("pmtu", u64::from(info.path_mtu)),
        ("cwnd", u64::from(info.congestion_window / mss)),
        ("ssthresh", u64::from(info.slow_start_threshold / mss)),
        ("unacked", segments(info.unacknowledged)),
        ("sacked", segments(info.sacked)),
        ("lost", segments(info.lost)),
        ("retrans", segments(info.resent)),
    ])
}

/// The number that Linux has for a state.
fn state(state: State) -> u64 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}
