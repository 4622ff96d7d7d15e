//! The simulated world: hosts, the lines between them, and what is on its way.
//!
//! A lock each: a host's own, and one for all the rest, which is taken second. A frame's arrival is one event of the
//! queue: it is taken with the world locked, handed over with only the host locked, and what the host then sends is
//! planned with both. So no event costs more with more hosts, but for the logarithm in the queue.

use crate::Frame;
use crate::capture::{Capture, Recorded};
use crate::channel::{Channel, Delivery};
use crate::driver;
use crate::events::{Due, Events};
use crate::line::{End, Line, LineId, Planned};
use crate::log::Log;
use crate::switch::Switch;
use fairway_native::PacketBuf;
use fairway_native::iface::InterfaceId;
use fairway_stack::native::{Alarm, Exclusive, Held, Host, Port, Stack};
use fairway_stack::{Instant, VirtualClock};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Weak};
use std::task::Waker;

/// What nobody may do who is asked while a frame is on its way.
const RULE: &str = "a network was called from within itself: faults, predicates and the writers of captures are asked \
                    while it is locked, and must not call it or its hosts";

/// The world of a network.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    state: Exclusive<State>,
}

/// What the world's lock holds.
#[derive(Debug, Default)]
pub(crate) struct State {
    events: Events<Event>,
    pub(crate) lines: Vec<Line>,
    pub(crate) hosts: Vec<HostState>,
    pub(crate) switches: Vec<Switch>,
    pub(crate) log: Log,
    pub(crate) captures: Vec<Capture>,
    /// Addresses that cannot reach each other.
    pub(crate) cuts: Vec<(BTreeSet<Ipv4Addr>, BTreeSet<Ipv4Addr>)>,
    /// Deliveries on their way from a channel to the queue; kept for its memory.
    deliveries: Vec<Delivery>,
    /// Frames on their way from the queue to a host; kept for its memory.
    frames: Vec<PacketBuf>,
}

/// A host, as the world sees it.
#[derive(Debug)]
pub(crate) struct HostState {
    /// None while it is being made.
    host: Option<Host>,
}

/// What the queue holds.
#[derive(Debug)]
enum Event {
    /// The first of the frames under way on a line reach its end.
    Arrivals(LineId),
    /// A frame that was overtaken reaches the end of its line, or, as a report about one that was too long, its
    /// beginning.
    Alone(LineId, Box<Delivery>),
    /// A line's transmitter is free.
    Free(LineId),
    /// A frame has waited long enough to be overtaken.
    Release(LineId),
}

/// Most frames that a host is given at once.
const BATCH: usize = 64;

/// What an event asks of a host.
enum Action {
    /// To take the frames that were found.
    Receive(Host, InterfaceId),
    Resume(Host, InterfaceId),
    Timeout(Host),
}

impl World {
    pub(crate) fn new(clock: VirtualClock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Exclusive::new(State::default(), RULE),
        })
    }

    /// Locks what the world's lock holds. Never lock a host meanwhile.
    pub(crate) fn lock(&self) -> Held<'_, State> {
        self.state.lock()
    }

    /// Changes the world, and says so to the driver.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state, self.clock.now());
        self.announce(state);
        result
    }

    /// Adds a line.
    pub(crate) fn add_line(&self, name: Arc<str>, channel: Channel, from: End, to: End) -> LineId {
        let mut state = self.lock();
        let id = LineId(state.lines.len());
        state.lines.push(Line::new(name, channel, from, to));
        id
    }

    /// Makes room for a host: from now on it can say when it wants to be called.
    pub(crate) fn reserve_host(&self) {
        self.lock().hosts.push(HostState { host: None });
    }

    /// Adds a host where there is room for it.
    pub(crate) fn set_host(&self, index: usize, host: Host) {
        if let Some(place) = self.lock().hosts.get_mut(index) {
            place.host = Some(host);
        }
    }

    fn announce(&self, state: Held<'_, State>) {
        let next = state.events.next();
        drop(state);
        if let Some(next) = next {
            self.clock.announce(next);
        }
    }
}

impl driver::World for World {
    fn next_event(&self) -> Option<Instant> {
        self.lock().events.next()
    }

    fn handle_due(&self, now: Instant, wakers: &mut Vec<Waker>) {
        let mut frames = std::mem::take(&mut self.lock().frames);
        loop {
            // Not in the condition of a `while let`: the lock would be held through its body.
            let action = self.lock().next_action(now, &mut frames);
            match action {
                Some(Action::Receive(host, interface)) => {
                    host.handle_frames(interface, frames.drain(..), wakers);
                }
                Some(Action::Resume(host, interface)) => {
                    host.with_wakers(wakers, |stack, _| stack.resume(interface));
                }
                Some(Action::Timeout(host)) => host.handle_timeout(wakers),
                None => break,
            }
        }
        self.lock().frames = frames;
    }

