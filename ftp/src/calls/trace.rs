//! The trace: what is said on the control connections, in a file (`ftp-api` §4.6).
//!
//! A line each, with the time, the server and the direction:
//!
//! ```text
//! 2026-11-26T23:42:38Z anna@ftp.example.org:21 > PASS ****
//! 2026-11-26T23:42:38Z anna@ftp.example.org:21 < 230 welcome
//! ```

use super::{Calls, TraceMode};
use crate::server::Server;
use crate::session::Note;
use fairway_stack::{CreateOptions, File, Net, Task};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Lines that may wait to be written; what comes while so many do is left out.
const WAITING: usize = 4096;

/// Why there is no trace, with the classic numbers (`ftp-api` §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// `TRCMODE`: there is no such mode.
    #[error("no such trace mode")]
    Mode,
    /// `TRCOPEN`: the file cannot be opened.
    #[error("trace file: {0}")]
    Open(fairway_stack::NetError),
}

impl TraceError {
    /// 1 or 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Mode => 1,
            Self::Open(_) => 2,
        }
    }
}

/// A trace that is being written.
pub(super) struct TraceFile(Task<()>);

impl Calls {
    /// Begins to record the commands and replies of all control connections in `file` (`ftptrcon`), passwords masked. A
    /// trace that is on already goes on in the new file. Writing that fails is not told.
    ///
    /// # Errors
    /// [`TraceError::Open`].
    ///
    /// # Cancel safety
    /// The trace is on or off.
    pub async fn trace_on(
        &self,
        file: impl AsRef<Path>,
        mode: TraceMode,
    ) -> Result<(), TraceError> {
        let net = self.client.net();
        let options = match mode {
            TraceMode::Overlay => CreateOptions::TRUNCATE,
            TraceMode::Append => CreateOptions::APPEND,
        };
        // Commands may hold what is nobody else's business.
        let options = options.mode(0o600);
        let mut trace = self.state.trace.lock().await;
        let file = net.files().create(file, options).await;
        let file = file.map_err(TraceError::Open)?;
        let (lines, written) = mpsc::channel(WAITING);
        let clock = net.clock();
        self.client
            .set_trace(Some(Arc::new(move |server: &Server, note: &Note| {
                let now = Timestamp::try_from(clock.wall()).unwrap_or(Timestamp::UNIX_EPOCH);
                // A trace with a gap is better than a transfer that waits for a disk.
                let _ = lines.try_send(line(now, server, note));
            })));
        let former = trace.replace(TraceFile(start(net, file, written)));
        if let Some(former) = former {
            // Its sink is gone: it ends when all is written.
            let _ = former.0.await;
        }
        Ok(())
    }

    /// Ends the trace, and waits until all of it is in the file (`ftptrcoff`). Without one, nothing happens.
    ///
    /// # Cancel safety
    /// The rest is written later.
    pub async fn trace_off(&self) {
        let mut trace = self.state.trace.lock().await;
        let Some(former) = trace.take() else { return };
        self.client.set_trace(None);
        let _ = former.0.await;
    }
}

fn line(now: Timestamp, server: &Server, note: &Note) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match note {
        Note::Sent(command) => {
            // What a raw line holds beyond printable characters must not look like lines of ours.
            let command = command.replace(char::is_control, "\u{fffd}");
            writeln!(text, "{now:.0} {server} > {command}")
        }
        Note::Received(reply) => {
            let code = reply.code().get();
            let lines = reply.lines();
            let last = lines.count().saturating_sub(1);
            reply.lines().enumerate().try_for_each(|(at, line)| {
                let mark = if at == last { ' ' } else { '-' };
                let line = String::from_utf8_lossy(line);
                let line = line.replace(char::is_control, "\u{fffd}");
                writeln!(text, "{now:.0} {server} < {code}{mark}{line}")
            })
        }
    };
    text
}

/// Writes `lines` to `file` until there are no more.
fn start(net: &Net, file: File, mut lines: mpsc::Receiver<String>) -> Task<()> {
    net.spawn(async move {
        let mut offset = file.len().await.unwrap_or(0);
        let mut room = Vec::new();
        let mut ready = Vec::with_capacity(64);
        while lines.recv_many(&mut ready, 64).await > 0 {
            room.clear();
            for line in ready.drain(..) {
                room.extend_from_slice(line.as_bytes());
            }
            let length = room.len() as u64;
            room = match file.write_at(offset, room).await {
                Ok(room) => room,
                // ftp-api §4.6: a failed write of trace data is not reported.
                Err(error) => {
                    tracing::debug!(%error, "trace is not written");
                    Vec::new()
                }
            };
            offset += length;
        }
    })
}
