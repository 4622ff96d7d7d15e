//! Octets ↔ header and objects: a file per class of RFC 2205 appendix A and of the extensions.

mod challenge;
mod confirm;
mod error_spec;
mod filter;
mod header;
mod hello;
mod hop;
mod integrity;
mod message_id;
mod object;
mod opaque;
mod reader;
mod scope;
mod session;
mod style;
mod time_values;

pub use challenge::Challenge;
pub use confirm::ResvConfirm;
pub use error_spec::{ErrorCode, ErrorFlags, ErrorSpec, ErrorValue, PolicyValue};
pub use filter::{FilterSpec, Sender, SenderTemplate};
pub use header::{Header, HeaderFlags, MessageType, fill_checksum, verify_checksum};
pub use hello::{Hello, HelloKind};
pub use hop::RsvpHop;
pub use integrity::{Integrity, KeyId};
pub use message_id::{
    AckKind, Epoch, Id, IdEntries, McastId, MessageId, MessageIdAck, MessageIdList, SrcId,
};
pub use object::{
    CType, ClassNum, Content, EncodeError, Object, ObjectError, ObjectHeader, ObjectType,
    UnknownAction, UnknownObject,
};
pub use opaque::{AdspecObject, FlowspecObject, Opaque, PolicyData, SenderTspecObject};
pub use scope::Scope;
pub use session::Session;
pub use style::Style;
pub use time_values::TimeValues;

pub(crate) use object::{Objects, append, append_unknown};
pub(crate) use reader::Reader;
