//! Conversations as data, each played to a session: see [`script`] for how they are written.

mod login;
mod script;
