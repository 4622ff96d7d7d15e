//! The transmission control block: everything about one connection (RFC 9293 §3.3.1).

use std::net::Ipv4Addr;

use fairway_wire::tcp::SackBlock;
use fairway_wire::{Instant, SeqNumber};

use super::cc::Control;
use super::config::TcpConfig;
use super::counters::TcpCounters;
use super::deadlines::BlackHole;
use super::endpoint::{Binding, Common};
use super::isn::Secrets;
use super::num::{octets, seq_len, span};
use super::options::SocketOptions;
use super::out_of_order::OutOfOrder;
use super::rack::Rack;
use super::recovery::Recovery;
use super::recvq::RecvQueue;
use super::rtt::Rtt;
use super::sack::Scoreboard;
use super::sendq::SendQueue;
use super::state::State;
use super::table::{ConnId, FourTuple};
use super::timers::{Timer, Timers};
use super::types::{Context, PathInfo, Readiness};
use super::urgent::Urgent;
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;
use crate::rng::Rng;

/// What a step of a connection works with, beside the connection itself.
pub(crate) struct Env<'a, 'c> {
    pub(crate) cx: &'a mut Context<'c>,
    pub(crate) counters: &'a mut TcpCounters,
    pub(crate) secrets: &'a Secrets,
    pub(crate) challenges: &'a mut ChallengeLimit,
}

impl Env<'_, '_> {
    #[inline]
    pub(crate) const fn now(&self) -> Instant {
        self.cx.now
    }

    #[inline]
    pub(crate) const fn config(&self) -> &TcpConfig {
        self.cx.config
    }
}

/// RFC 5961 §7: how many challenge acknowledgments the host may still send in the present second. Their number is drawn
/// anew for each second: who counts how many are left of a number he knows learns whether others were sent
/// (CVE-2016-5696).
#[derive(Debug, Default)]
pub(crate) struct ChallengeLimit {
    second: Option<u64>,
    left: u32,
}

impl ChallengeLimit {
    /// Whether one may be sent now, if at most `most` may be in a second.
    pub(crate) fn allows(&mut self, now: Instant, most: u32, rng: &mut Rng) -> bool {
        let second = now.as_nanos() / 1_000_000_000;
        if self.second != Some(second) {
            self.second = Some(second);
            let spread = u64::from(most / 2) + 1;
            let more = u32::try_from(rng.below(spread)).unwrap_or(0);
            self.left = most.div_ceil(2) + more;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

/// A way to the peer as a connection keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Path {
    /// The longest IP packet it carries.
    pub(crate) mtu: u16,
    pub(crate) trusted_checksums: bool,
    /// The longest segment with its header that it cuts itself; 0 if it cuts none.
    pub(crate) gso_max: u32,
    /// Of routing, when the way was asked for.
    pub(crate) generation: u64,
}

impl Path {
    pub(crate) fn new(path: &PathInfo, generation: u64) -> Self {
        Self {
            mtu: u16::try_from(path.mtu).unwrap_or(u16::MAX),
            trusted_checksums: path.trusted_checksums,
            gso_max: seq_len(path.gso_max),
            generation,
        }
    }
}

/// Yes or no about a connection, in one place and one octet each.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with its own life"
)]
pub(crate) struct Is {
    /// Nobody holds the socket any more.
    pub(crate) orphan: bool,
    /// In the accept queue of its listener.
    pub(crate) unaccepted: bool,
    /// Opened by the peer.
    pub(crate) passive: bool,
    /// An acknowledgment is to go out now.
    pub(crate) ack_due: bool,
    /// The SYN or SYN-ACK is to go out (again).
    pub(crate) syn_due: bool,
    /// One segment may go out beyond the congestion window, to probe the tail.
    pub(crate) probe_due: bool,
    /// A reset is to go out, and then it is over.
    pub(crate) reset_due: bool,
    /// Data has arrived.
    pub(crate) hearing: bool,
    /// The program has said that more follows soon (MSG_MORE).
    pub(crate) more: bool,
    /// Urgent data is to be announced before the next probe.
    pub(crate) urgent_due: bool,
    /// A keepalive or window probe is to go out.
    pub(crate) nudge_due: bool,
    /// The peer does selective acknowledgments.
    pub(crate) sack: bool,
    /// Both ends scale windows.
    pub(crate) scaling: bool,
    /// A small segment may go out: the window has been too small for long.
    pub(crate) forced: bool,
    /// Both ends send timestamps.
    pub(crate) timestamps: bool,
    /// Both ends do explicit congestion notification (RFC 3168).
    pub(crate) ecn: bool,
    /// ECE is to be sent with every acknowledgment until CWR arrives.
    pub(crate) ecn_echo: bool,
    /// CWR is to be sent with the next new data.
    pub(crate) ecn_reduced: bool,
    /// The program wants no more of what arrives.
    pub(crate) recv_shut: bool,
    /// The peer's FIN was taken.
    pub(crate) peer_done: bool,
    /// A close that lingers waits for it.
    pub(crate) lingering: bool,
    /// In the list of connections that may have something to send.
    pub(crate) queued: bool,
    /// Something happened after which it may have something to send.
    pub(crate) dirty: bool,
    /// In the list of connections with news for their holder.
    pub(crate) noticed: bool,
    /// It was established at some time.
    pub(crate) was_established: bool,
}

