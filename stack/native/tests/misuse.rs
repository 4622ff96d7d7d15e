//! Every call on a socket of every kind, in every state: what it says where it makes no sense (sockets.md §4, §5).

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use fairway_native::local::{Credentials, LocalKind, LocalName};
use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown};
use fairway_native::{Departure, Errno, Interest, InterfaceId, SocketId, Stack};
use fairway_wire::{Instant, Protocol};
use std::io::{IoSlice, IoSliceMut};
use std::task::Waker;
use support::{Lab, addr, ip};

/// What is expected of calls on sockets. A row is a call, a column a socket; `ok` is success, all else the name of an
/// error.
///
/// The sockets, on a host 10.0.0.1 that has the neighbour 10.0.0.2:
/// `closed`; `udp` and `raw` (ICMP) as they were made, `-named` by bind, `-peer` connected, `-shut` connected and then
/// shut down both ways; local ones, streams and datagrams.
const DATAGRAMS: &str = "
call             closed   udp           udp-named     udp-peer      udp-shut      raw           raw-named     raw-peer      local-st     local-dg     local-peer
bind             NotSock  ok            Inval         Inval         Inval         ok            Inval         ok            AfNoSupport  AfNoSupport  AfNoSupport
bind-elsewhere   NotSock  AddrNotAvail  Inval         Inval         Inval         AddrNotAvail  Inval         AddrNotAvail  AfNoSupport  AfNoSupport  AfNoSupport
listen           NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     Inval        OpNotSupp    Inval
accept           NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
connect          NotSock  ok            ok            ok            ok            ok            ok            ok            AfNoSupport  AfNoSupport  AfNoSupport
connect-nobody   NotSock  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AfNoSupport  AfNoSupport  AfNoSupport
connect-afar     NotSock  NetUnreach    NetUnreach    NetUnreach    NetUnreach    NetUnreach    NetUnreach    NetUnreach    AfNoSupport  AfNoSupport  AfNoSupport
disconnect       NotSock  ok            ok            ok            ok            ok            ok            ok            OpNotSupp    OpNotSupp    OpNotSupp
send             NotSock  DestAddrReq   DestAddrReq   ok            Pipe          DestAddrReq   DestAddrReq   ok            OpNotSupp    OpNotSupp    OpNotSupp
send-to          NotSock  ok            ok            IsConn        Pipe          ok            ok            IsConn        OpNotSupp    OpNotSupp    OpNotSupp
send-to-all      NotSock  Access        Access        IsConn        Pipe          ok            ok            IsConn        OpNotSupp    OpNotSupp    OpNotSupp
send-too-long    NotSock  MsgSize       MsgSize       IsConn        Pipe          MsgSize       MsgSize       IsConn        OpNotSupp    OpNotSupp    OpNotSupp
send-as-other    NotSock  AddrNotAvail  AddrNotAvail  IsConn        Pipe          AddrNotAvail  AddrNotAvail  IsConn        OpNotSupp    OpNotSupp    OpNotSupp
recv             NotSock  WouldBlock    WouldBlock    WouldBlock    ok            WouldBlock    WouldBlock    WouldBlock    OpNotSupp    OpNotSupp    OpNotSupp
tcp-send         NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
tcp-recv         NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
shutdown         NotSock  NotConn       NotConn       ok            ok            NotConn       NotConn       ok            NotConn      ok           ok
local-addr       NotSock  ok            ok            ok            ok            ok            ok            ok            AfNoSupport  AfNoSupport  AfNoSupport
peer-addr        NotSock  NotConn       NotConn       ok            ok            NotConn       NotConn       ok            AfNoSupport  AfNoSupport  AfNoSupport
at-mark          NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
tcp-info         NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
is-listening     NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     ok           ok           ok
tcp-options      NotSock  OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
set-tcp-options  ConnReset OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp
options          NotSock  ok            ok            ok            ok            ok            ok            ok            ok           ok           ok
set-bad-options  NotSock  Inval         Inval         Inval         Inval         Inval         Inval         Inval         Inval        Inval        Inval
join             NotSock  ok            ok            ok            ok            ok            ok            ok            OpNotSupp    OpNotSupp    OpNotSupp
join-no-group    NotSock  Inval         Inval         Inval         Inval         Inval         Inval         Inval         OpNotSupp    OpNotSupp    OpNotSupp
join-nowhere     NotSock  NoDev         NoDev         NoDev         NoDev         NoDev         NoDev         NoDev         OpNotSupp    OpNotSupp    OpNotSupp
leave            NotSock  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  AddrNotAvail  OpNotSupp    OpNotSupp    OpNotSupp
groups           NotSock  ok            ok            ok            ok            ok            ok            ok            OpNotSupp    OpNotSupp    OpNotSupp
readable         NotSock  ok            ok            ok            ok            ok            ok            ok            ok           ok           ok
readiness        NotSock  ok            ok            ok            ok            ok            ok            ok            ok           ok           ok
poll-ready       NotSock  ok            ok            ok            ok            ok            ok            ok            ok           ok           ok
take-error       NotSock  ok            ok            ok            ok            ok            ok            ok            ok           ok           ok
local-bind       NotSock  AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   ok           ok           ok
local-connect    NotSock  AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   NoEnt        NoEnt        IsConn
local-accept     NotSock  AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   Inval        OpNotSupp    Inval
local-send       NotSock  AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   NotConn      NotConn      ok
local-recv       NotSock  AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   NotConn      WouldBlock   WouldBlock
local-peer       NotSock  AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   AfNoSupport   NotConn      NotConn      ok
close            NotSock  ok            ok            ok            ok            ok            ok            ok            ok           ok           ok
close-twice      NotSock  NotSock       NotSock       NotSock       NotSock       NotSock       NotSock       NotSock       NotSock      NotSock      NotSock
";

