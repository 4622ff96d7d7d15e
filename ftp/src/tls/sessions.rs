//! The sessions of one control connection, and how often each may be resumed.

use fairway_stack::Clock;
use rustls::client::{
    ClientConnectionData, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::kernel::KernelConnection;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ConnectionTrafficSecrets, Error, NamedGroup};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// Tickets kept; the oldest goes first.
const MAX_TICKETS: usize = 8;

/// The longest a ticket may be used, RFC 8446 §4.6.1.
const MAX_LIFETIME: u64 = 7 * 24 * 60 * 60;

/// The sessions of one control connection and its data connections.
pub(super) struct Sessions {
    clock: Clock,
    state: Mutex<State>,
    /// A ticket that had been used before was refused.
    reuse_refused: AtomicBool,
    /// A ticket has come.
    seen: AtomicBool,
}

#[derive(Default)]
struct State {
    tls12: Option<Tls12ClientSessionValue>,
    tickets: VecDeque<Ticket>,
    /// What the last ticket was made into, on its way to the handshake.
    made: Option<Tls13ClientSessionValue>,
    group: Option<NamedGroup>,
    /// Whether the ticket given out last had been given out before.
    last_was_used: bool,
}

/// A `NewSessionTicket` of TLS 1.3, and the connection it came on, which makes sessions out of it.
struct Ticket {
    origin: Arc<Origin>,
    /// RFC 8446 §4.6.1, from `ticket_lifetime` on.
    message: Vec<u8>,
    received: u64,
    lifetime: u64,
    used: bool,
}

impl Sessions {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            reuse_refused: AtomicBool::new(false),
            seen: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket arrived on the connection `origin`.
    ///
    /// # Errors
    /// If the message is malformed.
    pub(super) fn add_ticket(&self, origin: &Arc<Origin>, message: &[u8]) -> Result<(), Error> {
        self.seen.store(true, Ordering::Relaxed);
        let received = seconds(&self.clock);
        let mut ticket = Ticket {
            origin: Arc::clone(origin),
            message: message.to_vec(),
            received,
            lifetime: 0,
            used: false,
        };
        // Checks the message, too; what comes out is made anew when it is needed.
        ticket.session()?;
        let mut state = self.state();
        state.made = None;
        if let Some(&lifetime) = message.first_chunk() {
            ticket.lifetime = u64::from(u32::from_be_bytes(lifetime)).min(MAX_LIFETIME);
        }
        // RFC 8446 §4.6.1: "The value of zero indicates that the ticket should be discarded immediately."
        if ticket.lifetime > 0 {
            if state.tickets.len() == MAX_TICKETS {
                state.tickets.pop_front();
            }
            state.tickets.push_back(ticket);
        }
        Ok(())
    }

    /// Tickets never used, not expired.
    pub(super) fn fresh(&self) -> usize {
        let now = seconds(&self.clock);
        let state = self.state();
        let fresh = state
            .tickets
            .iter()
            .filter(|ticket| ticket.is_alive(now) && !ticket.used);
        fresh.count()
    }

    /// Whether the server has ever given a ticket.
    pub(super) fn has_seen_tickets(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    /// Whether the next handshake can try to resume.
    pub(super) fn can_resume(&self) -> bool {
        let reuse = !self.reuse_refused.load(Ordering::Relaxed);
        let now = seconds(&self.clock);
        let state = self.state();
        let mut alive = state.tickets.iter().filter(|ticket| ticket.is_alive(now));
        state.tls12.is_some() || alive.any(|ticket| reuse || !ticket.used)
    }

    /// A handshake is over that had something to resume: what became of it.
    pub(super) fn note_outcome(&self, resumed: bool) {
        let mut state = self.state();
        if std::mem::take(&mut state.last_was_used) && !resumed {
            self.reuse_refused.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Sessions")
            .field("tls12", &state.tls12.is_some())
            .field("tickets", &state.tickets.len())
            .finish_non_exhaustive()
    }
}

/// One server only, so names do not matter.
impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.state().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.state().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.state().tls12 = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.state().tls12.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.state().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.state().made = Some(value);
    }

    /// A session made of the newest ticket that was never used, or else of the newest.
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let now = seconds(&self.clock);
        let ticket = {
            let mut state = self.state();
            state.tickets.retain(|ticket| ticket.is_alive(now));
            state.last_was_used = false;
            let fresh = state.tickets.iter_mut().rfind(|ticket| !ticket.used);
            let was_used = fresh.is_none();
            let ticket = match fresh {
                Some(ticket) => ticket,
                None => state.tickets.back_mut()?,
            };
            ticket.used = true;
            let ticket = ticket.clone();
            state.last_was_used = was_used;
            ticket
        };
        // Which ends in `insert_tls13_ticket`.
        ticket.session().ok()?;
        self.state().made.take()
    }
}

impl Clone for Ticket {
    fn clone(&self) -> Self {
        Self {
            origin: Arc::clone(&self.origin),
            message: self.message.clone(),
            ..*self
        }
    }
}

impl Ticket {
    fn is_alive(&self, now: u64) -> bool {
        now.saturating_sub(self.received) < self.lifetime
    }

    /// Makes a session of the ticket; it goes where the connection's configuration says, which is back to us.
    fn session(&self) -> Result<(), Error> {
        let mut kernel = self.origin.kernel();
        // RFC 8446 §4.2.11.1: the age of a ticket counts from when it was received.
        self.origin.stamp.set(self.received);
        kernel.handle_new_session_ticket(&self.message)
    }
}

/// What is left of a connection's handshake: it can make sessions of tickets, and further keys.
pub(super) struct Origin {
    kernel: Mutex<KernelConnection<ClientConnectionData>>,
    /// The time this connection believes it is.
    stamp: Arc<Stamp>,
}

impl Origin {
    pub(super) fn new(kernel: KernelConnection<ClientConnectionData>, stamp: Arc<Stamp>) -> Self {
        Self {
            kernel: Mutex::new(kernel),
            stamp,
        }
    }

    fn kernel(&self) -> MutexGuard<'_, KernelConnection<ClientConnectionData>> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next key to send with.
    pub(super) fn next_sending(&self) -> Result<(u64, ConnectionTrafficSecrets), Error> {
        self.kernel().update_tx_secret()
    }

    /// The next key to receive with.
    pub(super) fn next_receiving(&self) -> Result<(u64, ConnectionTrafficSecrets), Error> {
        self.kernel().update_rx_secret()
    }
}

/// The time of one connection: the clock's during the handshake, afterwards that of the ticket at hand.
#[derive(Debug)]
pub(super) struct Stamp {
    clock: Clock,
    /// Seconds since 1970; 0 for the clock's.
    seconds: AtomicU64,
}

impl Stamp {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            seconds: AtomicU64::new(0),
        }
    }

    fn set(&self, seconds: u64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }
}

impl TimeProvider for Stamp {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = match self.seconds.load(Ordering::Relaxed) {
            0 => seconds(&self.clock),
            seconds => seconds,
        };
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Seconds since 1970.
fn seconds(clock: &Clock) -> u64 {
    let since = clock.wall().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
