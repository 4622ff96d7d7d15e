//! Documents as text for people: tables with aligned columns, values with units.

use core::fmt::Write as _;
use std::time::Duration;

use fairway_rsvp::daemon::control::protocol::{
    ApplicationOf, Classes, Counters, InterfaceOf, LogLine, NeighbourOf, Reply, RequestOf,
    SessionOf, Status,
};
use fairway_rsvp::daemon::control::value::{Adspec, EventOf, Flowspec, Tspec};

use fairway_rsvp::shown::{self, rate};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::args::Command;
use crate::event::event;
use crate::width::{self, Table, fold};

/// Behind an answer that is not all there is.
const CUT: &str = "… and more: name a destination, or --most\n";

/// What text is made for.
pub(crate) struct Screen {
    /// Characters of a line; `None`: as many as there are.
    pub(crate) width: Option<usize>,
    /// The time zone of times.
    pub(crate) zone: TimeZone,
    /// What time it is.
    pub(crate) now: Timestamp,
}

impl Screen {
    /// The terminal, if standard output is one, and this machine's time zone.
    pub(crate) fn here() -> Self {
        Self {
            width: width::of_stdout(),
            zone: TimeZone::system(),
            now: Timestamp::now(),
        }
    }

    /// A time of day, to milliseconds; with its date, if that is not today's.
    fn time(&self, unix_micros: u64) -> String {
        let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
        let Ok(at) = Timestamp::from_microsecond(micros) else {
            return "-".to_owned();
        };
        let at = at.to_zoned_datetime(self.zone.clone());
        let today = self.now.to_zoned_datetime(self.zone.clone()).date();
        let form = if at.date() == today {
            "%H:%M:%S%.3f"
        } else {
            "%Y-%m-%d %H:%M:%S%.3f"
        };
        at.strftime(form).to_string()
    }
}

/// Something that may not be there.
fn or_dash<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), shown)
}

/// A size.
fn octets(size: f32) -> String {
    shown::octets(size)
}

/// A span, roughly.
pub(crate) fn span(micros: u64) -> String {
    shown::span(Duration::from_micros(micros))
}

/// Octets, every one of them.
fn exactly(octets: u64) -> String {
    format!("{octets}B")
}

pub(crate) fn tspec(of: &Tspec) -> String {
    let mut text = format!(
        "{} b {}",
        rate(of.rate_bytes_per_sec),
        octets(of.bucket_bytes)
    );
    if let Some(peak) = of.peak_bytes_per_sec {
        let _ = write!(text, " p {}", rate(peak));
    }
    text
}

pub(crate) fn flowspec(of: &Flowspec) -> String {
    let service = match of.service.as_str() {
        "guaranteed" => "GS",
        _ => "CL",
    };
    let mut text = format!("{service} {}", tspec(&of.tspec));
    if let Some(reserved) = of.reserved_bytes_per_sec {
        let _ = write!(text, " R {}", rate(reserved));
    }
    if let Some(slack) = of.slack_micros.filter(|slack| *slack > 0) {
        let _ = write!(text, " S {}", span(slack.into()));
    }
    text
}

pub(crate) fn adspec(of: &Adspec) -> String {
    let mut text = format!(
        "{} hops, {}, latency {}, MTU {}B",
        of.hops,
        or_dash(of.bandwidth_bytes_per_sec, rate),
        or_dash(of.latency_micros, |micros| span(micros.into())),
        of.mtu_bytes,
    );
    for (has, name) in [
        (of.controlled_load, "controlled load"),
        (of.guaranteed, "guaranteed"),
    ] {
        let _ = write!(text, "{} {name}", if has { "," } else { ", no" });
    }
    if of.is_broken {
        text.push_str(", but a hop without integrated services");
    }
    text
}

pub(crate) fn list(senders: &[String]) -> String {
    if senders.is_empty() {
        "*".to_owned()
    } else {
        senders.join(" ")
    }
}

