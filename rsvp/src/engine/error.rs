//! PathErr, ResvErr, ResvConf: RFC 2209 §2, PERR, RERR and RCONF; RFC 2205 §3.1.7 to §3.1.9, §3.5.

use fairway_wire::Instant;

use super::control::members;
use super::merge::{is_left_out, scope_of};
use super::node::Node;
use super::refresh::{Cause, later};
use super::resv::Refusal;
use crate::api::Event;
use crate::interface::IfIndex;
use crate::intserv::{Flowspec, Reading, Tspec};
use crate::msg::{Body, FfDescriptor, Flows, LooseFlows, PathErr, Resv, ResvConf, ResvErr};
use crate::neighbour::{Arrival, Outgoing, Via};
use crate::state::{Bsb, BsbKey, NextHop, Phop, PsbKey, Rsb, RsbKey, SessionState, TcsbKey};
use crate::wire::{
    ErrorCode, ErrorFlags, ErrorSpec, FilterSpec, FlowspecObject, ResvConfirm, Scope, Sender,
    SenderTemplate, Style,
};

/// ResvErr messages that one Resv, refused whole, is answered with at most.
const MOST_ANSWERS: usize = 64;

impl Node {
    /// Passes a PathErr on to the sender, hop by hop. It changes no state.
    pub(super) fn handle_path_err(&mut self, now: Instant, session: &SessionState, error: PathErr) {
        let Some(sender) = &error.sender else {
            self.drop_message("PathErr without sender");
            return;
        };
        let SenderTemplate(template) = sender.template;
        let found = session
            .psbs
            .iter()
            .find(|(key, psb)| key.sender == template && !psb.local_only);
        let Some((_, psb)) = found else {
            self.drop_message("PathErr without state");
            return;
        };
        match psb.phop {
            Phop::App(api) => {
                let mtu = 65_535;
                let event = Event::PathError {
                    error: error.error,
                    sender: template,
                    tspec: Tspec::from_object(&sender.tspec, Reading::Deployed { mtu }).ok(),
                };
                self.tell(api, event);
            }
            Phop::Hop {
                interface, address, ..
            } => {
                let body = Body::PathErr(error);
                self.send(now, Outgoing::to_hop(interface, address, body));
            }
        }
    }

    /// Processes a ResvErr: a blockade where admission failed, and on to those it concerns.
    pub(super) fn handle_resv_err(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        error: &ResvErr,
    ) {
        let style = error.flows.style();
        let is_from = |phop: &Phop| phop.is_node(arrival.interface, error.hop.address);
        let mut named: Vec<Sender> = error.flows.filters().map(|filter| filter.0).collect();
        named.sort_unstable();
        let mut from: Vec<(PsbKey, Phop)> = session
            .psbs
            .iter()
            // RFC 2205 §3.1.8: those it names.
            .filter(|(key, _)| style == Style::WF || named.binary_search(&key.sender).is_ok())
            .filter_map(|(key, psb)| Some((*key, psb.hops().find(is_from)?)))
            .collect();
        if from.is_empty() {
            self.drop_message("ResvErr without state");
            return;
        }
        if let ErrorCode::NO_PATH | ErrorCode::NO_SENDER = error.error.code {
            // The data does not come by there any more. Where it comes by another way, that is no failure.
            from.retain(|(key, phop)| !self.give_up_hop(now, session, *key, *phop));
            let ours = self.time_values(arrival.interface).refresh_period();
            // By the only way there is, it is no failure until it lasts. The hop hears of the sender at the pace of the hops
            // before it, which its own shows best.
            from.retain(|(key, _)| {
                session.psbs.get_mut(key).is_none_or(|psb| {
                    let told = self.period_of(psb.lifetime, arrival.interface);
                    psb.forget(now, ours.max(told))
                })
            });
        }
        if from.is_empty() {
            return;
        }
        let failed = failed_flowspec(error);
        let mut phops: Vec<Phop> = Vec::new();
        let admission = error.error.code == ErrorCode::ADMISSION_CONTROL;
        if let (true, Some(failed)) = (admission, failed) {
            for (key, phop) in &from {
                if let Some(name) = BsbKey::of(style, key.sender, *phop)
                    && self.blockade(now, session, name, *phop, failed)
                {
                    phops.push(*phop);
                }
            }
        }
        // Where the data comes by another hop, that is no failure.
        from.retain(|(key, phop)| session.psbs.get(key).is_some_and(|psb| psb.phop == *phop));
        self.forward_resv_err(now, session, error, &from, failed.filter(|_| admission));
        // RFC 2205 §3.5: what is not blockaded is asked for at once. Without a blockade nothing else would be asked.
        phops.sort_unstable();
        phops.dedup();
        for phop in phops {
            self.refresh_resv(now, session, phop, Cause::Error);
        }
    }

