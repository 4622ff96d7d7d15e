//! What a listing does not say about its dates: the year, the zone, the order of day and month.

use std::cell::Cell;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::date::Clock;
use super::entry::{Modified, Precision};

/// What one must know from elsewhere to read the dates of a listing. Parsers ask no clock.
#[derive(Clone, Debug)]
pub struct Context {
    now: Timestamp,
    zone: TimeZone,
    latest: DateTime,
    order: Option<DateOrder>,
}

impl Context {
    /// `now` is the present; `zone` is the one whose local time the server writes in listings (MLSx and EPLF times are
    /// UTC whatever it is).
    #[must_use]
    pub fn new(now: Timestamp, zone: TimeZone) -> Self {
        let local = zone.to_datetime(now);
        let latest = local.checked_add(Span::new().days(1)).unwrap_or(local);
        Self {
            now,
            zone,
            latest,
            order: None,
        }
    }

    /// Fixes the order of day, month and year in numeric dates, which is otherwise found out from the lines.
    #[must_use]
    pub fn with_date_order(self, order: DateOrder) -> Self {
        Self {
            order: Some(order),
            ..self
        }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The zone of the server's local time.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The order that was fixed by [`Context::with_date_order`].
    #[must_use]
    pub fn date_order(&self) -> Option<DateOrder> {
        self.order
    }
}

/// Order of the parts of a numeric date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateOrder {
    /// `99-12-31`
    YearMonthDay,
    /// `12-31-99`
    MonthDayYear,
    /// `31-12-99`
    DayMonthYear,
}

/// A set of date orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orders(u8);

impl Orders {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(7);

    pub(super) const fn only(order: DateOrder) -> Self {
        Self(match order {
            DateOrder::YearMonthDay => 1,
            DateOrder::MonthDayYear => 2,
            DateOrder::DayMonthYear => 4,
        })
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn contains(self, order: DateOrder) -> bool {
        self.0 & Self::only(order).0 != 0
    }

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether more than one order is left.
    pub(super) const fn is_open(self) -> bool {
        self.0.count_ones() > 1
    }
}

/// A [`Context`] while one line is read: what other lines have shown goes in, what this one shows comes out.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    context: &'a Context,
    orders: Orders,
    seen: Cell<Orders>,
}

impl<'a> Reader<'a> {
    /// `orders` are those that other lines of the listing leave possible.
    pub(super) fn new(context: &'a Context, orders: Orders) -> Self {
        let orders = context.order.map_or(orders, Orders::only);
        Self {
            context,
            orders,
            seen: Cell::new(Orders::NONE),
        }
    }

    /// The orders under which the numeric dates of this line are dates; empty if it has none.
    pub(super) fn seen(&self) -> Orders {
        self.seen.get()
    }

    /// Forgets what dialects that did not fit have seen.
    pub(super) fn forget(&self) {
        self.seen.set(Orders::NONE);
    }

    /// An instant from local date and time; without a time it is the first moment of the day.
    pub(super) fn at(&self, date: Date, clock: Option<Clock>) -> Option<Modified> {
        let time = clock.map_or(Time::midnight(), |clock| clock.time);
        let precision = clock.map_or(Precision::Day, |clock| clock.precision);
        // A time that a change of the clocks skips is read with the offset before it, one that comes twice is the
        // first.
        let at = self
            .context
            .zone
            .to_timestamp(date.to_datetime(time))
            .ok()?;
        Some(Modified { at, precision })
    }

    /// An instant from a date without a year: the latest one that is at most a day ahead of the present.
    pub(super) fn recent(&self, month: i8, day: i8, clock: Option<Clock>) -> Option<Modified> {
        let time = clock.map_or(Time::midnight(), |clock| clock.time);
        let latest = self.context.latest;
        // Eight years back there has been a 29 February.
        (0..=8).find_map(|back| {
            let date = Date::new(latest.year().checked_sub(back)?, month, day).ok()?;
            if date.to_datetime(time) > latest {
                None
            } else {
                self.at(date, clock)
            }
        })
    }

    /// Chooses between the readings of a numeric date: what other lines leave possible, then what is not in the
    /// future, then the first of `prefer`.
    pub(super) fn choose(
        &self,
        readings: [(DateOrder, Option<Date>); 3],
        prefer: [DateOrder; 3],
    ) -> Option<Date> {
        let reading = |order| {
            readings
                .iter()
                .find(|(known, _)| *known == order)
                .and_then(|(_, date)| *date)
        };
        let mut valid = Orders::NONE;
        let mut past = Orders::NONE;
        for (order, date) in readings {
            if let Some(date) = date {
                valid = valid.or(Orders::only(order));
                if date <= self.context.latest.date() {
                    past = past.or(Orders::only(order));
                }
            }
        }
        let valid = if past.is_none() { valid } else { past };
        let mut dates = readings
            .iter()
            .filter(|(order, _)| valid.contains(*order))
            .filter_map(|(_, date)| *date);
        let first = dates.next()?;
        // The 5th of May proves nothing and needs no proof.
        if dates.any(|date| date != first) || !valid.is_open() {
            let seen = self.seen.get();
            let both = seen.and(valid);
            self.seen.set(if seen.is_none() || both.is_none() {
                valid
            } else {
                both
            });
        }
        let allowed = valid.and(self.orders);
        let allowed = if allowed.is_none() { valid } else { allowed };
        prefer
            .into_iter()
            .find(|order| allowed.contains(*order))
            .and_then(reading)
    }
}