fn name(session: &SessionOf) -> String {
    named(&session.protocol, session.destination, session.port)
}

fn named(protocol: &str, destination: std::net::IpAddr, port: u16) -> String {
    match port {
        0 => format!("{protocol} {destination}"),
        port => format!(
            "{protocol} {}",
            std::net::SocketAddr::new(destination, port)
        ),
    }
}

fn here<T: ToString>(node: Option<T>) -> String {
    node.map_or_else(|| "this node".to_owned(), |node| node.to_string())
}

/// Whether it is said beside the answers: nothing has come of what was asked yet.
pub(crate) const fn is_talk(reply: &Reply) -> bool {
    matches!(
        reply,
        Reply::Event(EventOf::Waiting { .. } | EventOf::PathSent { .. })
    )
}

/// An answer as text, for the command that asked.
pub(crate) fn text(command: &Command, reply: &Reply, screen: &Screen) -> String {
    let width = screen.width;
    match reply {
        Reply::Status(of) => fold(&status(of), width, 2),
        Reply::Interfaces(of) => interfaces(of).shown(width),
        Reply::Sessions(of) => {
            let mut text = match command {
                Command::Senders(_) => senders(&of.sessions).shown(width),
                Command::Reservations(_) => reservations(&of.sessions).shown(width),
                Command::Installed(_) => installed(&of.sessions).shown(width),
                Command::Requests(_) => requests(&of.sessions, width),
                _ => fold(&sessions(&of.sessions), width, 4),
            };
            if of.is_cut {
                text.push_str(CUT);
            }
            text
        }
        Reply::TrafficControl(of) => {
            let mut text = classes(of).shown(width);
            if of.is_cut {
                text.push_str(CUT);
            }
            text
        }
        Reply::Neighbours(of) => neighbours(of).shown(width),
        Reply::Counters(of) => counters(of, width),
        Reply::Applications(of) => applications(of).shown(width),
        Reply::Log(of) => of.iter().map(|of| line(of, screen)).collect(),
        Reply::Message(of) => line(of, screen),
        Reply::Event(of) => fold(&event(of), width, 4),
        Reply::Error(why) => format!("{why}\n"),
    }
}

fn status(of: &Status) -> String {
    format!(
        "rsvpd {}, {}, up {}: {} interfaces, {} sessions, {} applications\n",
        of.version,
        if of.is_router { "router" } else { "host" },
        span(of.uptime_micros),
        of.interfaces,
        of.sessions,
        of.applications,
    )
}

fn interfaces(rows: &[InterfaceOf]) -> Table {
    let mut table = Table::new([
        "INTERFACE",
        "STATE",
        "ADDRESS",
        "MTU",
        "LINK",
        "RESERVABLE",
        "RESERVED",
        "LINK HEADER",
        "TRAFFIC CONTROL",
    ]);
    for of in rows {
        let tc = &of.traffic_control;
        let state = match (of.is_enabled, of.is_up) {
            (false, _) => "off",
            (true, false) => "down",
            (true, true) => "up",
        };
        let kind = match &tc.remark {
            Some(remark) => format!("{}: {remark}", tc.kind),
            None => tc.kind.clone(),
        };
        table.row([
            of.name.clone(),
            state.to_owned(),
            or_dash(of.addresses.first(), ToString::to_string),
            format!("{}B", of.mtu_bytes),
            or_dash(tc.link_bytes_per_sec, rate),
            or_dash(tc.reservable_bytes_per_sec, rate),
            or_dash(tc.reserved_bytes_per_sec, rate),
            or_dash(tc.link_header_bytes, |header| format!("{header}B")),
            kind,
        ]);
    }
    table
}