/// One connection. The names of RFC 9293 §3.3.1 are in the comments.
#[derive(Debug)]
pub(crate) struct Tcb {
    pub(crate) id: ConnId,
    pub(crate) tuple: FourTuple,
    pub(crate) state: State,
    pub(crate) is: Is,
    pub(crate) options: SocketOptions,
    pub(crate) path: Path,
    pub(crate) common: Common,
    /// The listener, while it is not accepted.
    pub(crate) parent: Option<ConnId>,
    /// News for the holder that it has not been told.
    pub(crate) news: Readiness,
    pub(crate) error: Option<Errno>,
    /// The number of a reset that is due, if it is not SND.NXT.
    pub(crate) reset_seq: Option<SeqNumber>,
    /// What ICMP said, to be told if the connection fails (RFC 5461).
    pub(crate) soft_error: Option<Errno>,
    pub(crate) timers: Timers,

    // Sending.
    /// ISS.
    pub(crate) iss: SeqNumber,
    /// SND.UNA.
    pub(crate) una: SeqNumber,
    /// SND.NXT. It never goes back: what is sent again is taken from the scoreboard.
    pub(crate) nxt: SeqNumber,
    /// SND.WND, octets.
    pub(crate) send_window: u32,
    /// The largest SND.WND that was seen.
    pub(crate) max_window: u32,
    /// SND.WL1.
    pub(crate) wl1: SeqNumber,
    /// SND.WL2.
    pub(crate) wl2: SeqNumber,
    /// The shift of the windows that the peer announces.
    pub(crate) send_shift: u8,
    /// The most octets of data in a segment to the peer, without those that options take away.
    pub(crate) mss: u16,
    /// What the peer said it takes.
    pub(crate) peer_mss: u16,
    /// The number of the first octet in `send_queue`.
    pub(crate) queue_start: SeqNumber,
    pub(crate) send_queue: SendQueue,
    pub(crate) board: Scoreboard,
    /// End of the last segment sent that was not full (Minshall's variant of Nagle's rule).
    pub(crate) small_end: SeqNumber,
    /// SND.NXT when the loss timer was last armed.
    pub(crate) armed_at: SeqNumber,
    /// Data before it left while the congestion window held more back.
    pub(crate) limited_at: SeqNumber,
    pub(crate) control: Control,
    pub(crate) recovery: Recovery,
    pub(crate) rack: Rack,
    pub(crate) rtt: Rtt,
    /// How often the retransmission timeout is doubled: until a round-trip time is measured (Karn).
    pub(crate) backoff: u8,
    /// Timeouts since something was acknowledged.
    pub(crate) retries: u8,
    /// Probes in a row without an answer.
    pub(crate) probes: u8,
    /// Probes of a closed window that the program does not wait behind any more, answered or not.
    pub(crate) orphan_probes: u8,
    /// When data last left.
    pub(crate) sent_at: Instant,
    /// When the first segment that is now unacknowledged was first held up: start of the user timeout.
    pub(crate) stuck_at: Instant,

