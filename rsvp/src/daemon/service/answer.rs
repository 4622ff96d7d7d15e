//! `rsvpctl`: questions read, answers made of what the engine reports.

use core::time::Duration;
use std::collections::BTreeMap;

use fairway_stack::LocalStream;
use tracing::{debug, warn};

use super::{Behind, Control, Owner, Service};
use crate::daemon::config::Endpoint;
use crate::daemon::connection::{Connection, ConnectionId};
use crate::daemon::control::protocol::{
    ApplicationOf, BlockadeOf, Counters, InstalledOf, InterfaceOf, LogLine, MessagesOf,
    NeighbourOf, Reply, Request, RequestOf, ReservationOf, SenderOf, SessionOf, Sessions, Status,
    TrafficControlOf,
};
use crate::daemon::control::value::{self, Adspec};
use crate::daemon::metrics::Text;
use crate::daemon::party::Role;
use crate::daemon::timeline::concerns;
use crate::engine::{Direction, LogEntry, SessionReport, Side};
use crate::interface::IfIndex;
use crate::neighbour::{HelloRow, SecurityRow};
use crate::tc::Policing;
use crate::wire::MessageType;

/// Sessions, or classes, of one answer, whatever is asked: it is made at once, while nothing else is done.
pub(super) const MOST: usize = 10_000;

impl Service {
    /// A run of `rsvpctl` has connected.
    pub(super) fn connect_control(&mut self, stream: LocalStream) {
        let controls = self
            .connections
            .values()
            .filter(|(_, behind)| matches!(behind, Behind::Control(_)))
            .count();
        let most = self.loaded.config().limits.control_connections;
        if controls >= most {
            if self.seldom.may(self.clock.now(), "control connections") {
                warn!(
                    key = "limits.control_connections",
                    most, "limit met: a run of rsvpctl is turned away"
                );
            }
            self.control_refused += 1;
            let why = format!("too many runs of rsvpctl: limits.control_connections is {most}");
            let id = self.connection_id();
            Connection::start(&self.net, id, stream, self.to_inbox.clone())
                .finish(Some(Reply::Error(why).to_line().into()));
            return;
        }
        let peer = match stream.peer_credentials() {
            Ok(peer) => peer,
            Err(error) => {
                debug!(%error, "a run of rsvpctl that is nobody");
                return;
            }
        };
        let control = Control {
            uid: peer.uid,
            pid: peer.pid,
            ..Control::default()
        };
        let id = self.connection_id();
        let connection = Connection::start(&self.net, id, stream, self.to_inbox.clone());
        self.connections
            .insert(id, (connection, Behind::Control(Box::new(control))));
        self.move_on(id);
    }

    /// Answers one line of whoever's turn it is.
    pub(super) fn answer_next(&mut self) {
        let Some(connection) = self.asking.pop_front() else {
            return;
        };
        let Some((_, Behind::Control(control))) = self.connections.get_mut(&connection) else {
            return; // it was closed meanwhile
        };
        control.is_asking = false;
        if !control.waiting.is_empty() {
            return; // it watches, too, and something has passed
        }
        match control.lines.next_line() {
            Ok(None) => {}
            Ok(Some(line)) => match serde_json::from_slice(&line) {
                Ok(request) => self.asked(connection, request),
                Err(error) => {
                    let reply = Reply::Error(format!("not understood: {error}"));
                    self.answer(connection, &reply);
                }
            },
            Err(error) => {
                let last = Reply::Error(error.to_string()).to_line();
                self.disconnect(connection, Some(last.into()));
            }
        }
        self.move_on(connection);
    }

