//! The events, declared once: number, name, class, level, target, filters and documentation of each.
//!
//! Those of the seed come first in their level, in its order; the project's own follow. Of the names that `events.md`
//! §8.5 proposes, those are missing that nothing here can raise: memory for packets, control blocks and timers is had or
//! the program ends, tables that are one `Vec` or ordered map cannot be damaged, and calls are traced by their callers.

use std::fmt;
use std::str::FromStr;

use super::level::{Class, Level, Supports};
use super::text::Line;

/// What is declared of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The name in the dictionary: stable, for tests and tools.
    pub name: &'static str,
    /// Its class.
    pub class: Class,
    /// Its level.
    pub level: Level,
    /// Its place within the level (EVT-8).
    pub offset: u16,
    /// The `tracing` target: the layer it belongs to.
    pub target: &'static str,
    /// The filters that it supports.
    pub supports: Supports,
    /// What happened.
    pub cause: &'static str,
    /// What the stack did about it.
    pub effect: &'static str,
    /// What a user can do.
    pub recovery: &'static str,
}

macro_rules! dictionary {
    ($( $variant:ident = $name:literal, $class:ident $level:ident $offset:literal, $target:literal, $supports:ident,
        $cause:literal, $effect:literal, $recovery:literal; )*) => {
        /// An event. [`EventId::declaration`] says what is declared of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum EventId {
            $(
                #[doc = concat!("`", $name, "`: ", $cause, ". Effect: ", $effect, ".")]
                $variant,
            )*
        }

        impl EventId {
            /// Every event, in the order of level and offset.
            pub const ALL: &[Self] = &[$( Self::$variant, )*];
            /// How many events there are.
            pub const COUNT: usize = Self::ALL.len();
        }

        const DECLARED: [Declaration; EventId::COUNT] = [$( Declaration {
            name: $name,
            class: Class::$class,
            level: Level::$level,
            offset: $offset,
            target: $target,
            supports: Supports::$supports,
            cause: $cause,
            effect: $effect,
            recovery: $recovery,
        }, )*];

        /// Writes an event as a `tracing` event of its name, target and level: each has a call site of its own, so that
        /// a subscriber can choose among them without looking at fields.
        pub(super) fn write(line: &Line<'_>) {
            match line.id {
                $( EventId::$variant => super::text::write_line!(
                    line, $name, $target, const { Level::$level.tracing() }
                ), )*
            }
        }
    };
}

