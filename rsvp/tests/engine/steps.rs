//! Step files: what one node hears, and what it installs and sends for it. `BLESS=1` rewrites what is expected.
//!
//! ```text
//! # Text, with the RFC's section.
//! trees shared                  multicast trees are shared among senders
//! route S1 a c d                data of S1 comes in by a and leaves by c and d
//! turn S1 a c                   so it does from now on
//! path a.2 S1                   neighbour 2 on a sends the Path of S1, of 100 B; `path a.2 S1 5` of 5 B
//! pathtear a.2 S1
//! resv c.2 WF 4                 neighbour 2 on c reserves 4 B; then perhaps `[S1 S2]`, its SCOPE
//! resv c.2 FF S1 4 S2 5
//! resv c.2 SE 3 S1 S2
//! resv c.2 WF 4 confirm         ... and wants to know
//! resvtear c.2 FF S1 S2
//! resverr a.2 1/2 WF 4          neighbour 2 on a refuses 4 B with this code and value
//! resverr a.2 1/2 inplace SE 4 S1
//! limit c 4                     no more than 4 B can be reserved on c
//! wait 60                       seconds
//! ```
//!
//! After a step stands what comes of it, in lines with `=`: the messages in order, Paths left out, and what is installed
//! on an interface where that has changed. After a `wait` each message stands once, in order of the alphabet.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use fairway_rsvp::engine::SessionReport;
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::intserv::{Flowspec, Reading};
use fairway_rsvp::msg::{Body, Flows, FlowspecSlot};
use fairway_rsvp::neighbour::Transmit;
use fairway_rsvp::wire::{
    ErrorCode, ErrorFlags, ErrorSpec, FlowspecObject, ResvConfirm, Scope, Sender, Style,
};

use crate::net::tspec;
use crate::one::{One, at, ff, loose, se, wf};

fn number(text: &str) -> f32 {
    text.parse().unwrap_or_else(|_| panic!("number {text}"))
}

fn link(text: &str) -> u32 {
    match text {
        "a" => 1,
        "b" => 2,
        "c" => 3,
        "d" => 4,
        _ => panic!("interface {text}"),
    }
}

fn link_name(index: IfIndex) -> &'static str {
    match index.0 {
        1 => "a",
        2 => "b",
        3 => "c",
        4 => "d",
        _ => "?",
    }
}

/// `c.2`: interface and neighbour.
fn peer(text: &str) -> (u32, u8) {
    let (interface, number) = text.split_once('.').unwrap();
    (link(interface), number.parse().unwrap())
}

fn sender_number(text: &str) -> u8 {
    text.strip_prefix('S').unwrap().parse().unwrap()
}

fn style(text: &str) -> Style {
    match text {
        "WF" => Style::WF,
        "FF" => Style::FF,
        "SE" => Style::SE,
        _ => panic!("style {text}"),
    }
}

fn sender_name(sender: Sender) -> String {
    match sender.address() {
        std::net::IpAddr::V4(address) => format!("S{}", address.octets()[3]),
        std::net::IpAddr::V6(address) => format!("S{}", address.segments()[7]),
    }
}

/// A flowspec in units of B.
fn units(flowspec: &Flowspec) -> String {
    format!("{}B", flowspec.tspec().rate().get() / 10_000.0)
}

fn object_units<F: FlowspecSlot>(slot: &F) -> String {
    slot.flowspec()
        .map(|object: &FlowspecObject| {
            units(&Flowspec::from_object(object, Reading::Deployed { mtu: 1500 }).unwrap())
        })
        .unwrap_or_default()
}

/// As the RFC writes it: `WF(*{4B})`, `FF(S1{4B},S2{5B})`, `SE((S1,S2){B})`.
fn show_flows<F: FlowspecSlot>(flows: &Flows<F>) -> String {
    let list: Vec<String> = match flows {
        Flows::Wf(slot) => return format!("WF(*{{{}}})", object_units(slot)),
        Flows::Ff(list) => list
            .iter()
            .map(|one| {
                let flowspec = object_units(&one.flowspec);
                format!("{}{{{flowspec}}}", sender_name(one.filter.0))
            })
            .collect(),
        Flows::Se { flowspec, filters } => {
            let names: Vec<String> = filters.iter().map(|one| sender_name(one.0)).collect();
            let flowspec = object_units(flowspec);
            return format!("SE(({}){{{flowspec}}})", names.join(","));
        }
        Flows::Unknown { style, .. } => return format!("{style}"),
    };
    format!("FF({})", list.join(","))
}

fn show_scope(scope: Option<&Scope>) -> String {
    let Some(scope) = scope else {
        return String::new();
    };
    let names: Vec<String> = scope
        .addresses()
        .map(|address| sender_name(Sender::from(std::net::SocketAddr::new(address, 0))))
        .collect();
    format!(" [{}]", names.join(","))
}