    /// Keeps what failed out of what that hop is asked, for a while; whether there was room to note that.
    fn blockade(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        name: BsbKey,
        phop: Phop,
        failed: Flowspec,
    ) -> bool {
        let is_new = !session.bsbs.contains(&name);
        if is_new && session.bsbs.len() >= self.config.limits.blockades {
            self.drop_message("limit: blockades");
            return false;
        }
        let interface = phop.interface();
        let times = self
            .interfaces
            .get(&interface)
            .map_or(4, |interface| interface.settings.blockade_multiplier);
        // RFC 2205 §3.5: Tb = Kb · R.
        let span = self.time_values(interface).refresh_period();
        let expires = later(now, span.saturating_mul(times));
        session.want(expires);
        let bsb = Bsb {
            flowspec: failed,
            expires,
        };
        session.bsbs.insert(name, Box::new(bsb));
        true
    }

    fn forward_resv_err(
        &mut self,
        now: Instant,
        session: &SessionState,
        error: &ResvErr,
        from: &[(PsbKey, Phop)],
        blockaded: Option<Flowspec>,
    ) {
        let style = error.flows.style();
        let in_place = error.error.flags.contains(ErrorFlags::IN_PLACE);
        let failed = failed_flowspec(error);
        let mut told = Vec::new();
        for (rsb_key, rsb) in session.rsbs.iter() {
            let concerns = rsb.style == style
                && from.iter().any(|(key, _)| {
                    session.psbs.get(key).is_some_and(|psb| {
                        rsb.covers(rsb_key.outgoing, key, psb) && psb.incoming != rsb_key.outgoing
                    })
                });
            // RFC 2205 §3.5: where another stays in place, it is told to those whose request is kept out.
            let kept_out = blockaded.is_none_or(|failed| failed.blockades(&rsb.flowspec));
            if !concerns || in_place && !kept_out {
                continue;
            }
            match rsb_key.nhop {
                NextHop::App(api) => {
                    // RFC 2205 §3.5: the failed request was greater than what this one asked.
                    let guilty = failed.is_none_or(|failed| {
                        failed.partial_cmp(&rsb.flowspec) != Some(core::cmp::Ordering::Greater)
                    });
                    let flags = if guilty {
                        error.error.flags
                    } else {
                        error.error.flags.with(ErrorFlags::NOT_GUILTY)
                    };
                    let event = Event::ResvError {
                        error: ErrorSpec {
                            flags,
                            ..error.error
                        },
                        style,
                        filters: rsb.filters.keys().copied().collect(),
                        flowspec: failed,
                    };
                    self.tell(api, event);
                }
                NextHop::Hop(address) => {
                    let scope = match style {
                        Style::WF => {
                            let scope = scope_of_error(session, error, rsb_key);
                            if scope.as_ref().is_some_and(Scope::is_empty) {
                                continue;
                            }
                            scope
                        }
                        _ => None,
                    };
                    let flows = flows_towards(error, rsb_key, rsb);
                    told.push((rsb_key.outgoing, address, scope, flows));
                }
            }
        }
        for (interface, address, scope, flows) in told {
            let Some(hop) = self.hop(interface, interface.0, address) else {
                continue;
            };
            let body = Body::ResvErr(ResvErr {
                session: session.key.session(),
                hop,
                error: error.error,
                scope,
                policy: error.policy.clone(),
                flows,
                unknown: error.unknown.clone(),
            });
            self.send(now, Outgoing::to_hop(interface, address, body));
        }
    }

