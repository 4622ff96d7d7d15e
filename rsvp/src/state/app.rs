//! An application's part in a session: RFC 2205 §3.11.1.

use crate::wire::Sender;

/// An application's session.
#[derive(Clone, Debug, Default)]
pub(crate) struct App {
    /// The sender it is.
    pub(crate) sender: Option<Sender>,
    /// Whether it was told of senders, so that it is told of their end.
    pub(crate) heard_paths: bool,
    /// It wants to hear that its reservation stands.
    pub(crate) confirms: bool,
}