fn senders(rows: &[SessionOf]) -> Table {
    let mut table = Table::new([
        "SESSION",
        "SENDER",
        "PREVIOUS HOP",
        "IN",
        "OUT",
        "SENDS",
        "EXPIRES",
    ]);
    for session in rows {
        for of in &session.senders {
            table.row([
                name(session),
                of.sender.clone(),
                here(of.previous_hop),
                of.incoming.clone(),
                of.outgoing.join(" "),
                tspec(&of.tspec),
                or_dash(of.expires_in_micros, span),
            ]);
        }
    }
    table
}

fn reservations(rows: &[SessionOf]) -> Table {
    let mut table = Table::new([
        "SESSION", "STYLE", "SENDERS", "NEXT HOP", "OUT", "RESERVES", "EXPIRES",
    ]);
    for session in rows {
        for of in &session.reservations {
            table.row([
                name(session),
                of.style.clone(),
                list(&of.senders),
                here(of.next_hop),
                of.outgoing.clone(),
                flowspec(&of.flowspec),
                or_dash(of.expires_in_micros, span),
            ]);
        }
    }
    table
}

fn installed(rows: &[SessionOf]) -> Table {
    let mut table = Table::new([
        "SESSION", "SENDERS", "OUT", "RESERVED", "SENDS", "POLICED", "PACKETS", "OCTETS",
        "DROPPED", "EXCESS",
    ]);
    for session in rows {
        for of in &session.installed {
            table.row([
                name(session),
                list(&of.senders),
                of.outgoing.clone(),
                flowspec(&of.flowspec),
                tspec(&of.path),
                or_dash(
                    Some(of.policing.join(" ")).filter(|why| !why.is_empty()),
                    |why| why,
                ),
                or_dash(of.counted, |counted| counted.sent_packets.to_string()),
                or_dash(of.counted, |counted| exactly(counted.sent_bytes)),
                or_dash(of.counted, |counted| counted.dropped_packets.to_string()),
                or_dash(of.counted, |counted| counted.excess_packets.to_string()),
            ]);
        }
    }
    table
}

fn classes(of: &Classes) -> Table {
    let mut table = Table::new([
        "INTERFACE",
        "MODE",
        "CLASS",
        "SESSION",
        "SENDERS",
        "RATE",
        "SENT",
        "PACKETS",
        "DROPPED",
        "EXCESS",
    ]);
    for of in &of.classes {
        let session = of.session.as_ref();
        table.row([
            of.interface.clone(),
            of.mode.clone(),
            or_dash(of.class.clone(), |class| class),
            session.map_or_else(
                || of.kind.clone(),
                |of| named(&of.protocol, of.destination, of.port),
            ),
            or_dash(session, |_| list(&of.senders)),
            or_dash(of.rate_bytes_per_sec, rate),
            exactly(of.sent_bytes),
            of.sent_packets.to_string(),
            of.dropped_packets.to_string(),
            of.excess_packets.to_string(),
        ]);
    }
    table
}

fn requests(rows: &[SessionOf], width: Option<usize>) -> String {
    let mut table = Table::new([
        "SESSION",
        "STYLE",
        "SENDERS",
        "PREVIOUS HOP",
        "IN",
        "ASKED FOR",
        "AGAIN IN",
    ]);
    let mut blocked = Table::new(["BLOCKED", "SENDER", "FAILED", "FOR"]);
    let mut is_blocked = false;
    for session in rows {
        for of in &session.requests {
            table.row([
                name(session),
                of.style.clone(),
                list(&of.senders),
                here(of.previous_hop),
                of.incoming.clone(),
                asked(of),
                or_dash(of.refresh_in_micros, span),
            ]);
        }
        for of in &session.blockades {
            is_blocked = true;
            blocked.row([
                name(session),
                of.sender.clone().unwrap_or_else(|| "*".to_owned()),
                flowspec(&of.flowspec),
                span(of.expires_in_micros),
            ]);
        }
    }
    if is_blocked {
        format!("{}\n{}", table.shown(width), blocked.shown(width))
    } else {
        table.shown(width)
    }
}

