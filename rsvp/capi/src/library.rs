//! The sessions of this process, and the one connection to the daemon that they share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use fairway_rsvp::api::client::blocking::Client;
use fairway_rsvp::api::client::{Asked, CallError, Notice, SessionId, socket_path};
use fairway_rsvp::api::{Event, ReserveCall, SOCKET_PATH, SenderCall};
use fairway_rsvp::wire::{Sender, Session, Style};

use crate::code::{Code, later};
use crate::ffi::{is_secure, leave_connections_to_parents};
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

/// A session of this process.
#[derive(Debug)]
struct Entry {
    registration: Registration,
    heard: Heard,
}

/// What a program was told last, as far as it is something: a daemon that is started anew does not say what has gone.
#[derive(Debug, Default)]
struct Heard {
    has_senders: bool,
    /// Style and filters of what is reserved.
    reservation: Option<(Style, Vec<Sender>)>,
}

impl Heard {
    /// What a program is to be told for a notice.
    fn upcalls(&mut self, notice: Notice) -> Vec<Notice> {
        match &notice {
            Notice::Event(Event::Path(senders)) => self.has_senders = !senders.is_empty(),
            Notice::Event(Event::Resv {
                style,
                filters,
                flowspec,
            }) => self.reservation = flowspec.map(|_| (*style, filters.clone())),
            Notice::Reestablished => return self.gone().map(Notice::Event).collect(),
            _ => {}
        }
        vec![notice]
    }

    /// All of it has gone; what there is now follows.
    fn gone(&mut self) -> impl Iterator<Item = Event> {
        let Self {
            has_senders,
            reservation,
        } = core::mem::take(self);
        let path = has_senders.then(|| Event::Path(Vec::new()));
        let resv = reservation.map(|(style, filters)| Event::Resv {
            style,
            filters,
            flowspec: None,
        });
        path.into_iter().chain(resv)
    }
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
    client: Option<Arc<Client>>,
    sessions: BTreeMap<u32, Entry>,
    /// Upcalls that are running: of which session, in which thread.
    delivering: Vec<(u32, ThreadId)>,
}

/// What there is of one process. Whatever calls other threads were in when it forked, a child begins with one of its
/// own: it does not wait for a lock that nobody is left to give back.
#[derive(Debug)]
struct Process {
    number: u32,
    registry: Mutex<Registry>,
    /// Told when an upcall has ended.
    delivered: Condvar,
    /// Of the child that this is the past of.
    next: OnceLock<Box<Process>>,
}

static FIRST: OnceLock<Process> = OnceLock::new();

impl Process {
    fn new() -> Self {
        Self {
            number: std::process::id(),
            registry: Mutex::new(Registry {
                client: None,
                sessions: BTreeMap::new(),
                delivering: Vec::new(),
            }),
            delivered: Condvar::new(),
            next: OnceLock::new(),
        }
    }

    /// That of this process, the last of all.
    fn current() -> &'static Self {
        let mut last = FIRST.get_or_init(Self::new);
        while let Some(next) = last.next.get() {
            last = next;
        }
        if last.number == std::process::id() {
            return last;
        }
        let made = last.next.get_or_init(|| Box::new(Self::new()));
        // Sessions and connection are the parent's. What is dropped here is this process's share; while the parent was
        // about to change it, it is left alone.
        let share = last.registry.try_lock().ok().map(|mut registry| {
            registry.sessions.clear();
            registry.client.take()
        });
        drop(share);
        made
    }

    /// Never held during an upcall, nor while the daemon is waited for.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    Process::current().registry()
}

