//! Conversations as data, each played to a session: see [`script`] for how they are written.

mod converse;
mod hostile;
mod keep_alive;
mod login;
mod recover;
mod script;
mod transfer;
mod transitions;
