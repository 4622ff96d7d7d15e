//! What applications ask: RFC 2205 §3.11.1, `rapi.md` §4.

use std::net::IpAddr;

use fairway_wire::Instant;

use super::control::tcsb_of;
use super::node::Node;
use super::refresh::Cause;
use super::resv::{Refusal, Request};
use crate::api::{ApiError, ApiId, Event, ReserveCall, SenderCall};
use crate::interface::IfIndex;
use crate::intserv::{Adspec, Bandwidth, Flowspec};
use crate::state::{App, NextHop, Phop, Psb, PsbKey, RsbKey, SessionState};
use crate::wire::{ErrorCode, ErrorFlags, ResvConfirm, Sender, Style};

/// The TTL of Path messages of an application that names none.
const DEFAULT_TTL: u8 = 64;

impl Node {
    pub(super) fn call_open(&mut self, session: &mut SessionState, api: ApiId) {
        let senders = Self::senders_of(session);
        let app = App {
            heard_paths: !senders.is_empty(),
            ..App::default()
        };
        session.apps.insert(api, app);
        if !senders.is_empty() {
            self.tell(api, Event::Path(senders));
        }
    }

    pub(super) fn call_sender(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        api: ApiId,
        call: SenderCall,
    ) -> Result<(), ApiError> {
        let destination = session.key.destination;
        if call.template.address().is_ipv4() != destination.is_ipv4() {
            return Err(ApiError::Invalid);
        }
        if session.key.port == 0 && call.template.port().is_some_and(|port| port != 0) {
            return Err(ApiError::BadSourcePort);
        }
        let by_interface = match call.interface.filter(|address| !address.is_unspecified()) {
            Some(address) => Some(self.interface_of(address).ok_or(ApiError::BadSender)?),
            None => None,
        };
        let template = if call.template.address().is_unspecified() {
            let own = self.own_address_towards(destination, by_interface);
            with_address(call.template, own.ok_or(ApiError::BadSender)?)
        } else {
            call.template
        };
        if !self.is_own(template.address()) {
            return Err(ApiError::BadSender);
        }
        // RFC 2205 §3.2: one sender, with and without a port.
        let conflict = session.psbs.keys().any(|key| {
            key.sender != template
                && key.sender.address() == template.address()
                && matches!((key.sender.port(), template.port()), (Some(a), Some(b)) if (a == 0) != (b == 0))
        });
        if conflict {
            return Err(ApiError::SenderPorts);
        }
        let key = PsbKey {
            sender: template,
            incoming: IfIndex::LOCAL,
        };
        let phop = Phop::App(api);
        let old = session.psbs.get(&key);
        if old.is_some_and(|old| old.phop != phop) {
            // It is another application's.
            return Err(ApiError::Invalid);
        }
        let is_new = old.is_none();
        let limits = self.config.limits;
        if is_new && (session.psbs.len() >= limits.senders || self.senders >= limits.senders_in_all)
        {
            return Err(ApiError::TooManySessions);
        }
        let before = session.apps.get(&api).and_then(|app| app.sender);
        if let Some(before) = before.filter(|before| *before != template) {
            let key = PsbKey {
                sender: before,
                incoming: IfIndex::LOCAL,
            };
            self.end_path(now, session, key, &[]);
        }
        if let Some(app) = session.apps.get_mut(&api) {
            app.sender = Some(template);
        }
        if is_new {
            self.senders += 1;
        }
        let outgoing = session
            .psbs
            .get(&key)
            .map(|old| old.outgoing.clone())
            .unwrap_or_default();
        session.psbs.insert(
            key,
            Box::new(Psb {
                phop,
                forgotten: None,
                others: Vec::new(),
                incoming: IfIndex::LOCAL,
                tspec: call.tspec,
                tspec_object: call.tspec.to_object(),
                adspec_object: call.adspec.as_ref().map(Adspec::to_object),
                upstream: call
                    .adspec
                    .as_ref()
                    .and_then(|adspec| adspec.guaranteed.as_ref()?.terms),
                policy: call.policy,
                unknown: Vec::new(),
                ttl: if call.ttl == 0 { DEFAULT_TTL } else { call.ttl },
                // RFC 2205 §2.3: nobody has policed yet.
                e_police: true,
                non_rsvp: false,
                local_only: false,
                to_local: false,
                outgoing,
                expires: Instant::MAX,
                lifetime: core::time::Duration::MAX,
                by_interface,
                offers: call.adspec.is_none(),
                id: None,
            }),
        );
        self.route_sender(session, key);
        if session.psbs.get(&key).is_some_and(|psb| psb.to_local) {
            self.tell_paths(session);
        }
        self.send_paths(now, session, key, true);
        self.path_changed(now, session, key, Cause::Change);
        Ok(())
    }