    /// Answers a whole Resv: of style FF one ResvErr a descriptor (RFC 2205 §3.1.8).
    pub(super) fn refuse_resv(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        resv: &Resv,
        code: ErrorCode,
        value: u16,
    ) {
        let interface = self
            .outgoing_of(arrival, resv.hop.handle)
            .unwrap_or(arrival.interface);
        let refusal = Refusal::of(code, value);
        match &resv.flows {
            Flows::Ff(list) => {
                // Who claims to be a neighbour does not get a flood for one message.
                for one in list.iter().take(MOST_ANSWERS) {
                    let filters = [one.filter.0];
                    self.refuse_flow(now, resv, interface, &one.flowspec, &filters, refusal);
                }
            }
            Flows::Wf(flowspec) => self.refuse_flow(now, resv, interface, flowspec, &[], refusal),
            Flows::Se { flowspec, filters } => {
                let filters: Vec<Sender> = filters.iter().map(|filter| filter.0).collect();
                self.refuse_flow(now, resv, interface, flowspec, &filters, refusal);
            }
            Flows::Unknown { style, items } => {
                let flows = Flows::Unknown {
                    style: *style,
                    items: items.clone(),
                };
                self.send_resv_err(now, resv, interface, flows, refusal);
            }
        }
    }

    /// Answers one flow descriptor of a Resv.
    pub(super) fn refuse_flow(
        &mut self,
        now: Instant,
        resv: &Resv,
        interface: IfIndex,
        flowspec: &FlowspecObject,
        filters: &[Sender],
        refusal: Refusal,
    ) {
        let flows = loose(resv.flows.style(), Some(flowspec.clone()), filters);
        self.send_resv_err(now, resv, interface, flows, refusal);
    }

    fn send_resv_err(
        &mut self,
        now: Instant,
        resv: &Resv,
        interface: IfIndex,
        flows: LooseFlows,
        refusal: Refusal,
    ) {
        let Refusal {
            code, value, flags, ..
        } = refusal;
        if !refusal.is_noted {
            let filters: Vec<Sender> = flows.filters().map(|filter| filter.0).collect();
            self.note_refused(code, value, filters.into_iter());
        }
        let like = resv.hop.address;
        let error = self.error_spec(interface, like, flags, code, value);
        let hop = self.hop(interface, resv.hop.handle, like);
        let (Some(error), Some(hop)) = (error, hop) else {
            return;
        };
        let body = Body::ResvErr(ResvErr {
            session: resv.session,
            hop,
            error,
            scope: resv.scope.clone(),
            policy: Vec::new(),
            flows,
            unknown: Vec::new(),
        });
        self.send(now, Outgoing::to_hop(interface, like, body));
    }

    /// Tells all whose reservation is installed together that a change of it failed, or that it is lost.
    pub(super) fn report_refusal(
        &mut self,
        now: Instant,
        session: &SessionState,
        key: TcsbKey,
        refusal: Refusal,
    ) {
        let Refusal {
            code, value, flags, ..
        } = refusal;
        let like = session.key.destination;
        let spec = self.error_spec(key.outgoing, like, flags, code, value);
        let Some(error) = spec else {
            return;
        };
        let told: Vec<(NextHop, Rsb)> = members(session, key)
            .map(|(rsb_key, rsb)| (rsb_key.nhop, rsb.clone()))
            .collect();
        for (nhop, rsb) in told {
            let (style, flowspec) = (rsb.style, rsb.flowspec);
            let filters: Vec<Sender> = rsb.filters.keys().copied().collect();
            match nhop {
                NextHop::App(api) => self.tell(
                    api,
                    Event::ResvError {
                        error,
                        style,
                        filters,
                        flowspec: Some(flowspec),
                    },
                ),
                NextHop::Hop(address) => {
                    let Some(hop) = self.hop(key.outgoing, key.outgoing.0, address) else {
                        continue;
                    };
                    let body = Body::ResvErr(ResvErr {
                        session: session.key.session(),
                        hop,
                        error,
                        // RFC 2205 §3.4: a copy of the one in the reservation state.
                        scope: rsb.scope,
                        policy: Vec::new(),
                        flows: loose(style, Some(flowspec.to_object()), &filters),
                        unknown: Vec::new(),
                    });
                    self.send(now, Outgoing::to_hop(key.outgoing, address, body));
                }
            }
        }
    }

