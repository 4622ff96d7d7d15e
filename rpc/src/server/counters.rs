//! What a server counts: per procedure, and per bound of [`Limits`](super::Limits).

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::sync::OnceLock;

/// Declares the counters once: the atomics that are counted in, and the values that are read out.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What happened to a [`Server`](crate::Server) since it was started: [`Server::counters`](crate::Server::counters).
        ///
        /// Each bound of [`Limits`](crate::Limits) names its counter.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// Per procedure of each service, in the order of program, version, procedure; those never called are left out.
            pub procedures: Vec<ProcedureCounters>,
        }

        /// The counters while they count.
        #[derive(Debug, Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: Count,)*
        }

        impl Tally {
            pub(crate) fn read(&self) -> Counters {
                Counters { $($name: self.$name.get(),)* procedures: Vec::new() }
            }
        }
    };
}

counters! {
    /// Stream connections accepted and served.
    connections_accepted,
    /// Stream connections open now.
    connections_open,
    /// Connections closed at once because of `max_connections`.
    connections_refused,
    /// Connections closed at once because of `max_connections_per_address`.
    connections_refused_per_address,
    /// Times a listener rested because descriptors or memory had run out.
    accept_backoffs,
    /// Calls whose handlers run now and did not finish at once.
    calls_running,
    /// Times a connection was not read because of `max_calls_per_connection`.
    paused_by_calls,
    /// Times a connection was not read because of `max_calls`.
    paused_by_calls_in_all,
    /// Times a connection was not read because of `max_queued`.
    paused_by_queue,
    /// Octets of replies that wait for their peers now.
    octets_queued,
    /// Connections closed because of `max_queued_in_all`.
    closed_by_queue,
    /// Octets that have arrived and are no running call yet, of connections with more than 16 KiB of them.
    octets_receiving,
    /// Connections closed because of `max_receiving_in_all`.
    closed_by_receiving,
    /// Connections closed because a record was longer or in more fragments than allowed.
    closed_by_record,
    /// Connections closed because of `record_within`.
    closed_by_slow_record,
    /// Connections closed because of `drain_within`.
    closed_by_slow_reader,
    /// Connections closed because of `idle_close`.
    closed_idle,
    /// Connections that ended by a panic that was no handler's: of a judge of credentials, a proxy's list of versions, an upgrade.
    closed_by_panic,
    /// Connections that ended with an error of the transport.
    connections_lost,
    /// Calls answered with SYSTEM_ERR because their handlers panicked.
    handler_panics,
    /// Calls that were dropped by `call_within`.
    calls_timed_out,
    /// Calls dropped because their connection ended before their handlers did.
    calls_cancelled,
    /// Messages that were no call and no reply expected here: dropped.
    garbage,
    /// Calls answered with RPC_MISMATCH.
    rpc_mismatch,
    /// Calls answered with AUTH_ERROR.
    auth_errors,
    /// Calls dropped silently because authentication asked for it (RFC 2203 §5.3.3.1).
    auth_dropped,
    /// Calls answered with PROG_UNAVAIL.
    prog_unavail,
    /// Calls answered with PROG_MISMATCH.
    prog_mismatch,
    /// Datagrams received.
    datagrams_received,
    /// Datagrams sent.
    datagrams_sent,
    /// Datagrams longer than `udp_receive`, dropped.
    datagrams_truncated,
    /// Datagrams dropped because of `max_calls`.
    datagrams_over_limit,
    /// Replies that the system would not send.
    datagrams_unsent,
    /// Datagram sockets whose task was started again after a panic that was no handler's.
    datagram_panics,
    /// Replies longer than the transport allows, sent as SYSTEM_ERR.
    replies_too_long,
    /// Repeated calls answered with the kept reply.
    replies_repeated,
    /// Repeated calls dropped because the first one was still running.
    repeats_dropped,
    /// Replies in the cache that gave way to newer ones.
    replies_evicted,
    /// Replies in the cache that became too old.
    replies_expired,
}

/// A number that only grows, or goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one procedure was called for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcedureCounters {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// Procedure number; `None` gathers the numbers that the service has no name for and that are above 31.
    pub procedure: Option<u32>,
    /// Its name, if the service tells.
    pub name: Option<&'static str>,
    /// Calls handed to the service.
    pub calls: u64,
    /// Of these, how many ended in an error reply.
    pub errors: u64,
    /// Octets of arguments.
    pub octets_in: u64,
    /// Octets of replies, headers included.
    pub octets_out: u64,
    /// From arrival to reply.
    pub latency: Histogram,
}

/// How long calls took: bucket *n* counts those below 2ⁿ microseconds that are in no lower bucket, the last one all above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Calls per bucket.
    pub buckets: [u64; BUCKETS],
}

/// Buckets of a [`Histogram`]: below 1 µs … below 2²² µs (4.2 s), and the rest.
pub const BUCKETS: usize = 24;

