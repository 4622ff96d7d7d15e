//! What a previous hop is asked: RFC 2209 §2, RESV REFRESH; RFC 2205 §2.2, §2.4, §2.5, §3.5.
//!
//! A blockade is held against each next hop's request, not only against what they ask of an interface together, so that
//! a small request gets past a big one that failed on a shared link, too (RFC 2205 speaks of requests, RFC 2209 of
//! traffic control state).

use std::net::IpAddr;

use fairway_wire::Instant;

use super::control::members;
use super::io::Limits;
use super::node::Node;
use crate::intserv::Flowspec;
use crate::msg::{FfDescriptor, Flows};
use crate::state::{Bsb, BsbKey, Phop, Psb, PsbKey, Rsb, RsbKey, SessionState, TcsbKey};
use crate::wire::{FilterSpec, PolicyData, ResvConfirm, Scope, Sender, Style, UnknownObject};

/// What a previous hop should be told.
#[derive(Debug)]
pub(super) enum Desired {
    /// Nobody behind this node reserves.
    Nothing,
    /// Everything has failed a moment ago: say nothing, tear nothing.
    Hold,
    /// This.
    Reserve(Box<Wanted>),
}

/// The content of a Resv.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) flows: Flows,
    /// Of the same, read.
    pub(super) flowspecs: Vec<Flowspec>,
    pub(super) filters: Vec<Sender>,
    pub(super) scope: Option<Scope>,
    pub(super) policy: Vec<PolicyData>,
    pub(super) unknown: Vec<UnknownObject>,
    /// Senders that are left out because all requests for them have just failed: not to be torn.
    pub(super) held: Vec<Sender>,
    /// The installed reservation whose confirmation goes along.
    pub(super) confirm: Option<TcsbKey>,
    /// Who asked for that confirmation.
    receiver: Option<ResvConfirm>,
    /// Those whose confirmation is answered here.
    pub(super) answered: Vec<TcsbKey>,
    /// Some POLICY_DATA or objects that are not understood are left out: there are too many.
    pub(super) is_cut: bool,
    /// Those whose confirmation is dropped, since their request is left out, or the one that goes along is for it, too.
    pub(super) dropped: Vec<TcsbKey>,
}

/// What one interface asks for a sender.
#[derive(Clone, Copy, Debug)]
struct Part {
    flowspec: Flowspec,
    from: TcsbKey,
    /// The request whose confirmation waits there is left out.
    blocked: bool,
    /// That confirmation.
    confirm: Option<ResvConfirm>,
}

/// All interfaces' parts of one flow descriptor.
#[derive(Debug, Default)]
struct Parts {
    free: Vec<Part>,
    /// The least of the requests that are left out.
    blocked: Vec<Flowspec>,
    /// Where they are installed.
    blocked_at: Vec<TcsbKey>,
}

/// What one interface asks of a previous hop.
#[derive(Clone, Copy, Debug)]
struct Sum {
    /// All that is not left out, merged.
    free: Option<Flowspec>,
    /// The least of what is left out, since it has failed.
    blocked: Option<Flowspec>,
    /// Nothing is left out.
    whole: bool,
}

impl Sum {
    fn of(session: &SessionState, from: TcsbKey, phop: Phop, blockade: Option<Flowspec>) -> Self {
        let mut sum = Self {
            free: None,
            blocked: None,
            whole: true,
        };
        for (_, rsb) in members(session, from) {
            let asked = rsb.flowspec;
            if rsb
                .by_interface
                .is_some_and(|named| named != phop.interface())
            {
                sum.whole = false;
            } else if blockade.is_some_and(|failed| failed.blockades(&asked)) {
                sum.whole = false;
                sum.blocked = Some(sum.blocked.map_or(asked, |least| {
                    least.greatest_lower_bound(&asked).unwrap_or(least)
                }));
            } else {
                // One session has one service: what is installed was merged before.
                sum.free = Some(
                    sum.free
                        .map_or(asked, |free| free.merge(&asked).unwrap_or(free)),
                );
            }
        }
        sum
    }
}

