//! Single answers: to a call of procedure 0, to a broadcast, and to a wish to delete.

use std::fmt;

use serde::Serialize;

/// The answer, or not, to a call of procedure 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ping {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// Whether it answered.
    pub available: bool,
    /// Why not, in the C library's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.available {
            "ready and waiting"
        } else {
            "is not available"
        };
        writeln!(
            f,
            "program {} version {} {state}",
            self.program, self.version
        )
    }
}

/// A host that answered a broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Universal address of the program there.
    pub address: String,
    /// The host's name, if it has one.
    pub host: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\t{}",
            self.address,
            self.host.as_deref().unwrap_or("unknown")
        )
    }
}

/// What `rpcinfo -d` deleted. The classic tool says nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// Kind of transport; `None` if all were meant.
    pub netid: Option<String>,
}

impl fmt::Display for Deleted {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