    // Receiving.
    /// IRS.
    pub(crate) irs: SeqNumber,
    /// RCV.NXT.
    pub(crate) rcv_nxt: SeqNumber,
    /// RCV.NXT + RCV.WND as last announced; it never goes back.
    pub(crate) rcv_edge: SeqNumber,
    /// RCV.WND of the last segment sent.
    pub(crate) told_window: u32,
    /// Last.ACK.sent of RFC 7323.
    pub(crate) last_ack: SeqNumber,
    /// The shift of the windows that we announce.
    pub(crate) recv_shift: u8,
    /// Segments that are acknowledged at once (after the start, and after trouble).
    pub(crate) quick: u8,
    /// The longest segment seen lately, octets: what counts as a full one.
    pub(crate) recv_mss: u16,
    pub(crate) recv_queue: RecvQueue,
    pub(crate) early: Option<Box<OutOfOrder>>,
    /// Where the peer's stream ends, once its FIN was seen.
    pub(crate) peer_fin: Option<SeqNumber>,
    /// What arrived twice, to be reported (RFC 2883).
    pub(crate) duplicate: Option<SackBlock>,
    /// TS.Recent of RFC 7323.
    pub(crate) ts_recent: u32,
    pub(crate) ts_offset: u32,
    pub(crate) ts_recent_at: Instant,
    /// When the peer was last heard.
    pub(crate) heard_at: Instant,
    /// When data last arrived in order.
    pub(crate) data_at: Instant,
    /// Growing of the receive buffer: octets the program took since, and when this round began.
    pub(crate) tuning: Tuning,
    pub(crate) urgent: Option<Box<Urgent>>,
    pub(crate) hole: Option<Box<BlackHole>>,
}

/// How much the program reads in a round trip: the receive buffer is to be twice that.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tuning {
    pub(crate) since: Instant,
    pub(crate) taken: u32,
}

impl Tcb {
    /// A connection in state CLOSED; the handshake fills in the rest.
    pub(crate) fn new(
        id: ConnId,
        tuple: FourTuple,
        iss: SeqNumber,
        options: SocketOptions,
        path: Path,
        env: &Env<'_, '_>,
    ) -> Self {
        let now = env.now();
        Self {
            id,
            tuple,
            state: State::Closed,
            is: Is::default(),
            options,
            path,
            common: Common {
                owner: None,
                choices: None,
                binding: Binding::None,
            },
            parent: None,
            news: Readiness::default(),
            error: None,
            reset_seq: None,
            soft_error: None,
            timers: Timers::default(),
            iss,
            una: iss,
            nxt: iss,
            send_window: 0,
            max_window: 0,
            wl1: SeqNumber(0),
            wl2: SeqNumber(0),
            send_shift: 0,
            mss: env.config().default_mss,
            peer_mss: env.config().default_mss,
            queue_start: iss + 1_u32,
            send_queue: SendQueue::default(),
            board: Scoreboard::new(iss),
            small_end: iss,
            armed_at: iss,
            limited_at: iss,
            control: Control::new(options.congestion, 0, iss),
            recovery: Recovery::new(iss),
            rack: Rack::new(iss),
            rtt: Rtt::new(env.config()),
            backoff: 0,
            retries: 0,
            probes: 0,
            orphan_probes: 0,
            sent_at: now,
            stuck_at: now,
            irs: SeqNumber(0),
            rcv_nxt: SeqNumber(0),
            rcv_edge: SeqNumber(0),
            told_window: 0,
            last_ack: SeqNumber(0),
            recv_shift: 0,
            quick: 0,
            recv_mss: env.config().default_mss,
            recv_queue: RecvQueue::default(),
            early: None,
            peer_fin: None,
            duplicate: None,
            ts_recent: 0,
            ts_offset: env.secrets.timestamp_offset(tuple),
            ts_recent_at: now,
            heard_at: now,
            data_at: now,
            tuning: Tuning::default(),
            urgent: None,
            hole: None,
        }
    }

