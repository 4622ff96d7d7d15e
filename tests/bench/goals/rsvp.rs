//! The goals of RSVP.

use super::Bar::{AtLeast, AtMost, Never, Shown};
use super::{Goal, alone};

/// The goals of RSVP that are speeds and sizes, and what data meets. A line appears when its figures were measured. What
/// must never happen is tested, not measured: `tests/interop/rsvp/goals.rs` has goals 5, 7 and 11.
#[rustfmt::skip]
pub(crate) const RSVP: &[Goal] = &[
    alone("1", "scale", "Path and Resv decoded, one core", "ours.rsvp.decode", None, AtLeast(2e6)),
    // R is 30 s. One node's share; its neighbours are engines, too, and not counted.
    alone("12", "scale", "50 000 sessions refreshed: of a core", "ours.rsvp.keep50000", None, AtMost(10.0)),
    alone("", "scale", "  messages to each neighbour", "ours.rsvp.keep50000.sent", None, Shown),
    alone("12", "scale", "  expired", "ours.rsvp.keep50000.lost", None, Never),
    alone("12", "scale", "200 000 sessions refreshed: of a core", "ours.rsvp.keep200000", None, AtMost(40.0)),
    alone("12", "scale", "  expired", "ours.rsvp.keep200000.lost", None, Never),
    alone("12", "scale", "50 000 with refresh reduction: of a core", "ours.rsvp.summaries50000", None, AtMost(1.0)),
    alone("12", "scale", "  messages to each neighbour", "ours.rsvp.summaries50000.sent", None, AtMost(20.0)),
    alone("12", "scale", "  expired", "ours.rsvp.summaries50000.lost", None, Never),
    alone("", "scale", "200 000 with refresh reduction: of a core", "ours.rsvp.summaries200000", None, Shown),
    alone("", "scale", "  messages to each neighbour", "ours.rsvp.summaries200000.sent", None, Shown),
    alone("12", "scale", "memory of a session with a reservation, engine only", "ours.rsvp.memory", None, AtMost(2048.0)),
    alone("13", "scale", "10 000 sessions through three engines", "ours.rsvp.establish10000", None, AtMost(10.0)),
    alone("", "scale", "  each, the one in the middle", "ours.rsvp.establish10000.one", None, Shown),
    alone("14", "scale", "a timer set, put off or passed, of a million", "ours.rsvp.timers", None, AtMost(1.0)),

    alone("4", "paths", "rapi_sender to PATH_EVENT, 3 routers: p99", "ours.rsvp.path.p99", None, AtMost(5.0)),
    alone("4", "paths", "  each of 5 daemons, median", "ours.rsvp.path.hop", None, AtMost(1.0)),
    alone("4", "paths", "rapi_reserve to RESV_EVENT, with traffic control: p99", "ours.rsvp.resv.p99", None, AtMost(10.0)),
    alone("4", "paths", "  each of 5 daemons, median", "ours.rsvp.resv.hop", None, AtMost(2.0)),
    alone("5", "paths", "rapi_release to the last class and the sender's event: p99", "ours.rsvp.tear.p99", None, AtMost(10.0)),
    alone("5", "paths", "  classes left in the end", "ours.rsvp.left", None, Never),
    alone("9", "paths", "reserved 5 of 20 Mbit/s, flood of 40: lost (one queue)", "ours.rsvp.flood.loss", Some("fifo.rsvp.flood.loss"), Never),
    alone("9", "paths", "  p99", "ours.rsvp.flood.p99", Some("fifo.rsvp.flood.p99"), AtMost(5.0)),
    alone("9", "paths", "  p50", "ours.rsvp.flood.p50", Some("fifo.rsvp.flood.p50"), AtMost(5.0)),
    alone("9", "paths", "  what one queue loses, so that it shows something", "fifo.rsvp.flood.loss", None, AtLeast(10.0)),
    alone("10", "paths", "guaranteed, r 25 kB/s b 4 kB: p99 of its bound", "ours.rsvp.guaranteed.small.share", None, AtMost(1.0)),
    alone("10", "paths", "  r 60 kB/s b 2 kB", "ours.rsvp.guaranteed.smooth.share", None, AtMost(1.0)),
    alone("10", "paths", "  r 64 kB/s b 30 kB", "ours.rsvp.guaranteed.bursty.share", None, AtMost(1.0)),
    alone("13", "paths", "10 000 sessions through one router with traffic control", "ours.rsvp.many10000", None, AtMost(20.0)),
];