fn show_error(error: &ErrorSpec) -> String {
    let in_place = if error.flags.contains(ErrorFlags::IN_PLACE) {
        " inplace"
    } else {
        ""
    };
    format!("{}/{}{in_place}", error.code.0, error.value)
}

/// A message, and to whom it goes.
fn show(transmit: &Transmit, body: &Body) -> String {
    let last = match transmit.destination {
        std::net::IpAddr::V4(address) => u16::from(address.octets()[3]),
        std::net::IpAddr::V6(address) => address.segments()[7],
    };
    let interface = link_name(transmit.interface);
    let what = match body {
        Body::Path(path) => {
            let sender = path.sender.as_ref().map(|sender| sender.template.0);
            return format!("{interface} Path {}", sender.map(sender_name).unwrap());
        }
        Body::PathTear(tear) => {
            let sender = tear.sender.as_ref().map(|sender| sender.template.0);
            return format!("{interface} PathTear {}", sender.map(sender_name).unwrap());
        }
        Body::Resv(resv) => {
            let confirm = if resv.confirm.is_some() {
                " confirm"
            } else {
                ""
            };
            let scope = show_scope(resv.scope.as_ref());
            format!("Resv {}{scope}{confirm}", show_flows(&resv.flows))
        }
        Body::ResvTear(tear) => format!("ResvTear {}", show_flows(&tear.flows)),
        Body::PathErr(error) => format!("PathErr {}", show_error(&error.error)),
        Body::ResvErr(error) => {
            let scope = show_scope(error.scope.as_ref());
            let flows = show_flows(&error.flows);
            format!("ResvErr {} {flows}{scope}", show_error(&error.error))
        }
        Body::ResvConf(confirm) => format!("ResvConf {}", show_flows(&confirm.flows)),
        other => format!("{}", other.message_type()),
    };
    format!("{interface}.{last} {what}")
}

/// What is installed, by interface.
fn installed(report: Option<&SessionReport>) -> [String; 4] {
    let mut lines: [String; 4] = Default::default();
    for one in report.iter().flat_map(|report| &report.installed) {
        let Some(line) = usize::try_from(one.outgoing.0)
            .ok()
            .and_then(|index| lines.get_mut(index.wrapping_sub(1)))
        else {
            continue;
        };
        let names: Vec<String> = one.filters.iter().copied().map(sender_name).collect();
        let names = match names.as_slice() {
            [] => "*".into(),
            [one] => one.clone(),
            many => format!("({})", many.join(",")),
        };
        let _ = write!(line, " {names}{{{}}}", units(&one.flowspec));
        let flags = one.policing;
        for (set, name) in [(flags.edge, "E"), (flags.merge, "M"), (flags.branch, "B")] {
            if set {
                let _ = write!(line, "/{name}");
            }
        }
    }
    lines
}

fn take_flows(words: &[&str]) -> Flows {
    let one = One::new();
    let of = |name: &str| one.sender(sender_number(name));
    match words {
        ["WF", times, ..] => wf(number(times)),
        ["FF", rest @ ..] => {
            let pairs: Vec<(Sender, f32)> = rest
                .chunks(2)
                .map(|pair| (of(pair[0]), number(pair[1])))
                .collect();
            ff(&pairs)
        }
        ["SE", times, rest @ ..] => {
            let senders: Vec<Sender> = rest.iter().map(|name| of(name)).collect();
            se(number(times), &senders)
        }
        _ => panic!("{words:?}"),
    }
}

fn resv(one: &mut One, to: &str, words: &[&str]) {
    let (interface, neighbour) = peer(to);
    let wants = words.last() == Some(&"confirm");
    let words = if wants {
        &words[..words.len() - 1]
    } else {
        words
    };
    let line = words.join(" ");
    let (flows, scope) = match line.split_once('[') {
        Some((flows, scope)) => (flows.trim().to_owned(), Some(scope.trim_end_matches(']'))),
        None => (line.clone(), None),
    };
    let words: Vec<&str> = flows.split_whitespace().collect();
    let mut resv = one.resv(interface, neighbour, take_flows(&words));
    resv.scope = scope.map(|list| {
        let addresses = list
            .split_whitespace()
            .map(|name| one.sender(sender_number(name)).address());
        Scope::v4(addresses.filter_map(|address| match address {
            std::net::IpAddr::V4(address) => Some(address),
            std::net::IpAddr::V6(_) => None,
        }))
    });
    if wants {
        let receiver = one.neighbour(interface, neighbour);
        one.table().unicast.insert(receiver, IfIndex(interface));
        resv.confirm = Some(ResvConfirm { receiver });
    }
    one.hear_resv(interface, resv);
}