/// The same of streams of TCP: `tcp` as it was made, `-named`, listening, connecting to nobody who answers, connected to
/// a peer, shut down both ways, closed by the peer, reset by the peer, refused.
const STREAMS: &str = "
call             tcp           tcp-named     tcp-listens  tcp-begun    tcp-peer     tcp-shut     tcp-left     tcp-reset    tcp-refused
bind             ok            Inval         Inval        Inval        Inval        Inval        Inval        Inval        Inval
bind-elsewhere   AddrNotAvail  Inval         Inval        Inval        Inval        Inval        Inval        Inval        Inval
listen           ok            ok            ok           Inval        Inval        Inval        Inval        Inval        Inval
accept           Inval         Inval         WouldBlock   Inval        Inval        Inval        Inval        Inval        Inval
connect          InProgress    InProgress    OpNotSupp    Already      IsConn       IsConn       IsConn       IsConn       ConnRefused
connect-nobody   AddrNotAvail  AddrNotAvail  OpNotSupp    Already      IsConn       IsConn       IsConn       IsConn       AddrNotAvail
connect-afar     NetUnreach    NetUnreach    OpNotSupp    Already      IsConn       IsConn       IsConn       IsConn       NetUnreach
disconnect       OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp
send             OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp
recv             OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp
tcp-send         NotConn       NotConn       NotConn      WouldBlock   ok           Pipe         ok           ConnReset    ConnRefused
tcp-recv         NotConn       NotConn       NotConn      WouldBlock   WouldBlock   ok           ok           ConnReset    ConnRefused
tcp-recv-urgent  NotConn       NotConn       NotConn      Inval        Inval        Inval        Inval        Inval        Inval
shutdown         NotConn       NotConn       NotConn      NotConn      ok           ok           ok           NotConn      NotConn
local-addr       ok            ok            ok           ok           ok           ok           ok           ok           ok
peer-addr        NotConn       NotConn       NotConn      NotConn      ok           ok           ok           NotConn      NotConn
at-mark          ok            ok            ok           ok           ok           ok           ok           ok           ok
tcp-info         NotConn       NotConn       NotConn      ok           ok           ok           ok           ok           ok
is-listening     ok            ok            ok           ok           ok           ok           ok           ok           ok
tcp-options      ok            ok            ok           ok           ok           ok           ok           ok           ok
set-tcp-options  ok            ok            ok           ok           ok           ok           ok           ok           ok
set-bad-keepcnt  Inval         Inval         Inval        Inval        Inval        Inval        Inval        Inval        Inval
options          ok            ok            ok           ok           ok           ok           ok           ok           ok
set-bad-options  Inval         Inval         Inval        Inval        Inval        Inval        Inval        Inval        Inval
join             OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp
groups           OpNotSupp     OpNotSupp     OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp    OpNotSupp
readable         ok            ok            ok           ok           ok           ok           ok           ok           ok
readiness        ok            ok            ok           ok           ok           ok           ok           ok           ok
poll-ready       ok            ok            ok           ok           ok           ok           ok           ok           ok
take-error       ok            ok            ok           ok           ok           ok           ok           ok           ok
local-bind       AfNoSupport   AfNoSupport   AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport
local-send       AfNoSupport   AfNoSupport   AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport  AfNoSupport
close            ok            ok            ok           ok           ok           ok           ok           ok           ok
close-twice      NotSock       NotSock       NotSock      NotSock      NotSock      NotSock      NotSock      NotSock      NotSock
";

