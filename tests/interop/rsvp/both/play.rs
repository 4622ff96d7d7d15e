//! Playing a scenario: the same on all that has daemons behind local sockets.

use core::fmt;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fairway_rsvp::daemon::control::protocol::{LogLine, Reply};
use fairway_stack::{LocalAddr, LocalWriteHalf, Net};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::scenario::{Asks, Scenario, What};

/// What every daemon is told: nothing is refreshed or sent again while a scenario lasts.
pub(super) const SETTINGS: &str = "[defaults]
refresh = \"10m\"
local_repair_wait = \"200ms\"
retransmit_after = \"60s\"
";

/// A machine, as applications see it.
pub(super) struct Machine {
    pub(super) net: Net,
    pub(super) control: LocalAddr,
    pub(super) address: IpAddr,
}

/// What a stage can do besides.
pub(super) trait Stage {
    /// Breaks a link, or makes the routes.
    fn change(&mut self, what: &What);
    /// All machines, by name.
    fn machines(&self) -> &BTreeMap<String, Machine>;
}

/// How long a step lasts.
pub(super) enum Pace<'a> {
    /// So long.
    Span(Duration),
    /// Until each machine has heard and said as much as there.
    As(&'a [Messages]),
}

/// What was heard and said in a step, by machine and interface, and what applications were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    heard: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    told: Vec<String>,
}

impl Messages {
    /// What machines said to each other, a line each.
    pub(super) fn exchange(&self) -> String {
        let mut text = String::new();
        for (machine, interfaces) in &self.heard {
            for (interface, lines) in interfaces {
                for line in lines {
                    text += &format!("{machine:4} {interface:5} {line}\n");
                }
            }
        }
        text
    }

    /// How many messages a machine heard and said.
    fn count(&self, machine: &str) -> usize {
        let interfaces = self.heard.get(machine).into_iter().flatten();
        interfaces.map(|(_, lines)| lines.len()).sum()
    }
}

/// All of it, a line each.
impl fmt::Display for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exchange().fmt(f)?;
        self.told.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// An application: as long as the connection is there.
struct Application {
    _write: LocalWriteHalf,
    events: Arc<Mutex<Vec<String>>>,
    shown: usize,
}

/// Plays all of it.
pub(super) async fn play(
    scenario: &Scenario,
    stage: &mut impl Stage,
    pace: &Pace<'_>,
) -> Vec<Messages> {
    let mut applications = BTreeMap::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut transcript = Vec::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        match &step.what {
            What::Begin {
                machine,
                name,
                request,
            } => {
                let question = question(request, machine, stage.machines());
                let application = begin(&stage.machines()[machine], &question).await;
                assert!(applications.insert(name.clone(), application).is_none());
            }
            What::End(name) => {
                let ended = applications.remove(name);
                assert!(ended.is_some(), "{name} has not begun");
            }
            What::Cut(_) | What::Reroute => stage.change(&step.what),
        }
        if let Pace::Span(span) = pace {
            let clock = stage.machines().values().next().unwrap().net.clock();
            clock.sleep(*span).await;
        }
        let mut messages = Messages::default();
        for (name, machine) in stage.machines() {
            let before = seen.get(name).copied().unwrap_or(0);
            let wanted = match pace {
                Pace::Span(_) => 0,
                Pace::As(others) => others[at].count(name),
            };
            let lines = log(machine, before + wanted).await;
            seen.insert(name.clone(), lines.len());
            for line in lines.into_iter().skip(before) {
                let (interface, text) = told(&line);
                let of = messages.heard.entry(name.clone()).or_default();
                of.entry(interface).or_default().push(text);
            }
        }
        for (name, application) in &mut applications {
            let events = application.events.lock().unwrap();
            for event in events.iter().skip(application.shown) {
                messages.told.push(format!("{name}: {event}"));
            }
            application.shown = events.len();
        }
        transcript.push(messages);
    }
    transcript
}

