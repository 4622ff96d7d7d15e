//! Counters, selection, reporting.

use std::fmt;
use std::task::Waker;

use fairway_wire::Instant;
use tracing::level_filters::LevelFilter;

use super::dictionary::EventId;
use super::drops::{DropCounters, DropReason};
use super::fields::Fields;
use super::filter::{Direction, Filters, PortRange, Side};
use super::level::{Class, Level};
use super::message::{Collector, Message, MessageKind, Subscription, TooManySubscriptions};
use super::ring::{Record, Ring};
use super::text::Writer;
use crate::route::Prefix;

/// How many events are of level 1 or 2; they come first.
#[expect(clippy::indexing_slicing, reason = "while it is compiled")]
const URGENT: usize = {
    let mut count = 0;
    while EventId::ALL[count].level() as u8 <= Level::Alert as u8 {
        count += 1;
    }
    count
};

/// A set of events, a bit each.
type Set = [u64; EventId::COUNT.div_ceil(64)];

fn contains(set: &Set, id: EventId) -> bool {
    set.get(id.index() / 64)
        .is_some_and(|word| word >> (id.index() % 64) & 1 != 0)
}

fn put(set: &mut Set, id: EventId, member: bool) {
    if let Some(word) = set.get_mut(id.index() / 64) {
        let bit = 1 << (id.index() % 64);
        if member {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }
}

/// The events of one stack: how often each was raised, which are reported, and where to.
///
/// ```text
/// reported(e) = running and class selected
///               and (e enabled or (level selected and e not disabled))
///               and every supported filter that is set passes
/// ```
///
/// New, it counts and does not run: [`Events::start`] begins reporting, with all levels of both classes selected and no
/// filter (EVT-6).
pub struct Events {
    counters: [u64; EventId::COUNT],
    drops: DropCounters,
    /// Whether anything but counting may be due: the one thing looked at while reporting does not run.
    active: bool,
    running: bool,
    classes: u8,
    levels: u8,
    enabled: Set,
    disabled: Set,
    /// What `running`, `classes`, `levels`, `enabled` and `disabled` come to.
    selected: Set,
    filters: Filters,
    ring: Ring,
    text: Option<Writer>,
    /// The least urgent `tracing` events that somebody reads.
    read: LevelFilter,
    collector: Collector,
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("running", &self.running)
            .field("recorded", &self.ring.len())
            .field("lost", &self.ring.lost())
            .finish_non_exhaustive()
    }
}

impl Events {
    /// Records kept unless [`Events::start`] is told otherwise.
    pub const RECORDS: usize = 1024;

