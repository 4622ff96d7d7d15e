//! The parameters, declared once: names, path, range, field (`sockets.md` §10.2).
//!
//! The seed gives symbols and no numbers; those below are 4.4BSD's where it has them. Parameters without a symbol are
//! the project's own.

use super::parameter::{Parameter, ParameterKind, Table, Tunable, Unit};

/// Top levels.
const KERN: i32 = 1;
const NET: i32 = 4;
const OS2: i32 = 16;
/// `KERN_HOSTID`.
const HOSTID: i32 = 11;
/// Families.
const PF_OS2: i32 = 1;
const INET: i32 = 2;
const ROUTE: i32 = 17;
/// Protocols.
const IP: i32 = 0;
const ICMP: i32 = 1;
const IGMP: i32 = 2;
const TCP: i32 = 6;
const UDP: i32 = 17;
const ARP: i32 = 1000;
/// `…_INETCFG`: its parameters follow as a fifth element (SYS-10).
const CFG: i32 = 100;

macro_rules! parameters {
    ($($name:literal $symbol:literal [$($mib:expr),*] $form:ident($($body:tt)*), $about:literal;)*) => {
        /// Every parameter, by subject.
        pub const PARAMETERS: &[Parameter] = &[$(
            Parameter {
                name: $name,
                symbol: $symbol,
                mib: &[$($mib),*],
                about: $about,
                ..parameters!(@$form $($body)*)
            },
        )*];
    };
    (@flag $($field:ident).+) => {
        parameters!(@number Flag, 0, 1, $($field).+)
    };
    (@number $unit:ident, $minimum:expr, $maximum:expr, $($field:ident).+) => {
        Parameter {
            unit: Unit::$unit,
            kind: ParameterKind::Number {
                minimum: $minimum,
                maximum: $maximum,
                read: |config| Tunable::get(&config.$($field).+, Unit::$unit),
                write: |config, value| Tunable::put(&mut config.$($field).+, value, Unit::$unit),
            },
            ..NOTHING
        }
    };
    (@fixed $unit:ident, $value:expr) => {
        Parameter { unit: Unit::$unit, kind: ParameterKind::Fixed($value), ..NOTHING }
    };
    (@version) => {
        NOTHING
    };
    (@table $table:ident) => {
        Parameter { kind: ParameterKind::Table(Table::$table), ..NOTHING }
    };
}

const NOTHING: Parameter = Parameter {
    name: "",
    symbol: "",
    mib: &[],
    unit: Unit::Count,
    kind: ParameterKind::Version,
    about: "",
};

/// Buffers of TCP and UDP, octets.
const LEAST: i64 = 4 << 10;
const MOST: i64 = 16 << 20;

