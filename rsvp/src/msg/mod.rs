//! Messages: a file per message of RFC 2205 §3.1, RFC 2961, RFC 3209 §5, RFC 2747.

mod ack;
mod bundle;
mod challenge;
mod flows;
mod hello;
mod limits;
mod message;
mod parts;
mod path;
mod path_err;
mod path_tear;
mod resv;
mod resv_conf;
mod resv_err;
mod resv_tear;
mod srefresh;

pub use ack::Ack;
pub use bundle::Bundle;
pub use challenge::{IntegrityChallenge, IntegrityResponse};
pub use flows::{FfDescriptor, FlowItem, Flows, FlowspecSlot, LooseFlows};
pub use hello::HelloMessage;
pub use limits::Limits;
pub use message::{Body, Message};
pub use path::{Path, SenderDescriptor};
pub use path_err::PathErr;
pub use path_tear::{PathTear, TornSender};
pub use resv::Resv;
pub use resv_conf::ResvConf;
pub use resv_err::ResvErr;
pub use resv_tear::ResvTear;
pub use srefresh::Srefresh;
