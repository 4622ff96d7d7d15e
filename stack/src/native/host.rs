//! A host: an engine behind a lock, and what happens after each call.

use super::exclusive::{Exclusive, Held};
use super::names::Names;
use super::real_time::RealTime;
use super::task::Tasks;
use super::{MemoryFiles, Stack};
use crate::error::NetError;
use crate::{Clock, Net, Rng};
use fairway_native::{InterfaceId, Medium, PacketBuf};
use fairway_wire::Instant;
use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// What takes the frames that a host sends by one of its interfaces: the end of a link, a device.
pub trait Port: Send + Sync {
    /// `interface` has something to send: takes it by [`Stack::poll_frame`].
    ///
    /// A port that cannot take more leaves the rest, and calls [`Stack::resume`] (by [`Host::with`]) when it can. It is
    /// called with the host locked, so it takes frames and no more: delivering them to another host comes later, when
    /// no host is locked.
    fn pump(&self, stack: &mut Stack, interface: InterfaceId, now: Instant);
}

/// Who calls a host when its time has come.
pub trait Alarm: Send + Sync {
    /// The host wants [`Host::handle_timeout`] at `at`, which is earlier than anything it wanted before, since it was
    /// last called that way. It is called with the host locked, and calls no host.
    fn schedule(&self, at: Instant);
}

/// What a host is made of.
pub struct HostConfig {
    /// The engine, with its interfaces or without: they can be added later, by [`Host::with`].
    pub stack: Stack,
    /// The time it lives in.
    pub clock: Clock,
    /// Who calls it when its time has come.
    pub alarm: Arc<dyn Alarm>,
    /// What the random numbers of its programs are drawn from. Who knows it can guess them.
    pub seed: [u8; 32],
    /// The names of hosts it knows, beside its own.
    pub names: Names,
    /// The runtime its tasks run on; without one, the runtime that [`Net::spawn`] is called on.
    pub runtime: Option<tokio::runtime::Handle>,
}

/// A host of our own stack: an engine, a clock, files, names and tasks.
///
/// Cheap to clone; clones are the same host.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    name: String,
    clock: Clock,
    alarm: Arc<dyn Alarm>,
    engine: Exclusive<Engine>,
    rng: Mutex<Rng>,
    files: MemoryFiles,
    names: Names,
    tasks: Arc<Tasks>,
}

/// What the lock is around.
struct Engine {
    stack: Stack,
    /// Off between a crash and the restart.
    alive: bool,
    /// By the number of the interface.
    ports: Vec<Option<Arc<dyn Port>>>,
    /// When the alarm was last set to.
    scheduled: Option<Instant>,
}

/// What nobody who is called with a host locked may do.
const RULE: &str = "a host was called from within itself: ports, alarms, faults of links and what is given to `Host::with` \
                    must not call the host that calls them";

thread_local! {
    /// Room for wakers between calls, so that waking allocates nothing.
    static WAKERS: Cell<Vec<Waker>> = const { Cell::new(Vec::new()) };
}

impl Host {
    /// A host of these parts.
    #[must_use]
    pub fn new(config: HostConfig) -> Self {
        let host = Self {
            shared: Arc::new(Shared {
                name: config.stack.name().to_owned(),
                clock: config.clock.clone(),
                alarm: config.alarm,
                engine: Exclusive::new(
                    Engine {
                        stack: config.stack,
                        alive: true,
                        ports: Vec::new(),
                        scheduled: None,
                    },
                    RULE,
                ),
                rng: Mutex::new(Rng::from_seed(config.seed)),
                files: MemoryFiles::new(config.clock),
                names: config.names,
                tasks: Arc::new(Tasks::new(config.runtime)),
            }),
        };
        // What the engine was told before may have left something to do.
        host.with(|_, _| ());
        host
    }

    /// A host that lives in real time, with a task that calls it when its time has come. Its programs' randomness is
    /// the system's.
    ///
    /// # Panics
    /// Outside a tokio runtime with time.
    #[must_use]
    pub fn real_time(stack: Stack) -> Self {
        let alarm = Arc::new(RealTime::default());
        let clock = Clock::system();
        let mut seed = [0; 32];
        Rng::from_system().fill(&mut seed);
        let host = Self::new(HostConfig {
            stack,
            clock: clock.clone(),
            alarm: Arc::new(alarm.owned()),
            seed,
            names: Names::default(),
            runtime: None,
        });
        tokio::spawn(alarm.run(Arc::downgrade(&host.shared), clock));
        host
    }

    /// The handle for programs.
    #[must_use]
    pub fn net(&self) -> Net {
        Net::native(self.clone())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The names of hosts it knows, beside its own.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.shared.names
    }