impl Histogram {
    /// The upper end of the bucket in which the given fraction (0 to 1) of all calls is reached; `None` without calls or in the last bucket.
    #[must_use]
    pub fn quantile(&self, fraction: f64) -> Option<Duration> {
        let all: u64 = self.buckets.iter().sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a quantile of counts"
        )]
        let wanted = ((all as f64) * fraction.clamp(0.0, 1.0)).ceil() as u64;
        let mut seen = 0;
        for (power, count) in (0u32..).zip(&self.buckets) {
            seen += count;
            if *count > 0 && seen >= wanted {
                return (usize::try_from(power).ok()? < BUCKETS - 1)
                    .then(|| Duration::from_micros(1 << power));
            }
        }
        None
    }
}

/// The counters of one service.
#[derive(Debug)]
pub(crate) struct ServiceTally {
    procedures: Vec<OnceLock<Box<ProcedureTally>>>,
    other: ProcedureTally,
}

#[derive(Debug, Default)]
struct ProcedureTally {
    calls: Count,
    errors: Count,
    octets_in: Count,
    octets_out: Count,
    latency: [Count; BUCKETS],
}

/// What one call adds to the counters of its procedure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) octets_in: usize,
    pub(crate) octets_out: usize,
    pub(crate) error: bool,
    pub(crate) took: Duration,
}

impl ServiceTally {
    /// Room for the procedures that have a name, and at least for numbers 0 to 31: a caller cannot make it grow.
    pub(crate) fn new(name: impl Fn(u32) -> Option<&'static str>) -> Self {
        let named = (32..4096u32)
            .rev()
            .find(|number| name(*number).is_some())
            .map_or(32, |last| last + 1);
        Self {
            procedures: (0..named).map(|_| OnceLock::new()).collect(),
            other: ProcedureTally::default(),
        }
    }

    pub(crate) fn count(&self, procedure: u32, sample: Sample) {
        let tally = usize::try_from(procedure)
            .ok()
            .and_then(|number| self.procedures.get(number));
        let tally: &ProcedureTally = match tally {
            Some(slot) => slot.get_or_init(Box::default),
            None => &self.other,
        };
        tally.calls.one();
        if sample.error {
            tally.errors.one();
        }
        tally.octets_in.add(as_u64(sample.octets_in));
        tally.octets_out.add(as_u64(sample.octets_out));
        if let Some(bucket) = tally
            .latency
            .get(bucket(sample.took))
            .or(tally.latency.last())
        {
            bucket.one();
        }
    }

    pub(crate) fn read(
        &self,
        program: u32,
        version: u32,
        name: impl Fn(u32) -> Option<&'static str>,
        into: &mut Vec<ProcedureCounters>,
    ) {
        let known = (0u32..)
            .zip(&self.procedures)
            .filter_map(|(number, slot)| Some((Some(number), &**slot.get()?)));
        for (procedure, tally) in known.chain([(None, &self.other)]) {
            if tally.calls.get() > 0 {
                into.push(ProcedureCounters {
                    program,
                    version,
                    procedure,
                    name: procedure.and_then(&name),
                    calls: tally.calls.get(),
                    errors: tally.errors.get(),
                    octets_in: tally.octets_in.get(),
                    octets_out: tally.octets_out.get(),
                    latency: Histogram {
                        buckets: core::array::from_fn(|n| {
                            tally.latency.get(n).map_or(0, Count::get)
                        }),
                    },
                });
            }
        }
    }
}

/// Bits of the number of microseconds: 0 below 1 µs, 1 below 2 µs, 2 below 4 µs …
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    usize::try_from(u64::BITS - micros.leading_zeros()).unwrap_or(BUCKETS)
}

pub(crate) fn as_u64(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_falls_into_powers_of_two() {
        for (nanos, expected) in [
            (0, 0),
            (999, 0),
            (1000, 1),
            (1999, 1),
            (2000, 2),
            (1_000_000, 10),
            (1 << 60, 51),
        ] {
            assert_eq!(bucket(Duration::from_nanos(nanos)), expected, "{nanos} ns");
        }
    }

    #[test]
    fn a_caller_cannot_make_the_table_grow() {
        let tally = ServiceTally::new(|number| (number == 40).then_some("FORTY"));
        let sample = Sample {
            octets_in: 4,
            octets_out: 28,
            error: true,
            took: Duration::from_micros(3),
        };
        for procedure in [0, 40, 41, 1000, u32::MAX] {
            tally.count(procedure, sample);
        }
        let mut read = Vec::new();
        tally.read(1, 2, |number| (number == 40).then_some("FORTY"), &mut read);
        let seen: Vec<_> = read
            .iter()
            .map(|p| (p.procedure, p.name, p.calls, p.errors))
            .collect();
        assert_eq!(
            seen,
            [
                (Some(0), None, 1, 1),
                (Some(40), Some("FORTY"), 1, 1),
                (None, None, 3, 3)
            ]
        );
        assert_eq!(tally.procedures.len(), 41);
    }

    #[test]
    fn quantiles_are_upper_ends_of_buckets() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        histogram.buckets[2] = 90;
        histogram.buckets[10] = 10;
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_micros(4)));
        assert_eq!(histogram.quantile(0.9), Some(Duration::from_micros(4)));
        assert_eq!(histogram.quantile(0.99), Some(Duration::from_micros(1024)));
    }
}