/// What is asked for, in the order of the senders; once, where it is the same for all.
fn asked(of: &RequestOf) -> String {
    let mut all: Vec<String> = of
        .flowspecs
        .iter()
        .map(|of| or_dash(of.as_ref(), flowspec))
        .collect();
    if all.iter().all(|one| Some(one) == all.first()) {
        all.truncate(1);
    }
    or_dash((!all.is_empty()).then_some(all), |all| all.join(", "))
}

/// Everything, session by session.
fn sessions(rows: &[SessionOf]) -> String {
    let mut text = String::new();
    for session in rows {
        let _ = writeln!(text, "{}", name(session));
        for of in &session.senders {
            let _ = writeln!(
                text,
                "  sender {} from {} by {} to {}: {}",
                of.sender,
                here(of.previous_hop),
                of.incoming,
                if of.outgoing.is_empty() {
                    "nowhere".to_owned()
                } else {
                    of.outgoing.join(" ")
                },
                tspec(&of.tspec),
            );
            if let Some(path) = &of.adspec {
                let _ = writeln!(text, "    path: {}", adspec(path));
            }
            if of.after_non_rsvp_hop {
                text.push_str("    a hop before this node does not know RSVP\n");
            }
            if of.is_local_only {
                text.push_str(
                    "    for applications of this node only: routes expect it elsewhere\n",
                );
            }
        }
        for of in &session.reservations {
            let _ = writeln!(
                text,
                "  {} reservation for {} by {} on {}: {}",
                of.style,
                list(&of.senders),
                here(of.next_hop),
                of.outgoing,
                flowspec(&of.flowspec),
            );
        }
        for of in &session.installed {
            let _ = writeln!(
                text,
                "  installed on {} for {}: {}",
                of.outgoing,
                list(&of.senders),
                flowspec(&of.flowspec),
            );
        }
        for of in &session.requests {
            let _ = writeln!(
                text,
                "  asked of {} by {} for {}: {}",
                here(of.previous_hop),
                of.incoming,
                list(&of.senders),
                asked(of),
            );
        }
        for of in &session.blockades {
            let _ = writeln!(
                text,
                "  blocked for {}: {} failed",
                span(of.expires_in_micros),
                flowspec(&of.flowspec),
            );
        }
    }
    text
}

fn neighbours(rows: &[NeighbourOf]) -> Table {
    let mut table = Table::new([
        "INTERFACE",
        "NEIGHBOUR",
        "REDUCTION",
        "UDP",
        "ALIVE",
        "SIGNED",
        "UNANSWERED",
        "HEARD",
    ]);
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    for of in rows {
        table.row([
            of.interface.clone(),
            of.address.to_string(),
            yes(of.has_refresh_reduction),
            yes(of.is_encapsulated),
            or_dash(of.is_alive, yes),
            of.security.clone(),
            of.unacknowledged.to_string(),
            format!("{} ago", span(of.silent_micros)),
        ]);
    }
    table
}

fn counters(of: &Counters, width: Option<usize>) -> String {
    let mut table = Table::new(["COUNTED", "NUMBER"]);
    let groups = [
        ("received ", &of.received),
        ("sent ", &of.sent),
        ("dropped: ", &of.dropped),
        ("", &of.other),
    ];
    for (prefix, list) in groups {
        for (what, count) in list.iter().filter(|(_, count)| **count > 0) {
            table.row([
                format!("{prefix}{}", what.replace('_', " ")),
                count.to_string(),
            ]);
        }
    }
    let mut messages = Table::new(["INTERFACE", "MESSAGE", "IN", "OUT", "DROPPED"]);
    for of in &of.interfaces {
        let dropped: Vec<String> = of
            .dropped
            .iter()
            .map(|(why, count)| format!("{count} {}", why.replace('_', " ")))
            .collect();
        messages.row([
            of.interface.clone(),
            or_dash(of.message.clone(), |message| message),
            of.received.to_string(),
            of.sent.to_string(),
            or_dash(
                Some(dropped.join(", ")).filter(|list| !list.is_empty()),
                |list| list,
            ),
        ]);
    }
    if of.interfaces.is_empty() {
        return table.shown(width);
    }
    format!("{}\n{}", table.shown(width), messages.shown(width))
}