    pub(crate) fn files(&self) -> &MemoryFiles {
        &self.shared.files
    }

    /// Where its programs' tasks that have not ended were spawned, oldest first.
    #[must_use]
    pub fn tasks(&self) -> Vec<&'static Location<'static>> {
        self.shared.tasks.places()
    }

    pub(super) fn task_list(&self) -> &Arc<Tasks> {
        &self.shared.tasks
    }

    /// A generator of its own for whoever asks.
    pub(crate) fn rng(&self) -> Rng {
        let mut seed = [0; 32];
        lock(&self.shared.rng).fill(&mut seed);
        Rng::from_seed(seed)
    }

    /// The addresses of a host: its own by its own name, and those that [`names`](Self::names) knows.
    pub(crate) fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let known = self.shared.names.lookup(name);
        if known.is_err() && name.eq_ignore_ascii_case(self.name()) {
            let own: Vec<IpAddr> = self.own_addresses()?.into_iter().map(IpAddr::V4).collect();
            if !own.is_empty() {
                return Ok(own);
            }
        }
        known
    }

    /// The name of an address.
    pub(crate) fn reverse_lookup(&self, address: IpAddr) -> Option<String> {
        self.shared.names.reverse(address)
    }

    /// The addresses of its interfaces, but for the loopback one's.
    fn own_addresses(&self) -> Result<Vec<Ipv4Addr>, NetError> {
        self.look(NetError::NetDown, |stack| {
            let outside = stack
                .interfaces()
                .iter()
                .filter(|interface| interface.medium() != Medium::Loopback);
            Ok(outside
                .flat_map(|interface| interface.addresses().iter().map(|own| own.address))
                .collect())
        })
    }

    /// Gives the frames of an interface to `port` from now on; before, and after it is
    /// [taken away](Self::detach), they are dropped.
    pub fn attach(&self, interface: InterfaceId, port: Arc<dyn Port>) {
        self.set_port(interface, Some(port));
    }

    /// Takes the port of an interface away.
    pub fn detach(&self, interface: InterfaceId) {
        self.set_port(interface, None);
    }

    fn set_port(&self, interface: InterfaceId, port: Option<Arc<dyn Port>>) {
        let place = usize::try_from(interface.0).unwrap_or(0);
        let mut engine = self.lock();
        if engine.ports.len() <= place {
            engine.ports.resize_with(place + 1, || None);
        }
        let old = match engine.ports.get_mut(place) {
            Some(slot) => std::mem::replace(slot, port),
            None => port,
        };
        self.finish(engine);
        // Not under the lock: it may hold whatever it likes.
        drop(old);
    }

    /// Calls the engine, with the time; then lets happen what follows from it, and wakes who waited for that.
    ///
    /// # Panics
    /// When `work` calls this host.
    pub fn with<R>(&self, work: impl FnOnce(&mut Stack, Instant) -> R) -> R {
        let mut engine = self.lock();
        let now = self.shared.clock.now();
        let result = work(&mut engine.stack, now);
        self.finish(engine);
        result
    }

    /// [`with`](Self::with), but leaves the waking to the caller: for drivers that call many hosts in a row.
    pub fn with_wakers<R>(
        &self,
        wakers: &mut Vec<Waker>,
        work: impl FnOnce(&mut Stack, Instant) -> R,
    ) -> R {
        let mut engine = self.lock();
        let now = self.shared.clock.now();
        let result = work(&mut engine.stack, now);
        engine.settle(&self.shared);
        engine.stack.take_wakers(wakers);
        result
    }

    /// A frame has arrived on an interface. A host that has crashed hears nothing.
    pub fn handle_frame(&self, interface: InterfaceId, frame: PacketBuf, wakers: &mut Vec<Waker>) {
        self.hear(wakers, |stack, now| {
            stack.handle_frame(now, interface, frame);
        });
    }

    /// Several frames have arrived on an interface at once, in this order: cheaper than one by one, and answered
    /// together.
    pub fn handle_frames(
        &self,
        interface: InterfaceId,
        frames: impl IntoIterator<Item = PacketBuf>,
        wakers: &mut Vec<Waker>,
    ) {
        self.hear(wakers, |stack, now| {
            stack.handle_frames(now, interface, frames);
        });
    }

    /// [`with_wakers`](Self::with_wakers), unless the host has crashed.
    fn hear(&self, wakers: &mut Vec<Waker>, work: impl FnOnce(&mut Stack, Instant)) {
        let mut engine = self.lock();
        if engine.alive {
            work(&mut engine.stack, self.shared.clock.now());
            engine.settle(&self.shared);
            engine.stack.take_wakers(wakers);
        }
    }

    /// Time has passed: what the [`Alarm`] was asked for.
    pub fn handle_timeout(&self, wakers: &mut Vec<Waker>) {
        let mut engine = self.lock();
        engine.scheduled = None;
        let now = self.shared.clock.now();
        if engine.alive {
            engine.stack.handle_timeout(now);
        }
        engine.settle(&self.shared);
        engine.stack.take_wakers(wakers);
    }

    /// When it wants [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let engine = self.lock();
        engine.stack.poll_timeout().filter(|_| engine.alive)
    }

    /// [`with`](Self::with), unless the host has crashed: `down` then.
    #[inline]
    pub(super) fn call<R>(
        &self,
        down: NetError,
        work: impl FnOnce(&mut Stack, Instant) -> Result<R, NetError>,
    ) -> Result<R, NetError> {
        let mut engine = self.lock();
        if !engine.alive {
            return Err(down);
        }
        let now = self.shared.clock.now();
        let result = work(&mut engine.stack, now);
        self.finish(engine);
        result
    }

    /// Looks, and changes nothing; gives `down` if the host has crashed.
    pub(super) fn look<R>(
        &self,
        down: NetError,
        work: impl FnOnce(&Stack) -> Result<R, NetError>,
    ) -> Result<R, NetError> {
        let engine = self.lock();
        if engine.alive {
            work(&engine.stack)
        } else {
            Err(down)
        }
    }

    /// The power fails: every socket is gone and nobody is told, tasks end, nothing arrives and nothing leaves. Files
    /// stay. New sockets are refused with [`NetError::NetDown`] until the [restart](Self::restart); those of before are
    /// [`NetError::NotSock`] for good.
    pub fn crash(&self) {
        let mut engine = self.lock();
        engine.alive = false;
        engine.scheduled = None;
        engine.stack.crash();
        self.finish(engine);
        self.shared.tasks.abort_all();
    }

    /// Starts the host again with a new engine, whose interfaces have the numbers they had: their ports stay. The
    /// engine must count one [incarnation](fairway_native::Setup::incarnation) more than the last, or sockets
    /// of the last life would seem to be of this one.
    pub fn restart(&self, stack: Stack) {
        let mut engine = self.lock();
        let old = std::mem::replace(&mut engine.stack, stack);
        engine.alive = true;
        engine.scheduled = None;
        self.finish(engine);
        drop(old);
    }

    /// Whether it has crashed and was not started again.
    #[must_use]
    pub fn is_down(&self) -> bool {
        !self.lock().alive
    }

    #[inline]
    fn lock(&self) -> Held<'_, Engine> {
        self.shared.engine.lock()
    }

    /// What follows a call: frames leave, the alarm is set; unlocked, those who waited are woken.
    #[inline]
    fn finish(&self, mut engine: Held<'_, Engine>) {
        engine.settle(&self.shared);
        let mut wakers = WAKERS.try_with(Cell::take).unwrap_or_default();
        engine.stack.take_wakers(&mut wakers);
        drop(engine);
        for waker in wakers.drain(..) {
            waker.wake();
        }
        // A thread that ends has no room any more; then it is dropped.
        let _kept = WAKERS.try_with(|room| room.set(wakers));
    }
}

