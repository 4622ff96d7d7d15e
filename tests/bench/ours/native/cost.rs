//! What an event costs that nobody listens to (G21).

use std::hint::black_box;

use fairway_native::event;
use fairway_native::event::{EventId, Events};
use fairway_wire::Instant;

use super::each;
use crate::lab::{much, put};

pub(super) fn run() {
    let mut events = Events::new();
    let nanoseconds = each(much(50_000_000), || {
        let len = black_box(1460_usize);
        event!(
            black_box(&mut events),
            Instant::ZERO,
            EventId::LinkIn,
            interface = 1_u32,
            len = len
        );
    });
    put("ours.event", nanoseconds, "ns");
}