dictionary! {
    // Level 1.
    IcmpErrorStartQuench = "icmp_error-start", Core Emergency 0, "net::icmp", Nothing,
        "a packet could not be forwarded for lack of memory",
        "dropped; its source is told", "raise the limits or lower the load";
    RtAllocNomem = "rt_alloc-nomem", Aux Emergency 1, "net::route", Nothing,
        "the limit on routes is reached",
        "the route is not added", "raise the limit or delete routes";
    ArpAllocNomem = "arp_alloc-nomem", Aux Emergency 2, "net::arp", Nothing,
        "the limit on neighbours is reached and none can go",
        "the neighbour stays unknown", "raise the limit";
    ReassAllocNomem = "reass_alloc-nomem", Core Emergency 3, "net::ip::in", Nothing,
        "the limit on fragments kept is reached",
        "the fragment, or the oldest packet, is dropped", "raise the limit; it may be an attack";
    StackInvariant = "stack-invariant", Aux Emergency 4, "net::ctl", Nothing,
        "the stack found its own state inconsistent",
        "what was being done is abandoned", "report it with the fields";
    AddMrtNomem = "add_mrt-nomem", Aux Emergency 17, "net::mroute", Nothing,
        "the limit on multicast routes is reached",
        "the route is not added", "raise the limit";
    // Level 2.
    RtTreeCorrupt = "rt_tree-corrupt", Aux Alert 0, "net::route", Nothing,
        "the table of routes is damaged",
        "the lookup finds nothing", "flush and rebuild the routes; report it";
    PcbTableCorrupt = "pcb_table-corrupt", Aux Alert 1, "net::pcb", Nothing,
        "the table of sockets and connections is damaged",
        "the entry is dropped", "close the sockets; report it";
    // Level 3.
    IfpromiscIfdown = "ifpromisc-ifdown", Aux Critical 0, "net::link", Nothing,
        "promiscuous mode was to change on an interface that is down",
        "it stays as it was", "bring the interface up first";
    EtherOutputIfdown = "ether_output-ifdown", Core Critical 1, "net::link", Nothing,
        "a frame was to go out of an interface that is not up and running",
        "not sent", "bring the interface up";
    EtherOutputNomem = "ether_output-nomem", Core Critical 2, "net::link", Nothing,
        "the interface's send queue is full; `detail` is its length",
        "the frame is dropped", "send less, or lengthen the queue";
    EtherOutputNoroute = "ether_output-noroute", Core Critical 3, "net::link", DestinationOut,
        "there is no link address for the destination",
        "the frame is dropped", "see whether the destination is up and its address right";
    EtherOutputRtreject = "ether_output-rtreject", Core Critical 4, "net::link", Nothing,
        "the destination did not answer ARP; `detail` is the time in nanoseconds until when it is left alone",
        "the frame is dropped", "see whether the destination is up";
    ArpioctlNoentry = "arpioctl-noentry", Aux Critical 5, "net::ctl", Nothing,
        "an operation on the ARP table named an address it does not know",
        "the table is unchanged", "name an address of a directly connected network";
    IpintrShortmsg = "ipintr-shortmsg", Core Critical 6, "net::ip::in", Nothing,
        "a packet is shorter than an IP header",
        "dropped", "find who sends it";
    IpintrBadvers = "ipintr-badvers", Core Critical 7, "net::ip::in", Nothing,
        "a packet's IP version is not 4; `detail` is the version",
        "dropped", "find who sends it";
    IpintrBadhlen = "ipintr-badhlen", Core Critical 8, "net::ip::in", Nothing,
        "a packet's IP header length is below 20, or the header is cut short; `detail` is the length",
        "dropped", "find who sends it";
    IpintrBadsum = "ipintr-badsum", Core Critical 9, "net::ip::in", Nothing,
        "a packet's IP header checksum is wrong",
        "dropped", "look for a bad link";
    IpintrBadlen = "ipintr-badlen", Core Critical 10, "net::ip::in", Nothing,
        "a packet's total length is below its header length; `detail` is the header length",
        "dropped", "find who sends it";
    IpintrBadmblk = "ipintr-badmblk", Core Critical 11, "net::ip::in", AddressesIn,
        "a packet's total length exceeds what arrived; `detail` is what arrived",
        "dropped", "look for a link that cuts packets";
    IpDooptionsBadopt = "ip_dooptions-badopt", Core Critical 12, "net::ip::in", AddressesIn,
        "a packet's IP options are malformed, or ask for a source route; `detail` is the offset",
        "dropped; its source is told", "find who sends it";
    IpForwardBadaddr = "ip_forward-badaddr", Core Critical 13, "net::ip::fwd", AddressesOut,
        "a packet to forward has a next hop that may not be used",
        "not forwarded", "look at the source's configuration";
    IpOutputBadaddr = "ip_output-badaddr", Core Critical 14, "net::ip::out", DestinationOut,
        "there is no route to the destination, or routing is bypassed and it is not directly reachable",
        "not sent", "add a route";
    IpOutputBadaddrtype = "ip_output-badaddrtype", Core Critical 15, "net::ip::out", DestinationOutBroadcastSource,
        "the destination is a broadcast or multicast address that this socket or interface may not use",
        "not sent", "set the option, or choose another interface";
    IpOutputBadsize = "ip_output-badsize", Core Critical 16, "net::ip::out", AddressesOut,
        "a packet is larger than the interface's MTU and may not be fragmented; `detail` is the MTU",
        "not sent", "send smaller packets";
    IpOutputShortmsg = "ip_output-shortmsg", Core Critical 17, "net::ip::out", AddressesOut,
        "the MTU is so small that fragments would carry fewer than 8 octets; `detail` is the MTU",
        "not sent", "raise the MTU";
    IcmpErrorStart = "icmp_error-start", Core Critical 18, "net::icmp", Nothing,
        "a packet could not be processed; `detail` is the ICMP type times 256 plus the code",
        "its source is told", "depends on type and code";
    IcmpInputShortmsg = "icmp_input-shortmsg", Core Critical 19, "net::icmp", AddressesIn,
        "an ICMP message is shorter than 8 octets or cut short",
        "dropped", "find who sends it";
    IcmpInputBadsum = "icmp_input-badsum", Core Critical 20, "net::icmp", AddressesIn,
        "an ICMP checksum is wrong",
        "dropped", "look for a bad link";
    IcmpInputBadlen = "icmp_input-badlen", Core Critical 21, "net::icmp", AddressesIn,
        "an ICMP error is too short, or does not fit the header it encloses",
        "dropped", "find who sends it";
    IgmpInputShortmsg = "igmp_input-shortmsg", Core Critical 22, "net::igmp", Nothing,
        "an IGMP message is shorter than 8 octets, or than it says",
        "dropped", "find who sends it";
    IgmpInputBadsum = "igmp_input-badsum", Core Critical 23, "net::igmp", Nothing,
        "an IGMP checksum is wrong",
        "dropped", "look for a bad link";
    Rtalloc1Miss = "rtalloc1-miss", Aux Critical 24, "net::route", Nothing,
        "a lookup found no route to the destination",
        "the caller gets none", "add a route";
    RtredirectError = "rtredirect-error", Aux Critical 25, "net::route", Nothing,
        "an ICMP redirect is invalid",
        "ignored", "look at the router that sent it";
    RtrequestError = "rtrequest-error", Aux Critical 26, "net::route", Nothing,
        "a change of the table of routes failed",
        "the table is unchanged", "correct the request";
    RouteOutputError = "route_output-error", Aux Critical 27, "net::route", Nothing,
        "a message to the routing interface is invalid",
        "rejected", "correct the message";
    TcpInputBadsum = "tcp_input-badsum", Core Critical 28, "net::tcp", PortsIn,
        "a TCP checksum is wrong",
        "dropped", "look for a bad link";
    TcpInputBadhlen = "tcp_input-badhlen", Core Critical 29, "net::tcp", PortsIn,
        "a TCP header length is below 20 or beyond the segment; `detail` is the length",
        "dropped", "find who sends it";
    TcpCtloutputNopcb = "tcp_ctloutput-nopcb", Aux Critical 30, "net::tcp", Nothing,
        "an option of a stream socket was asked for whose connection is gone; `detail` is the option",
        "refused", "close the socket";
    TcpAttachNopcbmem = "tcp_attach-nopcbmem", Aux Critical 31, "net::tcp", Nothing,
        "there is no room for another connection",
        "the socket, or the connection request, is dropped", "raise the limits or close some";
    SosendError = "sosend-error", Core Critical 32, "net::socket", Nothing,
        "a send cannot be carried out",
        "it fails", "see the error";
    SoreceiveError = "soreceive-error", Core Critical 33, "net::socket", Nothing,
        "a receive cannot be carried out",
        "it fails", "see the error";
    UdpInputBadsum = "udp_input-badsum", Core Critical 34, "net::udp", PortsIn,
        "a UDP checksum is wrong",
        "dropped", "look for a bad link";
    UdpInputBadhlen = "udp_input-badhlen", Core Critical 35, "net::udp", AddressesIn,
        "a UDP datagram is shorter than its header",
        "dropped", "find who sends it";
    UdpInputBadlen = "udp_input-badlen", Core Critical 36, "net::udp", PortsIn,
        "a UDP length is below 8 or beyond the packet; `detail` is the length it says",
        "dropped", "find who sends it";
    ArpInputBadmsg = "arp_input-badmsg", Core Critical 37, "net::arp", Nothing,
        "an ARP packet is short, or not of Ethernet and IPv4",
        "dropped", "find who sends it";
    UdpOutputNomem = "udp_output-nomem", Core Critical 38, "net::udp", Nothing,
        "there is no room to send a datagram",
        "not sent", "send less";
    LinkInputBadmsg = "link_input-badmsg", Core Critical 39, "net::link", Nothing,
        "a frame is shorter than its header; `detail` is 0",
        "dropped", "find who sends it";
    IgmpInputBadmsg = "igmp_input-badmsg", Core Critical 40, "net::igmp", Nothing,
        "an IGMP message has fields or an address that cannot be; `detail` is its type",
        "dropped", "find who sends it";
    // Level 4.
    IfioctlBadifname = "ifioctl-badifname", Aux Error 0, "net::ctl", Nothing,
        "no interface has that name or number",
        "nothing is set or read", "name an interface that is there";
    IfioctlNoproto = "ifioctl-noproto", Aux Error 1, "net::ctl", Nothing,
        "the socket has no protocol, so that it cannot carry an Internet control operation",
        "refused", "use an Internet socket";
    ArpioctlBadreq = "arpioctl-badreq", Aux Error 2, "net::ctl", Nothing,
        "an ARP operation names an address family other than Internet, or a hardware address of another kind; `detail` is the family",
        "refused", "correct the request";
    EtherOutputAfnotsupp = "ether_output-afnotsupp", Core Error 3, "net::link", Nothing,
        "a packet to send is of a family that the interface does not carry; `detail` is the family",
        "dropped", "look at the route";
    InControlNoifdata = "in_control-noifdata", Aux Error 4, "net::ctl", Nothing,
        "the interface has no such address",
        "refused", "name an address that it has";
    InControlBadflags = "in_control-badflags", Aux Error 5, "net::ctl", Nothing,
        "that kind of address, or that flag, does not suit the interface; `detail` is its flags",
        "refused", "broadcast addresses need IFF_BROADCAST, destinations IFF_POINTOPOINT";
    InPcbbindNoaddr = "in_pcbbind-noaddr", Aux Error 6, "net::pcb", Nothing,
        "no interface has an address",
        "the socket stays unnamed", "give an interface an address";
    InPcbbindBadsock = "in_pcbbind-badsock", Aux Error 7, "net::pcb", Nothing,
        "the socket has a name already",
        "the name is unchanged", "bind once";
    InPcbbindBadaddrlen = "in_pcbbind-badaddrlen", Aux Error 8, "net::pcb", Nothing,
        "the address is not 16 octets long",
        "the socket stays unnamed", "correct the call";
    InPcbbindBadaddr = "in_pcbbind-badaddr", Aux Error 9, "net::pcb", Nothing,
        "the address belongs to no interface of this host",
        "the socket stays unnamed", "bind to an address of this host";
    InPcbbindBadport = "in_pcbbind-badport", Aux Error 10, "net::pcb", Nothing,
        "the port is in use with a matching address",
        "the socket stays unnamed", "choose another port, or share it by SO_REUSEADDR or SO_REUSEPORT";
    InPcbladdrBadaddr = "in_pcbladdr-badaddr", Aux Error 11, "net::pcb", Nothing,
        "the remote address cannot be, or no interface has an address to reach it from",
        "not connected", "see the reason";
    InPcbladdrBadif = "in_pcbladdr-badif", Aux Error 12, "net::pcb", Nothing,
        "the interface chosen for multicast is gone",
        "not connected", "choose another by IP_MULTICAST_IF";
    InPcbconnectBadaddr = "in_pcbconnect-badaddr", Aux Error 13, "net::pcb", Nothing,
        "a connection with these two ends exists",
        "not connected", "choose another port";
    IpMrouterCmdNotinit = "ip_mrouter_cmd-notinit", Aux Error 14, "net::mroute", Nothing,
        "multicast forwarding has not been initialised; `detail` is the command",
        "refused", "initialise it first";
    IpMrouterCmdBadcmd = "ip_mrouter_cmd-badcmd", Aux Error 15, "net::mroute", Nothing,
        "there is no such command of multicast forwarding; `detail` is the command",
        "refused", "correct the request";
    AddVifBadindex = "add_vif-badindex", Aux Error 16, "net::mroute", Nothing,
        "the index of a multicast interface is too large; `detail` is the index",
        "refused", "choose a lower one";
    AddVifBadentry = "add_vif-badentry", Aux Error 17, "net::mroute", Nothing,
        "the index of a multicast interface is in use; `detail` is the index",
        "refused", "choose another";
    AddVifBadaddr = "add_vif-badaddr", Aux Error 18, "net::mroute", Nothing,
        "the address of a multicast interface belongs to no device; `detail` is the index",
        "refused", "use an address of this host";
    AddVifBadif = "add_vif-badif", Aux Error 19, "net::mroute", Nothing,
        "the device cannot do multicast and no tunnel is asked for; `detail` is the index",
        "refused", "use another device, or a tunnel";
    DelVifBadindex = "del_vif-badindex", Aux Error 20, "net::mroute", Nothing,
        "there is no multicast interface of that index; `detail` is the index",
        "refused", "correct the request";
    ListenBadsock = "listen-badsock", Aux Error 21, "net::socket", Nothing,
        "the socket cannot listen",
        "refused", "listen on an unconnected stream socket";
    AcceptNotlisten = "accept-notlisten", Aux Error 22, "net::socket", Nothing,
        "the socket does not listen",
        "refused", "listen first";
    SetsockoptBadopt = "setsockopt-badopt", Aux Error 23, "net::socket", Nothing,
        "the socket has no such option; `detail` is its level times 65536 plus its number",
        "refused", "see which options there are";
    SetsockoptBadlen = "setsockopt-badlen", Aux Error 24, "net::socket", Nothing,
        "an option's value is outside its range; `detail` is as for setsockopt-badopt",
        "refused", "correct the value";
    MulticastJoinLimit = "multicast_join-limit", Aux Error 25, "net::igmp", Nothing,
        "the socket, or the host, is in as many groups as it may",
        "not joined", "leave some";
    MulticastJoinBadif = "multicast_join-badif", Aux Error 26, "net::igmp", Nothing,
        "there is no such interface, or it cannot do multicast",
        "not joined", "name another";
    SysctlBadname = "sysctl-badname", Aux Error 27, "net::ctl", Nothing,
        "there is no such parameter",
        "nothing is set or read", "see the list of parameters";
    SysctlRange = "sysctl-range", Aux Error 28, "net::ctl", Nothing,
        "a value is outside the parameter's range; `detail` is the value",
        "the parameter is unchanged", "see its range";
    SysctlReadonly = "sysctl-readonly", Aux Error 29, "net::ctl", Nothing,
        "the parameter cannot be set",
        "unchanged", "none";
    SocketLimit = "socket-limit", Aux Error 30, "net::socket", Nothing,
        "there are as many sockets as there may be",
        "not made", "close some, or raise the limit";
    // Level 5.
    ArpInputDupaddr = "arp_input-dupaddr", Core Warning 0, "net::arp", Nothing,
        "another machine uses this host's address; `detail` is its link address",
        "the packet is ignored", "give one of the two another address";
    ArpInputBcastsrc = "arp_input-bcastsrc", Core Warning 1, "net::arp", Nothing,
        "a machine uses the broadcast address as its link address",
        "the packet is ignored", "repair that machine";
    ArpInputFlood = "arp_input-flood", Core Warning 2, "net::arp", Nothing,
        "packets wait for more neighbours, or more for one, than they may",
        "the oldest is dropped", "it may be an attack";
    IpInputNoproto = "ip_input-noproto", Core Warning 3, "net::ip::in", AddressesIn,
        "nobody takes that protocol",
        "dropped; the source is told", "none";
    IpInputNotours = "ip_input-notours", Core Warning 4, "net::ip::in", AddressesIn,
        "a packet is for another host and this one does not forward",
        "dropped", "none";
    IpInputBadsrc = "ip_input-badsrc", Core Warning 5, "net::ip::in", AddressesIn,
        "a packet's source address cannot be",
        "dropped", "find who sends it";
    IpReassTimeout = "ip_reass-timeout", Core Warning 6, "net::ip::in", AddressesIn,
        "fragments of a packet did not all come in time",
        "what came is dropped; the source is told", "none";
    IpReassOverlap = "ip_reass-overlap", Core Warning 7, "net::ip::in", AddressesIn,
        "fragments of a packet overlap",
        "the whole packet is dropped (RFC 5722's rule)", "it may be an attack";
    IpReassToolong = "ip_reass-toolong", Core Warning 8, "net::ip::in", AddressesIn,
        "fragments of a packet reach past 65535 octets, or their lengths contradict each other",
        "the whole packet is dropped", "it may be an attack";
    IpForwardTtl = "ip_forward-ttl", Core Warning 9, "net::ip::fwd", AddressesOut,
        "a packet to forward has no time left to live",
        "dropped; the source is told", "look for a loop of routes";
    IpForwardNeedfrag = "ip_forward-needfrag", Core Warning 10, "net::ip::fwd", AddressesOut,
        "a packet to forward is larger than the next link carries and may not be fragmented; `detail` is the MTU",
        "dropped; the source is told", "none";
    IpForwardNoroute = "ip_forward-noroute", Core Warning 11, "net::ip::fwd", AddressesOut,
        "there is no route for a packet to forward",
        "dropped; the source is told", "add a route";
    UdpInputNoport = "udp_input-noport", Core Warning 12, "net::udp", PortsIn,
        "no socket has that port",
        "dropped; the source is told", "none";
    UdpInputFull = "udp_input-full", Core Warning 13, "net::udp", PortsIn,
        "the socket's receive queue is full",
        "dropped", "receive faster, or enlarge the buffer";
    RawInputFull = "raw_input-full", Core Warning 14, "net::socket", AddressesIn,
        "a raw socket's receive queue is full",
        "dropped for that socket", "receive faster, or enlarge the buffer";
    LocalFull = "local-full", Aux Warning 15, "net::socket", Nothing,
        "a local socket's receive queue is full",
        "the sender waits", "receive faster";
    TcpInputNoport = "tcp_input-noport", Core Warning 16, "net::tcp", PortsIn,
        "no socket has that port",
        "the peer gets a reset", "none";
    TcpInputBadseq = "tcp_input-badseq", Core Warning 17, "net::tcp", PortsIn,
        "a segment lies outside the window",
        "dropped; the peer gets an acknowledgement", "none";
    TcpInputBadack = "tcp_input-badack", Core Warning 18, "net::tcp", PortsIn,
        "a segment acknowledges what was never sent",
        "dropped; the peer gets an acknowledgement", "it may be an attack";
    TcpInputBadsyn = "tcp_input-badsyn", Core Warning 19, "net::tcp", PortsIn,
        "a segment opens a connection that exists (RFC 5961 §4)",
        "dropped; the peer gets an acknowledgement", "it may be an attack";
    TcpInputBadflags = "tcp_input-badflags", Core Warning 20, "net::tcp", PortsIn,
        "a segment has flags that cannot be together here, or lacks ACK",
        "dropped", "find who sends it";
    TcpInputClosed = "tcp_input-closed", Core Warning 21, "net::tcp", PortsIn,
        "data came for a socket that is closed",
        "the peer gets a reset", "none";
    TcpInputFull = "tcp_input-full", Core Warning 22, "net::tcp", PortsIn,
        "more came out of order, or beyond the buffer, than is kept",
        "dropped", "none";
    TcpInputPaws = "tcp_input-paws", Core Warning 23, "net::tcp", PortsIn,
        "a segment's timestamp is too old (RFC 7323 §5)",
        "dropped; the peer gets an acknowledgement", "none";
    TcpInputReset = "tcp_input-reset", Core Warning 24, "net::tcp", PortsIn,
        "the peer reset the connection",
        "it is gone", "none";
    TcpInputChallenge = "tcp_input-challenge", Core Warning 25, "net::tcp", PortsIn,
        "more doubtful segments came than are answered (RFC 5961 §7)",
        "no acknowledgement is sent", "it may be an attack";
    TcpListenOverflow = "tcp_listen-overflow", Core Warning 26, "net::tcp", PortsIn,
        "a listener's queue is full",
        "the connection request is dropped", "accept faster, or lengthen the backlog";
    TcpSynCookie = "tcp_syn-cookie", Core Warning 27, "net::tcp", PortsIn,
        "more handshakes are under way than are kept",
        "the answer carries a cookie (RFC 4987 §3.6)", "it may be an attack";
    TcpSynBadcookie = "tcp_syn-badcookie", Core Warning 28, "net::tcp", PortsIn,
        "an acknowledgement to a listener fits no handshake and no cookie",
        "the peer gets a reset", "it may be an attack";
    TcpSynTimeout = "tcp_syn-timeout", Core Warning 29, "net::tcp", PortsIn,
        "a handshake was not completed",
        "it is forgotten", "none";
    TcpTimerRexmtdrop = "tcp_timer-rexmtdrop", Core Warning 30, "net::tcp", PortsIn,
        "the peer did not acknowledge for too long",
        "the connection is dropped", "look at the network";
    TcpTimerKeepdrop = "tcp_timer-keepdrop", Core Warning 31, "net::tcp", PortsIn,
        "the peer did not answer keepalive probes",
        "the connection is dropped", "look at the network";
    IcmpErrorRatelimit = "icmp_error-ratelimit", Core Warning 32, "net::icmp", Nothing,
        "more ICMP errors were due than may be sent",
        "not sent", "it may be an attack";
    IcmpErrorSuppressed = "icmp_error-suppressed", Core Warning 33, "net::icmp", Nothing,
        "no ICMP error may answer that packet (RFC 1122 §3.2.2)",
        "not sent", "none";
    IcmpInputQuench = "icmp_input-quench", Core Warning 34, "net::icmp", AddressesIn,
        "a source quench came",
        "ignored (RFC 6633)", "none";
    IcmpInputBadcode = "icmp_input-badcode", Core Warning 35, "net::icmp", AddressesIn,
        "an ICMP message has an unknown code, or an unknown type; `detail` is the type times 256 plus the code",
        "ignored", "none";
    IcmpInputIgnored = "icmp_input-ignored", Core Warning 36, "net::icmp", AddressesIn,
        "an ICMP message asks for what this host does not do; `detail` is as for icmp_input-badcode",
        "ignored", "none";
    IpMforwardNoroute = "ip_mforward-noroute", Core Warning 37, "net::mroute", Nothing,
        "there is no multicast route for a packet",
        "kept for a while, or dropped", "see whether the multicast routing daemon runs";
    IpMforwardWrongif = "ip_mforward-wrongif", Core Warning 38, "net::mroute", Nothing,
        "a multicast packet came over the wrong interface; `detail` is the interface expected",
        "not forwarded", "none";
    QdiscDrop = "qdisc-drop", Core Warning 39, "net::link", Nothing,
        "a send queue, or a flow's share of it, is full; `detail` is the traffic class",
        "the packet is dropped", "send less, or lengthen the queue";
    QdiscPolice = "qdisc-police", Core Warning 40, "net::link", Nothing,
        "a reserved flow sends more than it reserved; `detail` is the traffic class",
        "best effort, or dropped", "reserve more";
    LinkInputNotours = "link_input-notours", Core Warning 41, "net::link", Nothing,
        "a frame is for another station",
        "ignored", "none";
    LinkInputBadtype = "link_input-badtype", Core Warning 42, "net::link", Nothing,
        "a frame is of a type that nobody takes; `detail` is the type",
        "ignored", "none";
    LoopInputFull = "loop_input-full", Core Warning 43, "net::link", Nothing,
        "the loopback interface's queue is full",
        "the packet is dropped", "none";
    // Level 6.
    IfUp = "if-up", Aux Notice 0, "net::link", Nothing,
        "an interface came up",
        "it carries packets", "none";
    IfDown = "if-down", Aux Notice 1, "net::link", Nothing,
        "an interface went down",
        "it carries none", "none";
    IfAddrAdd = "if_addr-add", Aux Notice 2, "net::ctl", Nothing,
        "an interface got an address",
        "none", "none";
    IfAddrDel = "if_addr-del", Aux Notice 3, "net::ctl", Nothing,
        "an interface lost an address",
        "none", "none";
    RtAdd = "rt-add", Aux Notice 4, "net::route", Nothing,
        "a route was added",
        "none", "none";
    RtDel = "rt-del", Aux Notice 5, "net::route", Nothing,
        "a route was deleted",
        "none", "none";
    RtChange = "rt-change", Aux Notice 6, "net::route", Nothing,
        "a route was changed",
        "none", "none";
    PmtuChange = "pmtu-change", Aux Notice 7, "net::route", Nothing,
        "the MTU of a path changed; `detail` is the MTU",
        "none", "none";
    ArpResolved = "arp-resolved", Aux Notice 8, "net::arp", Nothing,
        "a neighbour's link address is known; `detail` is the address",
        "none", "none";
    ArpExpired = "arp-expired", Aux Notice 9, "net::arp", Nothing,
        "a neighbour's link address is forgotten",
        "none", "none";
    MulticastJoin = "multicast-join", Aux Notice 10, "net::igmp", Nothing,
        "an interface joined a group",
        "none", "none";
    MulticastLeave = "multicast-leave", Aux Notice 11, "net::igmp", Nothing,
        "an interface left a group",
        "none", "none";
    MrtAdd = "mrt-add", Aux Notice 12, "net::mroute", Nothing,
        "a multicast route was added",
        "none", "none";
    MrtDel = "mrt-del", Aux Notice 13, "net::mroute", Nothing,
        "a multicast route was deleted",
        "none", "none";
    SysctlSet = "sysctl-set", Aux Notice 14, "net::ctl", Nothing,
        "a parameter was set; `detail` is its value",
        "none", "none";
    QdiscReserve = "qdisc-reserve", Aux Notice 15, "net::link", Nothing,
        "a reservation was installed or changed; `detail` is its traffic class",
        "none", "none";
    QdiscRelease = "qdisc-release", Aux Notice 16, "net::link", Nothing,
        "a reservation was removed; `detail` is its traffic class",
        "none", "none";
    // Level 7.
    SocketCreate = "socket-create", Aux Info 0, "net::socket", Nothing,
        "a socket was made",
        "none", "none";
    SocketBind = "socket-bind", Aux Info 1, "net::socket", Nothing,
        "a socket got a name",
        "none", "none";
    SocketListen = "socket-listen", Aux Info 2, "net::socket", Nothing,
        "a socket listens; `detail` is its backlog",
        "none", "none";
    SocketConnect = "socket-connect", Aux Info 3, "net::socket", Nothing,
        "a socket connects, or has a peer",
        "none", "none";
    SocketAccept = "socket-accept", Aux Info 4, "net::socket", Nothing,
        "a connection was accepted",
        "none", "none";
    SocketClose = "socket-close", Aux Info 5, "net::socket", Nothing,
        "a socket was closed",
        "none", "none";
    TcpState = "tcp-state", Core Info 6, "net::tcp", Nothing,
        "a connection went from one state to another",
        "none", "none";
    TcpTimerRexmt = "tcp_timer-rexmt", Core Info 7, "net::tcp", PortsIn,
        "a segment is sent again because its acknowledgement did not come in time; `detail` is how often",
        "none", "none";
    TcpFastrexmt = "tcp-fastrexmt", Core Info 8, "net::tcp", PortsIn,
        "a segment is sent again because later ones were acknowledged",
        "none", "none";
    TcpZerowindow = "tcp-zerowindow", Core Info 9, "net::tcp", PortsIn,
        "the peer can take nothing now",
        "probes follow", "none";
    SetsockoptSet = "setsockopt-set", Aux Info 10, "net::socket", Nothing,
        "an option was set; `detail` is as for setsockopt-badopt",
        "none", "none";
    // Level 8.
    LinkIn = "link-in", Core Verbose 0, "net::link", Nothing,
        "a frame came",
        "none", "none";
    LinkOut = "link-out", Core Verbose 1, "net::link", Nothing,
        "a frame went",
        "none", "none";
    IpIn = "ip-in", Core Verbose 2, "net::ip::in", AddressesIn,
        "a packet came",
        "none", "none";
    IpOut = "ip-out", Core Verbose 3, "net::ip::out", AddressesOut,
        "a packet went",
        "none", "none";
    IpForward = "ip-forward", Core Verbose 4, "net::ip::fwd", AddressesOut,
        "a packet was forwarded",
        "none", "none";
    IpFrag = "ip-frag", Core Verbose 5, "net::ip::out", AddressesOut,
        "a packet was fragmented; `detail` is into how many",
        "none", "none";
    IpReass = "ip-reass", Core Verbose 6, "net::ip::in", AddressesIn,
        "a packet was reassembled",
        "none", "none";
    IcmpIn = "icmp-in", Core Verbose 7, "net::icmp", AddressesIn,
        "an ICMP message came; `detail` is its type times 256 plus its code",
        "none", "none";
    IcmpOut = "icmp-out", Core Verbose 8, "net::icmp", AddressesOut,
        "an ICMP message went; `detail` is as for icmp-in",
        "none", "none";
    IgmpIn = "igmp-in", Core Verbose 9, "net::igmp", AddressesIn,
        "an IGMP message came; `detail` is its type",
        "none", "none";
    IgmpOut = "igmp-out", Core Verbose 10, "net::igmp", AddressesOut,
        "an IGMP message went; `detail` is its type",
        "none", "none";
    ArpIn = "arp-in", Core Verbose 11, "net::arp", AddressesIn,
        "an ARP packet came; `detail` is its operation",
        "none", "none";
    ArpOut = "arp-out", Core Verbose 12, "net::arp", AddressesOut,
        "an ARP packet went; `detail` is its operation",
        "none", "none";
    UdpIn = "udp-in", Core Verbose 13, "net::udp", PortsIn,
        "a datagram came",
        "none", "none";
    UdpOut = "udp-out", Core Verbose 14, "net::udp", AddressesOut,
        "a datagram went",
        "none", "none";
    TcpIn = "tcp-in", Core Verbose 15, "net::tcp", PortsIn,
        "a segment came; `detail` is its sequence number",
        "none", "none";
    TcpOut = "tcp-out", Core Verbose 16, "net::tcp", AddressesOut,
        "a segment went; `detail` is its sequence number",
        "none", "none";
    SoSend = "so-send", Core Verbose 17, "net::socket", Nothing,
        "a program sent data",
        "none", "none";
    SoRecv = "so-recv", Core Verbose 18, "net::socket", Nothing,
        "a program received data",
        "none", "none";
}