parameters! {
    // Versions.
    "kern.inetver" "KERNCTL_INETVER" [KERN, HOSTID, 0, 1] version(),
        "version of the sockets layer";
    "lipc.inetver" "LIPCCTL_INETVER" [OS2, PF_OS2, 0, 1] version(),
        "version of the local domain";
    "net.inet.ip.inetver" "IPCTL_INETVER" [NET, INET, IP, 99] version(),
        "version of the internet module";

    // Local sockets.
    "lipc.dg.recvspace" "LIPCCTL_DG_RECVSPACE" [OS2, PF_OS2, 0, CFG, 1]
        number(Octets, 1 << 10, MOST, local.datagram_recv),
        "receive buffer of a new datagram socket";
    "lipc.dg.sendspace" "LIPCCTL_DG_SENDSPACE" [OS2, PF_OS2, 0, CFG, 2]
        number(Octets, 1 << 10, MOST, local.datagram_send),
        "send buffer of a new datagram socket: its longest datagram";
    "lipc.st.recvspace" "LIPCCTL_ST_RECVSPACE" [OS2, PF_OS2, 0, CFG, 3]
        number(Octets, 1 << 10, MOST, local.stream_recv),
        "receive buffer of a new stream";
    "lipc.st.sendspace" "LIPCCTL_ST_SENDSPACE" [OS2, PF_OS2, 0, CFG, 4]
        number(Octets, 1 << 10, MOST, local.stream_send),
        "send buffer of a new stream";

    // TCP.
    "net.inet.tcp.cc" "TCPCTL_CC" [NET, INET, TCP, CFG, 1] fixed(Flag, 0),
        "connection counts of T/TCP (historic, RFC 6247)";
    "net.inet.tcp.keepcnt" "TCPCTL_KEEPCNT" [NET, INET, TCP, CFG, 2]
        number(Count, 1, 127, tcp.keep_count),
        "unanswered keepalive probes that end a connection";
    "net.inet.tcp.lingertime" "TCPCTL_LINGERTIME" [NET, INET, TCP, CFG, 3]
        number(Seconds, 0, 65_535, tcp.linger_time),
        "longest wait of a close that lingers";
    "net.inet.tcp.msl" "TCPCTL_MSL" [NET, INET, TCP, CFG, 4]
        number(Seconds, 1, 120, tcp.msl),
        "maximum segment lifetime";
    "net.inet.tcp.mtu" "TCPCTL_MTU" [NET, INET, TCP, CFG, 5]
        flag(tcp.path_mtu_discovery),
        "path MTU discovery";
    "net.inet.tcp.realslow" "TCPCTL_REALSLOW" [NET, INET, TCP, CFG, 6] fixed(Seconds, 1),
        "slow timer of the time-wait queue (here each entry has its own time)";
    "net.inet.tcp.tcprwin" "TCPCTL_TCPRWIN" [NET, INET, TCP, CFG, 7]
        number(Octets, LEAST, MOST, tcp.recv_buffer),
        "receive buffer of a new stream";
    "net.inet.tcp.tcpswin" "TCPCTL_TCPSWIN" [NET, INET, TCP, CFG, 8]
        number(Octets, LEAST, MOST, tcp.send_buffer),
        "send buffer of a new stream";
    "net.inet.tcp.timestmp" "TCPCTL_TIMESTMP" [NET, INET, TCP, CFG, 9]
        flag(tcp.timestamps),
        "timestamps (RFC 7323)";
    "net.inet.tcp.ttl" "TCPCTL_TTL" [NET, INET, TCP, CFG, 10]
        number(Count, 1, 255, tcp.ttl),
        "time to live of segments";
    "net.inet.tcp.winscale" "TCPCTL_WINSCALE" [NET, INET, TCP, CFG, 11]
        flag(tcp.window_scale),
        "window scaling (RFC 7323)";
    "net.inet.tcp.mssdflt" "TCPCTL_MSSDFLT" [NET, INET, TCP, 3]
        number(Octets, 48, 65_495, tcp.default_mss),
        "maximum segment size of a peer that names none";
    "net.inet.tcp.rttdflt" "TCPCTL_RTTDFLT" [NET, INET, TCP, 5]
        number(Seconds, 1, 60, tcp.initial_rto),
        "retransmission timeout before anything is measured";
    "net.inet.tcp.stats" "TCPCTL_STATS" [NET, INET, TCP, 4] table(TcpStat),
        "statistics of TCP";
    "net.inet.tcp.sack" "" [NET, INET, TCP, CFG, 101]
        flag(tcp.sack),
        "selective acknowledgments (RFC 2018)";
    "net.inet.tcp.keepidle" "" [NET, INET, TCP, CFG, 102]
        number(Seconds, 1, 32_767, tcp.keep_idle),
        "silence before the first keepalive probe";
    "net.inet.tcp.keepintvl" "" [NET, INET, TCP, CFG, 103]
        number(Seconds, 1, 32_767, tcp.keep_interval),
        "time between keepalive probes";
    "net.inet.tcp.delack" "" [NET, INET, TCP, CFG, 104]
        number(Millis, 0, 499, tcp.delayed_ack),
        "how long an acknowledgment waits for company (RFC 9293 §3.8.6.3)";
    "net.inet.tcp.rtomin" "" [NET, INET, TCP, CFG, 105]
        number(Millis, 1, 60_000, tcp.min_rto),
        "least retransmission timeout above the round-trip time";
    "net.inet.tcp.rtomax" "" [NET, INET, TCP, CFG, 106]
        number(Seconds, 60, 3600, tcp.max_rto),
        "longest retransmission timeout (RFC 6298 §2.5)";
    "net.inet.tcp.retries" "" [NET, INET, TCP, CFG, 107]
        number(Count, 1, 255, tcp.retries),
        "timeouts in a row that end a connection (R2)";
    "net.inet.tcp.initwindow" "" [NET, INET, TCP, CFG, 108]
        number(Count, 1, 255, tcp.initial_window),
        "segments sent before anything is acknowledged (RFC 6928)";

    // UDP.
    "net.inet.udp.checksum" "UDPCTL_CHECKSUM" [NET, INET, UDP, 1]
        flag(udp.checksum),
        "whether checksums are computed";
    "net.inet.udp.stats" "UDPCTL_STATS" [NET, INET, UDP, 2] table(UdpStat),
        "statistics of UDP";
    "net.inet.udp.ttl" "UDPCTL_TTL" [NET, INET, UDP, CFG, 1]
        number(Count, 1, 255, udp.ttl),
        "time to live of datagrams";
    "net.inet.udp.udprwin" "UDPCTL_UDPRWIN" [NET, INET, UDP, CFG, 2]
        number(Octets, LEAST, MOST, udp.recv_buffer),
        "receive buffer of a new socket";
    "net.inet.udp.udpswin" "UDPCTL_UDPSWIN" [NET, INET, UDP, CFG, 3]
        number(Octets, LEAST, MOST, udp.send_buffer),
        "send buffer of a new socket";

    // IP.
    "net.inet.ip.forwarding" "IPCTL_FORWARDING" [NET, INET, IP, 1]
        flag(ip.forwarding),
        "whether the host is a router";
    "net.inet.ip.sendredirects" "IPCTL_SENDREDIRECTS" [NET, INET, IP, 2]
        flag(ip.send_redirects),
        "whether a router tells hosts of better first hops";
    "net.inet.ip.arpkillc" "IPCTL_ARPKILLC" [NET, INET, IP, CFG, 1]
        number(Seconds, 1, 86_400, arp.complete_time),
        "how long a known link address is used";
    "net.inet.ip.arpkilli" "IPCTL_ARPKILLI" [NET, INET, IP, CFG, 2]
        number(Seconds, 1, 3600, arp.incomplete_time),
        "how long a neighbour that did not answer is left alone";
    "net.inet.ip.firewall" "IPCTL_FIREWALL" [NET, INET, IP, CFG, 3] fixed(Flag, 0),
        "rules about packets that come in (there are none)";
    "net.inet.ip.forward" "IPCTL_FORWARD" [NET, INET, IP, CFG, 4]
        flag(ip.forwarding),
        "the same as net.inet.ip.forwarding";
    "net.inet.ip.fragttl" "IPCTL_FRAGTTL" [NET, INET, IP, CFG, 5]
        number(Seconds, 1, 255, ip.fragment_time),
        "how long fragments wait for the rest (RFC 1122 §3.3.2)";
    "net.inet.ip.icmpttl" "IPCTL_ICMPTTL" [NET, INET, IP, CFG, 6]
        number(Count, 1, 255, icmp.ttl),
        "the same as net.inet.icmp.ttl";
    "net.inet.ip.multidefroutes" "IPCTL_MULTIDEFROUTES" [NET, INET, IP, CFG, 7]
        flag(ip.multiple_default_routes),
        "whether there may be several default routes";
    "net.inet.ip.synattck" "IPCTL_SYNATTCK" [NET, INET, IP, CFG, 8]
        flag(tcp.syn_cookies),
        "cookies when too many handshakes are under way (RFC 4987)";
    "net.inet.ip.ttl" "" [NET, INET, IP, CFG, 101]
        number(Count, 1, 255, ip.ttl),
        "time to live of what has none of its own";
    "net.inet.ip.acceptredirects" "" [NET, INET, IP, CFG, 102]
        flag(ip.accept_redirects),
        "whether a host takes redirects";
    "net.inet.ip.directedbroadcasts" "" [NET, INET, IP, CFG, 103]
        flag(ip.directed_broadcasts),
        "whether a router forwards broadcasts to its networks (RFC 2644)";
    "net.inet.ip.largebroadcasts" "" [NET, INET, IP, CFG, 104]
        flag(ip.large_broadcasts),
        "whether broadcasts are fragmented (IP_DO_LARGE_BCAST)";
    "net.inet.ip.stronghost" "" [NET, INET, IP, CFG, 105]
        flag(ip.strong_host),
        "whether packets are taken only where their destination is (RFC 1122 §3.3.4.2)";
    "net.inet.ip.pathmtutime" "" [NET, INET, IP, CFG, 106]
        number(Seconds, 120, 86_400, ip.path_mtu_time),
        "how long a path's MTU is remembered (RFC 1191 §6.3)";

    // ICMP, IGMP, ARP.
    "net.inet.icmp.echorepl" "ICMPCTL_ECHOREPL" [NET, INET, ICMP, 3]
        flag(icmp.echo_reply),
        "whether echo requests are answered";
    "net.inet.icmp.maskrepl" "ICMPCTL_MASKREPL" [NET, INET, ICMP, 1]
        flag(icmp.mask_reply),
        "whether address-mask requests are answered (RFC 6918)";
    "net.inet.icmp.stats" "ICMPCTL_STATS" [NET, INET, ICMP, 2] table(IcmpStat),
        "statistics of ICMP";
    "net.inet.icmp.ttl" "ICMPCTL_TTL" [NET, INET, ICMP, 4]
        number(Count, 1, 255, icmp.ttl),
        "time to live of messages";
    "net.inet.icmp.bmcastecho" "" [NET, INET, ICMP, 101]
        flag(icmp.echo_broadcasts),
        "whether echo requests to many are answered";
    "net.inet.icmp.tstamprepl" "" [NET, INET, ICMP, 102]
        flag(icmp.timestamp_reply),
        "whether timestamp requests are answered";
    "net.inet.icmp.errrate" "" [NET, INET, ICMP, 103]
        number(Count, 0, 1_000_000, icmp.error_rate),
        "errors sent in a second at most";
    "net.inet.igmp.version" "" [NET, INET, IGMP, 101]
        number(Count, 1, 3, igmp.version),
        "the newest version spoken";
    "net.inet.igmp.robustness" "" [NET, INET, IGMP, 102]
        number(Count, 1, 7, igmp.robustness),
        "how often a report is sent (RFC 3376 §8.1)";
    "net.inet.arp.maxtries" "" [NET, INET, ARP, 101]
        number(Count, 1, 100, arp.tries),
        "requests that go unanswered before a neighbour is left alone";

    // Routes.
    "net.route.dump" "NET_RT_DUMP" [NET, ROUTE, 0, 0, 1] table(Routes),
        "the routes";
    "net.route.flags" "NET_RT_FLAGS" [NET, ROUTE, 0, 0, 2] table(RoutesByFlags),
        "the routes that have some flags";
    "net.route.iflist" "NET_RT_IFLIST" [NET, ROUTE, 0, 0, 3] table(Interfaces),
        "the interfaces with their addresses";
    "net.route.llinfo" "NET_RT_LLINFO" [NET, ROUTE, 0, 0, 4] table(Neighbors),
        "the neighbours with their link addresses";
}