    fn waiting(&self) -> String {
        let hosts: Vec<Host> = self
            .lock()
            .hosts
            .iter()
            .filter_map(|it| it.host.clone())
            .collect();
        let waiting: Vec<String> = hosts
            .iter()
            .filter_map(|host| {
                let tasks: Vec<String> = host.tasks().iter().map(ToString::to_string).collect();
                (!tasks.is_empty()).then(|| format!("{} ({})", host.name(), tasks.join(", ")))
            })
            .collect();
        if waiting.is_empty() {
            "no host has a task, and what runs the network waits".into()
        } else {
            format!("hosts with tasks: {}", waiting.join("; "))
        }
    }
}

impl State {
    pub(crate) fn line_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines.get_mut(id.0)
    }

    /// Handles what is due up to the first event that is a host's business. The frames it is to take go to `frames`.
    fn next_action(&mut self, now: Instant, frames: &mut Vec<PacketBuf>) -> Option<Action> {
        while let Some(due) = self.events.pop_due(now) {
            let event = match due {
                Due::Event(event) => event,
                Due::Deadline(host) => {
                    let host = self.hosts.get(host)?.host.clone()?;
                    return Some(Action::Timeout(host));
                }
            };
            match event {
                Event::Arrivals(line) => {
                    let end = self.arrivals(now, line, frames)?;
                    if let Some(receive) = self.take(now, end, frames) {
                        return Some(receive);
                    }
                }
                Event::Alone(id, delivery) => {
                    let line = self.lines.get_mut(id.0)?;
                    let end = if delivery.back { line.from } else { line.to };
                    frames.extend(carried(line, &mut self.log, now, *delivery));
                    if let Some(receive) = self.take(now, end, frames) {
                        return Some(receive);
                    }
                }
                Event::Free(line) => {
                    let it = self.lines.get_mut(line.0)?;
                    it.waits = false;
                    if let End::Interface(host, interface) = it.from {
                        let host = self.hosts.get(host)?.host.clone()?;
                        return Some(Action::Resume(host, interface));
                    }
                }
                Event::Release(line) => self.release(now, line),
            }
        }
        None
    }

    /// Moves the frames that have reached the end of a line to `frames`; says where that is.
    fn arrivals(&mut self, now: Instant, id: LineId, frames: &mut Vec<PacketBuf>) -> Option<End> {
        let line = self.lines.get_mut(id.0)?;
        while frames.len() < BATCH
            && let Some(delivery) = line.arrived(now)
        {
            frames.extend(carried(line, &mut self.log, now, delivery));
        }
        if line.has_arrived(now) {
            self.events.push(now, Event::Arrivals(id));
        }
        Some(line.to)
    }

    /// Gives frames to where they have arrived: at a host, they are its business.
    fn take(&mut self, now: Instant, end: End, frames: &mut Vec<PacketBuf>) -> Option<Action> {
        match end {
            End::Interface(_, _) if frames.is_empty() => None,
            End::Interface(host, interface) => {
                let host = self.hosts.get(host).and_then(|it| it.host.clone());
                if host.is_none() {
                    frames.clear();
                }
                Some(Action::Receive(host?, interface))
            }
            End::Switch(switch, port) => {
                for frame in frames.drain(..) {
                    self.forward(now, switch, port, frame);
                }
                None
            }
        }
    }

    /// Puts a frame on a line, and plans what follows.
    fn transmit(&mut self, now: Instant, id: LineId, frame: PacketBuf) {
        let Some(line) = self.lines.get_mut(id.0) else {
            return;
        };
        let framing = line.channel.config().framing;
        let cut = is_cut(&self.cuts, &Frame::new(framing, frame.as_slice()));
        let before = (!line.taps.is_empty()).then(|| frame.clone());
        let fate = if cut {
            line.channel.cut()
        } else {
            line.channel.transmit(now, frame, &mut self.deliveries)
        };
        if let Some(packet) = before {
            for tap in &line.taps {
                tap.capture.record(&Recorded {
                    interface: tap.interface,
                    framing,
                    direction: tap.direction,
                    at: now,
                    packet: &packet,
                    fate,
                });
            }
        }
        if fate.is_remarkable() {
            self.log.write(now, format_args!("{}: {fate}", line.name));
        }
        self.plan(id);
    }

    /// Plans the arrivals that a channel gave, and when it wants to be called.
    fn plan(&mut self, id: LineId) {
        let Some(line) = self.lines.get_mut(id.0) else {
            return;
        };
        for delivery in self.deliveries.drain(..) {
            match line.carry(delivery) {
                Planned::First(at) => self.events.push(at, Event::Arrivals(id)),
                Planned::Along => {}
                Planned::Alone(delivery) => {
                    let delivery = Box::new(delivery);
                    self.events.push(delivery.at, Event::Alone(id, delivery));
                }
            }
        }
        if let Some(at) = line.channel.poll_timeout()
            && line.release != Some(at)
        {
            line.release = Some(at);
            self.events.push(at, Event::Release(id));
        }
    }

    fn release(&mut self, now: Instant, id: LineId) {
        if let Some(line) = self.lines.get_mut(id.0) {
            line.channel.handle_timeout(now, &mut self.deliveries);
        }
        self.plan(id);
    }

    /// Lets a switch pass a frame on.
    fn forward(&mut self, now: Instant, switch: usize, port: usize, frame: PacketBuf) {
        let Some(switch) = self.switches.get_mut(switch) else {
            return;
        };
        let mut out = switch.forward(port, frame.as_slice());
        // The last one gets the frame itself, the others copies.
        let mut last = out.next();
        let lines: Vec<LineId> = out.collect();
        for line in lines {
            if let Some(other) = last.replace(line) {
                self.transmit(now, other, frame.clone());
            }
        }
        if let Some(line) = last {
            self.transmit(now, line, frame);
        }
    }
}

