//! Options: what the walk through all of them (in the crate itself) does not see.

use super::Pair;
use fairway_stack::{Family, NetError, option};
use std::time::Duration;

/// OPT-1, OPT-3, OPT-5: values out of range are refused, and nothing is changed.
pub(crate) async fn values_out_of_range_are_refused(pair: Pair) {
    let stream = pair.client.tcp_socket(Family::V4).unwrap();
    let before = stream.get(option::KeepCount).unwrap();
    assert_eq!(stream.set(option::KeepCount, 0), Err(NetError::Inval));
    assert_eq!(stream.set(option::KeepCount, 300), Err(NetError::Inval));
    assert_eq!(stream.get(option::KeepCount), Ok(before));
    let idle = stream.set(option::KeepIdle, Duration::from_secs(1_000_000));
    assert_eq!(idle, Err(NetError::Inval));
    assert_eq!(stream.set(option::Ttl, 0), Err(NetError::Inval));
    let nobody = stream.set(option::Congestion, "nobody's".into());
    assert_eq!(nobody, Err(NetError::NotFound));
    let nowhere = stream.set(option::Device, Some("nowhere0".into()));
    assert_eq!(nowhere, Err(NetError::NoDev));
    let datagrams = pair.client.udp_socket(Family::V4).unwrap();
    let nowhere = datagrams.set(option::MulticastInterface, 9999);
    assert!(matches!(
        nowhere,
        Err(NetError::NoDev | NetError::AddrNotAvail)
    ));
    assert_eq!(
        datagrams.set(option::Options, vec![1; 41]),
        Err(NetError::Inval)
    );
}

/// SO_RCVBUF, SO_SNDBUF, SO_KEEPALIVE, SO_OOBINLINE, SO_RCVLOWAT, TCP_NODELAY, TCP_MAXSEG, IP_TOS, IP_TTL, SO_DEBUG,
/// SO_TYPE, SO_ERROR, SO_ACCEPTCONN: what is set is read back.
pub(crate) async fn what_is_set_is_read_back(pair: Pair) {
    let stream = pair.client.tcp_socket(Family::V4).unwrap();
    for on in [true, false] {
        stream.set(option::KeepAlive, on).unwrap();
        assert_eq!(stream.get(option::KeepAlive), Ok(on));
        stream.set(option::OobInline, on).unwrap();
        assert_eq!(stream.get(option::OobInline), Ok(on));
        stream.set(option::NoDelay, on).unwrap();
        assert_eq!(stream.get(option::NoDelay), Ok(on));
        stream.set(option::ReuseAddr, on).unwrap();
        assert_eq!(stream.get(option::ReuseAddr), Ok(on));
    }
    stream.set(option::RecvBuf, 32 << 10).unwrap();
    assert_eq!(stream.get(option::RecvBuf), Ok(32 << 10));
    stream.set(option::SendBuf, 48 << 10).unwrap();
    assert_eq!(stream.get(option::SendBuf), Ok(48 << 10));
    stream.set(option::RecvLowWater, 100).unwrap();
    assert_eq!(stream.get(option::RecvLowWater), Ok(100));
    stream.set(option::TrafficClass, 0x10).unwrap();
    assert_eq!(stream.get(option::TrafficClass), Ok(0x10));
    stream.set(option::Ttl, 9).unwrap();
    assert_eq!(stream.get(option::Ttl), Ok(9));
    assert_eq!(stream.get(option::PendingError), Ok(None));
    assert_eq!(stream.get(option::AcceptConn), Ok(false));
}

/// IP_OPTIONS, IP_RETOPTS (section 7.2): what is read back begins with the first hop.
pub(crate) async fn ip_options_are_read_back_behind_the_first_hop(pair: Pair) {
    let socket = pair.client.udp_socket(Family::V4).unwrap();
    assert_eq!(socket.get(option::Options), Ok(Vec::new()));
    let timestamp = vec![68, 8, 5, 0, 0, 0, 0, 0];
    socket.set(option::Options, timestamp.clone()).unwrap();
    let back = socket.get(option::Options).unwrap();
    assert_eq!(back.split_at(4), (&[0; 4][..], &timestamp[..]));
}

/// SO_L_BROADCAST, SO_USELOOPBACK, SO_SNDLOWAT, TCP_MSL: what only this stack has.
pub(crate) async fn options_of_the_reference_alone(pair: Pair) {
    let datagrams = pair.client.udp_socket(Family::V4).unwrap();
    let stream = pair.client.tcp_socket(Family::V4).unwrap();
    for on in [true, false] {
        datagrams.set(option::LimitedBroadcast, on).unwrap();
        assert_eq!(datagrams.get(option::LimitedBroadcast), Ok(on));
        stream.set(option::UseLoopback, on).unwrap();
        assert_eq!(stream.get(option::UseLoopback), Ok(on));
    }
    stream.set(option::SendLowWater, 4096).unwrap();
    assert_eq!(stream.get(option::SendLowWater), Ok(4096));
    let two = Duration::from_secs(2);
    stream.set(option::MaxSegmentLifetime, two).unwrap();
    assert_eq!(stream.get(option::MaxSegmentLifetime), Ok(two));
    let long = stream.set(option::MaxSegmentLifetime, Duration::from_secs(121));
    assert_eq!(long, Err(NetError::Inval));
}
