//! Notices of the engine in the log: a few lines for each reason and neighbour, then how many more there were.
//!
//! Pure: notices and the time in, lines out. Whatever is sent here, there are no more than [`LINES`] · ([`KINDS`] + the few
//! reasons there are) lines in a [`WINDOW`].

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use fairway_stack::Instant;

use crate::notice::Notice;

/// Lines of one reason and neighbour within a window.
const LINES: u32 = 5;
/// A window: from its first line on.
const WINDOW: Duration = Duration::from_secs(60);
/// Pairs of reason and neighbour that are told apart; beyond them, neighbours are not.
const KINDS: usize = 128;

/// A reason, and who gave it, if neighbours are told apart.
type Kind = (&'static str, Option<IpAddr>);

/// What is to be done with a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It gets a line.
    Tell,
    /// It gets a line, and is the last of its kind for some time.
    TellLast,
    /// It is counted.
    LeaveOut,
}

/// A kind of which something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) reason: &'static str,
    /// `None`: several, or nobody.
    pub(super) neighbour: Option<IpAddr>,
    pub(super) count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Instant,
    told: u32,
    left_out: u64,
}

/// Bounds the lines of the log.
#[derive(Debug, Default)]
pub(super) struct Told {
    windows: BTreeMap<Kind, Window>,
}

impl Told {
    /// Whether this gets a line. Call [`over`](Self::over) before, so that windows end.
    pub(super) fn judge(&mut self, now: Instant, notice: &Notice) -> Verdict {
        let kind = (notice.why.kind(), notice.about.neighbour);
        let is_known = self.windows.contains_key(&kind);
        let kind = if is_known || self.windows.len() < KINDS {
            kind
        } else {
            (kind.0, None)
        };
        let window = self.windows.entry(kind).or_insert(Window {
            ends: now + WINDOW,
            told: 0,
            left_out: 0,
        });
        if window.told >= LINES {
            window.left_out = window.left_out.saturating_add(1);
            return Verdict::LeaveOut;
        }
        window.told += 1;
        if window.told == LINES {
            Verdict::TellLast
        } else {
            Verdict::Tell
        }
    }

    /// Ends the windows whose time is over, and says what they have left out.
    pub(super) fn over(&mut self, now: Instant) -> Vec<LeftOut> {
        let mut left_out = Vec::new();
        self.windows.retain(|(reason, neighbour), window| {
            if now < window.ends {
                return true;
            }
            if window.left_out > 0 {
                left_out.push(LeftOut {
                    reason,
                    neighbour: *neighbour,
                    count: window.left_out,
                });
            }
            false
        });
        left_out
    }

    /// When something that was left out is to be told.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.windows.values().filter(|window| window.left_out > 0);
        waiting.map(|window| window.ends).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::IfIndex;
    use crate::notice::{About, Why};

    fn notice(reason: &'static str, last: u8, host: u8) -> Notice {
        let neighbour = Some(IpAddr::from([10, 0, host, last]));
        Notice {
            about: About {
                neighbour,
                ..About::on(IfIndex(1))
            },
            why: Why::Dropped(reason),
        }
    }

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(secs)
    }

    /// STYLE §7: what others cause is logged at a bounded rate.
    #[test]
    fn a_flood_is_five_lines_and_a_number() {
        let mut told = Told::default();
        let verdicts: Vec<Verdict> = (0..1000)
            .map(|_| told.judge(at(0), &notice("object", 1, 0)))
            .collect();
        assert_eq!(&verdicts[..4], [Verdict::Tell; 4]);
        assert_eq!(verdicts[4], Verdict::TellLast);
        assert_eq!(verdicts[5..], [Verdict::LeaveOut; 995]);
        // Another reason, and another neighbour, have their own.
        assert_eq!(told.judge(at(1), &notice("grammar", 1, 0)), Verdict::Tell);
        assert_eq!(told.judge(at(1), &notice("object", 2, 0)), Verdict::Tell);
        assert_eq!(told.poll_timeout(), Some(at(60)));
        assert_eq!(told.over(at(59)), []);
        let left_out = LeftOut {
            reason: "object",
            neighbour: Some([10, 0, 0, 1].into()),
            count: 995,
        };
        assert_eq!(told.over(at(60)), [left_out]);
        assert_eq!(told.poll_timeout(), None);
        assert_eq!(told.judge(at(60), &notice("object", 1, 0)), Verdict::Tell);
    }

    #[test]
    fn who_invents_neighbours_shares_a_few_lines() {
        let mut told = Told::default();
        let lines = (0..=255)
            .flat_map(|host| (0..=255).map(move |last| (host, last)))
            .filter(|(host, last)| {
                told.judge(at(0), &notice("object", *last, *host)) != Verdict::LeaveOut
            })
            .count();
        assert_eq!(lines, KINDS + 5);
        let left_out = told.over(at(60));
        assert_eq!(left_out.len(), 1);
        assert_eq!(left_out[0].neighbour, None);
        assert_eq!(left_out[0].count, 65_536 - 128 - 5);
    }
}
