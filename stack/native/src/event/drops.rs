//! Why something was dropped: every reason there is, each with its event, its words and its counter.
//!
//! Nothing is dropped but by [`dropped!`](crate::dropped), which takes a [`DropReason`]: it counts the reason and raises
//! the event that the reason belongs to, so that a packet cannot vanish unseen. A layer that counts by the names of its
//! protocol (`ipstat` and its like, `sockets.md` §11) does so beside it.
//!
//! What the owner of a socket throws away himself, by closing it or by switching the host off, is no drop.

use super::dictionary::EventId;
use std::fmt;

macro_rules! reasons {
    ($( $variant:ident $name:ident = $event:ident $words:literal; )*) => {
        /// Why something was dropped: a frame, a packet, a fragment, a segment, a message, an entry of a table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum DropReason {
            $(
                #[doc = concat!("“", $words, "”: [`EventId::", stringify!($event), "`].")]
                $variant,
            )*
        }

        impl DropReason {
            /// Every reason.
            pub const ALL: &[Self] = &[$( Self::$variant, )*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The event that tells of it.
            #[must_use]
            pub const fn event(self) -> EventId {
                match self {
                    $( Self::$variant => EventId::$event, )*
                }
            }

            /// The words in the event's field `reason`.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self {
                    $( Self::$variant => $words, )*
                }
            }

            /// The name of its counter.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => stringify!($name), )*
                }
            }
        }
    };
}