/// The frame of a delivery, if its line was up all the while it was under way.
fn carried(line: &mut Line, log: &mut Log, now: Instant, delivery: Delivery) -> Option<PacketBuf> {
    if line.channel.is_carrying(delivery.carriage) {
        return Some(delivery.frame);
    }
    log.write(
        now,
        format_args!("{}: lost under way: link down", line.name),
    );
    None
}

/// Whether a frame goes from one side of a separation to the other.
fn is_cut(cuts: &[(BTreeSet<Ipv4Addr>, BTreeSet<Ipv4Addr>)], frame: &Frame<'_>) -> bool {
    if cuts.is_empty() {
        return false;
    }
    let Some((from, to)) = frame.addresses() else {
        return false;
    };
    cuts.iter().any(|(these, those)| {
        these.contains(&from) && those.contains(&to) || those.contains(&from) && these.contains(&to)
    })
}

/// Where an interface sends: the beginning of a line.
#[derive(Debug)]
pub(crate) struct Outlet {
    world: Weak<World>,
    line: LineId,
}

impl Outlet {
    pub(crate) fn new(world: &Arc<World>, line: LineId) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::downgrade(world),
            line,
        })
    }
}

impl Port for Outlet {
    fn pump(&self, stack: &mut Stack, interface: InterfaceId, now: Instant) {
        if let Some(world) = self.world.upgrade() {
            let mut state = world.lock();
            state.send(self.line, stack, interface, now);
            world.announce(state);
        }
    }
}

/// Has the queue call a host when its time has come.
#[derive(Debug)]
pub(crate) struct Bell {
    world: Weak<World>,
    host: usize,
}

impl Bell {
    pub(crate) fn new(world: &Arc<World>, host: usize) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::downgrade(world),
            host,
        })
    }
}

impl Alarm for Bell {
    fn schedule(&self, at: Instant) {
        if let Some(world) = self.world.upgrade() {
            let now = world.clock.now();
            let mut state = world.lock();
            state.call_at(self.host, at.max(now));
            world.announce(state);
        }
    }
}

impl State {
    /// Takes frames from an interface, until it has none or the line's transmitter is busy.
    fn send(&mut self, id: LineId, stack: &mut Stack, interface: InterfaceId, now: Instant) {
        loop {
            let Some(line) = self.lines.get_mut(id.0) else {
                return;
            };
            let ready_at = line.channel.ready_at();
            if ready_at > now {
                stack.suspend(interface);
                if !std::mem::replace(&mut line.waits, true) {
                    self.events.push(ready_at, Event::Free(id));
                }
                return;
            }
            match stack.poll_frame(now, interface) {
                Some(frame) => self.transmit(now, id, frame),
                None => return,
            }
        }
    }

    /// Has the queue call a host at `at`, and not when it would have otherwise.
    fn call_at(&mut self, index: usize, at: Instant) {
        self.events.set_deadline(index, at);
    }

    /// How many events were ever planned.
    pub(crate) const fn events_planned(&self) -> u64 {
        self.events.planned()
    }
}