    fn asked(&mut self, connection: ConnectionId, request: Request) {
        let reply = match request {
            Request::Status => Reply::Status(self.status()),
            Request::Interfaces => Reply::Interfaces(self.interface_rows()),
            Request::Sessions { destination, most } => {
                Reply::Sessions(self.session_rows(destination, most))
            }
            Request::Installed { destination, most } => {
                let mut sessions = self.session_rows(destination, most);
                self.count_installed(&mut sessions, destination);
                Reply::Sessions(sessions)
            }
            Request::TrafficControl { destination, most } => {
                Reply::TrafficControl(self.class_rows(destination, most))
            }
            Request::Neighbours => Reply::Neighbours(self.neighbour_rows()),
            Request::Counters => Reply::Counters(self.counters()),
            Request::Applications => Reply::Applications(self.application_rows()),
            Request::Log { destination, most } => {
                let entries = self.timeline.last(destination, most);
                Reply::Log(
                    entries
                        .into_iter()
                        .map(|entry| self.log_line(entry))
                        .collect(),
                )
            }
            Request::Watch { destination } => {
                self.watchers.insert(connection, destination);
                return self.watchers_changed();
            }
            Request::Send(entry) => return self.begin(connection, Role::Sender(entry)),
            Request::Reserve(entry) => return self.begin(connection, Role::Receiver(entry)),
        };
        self.answer(connection, &reply);
    }