/// What was summed up for one previous hop: by interface, and by what is blockaded there.
#[derive(Debug, Default)]
struct Sums(Vec<(TcsbKey, Option<Flowspec>, Sum)>);

impl Sums {
    fn of(
        &mut self,
        session: &SessionState,
        from: TcsbKey,
        phop: Phop,
        blockade: Option<Flowspec>,
    ) -> Sum {
        let known = self.0.iter();
        let mut known = known.filter(|(at, failed, _)| (*at, *failed) == (from, blockade));
        if let Some((_, _, sum)) = known.next() {
            return *sum;
        }
        let sum = Sum::of(session, from, phop, blockade);
        self.0.push((from, blockade, sum));
        sum
    }
}

impl Node {
    /// What the previous hop should be told now. `after_error`: it has just refused something.
    pub(super) fn desired(
        &self,
        now: Instant,
        session: &SessionState,
        phop: Phop,
        after_error: bool,
    ) -> Desired {
        let Some(style) = session.style() else {
            return Desired::Nothing;
        };
        let behind = || {
            session
                .psbs
                .iter()
                .filter(move |(_, psb)| psb.is_behind(phop))
        };
        let mut wanted = Wanted {
            flows: Flows::Ff(Vec::new()),
            flowspecs: Vec::new(),
            filters: Vec::new(),
            scope: None,
            policy: Vec::new(),
            unknown: Vec::new(),
            held: Vec::new(),
            confirm: None,
            receiver: None,
            answered: Vec::new(),
            dropped: Vec::new(),
            is_cut: false,
        };
        if style == Style::FF {
            let mut list = Vec::new();
            for (key, psb) in behind() {
                let mut parts = Parts::default();
                let mut sums = Sums::default();
                parts.collect(now, session, phop, (*key, psb), style, &mut sums);
                match parts.merge(&mut wanted, after_error) {
                    Merged::Nothing => {}
                    Merged::Hold => wanted.held.push(key.sender),
                    Merged::Flowspec(flowspec) => {
                        wanted.filters.push(key.sender);
                        wanted.flowspecs.push(flowspec);
                        list.push(FfDescriptor {
                            flowspec: flowspec.to_object(),
                            filter: FilterSpec(key.sender),
                        });
                    }
                }
            }
            if list.is_empty() {
                return if wanted.held.is_empty() {
                    Desired::Nothing
                } else {
                    Desired::Hold
                };
            }
            wanted.flows = Flows::Ff(list);
        } else {
            let mut parts = Parts::default();
            let mut free = Vec::new();
            let mut all = Vec::new();
            // What an interface asks is the same for all senders, but for what is blockaded of it.
            let mut sums = Sums::default();
            for (key, psb) in behind() {
                let before = (parts.free.len(), parts.blocked.len());
                parts.collect(now, session, phop, (*key, psb), style, &mut sums);
                if parts.free.len() > before.0 {
                    free.push(key.sender);
                }
                if (parts.free.len(), parts.blocked.len()) != before {
                    all.push(key.sender);
                }
            }
            parts.one_each();
            let any_free = !parts.free.is_empty();
            match parts.merge(&mut wanted, after_error) {
                Merged::Nothing => return Desired::Nothing,
                Merged::Hold => return Desired::Hold,
                Merged::Flowspec(flowspec) => {
                    wanted.flowspecs.push(flowspec);
                    if style == Style::WF {
                        wanted.flows = Flows::Wf(flowspec.to_object());
                    } else {
                        wanted.held = all
                            .iter()
                            .filter(|sender| any_free && !free.contains(sender))
                            .copied()
                            .collect();
                        wanted.filters = if any_free { free } else { all };
                        wanted.flows = Flows::Se {
                            flowspec: flowspec.to_object(),
                            filters: wanted.filters.iter().copied().map(FilterSpec).collect(),
                        };
                    }
                }
            }
        }
        wanted.filters.dedup();
        if style == Style::WF && self.needs_scope(session) {
            let scope = scope_towards(session, phop);
            if scope.is_empty() {
                return Desired::Nothing;
            }
            wanted.scope = Some(scope);
        }
        carry(session, phop, &self.config.limits, &mut wanted);
        Desired::Reserve(Box::new(wanted))
    }