    /// A confirmation for an application of this node has come.
    pub(super) fn handle_resv_conf(&mut self, session: &SessionState, confirm: &ResvConf) {
        let style = confirm.flows.style();
        let filters: Vec<Sender> = confirm.flows.filters().map(|filter| filter.0).collect();
        let object = match &confirm.flows {
            Flows::Wf(flowspec) | Flows::Se { flowspec, .. } => Some(flowspec),
            Flows::Ff(list) => list.first().map(|one| &one.flowspec),
            Flows::Unknown { .. } => None,
        };
        let mtu = 65_535;
        let flowspec =
            object.and_then(|object| Flowspec::from_object(object, Reading::Deployed { mtu }).ok());
        self.tell_confirmed(session, confirm.error, style, &filters, flowspec);
    }

    fn tell_confirmed(
        &mut self,
        session: &SessionState,
        confirmed_by: ErrorSpec,
        style: Style,
        filters: &[Sender],
        flowspec: Option<Flowspec>,
    ) {
        let mut apps: Vec<_> = session
            .rsbs
            .iter()
            .filter(|(key, rsb)| {
                rsb.style == style
                    && (style == Style::WF || filters.iter().any(|sender| rsb.selects(sender)))
                    && !is_left_out(session, key, rsb)
            })
            .filter_map(|(key, _)| match key.nhop {
                NextHop::App(api) => Some(api),
                NextHop::Hop(_) => None,
            })
            .filter(|api| session.apps.get(api).is_some_and(|app| app.confirms))
            .collect();
        apps.sort_unstable();
        apps.dedup();
        for api in apps {
            self.tell(
                api,
                Event::Confirm {
                    confirmed_by,
                    style,
                    filters: filters.to_vec(),
                    flowspec,
                },
            );
        }
    }

    /// Passes a ResvConf on towards the receiver.
    pub(super) fn forward_resv_conf(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        ttl: u8,
        body: ResvConf,
    ) {
        let receiver = body.confirm.receiver;
        // `rsvp.md` §4: one that is sent elsewhere than where it says is dropped.
        // RFC 2205 appendix C: but for hosts that have to send it to their router, in UDP.
        let by_udp = matches!(arrival.via, Via::Udp(_)) && self.is_own(arrival.destination);
        if arrival.destination != receiver && !by_udp {
            self.drop_message("ResvConf to another than its receiver");
            return;
        }
        let route = self
            .routing
            .unicast(receiver, None)
            .filter(|route| !route.interface.is_local());
        let ttl = ttl.saturating_sub(1);
        match route {
            Some(route) if self.config.forwards && ttl > 0 => self.send(
                now,
                Outgoing {
                    ttl,
                    ..Outgoing::towards(route.interface, receiver, Body::ResvConf(body))
                },
            ),
            _ => self.drop_message("ResvConf without route"),
        }
    }

