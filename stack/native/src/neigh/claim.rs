//! The right to use an address: probing, announcing and defending it (RFC 5227).
//!
//! ```text
//!            no answer to 3 probes            announced twice
//!  Probing ─────────────────────► Announcing ────────────────► Held
//!     │ somebody has it               │ conflict, not defended  │
//!     └──────────► Lost ◄─────────────┴─────────────────────────┘
//! ```
//!
//! When the link comes up again, every claim that is not lost begins anew.

use crate::rng::Rng;
use fairway_wire::Instant;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Longest wait before the first probe: PROBE_WAIT, RFC 5227 §1.1.
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// Probes: PROBE_NUM.
const PROBE_NUM: u8 = 3;
/// Shortest time between probes: PROBE_MIN.
const PROBE_MIN: Duration = Duration::from_secs(1);
/// Longest time between probes: PROBE_MAX.
const PROBE_MAX: Duration = Duration::from_secs(2);
/// Wait after the last probe: ANNOUNCE_WAIT.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// Announcements: ANNOUNCE_NUM.
const ANNOUNCE_NUM: u8 = 2;
/// Time between announcements: ANNOUNCE_INTERVAL.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// Least time between two defences: DEFEND_INTERVAL.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// After so many conflicts on an interface, new addresses are probed slowly: MAX_CONFLICTS.
pub(super) const MAX_CONFLICTS: u32 = 10;
/// How slowly: RATE_LIMIT_INTERVAL.
pub(super) const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);

/// How the use of an address begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClaimMode {
    /// At once, and nobody is told.
    #[default]
    Silent,
    /// At once, and the neighbours are told.
    Announce,
    /// Not before it is known that nobody else has it; then the neighbours are told (RFC 5227 §2.1).
    Probe,
}

/// What happens when another host claims an address that is in use here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// It is kept under any circumstances, and defended now and then (RFC 5227 §2.4 (c)).
    #[default]
    Keep,
    /// It is defended once, and given up when that does not help (RFC 5227 §2.4 (b)).
    Yield,
}

/// How far a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Asking whether anybody else has the address; it is not used yet.
    Probing {
        /// Probes sent so far.
        sent: u8,
        /// When the next one is due; after the last one, when the wait is over.
        next: Instant,
    },
    /// It is used, and the neighbours are being told.
    Announcing {
        /// Announcements sent so far.
        sent: u8,
        /// When the next one is due.
        next: Instant,
    },
    /// It is used.
    Held,
    /// Somebody else has it; it is not used.
    Lost,
}

/// One address of this host on one interface.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) address: Ipv4Addr,
    /// How many leading bits its network has.
    pub(super) prefix: u8,
    state: ClaimState,
    mode: ClaimMode,
    policy: ConflictPolicy,
    /// When the last conflict was seen.
    conflict_at: Option<Instant>,
}

/// What a claim wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Probe,
    /// The address may be used from now on; announce it.
    Ready,
    Announce,
}

/// What a claim does about a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing now: it was defended a moment ago.
    Bear,
    /// One announcement.
    Defend,
    /// It is lost.
    GiveUp,
}

impl Claim {
    pub(super) fn new(
        now: Instant,
        rng: &mut Rng,
        address: Ipv4Addr,
        prefix: u8,
        mode: ClaimMode,
        policy: ConflictPolicy,
        not_before: Instant,
    ) -> Self {
        Self {
            address,
            prefix,
            state: begin(now, rng, mode, not_before),
            mode,
            policy,
            conflict_at: None,
        }
    }

    /// The link has come up: whoever is on it now may use the address, so that it is claimed as in the beginning (RFC 5227
    /// §2.1: "when a link-state change signals that an Ethernet cable has been connected"). What was lost stays lost.
    pub(super) fn handle_up(&mut self, now: Instant, rng: &mut Rng, not_before: Instant) {
        if self.state != ClaimState::Lost {
            self.state = begin(now, rng, self.mode, not_before);
        }
    }

    /// Whether it is made by asking first.
    pub(super) const fn asks_first(&self) -> bool {
        matches!(self.mode, ClaimMode::Probe)
    }

    pub(super) const fn state(&self) -> ClaimState {
        self.state
    }

    /// Whether the address may be used.
    pub(super) const fn is_usable(&self) -> bool {
        matches!(self.state, ClaimState::Announcing { .. } | ClaimState::Held)
    }

    pub(super) const fn is_probing(&self) -> bool {
        matches!(self.state, ClaimState::Probing { .. })
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            ClaimState::Probing { next, .. } | ClaimState::Announcing { next, .. } => Some(next),
            ClaimState::Held | ClaimState::Lost => None,
        }
    }

    /// The next step if one is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, rng: &mut Rng) -> Option<Step> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        let (state, step) = match self.state {
            ClaimState::Probing { sent, .. } if sent < PROBE_NUM => {
                let sent = sent + 1;
                let wait = if sent < PROBE_NUM {
                    between(rng, PROBE_MIN, PROBE_MAX)
                } else {
                    ANNOUNCE_WAIT
                };
                let next = now + wait;
                (ClaimState::Probing { sent, next }, Step::Probe)
            }
            // RFC 5227 §2.3: it may be used "immediately after sending the first of the two ARP Announcements".
            ClaimState::Probing { .. } => (announced(1, now), Step::Ready),
            ClaimState::Announcing { sent, .. } => (announced(sent + 1, now), Step::Announce),
            ClaimState::Held | ClaimState::Lost => return None,
        };
        self.state = state;
        Some(step)
    }

    /// Another host uses the address, or wants to.
    pub(super) fn handle_conflict(&mut self, now: Instant) -> Answer {
        let recent = self
            .conflict_at
            .replace(now)
            .is_some_and(|at| now < at + DEFEND_INTERVAL);
        match (self.state, self.policy) {
            // RFC 5227 §2.1.1: "MUST treat this address as being in use by some other host".
            (ClaimState::Probing { .. }, _) => self.state = ClaimState::Lost,
            (ClaimState::Lost, _) => return Answer::Bear,
            // RFC 5227 §2.4 (b): "MUST immediately cease using this address".
            (ClaimState::Announcing { .. } | ClaimState::Held, ConflictPolicy::Yield) if recent => {
                self.state = ClaimState::Lost;
            }
            // RFC 5227 §2.4 (c): "MUST NOT send another defensive ARP Announcement".
            (ClaimState::Announcing { .. } | ClaimState::Held, ConflictPolicy::Keep) if recent => {
                return Answer::Bear;
            }
            (ClaimState::Announcing { .. } | ClaimState::Held, _) => return Answer::Defend,
        }
        Answer::GiveUp
    }
}