    /// RFC 2205 §2.4: wildcard reservations loop where multicast trees are not shared and senders are behind several
    /// previous hops.
    pub(super) fn needs_scope(&self, session: &SessionState) -> bool {
        if !session.is_multicast() || self.routing.has_shared_trees() {
            return false;
        }
        let mut hops = session
            .psbs
            .values()
            .filter(|psb| !psb.is_of_app())
            .flat_map(|psb| psb.hops());
        hops.next()
            .is_some_and(|first| hops.any(|other| other != first))
    }
}

/// RFC 2205 §2.4 and `rsvp.md` §10: the senders that the reservations name, without those of this node, as far as they are
/// behind `phop`.
fn scope_towards(session: &SessionState, phop: Phop) -> Scope {
    let behind = session.psbs.iter().filter(|(key, psb)| {
        psb.is_behind(phop)
            && session.rsbs.iter().any(|(rsb_key, rsb)| {
                rsb.covers(rsb_key.outgoing, key, psb)
                    && rsb
                        .scope
                        .as_ref()
                        .is_none_or(|scope| scope.names(key.sender.address()))
            })
    });
    scope_of(
        session.key.destination,
        behind.map(|(key, _)| key.sender.address()),
    )
}

/// A SCOPE of the family of `like`.
pub(super) fn scope_of(like: IpAddr, addresses: impl Iterator<Item = IpAddr>) -> Scope {
    if like.is_ipv4() {
        Scope::v4(addresses.filter_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }))
    } else {
        Scope::v6(addresses.filter_map(|address| match address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        }))
    }
}

/// POLICY_DATA of all requests merged (RFC 2750), and one copy of each object that is not understood (RFC 2205 §3.10).
///
/// Not more of them than nodes of this kind take from others.
fn carry(session: &SessionState, phop: Phop, limits: &Limits, wanted: &mut Wanted) {
    let mut octets = 0;
    for (rsb_key, rsb) in session.rsbs.iter() {
        if rsb.policy.is_empty() && rsb.unknown.is_empty() {
            continue;
        }
        let concerns = session
            .psbs
            .iter()
            .any(|(key, psb)| psb.is_behind(phop) && rsb.covers(rsb_key.outgoing, key, psb));
        if !concerns {
            continue;
        }
        let mut fits = |length: usize, count: usize, most: usize| {
            let fits = count < most && octets + length <= limits.carried_octets;
            if fits {
                octets += length;
            }
            fits
        };
        for policy in &rsb.policy {
            if wanted.policy.contains(policy) {
                continue;
            }
            let length = policy.0.body().len();
            if fits(length, wanted.policy.len(), limits.message.policy) {
                wanted.policy.push(policy.clone());
            } else {
                wanted.is_cut = true;
            }
        }
        for unknown in &rsb.unknown {
            if wanted.unknown.contains(unknown) {
                continue;
            }
            let length = unknown.body().len();
            if fits(length, wanted.unknown.len(), limits.message.unknown) {
                wanted.unknown.push(unknown.clone());
            } else {
                wanted.is_cut = true;
            }
        }
    }
}

enum Merged {
    Nothing,
    Hold,
    Flowspec(Flowspec),
}

/// What was refused further on of what is asked for a sender.
fn blockade(session: &SessionState, style: Style, sender: Sender, phop: Phop) -> Option<&Bsb> {
    let name = BsbKey::of(style, sender, phop)?;
    session.bsbs.get(&name).map(|bsb| &**bsb)
}

