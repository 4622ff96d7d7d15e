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
    Action, Assertion, Call, Data, Moment, Packet, Script, Socket, Statement, Subject, When,
};
use super::compare;
use super::decode::{Decoded, decode};
use super::executor::{Executor, Step};
use super::flow::Flows;
use super::octets::{Sender, build};
use super::show;

mod calls;
#[cfg(test)]
mod tests;

use calls::{Known, Pending};

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

/// A packet of the stack that no statement has expected yet.
struct Arrived {
    at: Duration,
    packet: Decoded,
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
