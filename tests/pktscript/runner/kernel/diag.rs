//! `TCP_INFO` of a connection, asked through netlink (sock_diag(7)), as no safe wrapper has the socket option.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

const AF_INET: u8 = 2;
const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
const INET_DIAG_INFO: u16 = 2;
/// Octets of `nlmsghdr` and of `inet_diag_msg`.
const HEADERS: usize = 16 + 72;

/// Name and place in `struct tcp_info` of its single octets.
const OCTETS: [(&str, usize); 5] = [
    ("state", 0),
    ("ca_state", 1),
    ("retransmits", 2),
    ("probes", 3),
    ("backoff", 4),
];

/// Name and place of its 32-bit words; times are microseconds.
const WORDS: [(&str, usize); 14] = [
    ("rto", 8),
    ("snd_mss", 16),
    ("rcv_mss", 20),
    ("unacked", 24),
    ("sacked", 28),
    ("lost", 32),
    ("retrans", 36),
    ("pmtu", 60),
    ("srtt", 68),
    ("rttvar", 72),
    ("ssthresh", 76),
    ("cwnd", 80),
    ("reordering", 88),
    ("total_retrans", 100),
];

/// Asks for the connection between two ends.
pub(super) fn tcp_info(
    local: SocketAddrV4,
    remote: SocketAddrV4,
) -> Result<BTreeMap<&'static str, u64>, String> {
    let answer = ask(&request(local, remote)).map_err(|error| format!("no TCP_INFO: {error}"))?;
    let info = attribute(answer.get(HEADERS..).unwrap_or_default(), INET_DIAG_INFO)
        .ok_or("the kernel knows no such connection")?;
    let octets = OCTETS
        .iter()
        .filter_map(|(name, at)| Some((*name, u64::from(*info.get(*at)?))));
    let words = WORDS.iter().filter_map(|(name, at)| {
        let word = info.get(*at..)?.first_chunk::<4>()?;
        Some((*name, u64::from(u32::from_ne_bytes(*word))))
    });
    Ok(octets.chain(words).collect())
}

/// A `nlmsghdr` and an `inet_diag_req_v2` for one connection.
fn request(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    let mut request = Vec::with_capacity(72);
    request.extend(72_u32.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([AF_INET, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0]);
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(local.port().to_be_bytes());
    request.extend(remote.port().to_be_bytes());
    for end in [local, remote] {
        request.extend(end.ip().octets());
        request.extend([0; 12]);
    }
    request.extend([0; 4]);
    // No cookie.
    request.extend([0xff; 8]);
    request
}

fn ask(request: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = Socket::new(
        Domain::from(AF_NETLINK),
        Type::RAW,
        Some(Protocol::from(NETLINK_SOCK_DIAG)),
    )?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.send(request)?;
    let mut buffer = vec![0; 4096];
    let len = std::io::Read::read(&mut &socket, &mut buffer)?;
    buffer.truncate(len);
    Ok(buffer)
}

/// The content of the first attribute of that type.
fn attribute(mut octets: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some(([a, b, c, d], _)) = octets.split_first_chunk::<4>() {
        let len = usize::from(u16::from_ne_bytes([*a, *b]));
        if u16::from_ne_bytes([*c, *d]) == wanted {
            return octets.get(4..len);
        }
        octets = octets.get(len.next_multiple_of(4).max(4)..)?;
    }
    None
}
