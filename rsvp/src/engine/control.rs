//! What is installed: RFC 2209 §2, UPDATE TRAFFIC CONTROL.
//!
//! One rule for all interfaces; behind [`IfIndex::LOCAL`](crate::interface::IfIndex::LOCAL) there is nothing to install, and everything is granted.

use fairway_wire::Instant;

use super::merge::is_left_out;
use super::node::Node;
use crate::intserv::{ErrorTerms, Flowspec, GuaranteedTerms, Tspec};
use crate::notice::Why;
use crate::state::{Rsb, RsbKey, SessionState, Tcsb, TcsbKey};
use crate::tc::{Policing, Request, TcError};
use crate::wire::{ErrorFlags, ResvConfirm, Sender, Style};

/// Traffic control said no.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) error: TcError,
    /// Another reservation, the one before, stays in place: RFC 2205 §3.1.8, the InPlace flag.
    pub(super) in_place: bool,
}

impl Refused {
    pub(super) const fn flags(&self) -> ErrorFlags {
        if self.in_place {
            ErrorFlags::IN_PLACE
        } else {
            ErrorFlags::NONE
        }
    }
}

/// What an update leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Updated {
    /// The previous hops are to hear of it.
    pub(super) ask: bool,
    /// A confirmation that is due from here.
    pub(super) confirm: Option<ResvConfirm>,
}

/// The installed reservation that a next hop's is part of.
pub(super) const fn tcsb_of(key: &RsbKey) -> TcsbKey {
    TcsbKey {
        outgoing: key.outgoing,
        filter: key.filter,
    }
}

/// What the next hops behind one interface ask together.
struct Asked {
    style: Style,
    flowspec: Flowspec,
    filters: Vec<Option<Sender>>,
}

impl Node {
    /// Makes what is installed what it should be, after `active` was added or changed, or something else has changed.
    ///
    /// `rsvp.md` §8.1.
    pub(super) fn update_traffic_control(
        &mut self,
        session: &mut SessionState,
        key: TcsbKey,
        active: Option<RsbKey>,
    ) -> Result<Updated, Refused> {
        let in_place = session.tcsbs.contains(&key);
        let all = asked(session, key).map_err(|error| {
            self.note_not_admitted(session, (key.outgoing, None), (None, &[]), None, &error);
            Refused { error, in_place }
        })?;
        let Some(asked) = all else {
            let Some(old) = session.tcsbs.remove(&key) else {
                return Ok(Updated::default());
            };
            if let Some(handle) = old.handle {
                self.tc.remove(key.outgoing, handle);
                let what = (old.style, &*old.filters);
                let why = Why::Removed(old.flowspec.effective(&old.path));
                self.note_installed(session, key.outgoing, what, why);
            }
            self.branches_changed(session, key);
            return Ok(Updated {
                ask: true,
                confirm: None,
            });
        };
        let Some((path, upstream, policing)) = senders(session, key, &asked) else {
            // Routes have turned away: what is installed ends when its next hops do.
            return Ok(Updated::default());
        };
        let request = Request {
            flowspec: asked.flowspec,
            path,
            policing,
            upstream,
        };
        let old = session.tcsbs.get(&key);
        let differs = old.is_none_or(|old| {
            old.flowspec != asked.flowspec || old.path != path || old.filters != asked.filters
        });
        let installs =
            differs || old.is_some_and(|old| old.policing != policing || old.upstream != upstream);
        let (mut handle, mut forward) = old.map_or((None, None), |old| (old.handle, old.forward));
        if installs && !key.outgoing.is_local() {
            let granted = self
                .tc
                .install(
                    key.outgoing,
                    handle,
                    &request,
                    &session.key.session(),
                    &asked.filters,
                )
                .map_err(|error| Refused { error, in_place });
            match granted {
                Ok(granted) => {
                    let effective = asked.flowspec.effective(&path);
                    let why = match old {
                        Some(old) if handle.is_some() => {
                            let before = old.flowspec.effective(&old.path);
                            let is_other = effective != before || old.filters != asked.filters;
                            is_other.then_some(Why::Changed(effective))
                        }
                        _ => Some(Why::Installed(effective)),
                    };
                    if let Some(why) = why {
                        let what = (asked.style, &*asked.filters);
                        self.note_installed(session, key.outgoing, what, why);
                    }
                    (handle, forward) = (Some(granted.handle), granted.forward);
                }
                Err(refused) => {
                    let what = (Some(asked.style), &*asked.filters);
                    let place = (key.outgoing, handle);
                    self.note_not_admitted(session, place, what, Some(&request), &refused.error);
                    if let Some(rsb) = active.and_then(|active| session.rsbs.get_mut(&active)) {
                        rsb.confirm = None;
                    }
                    return Err(refused);
                }
            }
        }
        let waiting = session
            .tcsbs
            .get_mut(&key)
            .and_then(|old| old.confirm.take());
        session.tcsbs.insert(
            key,
            Box::new(Tcsb {
                style: asked.style,
                flowspec: asked.flowspec,
                forward,
                path,
                policing,
                upstream,
                handle,
                filters: asked.filters,
                confirm: waiting,
            }),
        );
        let mut updated = Updated {
            ask: differs,
            confirm: None,
        };
        if let Some(active) = active {
            self.pass_confirmation(session, key, active, &mut updated);
        }
        if differs {
            self.branches_changed(session, key);
        }
        Ok(updated)
    }