/// Whether a next hop's reservation is refused further on for all of its senders.
pub(super) fn is_left_out(session: &SessionState, key: &RsbKey, rsb: &Rsb) -> bool {
    let mut covered = session
        .psbs
        .iter()
        .filter(|(sender, psb)| rsb.covers(key.outgoing, sender, psb))
        .peekable();
    covered.peek().is_some()
        && covered.all(|(sender, psb)| {
            blockade(session, rsb.style, sender.sender, psb.phop)
                .is_some_and(|bsb| bsb.flowspec.blockades(&rsb.flowspec))
        })
}

impl Parts {
    /// Adds what is asked for one sender.
    fn collect(
        &mut self,
        now: Instant,
        session: &SessionState,
        phop: Phop,
        (key, psb): (PsbKey, &Psb),
        style: Style,
        sums: &mut Sums,
    ) {
        let blockade = blockade(session, style, key.sender, phop);
        let blockade = blockade
            .filter(|bsb| now < bsb.expires)
            .map(|bsb| bsb.flowspec);
        for from in session.tcsbs_of(key.sender, psb) {
            let Some(tcsb) = session.tcsbs.get(&from) else {
                continue;
            };
            let Sum {
                free,
                blocked,
                whole,
            } = sums.of(session, from, phop, blockade);
            self.blocked.extend(blocked);
            if blocked.is_some() && free.is_none() && psb.phop == phop {
                self.blocked_at.push(from);
            }
            if let Some(free) = free {
                // The way that data takes is the one to be confirmed.
                let confirm = tcsb.confirm.filter(|_| psb.phop == phop);
                let blocked = |(_, asked): &(ResvConfirm, Flowspec)| {
                    blockade.is_some_and(|failed| failed.blockades(asked))
                };
                self.free.push(Part {
                    flowspec: if whole { tcsb.forwarded() } else { free },
                    from,
                    blocked: confirm.as_ref().is_some_and(blocked),
                    confirm: confirm.map(|(confirm, _)| confirm),
                });
            }
        }
    }

    /// Of a shared reservation: what an interface asks counts once, for however many senders.
    fn one_each(&mut self) {
        self.free.sort_by_key(|part| part.from);
        self.free
            .dedup_by(|next, first| next.from == first.from && next.blocked == first.blocked);
        self.blocked_at.sort_unstable();
        self.blocked_at.dedup();
    }

    fn merge(self, wanted: &mut Wanted, after_error: bool) -> Merged {
        if self.free.is_empty() {
            wanted.dropped.extend(&self.blocked_at);
            let Some(least) = self
                .blocked
                .into_iter()
                .reduce(|a, b| a.greatest_lower_bound(&b).unwrap_or(a))
            else {
                return Merged::Nothing;
            };
            // RFC 2209: nothing at once, and the least of all with the next refresh.
            return if after_error {
                Merged::Hold
            } else {
                Merged::Flowspec(least)
            };
        }
        wanted.dropped.extend(&self.blocked_at);
        for part in &self.free {
            let is_biggest = self
                .free
                .iter()
                .filter(|other| other.from != part.from)
                .all(|other| part.flowspec > other.flowspec);
            if part.confirm.is_none() {
                // Nobody waits.
            } else if part.blocked {
                wanted.dropped.push(part.from);
            } else if is_biggest && wanted.confirm.is_none() {
                wanted.confirm = Some(part.from);
                wanted.receiver = part.confirm;
            } else if is_biggest && wanted.receiver == part.confirm {
                // Style FF: one RESV_CONFIRM asks for all descriptors of the message.
                wanted.dropped.push(part.from);
            } else {
                wanted.answered.push(part.from);
            }
        }
        self.free
            .into_iter()
            .map(|part| part.flowspec)
            .reduce(|a, b| a.merge(&b).unwrap_or(a))
            .map_or(Merged::Nothing, Merged::Flowspec)
    }
}
