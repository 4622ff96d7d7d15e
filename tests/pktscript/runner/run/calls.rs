//! The calls of a script: made, asked again while they wait, and compared when they return.
//!
//! An executor's calls never wait. A call of a script that has to is made again whenever something may have changed,
//! until the engine or the kernel has an answer; it has to come at the time that the script says.

use std::time::Duration;

use super::super::ast::{Call, Data, Kind, Outcome, Side, SocketOption, Statement};
use super::super::executor::{Failure, Value};
use super::super::octets::pattern_from;
use super::{Fault, Run, clock};

/// What the runner remembers of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    kind: Kind,
    nonblocking: bool,
    /// Octets given to the stack.
    written: usize,
    /// Octets taken from the stack.
    read: usize,
}

/// A call that has not returned yet.
pub(super) struct Pending {
    pub(super) statement: Statement,
    pub(super) call: Call,
    pub(super) outcome: Outcome,
    /// When it has to return.
    pub(super) due: Duration,
    pub(super) tolerance: Duration,
    /// Octets of a send that the stack has taken, or of a receive that it has given.
    pub(super) done: Vec<u8>,
    /// A connect that is under way.
    pub(super) connecting: bool,
}

impl Run<'_> {
    /// Makes a call. One that has to return at once is waited for, as later statements may need what it gives.
    pub(super) fn start(&mut self, pending: Pending) -> Result<(), Fault> {
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
    pub(super) fn look_at_pending(&mut self) -> Result<(), Fault> {
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