impl EventId {
    /// What is declared of it.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "one entry for each variant, in their order"
    )]
    pub const fn declaration(self) -> &'static Declaration {
        const TABLE: &[Declaration; EventId::COUNT] = &DECLARED;
        &TABLE[self.index()]
    }

    /// Its place in [`EventId::ALL`].
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in the dictionary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }

    /// Its level.
    #[must_use]
    pub const fn level(self) -> Level {
        self.declaration().level
    }

    /// Its class.
    #[must_use]
    pub const fn class(self) -> Class {
        self.declaration().class
    }

    /// Its number: 20000 + 100 × level + offset + 1, so that level and offset can be read from it (EVT-7, EVT-8).
    #[must_use]
    pub fn number(self) -> u16 {
        let declared = self.declaration();
        20_000 + 100 * u16::from(declared.level.number()) + declared.offset + 1
    }

    /// Cause, effect and recovery in a few sentences.
    #[must_use]
    pub fn explain(self) -> String {
        let Declaration {
            name,
            class,
            level,
            cause,
            effect,
            recovery,
            ..
        } = self.declaration();
        format!(
            "{name} ({class}, {level})\ncause: {cause}\neffect: {effect}\nrecovery: {recovery}\n"
        )
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No event has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no event is called {0:?}")]
pub struct ParseEventIdError(String);

impl FromStr for EventId {
    type Err = ParseEventIdError;

    /// The event of that name in the dictionary. `icmp_error-start` stands for two (its level is 1 for a source quench
    /// and 3 otherwise): the name gives that of level 3.
    fn from_str(name: &str) -> Result<Self, ParseEventIdError> {
        Self::ALL
            .iter()
            .copied()
            .rfind(|id| id.name() == name)
            .ok_or_else(|| ParseEventIdError(name.to_owned()))
    }
}
