//! Integrated Services: the objects of RFC 2210 and the arithmetic of RFC 2211, 2212 and 2215.
//!
//! Rates are octets of IP packets per second, sizes octets of IP packets, link headers not among them.
//!
//! | Question | Answer |
//! |---|---|
//! | does one flow need no more than another? | [`Tspec`] and [`Flowspec`] are `PartialOrd` |
//! | what do several need? | [`Tspec::sum`], [`Tspec::least_upper_bound`], [`Flowspec::merge`] |
//! | what can the way do? | [`Adspec`], [`Adspec::compose`], [`Adspec::service`] |
//! | how late can a packet be? | [`delay::queueing_delay`] |
//! | what is to be reserved for a wished delay? | [`request::guaranteed`], [`delay::rate_for_delay`] |
//! | what must a router keep room for? | [`delay::buffer`], [`delay::reshaper_queue`] |

mod adspec;
mod compose;
pub mod delay;
mod flowspec;
pub mod request;
mod tspec;
mod unit;
mod words;

pub use adspec::{
    Adspec, AdspecError, ControlledLoadFragment, General, GuaranteedFragment, GuaranteedTerms,
    OtherFragment, Overrides, Parameter, PathValues,
};
pub use compose::{
    LocalControlledLoad, LocalElement, LocalGuaranteed, LocalValues, compose_bandwidth,
    compose_hops, compose_latency, compose_sum,
};
pub use delay::ErrorTerms;
pub use flowspec::{Flowspec, FlowspecError, Rspec, ServiceConflict, WireFloat};
pub use tspec::{Reading, Tspec, TspecError};
pub use unit::{Bandwidth, BucketSize, BytesPerSec, Latency, PeakRate};
pub use words::{FormError, ParameterNumber, ServiceNumber};