    /// The one place where the state changes (STYLE §4).
    pub(crate) fn set_state(&mut self, env: &mut Env<'_, '_>, to: State, why: &'static str) {
        let from = self.state;
        if from == to {
            return;
        }
        self.state = to;
        event!(
            env.cx.events,
            env.cx.now,
            EventId::TcpState,
            source = *self.tuple.local().ip(),
            destination = *self.tuple.peer().ip(),
            sport = self.tuple.local().port(),
            dport = self.tuple.peer().port(),
            from = from.name(),
            to = to.name(),
            reason = why,
        );
        match to {
            State::Established => {
                self.is.was_established = true;
                env.counters.connects_established += 1;
                self.timers.stop(Timer::Life);
                self.restart_keepalive(env);
                self.tell(Readiness::WRITABLE);
            }
            State::FinWait2 => {
                if self.is.orphan {
                    // RFC 9293 leaves the peer for ever; nobody here could end it.
                    self.timers
                        .set(Timer::Life, env.now() + env.config().fin_wait_2_time);
                }
                self.linger_done();
            }
            State::TimeWait | State::Closed => {
                env.counters.closed += u64::from(self.is.was_established);
                self.timers = Timers::default();
                self.is.ack_due &= to == State::TimeWait;
                self.is.syn_due = false;
                self.is.nudge_due = false;
                self.is.probe_due = false;
                self.linger_done();
                self.tell(Readiness {
                    readable: true,
                    writable: true,
                    ..Readiness::default()
                });
            }
            State::Listen
            | State::SynSent
            | State::SynReceived
            | State::FinWait1
            | State::CloseWait
            | State::Closing
            | State::LastAck => {}
        }
    }

    fn linger_done(&mut self) {
        if core::mem::take(&mut self.is.lingering) {
            self.tell(Readiness::CLOSED);
        }
    }

    /// Ends the connection for a reason that its holder is told once.
    pub(crate) fn fail(&mut self, env: &mut Env<'_, '_>, error: Errno, why: &'static str) {
        if self.is.was_established {
            env.counters.dropped += 1;
        } else {
            env.counters.embryonic_dropped += 1;
        }
        self.error = Some(error);
        self.set_state(env, State::Closed, why);
        self.drop_queues();
        self.tell(Readiness {
            readable: true,
            writable: true,
            error: true,
            ..Readiness::default()
        });
    }

    /// Gives back what a connection that has ended need not keep: all but what the program may still read.
    pub(crate) fn drop_queues(&mut self) {
        self.send_queue.clear();
        self.queue_start = self.nxt;
        self.board = Scoreboard::new(self.nxt);
        self.early = None;
        self.una = self.nxt;
    }

    /// Notes news for the holder.
    #[inline]
    pub(crate) fn tell(&mut self, news: Readiness) {
        self.news.add(news);
    }

    /// Has an acknowledgment sent as soon as possible.
    #[inline]
    pub(crate) const fn ack_now(&mut self) {
        self.is.ack_due = true;
        self.is.dirty = true;
    }

    pub(crate) const fn local(&self) -> Ipv4Addr {
        *self.tuple.local().ip()
    }

    /// Number after the last octet that the program wrote.
    #[inline]
    pub(crate) fn data_end(&self) -> SeqNumber {
        self.queue_start + self.send_queue.len()
    }

