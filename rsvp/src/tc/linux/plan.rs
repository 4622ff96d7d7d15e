//! What a reservation is, in the scheduler's terms.

use crate::intserv::{ErrorTerms, Flowspec, delay};
use crate::tc::ledger::Entry;
use crate::tc::{Excess, Request, TcError};

/// The least queue of a class: one packet of packets (GRO, GSO) and some.
const LEAST_QUEUE: f64 = 131_072.0;
/// The longest queue of a class, octets, unless the link sends more in a tenth of a second. What needs more is refused.
const LONGEST_QUEUE: u64 = 64 << 20;

/// A class of the scheduler. Rates and sizes are in octets, link headers included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Class {
    /// What it is guaranteed.
    pub(super) rate: u64,
    /// What it gets at most.
    pub(super) ceil: u64,
    /// What it sends at once at its rate.
    pub(super) burst: u64,
    /// What it sends at once at its ceiling.
    pub(super) ceil_burst: u64,
    /// Which classes go first: 0 before 7.
    pub(super) priority: u32,
    /// What it sends before another of its priority has its turn.
    pub(super) quantum: u32,
}

/// A token bucket, in octets of IP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Octets per second.
    pub(super) rate: u64,
    /// Octets.
    pub(super) burst: u32,
}

/// A reservation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// Its class.
    pub(super) class: Class,
    /// Octets of its queue, link headers included.
    pub(super) queue: u32,
    /// What passes at most, if excess is best effort.
    pub(super) bucket: Option<Bucket>,
}

/// The link a reservation is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Terms {
    /// Octets per second, link headers included.
    pub(super) rate: u64,
    /// The part of that which is reserved at most.
    pub(super) share: u64,
    /// Octets of the longest packet, link header included.
    pub(super) longest: u32,
    /// Octets of the link's header.
    pub(super) header: u32,
    /// What this node adds to the path's error terms.
    pub(super) own: ErrorTerms,
    /// What becomes of excess.
    pub(super) excess: Excess,
}

impl Terms {
    /// The class of the link itself.
    pub(super) fn root(&self) -> Class {
        self.class(self.rate, self.rate, 0)
    }

    /// The class of control traffic: a hundredth of the link, ten when nobody else wants it.
    pub(super) fn control(&self) -> Class {
        self.class(self.control_rate(), self.rate.div_ceil(10), 0)
    }

    /// The class of what anybody can mark as network control: half as much, and behind reservations when it takes what they
    /// leave.
    pub(super) fn network_control(&self) -> Class {
        self.class(self.network_control_rate(), self.rate.div_ceil(10), 2)
    }

    /// The class of best effort: what is not reserved even if all that can be is.
    pub(super) fn best_effort(&self) -> Class {
        let reserved = scale(self.share, self.margin());
        let rest = self
            .rate
            .saturating_sub(reserved)
            .saturating_sub(self.control_rate())
            .saturating_sub(self.network_control_rate());
        self.class(rest.max(1), self.rate, 3)
    }

    /// Octets of the queue of best effort: a tenth of a second, 64 KiB at least and 4 MiB at most.
    pub(super) fn best_effort_queue(&self) -> u32 {
        u32::try_from((self.rate / 10).clamp(65_536, 4 << 20)).unwrap_or(u32::MAX)
    }

    /// Octets of the longest queue of a reservation.
    pub(super) fn longest_queue(&self) -> u64 {
        (self.rate / 10).clamp(LONGEST_QUEUE, u32::MAX.into())
    }

    fn control_rate(&self) -> u64 {
        self.rate.div_ceil(100)
    }

    fn network_control_rate(&self) -> u64 {
        self.rate.div_ceil(200)
    }

    /// How much more than r a class of controlled load has: an eighth, or what 95 % of the link have room for.
    fn margin(&self) -> f64 {
        (to_f64(self.rate) * 0.95 / to_f64(self.share.max(1))).clamp(1.0, 1.125)
    }

    /// A class that sends a few packets, or what a thousandth of a second takes, at once.
    fn class(&self, rate: u64, ceil: u64, priority: u32) -> Class {
        let burst = |rate: u64| rate / 1000 + 2 * u64::from(self.longest);
        Class {
            rate,
            ceil,
            burst: burst(rate),
            ceil_burst: burst(ceil),
            priority,
            quantum: self.longest,
        }
    }
}

