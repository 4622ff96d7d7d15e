//! Documents as text for people: tables with aligned columns, values with units.

use core::fmt::{self, Write as _};
use std::time::Duration;

use fairway_rsvp::daemon::control::protocol::{
    ApplicationOf, Classes, Counters, InterfaceOf, LogLine, NeighbourOf, Reply, SessionOf, Status,
};
use fairway_rsvp::daemon::control::value::{Adspec, EventOf, Flowspec, Tspec};

use crate::args::Command;

/// Behind an answer that is not all there is.
const CUT: &str = "… and more: name a destination\n";

/// A table: columns as wide as their widest cell.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            rows: vec![head.iter().map(|word| (*word).to_owned()).collect()],
        }
    }

    fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(at) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Something that may not be there.
fn or_dash<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), shown)
}

/// A rate in bits, as people speak of links: three digits are enough.
fn rate(octets_per_sec: f32) -> String {
    let bits = f64::from(octets_per_sec) * 8.0;
    let (scaled, unit) = match bits {
        bits if bits >= 1e9 => (bits / 1e9, "Gbit/s"),
        bits if bits >= 1e6 => (bits / 1e6, "Mbit/s"),
        bits if bits >= 1e3 => (bits / 1e3, "kbit/s"),
        bits => (bits, "bit/s"),
    };
    format!("{} {unit}", short(scaled))
}

/// A size.
fn octets(size: f32) -> String {
    match f64::from(size) {
        size if size >= 1e6 => format!("{} MB", short(size / 1e6)),
        size if size >= 1e4 => format!("{} kB", short(size / 1e3)),
        size => format!("{} B", short(size)),
    }
}

