//! What `rpcinfo` prints: each report is one type, with the classic tool's text and, by serde, JSON.
//!
//! Everything in a report may come from a hostile server: control characters are shown as escapes, and long texts are cut.

mod addresses;
mod answers;
mod mappings;
mod ports;
mod statistics;
mod text;

pub use addresses::{AddressRow, Addresses};
pub use answers::{Answer, Deleted, Ping};
pub use mappings::{MappingRow, Mappings, ProgramRow, Programs};
pub use ports::{PortRow, Ports};
pub use statistics::{Calls, ForwardRow, LookupRow, Statistics, VersionStatistics};
pub use text::{Names, clean};
