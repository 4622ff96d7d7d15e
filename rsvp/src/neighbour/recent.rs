//! What was said lately where signatures are: a neighbour that challenges has dropped it.

use core::time::Duration;
use std::collections::VecDeque;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::ids::Order;
use super::io::Destination;

/// How long a message is kept.
const SPAN: Duration = Duration::from_secs(5);
/// How many are.
const MOST: usize = 64;
/// How often one is sent again, whoever says to have missed it: so that a forged challenge is of no use.
const TIMES: u8 = 4;

/// The messages of the engine that left by an interface, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    said: VecDeque<Said>,
}

#[derive(Clone, Debug)]
struct Said {
    at: Instant,
    /// How often it may go again.
    left: u8,
    order: Order,
}

impl Recent {
    /// Keeps a message for a while.
    pub(super) fn keep(&mut self, now: Instant, order: Order) {
        self.prune(now);
        if self.said.len() >= MOST {
            self.said.pop_front();
        }
        self.said.push_back(Said {
            at: now,
            left: TIMES,
            order,
        });
    }

    /// What this neighbour may have dropped, in the order in which it was said.
    pub(super) fn missed_by(&mut self, now: Instant, neighbour: IpAddr) -> Vec<Order> {
        self.prune(now);
        self.said
            .iter_mut()
            .filter(|said| match said.order.to {
                Destination::Neighbour(to) => to == neighbour,
                Destination::Towards { neighbour: to, .. } => to.is_none_or(|to| to == neighbour),
            })
            .filter_map(|said| {
                said.left = said.left.checked_sub(1)?;
                Some(said.order.clone())
            })
            .collect()
    }

    fn prune(&mut self, now: Instant) {
        while self.said.front().is_some_and(|said| now - said.at > SPAN) {
            self.said.pop_front();
        }
    }
}
