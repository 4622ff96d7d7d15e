//! Carries out a script on a stack: waits, calls, sends, and compares what the stack does with what is written.
//!
//! Times in a script are relative to the statement before. What counts as the time of a statement is when it really
//! happened, so that a late packet of a real machine does not make everything after it late too; in virtual time the
//! two are the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::ast::{
    Action, Assertion, Call, Data, Kind, Moment, Outcome, Packet, Script, Side, Socket,
    SocketOption, Statement, Subject, When,
};
use super::compare;
use super::decode::{Decoded, decode};
use super::executor::{Executor, Failure, Step, Value};
use super::flow::Flows;
use super::octets::{Sender, build, pattern_from};
use super::show;

#[cfg(test)]
mod tests;

/// How long a packet that may come at any time is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a script that ran to its end.
#[derive(Clone, Debug)]
pub struct Passed {
    /// What happened, a line each.
    pub trace: Vec<String>,
}

/// The statement that a stack did not fulfil.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The script.
    pub path: PathBuf,
    /// Line of the statement, from 1.
    pub line: usize,
    /// The statement.
    pub text: String,
    /// What was wrong, a line each.
    pub reasons: Vec<String>,
    /// What happened until then, a line each.
    pub trace: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}: {}", self.path.display(), self.line, self.text)?;
        for reason in &self.reasons {
            writeln!(f, "    {reason}")?;
        }
        writeln!(f, "  until then:")?;
        for line in &self.trace {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

/// Runs `script` on `executor`, from its time zero.
///
/// # Errors
/// The first statement that did not happen as written.
pub fn run(script: &Script, executor: &mut dyn Executor) -> Result<Passed, Box<Failed>> {
    let mut run = Run {
        flows: Flows::new(&script.settings),
        executor,
        base: Duration::ZERO,
        arrived: VecDeque::new(),
        pending: Vec::new(),
        sockets: BTreeMap::new(),
        opened: BTreeSet::new(),
        own_data: script.statements.iter().any(writes_text),
        trace: Vec::new(),
    };
    let here = |statement: &Statement, reasons, trace: &[String]| {
        Box::new(Failed {
            path: script.path.clone(),
            line: statement.line,
            text: statement.text.clone(),
            reasons,
            trace: trace.to_vec(),
        })
    };
    let side = run.executor.side();
    for statement in &script.statements {
        if statement.only.is_some_and(|only| only != side) {
            continue;
        }
        run.statement(statement)
            .map_err(|fault| fault.at(statement, &here, &run.trace))?;
    }
    if let Some(last) = script.statements.last() {
        run.end()
            .map_err(|fault| fault.at(last, &here, &run.trace))?;
    }
    Ok(Passed { trace: run.trace })
}

fn writes_text(statement: &Statement) -> bool {
    matches!(
        statement.action,
        Action::Call(
            Call::Send {
                data: Data::Text(_),
                ..
            },
            _
        )
    )
}

/// What went wrong, and with which statement if not the one being carried out.
struct Fault {
    reasons: Vec<String>,
    of: Option<Box<Statement>>,
}

impl Fault {
    fn at(
        self,
        statement: &Statement,
        failed: &impl Fn(&Statement, Vec<String>, &[String]) -> Box<Failed>,
        trace: &[String],
    ) -> Box<Failed> {
        failed(self.of.as_deref().unwrap_or(statement), self.reasons, trace)
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self {
            reasons: vec![reason],
            of: None,
        }
    }
}

/// What the runner remembers of a socket.
#[derive(Clone, Copy, Debug)]
struct Known {
    kind: Kind,
    nonblocking: bool,
    /// Octets given to the stack.
    written: usize,
    /// Octets taken from the stack.
    read: usize,
}

/// A packet of the stack that no statement has expected yet.
struct Arrived {
    at: Duration,
    packet: Decoded,
}

/// A call that has not returned yet.
struct Pending {
    statement: Statement,
    call: Call,
    outcome: Outcome,
    /// When it has to return.
    due: Duration,
    tolerance: Duration,
    /// Octets of a send that the stack has taken, or of a receive that it has given.
    done: Vec<u8>,
    /// A connect that is under way.
    connecting: bool,
}

struct Run<'a> {
    executor: &'a mut dyn Executor,
    flows: Flows,
    /// The time of the statement before.
    base: Duration,
    arrived: VecDeque<Arrived>,
    pending: Vec<Pending>,
    sockets: BTreeMap<Socket, Known>,
    /// Sockets that have been given a peer: only the first time decides which ports are the usual ones.
    opened: BTreeSet<Socket>,
    /// Whether the script writes text of its own, so that segments do not carry the pattern.
    own_data: bool,
    trace: Vec<String>,
}