    /// RFC 2209: the confirmation of the largest request goes on, that of another is answered here.
    #[expect(
        clippy::unused_self,
        reason = "one of the node's rules, called as such"
    )]
    fn pass_confirmation(
        &self,
        session: &mut SessionState,
        key: TcsbKey,
        active: RsbKey,
        updated: &mut Updated,
    ) {
        let Some((flowspec, confirm)) = session
            .rsbs
            .get_mut(&active)
            .and_then(|rsb| Some((rsb.flowspec, rsb.confirm.take()?)))
        else {
            return;
        };
        // What was refused further on does not stand, so it does not stand for a lesser one either.
        let is_biggest = members(session, key)
            .filter(|(other, rsb)| **other != active && !is_left_out(session, other, rsb))
            .all(|(_, other)| flowspec > other.flowspec);
        if is_biggest {
            if let Some(tcsb) = session.tcsbs.get_mut(&key) {
                tcsb.confirm = Some((confirm, flowspec));
            }
            updated.ask = true;
        } else {
            updated.confirm = Some(confirm);
        }
    }

    /// *B_Police* depends on all interfaces: it is set anew where a reservation on another has changed it.
    pub(super) fn branches_changed(&mut self, session: &mut SessionState, changed: TcsbKey) {
        let others: Vec<TcsbKey> = session
            .tcsbs
            .keys()
            .filter(|key| key.outgoing != changed.outgoing && !key.outgoing.is_local())
            // Of style FF, only those for the same sender are branches of it.
            .filter(|key| key.filter == changed.filter)
            .copied()
            .collect();
        for key in others {
            let Ok(Some(asked)) = asked(session, key) else {
                continue;
            };
            let Some((path, upstream, policing)) = senders(session, key, &asked) else {
                continue;
            };
            let Some(old) = session.tcsbs.get(&key) else {
                continue;
            };
            if old.policing == policing {
                continue;
            }
            let request = Request {
                flowspec: old.flowspec,
                path,
                policing,
                upstream,
            };
            let named = session.key.session();
            let done = self
                .tc
                .install(key.outgoing, old.handle, &request, &named, &old.filters);
            match done {
                Ok(_) => {
                    if let Some(old) = session.tcsbs.get_mut(&key) {
                        old.policing = policing;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, interface = key.outgoing.0, "policing not changed");
                }
            }
        }
    }

    /// Updates what is installed for other reasons than a reservation; next hops whose reservation does not fit any more
    /// are told. Whether the previous hops are to hear of it.
    pub(super) fn update_and_report(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: TcsbKey,
    ) -> bool {
        match self.update_traffic_control(session, key, None) {
            Ok(updated) => updated.ask,
            Err(refused) => {
                self.report_refusal(now, session, key, refused.into());
                false
            }
        }
    }

    /// Takes everything out of traffic control that a session has there.
    pub(super) fn release_traffic_control(&mut self, session: &mut SessionState) {
        for (key, tcsb) in session.tcsbs.iter() {
            if let Some(handle) = tcsb.handle {
                self.tc.remove(key.outgoing, handle);
            }
        }
        session.tcsbs = crate::state::VecMap::default();
    }
}