    /// Sends a confirmation from here.
    pub(super) fn confirm_flow(
        &mut self,
        now: Instant,
        session: &SessionState,
        outgoing: IfIndex,
        confirm: ResvConfirm,
        what: (Style, Flowspec, &[Sender]),
    ) {
        let (style, flowspec, filters) = what;
        let code = ErrorCode::CONFIRMATION;
        let spec = self.error_spec(outgoing, confirm.receiver, ErrorFlags::NONE, code, 0);
        let Some(error) = spec else {
            return;
        };
        if self.is_own(confirm.receiver) {
            self.tell_confirmed(session, error, style, filters, Some(flowspec));
            return;
        }
        let object = flowspec.to_object();
        let list = filters.iter().copied().map(FilterSpec);
        let flows = match style {
            Style::WF => Flows::Wf(object),
            Style::FF => Flows::Ff(
                list.map(|filter| FfDescriptor {
                    flowspec: object.clone(),
                    filter,
                })
                .collect(),
            ),
            _ => Flows::Se {
                flowspec: object,
                filters: list.collect(),
            },
        };
        let route = self.routing.unicast(confirm.receiver, None);
        let interface = route.map_or(outgoing, |route| route.interface);
        let receiver = confirm.receiver;
        let body = Body::ResvConf(ResvConf {
            session: session.key.session(),
            error,
            confirm,
            flows,
            unknown: Vec::new(),
        });
        self.send(now, Outgoing::towards(interface, receiver, body));
    }

    /// Answers the confirmations that wait at installed reservations.
    pub(super) fn answer_confirmations(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        keys: &[TcsbKey],
    ) {
        for key in keys {
            let Some(tcsb) = session.tcsbs.get_mut(key) else {
                continue;
            };
            let Some((confirm, _)) = tcsb.confirm.take() else {
                continue;
            };
            let (style, flowspec) = (tcsb.style, tcsb.flowspec);
            let filters: Vec<Sender> = tcsb.filters.iter().flatten().copied().collect();
            let what = (style, flowspec, &*filters);
            self.confirm_flow(now, session, key.outgoing, confirm, what);
        }
    }
}

/// What failed, if it can be read.
fn failed_flowspec(error: &ResvErr) -> Option<Flowspec> {
    let object = match &error.flows {
        Flows::Wf(flowspec) | Flows::Se { flowspec, .. } => flowspec.as_ref(),
        Flows::Ff(list) => list.first().and_then(|one| one.flowspec.as_ref()),
        Flows::Unknown { .. } => None,
    };
    Flowspec::from_object(object?, Reading::Deployed { mtu: 65_535 }).ok()
}

/// RFC 2205 §3.1.8: a forwarded ResvErr names the filters of the reservation it is sent for.
fn flows_towards(error: &ResvErr, key: &RsbKey, rsb: &Rsb) -> LooseFlows {
    let flowspec = match &error.flows {
        Flows::Wf(flowspec) | Flows::Se { flowspec, .. } => flowspec.clone(),
        Flows::Ff(list) => list.first().and_then(|one| one.flowspec.clone()),
        Flows::Unknown { .. } => None,
    };
    let filters: Vec<Sender> = match key.filter {
        Some(sender) => vec![sender],
        None => rsb.filters.keys().copied().collect(),
    };
    loose(rsb.style, flowspec, &filters)
}

/// A style with one flow descriptor.
pub(super) fn loose(
    style: Style,
    flowspec: Option<FlowspecObject>,
    filters: &[Sender],
) -> LooseFlows {
    let list = filters.iter().copied().map(FilterSpec);
    match style {
        Style::WF => Flows::Wf(flowspec),
        Style::FF => Flows::Ff(
            list.map(|filter| FfDescriptor {
                flowspec: flowspec.clone(),
                filter,
            })
            .collect(),
        ),
        _ => Flows::Se {
            flowspec,
            filters: list.collect(),
        },
    }
}

/// RFC 2205 §2.4: of the senders named, those that are routed to the interface; `None` where nobody was named.
fn scope_of_error(session: &SessionState, error: &ResvErr, key: &RsbKey) -> Option<Scope> {
    let scope = error.scope.as_ref()?;
    let routed = session
        .psbs
        .iter()
        .filter(|(sender, psb)| psb.sends_to(key.outgoing) && scope.names(sender.sender.address()))
        .map(|(sender, _)| sender.sender.address());
    Some(scope_of(session.key.destination, routed))
}