    /// Octets written and not yet sent.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        span(self.data_end(), self.nxt)
    }

    /// Whether our FIN is to be sent and has not been.
    #[inline]
    pub(crate) fn fin_pending(&self) -> bool {
        self.state.is_closing() && self.nxt.le(self.data_end())
    }

    /// Whether our FIN was sent and is acknowledged.
    #[inline]
    pub(crate) fn fin_acknowledged(&self) -> bool {
        self.una.gt(self.data_end())
    }

    /// Room in the send buffer, octets.
    #[inline]
    pub(crate) fn send_room(&self) -> usize {
        octets(self.options.send_buffer).saturating_sub(self.send_queue.len())
    }

    /// Whether a program that waits to write is to be woken: there is at least half as much room as is in use.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        let room = self.send_room();
        room >= octets(self.options.send_low_water) && room >= self.send_queue.len() / 2
    }

    /// What is in the network (RFC 6675 §4), octets.
    #[inline]
    pub(crate) const fn pipe(&self) -> u32 {
        self.board.pipe().saturating_sub(self.recovery.reno_sacked)
    }

    /// The timestamp to send now.
    #[inline]
    pub(crate) fn timestamp(&self, now: Instant) -> u32 {
        super::isn::timestamp_clock(now).wrapping_add(self.ts_offset)
    }

    /// Starts the wait for silence anew.
    #[inline]
    pub(crate) fn restart_keepalive(&mut self, env: &Env<'_, '_>) {
        if self.options.keepalive && self.state.is_synchronized() {
            self.timers
                .set(Timer::Keepalive, env.now() + self.options.keep_idle);
        }
    }

    /// What the segments of this connection can carry once path, peer and options are known: sets `mss`.
    pub(crate) fn fit_mss(&mut self) {
        let path = self.path.mtu.saturating_sub(40).max(48);
        let mut mss = path.min(self.peer_mss);
        if self.options.max_segment != 0 {
            mss = mss.min(self.options.max_segment);
        }
        if self.is.timestamps {
            mss = mss.saturating_sub(12).max(36);
        }
        self.mss = mss;
    }

    /// The maximum segment size to announce: what our end of the path takes (RFC 9293 §3.7.1, RFC 6691).
    pub(crate) fn announced_mss(options: &SocketOptions, path: &Path) -> u16 {
        let path = path.mtu.saturating_sub(40).max(48);
        if options.max_segment == 0 {
            path
        } else {
            path.min(options.max_segment)
        }
    }

    /// RFC 6928: ten segments, and no more than 14 600 octets or two segments. Big segments count as they are here: what
    /// carries them has no queue to protect.
    pub(crate) fn initial_window(&self, config: &TcpConfig) -> u32 {
        u32::from(config.initial_window.max(1)) * u32::from(self.mss)
    }

    /// What the connection is ready for.
    pub(crate) fn readiness(&self) -> Readiness {
        let closed = self.state == State::Closed;
        Readiness {
            readable: self.recv_queue.len() >= octets(self.options.recv_low_water)
                || self.at_end()
                || self.error.is_some()
                || closed && self.is.was_established,
            writable: self.state.can_send() && self.has_room()
                || self.error.is_some()
                || self.state.is_closing()
                || matches!(self.state, State::FinWait2 | State::TimeWait)
                || closed && self.is.was_established,
            exceptional: self
                .urgent
                .as_ref()
                .is_some_and(|urgent| urgent.is_pending()),
            error: self.error.is_some(),
            closed: closed || self.state == State::TimeWait,
        }
    }

    /// Whether nothing can arrive any more.
    #[inline]
    pub(crate) const fn at_end(&self) -> bool {
        self.is.peer_done || self.is.recv_shut
    }

    /// How long unacknowledged data may stay so, given that many timeouts (RFC 9293 §3.8.3).
    pub(crate) fn has_waited_too_long(&self, env: &Env<'_, '_>, tries: u8) -> bool {
        if let Some(limit) = self.options.user_timeout {
            return env.now() - self.stuck_at >= limit;
        }
        let most = if self.is.orphan {
            env.config().orphan_retries
        } else {
            env.config().retries
        };
        tries >= most
    }

    /// Nothing has happened for a while: gives back the room that empty queues keep for what may come.
    pub(crate) fn rest(&mut self) {
        if self.send_queue.is_empty() {
            self.send_queue = SendQueue::default();
        }
        if self.recv_queue.is_empty() {
            self.recv_queue = RecvQueue::default();
        }
        self.board.rest();
    }

    /// Octets of memory that the connection uses, its buffers included.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.send_queue.memory()
            + self.recv_queue.memory()
            + self.board.memory()
            + self.early.as_ref().map_or(0, |early| early.memory())
    }

    /// Panics if the connection contradicts itself. Debug builds call it after every step.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert!(self.una.le(self.nxt), "una > nxt");
        self.board.check();
        if self.state == State::Closed {
            return;
        }
        assert_eq!(
            self.board.outstanding(),
            span(self.nxt, self.una),
            "outstanding"
        );
        assert!(
            self.nxt.le(self.data_end() + 1_u32),
            "sent what is not there"
        );
        if self.state.is_synchronized() {
            assert!(self.rcv_nxt.le(self.rcv_edge), "window went back");
            let fin = u32::from(self.fin_acknowledged());
            assert_eq!(self.queue_start + fin, self.una, "queue and una");
        }
        assert_eq!(self.recv_queue.len(), self.recv_queue.recount());
        if let Some(early) = &self.early {
            early.check();
            assert!(!early.is_empty());
        }
        if !self.board.is_empty() {
            assert!(self.timers.is_set(Timer::Loss), "nothing will resend");
        }
    }
}
