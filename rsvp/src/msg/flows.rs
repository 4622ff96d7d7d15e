//! Style and flow descriptor list: RFC 2205 §3.1.4.

use super::parts::{Parts, required};
use crate::error::DecodeErrorKind;
use crate::wire::{EncodeError, FilterSpec, FlowspecObject, Style, append};

/// A piece of a flow descriptor list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FlowItem {
    /// What is reserved.
    Flowspec(FlowspecObject),
    /// For which sender.
    Filter(FilterSpec),
}

/// A flowspec that is always there ([`FlowspecObject`]), or perhaps (`Option`), as the message wants.
pub trait FlowspecSlot: Clone + Sized {
    /// The slot for what was found.
    fn of(flowspec: Option<FlowspecObject>) -> Option<Self>;
    /// What is in it.
    fn flowspec(&self) -> Option<&FlowspecObject>;
    /// Whether filters may be missing, too.
    const LOOSE: bool;
}

impl FlowspecSlot for FlowspecObject {
    fn of(flowspec: Option<FlowspecObject>) -> Option<Self> {
        flowspec
    }

    fn flowspec(&self) -> Option<&FlowspecObject> {
        Some(self)
    }

    const LOOSE: bool = false;
}

impl FlowspecSlot for Option<FlowspecObject> {
    fn of(flowspec: Option<FlowspecObject>) -> Option<Self> {
        Some(flowspec)
    }

    fn flowspec(&self) -> Option<&FlowspecObject> {
        self.as_ref()
    }

    const LOOSE: bool = true;
}

/// One sender's reservation in a list of style FF.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FfDescriptor<F = FlowspecObject> {
    /// What is reserved.
    pub flowspec: F,
    /// For which sender.
    pub filter: FilterSpec,
}

/// A style and the flow descriptors that go with it.
///
/// ```text
/// WF ::= <FLOWSPEC>
/// FF ::= <FLOWSPEC> <FILTER_SPEC> [ [<FLOWSPEC>] <FILTER_SPEC> ... ]
/// SE ::= <FLOWSPEC> <FILTER_SPEC> [ <FILTER_SPEC> ... ]
/// ```
///
/// A flowspec that FF leaves out because it is the one before is filled in by decoding and left out by encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Flows<F = FlowspecObject> {
    /// Wildcard filter: all senders share one reservation.
    Wf(F),
    /// Fixed filter: each sender has its own.
    Ff(Vec<FfDescriptor<F>>),
    /// Shared explicit: these senders share one.
    Se {
        /// What is reserved.
        flowspec: F,
        /// For which senders.
        filters: Vec<FilterSpec>,
    },
    /// A style that is not known, with what came behind it: only in ResvErr. Also of any style in messages that are
    /// refused, where something may have been left out.
    Unknown {
        /// The style.
        style: Style,
        /// Flowspecs and filters in their order.
        items: Vec<FlowItem>,
    },
}

/// A list where the flowspecs may be missing: of ResvTear, where they mean nothing, and of ResvErr.
///
/// In style FF, a descriptor without flowspec that follows one with is the same as one that repeats it.
pub type LooseFlows = Flows<Option<FlowspecObject>>;

impl<F: FlowspecSlot> Flows<F> {
    /// The style.
    #[must_use]
    pub const fn style(&self) -> Style {
        match self {
            Self::Wf(_) => Style::WF,
            Self::Ff(_) => Style::FF,
            Self::Se { .. } => Style::SE,
            Self::Unknown { style, .. } => *style,
        }
    }

    /// The senders that are named, in the order of the list; none in style WF.
    pub fn filters(&self) -> impl Iterator<Item = &FilterSpec> {
        let (ff, se, items): (&[FfDescriptor<F>], &[FilterSpec], &[FlowItem]) = match self {
            Self::Wf(_) => (&[], &[], &[]),
            Self::Ff(list) => (list, &[], &[]),
            Self::Se { filters, .. } => (&[], filters, &[]),
            Self::Unknown { items, .. } => (&[], &[], items),
        };
        let items = items.iter().filter_map(|item| match item {
            FlowItem::Filter(filter) => Some(filter),
            FlowItem::Flowspec(_) => None,
        });
        ff.iter()
            .map(|descriptor| &descriptor.filter)
            .chain(se)
            .chain(items)
    }

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        let style = required(&mut parts.style)?;
        let items = core::mem::take(&mut parts.items);
        if parts.is_refused {
            return Ok(Self::Unknown { style, items });
        }
        let bad = DecodeErrorKind::Descriptors(style);
        match style {
            Style::WF => Self::wf(items).ok_or(bad),
            Style::FF => Self::ff(items).ok_or(bad),
            Style::SE => Self::se(items).ok_or(bad),
            style => Ok(Self::Unknown { style, items }),
        }
    }

    fn wf(items: Vec<FlowItem>) -> Option<Self> {
        let mut items = items.into_iter();
        let flowspec = match items.next() {
            Some(FlowItem::Flowspec(flowspec)) => Some(flowspec),
            Some(FlowItem::Filter(_)) => return None,
            None => None,
        };
        if items.next().is_some() {
            return None;
        }
        F::of(flowspec).map(Self::Wf)
    }

    fn ff(items: Vec<FlowItem>) -> Option<Self> {
        let mut descriptors = Vec::with_capacity(items.len() / 2 + 1);
        let mut last = None;
        let mut waits = false;
        for item in items {
            match item {
                // Two flowspecs in a row: the first has no sender.
                FlowItem::Flowspec(_) if waits => return None,
                FlowItem::Flowspec(flowspec) => {
                    last = Some(flowspec);
                    waits = true;
                }
                FlowItem::Filter(filter) => {
                    waits = false;
                    // RFC 2205 §3.1.4: an omitted FLOWSPEC is the one that precedes.
                    descriptors.push(FfDescriptor {
                        flowspec: F::of(last.clone())?,
                        filter,
                    });
                }
            }
        }
        (!waits && (F::LOOSE || !descriptors.is_empty())).then_some(Self::Ff(descriptors))
    }

    fn se(items: Vec<FlowItem>) -> Option<Self> {
        let mut filters = Vec::with_capacity(items.len());
        let mut flowspec = None;
        for item in items {
            match item {
                FlowItem::Flowspec(first) if flowspec.is_none() && filters.is_empty() => {
                    flowspec = Some(first);
                }
                FlowItem::Flowspec(_) => return None,
                FlowItem::Filter(filter) => filters.push(filter),
            }
        }
        if filters.is_empty() && !F::LOOSE {
            return None;
        }
        Some(Self::Se {
            flowspec: F::of(flowspec)?,
            filters,
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.style(), out)?;
        match self {
            Self::Wf(flowspec) => put(flowspec.flowspec(), out),
            Self::Ff(descriptors) => {
                let mut last = None;
                for descriptor in descriptors {
                    let flowspec = descriptor.flowspec.flowspec();
                    if flowspec.is_some() && flowspec != last {
                        put(flowspec, out)?;
                        last = flowspec;
                    }
                    append(&descriptor.filter, out)?;
                }
                Ok(())
            }
            Self::Se { flowspec, filters } => {
                put(flowspec.flowspec(), out)?;
                filters.iter().try_for_each(|filter| append(filter, out))
            }
            Self::Unknown { items, .. } => items.iter().try_for_each(|item| match item {
                FlowItem::Flowspec(flowspec) => append(flowspec, out),
                FlowItem::Filter(filter) => append(filter, out),
            }),
        }
    }
}

fn put(flowspec: Option<&FlowspecObject>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    flowspec.map_or(Ok(()), |flowspec| append(flowspec, out))
}
