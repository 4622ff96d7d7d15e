//! The sessions of this process, and the one connection to the daemon that they share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fairway_rsvp::api::client::blocking::Client;
use fairway_rsvp::api::client::{Asked, CallError, Notice, SessionId, socket_path};
use fairway_rsvp::api::{Event, ReserveCall, SOCKET_PATH, SenderCall};
use fairway_rsvp::wire::Session;

use crate::code::{Code, later};
use crate::ffi::is_secure;
use crate::upcall::{Arguments, Form, Routine, arguments, refusal};

/// What is known of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registration {
    pub(crate) form: Form,
    pub(crate) routine: Option<Routine>,
    /// The program's own argument: an address, given back and never looked at.
    pub(crate) argument: usize,
    pub(crate) destination: SocketAddr,
}

/// A session that is open, and its connection.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    client: Arc<Client>,
    id: SessionId,
    pub(crate) registration: Registration,
}

#[derive(Debug)]
struct Registry {
    /// The process that all this is of.
    process: u32,
    client: Option<Arc<Client>>,
    sessions: BTreeMap<u32, Registration>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    process: 0,
    client: None,
    sessions: BTreeMap::new(),
});

/// Never held during an upcall, nor while the daemon is waited for, except by who opens a session.
fn registry() -> MutexGuard<'static, Registry> {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if registry.process != process {
        // After a fork: sessions and connection are the parent's. What is dropped here is this process's share.
        *registry = Registry {
            process,
            client: None,
            sessions: BTreeMap::new(),
        };
    }
    registry
}

/// Why a session was not opened, with the system's number if it is the system's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOpened(pub(crate) Code, pub(crate) Option<i32>);

/// Where the daemon is.
fn path() -> PathBuf {
    if is_secure() {
        SOCKET_PATH.into()
    } else {
        socket_path()
    }
}

/// Opens a session.
pub(crate) fn open(session: Session, registration: Registration) -> Result<u32, NotOpened> {
    // Held until the session is entered: no event of it is delivered before.
    let mut registry = registry();
    let client = if let Some(client) = &registry.client {
        Arc::clone(client)
    } else {
        let made =
            Client::new(path()).map_err(|error| NotOpened(Code::SYSCALL, error.raw_os_error()))?;
        Arc::clone(registry.client.insert(Arc::new(made)))
    };
    let id = client
        .open(session)
        .map_err(|error| NotOpened(Code::of(error), None))?;
    registry.sessions.insert(id.0, registration);
    Ok(id.0)
}

/// The session of a number.
pub(crate) fn session(number: u32) -> Result<Opened, Code> {
    let registry = registry();
    let client = registry.client.as_ref().ok_or(Code::BADSID)?;
    let registration = registry.sessions.get(&number).ok_or(Code::BADSID)?;
    Ok(Opened {
        client: Arc::clone(client),
        id: SessionId(number),
        registration: *registration,
    })
}

impl Opened {
    pub(crate) fn is_v6(&self) -> bool {
        self.registration.destination.is_ipv6()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Becomes a sender. That it cannot be one here is told later.
    pub(crate) fn sender(&self, call: SenderCall) -> Code {
        let (sender, tspec) = (call.template, call.tspec);
        self.told(self.client.sender(self.id, call), |error| {
            Event::PathError {
                error,
                sender,
                tspec: Some(tspec),
            }
        })
    }

    pub(crate) fn withdraw(&self) -> Code {
        self.client
            .withdraw(self.id)
            .map_or_else(Code::of, |()| Code::OK)
    }

    /// Reserves. That the interface is not one of this host is told later.
    pub(crate) fn reserve(&self, call: ReserveCall) -> Code {
        let (style, filters) = (call.style, call.filters.clone());
        let flowspec = call.flowspecs.first().copied();
        self.told(self.client.reserve(self.id, call), |error| {
            Event::ResvError {
                error,
                style,
                filters,
                flowspec,
            }
        })
    }

    /// The code of a result; of some refusals, an event instead.
    fn told(
        &self,
        result: Result<(), CallError>,
        event: impl FnOnce(fairway_rsvp::wire::ErrorSpec) -> Event,
    ) -> Code {
        let error = match result {
            Ok(()) => return Code::OK,
            Err(error) => error,
        };
        if let CallError::Refused(refused) = error
            && let Some((code, value)) = later(refused)
        {
            let event = event(refusal(self.is_v6(), code, value));
            self.client.add_notice(self.id, Notice::Event(event));
            return Code::OK;
        }
        Code::of(error)
    }

    pub(crate) fn release(&self) -> Code {
        // No upcall after this.
        registry().sessions.remove(&self.id.0);
        self.client
            .release(self.id)
            .map_or_else(Code::of, |()| Code::OK)
    }
}

/// Delivers what waits.
pub(crate) fn dispatch(mut deliver: impl FnMut(u32, Registration, Routine, Arguments)) -> Code {
    let client = registry().client.clone();
    let Some(client) = client else {
        return Code::OK;
    };
    let mut all_readable = true;
    let dispatched = client.dispatch(|id, notice| {
        let is_lost = matches!(
            notice,
            Notice::Lost {
                what: Asked::Session,
                ..
            }
        );
        all_readable &= notice != Notice::Unreadable;
        let registration = {
            let mut registry = registry();
            if is_lost {
                registry.sessions.remove(&id.0)
            } else {
                registry.sessions.get(&id.0).copied()
            }
        };
        let Some(registration) = registration else {
            return;
        };
        let is_v6 = registration.destination.is_ipv6();
        if let Some(routine) = registration.routine
            && let Some(arguments) = arguments(&notice, registration.form, is_v6)
        {
            deliver(id.0, registration, routine, arguments);
        }
    });
    match dispatched {
        Err(_) => Code::NORSVP,
        Ok(()) if all_readable => Code::OK,
        Ok(()) => Code::INVAL,
    }
}