    /// Counts everything, reports nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            counters: [0; EventId::COUNT],
            drops: DropCounters::NONE,
            active: false,
            running: false,
            classes: Class::Core.bit() | Class::Aux.bit(),
            levels: u8::MAX,
            enabled: Set::default(),
            disabled: Set::default(),
            selected: Set::default(),
            filters: Filters::default(),
            ring: Ring::default(),
            text: None,
            read: LevelFilter::OFF,
            collector: Collector::default(),
        }
    }

    /// Counts everything; writes what whoever reads `tracing` events wants to read, and keeps no records. Where nobody
    /// reads, that is [`Events::new`].
    #[must_use]
    pub fn for_readers() -> Self {
        let mut events = Self::new();
        if LevelFilter::current() != LevelFilter::OFF {
            events.start(0, true);
        }
        events
    }

    // Raising: what `event!` calls.

    /// Counts an event. Whether somebody may want to hear of it: if so, [`Events::report`] follows.
    #[inline]
    pub fn count(&mut self, id: EventId) -> bool {
        if let Some(counter) = self.counters.get_mut(id.index()) {
            *counter += 1;
        }
        // The last part is known when the program is compiled.
        self.active && contains(&self.selected, id) || id.index() < URGENT
    }

    /// Counts that something was dropped, and the event that tells of it: what `dropped!` calls, as
    /// [`Events::count`].
    #[inline]
    pub fn count_drop(&mut self, reason: DropReason) -> bool {
        self.drops.count(reason);
        self.count(reason.event())
    }

    /// Reports an event that was counted, to whoever listens.
    #[cold]
    #[inline(never)]
    pub fn report(&mut self, now: Instant, id: EventId, fields: &Fields) {
        // §8.1: levels 1 and 2 are news to the operator whatever is selected.
        if id.index() < URGENT {
            let fields = *fields;
            self.collector
                .publish(now, &MessageKind::Event { id, fields });
        }
        // EVT-1 … EVT-4 are in the set.
        if !contains(&self.selected, id) || !self.filters.pass(id.declaration().supports, fields) {
            return;
        }
        let fields = *fields;
        self.ring.push(Record {
            time: now,
            id,
            fields,
        });
        if let Some(text) = &mut self.text
            && id.index() >= URGENT
        {
            text.write(now, id, &fields);
        }
    }

    // Counters.

    /// How often an event was raised, reported or not, since the counters were cleared.
    #[must_use]
    pub fn count_of(&self, id: EventId) -> u64 {
        self.counters.get(id.index()).copied().unwrap_or(0)
    }

    /// The events that were raised, each with how often, in the order of level and offset.
    pub fn counts(&self) -> impl Iterator<Item = (EventId, u64)> {
        EventId::ALL
            .iter()
            .copied()
            .zip(self.counters)
            .filter(|&(_, count)| count != 0)
    }

    /// How often something was dropped, by reason.
    #[must_use]
    pub const fn drops(&self) -> &DropCounters {
        &self.drops
    }

    /// Sets every counter to zero.
    pub const fn clear_counters(&mut self) {
        self.counters = [0; EventId::COUNT];
        self.drops = DropCounters::NONE;
    }

    // Selection.

    /// Begins reporting (EVT-9): into a ring with room for `records`, which is emptied and allocated here, and, if
    /// `text`, also as `tracing` events, as far as somebody reads them now. After a change of who reads, begin again.
    pub fn start(&mut self, records: usize, text: bool) {
        self.ring.reset(records);
        self.text = text.then(Writer::new);
        self.read = if text {
            LevelFilter::current()
        } else {
            LevelFilter::OFF
        };
        self.running = true;
        self.select();
    }

    /// Ends reporting (EVT-9). What was recorded stays to be read; counters go on.
    pub fn stop(&mut self) {
        self.running = false;
        self.select();
    }

    /// Whether reporting runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// Selects a class, or leaves it out (EVT-1).
    pub fn set_class(&mut self, class: Class, selected: bool) {
        if selected {
            self.classes |= class.bit();
        } else {
            self.classes &= !class.bit();
        }
        self.select();
    }

    /// Selects the levels from 1 to `least`, and no other (EVT-2).
    pub fn set_threshold(&mut self, least: Level) {
        self.levels = u8::MAX >> (8 - least.number());
        self.select();
    }

    /// Selects a level, or leaves it out, whatever the others (EVT-5).
    pub fn set_level(&mut self, level: Level, selected: bool) {
        if selected {
            self.levels |= level.bit();
        } else {
            self.levels &= !level.bit();
        }
        self.select();
    }

    /// Reports this event even if its level is not selected (EVT-4).
    pub fn enable(&mut self, id: EventId) {
        put(&mut self.enabled, id, true);
        put(&mut self.disabled, id, false);
        self.select();
    }

    /// Does not report this event even if its level is selected (EVT-3).
    pub fn disable(&mut self, id: EventId) {
        put(&mut self.enabled, id, false);
        put(&mut self.disabled, id, true);
        self.select();
    }

    /// Leaves this event to its level again.
    pub fn reset(&mut self, id: EventId) {
        put(&mut self.enabled, id, false);
        put(&mut self.disabled, id, false);
        self.select();
    }

    /// Whether an event is reported somewhere, as far as that depends on no filter.
    #[must_use]
    pub fn is_selected(&self, id: EventId) -> bool {
        contains(&self.selected, id)
    }

    /// Sets, or clears, the address filter of one side and direction (EVT-11, EVT-14).
    pub fn set_address_filter(&mut self, side: Side, direction: Direction, only: Option<Prefix>) {
        self.filters.set_address(side, direction, only);
    }

    /// Sets, or clears, the port filter of one side and direction (EVT-11, EVT-14).
    pub fn set_port_filter(&mut self, side: Side, direction: Direction, only: Option<PortRange>) {
        self.filters.set_port(side, direction, only);
    }

    fn select(&mut self) {
        self.selected = Set::default();
        if self.running {
            for &id in EventId::ALL {
                let declared = id.declaration();
                let heard = self.ring.capacity() != 0 || declared.level.tracing() <= self.read;
                let selected = heard
                    && declared.class.bit() & self.classes != 0
                    && (contains(&self.enabled, id)
                        || (declared.level.bit() & self.levels != 0
                            && !contains(&self.disabled, id)));
                put(&mut self.selected, id, selected);
            }
        }
        self.active = self.selected != Set::default();
    }

    // What was recorded.

    /// The records kept.
    #[must_use]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The records kept, to be taken out.
    pub const fn ring_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }

    // The management plane.

    /// Tells the operator something: every subscriber whose filter passes gets it.
    pub fn publish(&mut self, now: Instant, kind: &MessageKind) {
        self.collector.publish(now, kind);
    }

    /// Subscribes to the messages that `filter` lets through, of which `capacity` wait at most; one that finds no room
    /// is lost to this subscriber alone.
    ///
    /// # Errors
    /// [`TooManySubscriptions`] when [`Subscription::MOST`] exist.
    pub fn subscribe(
        &mut self,
        capacity: usize,
        filter: impl Fn(&Message) -> bool + Send + Sync + 'static,
    ) -> Result<Subscription, TooManySubscriptions> {
        self.collector.subscribe(capacity, Box::new(filter))
    }

    /// Ends a subscription; what waits is lost.
    pub fn unsubscribe(&mut self, subscription: Subscription) {
        self.collector.unsubscribe(subscription);
    }

    /// The next message of a subscription. Where there is none and a waker is given, it is woken (by whoever
    /// [takes](Self::take_wakers) it) when one comes.
    pub fn poll_message(
        &mut self,
        subscription: Subscription,
        waker: Option<&Waker>,
    ) -> Option<Message> {
        self.collector.poll(subscription, waker)
    }

    /// How many messages a subscription lost because its queue was full.
    #[must_use]
    pub fn messages_lost(&self, subscription: Subscription) -> u64 {
        self.collector.lost(subscription)
    }

    /// Moves the wakers of subscribers that got something into `into`, to be woken after unlocking.
    #[inline]
    pub fn take_wakers(&mut self, into: &mut Vec<Waker>) {
        self.collector.take_wakers(into);
    }
}
