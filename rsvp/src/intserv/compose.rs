//! How each element adds itself to an Adspec: RFC 2215 §3, RFC 2212, RFC 2210 §3.3.

use super::adspec::{Adspec, GuaranteedTerms, Overrides, PathValues};
use super::delay::ErrorTerms;
use super::{Bandwidth, Latency};

/// What one element, on the way to one next hop, is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalElement {
    /// Its values for all services.
    pub general: LocalValues,
    /// Guaranteed service, if the element has it.
    pub guaranteed: Option<LocalGuaranteed>,
    /// Controlled load, if the element has it.
    pub controlled_load: Option<LocalControlledLoad>,
    /// Whether a hop without Integrated Services is known, or suspected, in front of the element.
    pub after_non_is_hop: bool,
}

/// An element's own values. It counts itself as one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalValues {
    /// Bandwidth that flows can have; 0 if not known.
    pub bandwidth: Bandwidth,
    /// The least time a packet takes, transmission included, queueing not.
    pub latency: Latency,
    /// MTU of the link in octets, IP header included.
    pub mtu: u32,
}

/// An element's guaranteed service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalGuaranteed {
    /// Its C and D.
    pub terms: ErrorTerms,
    /// Whether it reshapes, so that Csum and Dsum begin anew. Not to say so is always safe, and costs buffer.
    pub reshapes: bool,
    /// Its values where they are not the general ones.
    pub overrides: Overrides,
}

/// An element's controlled load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalControlledLoad {
    /// Its values where they are not the general ones.
    pub overrides: Overrides,
}

/// RFC 2215 §3.2: one more; 65535 at most, since only 16 bits count.
#[must_use]
pub const fn compose_hops(arriving: u32, local: u32) -> u32 {
    let hops = (arriving & 0xffff).saturating_add(local);
    if hops > 0xffff { 0xffff } else { hops }
}

/// RFC 2215 §3.3: the smaller, so that unknown (0) stays. What nothing has limited is not known, either: infinity is
/// never passed on.
#[must_use]
pub fn compose_bandwidth(arriving: Bandwidth, local: Bandwidth) -> Bandwidth {
    let least = arriving.min(local);
    if least.get().is_finite() {
        least
    } else {
        Bandwidth::UNKNOWN
    }
}

/// RFC 2215 §3.4: the sum; beyond what 32 bits can say, indeterminate, which stays.
#[must_use]
pub const fn compose_latency(arriving: Latency, local: Latency) -> Latency {
    Latency::from_micros(compose_sum(arriving.micros(), local.micros()))
}

/// RFC 2212: C and D add up, to 2³² − 1 at most.
#[must_use]
pub const fn compose_sum(arriving: u32, local: u32) -> u32 {
    arriving.saturating_add(local)
}

impl Adspec {
    /// Notes that a hop does not know Integrated Services: RFC 2210 §3.3.2.
    pub const fn mark_non_is_hop(&mut self) {
        self.general.is_broken = true;
    }

    /// The Adspec behind `local`.
    #[must_use]
    pub fn compose(mut self, local: &LocalElement) -> Self {
        if local.after_non_is_hop {
            self.mark_non_is_hop();
        }
        let arriving = self.general.values;
        let here = PathValues {
            hops: 1,
            bandwidth: local.general.bandwidth,
            latency: local.general.latency,
            mtu: local.general.mtu,
        };
        self.general.values = PathValues {
            hops: compose_hops(arriving.hops, here.hops),
            bandwidth: compose_bandwidth(arriving.bandwidth, here.bandwidth),
            latency: compose_latency(arriving.latency, here.latency),
            mtu: arriving.mtu.min(here.mtu),
        };
        let mtu = self.general.values.mtu;
        if let Some(fragment) = &mut self.guaranteed {
            match &local.guaranteed {
                // RFC 2210 §3.3.3: who lacks the service sets the break bit, and leaves the rest.
                None => fragment.is_broken = true,
                Some(service) => {
                    // An empty fragment is filled with zeros first; its break bit stays.
                    let GuaranteedTerms {
                        total,
                        since_reshaper,
                    } = fragment.terms.unwrap_or_default();
                    fragment.terms = Some(GuaranteedTerms {
                        total: total.plus(service.terms),
                        since_reshaper: if service.reshapes {
                            service.terms
                        } else {
                            since_reshaper.plus(service.terms)
                        },
                    });
                    fragment.overrides =
                        fragment
                            .overrides
                            .compose(&arriving, &service.overrides, &here, mtu);
                }
            }
        }
        if let Some(fragment) = &mut self.controlled_load {
            match &local.controlled_load {
                None => fragment.is_broken = true,
                Some(service) => {
                    fragment.overrides =
                        fragment
                            .overrides
                            .compose(&arriving, &service.overrides, &here, mtu);
                }
            }
        }
        for fragment in self.others_mut() {
            fragment.is_broken = true;
        }
        self
    }
}

impl Overrides {
    /// RFC 2210 §3.3.5, RFC 2215 §2: each value by itself, from what arrived. A service's MTU is no greater than the
    /// general one.
    fn compose(&self, arriving: &PathValues, local: &Self, here: &PathValues, mtu: u32) -> Self {
        Self {
            hops: one(
                self.hops,
                arriving.hops,
                local.hops,
                here.hops,
                compose_hops,
            ),
            bandwidth: one(
                self.bandwidth,
                arriving.bandwidth,
                local.bandwidth,
                here.bandwidth,
                compose_bandwidth,
            ),
            latency: one(
                self.latency,
                arriving.latency,
                local.latency,
                here.latency,
                compose_latency,
            ),
            mtu: one(self.mtu, arriving.mtu, local.mtu, here.mtu, |a, b| {
                a.min(b).min(mtu)
            }),
        }
    }
}

/// One parameter of a service: what arrived for the service and in general, and what is so here.
fn one<T>(
    arriving_own: Option<T>,
    arriving_general: T,
    local_own: Option<T>,
    local_general: T,
    compose: impl Fn(T, T) -> T,
) -> Option<T> {
    match (arriving_own, local_own) {
        (Some(arriving), Some(local)) => Some(compose(arriving, local)),
        (Some(arriving), None) => Some(compose(arriving, local_general)),
        (None, Some(local)) => Some(compose(arriving_general, local)),
        (None, None) => None,
    }
}