/// The host that is misused.
fn lab() -> Lab {
    let mut lab = Lab::new();
    let (host, other) = (lab.host("a"), lab.host("b"));
    lab.ethernet(&[(host, "10.0.0.1"), (other, "10.0.0.2")]);
    lab.settle();
    lab
}

/// The socket of a column.
fn socket(lab: &mut Lab, column: &str) -> SocketId {
    let now = lab.now;
    let host = &mut lab.hosts[0];
    let (kind, state) = column.split_once('-').unwrap_or((column, ""));
    let whose = Credentials::default();
    let id = match kind {
        "closed" | "udp" => host.udp_socket().unwrap(),
        "raw" => host.raw_socket(Protocol::ICMP).unwrap(),
        "tcp" => host.tcp_socket(now).unwrap(),
        "local" if state == "peer" => {
            let pair = host.local_pair(now, LocalKind::Stream, whose);
            return pair.unwrap().0;
        }
        "local" => {
            let kind = match state {
                "st" => LocalKind::Stream,
                _ => LocalKind::Datagram,
            };
            return host.local_socket(now, kind, whose).unwrap();
        }
        _ => panic!("no socket {column}"),
    };
    let host = &mut lab.hosts[0];
    match state {
        "" => {}
        "named" => host.bind(now, id, addr("10.0.0.1:1000")).unwrap(),
        "listens" => host.listen(now, id, 5).unwrap(),
        // Nobody is there to answer.
        "begun" => {
            let begun = host.connect(now, id, addr("10.0.0.77:2000"));
            assert_eq!(begun, Err(Errno::InProgress));
        }
        "refused" => {
            let begun = host.connect(now, id, addr("10.0.0.2:2000"));
            assert_eq!(begun, Err(Errno::InProgress));
            lab.settle();
            return id;
        }
        _ if kind == "tcp" => {
            connected(lab, id, state);
            return id;
        }
        "peer" | "shut" => {
            let connected = host.connect(now, id, addr("10.0.0.2:2000"));
            assert_eq!(connected, Ok(()), "{column}");
            if state == "shut" {
                host.shutdown(now, id, Shutdown::Both).unwrap();
            }
        }
        _ => panic!("no state {column}"),
    }
    if kind == "closed" {
        lab.hosts[0].close(now, id).unwrap();
    }
    id
}

/// Connects a stream to the other host, and brings it into a state.
fn connected(lab: &mut Lab, id: SocketId, state: &str) {
    let now = lab.now;
    let other = &mut lab.hosts[1];
    let listener = other.tcp_socket(now).unwrap();
    other.bind(now, listener, addr("10.0.0.2:2000")).unwrap();
    other.listen(now, listener, 1).unwrap();
    let begun = lab.hosts[0].connect(now, id, addr("10.0.0.2:2000"));
    assert_eq!(begun, Err(Errno::InProgress));
    lab.settle();
    let (child, _) = lab.hosts[1].accept(now, listener).unwrap();
    match state {
        "peer" => {}
        "shut" => lab.hosts[0].shutdown(now, id, Shutdown::Both).unwrap(),
        "left" => lab.hosts[1].close(now, child).unwrap(),
        "reset" => {
            let other = &mut lab.hosts[1];
            let linger = Some(std::time::Duration::ZERO);
            other
                .set_tcp_options(now, child, |options| options.linger = linger)
                .unwrap();
            other.close(now, child).unwrap();
        }
        _ => panic!("no state {state}"),
    }
    lab.settle();
}

