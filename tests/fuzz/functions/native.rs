//! The native stack: what arrives, what is called, what a bad network does to good programs.

mod calls;
mod frames;
mod ops;
mod stream;
mod world;

pub(super) use calls::calls;
pub(super) use frames::frames;
pub(super) use stream::stream;

use std::cell::RefCell;
use std::collections::BTreeSet;

use fairway_native::Stack;
use fairway_native::event::EventId;

thread_local! {
    /// Which events were raised by any input so far on which host, and how many times: to the power of two.
    static SEEN: RefCell<BTreeSet<(&'static str, usize, EventId, u32)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Whether hosts did something new: raised an event that none before raised, or much more often. Inputs that get
/// somewhere are those worth changing.
fn is_news(function: &'static str, hosts: &[Stack]) -> bool {
    SEEN.with_borrow_mut(|seen| {
        let mut news = false;
        for (place, host) in hosts.iter().enumerate() {
            for (event, count) in host.events().counts() {
                news |= seen.insert((function, place, event, count.ilog2()));
            }
        }
        news
    })
}
