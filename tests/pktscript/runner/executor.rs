//! What a stack has to offer to be scripted.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ast::{Call, Side};

/// A stack under test, with its clock.
///
/// Times are counted from the start of the script. No call waits: a call that would have to gives `EAGAIN`, and the
/// runner repeats it when something may have changed.
pub trait Executor {
    /// Which side this is.
    fn side(&self) -> Side;

    /// The time now.
    fn now(&self) -> Duration;

    /// Lets time pass until the stack sends a packet or something else may have changed, at most until `until`.
    /// `watch` says that somebody waits for a socket.
    ///
    /// # Errors
    /// When the machinery breaks, not the stack.
    fn step(&mut self, until: Duration, watch: bool) -> Result<Step, String>;

    /// Hands the stack an IP packet from its peer.
    ///
    /// # Errors
    /// When the machinery breaks, not the stack.
    fn inject(&mut self, packet: &[u8]) -> Result<(), String>;

    /// Makes a socket call.
    ///
    /// # Errors
    /// [`Failure::Error`] is the call's own error.
    fn call(&mut self, call: &Call, data: &[u8], wanted: Option<u32>) -> Result<Value, Failure>;

    /// The fields of `TCP_INFO` of a socket, by the names of the reference card.
    ///
    /// # Errors
    /// When this side cannot tell.
    fn tcp_info(&mut self, socket: u32) -> Result<BTreeMap<&'static str, u64>, String>;

    /// How much a counter has grown since the script began.
    ///
    /// # Errors
    /// When this side has no such counter.
    fn counter(&mut self, name: &str) -> Result<u64, String>;

    /// How often an event has been raised since the script began.
    ///
    /// # Errors
    /// When this side has no such event.
    fn event(&mut self, name: &str) -> Result<u64, String>;

    /// How far from its time something may be that was due so long after the thing before.
    fn tolerance(&self, wait: Duration) -> Duration;
}

/// Why time stopped passing.
#[derive(Clone, Debug)]
pub enum Step {
    /// The stack sent this packet at that time.
    Packet(Duration, Vec<u8>),
    /// A socket may have become ready.
    Changed,
    /// It is as late as asked.
    Reached,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(i64),
    /// Octets that were read.
    Octets(Vec<u8>),
    /// Names, sorted.
    Words(Vec<String>),
}

/// Why a call gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The call failed with this error, by its name.
    Error(String),
    /// The machinery broke, or cannot do this.
    Broken(String),
}

impl Failure {
    /// Whether the call would have had to wait.
    #[must_use]
    pub fn would_block(&self) -> bool {
        matches!(self, Self::Error(name) if name == "EAGAIN" || name == "EINPROGRESS")
    }
}