    /// Plays a sender or receiver for as long as the connection lives.
    fn begin(&mut self, connection: ConnectionId, role: Role) {
        if let Some((_, Behind::Control(control))) = self.connections.get(&connection)
            && control.parties.len() >= self.loaded.config().limits.control_parties
        {
            self.parties_refused += 1;
            let reply = Reply::Error(
                "too many senders and reservations: limits.control_parties".to_owned(),
            );
            return self.answer(connection, &reply);
        }
        match self.play(role, Owner::Control(connection)) {
            Ok(id) => {
                if let Some((_, Behind::Control(control))) = self.connections.get_mut(&connection) {
                    control.parties.push(id);
                }
                // What there is to be told already comes before it is said how things stand.
                self.carry_out();
                if let Some(event) = self.standing(id) {
                    self.answer(connection, &Reply::Event(event));
                }
            }
            Err(error) => self.answer(connection, &Reply::Error(error)),
        }
    }

    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_micros: micros(self.clock.now().saturating_duration_since(self.started)),
            is_router: self.is_router,
            interfaces: self
                .interfaces
                .values()
                .filter(|interface| interface.settings.enabled)
                .count(),
            sessions: self.engine.session_count(),
            applications: self.applications.len(),
        }
    }

    fn interface_rows(&self) -> Vec<InterfaceOf> {
        let shaper = self.shaper.lock();
        let row = |interface: &crate::interface::Interface| {
            let state = shaper.state(interface.index);
            InterfaceOf {
                name: interface.name.clone(),
                index: interface.index.0,
                is_up: interface.up,
                is_enabled: interface.settings.enabled,
                addresses: interface.addresses.clone(),
                mtu_bytes: interface.mtu,
                refresh_micros: micros(interface.settings.refresh_period),
                is_authenticated: interface.settings.security.is_some(),
                traffic_control: TrafficControlOf {
                    kind: state.kind.to_owned(),
                    link_bytes_per_sec: state.link_rate,
                    reservable_bytes_per_sec: state.share,
                    reserved_bytes_per_sec: state.reserved,
                    link_header_bytes: state.link_header,
                    reservations: state.reservations,
                    remark: state.remark,
                },
            }
        };
        self.interfaces.values().map(row).collect()
    }

    fn session_rows(&self, destination: Option<Endpoint>, most: usize) -> Sessions {
        let mut wanted = self.engine.sessions_of(self.clock.now(), |session| {
            concerns(destination, Some(session))
        });
        let sessions = wanted
            .by_ref()
            .take(most.min(MOST))
            .map(|report| self.session_row(&report))
            .collect();
        Sessions {
            sessions,
            is_cut: wanted.next().is_some(),
        }
    }

    fn session_row(&self, report: &SessionReport) -> SessionOf {
        let node = |side: &Side| match side {
            Side::Node(address) => Some(*address),
            Side::Application(_) => None,
        };
        let senders =
            |list: &[crate::wire::Sender]| list.iter().copied().map(value::sender).collect();
        SessionOf {
            destination: report.session.destination,
            protocol: crate::daemon::config::Protocol(report.session.protocol.0).to_string(),
            port: report.session.port,
            senders: report
                .senders
                .iter()
                .map(|of| SenderOf {
                    sender: value::sender(of.sender),
                    previous_hop: node(&of.previous_hop),
                    incoming: self.name(of.incoming),
                    outgoing: of
                        .outgoing
                        .iter()
                        .map(|index| self.name(*index))
                        .chain(of.to_local.then(|| "local".to_owned()))
                        .collect(),
                    tspec: (&of.tspec).into(),
                    adspec: of.adspec.as_ref().map(Adspec::from),
                    after_non_rsvp_hop: of.non_rsvp_hop,
                    is_local_only: of.local_only,
                    expires_in_micros: of.expires_in.map(micros),
                })
                .collect(),
            reservations: report
                .reservations
                .iter()
                .map(|of| ReservationOf {
                    outgoing: self.name(of.outgoing),
                    next_hop: node(&of.next_hop),
                    style: of.style.to_string(),
                    senders: senders(&of.filters),
                    flowspec: (&of.flowspec).into(),
                    expires_in_micros: of.expires_in.map(micros),
                })
                .collect(),
            installed: report
                .installed
                .iter()
                .map(|of| InstalledOf {
                    outgoing: self.name(of.outgoing),
                    senders: senders(&of.filters),
                    flowspec: (&of.flowspec).into(),
                    path: (&of.path).into(),
                    policing: policing(of.policing),
                    counted: None,
                })
                .collect(),
            requests: report
                .requests
                .iter()
                .map(|of| RequestOf {
                    incoming: self.name(of.incoming),
                    previous_hop: node(&of.previous_hop),
                    style: of.style.to_string(),
                    senders: senders(&of.filters),
                    flowspecs: of
                        .flowspecs
                        .iter()
                        .map(|of| of.as_ref().map(Into::into))
                        .collect(),
                    refresh_in_micros: of.refresh_in.map(micros),
                })
                .collect(),
            blockades: report
                .blockades
                .iter()
                .map(|of| BlockadeOf {
                    sender: of.sender.map(value::sender),
                    flowspec: (&of.flowspec).into(),
                    expires_in_micros: micros(of.expires_in),
                })
                .collect(),
            applications: report.applications.len(),
        }
    }

    fn neighbour_rows(&self) -> Vec<NeighbourOf> {
        let now = self.clock.now();
        self.engine
            .neighbours()
            .map(|row| NeighbourOf {
                interface: self.name(row.interface),
                address: row.address,
                has_refresh_reduction: row.refresh_reduction,
                is_encapsulated: row.udp,
                is_alive: row.hello.map(|hello| matches!(hello, HelloRow::Up(_))),
                security: match row.security {
                    SecurityRow::None => "none",
                    SecurityRow::Challenged => "challenged",
                    SecurityRow::Established => "established",
                }
                .to_owned(),
                unacknowledged: row.unacknowledged,
                silent_micros: micros(now.saturating_duration_since(row.last_heard)),
            })
            .collect()
    }

    fn counters(&self) -> Counters {
        let engine = self.engine.counters();
        let between = self.engine.neighbour_counters();
        let packets = self.io.counters();
        let rapi = self.rapi.counters();
        let by_type = |list: [&BTreeMap<MessageType, u64>; 1]| {
            let mut named = BTreeMap::new();
            for (message, count) in list.into_iter().flatten() {
                *named.entry(message.to_string()).or_default() += count;
            }
            named
        };
        let mut dropped = BTreeMap::new();
        for (why, count) in engine.dropped.iter().chain(&between.dropped) {
            *dropped.entry((*why).to_owned()).or_default() += count;
        }
        let mut other: BTreeMap<String, u64> = [
            ("packets_received", packets.received),
            ("packets_sent", packets.sent),
            ("packets_malformed", packets.malformed),
            ("packets_queue_full", packets.queue_full),
            ("group_join_errors", packets.join_errors),
            ("summary_refreshes_received", engine.summary_refreshes),
            ("summary_refreshes_sent", between.summarised),
            ("states_expired", engine.expired),
            ("notices_left_out", self.engine.notices_left_out()),
            ("messages_retransmitted", between.retransmitted),
            ("messages_unanswered", between.unanswered),
            ("expired_keys_used", between.expired_keys_used),
            ("applications_accepted", rapi.clients_accepted),
            ("applications_refused", rapi.clients_refused),
            ("applications_malformed", rapi.clients_malformed),
            ("applications_overflowed", rapi.clients_overflowed),
            ("applications_silent", rapi.clients_silent),
            ("application_calls", rapi.calls),
            ("application_calls_refused", rapi.calls_refused),
            ("application_sessions_refused", rapi.sessions_refused),
            ("application_sessions_abandoned", rapi.sessions_abandoned),
            ("application_events", rapi.events),
            ("application_events_coalesced", rapi.events_coalesced),
            ("application_events_late", rapi.events_late),
            ("group_memberships_left_out", self.groups_left_out),
            ("control_connections_refused", self.control_refused),
            ("control_parties_refused", self.parties_refused),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
        for (name, count) in &packets.send_errors {
            other.insert(format!("packets_refused_{}", name.to_lowercase()), *count);
        }
        Counters {
            received: by_type([&engine.received]),
            sent: by_type([&engine.sent]),
            dropped,
            other,
            interfaces: self.messages(),
        }
    }

    /// Messages by interface and type; those whose type is not known first.
    fn messages(&self) -> Vec<MessagesOf> {
        let engine = self.engine.counters();
        let between = self.engine.neighbour_counters();
        let mut rows: BTreeMap<(IfIndex, Option<MessageType>), MessagesOf> = BTreeMap::new();
        for ((interface, message), count) in &between.received_at {
            rows.entry((*interface, Some(*message)))
                .or_default()
                .received += count;
        }
        for ((interface, message), count) in &between.sent_at {
            rows.entry((*interface, Some(*message))).or_default().sent += count;
        }
        let by_engine = engine
            .dropped_at
            .iter()
            .map(|((at, message, why), count)| ((*at, Some(*message)), *why, *count));
        let by_neighbours = between
            .dropped_at
            .iter()
            .map(|((at, message, why), count)| ((*at, *message), *why, *count));
        for (key, why, count) in by_engine.chain(by_neighbours) {
            let row = rows.entry(key).or_default();
            *row.dropped.entry(why.to_owned()).or_default() += count;
        }
        rows.into_iter()
            .map(|((interface, message), row)| MessagesOf {
                interface: self.name(interface),
                message: message.map(|message| message.to_string()),
                ..row
            })
            .collect()
    }

    fn application_rows(&self) -> Vec<ApplicationOf> {
        let clients = self.rapi.clients().map(|client| ApplicationOf {
            kind: "application".to_owned(),
            uid: Some(client.peer.uid),
            pid: client.peer.pid,
            sessions: client.sessions,
            about: None,
        });
        let parties = self.parties.values().map(|played| {
            let role = match played.party.role() {
                Role::Sender(_) => "sender",
                Role::Receiver(_) => "reservation",
            };
            let about = Some(format!("{role} {}", played.party.session()));
            let (kind, uid, pid) = match played.owner {
                Owner::Fixed => ("configuration", None, None),
                Owner::Control(connection) => match self.connections.get(&connection) {
                    Some((_, Behind::Control(control))) => {
                        ("rsvpctl", Some(control.uid), control.pid)
                    }
                    _ => ("rsvpctl", None, None),
                },
            };
            ApplicationOf {
                kind: kind.to_owned(),
                uid,
                pid,
                sessions: 1,
                about,
            }
        });
        clients.chain(parties).collect()
    }

    pub(super) fn log_line(&self, entry: &LogEntry) -> LogLine {
        LogLine {
            at_micros: micros(entry.at.since_start()),
            at_unix_micros: self.wall(entry.at),
            direction: match entry.direction {
                Direction::In => "in",
                Direction::Out => "out",
            }
            .to_owned(),
            interface: self.name(entry.interface),
            peer: entry.peer,
            message: entry.message_type.to_string(),
            session: entry.session.map(|session| session.to_string()),
            summary: entry.summary.clone(),
        }
    }

    /// Microseconds since 1970, by the clock as it goes now.
    fn wall(&self, at: fairway_stack::Instant) -> u64 {
        let ago = self.clock.now().saturating_duration_since(at);
        let now = self.clock.wall().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| micros(now.saturating_sub(ago)))
    }

    /// Everything that is counted, for Prometheus.
    pub(super) fn metrics(&self) -> String {
        let counters = self.counters();
        let mut text = Text::default();
        let exact = |count: u64| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "Prometheus has no other numbers"
            )]
            let count = count as f64;
            count
        };
        let status = self.status();
        text.family(
            "rsvp_uptime_seconds",
            "gauge",
            "Since the daemon started.",
            [(
                vec![],
                Duration::from_micros(status.uptime_micros).as_secs_f64(),
            )],
        );
        for (name, help, count) in [
            ("rsvp_sessions", "Sessions.", status.sessions),
            (
                "rsvp_applications",
                "Applications connected.",
                status.applications,
            ),
        ] {
            let count = exact(u64::try_from(count).unwrap_or(u64::MAX));
            text.family(name, "gauge", help, [(vec![], count)]);
        }
        let messages = [("in", &counters.received), ("out", &counters.sent)]
            .into_iter()
            .flat_map(|(way, list)| {
                list.iter().map(move |(message, count)| {
                    let labels = vec![("direction", way.to_owned()), ("type", message.clone())];
                    (labels, exact(*count))
                })
            });
        text.family(
            "rsvp_messages_total",
            "counter",
            "Messages that passed, by direction and type.",
            messages,
        );
        text.family(
            "rsvp_dropped_total",
            "counter",
            "Messages dropped, by reason.",
            counters
                .dropped
                .iter()
                .map(|(why, count)| (vec![("reason", why.clone())], exact(*count))),
        );
        let of_row = |row: &MessagesOf| {
            let message = row.message.clone().unwrap_or_else(|| "unknown".to_owned());
            vec![("interface", row.interface.clone()), ("type", message)]
        };
        text.family(
            "rsvp_interface_messages_total",
            "counter",
            "Messages that passed, by interface, type and direction.",
            counters.interfaces.iter().flat_map(|row| {
                [("in", row.received), ("out", row.sent)].map(|(way, count)| {
                    let mut labels = of_row(row);
                    labels.push(("direction", way.to_owned()));
                    (labels, exact(count))
                })
            }),
        );
        text.family(
            "rsvp_interface_dropped_total",
            "counter",
            "Messages dropped, by interface, type and reason.",
            counters.interfaces.iter().flat_map(|row| {
                row.dropped.iter().map(|(why, count)| {
                    let mut labels = of_row(row);
                    labels.push(("reason", why.clone()));
                    (labels, exact(*count))
                })
            }),
        );
        text.family(
            "rsvp_events_total",
            "counter",
            "Everything else that is counted, by name.",
            counters
                .other
                .iter()
                .map(|(name, count)| (vec![("event", name.clone())], exact(*count))),
        );
        let interfaces = self.interface_rows();
        for (name, help, of) in [
            (
                "rsvp_reservable_bytes_per_second",
                "What can be reserved on an interface.",
                (|tc| tc.reservable_bytes_per_sec) as fn(&TrafficControlOf) -> Option<f32>,
            ),
            (
                "rsvp_reserved_bytes_per_second",
                "What is reserved on an interface.",
                |tc| tc.reserved_bytes_per_sec,
            ),
        ] {
            let values = interfaces.iter().filter_map(|row| {
                let value = of(&row.traffic_control)?;
                Some((vec![("interface", row.name.clone())], f64::from(value)))
            });
            text.family(name, "gauge", help, values);
        }
        text.finish()
    }
}

fn policing(policing: Policing) -> Vec<String> {
    [
        (policing.edge, "edge"),
        (policing.merge, "merge"),
        (policing.branch, "branch"),
    ]
    .into_iter()
    .filter(|(is, _)| *is)
    .map(|(_, name)| name.to_owned())
    .collect()
}

/// Whole microseconds; the most there are for what is longer.
fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