/// Makes the call of a row.
fn call(host: &mut Stack, now: Instant, id: SocketId, row: &str) -> Result<(), Errno> {
    let datagram = |host: &mut Stack, to: Option<&str>, data: &[u8]| {
        let departure = Departure {
            peer: to.map(addr),
            ..Departure::default()
        };
        host.send_msg(now, id, &[IoSlice::new(data)], &departure)
            .map(drop)
    };
    let (group, eth) = (ip("224.1.1.1"), Some(InterfaceId(2)));
    let name = LocalName::Path(b"/there".to_vec());
    match row {
        "bind" => host.bind(now, id, addr("0.0.0.0:0")),
        "bind-elsewhere" => host.bind(now, id, addr("10.0.0.2:0")),
        "listen" => host.listen(now, id, 5),
        "accept" => host.accept(now, id).map(drop),
        "connect" => host.connect(now, id, addr("10.0.0.2:9")),
        "connect-nobody" => host.connect(now, id, addr("0.0.0.0:9")),
        "connect-afar" => host.connect(now, id, addr("192.0.2.1:9")),
        "disconnect" => host.disconnect(id),
        "send" => datagram(host, None, b"!"),
        "send-to" => datagram(host, Some("10.0.0.2:9"), b"!"),
        "send-to-all" => datagram(host, Some("255.255.255.255:9"), b"!"),
        "send-too-long" => datagram(host, Some("10.0.0.2:9"), &[0; 65_536]),
        "send-as-other" => {
            let departure = Departure {
                peer: Some(addr("10.0.0.2:9")),
                source: Some(ip("10.0.0.77")),
                ..Departure::default()
            };
            host.send_msg(now, id, &[], &departure).map(drop)
        }
        "recv" => host.recv_msg(id, &mut [0; 8], false).map(drop),
        "tcp-send" => host
            .tcp_send(now, id, &[IoSlice::new(b"!")], SendFlags::default())
            .map(drop),
        "tcp-recv" => host
            .tcp_recv(
                now,
                id,
                &mut [IoSliceMut::new(&mut [0; 8])],
                RecvFlags::default(),
            )
            .map(drop),
        "tcp-recv-urgent" => {
            let flags = RecvFlags {
                oob: true,
                ..RecvFlags::default()
            };
            let mut room = [0; 8];
            let bufs = &mut [IoSliceMut::new(&mut room)];
            host.tcp_recv(now, id, bufs, flags).map(drop)
        }
        "shutdown" => host.shutdown(now, id, Shutdown::Both),
        "local-addr" => host.local_addr(id).map(drop),
        "peer-addr" => host.peer_addr(id).map(drop),
        "at-mark" => host.at_mark(id).map(drop),
        "tcp-info" => host.tcp_info(id).map(drop),
        "is-listening" => host.is_listening(id).map(drop),
        "tcp-options" => host.tcp_options(id).map(drop),
        "set-tcp-options" => host.set_tcp_options(now, id, |_| {}),
        "set-bad-keepcnt" => host.set_tcp_options(now, id, |options| options.keep_count = 0),
        "options" => host.options(id).map(drop),
        "set-bad-options" => host.set_options(now, id, |options| options.ttl = 0),
        "join" => host.join(now, id, group, eth, None),
        "join-no-group" => host.join(now, id, ip("10.0.0.2"), eth, None),
        "join-nowhere" => host.join(now, id, group, Some(InterfaceId(9)), None),
        "leave" => host.leave(now, id, group, eth, None),
        "groups" => host.groups(id).map(drop),
        "readable" => host.readable_octets(id).map(drop),
        "readiness" => host.readiness(id).map(drop),
        "poll-ready" => host.poll_ready(id, Interest::Read, Waker::noop()).map(drop),
        "take-error" => host.take_error(id).map(drop),
        "local-bind" => host.local_bind(now, id, &LocalName::Unnamed),
        "local-connect" => host.local_connect(now, id, &name),
        "local-accept" => host.local_accept(now, id).map(drop),
        "local-send" => host
            .local_send(now, id, &[IoSlice::new(b"!")], None)
            .map(drop),
        "local-recv" => host
            .local_recv(now, id, &mut [IoSliceMut::new(&mut [0; 8])], false)
            .map(drop),
        "local-peer" => host.local_peer_name(id).map(drop),
        "close" => host.close(now, id),
        "close-twice" => host.close(now, id).and_then(|()| host.close(now, id)),
        _ => panic!("no call {row}"),
    }
}

/// Makes every call of a table, each on a socket of its own, and says which came out otherwise.
fn compare(table: &str) {
    let mut rows = table.lines().filter(|line| !line.is_empty());
    let columns: Vec<&str> = rows.next().unwrap().split_whitespace().skip(1).collect();
    let mut differ = Vec::new();
    for row in rows {
        let mut cells = row.split_whitespace();
        let name = cells.next().unwrap();
        for column in &columns {
            let expected = cells.next().unwrap();
            let mut lab = lab();
            let id = socket(&mut lab, column);
            let now = lab.now;
            let got = match call(&mut lab.hosts[0], now, id, name) {
                Ok(()) => "ok".to_owned(),
                Err(errno) => format!("{errno:?}"),
            };
            lab.hosts[0].check().unwrap();
            lab.settle();
            if got != expected {
                differ.push(format!("{name} on {column}: {got}, not {expected}"));
            }
        }
        assert_eq!(cells.next(), None, "{row}");
    }
    assert!(differ.is_empty(), "\n{}", differ.join("\n"));
}

