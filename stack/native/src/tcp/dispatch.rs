//! What TCP wants sent and told: answers first, then the segments of connections that owe some.

use std::net::Ipv4Addr;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{Flags, Header, Options};

use super::endpoint::Endpoint;
use super::num::seq_len;
use super::segment::{Answer, bare};
use super::table::{ConnId, FourTuple};
use super::tcb::{Env, Path, Tcb};
use super::tcp::{REPLIES, Tcp, env};
use super::types::{Context, IpInfo, Notice, Outgoing, Readiness};
use crate::dropped;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::pkt::PacketBuf;

impl Tcp {
    /// Sends a reset for no connection.
    pub(super) fn reset(&mut self, cx: &mut Context<'_>, ip: &IpInfo, answer: &Answer) {
        self.counters.sent_resets += 1;
        let packet = bare(
            (ip.destination, ip.source),
            answer,
            &Options::default(),
            false,
        );
        let reply = Outgoing::reply(ip, cx.config, packet);
        self.reply(cx, reply);
    }

    pub(super) fn reply(&mut self, cx: &mut Context<'_>, reply: Outgoing) {
        if self.replies.len() < REPLIES {
            self.counters.sent_packets += 1;
            self.replies.push_back(reply);
        } else {
            dropped!(
                cx.events,
                cx.now,
                DropReason::TcpRepliesFull,
                source = reply.source,
                destination = reply.destination,
            );
        }
    }

    /// Whether [`poll_packet`](Self::poll_packet) may have something.
    #[inline]
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.replies.is_empty() || !self.dirty.is_empty() || self.train.is_some()
    }

    /// Whether there is nothing to send and no news.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        !self.has_output() && self.noticed.is_empty() && self.last_notices.is_empty()
    }

    /// The next segment to send.
    pub fn poll_packet(&mut self, cx: &mut Context<'_>) -> Option<Outgoing> {
        if let Some(reply) = self.replies.pop_front() {
            return Some(reply);
        }
        if let Some(mut train) = self.train.take()
            && let Some(Endpoint::Connection(tcb)) = self.endpoints.get(train.id)
            && let Some(packet) = train.next(tcb)
        {
            self.counters.sent_packets += 1;
            if !train.is_over() {
                self.train = Some(train);
            }
            return Some(tcb.outgoing(cx, packet));
        }
        while let Some(&index) = self.dirty.front() {
            let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) else {
                self.dirty.pop_front();
                continue;
            };
            if core::mem::take(&mut tcb.is.dirty) {
                // The beginning of a burst.
                let generation = cx.paths.generation();
                if tcb.path.generation != generation {
                    let path = cx.paths.path(Some(tcb.local()), *tcb.tuple.peer().ip());
                    if let Ok(path) = path {
                        tcb.set_path(&mut env!(self, cx), Path::new(&path, generation));
                    }
                }
            }
            let packet = tcb.next_packet(&mut env!(self, cx), &mut self.train);
            if let Some(packet) = packet {
                if self.train.is_none() && tcb.is_quiet() {
                    // The end of a burst, known at once.
                    tcb.output_ended(&mut env!(self, cx));
                    tcb.is.queued = false;
                    self.dirty.pop_front();
                    #[cfg(debug_assertions)]
                    tcb.check();
                }
                self.timers.arm(index, tcb.timers.next());
                return Some(tcb.outgoing(cx, packet));
            }
            self.timers.arm(index, tcb.timers.next());
            #[cfg(debug_assertions)]
            tcb.check();
            if !tcb.is.dirty {
                tcb.is.queued = false;
                self.dirty.pop_front();
            }
        }
        None
    }

    /// News of an endpoint.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        if let Some(notice) = self.last_notices.pop_front() {
            return Some(notice);
        }
        while let Some(id) = self.noticed.pop_front() {
            let Some(endpoint) = self.endpoints.get_mut(id) else {
                continue;
            };
            let readiness = match endpoint {
                Endpoint::Idle(_) => continue,
                Endpoint::Listener(listener) => {
                    listener.noticed = false;
                    core::mem::take(&mut listener.news)
                }
                Endpoint::Connection(tcb) => {
                    tcb.is.noticed = false;
                    core::mem::take(&mut tcb.news)
                }
            };
            let owner = endpoint.common().owner;
            return Some(Notice {
                id,
                owner,
                readiness,
            });
        }
        None
    }

    /// Tells the holder of a listener something.
    pub(super) fn tell_listener(&mut self, id: ConnId, news: Readiness) {
        if let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id) {
            listener.news.add(news);
            if !listener.noticed {
                listener.noticed = true;
                self.noticed.push_back(id);
            }
        }
    }

    /// The host at large, to answer a packet that has no connection: who would have been asked.
    pub(super) fn mirrored(tuple: FourTuple) -> IpInfo {
        IpInfo {
            source: *tuple.peer().ip(),
            destination: *tuple.local().ip(),
            ttl: 0,
            tos: 0,
            interface: 0,
            unicast: true,
        }
    }
}

