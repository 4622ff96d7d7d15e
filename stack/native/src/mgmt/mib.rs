//! The statistics of a host (`sockets.md` §11).

use crate::counters::{ArpCounters, IgmpCounters};
use crate::event::DropCounters;
use crate::icmp::IcmpCounters;
use crate::iface::{InterfaceCounters, InterfaceId};
use crate::ip::IpCounters;
use crate::tcp::TcpCounters;
use crate::udp::UdpCounters;

/// Counters whose names can be asked for.
pub trait Statistics {
    /// Calls `each` with the name and value of every counter, in the order of their declaration.
    fn for_each(&self, each: &mut dyn FnMut(&str, u64));

    /// The counter of that name.
    fn by_name(&self, name: &str) -> Option<u64> {
        let mut found = None;
        self.for_each(&mut |other, value| {
            if other == name {
                found = Some(value);
            }
        });
        found
    }

    /// The counters as a table of octets: 64 bits each, in the byte order of the machine.
    fn to_table(&self) -> Vec<u8> {
        let mut table = Vec::new();
        self.for_each(&mut |_, value| table.extend_from_slice(&value.to_ne_bytes()));
        table
    }
}

macro_rules! statistics {
    ($of:ty: [$($name:ident,)*] $(by type [$($table:ident),*])?) => {
        impl Statistics for $of {
            fn for_each(&self, each: &mut dyn FnMut(&str, u64)) {
                $( each(stringify!($name), self.$name); )*
                $($(
                    for (of, value) in self.$table.iter().enumerate() {
                        each(&format!("{}.{of}", stringify!($table)), *value);
                    }
                )*)?
            }
        }
    };
}

statistics! { TcpCounters: [
    connects_attempted, accepts, connects_established, dropped, embryonic_dropped, closed,
    segments_timed, rtt_updates, delayed_acks, retransmit_timeouts, orphans_dropped, timeout_drops, persist_timeouts,
    persist_drops, keepalive_timeouts, keepalive_probes, keepalive_drops, tail_loss_probes,
    sent_packets, sent_data_packets, sent_data_octets, retransmitted_packets, retransmitted_octets,
    fast_retransmits, sent_acks, sent_window_probes, sent_urgent, sent_window_updates, sent_control,
    sent_resets, sent_challenge_acks, received_packets, received_in_sequence_packets,
    received_in_sequence_octets, received_bad_checksum, received_bad_offset, received_short,
    received_duplicate_packets, received_duplicate_octets, received_part_duplicate_packets,
    received_part_duplicate_octets, received_out_of_order_packets, received_out_of_order_octets,
    received_after_window_packets, received_after_window_octets, received_after_close,
    received_window_probes, received_duplicate_acks, received_acks_for_unsent, received_ack_packets,
    received_ack_octets, received_window_updates, received_resets, paws_drops, predicted_acks,
    predicted_data, bad_syns, no_port, listen_overflows, syn_cookies_sent, syn_cookies_accepted,
    syn_cookies_refused, path_mtu_resends, black_holes, sack_recoveries, reno_recoveries,
    dsacks_received, dsacks_sent, undone_recoveries, spurious_timeouts, time_wait_overflows,
    time_wait_reused, pruned, option_errors,
] }

statistics! { UdpCounters: [
    received, short, bad_checksum, bad_length, no_port, no_port_broadcast, full, delivered, sent,
] }

statistics! { IpCounters: [
    received, bad_checksum, too_short, too_small, bad_header_length, bad_length, bad_version,
    bad_options, bad_source, fragments, fragments_dropped, fragments_timed_out, reassembled,
    forwarded, cannot_forward, forwarded_multicast, redirects_sent, no_protocol, delivered, sent,
    output_dropped, fragmented, fragments_created, cannot_fragment, no_route, raw_output,
] }

statistics! { IcmpCounters: [
    errors, suppressed, rate_limited, short, bad_checksum, bad_length, bad_code, responses,
    redirects_taken, redirects_refused,
] by type [received, sent] }

statistics! { IgmpCounters: [
    received, too_short, bad_checksum, queries, bad_queries, reports, bad_reports,
    reports_for_own_groups, reports_sent, queries_sent, groups_without_room,
] }

statistics! { ArpCounters: [
    requests_received, replies_received, bad_received, requests_sent, replies_sent,
    replies_suppressed, no_room, conflicts, suspended, expired, evicted, dropped_waiting,
] }

statistics! { InterfaceCounters: [
    in_octets, in_unicast, in_multicast, in_discards, in_errors, in_unknown, out_octets,
    out_unicast, out_multicast, out_discards, out_errors,
] }

/// Each by the name of its reason.
impl Statistics for DropCounters {
    fn for_each(&self, each: &mut dyn FnMut(&str, u64)) {
        for (reason, count) in self.iter() {
            each(reason.name(), count);
        }
    }
}

/// What waits in a host at a moment: what `mbstat` says of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryCounters {
    /// Sockets, of all kinds.
    pub sockets: u64,
    /// Packets in the queues of interfaces.
    pub queued_packets: u64,
    /// Octets of these.
    pub queued_octets: u64,
}

statistics! { MemoryCounters: [sockets, queued_packets, queued_octets,] }

/// All counters of a host, at one moment (SYS-7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Of TCP.
    pub tcp: TcpCounters,
    /// Of UDP.
    pub udp: UdpCounters,
    /// Of IP.
    pub ip: IpCounters,
    /// Of ICMP.
    pub icmp: IcmpCounters,
    /// Of IGMP.
    pub igmp: IgmpCounters,
    /// Of ARP.
    pub arp: ArpCounters,
    /// Of what was dropped, by reason.
    pub drops: DropCounters,
    /// What waits.
    pub memory: MemoryCounters,
    /// Of the interfaces, in the order of their numbers.
    pub interfaces: Vec<(InterfaceId, InterfaceCounters)>,
}

impl Statistics for Counters {
    /// Names begin with the protocol: `tcp.retransmit_timeouts`, `if2.in_octets`.
    fn for_each(&self, each: &mut dyn FnMut(&str, u64)) {
        let parts: [(&str, &dyn Statistics); 8] = [
            ("tcp", &self.tcp),
            ("udp", &self.udp),
            ("ip", &self.ip),
            ("icmp", &self.icmp),
            ("igmp", &self.igmp),
            ("arp", &self.arp),
            ("drop", &self.drops),
            ("memory", &self.memory),
        ];
        for (part, counters) in parts {
            counters.for_each(&mut |name, value| each(&format!("{part}.{name}"), value));
        }
        for (id, counters) in &self.interfaces {
            counters.for_each(&mut |name, value| each(&format!("if{id}.{name}"), value));
        }
    }
}