impl Run<'_> {
    fn statement(&mut self, statement: &Statement) -> Result<(), Fault> {
        let (from, to) = match statement.when {
            When::At(moment) => (self.moment(moment), self.moment(moment)),
            When::Between(from, to) => (self.moment(from), self.moment(to)),
            When::Any => (Duration::ZERO, self.base + PATIENCE),
        };
        let returns = statement.returns.map(|moment| self.moment(moment));
        let tolerance = self.executor.tolerance(to.saturating_sub(self.base));
        if let Action::Expect(packet) = &statement.action {
            return self.expect(packet, from, to, tolerance);
        }
        self.pass_until(to)?;
        let now = self.executor.now();
        if now > to + tolerance {
            return Err(format!(
                "too late: it was due at {}, it is {}",
                clock(to),
                clock(now)
            )
            .into());
        }
        self.base = now.max(to);
        match &statement.action {
            Action::Call(call, outcome) => {
                let due = returns.unwrap_or(self.base);
                let wait = due.saturating_sub(self.base);
                self.start(Pending {
                    statement: statement.clone(),
                    call: call.clone(),
                    outcome: outcome.clone(),
                    due,
                    tolerance: self.executor.tolerance(wait),
                    done: Vec::new(),
                    connecting: false,
                })
            }
            Action::Inject(packet) => self.inject(packet),
            Action::Quiet => self.quiet(),
            Action::Assert(assertion) => self.assert(assertion),
            Action::Expect(_) => Ok(()),
        }
    }

    /// Everything has been said: the calls return, and nothing else is sent.
    fn end(&mut self) -> Result<(), Fault> {
        while let Some(due) = self
            .pending
            .iter()
            .map(|pending| pending.due + pending.tolerance)
            .max()
        {
            self.pass(due + Duration::from_millis(1))?;
        }
        self.quiet()
    }

    fn moment(&self, moment: Moment) -> Duration {
        match moment {
            Moment::After(span) => self.base + span,
            Moment::Absolute(time) => time,
        }
    }

    /// Lets time pass until something happens, at most until `until`; says whether something did.
    fn pass(&mut self, until: Duration) -> Result<bool, Fault> {
        let step = self.executor.step(until, !self.pending.is_empty())?;
        let happened = !matches!(step, Step::Reached);
        if let Step::Packet(at, octets) = step {
            match decode(&octets, Sender::Local, &mut self.flows) {
                None => {}
                Some(Ok(packet)) => {
                    let text = show::packet(&packet, &self.flows);
                    self.trace.push(format!("{}  > {text}", clock(at)));
                    self.arrived.push_back(Arrived { at, packet });
                }
                Some(Err(error)) => return Err(format!("the stack sent {error}").into()),
            }
        }
        self.look_at_pending()?;
        Ok(happened)
    }

    fn pass_until(&mut self, until: Duration) -> Result<(), Fault> {
        while self.pass(until)? {}
        Ok(())
    }

    fn quiet(&mut self) -> Result<(), Fault> {
        let grace = self.executor.tolerance(Duration::ZERO) / 4;
        self.pass_until(self.executor.now() + grace)?;
        match self.arrived.front() {
            None => Ok(()),
            Some(first) => Err(Fault::from(format!(
                "nothing more expected, but at {} the stack sent {}",
                clock(first.at),
                show::packet(&first.packet, &self.flows)
            ))),
        }
    }

    fn inject(&mut self, packet: &Packet) -> Result<(), Fault> {
        let octets = build(packet, Sender::Remote, &mut self.flows)?;
        let text = match decode(&octets, Sender::Remote, &mut self.flows) {
            Some(Ok(decoded)) => show::packet(&decoded, &self.flows),
            _ => show::plain(packet),
        };
        self.trace
            .push(format!("{}  < {text}", clock(self.executor.now())));
        self.executor.inject(&octets)?;
        self.look_at_pending()
    }

    fn expect(
        &mut self,
        packet: &Packet,
        from: Duration,
        to: Duration,
        tolerance: Duration,
    ) -> Result<(), Fault> {
        let latest = to + tolerance;
        while self.arrived.is_empty() {
            if !self.pass(latest)? && self.arrived.is_empty() {
                return Err(format!(
                    "nothing was sent until {}; due at {}",
                    clock(latest),
                    range(from, to)
                )
                .into());
            }
        }
        let Some(Arrived { at, packet: seen }) = self.arrived.pop_front() else {
            return Ok(());
        };
        let check_data = !self.own_data;
        let mut reasons =
            compare::differences(packet, &seen, &mut self.flows, tolerance, check_data);
        if at + tolerance < from {
            reasons.push(format!(
                "too early: due at {}, sent at {}",
                range(from, to),
                clock(at)
            ));
        }
        if at > latest {
            reasons.push(format!(
                "too late: due at {}, sent at {}",
                range(from, to),
                clock(at)
            ));
        }
        if reasons.is_empty() {
            self.base = at;
            return Ok(());
        }
        reasons.insert(
            0,
            format!(
                "expected at {}, got at {}: {}",
                range(from, to),
                clock(at),
                show::packet(&seen, &self.flows)
            ),
        );
        Err(Fault { reasons, of: None })
    }

    fn assert(&mut self, assertion: &Assertion) -> Result<(), Fault> {
        let value = match &assertion.subject {
            Subject::TcpInfo(socket, field) => {
                let info = self.executor.tcp_info(*socket)?;
                *info.get(field.as_str()).ok_or_else(|| {
                    let known: Vec<&str> = info.keys().copied().collect();
                    format!("there is no {field}, but {}", known.join(", "))
                })?
            }
            Subject::Counter(name) => self.executor.counter(name)?,
            Subject::Event(name) => self.executor.event(name)?,
        };
        if assertion.bounds.hold(value) {
            Ok(())
        } else {
            Err(format!("expected {}, got {value}", assertion.bounds).into())
        }
    }

    /// Makes a call. One that has to return at once is waited for, as later statements may need what it gives.
    fn start(&mut self, pending: Pending) -> Result<(), Fault> {
        if let Call::Connect(socket, to)
        | Call::Send {
            socket,
            to: Some(to),
            ..
        } = &pending.call
            && self.opened.insert(*socket)
        {
            self.flows.opened(*to);
        }
        let at_once = pending.statement.returns.is_none();
        let latest = pending.due + pending.tolerance;
        let line = pending.statement.line;
        self.pending.push(pending);
        self.look_at_pending()?;
        let waits = |run: &Self| run.pending.iter().any(|call| call.statement.line == line);
        while at_once && waits(self) {
            if !self.pass(latest)? {
                self.pass(latest + Duration::from_millis(1))?;
            }
        }
        Ok(())
    }

    /// Asks every call that has not returned whether it has now.
    fn look_at_pending(&mut self) -> Result<(), Fault> {
        for mut pending in std::mem::take(&mut self.pending) {
            let attempt = self.attempt(&mut pending);
            let blame = |reason: String| Fault {
                reasons: vec![reason],
                of: Some(Box::new(pending.statement.clone())),
            };
            match attempt {
                Ok(None) => {
                    let now = self.executor.now();
                    if now > pending.due + pending.tolerance {
                        return Err(blame(format!(
                            "still waiting at {}; due to return at {}",
                            clock(now),
                            clock(pending.due)
                        )));
                    }
                    self.pending.push(pending);
                }
                Ok(Some(result)) => {
                    let now = self.executor.now();
                    self.returned(&pending, &result).map_err(blame)?;
                    if now + pending.tolerance < pending.due {
                        let due = clock(pending.due);
                        return Err(blame(format!("returned at {}, due at {due}", clock(now))));
                    }
                }
                Err(broken) => return Err(blame(broken)),
            }
        }
        Ok(())
    }

    /// Makes the call of `pending` once more; `None` if it has to wait.
    fn attempt(&mut self, pending: &mut Pending) -> Result<Option<Result<Value, String>>, String> {
        let known = pending
            .call
            .socket()
            .and_then(|socket| self.sockets.get(&socket).copied());
        if pending.call.socket().is_some() && known.is_none() {
            return Err("the script has no such socket".into());
        }
        let may_wait =
            known.is_some_and(|known| !known.nonblocking) && !flags_say_now(&pending.call);
        if pending.connecting {
            return self.connected(pending);
        }
        let data = match &pending.call {
            Call::Send { data, .. } => self.data_of(data, known).split_off(pending.done.len()),
            _ => Vec::new(),
        };
        let named = match pending.outcome {
            Outcome::Number(number) => u32::try_from(number).ok(),
            _ => None,
        };
        match self.executor.call(&pending.call, &data, named) {
            Err(Failure::Broken(reason)) => Err(reason),
            Err(failure) if may_wait && failure.would_block() => {
                pending.connecting = matches!(pending.call, Call::Connect(..));
                if pending.connecting {
                    self.connected(pending)
                } else {
                    Ok(None)
                }
            }
            // A call that has done part of its work reports that.
            Err(Failure::Error(_)) if !pending.done.is_empty() => {
                Ok(Some(Ok(Value::Octets(std::mem::take(&mut pending.done)))))
            }
            Err(Failure::Error(name)) => Ok(Some(Err(name))),
            Ok(Value::Number(count)) if matches!(pending.call, Call::Send { .. }) => {
                let taken = usize::try_from(count).unwrap_or(0).min(data.len());
                pending.done.extend(data.iter().take(taken));
                let all = taken == data.len();
                let total = i64::try_from(pending.done.len()).unwrap_or(i64::MAX);
                Ok((all || !may_wait).then_some(Ok(Value::Number(total))))
            }
            Ok(Value::Octets(octets)) => {
                let (room, wait_all) = match &pending.call {
                    Call::Receive { room, flags, .. } => (*room, flags.wait_all && may_wait),
                    _ => (0, false),
                };
                let ended = octets.is_empty();
                pending.done.extend(octets);
                let enough = !wait_all || ended || pending.done.len() >= room;
                Ok(enough.then(|| Ok(Value::Octets(std::mem::take(&mut pending.done)))))
            }
            Ok(value) => Ok(Some(Ok(value))),
        }
    }

    /// Whether a connect that was under way is done.
    fn connected(&mut self, pending: &Pending) -> Result<Option<Result<Value, String>>, String> {
        let Some(socket) = pending.call.socket() else {
            return Ok(None);
        };
        let mut ask = |call| match self.executor.call(&call, &[], None) {
            Ok(value) => Ok(value),
            Err(Failure::Error(error) | Failure::Broken(error)) => Err(error),
        };
        let Value::Words(ready) = ask(Call::Poll(socket))? else {
            return Ok(None);
        };
        let done = ready
            .iter()
            .any(|word| matches!(word.as_str(), "POLLOUT" | "POLLERR" | "POLLHUP"));
        if !done {
            return Ok(None);
        }
        Ok(match ask(Call::GetOption(socket, SocketOption::Error))? {
            Value::Words(error) => Some(Err(error.concat())),
            _ => {
                // On Linux a connect that did not wait is only done when it is called again.
                if self.executor.side() == Side::Linux {
                    drop(self.executor.call(&pending.call, &[], None));
                }
                Some(Ok(Value::Number(0)))
            }
        })
    }

    fn data_of(&self, data: &Data, known: Option<Known>) -> Vec<u8> {
        match (data, known) {
            (Data::Text(text), _) => text.clone(),
            (Data::Pattern(len), Some(known)) if known.kind == Kind::Tcp => {
                pattern_from(known.written, *len)
            }
            (Data::Pattern(len), _) => pattern_from(0, *len),
        }
    }

    /// A call returned: compares what it gave.
    fn returned(
        &mut self,
        pending: &Pending,
        result: &Result<Value, String>,
    ) -> Result<(), String> {
        let call = pending
            .statement
            .text
            .rsplit_once(" = ")
            .map_or("", |(call, _)| call);
        let call = call.split_once(' ').map_or(call, |(_, call)| call);
        let got = match (result, &pending.outcome) {
            (Ok(_), Outcome::Number(name)) if names_a_socket(&pending.call) => name.to_string(),
            (result, _) => shown(result),
        };
        self.trace
            .push(format!("{}    {call} = {got}", clock(self.executor.now())));
        let same = match (&pending.outcome, result) {
            (Outcome::Any, _) => true,
            (Outcome::Number(wanted), Ok(Value::Number(number))) => {
                // The script names a new socket; which number the stack gave it is the executor's business.
                wanted == number || names_a_socket(&pending.call)
            }
            (Outcome::Number(wanted), Ok(Value::Octets(octets))) => {
                usize::try_from(*wanted) == Ok(octets.len())
            }
            (Outcome::Text(wanted), Ok(Value::Octets(octets))) => wanted == octets,
            (Outcome::Words(wanted), Ok(Value::Words(words))) => wanted == words,
            (Outcome::Error(wanted), Err(name)) => wanted == name,
            _ => false,
        };
        if !same {
            return Err(match (&pending.outcome, result) {
                (Outcome::Text(_), Ok(Value::Octets(octets))) => {
                    format!("returned \"{}\"", octets.escape_ascii())
                }
                _ => format!("returned {got}"),
            });
        }
        if let Ok(value) = result {
            self.remember(pending, value)?;
        }
        Ok(())
    }

    fn remember(&mut self, pending: &Pending, value: &Value) -> Result<(), String> {
        let named = match pending.outcome {
            Outcome::Number(number) => u32::try_from(number).ok(),
            _ => None,
        };
        let mut new = |kind, nonblocking| {
            let known = Known {
                kind,
                nonblocking,
                written: 0,
                read: 0,
            };
            named.map(|name| self.sockets.insert(name, known))
        };
        match (&pending.call, value) {
            (Call::Socket { kind, nonblocking }, _) => {
                new(*kind, *nonblocking);
            }
            (Call::Accept { nonblocking, .. }, _) => {
                new(Kind::Tcp, *nonblocking);
            }
            (Call::Close(socket), _) => {
                self.sockets.remove(socket);
                self.opened.remove(socket);
            }
            (Call::Send { socket, .. }, Value::Number(count)) => {
                if let Some(known) = self.sockets.get_mut(socket) {
                    known.written += usize::try_from(*count).unwrap_or(0);
                }
            }
            (Call::Receive { socket, flags, .. }, Value::Octets(octets)) if !flags.oob => {
                let holes = self.flows.any_urgent();
                let Some(known) = self.sockets.get_mut(socket) else {
                    return Ok(());
                };
                let from = match known.kind {
                    Kind::Tcp => known.read,
                    Kind::Udp => 0,
                };
                if !flags.peek {
                    known.read += octets.len();
                }
                if !holes && *octets != pattern_from(from, octets.len()) {
                    return Err("what was read is not what the peer sent".into());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn flags_say_now(call: &Call) -> bool {
    match call {
        Call::Receive { flags, .. } | Call::Send { flags, .. } => {
            flags.dont_wait || flags.oob && matches!(call, Call::Receive { .. })
        }
        _ => false,
    }
}

/// Whether the outcome of this call is the script's number for a new socket.
fn names_a_socket(call: &Call) -> bool {
    matches!(call, Call::Socket { .. } | Call::Accept { .. })
}

fn shown(result: &Result<Value, String>) -> String {
    match result {
        Ok(Value::Number(number)) => number.to_string(),
        Ok(Value::Octets(octets)) => format!("{} octets", octets.len()),
        Ok(Value::Words(words)) => words.join("|"),
        Err(name) => format!("-1 {name}"),
    }
}

fn clock(time: Duration) -> String {
    format!("{:>10.6}", time.as_secs_f64())
}

fn range(from: Duration, to: Duration) -> String {
    if from == to {
        clock(from).trim().to_owned()
    } else {
        format!("{}~{}", clock(from).trim(), clock(to).trim())
    }
}