/// A request, as the daemon understands it.
fn question(asks: &Asks, machine: &str, machines: &BTreeMap<String, Machine>) -> Value {
    let resolved = |text: &str| -> String {
        let (name, port) = text.rsplit_once(':').unwrap_or((text, "0"));
        let address = match (name, machines.get(name)) {
            ("", _) => machines[machine].address.to_string(),
            (_, Some(machine)) => machine.address.to_string(),
            (address, None) => address.to_owned(),
        };
        if port == "0" {
            address
        } else {
            format!("{address}:{port}")
        }
    };
    let verb = if asks.is_sender { "send" } else { "reserve" };
    let mut question = json!({"request": verb, "destination": resolved(&asks.destination)});
    for (key, value) in &asks.keys {
        match key.as_str() {
            "from" => question["source"] = resolved(value).into(),
            "rate" | "bucket" => question["traffic"][key] = value.as_str().into(),
            "senders" => {
                question["senders"] = value.split(',').map(resolved).collect::<Vec<_>>().into();
            }
            "confirm" => question["confirm"] = (value == "yes").into(),
            _ => question[key] = value.as_str().into(),
        }
    }
    question
}

/// Starts an application, whose events are collected.
async fn begin(machine: &Machine, question: &Value) -> Application {
    let stream = machine.net.connect_local(&machine.control).await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut line = question.to_string();
    line.push('\n');
    write.write_all(line.as_bytes()).await.unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = events.clone();
    let mut lines = BufReader::new(read).lines();
    let task = machine.net.spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(event) = event(&line) {
                told.lock().unwrap().push(event);
            }
        }
    });
    task.detach();
    Application {
        _write: write,
        events,
        shown: 0,
    }
}

/// What went wrong, or right, in short; what changes with the way there is left out.
fn event(line: &str) -> Option<String> {
    let document: Value = serde_json::from_str(line).unwrap();
    if let Some(error) = document.get("error") {
        return Some(format!("refused: {error}"));
    }
    let event = &document["event"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match text(&event["kind"]).as_str() {
        "reservation_error" | "path_error" => Some(text(&event["error"]["text"])),
        "confirmed" => Some("confirmed".to_owned()),
        "not_asked" => Some(text(&event["why"])),
        _ => None,
    }
}

/// What a machine has heard and said so far, acknowledgements left out, once it is so much.
async fn log(machine: &Machine, least: usize) -> Vec<LogLine> {
    let clock = machine.net.clock();
    let end = clock.now() + Duration::from_secs(20);
    loop {
        let lines = log_now(machine).await;
        if lines.len() >= least || clock.now() > end {
            return lines;
        }
        clock.sleep(Duration::from_millis(5)).await;
    }
}

async fn log_now(machine: &Machine) -> Vec<LogLine> {
    let stream = machine.net.connect_local(&machine.control).await.unwrap();
    let (read, mut write) = stream.into_split();
    write
        .write_all(b"{\"request\":\"log\",\"most\":4096}\n")
        .await
        .unwrap();
    let line = BufReader::new(read).lines().next_line().await.unwrap();
    match serde_json::from_str(&line.unwrap()).unwrap() {
        Reply::Log(lines) => lines
            .into_iter()
            .filter(|line| !["Ack", "Srefresh", "Bundle"].contains(&line.message.as_str()))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// Where it passed, and what it was, without handles.
fn told(line: &LogLine) -> (String, String) {
    let session = line.session.as_deref().unwrap_or_default();
    let mut summary = line.summary.clone();
    while let Some(at) = summary.find(" handle 0x") {
        let end = summary[at + 1..]
            .match_indices(' ')
            .nth(1)
            .map_or(summary.len(), |(end, _)| at + 1 + end);
        summary.replace_range(at..end, "");
    }
    let text = format!(
        "{:3} {:15} {:8} {session} {summary}",
        line.direction,
        line.peer.to_string(),
        line.message,
    );
    (line.interface.clone(), text.trim_end().to_owned())
}