reasons! {
    // Frames that came in.
    LinkUnknown link_unknown = LinkInputNotours "no such interface";
    LinkDown link_down = LinkInputNotours "the interface is down";
    LinkNotOurs link_not_ours = LinkInputNotours "for another station";
    LinkShort link_short = LinkInputBadmsg "no link header";
    LinkBadType link_bad_type = LinkInputBadtype "neither IP nor ARP";
    // ARP packets that came in, and answers to them.
    ArpMalformed arp_malformed = ArpInputBadmsg "not of IPv4 and Ethernet";
    ArpBadOperation arp_bad_operation = ArpInputBadmsg "neither request nor reply";
    ArpBadSender arp_bad_sender = ArpInputBadmsg "nobody has the sender's address";
    ArpOwn arp_own = ArpInputBadmsg "our own comes back";
    ArpGroupSender arp_group_sender = ArpInputBcastsrc "sent by a group";
    ArpNoRoom arp_no_room = ArpInputFlood "no room for the neighbour";
    ArpNoAnswer arp_no_answer = ArpInputFlood "too many answers wait";
    // Packets that came in.
    IpShort ip_short = IpintrShortmsg "shorter than a header";
    IpBadVersion ip_bad_version = IpintrBadvers "not version 4";
    IpBadHeaderLength ip_bad_header_length = IpintrBadhlen "length of the header";
    IpBadChecksum ip_bad_checksum = IpintrBadsum "checksum of the header";
    IpBadLength ip_bad_length = IpintrBadlen "shorter than its header";
    IpTruncated ip_truncated = IpintrBadmblk "not all there";
    IpBadSource ip_bad_source = IpInputBadsrc "nobody sends from there";
    IpBadOptions ip_bad_options = IpDooptionsBadopt "malformed";
    IpSourceRoute ip_source_route = IpDooptionsBadopt "source route";
    IpNotOurs ip_not_ours = IpInputNotours "for another host";
    IpNoMember ip_no_member = IpInputNotours "for a group nobody here is in";
    IpNoProtocol ip_no_protocol = IpInputNoproto "nobody has the protocol";
    // Fragments.
    FragmentRefused fragment_refused = IpReassOverlap "refused before";
    FragmentTwice fragment_twice = IpReassOverlap "duplicate";
    FragmentOverlap fragment_overlap = IpReassOverlap "overlap";
    FragmentLength fragment_length = IpReassToolong "length of a fragment";
    FragmentTooFar fragment_too_far = IpReassToolong "past 65535 octets";
    FragmentTwoEnds fragment_two_ends = IpReassToolong "two ends";
    FragmentTooMany fragment_too_many = IpReassToolong "too many fragments";
    FragmentMarks fragment_marks = IpReassToolong "ECN fields differ";
    FragmentOptions fragment_options = IpReassToolong "past 65535 octets with its options";
    FragmentsLate fragments_late = IpReassTimeout "not all came in time";
    FragmentsOfSource fragments_of_source = ReassAllocNomem "too much memory of one source";
    FragmentsMemory fragments_memory = ReassAllocNomem "too much memory";
    FragmentsPackets fragments_packets = ReassAllocNomem "too many packets";
    // Packets for others.
    ForwardNever forward_never = IpForwardBadaddr "may not be forwarded";
    ForwardDirected forward_directed = IpForwardBadaddr "directed broadcast";
    ForwardTtl forward_ttl = IpForwardTtl "no hop is left";
    ForwardTooLong forward_too_long = IpForwardNeedfrag "must not be fragmented";
    ForwardNoRoute forward_no_route = IpForwardNoroute "no route";
    ForwardRejected forward_rejected = IpForwardNoroute "the route rejects it";
    ForwardBlackHole forward_black_hole = IpForwardNoroute "the route is a black hole";
    ForwardDown forward_down = EtherOutputIfdown "the way on is down";
    // Packets for groups of others.
    MulticastTtl multicast_ttl = IpForwardTtl "to a group";
    MulticastTooLong multicast_too_long = IpForwardNeedfrag "to a group";
    MulticastOffRoute multicast_off_route = IpMforwardWrongif "not by the interface of its route";
    MulticastOffPath multicast_off_path = IpMforwardWrongif "not by the way back";
    MulticastNoRoom multicast_no_room = IpMforwardNoroute "too many wait for a route";
    MulticastNoRoute multicast_no_route = IpMforwardNoroute "waited for a route in vain";
    MulticastUnwanted multicast_unwanted = IpMforwardNoroute "nobody further on wants it";
    MulticastEnded multicast_ended = IpMforwardNoroute "routing ended";
    MulticastUpcall multicast_upcall = IpMforwardNoroute "too many upcalls wait";
    // Packets on their way out.
    OutputNoRoute output_no_route = IpOutputBadaddr "no route";
    OutputNotNear output_not_near = IpOutputBadaddr "routing bypassed";
    OutputRejected output_rejected = IpOutputBadaddr "the route rejects it";
    OutputBlackHole output_black_hole = IpOutputBadaddr "the route is a black hole";
    OutputBadType output_bad_type = IpOutputBadaddrtype "not to so many";
    OutputForeign output_foreign = IpOutputBadaddrtype "not an address of this host";
    OutputLoopback output_loopback = IpOutputBadaddrtype "a loopback address leaves no host";
    OutputPast output_past = IpOutputBadsize "past 65535 octets";
    OutputWhole output_whole = IpOutputBadsize "must not be fragmented";
    OutputLargeBroadcast output_large_broadcast = IpOutputBadsize "large broadcast";
    OutputNarrow output_narrow = IpOutputShortmsg "no room for eight octets";
    OutputPiece output_piece = EtherOutputNomem "another piece was lost";
    OutputDown output_down = EtherOutputIfdown "the interface is down";
    OutputBadFamily output_bad_family = EtherOutputAfnotsupp "not carried by the interface";
    // Frames that wait to be sent.
    QueueFull queue_full = EtherOutputNomem "queue full";
    QueueFlowFull queue_flow_full = QdiscDrop "flow's queue full";
    QueuePoliced queue_policed = QdiscPolice "beyond the reservation";
    QueueDown queue_down = EtherOutputIfdown "the interface went down";
    QueueReplaced queue_replaced = QdiscDrop "the queue was replaced";
    QueueRefused queue_refused = EtherOutputIfdown "whoever drives the interface did not take it";
    LoopbackFull loopback_full = LoopInputFull "too many wait";
    // Packets that wait for a neighbour.
    NeighbourWaiting neighbour_waiting = EtherOutputNomem "waiting for ARP";
    NeighbourNoRoom neighbour_no_room = EtherOutputNomem "no room for the neighbour";
    NeighbourForgotten neighbour_forgotten = EtherOutputNoroute "the neighbour was forgotten";
    NeighbourNoSource neighbour_no_source = EtherOutputNoroute "no address to ask as";
    NeighbourSilent neighbour_silent = EtherOutputRtreject "did not answer";
    NeighbourSuspended neighbour_suspended = EtherOutputRtreject "did not answer before";
    // ICMP messages.
    IcmpShort icmp_short = IcmpInputShortmsg "shorter than a message";
    IcmpBadChecksum icmp_bad_checksum = IcmpInputBadsum "checksum";
    IcmpBadQuote icmp_bad_quote = IcmpInputBadlen "does not quote a packet";
    IcmpUnknown icmp_unknown = IcmpInputBadcode "unknown type";
    IcmpQuench icmp_quench = IcmpInputQuench "source quench";
    IcmpUnanswered icmp_unanswered = IcmpInputIgnored "not answered here";
    IcmpUnasked icmp_unasked = IcmpInputIgnored "nobody waits for it";
    IcmpForeign icmp_foreign = IcmpInputIgnored "about a packet of another host";
    IcmpDoubted icmp_doubted = IcmpInputIgnored "about nothing that was sent";
    IcmpSuppressed icmp_suppressed = IcmpErrorSuppressed "no error answers that";
    IcmpLimited icmp_limited = IcmpErrorRatelimit "too many errors";
    RedirectLimited redirect_limited = IcmpErrorRatelimit "too many redirects";
    RedirectUnwanted redirect_unwanted = RtredirectError "not accepted here";
    RedirectStranger redirect_stranger = RtredirectError "not from the current router";
    RedirectFar redirect_far = RtredirectError "the new router is not directly reachable";
    RedirectDirect redirect_direct = RtredirectError "the destination is directly reachable";
    RedirectOurs redirect_ours = RtredirectError "the new router is this host";
    RedirectFull redirect_full = RtredirectError "the table is full";
    // IGMP messages.
    IgmpShort igmp_short = IgmpInputShortmsg "shorter than a message";
    IgmpBadChecksum igmp_bad_checksum = IgmpInputBadsum "checksum";
    IgmpBadLength igmp_bad_length = IgmpInputBadmsg "length of a query";
    IgmpNoGroup igmp_no_group = IgmpInputBadmsg "about no group";
    IgmpUnknown igmp_unknown = IgmpInputBadmsg "unknown type";
    IgmpNoRoom igmp_no_room = MulticastJoinLimit "too many groups on the network";
    // Datagrams.
    UdpShort udp_short = UdpInputBadhlen "shorter than a header";
    UdpBadLength udp_bad_length = UdpInputBadlen "length";
    UdpBadChecksum udp_bad_checksum = UdpInputBadsum "checksum";
    UdpNoPort udp_no_port = UdpInputNoport "nobody has the port";
    UdpNoListener udp_no_listener = UdpInputNoport "sent to many";
    UdpFull udp_full = UdpInputFull "queue full";
    UdpShut udp_shut = UdpInputFull "receiving was shut down";
    RawFull raw_full = RawInputFull "queue full";
    RawShut raw_shut = RawInputFull "receiving was shut down";
    LocalParted local_parted = LocalFull "the peer was changed";
    // Segments.
    TcpShort tcp_short = TcpInputBadhlen "shorter than a header";
    TcpBadOffset tcp_bad_offset = TcpInputBadhlen "length of the header";
    TcpBadChecksum tcp_bad_checksum = TcpInputBadsum "checksum";
    TcpMany tcp_many = TcpInputBadsyn "not to one host";
    TcpNoPort tcp_no_port = TcpInputNoport "nobody has the port";
    TcpSynInside tcp_syn_inside = TcpInputBadsyn "a SYN within a connection";
    TcpSynData tcp_syn_data = TcpInputBadsyn "data with a SYN";
    TcpNoAck tcp_no_ack = TcpInputBadflags "no ACK bit";
    TcpNoSyn tcp_no_syn = TcpInputBadflags "no SYN in SYN-SENT";
    TcpOldStamp tcp_old_stamp = TcpInputPaws "an old timestamp";
    TcpOutside tcp_outside = TcpInputBadseq "outside of the window";
    TcpBeyond tcp_beyond = TcpInputBadseq "beyond the window";
    TcpTwice tcp_twice = TcpInputBadseq "a duplicate";
    TcpResetOutside tcp_reset_outside = TcpInputBadseq "a reset outside of the window";
    TcpResetBeside tcp_reset_beside = TcpInputBadseq "a reset that does not hit the next number";
    TcpResetBlind tcp_reset_blind = TcpInputBadack "a reset that acknowledges no SYN";
    TcpNotOurSyn tcp_not_our_syn = TcpInputBadack "not our SYN";
    TcpNotOurSynAck tcp_not_our_syn_ack = TcpInputBadack "not our SYN-ACK";
    TcpAckUnsent tcp_ack_unsent = TcpInputBadack "an acknowledgment of what was not sent";
    TcpAckPast tcp_ack_past = TcpInputBadack "an acknowledgment from the far past";
    TcpUnanswered tcp_unanswered = TcpInputChallenge "too many";
    TcpClosed tcp_closed = TcpInputClosed "data after close";
    TcpPastFin tcp_past_fin = TcpInputClosed "behind the peer's FIN";
    TcpShut tcp_shut = TcpInputClosed "receiving was shut down";
    TcpTooEarly tcp_too_early = TcpInputFull "too many segments out of order";
    TcpRepliesFull tcp_replies_full = TcpInputFull "too many answers wait";
    // Segments for a listener, and the handshakes it holds.
    ListenReset listen_reset = TcpInputReset "for a listener";
    ListenNoSyn listen_no_syn = TcpInputBadsyn "not a SYN alone";
    ListenNoWay listen_no_way = TcpInputBadsyn "no way back";
    ListenFull listen_full = TcpListenOverflow "accept queue";
    ListenCrowded listen_crowded = TcpListenOverflow "handshakes";
    ListenNoRoom listen_no_room = TcpAttachNopcbmem "connection request";
    ListenBadCookie listen_bad_cookie = TcpSynBadcookie "not a cookie of ours";
    HandshakeSyn handshake_syn = TcpInputBadsyn "another SYN";
    HandshakeReset handshake_reset = TcpInputReset "ends a handshake";
    HandshakeResetBeside handshake_reset_beside = TcpInputBadseq "a reset that hits no handshake";
    HandshakeLate handshake_late = TcpSynTimeout "our SYN-ACK was not acknowledged";
    // Connections.
    TimeWaitReset time_wait_reset = TcpInputReset "in TIME-WAIT";
    TimeWaitOld time_wait_old = TcpInputClosed "nothing new in TIME-WAIT";
    TimeWaitFull time_wait_full = TcpAttachNopcbmem "too many in TIME-WAIT";
    OrphansFull orphans_full = TcpAttachNopcbmem "too many are closed and not done";
    ConnectLate connect_late = TcpTimerRexmtdrop "the time for connecting is over";
    SendLate send_late = TcpTimerRexmtdrop "the peer does not answer";
    WindowLate window_late = TcpTimerRexmtdrop "the peer's window stays closed";
    LingerLate linger_late = TcpTimerRexmtdrop "the time for lingering is over";
    CloseLate close_late = TcpTimerKeepdrop "the peer does not close";
    KeepaliveLate keepalive_late = TcpTimerKeepdrop "keepalive probes are not answered";
}

impl DropReason {
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often something was dropped, by reason.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DropCounters([u64; DropReason::COUNT]);

impl DropCounters {
    pub(crate) const NONE: Self = Self([0; DropReason::COUNT]);

    #[inline]
    pub(super) fn count(&mut self, reason: DropReason) {
        if let Some(counter) = self.0.get_mut(reason.index()) {
            *counter += 1;
        }
    }

    /// How often something was dropped for that reason.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason.index()).copied().unwrap_or(0)
    }

    /// The reasons and how often each was one, in their order; those that never were, too.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.iter().copied().zip(self.0)
    }

    /// How often something was dropped at all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Default for DropCounters {
    fn default() -> Self {
        Self::NONE
    }
}

/// Those that are not zero.
impl fmt::Debug for DropCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let those = self.iter().filter(|&(_, count)| count != 0);
        f.debug_map()
            .entries(those.map(|(reason, count)| (reason.name(), count)))
            .finish()
    }
}