impl Plan {
    /// What is installed for `request`, which has been admitted as `entry`.
    ///
    /// # Errors
    /// [`TcError::Bandwidth`] if its queue would be longer than any is.
    pub(super) fn new(request: &Request, entry: &Entry, terms: &Terms) -> Result<Self, TcError> {
        let tspec = entry.effective().tspec();
        let on_link = |octets: f64| octets * tspec.on_link(terms.header);
        let since_reshaper = since_reshaper(request, terms);
        let queue = Self::queue(request, entry, terms);
        if queue > terms.longest_queue() {
            return Err(TcError::Bandwidth);
        }
        let rate = entry.rate().wide();
        let (rate, priority) = match entry.effective() {
            Flowspec::Guaranteed(..) => (rate, 0),
            Flowspec::ControlledLoad(_) => (rate * terms.margin(), 1),
        };
        let is_guaranteed = priority == 0;
        let bucket = whole(on_link(tspec.bucket().wide()).ceil());
        let rate = whole(rate.ceil());
        // RFC 2212 "Policing": where flows merge, and before a branch with less, data is reshaped.
        let reshapes = is_guaranteed && (request.policing.merge || request.policing.branch);
        let mut class = terms.class(rate, terms.rate, priority);
        if reshapes {
            // As much at once as the timer of the scheduler needs to keep the rate up, but never more than b: what leaves
            // conforms to the Tspec.
            class.ceil = rate;
            class.burst = class.burst.min(bucket).max(terms.longest.into());
            class.ceil_burst = class.burst;
        } else {
            class.burst = bucket + u64::from(terms.longest);
            if terms.excess == Excess::Drop {
                class.ceil = rate;
                class.ceil_burst = class.burst;
            }
        }
        // What exceeds this has never conformed, whatever the nodes before have done to its spacing: RFC 2212, and for
        // controlled load, RFC 2211 §5: bursts somewhat above b are taken.
        let burst = delay::reshaper_queue(tspec, since_reshaper);
        let bucket = (terms.excess == Excess::BestEffort).then(|| Bucket {
            rate: whole(tspec.rate().wide().ceil()).max(1),
            burst: u32::try_from(whole(burst.ceil())).unwrap_or(u32::MAX),
        });
        Ok(Self {
            class,
            queue: u32::try_from(queue).unwrap_or(u32::MAX),
            bucket,
        })
    }

    /// Octets of its queue, link headers included, whether there are such queues or not.
    pub(super) fn queue(request: &Request, entry: &Entry, terms: &Terms) -> u64 {
        let (tspec, rate) = (entry.effective().tspec(), entry.effective().rate());
        let octets = delay::buffer(tspec, rate, since_reshaper(request, terms), 0);
        whole((octets * tspec.on_link(terms.header)).max(LEAST_QUEUE))
    }
}

/// What the path so far, this node included, may have let bunch up.
fn since_reshaper(request: &Request, terms: &Terms) -> ErrorTerms {
    let upstream = request.upstream.map(|terms| terms.since_reshaper);
    let exact = upstream.filter(|terms| terms.is_exact());
    exact.unwrap_or_default().plus(terms.own)
}

