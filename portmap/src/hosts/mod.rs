//! `hosts.allow` and `hosts.deny`, as hosts_access(5) has them: read once into rules, not at every call.
//!
//! What is understood: lists of daemons and of clients with EXCEPT, addresses, prefixes that end in a point (`192.0.2.`),
//! `net/mask`, `net/bits`, `[IPv6]` and `[IPv6]/bits`, `*` and `?` in addresses, `ALL`, `LOCAL` (this machine: the daemon asks no name
//! server about its callers), host names (looked up when the file is read), and the options `allow` and `deny` of hosts_options(5).
//!
//! What is not: domains (`.example.com`), netgroups (`@name`), `KNOWN`, `UNKNOWN`, `PARANOID`, `user@host`, files of patterns (`/path`),
//! `daemon@address`, and options that run programs. Nothing of it passes silently: [`Rules::parse`] says what and where. A pattern that is
//! not understood decides *against* the caller: it does not match in a rule that grants, and matches in one that denies.

mod file;
mod network;
mod pattern;
mod rules;

pub use network::Network;
pub use rules::{Remark, Rules};

#[cfg(test)]
mod tests;
