//! What the machines of the operations share: saying something, and knowing what is set.

use super::transfer::Announced;
use super::truth::Truth;
use crate::command::Command;
use crate::error::Error;
use crate::feature::Features;
use crate::reply::{Reply, ReplyLimits};
use fairway_stack::Instant;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// How a session behaves.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Who this is, for errors.
    pub host: String,
    /// How long a reply may take.
    pub reply_limit: Duration,
    /// How often a `NOOP` is sent in a transfer, if ever.
    pub keep_alive: Option<Duration>,
    /// How much of a reply is kept.
    pub replies: ReplyLimits,
    /// Whether [`Output::Note`]s are wanted.
    pub notes: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            reply_limit: Duration::from_secs(60),
            keep_alive: Some(Duration::from_secs(30)),
            replies: ReplyLimits::default(),
            notes: false,
        }
    }
}

/// What is to be done, or has happened.
#[derive(Debug)]
pub enum Output {
    /// Octets for the control connection, all of them, in this order.
    Transmit(Vec<u8>),
    /// Begin TLS on the control connection; answer with `handle_tls`. Nothing may be left unread before it.
    StartTls,
    /// End TLS on the control connection (RFC 4217 §12.3 CCC); answer with `handle_tls`.
    StopTls,
    /// Make a data connection to the server; answer with [`DataEvent::Connected`] or [`DataEvent::Failed`].
    Connect(Announced),
    /// Listen for one; answer with [`DataEvent::Listening`] or [`DataEvent::Failed`]. When the server has connected:
    /// [`DataEvent::Connected`].
    Listen,
    /// For a transfer between servers: where the passive side listens, or that the active side knows where to connect.
    /// Answer with [`DataEvent::Go`].
    Ready(Option<Announced>),
    /// The server has begun: octets may flow.
    Begin(Reply),
    /// A further preliminary reply, such as a restart marker (110).
    Preliminary(Reply),
    /// The data connection, or the attempt, is of no use any more.
    DropData,
    /// Something said or heard, for a trace.
    Note(Note),
    /// The operation is over.
    Done(Result<Outcome, Error>),
}

/// A line of a trace.
#[derive(Clone, Debug)]
pub enum Note {
    /// A command, its secrets masked.
    Sent(String),
    /// A reply.
    Received(Reply),
}

/// What became of the data connection.
#[derive(Clone, Debug)]
pub enum DataEvent {
    /// It is there.
    Connected,
    /// We listen here.
    Listening(SocketAddr),
    /// It did not come about.
    Failed(String),
    /// All octets have passed: the server closed it (download), or we did (upload).
    Ended,
    /// It broke.
    Broken(String),
    /// Both sides of a transfer between servers are ready.
    Go,
}

/// What an operation gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The replies that ended its commands, in order; of a transfer, the final one.
    pub replies: Vec<Reply>,
    /// The preliminary reply of a transfer.
    pub begun: Option<Reply>,
    /// The way in which the data connection was made.
    pub method: Option<super::Method>,
}

/// The conversation: what is known, and what is to be sent.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) config: SessionConfig,
    pub(crate) truth: Truth,
    pub(crate) features: Features,
    pub(crate) out: VecDeque<Output>,
    /// When the reply that is awaited is late.
    pub(crate) late_at: Option<Instant>,
    /// Something was said while the octets at hand were read: what else is among them was not said in answer to it.
    pub(crate) spoken: bool,
    line: Vec<u8>,
}

impl Talk {
    pub(crate) fn new(config: SessionConfig) -> Self {
        Self {
            config,
            truth: Truth::new(),
            features: Features::default(),
            out: VecDeque::new(),
            late_at: None,
            spoken: false,
            line: Vec::new(),
        }
    }

    /// Says `command`, and awaits a reply.
    pub(crate) fn say(&mut self, now: Instant, command: &Command) {
        self.mention(command);
        self.await_reply(now);
        self.spoken = true;
    }

    /// Says `command` beside what is going on; its reply is awaited by nobody.
    pub(crate) fn mention(&mut self, command: &Command) {
        tracing::trace!(host = %self.config.host, %command, "sent");
        if self.config.notes {
            self.out
                .push_back(Output::Note(Note::Sent(command.to_string())));
        }
        self.line.clear();
        command.encode(&mut self.line);
        self.out.push_back(Output::Transmit(self.line.clone()));
    }

    /// Takes back what was to be done, and not what was to be said: it is of no use any more. With `reports`, what was
    /// to be told of the last operation too: whoever was to hear it has gone.
    pub(crate) fn take_back(&mut self, reports: bool) {
        self.out.retain(|output| match output {
            Output::Transmit(_) | Output::DropData | Output::Note(_) => true,
            Output::Done(_) => !reports,
            Output::StartTls
            | Output::StopTls
            | Output::Connect(_)
            | Output::Listen
            | Output::Ready(_)
            | Output::Begin(_)
            | Output::Preliminary(_) => false,
        });
    }

    /// A reply is due from now on.
    pub(crate) fn await_reply(&mut self, now: Instant) {
        self.late_at = Some(now + self.config.reply_limit);
    }
}

/// What a machine says of its own end.
pub(crate) type End = Option<Result<Outcome, Error>>;