    /// What a sender's Adspec starts with, both services open: `rsvp.md` §5.
    pub(super) fn first_adspec(&self, by: Option<IfIndex>) -> Adspec {
        let Some(interface) = by.and_then(|index| self.interface(index)) else {
            return Adspec::of_link(Bandwidth::UNKNOWN, 65_535)
                .with_guaranteed(true)
                .with_controlled_load(true);
        };
        let element = self.tc.advertise(interface.index);
        Adspec::of_link(element.general.bandwidth, interface.mtu)
            .with_guaranteed(element.guaranteed.is_some())
            .with_controlled_load(element.controlled_load.is_some())
    }

    fn own_address_towards(&mut self, destination: IpAddr, by: Option<IfIndex>) -> Option<IpAddr> {
        let interface = by.or_else(|| {
            let route = self.routing.unicast(destination, None)?;
            Some(route.interface).filter(|interface| !interface.is_local())
        });
        match interface {
            Some(index) => self.interfaces.get(&index)?.address(destination),
            None => self
                .interfaces
                .values()
                .find_map(|interface| interface.address(destination)),
        }
    }

    pub(super) fn call_withdraw(&mut self, now: Instant, session: &mut SessionState, api: ApiId) {
        let sender = session.apps.get_mut(&api).and_then(|app| app.sender.take());
        if let Some(sender) = sender {
            let key = PsbKey {
                sender,
                incoming: IfIndex::LOCAL,
            };
            self.end_path(now, session, key, &[]);
        }
    }

    pub(super) fn call_reserve(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        api: ApiId,
        call: &ReserveCall,
    ) -> Result<(), ApiError> {
        // `rapi.md` §4.3: the style is looked at first, even of a removal.
        if !call.style.is_known() {
            return Err(ApiError::BadStyle);
        }
        if call.flowspecs.is_empty() {
            self.unreserve(now, session, api);
            return Ok(());
        }
        let (filters, flowspecs) = (call.filters.len(), call.flowspecs.len());
        let fits = match call.style {
            Style::WF => filters == 0 && flowspecs == 1,
            Style::FF => filters >= 1 && filters == flowspecs,
            _ => filters >= 1 && flowspecs == 1,
        };
        if !fits {
            return Err(ApiError::Counts);
        }
        let family = session.key.destination.is_ipv4();
        if call
            .filters
            .iter()
            .any(|filter| filter.address().is_ipv4() != family)
        {
            return Err(ApiError::Invalid);
        }
        let by_interface = match call.interface.filter(|address| !address.is_unspecified()) {
            Some(address) => Some(self.interface_of(address).ok_or(ApiError::BadReceiver)?),
            None => None,
        };
        let nhop = NextHop::App(api);
        if let Some(app) = session.apps.get_mut(&api) {
            app.confirms = call.confirm;
        }
        // What stands is given up only for what may take its place.
        let other_style = session
            .rsbs
            .iter()
            .find(|(key, rsb)| key.nhop != nhop && rsb.style != call.style)
            .map(|(_, rsb)| rsb.style);
        if let Some(existing) = other_style {
            let value = existing.option_vector();
            let refusal = Refusal::of(ErrorCode::CONFLICTING_STYLE, value);
            self.tell_refused(
                session,
                api,
                call,
                &call.filters,
                call.flowspecs.first(),
                refusal,
            );
            return Ok(());
        }
        if !session.psbs.values().any(|psb| psb.to_local) {
            self.unreserve(now, session, api);
            let refusal = Refusal::of(ErrorCode::NO_PATH, 0);
            self.tell_refused(
                session,
                api,
                call,
                &call.filters,
                call.flowspecs.first(),
                refusal,
            );
            return Ok(());
        }
        if session.style().is_some_and(|style| style != call.style) {
            self.unreserve(now, session, api);
        }
        let descriptors: Vec<(Vec<Sender>, Flowspec)> = if call.style == Style::FF {
            let each = call.filters.iter().zip(&call.flowspecs);
            each.map(|(filter, flowspec)| (vec![*filter], *flowspec))
                .collect()
        } else {
            let flowspec = call.flowspecs.first();
            flowspec
                .map(|flowspec| (call.filters.clone(), *flowspec))
                .into_iter()
                .collect()
        };
        let mut phops = Vec::new();
        for (filters, flowspec) in descriptors {
            let mut request = Request {
                outgoing: IfIndex::LOCAL,
                nhop,
                style: call.style,
                filters: filters.clone(),
                flowspec,
                scope: None,
                confirm: None,
                policy: call.policy.clone(),
                unknown: Vec::new(),
                by_interface,
                lifetime: None,
                id: None,
            };
            if call.confirm {
                let address = self.confirm_address(session, &request);
                request.confirm = address.map(|receiver| ResvConfirm { receiver });
            }
            match self.reserve(now, session, request) {
                Ok(reserved) => {
                    if let Some(confirm) = reserved.updated.confirm {
                        let what = (call.style, flowspec, &*filters);
                        self.confirm_flow(now, session, IfIndex::LOCAL, confirm, what);
                    }
                    if reserved.updated.ask {
                        phops.extend(reserved.phops);
                    }
                }
                Err(refusal) => {
                    self.tell_refused(session, api, call, &filters, Some(&flowspec), refusal);
                }
            }
        }
        if self.shrink(now, session, nhop, call) {
            self.refresh_all(now, session, Cause::Torn);
            return Ok(());
        }
        phops.sort_unstable();
        phops.dedup();
        for phop in phops {
            self.refresh_resv(now, session, phop, Cause::Change);
        }
        Ok(())
    }