#[test]
fn datagram_raw_and_local_sockets() {
    compare(DATAGRAMS);
}

#[test]
fn streams() {
    compare(STREAMS);
}

mod interfaces {
    use super::*;
    use fairway_native::InterfaceAddress;
    use fairway_native::qos::{Fifo, Shaper};

    /// Every call that names an interface, with one that is not there.
    #[test]
    fn that_do_not_exist_are_refused() {
        let mut lab = lab();
        let now = lab.now;
        let host = &mut lab.hosts[0];
        for id in [0, 9, u32::MAX].map(InterfaceId) {
            let own = InterfaceAddress::new(ip("10.0.0.9"), 24);
            assert_eq!(host.add_address(now, id, own), Err(Errno::NxIo));
            assert_eq!(
                host.remove_address(now, id, ip("10.0.0.1")),
                Err(Errno::NxIo)
            );
            assert_eq!(host.set_up(now, id, false), Err(Errno::NxIo));
            assert_eq!(host.set_mtu(now, id, 1500), Err(Errno::NxIo));
            assert_eq!(host.set_trusted(id, true), Err(Errno::NxIo));
            assert_eq!(host.set_queue(id, Fifo::new(1, 1)), Err(Errno::NxIo));
            assert_eq!(host.set_promiscuous(now, id, true), Err(Errno::NxIo));
            assert_eq!(host.set_redirects(id, true), Err(Errno::NxIo));
            assert!(host.queue_mut(id).is_err());
            assert!(host.poll_frame(now, id).is_none());
            host.handle_carrier(now, id, false);
            host.suspend(id);
            host.resume(id);
            host.handle_frame(now, id, fairway_native::PacketBuf::from_slice(&[0; 100]));
            host.check().unwrap();
        }
    }

    /// What no interface can have.
    #[test]
    fn take_only_what_makes_sense() {
        let mut lab = lab();
        let now = lab.now;
        let host = &mut lab.hosts[0];
        let eth = InterfaceId(2);
        for mtu in [0, 67, 65_536, usize::MAX] {
            assert_eq!(host.set_mtu(now, eth, mtu), Err(Errno::Inval));
        }
        for address in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            let own = InterfaceAddress::new(ip(address), 24);
            assert_eq!(host.add_address(now, eth, own), Err(Errno::AddrNotAvail));
        }
        let own = InterfaceAddress::new(ip("10.0.0.1"), 24);
        assert_eq!(host.add_address(now, eth, own), Err(Errno::Exist));
        assert_eq!(
            host.remove_address(now, eth, ip("10.0.0.2")),
            Err(Errno::AddrNotAvail)
        );
        host.set_up(now, eth, false).unwrap();
        assert_eq!(host.set_promiscuous(now, eth, true), Err(Errno::NetDown));
        host.check().unwrap();
    }

    /// A frame that comes after the queue was replaced, or while the transmitter is busy, is sent all the same.
    #[test]
    fn send_on_after_their_queue_was_replaced_or_they_were_suspended() {
        let mut lab = lab();
        let (now, eth) = (lab.now, InterfaceId(2));
        let id = lab.udp(0, "0.0.0.0:1000");
        let ask = b"to know its link address";
        lab.send(0, id, "10.0.0.2:9", ask).unwrap();
        let host = &mut lab.hosts[0];
        let send = |host: &mut Stack| {
            let departure = Departure {
                peer: Some(addr("10.0.0.2:9")),
                ..Departure::default()
            };
            host.send_msg(now, id, &[], &departure).unwrap();
            host.check().unwrap();
        };
        host.set_queue(eth, Shaper::new(8, 42, Fifo::new(10, 10_000)))
            .unwrap();
        for _ in 0..3 {
            send(host);
        }
        assert!(host.poll_frame(now, eth).is_some());
        assert!(host.poll_frame(now, eth).is_none(), "held back");
        host.check().unwrap();
        assert_eq!(host.output_pending(), None);
        host.suspend(eth);
        host.resume(eth);
        host.check().unwrap();
        host.set_queue(eth, Fifo::new(10, 10_000)).unwrap();
        host.check().unwrap();
        host.suspend(eth);
        send(host);
        assert_eq!(host.output_pending(), None, "its transmitter is busy");
        host.resume(eth);
        host.resume(eth);
        host.check().unwrap();
        assert_eq!(host.output_pending(), Some(eth));
        assert!(host.poll_frame(now, eth).is_some());
        assert!(host.poll_frame(now, eth).is_none());
        assert_eq!(host.output_pending(), None);
        host.check().unwrap();
    }
}
