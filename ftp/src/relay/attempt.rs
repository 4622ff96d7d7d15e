//! One attempt at a transfer between two servers: both control connections at once.
//!
//! ```text
//!   passive side            active side
//!   settings, EPSV ─► port
//!                           settings, EPRT
//!   verb ─► (a refusal?)
//!                           verb
//!   1xx, 2xx      in any order      1xx, 2xx
//! ```
//!
//! The passive side's 1xx is not waited for before the active side is told: servers say it when the connection is there.
//! A refusal, though, comes at once, and is waited for about as long as the server's last answer took: a source without
//! the file then keeps the target from being emptied.

use super::way::{self, End, Way};
use super::{Both, Job, Protection, Side};
use crate::error::{Error, ErrorKind};
use crate::link::{Event, reset};
use crate::pool::Lease;
use crate::session::{
    Announced, DataEvent, Method, Operation, Outcome, Setting, Third, TransferSpec, Verb,
};
use fairway_stack::{Clock, Instant};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// The least and the most that is waited for a refusal of the passive side.
const GRACE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long one side may take to end by itself when the other has failed.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a side that was given up may take to get back in step before its connection is closed.
const DRAIN: Duration = Duration::from_secs(10);

/// How long connecting to a server that waits for another may take.
const POKE: Duration = Duration::from_secs(2);

/// Two connections.
pub(super) type Links = Both<Lease>;

/// What both sides said in the end, and how they were connected.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) outcomes: Both<Outcome>,
}

impl Done {
    pub(super) fn method(&self, side: Side) -> Option<Method> {
        self.outcomes.get(side).method
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) side: Option<Side>,
    pub(super) error: Error,
    /// Whether the other orientation may do better, and can do no harm.
    pub(super) other_way: bool,
    /// Whether the side's connection had died while it was idle, and nothing was asked of it.
    pub(super) stale: bool,
    /// Where the passive side may still be waiting for a connection.
    pub(super) waiting: Option<SocketAddr>,
}

/// How far a side has come.
#[derive(Debug)]
enum Stage {
    Idle,
    Preparing,
    Asked,
    Begun,
    Good(Outcome),
    Bad(Error),
}

impl Stage {
    const fn is_over(&self) -> bool {
        matches!(self, Self::Good(_) | Self::Bad(_))
    }

    const fn has_begun(&self) -> bool {
        matches!(self, Self::Begun | Self::Good(_))
    }
}

/// Tells when a transfer stands still.
pub(super) type Watch<'a> = Pin<Box<dyn Future<Output = Duration> + Send + 'a>>;