impl Tcb {
    /// A segment of the connection, on its way.
    #[inline]
    fn outgoing(&self, cx: &mut Context<'_>, packet: PacketBuf) -> Outgoing {
        event!(
            cx.events,
            cx.now,
            EventId::TcpOut,
            source = self.local(),
            destination = *self.tuple.peer().ip(),
            sport = self.tuple.local().port(),
            dport = self.tuple.peer().port(),
            len = seq_len(packet.len()),
        );
        self.wrap(cx.config, packet)
    }

    /// Puts a segment of the connection into its circumstances.
    #[inline]
    pub(super) fn wrap(&self, config: &super::TcpConfig, packet: PacketBuf) -> Outgoing {
        let mut outgoing = Outgoing {
            source: *self.tuple.local().ip(),
            destination: *self.tuple.peer().ip(),
            tos: self.options.tos,
            ttl: self.options.ttl,
            dont_fragment: config.path_mtu_discovery,
            packet,
            connection: Some(self.id),
            ip_options: None,
            dont_route: false,
            class: 0,
            bound_interface: None,
            transparent: false,
        };
        if self.is.ecn && outgoing.packet.len() > 60 {
            // RFC 3168 §6.1.2: ECT(0), on data only.
            outgoing.tos = outgoing.tos & !3 | 2;
        }
        if let Some(choices) = &self.common.choices {
            outgoing.ip_options.clone_from(&choices.ip_options);
            outgoing.dont_route = choices.dont_route;
            outgoing.class = choices.class;
            outgoing.bound_interface = choices.device;
            outgoing.transparent = choices.transparent;
            outgoing.dont_fragment &= !choices.may_fragment;
        }
        outgoing
    }

    /// The reset that this connection sends.
    pub(super) fn reset_answer(&self, seq: Option<SeqNumber>, header: Option<&Header>) -> Answer {
        // RFC 9293 §3.10.7.3: a reset that answers an acknowledgment takes its number, and needs none of its own.
        let bare_reset = seq.is_some() && header.is_some();
        let flags = if bare_reset {
            Flags::RST
        } else {
            Flags::RST | Flags::ACK
        };
        Answer {
            source_port: self.tuple.local().port(),
            destination_port: self.tuple.peer().port(),
            seq: seq.unwrap_or(self.nxt),
            ack: if bare_reset {
                SeqNumber(0)
            } else {
                self.rcv_nxt
            },
            flags,
            window: 0,
        }
    }

    pub(super) fn wrap_reply(&self, config: &super::TcpConfig, answer: &Answer) -> Outgoing {
        let pair: (Ipv4Addr, Ipv4Addr) = (*self.tuple.local().ip(), *self.tuple.peer().ip());
        let packet = bare(
            pair,
            answer,
            &Options::default(),
            self.path.trusted_checksums,
        );
        self.wrap(config, packet)
    }
}
