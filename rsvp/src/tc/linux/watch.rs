//! Whether what is installed is still there: others have `tc` and `nft`, too.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};

use super::classifier::Written;
use super::htb;
use crate::interface::IfIndex;
use crate::netlink::Channel;

/// What is to be there.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// The table, if there are links.
    pub(super) table: Written,
    /// Interfaces with our scheduler.
    pub(super) links: BTreeSet<IfIndex>,
    /// There are interfaces that are to have it, and have not.
    pub(super) is_wanting: bool,
}

/// What is to be there, known to who installs it and to who watches it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Expected>>);

impl Shared {
    /// It is this.
    pub(super) fn set(&self, expected: Expected) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = expected;
    }

    /// Whether there are interfaces that are to have our scheduler, and have not.
    fn is_wanting(&self) -> bool {
        let expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        expected.is_wanting
    }

    fn get(&self) -> Expected {
        let expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        expected.clone()
    }
}

/// Looks whether what a [`LinuxTc`](super::LinuxTc) has installed is still there, in its network namespace.
///
/// The kernel would tell of each change of tables, queues and classes, of which most are our own and thousands: a question
/// for the table and one for each interface, every few seconds, is less. Can be asked from another thread.
#[derive(Debug)]
pub struct TcWatch {
    expected: Shared,
    routes: Channel,
    filters: Channel,
}

impl TcWatch {
    pub(super) fn new(expected: Shared) -> io::Result<Self> {
        Ok(Self {
            expected,
            routes: Channel::open(NETLINK_ROUTE)?,
            filters: Channel::open(NETLINK_NETFILTER)?,
        })
    }

    /// Whether something could not be installed that is to be, since somebody else's queueing discipline was there, or the
    /// kernel refused it: `LinuxTc::set_interface` tries it again. Nobody tells when it would succeed.
    #[must_use]
    pub fn is_wanting(&self) -> bool {
        self.expected.is_wanting()
    }

    /// Whether something is missing, or is there that could not be removed: `LinuxTc::set_interface` mends it. While that
    /// is at work, it may seem so. What the kernel does not tell is taken for well.
    pub fn is_amiss(&mut self) -> bool {
        let expected = self.expected.get();
        if expected.links.is_empty() {
            return false;
        }
        let routes = &mut self.routes;
        let mut is_gone = |link: &IfIndex| {
            let root = htb::root(routes, *link);
            root.is_ok_and(|root| !root.is_some_and(|root| root.is_ours()))
        };
        !expected.table.is_there(&mut self.filters) || expected.links.iter().any(&mut is_gone)
    }
}
