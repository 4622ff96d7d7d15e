//! How many datagrams a client keeps in flight.
//!
//! A UDP server drops what its socket's buffer cannot hold, some 250 small calls on Linux, and every call dropped costs a wait of a second.
//! So only a window of calls is sent; the others wait in the queue, in the order of calling, and the wait of each begins when it is sent.
//! A timeout is the only sign of congestion there is: the window is halved, once for all the datagrams of one wait, and grows again by one for
//! every window of replies, as RFC 8085 §3.1.2 asks of those who send in bulk (and RFC 5681 §3.1 does for TCP).

use std::time::Duration;

use fairway_stack::Instant;

/// Datagrams that may be in flight: additive increase, multiplicative decrease, within 1 and the configured most.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    most: usize,
    /// Replies since the last growth.
    replies: usize,
    /// Timeouts before this belong to the congestion that the window was halved for.
    cut_until: Option<Instant>,
}

impl Window {
    /// Full at first.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            size: most,
            most,
            replies: 0,
            cut_until: None,
        }
    }

    /// Datagrams that may be in flight now.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// A reply has come.
    pub(crate) fn handle_reply(&mut self) {
        if self.size == self.most {
            return;
        }
        self.replies += 1;
        if self.replies >= self.size {
            self.replies = 0;
            self.size += 1;
        }
    }

    /// Datagrams found no reply in their time, the shortest of which is `wait`. True if the window became smaller.
    pub(crate) fn handle_timeout(&mut self, now: Instant, wait: Duration) -> bool {
        if self.cut_until.is_some_and(|until| now < until) {
            return false;
        }
        self.cut_until = Some(now + wait);
        self.replies = 0;
        let before = self.size;
        self.size = (self.size / 2).max(1);
        self.size < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn timeouts_of_one_wait_halve_it_once() {
        // RFC 8085 §3.1.2.
        let mut window = Window::new(16);
        assert!(window.handle_timeout(at(1000), WAIT));
        assert!(!window.handle_timeout(at(1001), WAIT));
        assert!(!window.handle_timeout(at(1999), WAIT));
        assert_eq!(window.size(), 8);
        assert!(window.handle_timeout(at(2000), WAIT));
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn a_window_of_replies_adds_one_up_to_the_most() {
        let mut window = Window::new(8);
        window.handle_timeout(at(0), WAIT);
        assert_eq!(window.size(), 4);
        for replies in [4, 5, 6, 7] {
            for _ in 1..replies {
                window.handle_reply();
            }
            assert_eq!(window.size(), replies);
            window.handle_reply();
            assert_eq!(window.size(), replies + 1);
        }
        for _ in 0..100 {
            window.handle_reply();
        }
        assert_eq!(window.size(), 8);
    }

    #[test]
    fn one_always_may_be_in_flight() {
        let mut window = Window::new(0);
        assert_eq!(window.size(), 1);
        assert!(!window.handle_timeout(at(0), WAIT));
        assert_eq!(window.size(), 1);
    }
}