pub(super) struct Attempt<'a> {
    job: &'a Job,
    links: &'a mut Links,
    ends: &'a Both<End>,
    way: Way,
    stages: Both<Stage>,
    /// Where the passive side listens.
    port: Option<u16>,
    clock: Clock,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(job: &'a Job, links: &'a mut Links, ends: &'a Both<End>, way: Way) -> Self {
        let clock = links.source.net.clock();
        Self {
            job,
            links,
            ends,
            way,
            stages: Both {
                source: Stage::Idle,
                target: Stage::Idle,
            },
            port: None,
            clock,
        }
    }

    pub(super) async fn run(mut self, watch: Watch<'_>) -> Result<Done, Problem> {
        let result = self.try_once(watch).await;
        result.map_err(|mut problem| {
            let passive = self.way.orientation.passive();
            if matches!(self.stages.get(passive), Stage::Asked) {
                let link = self.links.get(passive);
                let direct = link.server.proxy_before().is_none();
                problem.waiting = self.port.filter(|_| direct).map(|port| {
                    let mut address = link.peer;
                    address.set_port(port);
                    address
                });
            }
            problem
        })
    }

    async fn try_once(&mut self, watch: Watch<'_>) -> Result<Done, Problem> {
        let (passive, active) = (
            self.way.orientation.passive(),
            self.way.orientation.active(),
        );
        let start = self.clock.now();
        self.begin(passive, Third::Passive);
        let announced = self.ready(passive).await?;
        let took = self.clock.now().saturating_duration_since(start);
        self.port = announced.map(|announced| announced.port);
        let address = announced
            .ok_or_else(|| ErrorKind::Protocol("no address to connect to".into()).into())
            .and_then(|announced| way::address(self.ends.get(passive), announced))
            .map_err(|error| Problem {
                side: Some(passive),
                error,
                other_way: true,
                stale: false,
                waiting: None,
            })?;
        self.begin(active, Third::Active(address));
        self.ready(active).await?;
        self.go(passive);
        self.refusal(took.saturating_mul(2).clamp(GRACE.0, GRACE.1))
            .await?;
        self.go(active);
        self.end(watch).await
    }

    fn begin(&mut self, side: Side, third: Third) {
        let spec = self.spec(side, third);
        *self.stages.get_mut(side) = Stage::Preparing;
        let operation = Operation::Transfer(Box::new(spec));
        self.links.get_mut(side).begin(operation);
    }

    fn spec(&self, side: Side, third: Third) -> TransferSpec {
        let (end, job) = (self.ends.get(side), self.job);
        let options = &job.options;
        let mut settings = Vec::new();
        let clear = self.way.protection == Protection::Clear;
        if end.secure {
            let level = if clear { "C" } else { "P" };
            settings.push((Setting::Protection, level.to_owned()));
        }
        let client = self.way.protection == Protection::SecureClient(side);
        let client = if client { "ON" } else { "OFF" };
        settings.push((Setting::SecureClient, client.to_owned()));
        settings.push((Setting::Type, options.type_argument().to_owned()));
        settings.push((Setting::Mode, "S".to_owned()));
        settings.push((Setting::Structure, "F".to_owned()));
        let methods = match third {
            Third::Passive => way::passive_methods(end, self.way, options.wishes.addressing),
            Third::Active(_) => way::active_methods(end, options.wishes.addressing),
        };
        let (verb, argument) = match side {
            Side::Source => (Verb::Retr, job.paths.source.clone()),
            Side::Target => (options.verb, job.paths.target.clone()),
        };
        TransferSpec {
            verb,
            argument: Some(argument),
            settings,
            restart: None,
            allocate: None,
            methods,
            third: Some(third),
        }
    }

    fn go(&mut self, side: Side) {
        *self.stages.get_mut(side) = Stage::Asked;
        self.links.get_mut(side).data_event(DataEvent::Go);
    }

    /// The next thing that a side under way has to tell.
    async fn next(&mut self) -> (Side, Event) {
        let (links, stages) = (&mut *self.links, &self.stages);
        poll_fn(|cx| {
            for side in [Side::Source, Side::Target] {
                let stage = stages.get(side);
                if matches!(stage, Stage::Idle) || stage.is_over() {
                    continue;
                }
                if let Poll::Ready(event) = links.get_mut(side).poll_event(cx) {
                    return Poll::Ready((side, event));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Waits until `side` is ready; the other may be waiting, and break meanwhile.
    async fn ready(&mut self, side: Side) -> Result<Option<Announced>, Problem> {
        loop {
            match self.next().await {
                (which, Event::Ready(announced)) if which == side => return Ok(announced),
                (which, Event::Done(result)) => {
                    let error =
                        result.map_or_else(|error| error, |_| Error::lost("over before it began"));
                    *self.stages.get_mut(which) = Stage::Bad(error.clone());
                    return Err(self.unprepared(which, error));
                }
                (_, Event::Ready(_) | Event::Begin(_)) => {}
            }
        }
    }

    /// A side failed, and nobody has been told to move anything.
    fn unprepared(&self, side: Side, error: Error) -> Problem {
        let stale = self.links.get(side).is_stale(&error);
        let sscn = matches!(
            error.kind(),
            ErrorKind::Refused { command, .. } if command.starts_with("SSCN")
        );
        let (error, other_way) = match error.kind() {
            ErrorKind::DataConnection { reason, reply }
                if side == self.way.orientation.passive() =>
            {
                let kind = ErrorKind::ThirdParty {
                    host: self.ends.get(side).host.clone(),
                    reason: reason.clone(),
                    reply: reply.clone(),
                };
                (kind.into(), true)
            }
            ErrorKind::DataConnection { .. } => (error, true),
            _ => (error, sscn),
        };
        Problem {
            side: Some(side),
            error,
            other_way,
            stale,
            waiting: None,
        }
    }

    /// Waits a little for the passive side to refuse.
    async fn refusal(&mut self, grace: Duration) -> Result<(), Problem> {
        let until = self.clock.now() + grace;
        let clock = self.clock.clone();
        while let Ok((side, event)) = clock.timeout_at(until, self.next()).await {
            self.note(side, event);
            if self.stages.get(side).is_over() {
                if let Stage::Bad(error) = self.stages.get(side) {
                    let error = error.clone();
                    return Err(self.failed(side, error));
                }
                break;
            }
            if self.stages.get(side).has_begun() {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, side: Side, event: Event) {
        let stage = self.stages.get_mut(side);
        match event {
            Event::Begin(_) => *stage = Stage::Begun,
            Event::Done(Ok(outcome)) => *stage = Stage::Good(outcome),
            Event::Done(Err(error)) => *stage = Stage::Bad(error),
            Event::Ready(_) => {}
        }
    }

    /// Waits for both final replies.
    async fn end(&mut self, mut watch: Watch<'_>) -> Result<Done, Problem> {
        let limits = &self.job.shared.limits;
        let asked = self.clock.now();
        let start_limit = self
            .job
            .options
            .start_limit
            .unwrap_or(limits.data_connection);
        let end_limit = limits.reply;
        // When the first of the two came to its end.
        let mut ended: Option<Instant> = None;
        let clock = self.clock.clone();
        loop {
            let (source, target) = (&self.stages.source, &self.stages.target);
            let bad = matches!(source, Stage::Bad(_)) || matches!(target, Stage::Bad(_));
            if source.is_over() && target.is_over() {
                break;
            }
            let both_begun = source.has_begun() && target.has_begun();
            let deadline = match ended {
                Some(at) if bad => Some(at + LAST_WORDS),
                _ if !both_begun => Some(asked + start_limit),
                Some(at) => Some(at + end_limit),
                None => None,
            };
            let late = async {
                match deadline {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let moving = both_begun && ended.is_none();
            let event = tokio::select! { biased;
                event = self.next() => event,
                () = late => break,
                span = &mut watch, if moving => return Err(self.stalled(span)),
            };
            self.note(event.0, event.1);
            if self.stages.get(event.0).is_over() {
                ended.get_or_insert(clock.now());
            }
        }
        if let (Stage::Good(source), Stage::Good(target)) =
            (&mut self.stages.source, &mut self.stages.target)
        {
            return Ok(Done {
                outcomes: Both {
                    source: std::mem::take(source),
                    target: std::mem::take(target),
                },
            });
        }
        let soon = clock.now().saturating_duration_since(asked) < start_limit;
        let mut problem = self.cause(start_limit, end_limit);
        let sent = matches!(self.stages.source, Stage::Good(_));
        if sent && problem.side == Some(Side::Target) && self.way.source_begins_tls() {
            problem.error = with_tickets(problem.error);
        }
        // Servers say in many ways that they could not agree on TLS, down to a crash; the other may be a better client.
        let aborted = matches!(problem.error.kind(), ErrorKind::Aborted { .. });
        if soon && aborted && self.way.protection != Protection::Clear {
            problem.other_way |= self.may_repeat();
        }
        Err(problem)
    }

    fn stalled(&self, span: Duration) -> Problem {
        let error = ErrorKind::Aborted {
            reason: format!("the file has not grown for {span:?}"),
            reply: None,
        };
        Problem {
            side: Some(Side::Target),
            error: error.into(),
            other_way: false,
            stale: false,
            waiting: None,
        }
    }

    /// Which of the failures is the reason of the others. A refusal of the file is; no connection is where there is none;
    /// what broke is the other's fault more often than not.
    fn cause(&self, start_limit: Duration, end_limit: Duration) -> Problem {
        let bad = |side: Side| match self.stages.get(side) {
            Stage::Bad(error) => Some((side, error.clone())),
            _ => None,
        };
        let both: Vec<(Side, Error)> = [Side::Source, Side::Target]
            .into_iter()
            .filter_map(bad)
            .collect();
        let of = |wanted: fn(&ErrorKind) -> bool| {
            let found = both.iter().find(|(_, error)| wanted(error.kind()));
            found.cloned()
        };
        let refused = of(|kind| matches!(kind, ErrorKind::Refused { .. }));
        let unconnected = of(|kind| matches!(kind, ErrorKind::DataConnection { .. }));
        // In order of what it tells.
        let first = refused.or(unconnected).or_else(|| both.first().cloned());
        if let Some((side, error)) = first {
            return self.failed(side, error);
        }
        // Nobody said no; somebody said nothing.
        let (passive, active) = (
            self.way.orientation.passive(),
            self.way.orientation.active(),
        );
        let silent = |side: Side| !self.stages.get(side).has_begun();
        let (side, reason) = if silent(passive) {
            (
                passive,
                format!("it took no connection from the other server within {start_limit:?}"),
            )
        } else if silent(active) {
            (
                active,
                format!("it made no connection to the other server within {start_limit:?}"),
            )
        } else {
            let side = match self.stages.get(Side::Source) {
                Stage::Good(_) => Side::Target,
                _ => Side::Source,
            };
            let error = ErrorKind::Aborted {
                reason: format!("no final reply within {end_limit:?} of the other server's"),
                reply: None,
            };
            return Problem {
                side: Some(side),
                error: error.into(),
                other_way: false,
                stale: false,
                waiting: None,
            };
        };
        let error = ErrorKind::ThirdParty {
            host: self.ends.get(side).host.clone(),
            reason,
            reply: None,
        };
        Problem {
            side: Some(side),
            error: error.into(),
            other_way: self.may_repeat(),
            stale: false,
            waiting: None,
        }
    }

    /// A side failed after the passive one at least had been told what to move.
    fn failed(&self, side: Side, error: Error) -> Problem {
        let unconnected = match error.kind() {
            ErrorKind::DataConnection { .. } => true,
            // 425 behind a 150: TLS could not be agreed on.
            ErrorKind::Aborted { reply, .. } => {
                let code = reply.as_ref().map(|reply| reply.code().get());
                matches!(code, Some(425 | 522))
                    || matches!(self.stages.get(side.other()), Stage::Asked)
            }
            _ => false,
        };
        Problem {
            side: Some(side),
            error,
            other_way: unconnected && self.may_repeat(),
            stale: false,
            waiting: None,
        }
    }

    /// Whether the target may be told a second time.
    fn may_repeat(&self) -> bool {
        let told = !matches!(
            self.stages.get(Side::Target),
            Stage::Idle | Stage::Preparing
        );
        self.job.options.verb == Verb::Stor || !told
    }
}

/// The same error, if a connection that broke is what it is about, with what may have broken it.
fn with_tickets(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Aborted { reason, reply } => ErrorKind::Aborted {
            reason: format!("{reason} ({})", way::TICKETS),
            reply: reply.clone(),
        }
        .into(),
        _ => error,
    }
}

/// Gets both connections back in step, and says whether they are.
///
/// A server that waits for a data connection does not hear `ABOR` (vsftpd, Pure-FTPd), and may keep the file locked
/// meanwhile. It gets one from here, which is reset at once.
pub(super) async fn recover(links: &mut Links, waiting: Option<SocketAddr>) -> bool {
    if let Some(address) = waiting {
        let net = links.source.net.clone();
        if let Ok(Ok(stream)) = net.clock().timeout(POKE, net.connect_tcp(address)).await {
            reset(&stream);
        }
    }
    let (source, target) = (&mut links.source, &mut links.target);
    let (one, other) = tokio::join!(recover_one(source), recover_one(target));
    one && other
}

/// Gives back what is in step and closes what is not: a server that does not listen to `ABOR` notices that.
pub(super) fn release(links: Links) {
    for lease in [links.source, links.target] {
        if !lease.session.is_idle() {
            lease.abandon();
        }
    }
}

async fn recover_one(lease: &mut Lease) -> bool {
    if lease.session.is_idle() {
        return true;
    }
    if lease.session.dead().is_some() {
        return false;
    }
    let clock = lease.net.clock();
    let recovered = clock.timeout(DRAIN, lease.run(Operation::Recover)).await;
    matches!(recovered, Ok(Ok(_))) && lease.session.is_idle()
}
