//! The signals by which a daemon is told what to do.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// SIGTERM, SIGINT, SIGQUIT: end.
    End,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals of every daemon.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches all of them; to be called before anything can be lost to one.
    ///
    /// # Errors
    /// The system says no.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next; the end first, if there are several.
    ///
    /// # Cancel safety
    /// No signal is lost.
    pub async fn next(&mut self) -> Told {
        tokio::select! { biased;
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
            _ = self.quit.recv() => Told::End,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}
