//! Groups as a host joins them: the messages of IGMP in and out (RFC 1112, RFC 2236, RFC 3376).

use super::Stack;
use crate::event;
use crate::event::EventId;
use crate::ip::{Inbound, Send};
use crate::pkt::PacketBuf;
use fairway_wire::Protocol;
use fairway_wire::ipv4::options::OptionBuffer;

/// The precedence of IGMP: internetwork control (RFC 3376 §4).
const PRECEDENCE: u8 = 0xc0;

impl Stack {
    /// Takes an IGMP message; `packet` begins with it. Raw sockets have it already, if `heard`.
    pub(crate) fn igmp_input(&mut self, inbound: &Inbound, packet: &PacketBuf, heard: bool) {
        let source = inbound.header.source;
        let octets = packet.as_slice();
        let events = &mut self.events;
        let interface = inbound.interface;
        self.igmp
            .handle_message(self.now, interface, source, octets, heard, events);
        self.flush_igmp();
    }

    /// Sends what IGMP wants sent: with router alert, and for this link only (RFC 3376 §4).
    pub(crate) fn flush_igmp(&mut self) {
        while let Some(output) = self.igmp.poll_output() {
            let mut alert = OptionBuffer::new();
            alert.push_router_alert(0);
            let send = Send {
                tos: PRECEDENCE,
                interface: Some(output.interface),
                multicast_loop: false,
                ..Send::plain(output.destination, Protocol::IGMP, 1)
            };
            let Ok(hop) = self.hop_for(&send) else {
                continue; // The interface is down; what is reported when it comes up is more recent.
            };
            event!(
                self.events,
                self.now,
                EventId::IgmpOut,
                interface = output.interface.0,
                destination = output.destination,
                len = output.packet.len()
            );
            let _lost = self.ip_send(
                &send,
                hop,
                hop.source,
                Some(alert.as_slice()),
                output.packet,
            );
        }
    }

    /// Says what of a packet's fragments has not come in time (RFC 1122 §3.3.2).
    pub(crate) fn flush_reassembly(&mut self) {
        while let Some(output) = self.reassembly.poll_output() {
            self.ip_counters.fragments_timed_out += 1;
            self.reassembly_timed_out(output);
        }
    }
}