/// The next hops' reservations that are installed together.
pub(super) fn members(
    session: &SessionState,
    key: TcsbKey,
) -> impl Iterator<Item = (&RsbKey, &Rsb)> {
    session
        .rsbs
        // They are side by side.
        .run(move |rsb| (rsb.outgoing, rsb.filter).cmp(&(key.outgoing, key.filter)))
        .map(|(rsb_key, rsb)| (rsb_key, &**rsb))
}

fn asked(session: &SessionState, key: TcsbKey) -> Result<Option<Asked>, TcError> {
    let mut together: Option<Asked> = None;
    for (_, rsb) in members(session, key) {
        let filters = rsb.filters.keys().map(|sender| Some(*sender));
        match &mut together {
            None => {
                let mut list: Vec<Option<Sender>> = filters.collect();
                if rsb.style == Style::WF {
                    list.push(None);
                }
                together = Some(Asked {
                    style: rsb.style,
                    flowspec: rsb.flowspec,
                    filters: list,
                });
            }
            Some(asked) => {
                asked.flowspec = asked
                    .flowspec
                    .merge(&rsb.flowspec)
                    .map_err(|_| TcError::ServiceConflict)?;
                asked.filters.extend(filters);
            }
        }
    }
    if let Some(asked) = &mut together {
        asked.filters.sort_unstable();
        asked.filters.dedup();
    }
    Ok(together)
}

/// What the senders that a reservation covers send together, what their paths add, and how they are policed; `None` if
/// there are none.
fn senders(
    session: &SessionState,
    key: TcsbKey,
    asked: &Asked,
) -> Option<(Tspec, Option<GuaranteedTerms>, Policing)> {
    let covered = || {
        session.psbs.iter().filter(|(sender, psb)| {
            psb.sends_to(key.outgoing)
                && (asked.style == Style::WF
                    || asked.filters.binary_search(&Some(sender.sender)).is_ok())
        })
    };
    let path = Tspec::sum_of(covered().map(|(_, psb)| &psb.tspec))?;
    let upstream = covered()
        .filter_map(|(_, psb)| psb.upstream)
        .reduce(|a, b| GuaranteedTerms {
            total: greater(a.total, b.total),
            since_reshaper: greater(a.since_reshaper, b.since_reshaper),
        });
    // RFC 2205 §2.3. Smaller than, or not comparable with, what another branch has reserved for the same senders.
    let branch = session.rsbs.iter().any(|(other, rsb)| {
        other.outgoing != key.outgoing
            && !matches!(
                asked.flowspec.partial_cmp(&rsb.flowspec),
                Some(core::cmp::Ordering::Greater | core::cmp::Ordering::Equal)
            )
            && (rsb.style == Style::WF
                || rsb
                    .filters
                    .keys()
                    .any(|sender| asked.filters.binary_search(&Some(*sender)).is_ok()))
    });
    let policing = Policing {
        edge: covered().any(|(_, psb)| psb.e_police),
        merge: asked.style.is_shared() && covered().nth(1).is_some(),
        branch,
    };
    Some((path, upstream, policing))
}

fn greater(a: ErrorTerms, b: ErrorTerms) -> ErrorTerms {
    ErrorTerms::new(a.c_octets.max(b.c_octets), a.d_micros.max(b.d_micros))
}