/// How a claim begins.
fn begin(now: Instant, rng: &mut Rng, mode: ClaimMode, not_before: Instant) -> ClaimState {
    match mode {
        ClaimMode::Silent => ClaimState::Held,
        ClaimMode::Announce => ClaimState::Announcing { sent: 0, next: now },
        // RFC 5227 §2.1.1: "wait for a random time interval selected uniformly in the range zero to PROBE_WAIT".
        ClaimMode::Probe => ClaimState::Probing {
            sent: 0,
            next: now.max(not_before) + between(rng, Duration::ZERO, PROBE_WAIT),
        },
    }
}

fn announced(sent: u8, now: Instant) -> ClaimState {
    if sent < ANNOUNCE_NUM {
        let next = now + ANNOUNCE_INTERVAL;
        ClaimState::Announcing { sent, next }
    } else {
        ClaimState::Held
    }
}

/// A time from `least` to `most`, evenly.
fn between(rng: &mut Rng, least: Duration, most: Duration) -> Duration {
    let span = u64::try_from(most.saturating_sub(least).as_nanos()).unwrap_or(u64::MAX);
    least + Duration::from_nanos(rng.below(span.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Claim, ClaimMode, ClaimState, ConflictPolicy, Step};
    use crate::rng::Rng;
    use fairway_wire::Instant;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn claim(mode: ClaimMode, policy: ConflictPolicy, rng: &mut Rng) -> Claim {
        let address = Ipv4Addr::new(10, 0, 0, 1);
        Claim::new(Instant::ZERO, rng, address, 24, mode, policy, Instant::ZERO)
    }

    /// RFC 5227 §2.1.1, §2.3: three probes 1 to 2 seconds apart, two seconds of waiting, two announcements.
    #[test]
    fn an_address_that_nobody_has_is_probed_announced_and_held() {
        for seed in 0..20 {
            let mut rng = Rng::from_seed([seed; 32]);
            let mut claim = claim(ClaimMode::Probe, ConflictPolicy::Keep, &mut rng);
            let mut steps = Vec::new();
            let mut last = Instant::ZERO;
            while let Some(at) = claim.poll_timeout() {
                assert_eq!(
                    claim.handle_timeout(at - Duration::from_nanos(1), &mut rng),
                    None
                );
                let usable = claim.is_usable();
                let step = claim.handle_timeout(at, &mut rng).unwrap();
                steps.push((step, usable, (at - last).as_millis()));
                last = at;
            }
            let [first, second, third, ready, again] = steps.as_slice() else {
                panic!("{steps:?}");
            };
            assert!(first.0 == Step::Probe && !first.1 && first.2 <= 1000);
            for probe in [second, third] {
                assert!(probe.0 == Step::Probe && (1000..=2000).contains(&probe.2));
            }
            assert_eq!(ready, &(Step::Ready, false, 2000));
            assert_eq!(again, &(Step::Announce, true, 2000));
            assert_eq!(claim.state(), ClaimState::Held);
        }
    }

    #[test]
    fn a_conflict_while_probing_loses_the_address() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut claim = claim(ClaimMode::Probe, ConflictPolicy::Keep, &mut rng);
        assert_eq!(claim.handle_conflict(Instant::ZERO), Answer::GiveUp);
        assert_eq!(claim.state(), ClaimState::Lost);
        assert_eq!(claim.poll_timeout(), None);
        assert_eq!(claim.handle_conflict(Instant::ZERO), Answer::Bear);
    }

    /// RFC 5227 §2.4 (c): one defence per ten seconds.
    #[test]
    fn an_address_to_keep_is_defended_now_and_then() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut claim = claim(ClaimMode::Silent, ConflictPolicy::Keep, &mut rng);
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        assert_eq!(claim.handle_conflict(at(0)), Answer::Defend);
        assert_eq!(claim.handle_conflict(at(9)), Answer::Bear);
        assert_eq!(claim.handle_conflict(at(18)), Answer::Bear);
        assert_eq!(claim.handle_conflict(at(28)), Answer::Defend);
        assert!(claim.is_usable());
    }

    /// RFC 5227 §2.4 (b): defended once, given up at the second conflict within ten seconds.
    #[test]
    fn an_address_to_yield_is_given_up_at_the_second_conflict() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut claim = claim(ClaimMode::Announce, ConflictPolicy::Yield, &mut rng);
        assert!(claim.is_usable());
        assert_eq!(claim.handle_conflict(Instant::ZERO), Answer::Defend);
        assert_eq!(claim.handle_conflict(Instant::ZERO), Answer::GiveUp);
        assert!(!claim.is_usable());
    }
}