fn resv_err(one: &mut One, from: &str, error: &str, words: &[&str]) {
    let (interface, _) = peer(from);
    let (code, value) = error.split_once('/').unwrap();
    let (flags, words) = match words {
        ["inplace", rest @ ..] => (ErrorFlags::IN_PLACE, rest),
        _ => (ErrorFlags::NONE, words),
    };
    let senders: Vec<Sender> = words[2..]
        .iter()
        .map(|name| one.sender(sender_number(name)))
        .collect();
    let flows = loose(style(words[0]), Some(number(words[1])), &senders);
    let code = ErrorCode(code.parse().unwrap());
    one.refuse(interface, flags, code, value.parse().unwrap(), flows);
}

fn step(one: &mut One, words: &[&str]) {
    match words {
        ["trees", "shared"] => one.table().shared_trees = true,
        ["route" | "turn", sender, from, to @ ..] => {
            let to: Vec<u32> = to.iter().map(|name| link(name)).collect();
            one.route(sender_number(sender), link(from), &to);
            if words[0] == "turn" {
                one.routes_changed();
            }
        }
        ["path", from, sender, rest @ ..] => {
            let (interface, neighbour) = peer(from);
            let times = rest.first().map_or(100.0, |times| number(times));
            let mut path = one.path(interface, sender_number(sender), tspec(10.0 * times));
            path.hop.address = at(interface, neighbour, true);
            one.hear_path(interface, path);
        }
        ["pathtear", from, sender] => {
            let (interface, neighbour) = peer(from);
            let tear = one.path_tear(at(interface, neighbour, true), sender_number(sender));
            let source = one.sender(sender_number(sender)).address();
            one.hear(interface, source, Body::PathTear(tear));
        }
        ["resv", from, rest @ ..] => resv(one, from, rest),
        ["resvtear", from, name, senders @ ..] => {
            let (interface, neighbour) = peer(from);
            let senders: Vec<Sender> = senders
                .iter()
                .map(|name| one.sender(sender_number(name)))
                .collect();
            one.tear(interface, neighbour, loose(style(name), None, &senders));
        }
        ["resverr", from, error, rest @ ..] => resv_err(one, from, error, rest),
        ["limit", name, times] => {
            let rate = f64::from(number(times)) * 10_000.0;
            one.installed().capacity.insert(IfIndex(link(name)), rate);
        }
        ["wait", seconds] => one.wait(Duration::from_secs(seconds.parse().unwrap())),
        other => panic!("no step: {other:?}"),
    }
}

/// The file with what really comes of it.
fn replay(text: &str) -> String {
    let mut one = One::new();
    let mut before: [String; 4] = Default::default();
    let mut out = String::new();
    for line in text.lines().filter(|line| !line.starts_with('=')) {
        out.push_str(line);
        out.push('\n');
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() || line.starts_with('#') {
            continue;
        }
        step(&mut one, &words);
        let mut lines: Vec<String> = one
            .replies()
            .iter()
            .map(|(transmit, body)| show(transmit, body))
            .collect();
        if words[0] == "wait" {
            lines.sort();
            lines.dedup();
        }
        let now = one.now;
        let sessions = one.engine.sessions(now);
        let after = installed(sessions.first());
        for (name, (old, new)) in ["a", "b", "c", "d"].iter().zip(before.iter().zip(&after)) {
            if old != new {
                let what = if new.is_empty() { " nothing" } else { new };
                lines.push(format!("{name} installs{what}"));
            }
        }
        before = after;
        for line in lines {
            let _ = writeln!(out, "= {line}");
        }
    }
    out
}

fn check(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/engine/steps")
        .join(format!("{name}.txt"));
    let expected = std::fs::read_to_string(&path).unwrap();
    let actual = replay(&expected);
    if actual == expected {
        return;
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    panic!(
        "{} is not what happens (BLESS=1 accepts it):\n{actual}",
        path.display()
    );
}

macro_rules! steps {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn all_files_are_replayed() {
            let known = [$(stringify!($name)),*];
            let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/engine/steps");
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(known.contains(&name), "{name} is not replayed");
            }
        }
    };
}

steps! {
    figure_05_wildcard_filter
    figure_06_fixed_filter
    figure_07_shared_explicit
    figure_08_partial_routing
    figure_10_independent_reservations
    figure_11_scope
    figure_12_blockade
    blockade_of_all
    blockade_on_one_link
    blockade_of_explicit_senders
    confirmations
    errors_go_to_those_concerned
    killer_reservations
    path_tears
    police_flags
    resv_tears
    turning_routes
}