fn scale(rate: u64, factor: f64) -> u64 {
    whole((to_f64(rate) * factor).ceil())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rates have 24 bits, and this 53"
)]
pub(super) const fn to_f64(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, as is wanted"
)]
pub(super) const fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intserv::{BytesPerSec, GuaranteedTerms, Tspec};
    use crate::tc::ledger::{Bounds, Ledger};
    use crate::tc::{Policing, RHandle};

    const LINK: u64 = 2_500_000;

    fn terms(excess: Excess) -> Terms {
        Terms {
            rate: LINK,
            share: LINK * 3 / 4,
            longest: 1514,
            header: 14,
            own: ErrorTerms::new(1500, 10_000),
            excess,
        }
    }

    fn tspec() -> Tspec {
        Tspec::new(125_000.0, 10_000.0, f32::INFINITY, 100, 1500).unwrap()
    }

    fn plan(flowspec: Flowspec, policing: Policing, excess: Excess) -> Plan {
        let request = Request {
            flowspec,
            path: *flowspec.tspec(),
            policing,
            upstream: Some(GuaranteedTerms {
                total: ErrorTerms::default(),
                since_reshaper: ErrorTerms::new(3000, 3000),
            }),
        };
        let mut ledger = Ledger::new(Bounds {
            share: BytesPerSec::new(1_875_000.0).unwrap(),
            per_flow_max: BytesPerSec::MAX,
            link_header: 14,
            mtu: 1500,
            reservations: 1,
        });
        let entry = ledger.admit(RHandle(1), &request).unwrap();
        Plan::new(&request, &entry, &terms(excess)).unwrap()
    }

    /// RFC 2211 §5: a class limited to exactly r does not conform; the link's headers count.
    #[test]
    fn controlled_load_has_more_than_its_rate() {
        let plan = plan(
            Flowspec::ControlledLoad(tspec()),
            Policing::default(),
            Excess::BestEffort,
        );
        assert_eq!(plan.class.rate, 160_313); // 125 000 · 114/100 · 9/8
        assert_eq!(plan.class.ceil, LINK);
        assert_eq!(plan.class.burst, 11_400 + 1514);
        // b + Csum + Dsum · r.
        assert_eq!(
            plan.bucket,
            Some(Bucket {
                rate: 125_000,
                burst: 10_000 + 4500 + 1625
            })
        );
        assert_eq!(plan.queue, 131_072);
    }

    /// RFC 2212: room for b + Csum + Dsum · R is what loses nothing; on a fast link that is more.
    #[test]
    fn queues_are_as_long_as_links_are_fast() {
        let of = |rate| Terms {
            rate,
            ..terms(Excess::BestEffort)
        };
        let longest = [LINK, 1_250_000_000, u64::MAX].map(|rate| of(rate).longest_queue());
        assert_eq!(longest, [64 << 20, 125_000_000, u32::MAX.into()]);
    }

    /// RFC 2212 "Policing": M and B reshape, so that no more than R leaves.
    #[test]
    fn guaranteed_service_is_reshaped_where_flows_merge_or_branch() {
        let flowspec = Flowspec::guaranteed(tspec(), 200_000.0, 0).unwrap();
        let plain = plan(flowspec, Policing::default(), Excess::BestEffort);
        assert_eq!((plain.class.rate, plain.class.ceil), (228_000, LINK));
        assert_eq!(plain.class.priority, 0);
        let merge = Policing {
            merge: true,
            ..Policing::default()
        };
        let reshaped = plan(flowspec, merge, Excess::BestEffort);
        assert_eq!(
            (reshaped.class.rate, reshaped.class.ceil),
            (228_000, 228_000)
        );
        // Two packets and a thousandth of a second, which is less than b.
        assert_eq!(reshaped.class.burst, 228 + 2 * 1514);
        assert_eq!(reshaped.class.ceil_burst, reshaped.class.burst);
        // No more than b leaves at once, but for a packet.
        for (bucket, burst) in [(2000.0, 2280), (1500.0, 1710), (150.0, 1514)] {
            let small = Tspec::new(125_000.0, bucket, f32::INFINITY, 100, 1500).unwrap();
            let flowspec = Flowspec::guaranteed(small, 200_000.0, 0).unwrap();
            let class = plan(flowspec, merge, Excess::BestEffort).class;
            assert_eq!([class.burst, class.ceil_burst], [burst; 2], "{bucket}");
        }
    }

    /// Excess that is to be dropped waits behind what is reserved, and gets no more.
    #[test]
    fn excess_that_is_dropped_borrows_nothing() {
        let flowspec = Flowspec::guaranteed(tspec(), 200_000.0, 0).unwrap();
        let plan = plan(flowspec, Policing::default(), Excess::Drop);
        assert_eq!(plan.class.ceil, plan.class.rate);
        assert_eq!(plan.bucket, None);
    }

    /// HTB enforces a parent's rate on what is borrowed only: what is guaranteed must not exceed it in sum.
    #[test]
    fn what_is_guaranteed_is_no_more_than_the_link() {
        for percent in 1..=94 {
            let terms = Terms {
                share: LINK * percent / 100,
                ..terms(Excess::BestEffort)
            };
            let reserved = scale(terms.share, terms.margin());
            let control = terms.control().rate + terms.network_control().rate;
            let sum = reserved + terms.best_effort().rate + control;
            assert!(sum <= LINK + 1, "{percent} %: {sum}");
            assert!(terms.best_effort().rate >= LINK * 3 / 100, "{percent} %");
        }
    }
}