    /// Takes out of an application's reservation what its new one does not name; whether there was such.
    fn shrink(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        nhop: NextHop,
        call: &ReserveCall,
    ) -> bool {
        let superfluous: Vec<(RsbKey, Sender)> = session
            .rsbs
            .iter()
            .filter(|(key, _)| key.nhop == nhop)
            .flat_map(|(key, rsb)| rsb.filters.keys().map(|sender| (*key, *sender)))
            .filter(|(_, sender)| !call.filters.contains(sender))
            .collect();
        for (key, sender) in &superfluous {
            self.drop_filter(now, session, *key, *sender);
        }
        !superfluous.is_empty()
    }

    fn unreserve(&mut self, now: Instant, session: &mut SessionState, api: ApiId) {
        let own: Vec<RsbKey> = session
            .rsbs
            .keys()
            .filter(|key| key.nhop == NextHop::App(api))
            .copied()
            .collect();
        if own.is_empty() {
            return;
        }
        for key in own {
            self.drop_rsb(session, key);
            self.update_and_report(now, session, tcsb_of(&key));
        }
        self.refresh_all(now, session, Cause::Torn);
    }

    fn tell_refused(
        &mut self,
        session: &SessionState,
        api: ApiId,
        call: &ReserveCall,
        filters: &[Sender],
        flowspec: Option<&Flowspec>,
        refusal: Refusal,
    ) {
        let like = session.key.destination;
        let Refusal {
            code, value, flags, ..
        } = refusal;
        let spec = self.error_spec(IfIndex::LOCAL, like, flags, code, value);
        let error = spec.unwrap_or(crate::wire::ErrorSpec {
            node: like,
            flags: ErrorFlags::NONE,
            code,
            value,
        });
        self.tell(
            api,
            Event::ResvError {
                error,
                style: call.style,
                filters: filters.to_vec(),
                flowspec: flowspec.copied(),
            },
        );
    }

    /// An application goes: its sender and its reservation with it, and it hears no more.
    pub(super) fn call_release(&mut self, now: Instant, session: &mut SessionState, api: ApiId) {
        let app = session.apps.remove(&api);
        self.unreserve(now, session, api);
        if let Some(sender) = app.and_then(|app| app.sender) {
            let key = PsbKey {
                sender,
                incoming: IfIndex::LOCAL,
            };
            self.end_path(now, session, key, &[]);
        }
    }
}

fn with_address(sender: Sender, address: IpAddr) -> Sender {
    match (sender, address) {
        (Sender::V4(_, port), IpAddr::V4(address)) => Sender::V4(address, port),
        (Sender::V6(_, port), IpAddr::V6(address)) => Sender::V6(address, port),
        (Sender::V6FlowLabel(_, label), IpAddr::V6(address)) => Sender::V6FlowLabel(address, label),
        _ => sender,
    }
}