/// An upcall that is running.
#[derive(Debug)]
struct Delivery {
    process: &'static Process,
    mark: (u32, ThreadId),
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.process.number != std::process::id() {
            return; // the program forked in it: this is the child
        }
        let mut registry = self.process.registry();
        let at = registry.delivering.iter().rposition(|of| *of == self.mark);
        if let Some(at) = at {
            registry.delivering.remove(at);
        }
        self.process.delivered.notify_all();
    }
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
    let client = {
        let mut registry = registry();
        if let Some(client) = &registry.client {
            Arc::clone(client)
        } else {
            leave_connections_to_parents()
                .map_err(|error| NotOpened(Code::SYSCALL, Some(error)))?;
            let made = Client::new(path())
                .map_err(|error| NotOpened(Code::SYSCALL, error.raw_os_error()))?;
            Arc::clone(registry.client.insert(Arc::new(made)))
        }
    };
    let mut entered = None;
    // Before any event of it can be delivered.
    let opened = client.open_named(session, |id| {
        let entry = Entry {
            registration,
            heard: Heard::default(),
        };
        registry().sessions.insert(id.0, entry);
        entered = Some(id.0);
    });
    match opened {
        Ok(id) => Ok(id.0),
        Err(error) => {
            if let Some(number) = entered {
                registry().sessions.remove(&number);
            }
            Err(match error {
                CallError::Unreachable(errno) => NotOpened(Code::SYSCALL, Some(errno)),
                error => NotOpened(Code::of(error), None),
            })
        }
    }
}

/// The session of a number.
pub(crate) fn session(number: u32) -> Result<Opened, Code> {
    let registry = registry();
    let client = registry.client.as_ref().ok_or(Code::BADSID)?;
    let entry = registry.sessions.get(&number).ok_or(Code::BADSID)?;
    Ok(Opened {
        client: Arc::clone(client),
        id: SessionId(number),
        registration: entry.registration,
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
}

/// Ends a session. When this returns, no upcall of it follows, and none runs, unless this thread is in one: then it waits
/// for none of the others, of which each may be about to do the same.
pub(crate) fn release(number: u32) -> Code {
    let process = Process::current();
    let client = {
        let mut registry = process.registry();
        let was_open = registry.sessions.remove(&number).is_some();
        registry.client.clone().filter(|_| was_open)
    };
    let result = client.map_or(Code::BADSID, |client| {
        client
            .release(SessionId(number))
            .map_or_else(Code::of, |()| Code::OK)
    });
    // Also if it was lost just now: an upcall says that.
    let here = thread::current().id();
    let must_wait = |registry: &mut Registry| {
        let running = registry.delivering.iter();
        let mut threads = running.filter_map(|(of, thread)| (*of == number).then_some(*thread));
        threads.clone().next().is_some() && threads.all(|thread| thread != here)
    };
    let registry = process.registry();
    drop(process.delivered.wait_while(registry, must_wait));
    result
}

/// Delivers what waits.
pub(crate) fn dispatch(mut deliver: impl FnMut(u32, Registration, Routine, Arguments)) -> Code {
    let process = Process::current();
    let client = process.registry().client.clone();
    let Some(client) = client else {
        return Code::OK;
    };
    let mut all_readable = true;
    let mut upcall = |id: SessionId, notice: &Notice| {
        let is_lost = matches!(
            notice,
            Notice::Lost {
                what: Asked::Session,
                ..
            }
        );
        let mark = (id.0, thread::current().id());
        let registration = {
            let mut registry = process.registry();
            let entry = registry.sessions.get(&id.0);
            let Some(registration) = entry.map(|entry| entry.registration) else {
                return;
            };
            if is_lost {
                registry.sessions.remove(&id.0);
            }
            // In one step with having found it: `release` waits from here on.
            registry.delivering.push(mark);
            registration
        };
        let _until_it_returns = Delivery { process, mark };
        let is_v6 = registration.destination.is_ipv6();
        if let Some(routine) = registration.routine
            && let Some(arguments) = arguments(notice, registration.form, is_v6)
        {
            deliver(id.0, registration, routine, arguments);
        }
    };
    let dispatched = client.dispatch(|id, notice| {
        all_readable &= notice != Notice::Unreadable;
        let upcalls = {
            let mut registry = process.registry();
            let entry = registry.sessions.get_mut(&id.0);
            entry.map(|entry| entry.heard.upcalls(notice))
        };
        for notice in upcalls.unwrap_or_default() {
            // The program may have forked while it heard of the last, or released the session.
            if process.number == std::process::id() {
                upcall(id, &notice);
            }
        }
    });
    match dispatched {
        Err(_) => Code::NORSVP,
        Ok(()) if all_readable => Code::OK,
        Ok(()) => Code::INVAL,
    }
}