fn applications(rows: &[ApplicationOf]) -> Table {
    let mut table = Table::new(["KIND", "USER", "PROCESS", "SESSIONS", "ABOUT"]);
    for of in rows {
        table.row([
            of.kind.clone(),
            or_dash(of.uid, |uid| uid.to_string()),
            or_dash(of.pid, |pid| pid.to_string()),
            of.sessions.to_string(),
            of.about.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// A message that has passed. What does not fit stands behind the time, under it.
fn line(of: &LogLine, screen: &Screen) -> String {
    let time = screen.time(of.at_unix_micros);
    let arrow = if of.direction == "in" { "<" } else { ">" };
    let session = of.session.as_deref().unwrap_or("-");
    let line = format!(
        "{time} {arrow} {:<8} {:<10} {:<15} {session} {}",
        of.interface,
        of.message,
        of.peer.to_string(),
        of.summary,
    );
    fold(
        &format!("{}\n", line.trim_end()),
        screen.width,
        time.len() + 3,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(width: usize) -> Screen {
        Screen {
            width: Some(width),
            zone: TimeZone::fixed(jiff::tz::offset(2)),
            now: "2026-07-01T12:00:00Z".parse().unwrap(),
        }
    }

    fn message(at: &str) -> LogLine {
        let at: Timestamp = at.parse().unwrap();
        LogLine {
            at_micros: 7,
            at_unix_micros: u64::try_from(at.as_microsecond()).unwrap(),
            direction: "in".to_owned(),
            interface: "eth1".to_owned(),
            peer: [192, 0, 2, 1].into(),
            message: "Path".to_owned(),
            session: Some("UDP 192.0.2.9:5004".to_owned()),
            summary: "from 192.0.2.1:5004 sends r 5.5Mbit/s, b 15kB, p unlimited, m 64B, M 1500B"
                .to_owned(),
        }
    }

    #[test]
    fn what_is_asked_for_all_alike_is_said_once() {
        let of_rate = |rate_bytes_per_sec| Flowspec {
            service: "controlled-load".to_owned(),
            tspec: Tspec {
                rate_bytes_per_sec,
                bucket_bytes: 15e3,
                peak_bytes_per_sec: None,
                min_packet_bytes: 64,
                max_packet_bytes: 1500,
            },
            reserved_bytes_per_sec: None,
            slack_micros: None,
        };
        let (one, two) = (Some(of_rate(125e3)), Some(of_rate(250e3)));
        for (flowspecs, expected) in [
            (vec![one.clone(), one.clone()], "CL 1Mbit/s b 15kB"),
            (
                vec![one, None, two],
                "CL 1Mbit/s b 15kB, -, CL 2Mbit/s b 15kB",
            ),
            (Vec::new(), "-"),
        ] {
            let of = RequestOf {
                incoming: "eth0".to_owned(),
                previous_hop: None,
                style: "FF".to_owned(),
                senders: Vec::new(),
                flowspecs,
                refresh_in_micros: None,
            };
            assert_eq!(asked(&of), expected);
        }
    }

    #[test]
    fn messages_have_the_time_of_day_and_fit_the_terminal() {
        let text = line(&message("2026-07-01T12:34:56.7891Z"), &screen(80));
        assert_eq!(
            text,
            "14:34:56.789 < eth1     Path       192.0.2.1       UDP 192.0.2.9:5004 from\n               \
             192.0.2.1:5004 sends r 5.5Mbit/s, b 15kB, p unlimited, m 64B, M\n               1500B\n"
        );
        let text = line(&message("2026-06-30T12:34:56Z"), &screen(200));
        assert!(text.starts_with("2026-06-30 14:34:56.000 < "), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