/// With as many digits behind the point as tell something.
fn short(value: f64) -> String {
    let digits = match value {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A span, roughly.
fn span(micros: u64) -> String {
    match Duration::from_micros(micros) {
        span if span.as_secs() >= 172_800 => format!("{} d", span.as_secs() / 86_400),
        span if span.as_secs() >= 7200 => format!("{} h", span.as_secs() / 3600),
        span if span.as_secs() >= 120 => format!("{} min", span.as_secs() / 60),
        span if span.as_secs() >= 10 => format!("{} s", span.as_secs()),
        span if span.as_millis() >= 1000 => format!("{} s", short(span.as_secs_f64())),
        span if span.as_micros() >= 1000 => format!("{} ms", short(span.as_secs_f64() * 1e3)),
        span => format!("{} us", span.as_micros()),
    }
}

fn tspec(of: &Tspec) -> String {
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

fn flowspec(of: &Flowspec) -> String {
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

fn adspec(of: &Adspec) -> String {
    let mut text = format!(
        "{} hops, {}, latency {}, MTU {}",
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

fn list(senders: &[String]) -> String {
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

/// An answer as text, for the command that asked.
pub(crate) fn text(command: &Command, reply: &Reply) -> String {
    match reply {
        Reply::Status(of) => status(of),
        Reply::Interfaces(of) => interfaces(of),
        Reply::Sessions(of) => {
            let mut text = match command {
                Command::Senders(_) => senders(&of.sessions),
                Command::Reservations(_) => reservations(&of.sessions),
                Command::Installed(_) => installed(&of.sessions),
                Command::Requests(_) => requests(&of.sessions),
                _ => sessions(&of.sessions),
            };
            if of.is_cut {
                text.push_str(CUT);
            }
            text
        }
        Reply::TrafficControl(of) => classes(of),
        Reply::Neighbours(of) => neighbours(of),
        Reply::Counters(of) => counters(of),
        Reply::Applications(of) => applications(of),
        Reply::Log(of) => of.iter().map(line).collect(),
        Reply::Message(of) => line(of),
        Reply::Event(of) => event(of),
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

fn interfaces(rows: &[InterfaceOf]) -> String {
    let mut table = Table::new([
        "INTERFACE",
        "STATE",
        "ADDRESS",
        "MTU",
        "LINK",
        "RESERVABLE",
        "RESERVED",
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
            of.mtu_bytes.to_string(),
            or_dash(tc.link_bytes_per_sec, rate),
            or_dash(tc.reservable_bytes_per_sec, rate),
            or_dash(tc.reserved_bytes_per_sec, rate),
            kind,
        ]);
    }
    table.to_string()
}

fn senders(rows: &[SessionOf]) -> String {
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
    table.to_string()
}

fn reservations(rows: &[SessionOf]) -> String {
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
    table.to_string()
}

fn installed(rows: &[SessionOf]) -> String {
    let mut table = Table::new(["SESSION", "SENDERS", "OUT", "RESERVED", "SENT", "POLICED"]);
    for session in rows {
        for of in &session.installed {
            table.row([
                name(session),
                list(&of.senders),
                of.outgoing.clone(),
                flowspec(&of.flowspec),
                tspec(&of.path),
                of.policing.join(" "),
            ]);
        }
    }
    table.to_string()
}

fn classes(of: &Classes) -> String {
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
            format!("{} B", of.sent_bytes),
            of.sent_packets.to_string(),
            of.dropped_packets.to_string(),
            of.excess_packets.to_string(),
        ]);
    }
    let mut text = table.to_string();
    if of.is_cut {
        text.push_str(CUT);
    }
    text
}

fn requests(rows: &[SessionOf]) -> String {
    let mut table = Table::new([
        "SESSION",
        "STYLE",
        "SENDERS",
        "PREVIOUS HOP",
        "IN",
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
        format!("{table}\n{blocked}")
    } else {
        table.to_string()
    }
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
                "  asked of {} by {} for {}",
                here(of.previous_hop),
                of.incoming,
                list(&of.senders),
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

fn neighbours(rows: &[NeighbourOf]) -> String {
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
    table.to_string()
}

fn counters(of: &Counters) -> String {
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
    table.to_string()
}

fn applications(rows: &[ApplicationOf]) -> String {
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
    table.to_string()
}

fn line(of: &LogLine) -> String {
    let at = Duration::from_micros(of.at_micros).as_secs_f64();
    let arrow = if of.direction == "in" { "<" } else { ">" };
    let session = of.session.as_deref().unwrap_or("-");
    format!(
        "{at:>12.6} {arrow} {:<8} {:<10} {:<15} {session} {}\n",
        of.interface,
        of.message,
        of.peer.to_string(),
        of.summary,
    )
}

/// What happens to what was sent or reserved, a line or a few.
fn event(of: &EventOf) -> String {
    match of {
        EventOf::Path { senders } if senders.is_empty() => "no sender any more\n".to_owned(),
        EventOf::Path { senders } => {
            let mut text = String::new();
            for of in senders {
                let _ = writeln!(text, "sender {}: {}", of.sender, tspec(&of.tspec));
                if let Some(path) = &of.adspec {
                    let _ = writeln!(text, "  path: {}", adspec(path));
                }
            }
            text
        }
        EventOf::Asked {
            style,
            senders,
            flowspecs,
            bound_micros,
        } => {
            let specs: Vec<String> = flowspecs.iter().map(flowspec).collect();
            let bound = bound_micros.map_or_else(String::new, |bound| {
                format!(", at most {} from end to end", span(bound))
            });
            format!(
                "reserving {style} {}: {}{bound}\n",
                list(senders),
                specs.join(", ")
            )
        }
        EventOf::NotAsked { why } => format!("not reserved: {why}\n"),
        EventOf::Reservation {
            style,
            senders,
            flowspec: Some(spec),
        } => format!("reserved {style} {}: {}\n", list(senders), flowspec(spec)),
        EventOf::Reservation { flowspec: None, .. } => "no longer reserved\n".to_owned(),
        EventOf::PathError { error, sender } => format!("path error of {sender}: {}\n", error.text),
        EventOf::ReservationError { error, senders, .. } => {
            format!("reservation for {} failed: {}\n", list(senders), error.text)
        }
        EventOf::Confirmed { by, senders, .. } => {
            format!("confirmed by {by} for {}\n", list(senders))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_have_units() {
        for (octets_per_sec, shown) in [
            (125e3, "1 Mbit/s"),
            (687_500.0, "5.5 Mbit/s"),
            (1.25e9, "10 Gbit/s"),
            (15.0, "120 bit/s"),
            (0.0, "0 bit/s"),
            (12_345.0, "98.8 kbit/s"),
        ] {
            assert_eq!(rate(octets_per_sec), shown);
        }
        assert_eq!(octets(1500.0), "1500 B");
        assert_eq!(octets(20e3), "20 kB");
        for (micros, shown) in [
            (0, "0 us"),
            (1500, "1.5 ms"),
            (30_100, "30.1 ms"),
            (157_500_000, "2 min"),
            (61_000_000, "61 s"),
        ] {
            assert_eq!(span(micros), shown);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["A", "LONG"]);
        table.row(["wide cell".to_owned(), "x".to_owned()]);
        assert_eq!(table.to_string(), "A          LONG\nwide cell  x\n");
    }
}
