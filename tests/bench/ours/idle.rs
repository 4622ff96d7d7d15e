//! Thousands of connections that say nothing.

use std::net::TcpStream;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::lab::{Error, env_number, put, resident};
use crate::ours::slow;

/// Lets this process and its children have as many files as they may.
pub(crate) fn raise_file_limit() -> Result<(), Error> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}

/// Opens `many` connections to the server whose process `SRV_PID` names; prints its memory for each, and the 99th percentile of calls on a
/// new one.
pub(crate) fn run(port: u16, many: usize) -> Result<(), Error> {
    raise_file_limit()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a process id"
    )]
    let server = env_number("SRV_PID", 0.0) as u32;
    let connect = || TcpStream::connect(("127.0.0.1", port));
    // What the first connection of all costs is not the tenth thousand's.
    slow::calls(connect()?)?;
    let before = resident(server).ok_or("no server")?;
    let idle = (0..many)
        .map(|_| connect())
        .collect::<Result<Vec<_>, _>>()?;
    let took = slow::calls(connect()?)?;
    let after = resident(server).ok_or("no server")?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = (after - before) / 1024.0 / idle.len() as f64;
    put("ours.idle.memory", each, "KiB");
    put("ours.idle.p99", took, "ms");
    Ok(())
}
