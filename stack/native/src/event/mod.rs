//! The event dictionary: what happens inside the stack, by name.
//!
//! Every drop, every error and every change of state is an *event*: a name of `reference/events.md` §5 or §8.5, a class,
//! a level, and typed fields. Two planes carry them (§8.1):
//!
//! * The *trace plane* sees each packet. An event always counts; it is recorded in a ring and written as a `tracing`
//!   event only while reporting runs and its class, level, overrides and filters let it through.
//! * The *management plane* ([`Message`]) says rarely what an operator wants to know, to any number of subscribers with
//!   a bounded queue each.
//!
//! ```
//! use fairway_native::event::{EventId, Events};
//! use fairway_wire::Instant;
//!
//! let mut events = Events::new();
//! fairway_native::event!(events, Instant::ZERO, EventId::IpintrBadsum, interface = 1_u32);
//! assert_eq!(events.count_of(EventId::IpintrBadsum), 1);   // counted, though nobody listens
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `dictionary.rs` | the declaration of every event, and what is made of it |
//! | `drops.rs` | why something is dropped: reasons, each with its event and counter |
//! | `level.rs` | classes, levels, which filters an event supports |
//! | `fields.rs` | the fields of an event, as values |
//! | `filter.rs` | address and port filters |
//! | `ring.rs` | the records kept in memory |
//! | `text.rs` | the lines written, and how often |
//! | `events.rs` | counters, selection, reporting |
//! | `message.rs` | the management plane |
//!
//! # The events
//!
#![doc = include_str!("../../doc/events.md")]

mod dictionary;
mod drops;
mod events;
mod fields;
mod filter;
mod level;
mod message;
mod ring;
mod text;

#[cfg(test)]
mod tests;

pub use dictionary::{Declaration, EventId, ParseEventIdError};
pub use drops::{DropCounters, DropReason};
pub use events::Events;
pub use fields::{Field, Fields};
pub use filter::{Direction, PortRange, Side};
pub use level::{Class, Level, Supports};
pub use message::{
    LinkState, Message, MessageId, MessageKind, Severity, StateCause, Subscription, Subsystem,
    TooManySubscriptions,
};
pub use ring::{Record, Ring};

/// Raises an event: counts it, and reports it with the fields given if somebody listens.
///
/// `event!(events, now, EventId::IpintrBadlen, interface = i, source = a, destination = b, len = n)`: first a place
/// that holds [`Events`] or a `&mut Events`, then the time, the event, and any of the fields of [`Fields`] by name, each
/// a value that is a [`Field`](crate::event::Field) (options and the usual integers are). The expressions of the fields
/// are evaluated only if the event is reported.
#[macro_export]
macro_rules! event {
    ($events:expr, $now:expr, $id:expr $(, $field:ident = $value:expr)* $(,)?) => {
        if $events.count($id) {
            let fields = $crate::event::Fields {
                $( $field: $crate::event::Field::field($value), )*
                ..$crate::event::Fields::NONE
            };
            $events.report($now, $id, &fields);
        }
    };
}

/// Tells that something was dropped: counts the [reason](crate::event::DropReason), and raises its event with the fields
/// given, as [`event!`](crate::event!) does. The event's field `reason` is the reason's.
#[macro_export]
macro_rules! dropped {
    ($events:expr, $now:expr, $reason:expr $(, $field:ident = $value:expr)* $(,)?) => {{
        let why: $crate::event::DropReason = $reason;
        if $events.count_drop(why) {
            let fields = $crate::event::Fields {
                $( $field: $crate::event::Field::field($value), )*
                reason: Some(why.words()),
                ..$crate::event::Fields::NONE
            };
            $events.report($now, why.event(), &fields);
        }
    }};
}