impl Engine {
    fn settle(&mut self, shared: &Shared) {
        while let Some(interface) = self.stack.output_pending() {
            self.pump(interface, shared.clock.now());
        }
        if self.alive
            && let Some(at) = self.stack.poll_timeout()
            && self.scheduled.is_none_or(|scheduled| at < scheduled)
        {
            self.scheduled = Some(at);
            shared.alarm.schedule(at);
        }
    }

    #[cold]
    fn pump(&mut self, interface: InterfaceId, now: Instant) {
        let place = usize::try_from(interface.0).unwrap_or(0);
        match self.ports.get(place) {
            Some(Some(port)) if self.alive => {
                port.pump(&mut self.stack, interface, now);
                if self.stack.output_pending() == Some(interface) {
                    // It takes no more for now.
                    self.stack.suspend(interface);
                }
            }
            _ => {
                while let Some(frame) = self.stack.poll_frame(now, interface) {
                    self.stack.handle_refused(now, interface, &frame);
                }
            }
        }
    }
}

/// Locks; what a panic elsewhere left is whole, for the engine does not panic half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl super::real_time::Driven for Shared {
    fn handle_timeout(self: Arc<Self>) {
        let host = Host { shared: self };
        let mut wakers = Vec::new();
        host.handle_timeout(&mut wakers);
        for waker in wakers {
            waker.wake();
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.shared.name).finish()
    }
}

impl fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostConfig")
            .field("name", &self.stack.name())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
