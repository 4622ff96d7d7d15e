//! TIME-WAIT without a connection: the few numbers that are needed to answer what arrives late.
//! RFC 9293 §3.10.7.4, RFC 6191 (reuse), RFC 1337 (resets), RFC 5961.

use core::time::Duration;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{Flags, Header, Options, Timestamps};

use super::isn::timestamp_clock;
use super::segment::{Answer, Segment, bare};
use super::table::{FourTuple, TupleTable};
use super::tcb::Tcb;
use super::types::{Context, IpInfo, Outgoing};
use crate::event::DropReason;
use crate::hash::Key;

/// What is remembered of a connection in TIME-WAIT. 20 octets; with its place in the table, 60.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Remains {
    snd_nxt: SeqNumber,
    rcv_nxt: SeqNumber,
    ts_recent: u32,
    ts_offset: u32,
    /// The window field to answer with.
    window: u16,
    /// Seconds of the maximum segment lifetime.
    msl: u8,
    /// Bit 0: timestamps. Bit 1: the local name may be bound again. Bit 2: checksums need not be computed.
    bits: u8,
}

const TIMESTAMPS: u8 = 1;
const REUSABLE: u8 = 2;
const TRUSTED: u8 = 4;

impl Remains {
    pub(crate) const fn is_reusable(self) -> bool {
        self.bits & REUSABLE != 0
    }

    /// RFC 9293 §3.4.2: two maximum segment lifetimes.
    fn wait(self) -> Duration {
        Duration::from_secs(2 * u64::from(self.msl))
    }

    /// RFC 6191 §2, RFC 9293 §3.6.1: whether a SYN belongs to a new connection for certain.
    fn is_succeeded_by(self, segment: &Segment) -> bool {
        match segment.options.timestamps {
            Some(stamps) if self.bits & TIMESTAMPS != 0 && stamps.value != self.ts_recent => {
                SeqNumber(stamps.value).gt(SeqNumber(self.ts_recent))
            }
            Some(_) | None => segment.header.seq.gt(self.rcv_nxt),
        }
    }

    /// The number that a new connection in its place has to begin after.
    pub(crate) fn next_sequence(self) -> SeqNumber {
        self.snd_nxt + 65_537_u32
    }

    /// Whether we may begin a new connection in its place ourselves: the peer can tell it from the old one by timestamps
    /// (RFC 6191 §3).
    pub(crate) const fn allows_reuse(self) -> bool {
        self.bits & TIMESTAMPS != 0
    }
}

/// What a segment for a connection in TIME-WAIT comes to.
#[derive(Debug)]
pub(crate) enum Verdict {
    Nothing(DropReason),
    Answer(Outgoing),
    /// A new connection may begin in its place.
    Succeeded(Remains),
    /// It was reset.
    Over(Remains),
}

/// All connections in TIME-WAIT.
#[derive(Debug)]
pub(crate) struct TimeWait {
    table: TupleTable<Remains>,
}

impl TimeWait {
    pub(crate) const fn new(key: Key) -> Self {
        Self {
            table: TupleTable::new(key),
        }
    }

    pub(crate) const fn table(&self) -> &TupleTable<Remains> {
        &self.table
    }

    pub(crate) const fn table_mut(&mut self) -> &mut TupleTable<Remains> {
        &mut self.table
    }

    /// A connection enters TIME-WAIT.
    pub(crate) fn insert(&mut self, cx: &Context<'_>, tcb: &mut Tcb, reusable: bool) {
        let mut bits = 0;
        if tcb.is.timestamps {
            bits |= TIMESTAMPS;
        }
        if reusable {
            bits |= REUSABLE;
        }
        if tcb.path.trusted_checksums {
            bits |= TRUSTED;
        }
        let remains = Remains {
            snd_nxt: tcb.nxt,
            rcv_nxt: tcb.rcv_nxt,
            ts_recent: tcb.ts_recent,
            ts_offset: tcb.ts_offset,
            window: tcb.announce_window(),
            msl: u8::try_from(tcb.options.msl.as_secs().max(1)).unwrap_or(u8::MAX),
            bits,
        };
        self.table
            .insert(cx.now, tcb.tuple, remains.wait(), remains);
    }

    /// A segment arrives for a connection in TIME-WAIT; `None` if there is none.
    pub(crate) fn segment_arrives(
        &mut self,
        cx: &Context<'_>,
        ip: &IpInfo,
        tuple: FourTuple,
        segment: &Segment,
    ) -> Option<Verdict> {
        let remains = *self.table.get(tuple)?;
        let header = &segment.header;
        let old_stamp = match segment.options.timestamps {
            Some(stamps) if remains.bits & TIMESTAMPS != 0 => {
                SeqNumber(stamps.value).lt(SeqNumber(remains.ts_recent))
            }
            _ => false,
        };
        if segment.has(Flags::RST) {
            // RFC 1337: a reset may be as late as anything else. RFC 5961 §3.2: only the next number counts.
            let counts = !cx.config.protect_time_wait && header.seq == remains.rcv_nxt;
            if !counts {
                return Some(Verdict::Nothing(DropReason::TimeWaitReset));
            }
            self.table.remove(tuple);
            return Some(Verdict::Over(remains));
        }
        if segment.has(Flags::SYN)
            && !segment.has(Flags::ACK)
            && !old_stamp
            && remains.is_succeeded_by(segment)
        {
            self.table.remove(tuple);
            return Some(Verdict::Succeeded(remains));
        }
        // The FIN again, or anything that does not begin where nothing can begin any more: the answer was lost.
        let in_place = header.seq == remains.rcv_nxt && segment.sequence_len() == 0;
        if in_place && !old_stamp {
            return Some(Verdict::Nothing(DropReason::TimeWaitOld));
        }
        let fin_again =
            segment.has(Flags::FIN) && segment.end() == remains.rcv_nxt && !segment.has(Flags::SYN);
        if fin_again {
            self.table.wait_again(cx.now, tuple, remains.wait());
        }
        Some(Verdict::Answer(answer(cx, ip, header, remains)))
    }
}

/// The acknowledgment that a connection in TIME-WAIT sends.
fn answer(cx: &Context<'_>, ip: &IpInfo, header: &Header, remains: Remains) -> Outgoing {
    let options = Options {
        timestamps: (remains.bits & TIMESTAMPS != 0).then(|| Timestamps {
            value: timestamp_clock(cx.now).wrapping_add(remains.ts_offset),
            echo: remains.ts_recent,
        }),
        ..Options::default()
    };
    let answer = Answer {
        source_port: header.destination_port,
        destination_port: header.source_port,
        seq: remains.snd_nxt,
        ack: remains.rcv_nxt,
        flags: Flags::ACK,
        window: remains.window,
    };
    let trusted = remains.bits & TRUSTED != 0;
    let packet = bare((ip.destination, ip.source), &answer, &options, trusted);
    Outgoing::reply(ip, cx.config, packet)
}
