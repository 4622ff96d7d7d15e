//! Keys whose time is over, or is still to come: an interface that has no others neither signs nor believes anybody.

use std::path::Path;

use fairway_service::ConfigError;

use super::{Authentication, Config, Moment, OtherInterfaces};

/// The keys of one table, for interfaces that sign.
#[derive(Clone, Debug)]
pub(super) struct Lives {
    table: String,
    keys: Vec<Life>,
}

/// When one key is valid, and the lines that say so.
#[derive(Clone, Copy, Debug)]
struct Life {
    starts: Option<Moment>,
    ends: Option<Moment>,
    starts_line: Option<usize>,
    ends_line: Option<usize>,
}

/// Why none of a table's keys is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoKey {
    /// The key of the configuration that says so.
    pub key: String,
    /// Its line.
    pub line: Option<usize>,
    /// In words.
    pub what: String,
}

impl Config {
    /// Those of all tables that an interface signs by; `file` and `text` are those that were parsed.
    pub(super) fn lives(&self, file: &Path, text: &str) -> Vec<Lives> {
        let mut all: Vec<Lives> = Vec::new();
        let tables = self.interface.iter().map(|(name, table)| {
            let owner = match table.key {
                Some(_) => format!("interface.{name}"),
                None => "defaults".to_owned(),
            };
            (owner, self.keys_of_table(name))
        });
        let others = (self.other_interfaces == OtherInterfaces::Use)
            .then(|| ("defaults".to_owned(), self.default_keys()));
        for (table, keys) in tables.chain(others) {
            let signs = keys.enabled && keys.authentication != Authentication::Off;
            if !signs || all.iter().any(|of| of.table == table) {
                continue;
            }
            let name = format!("{table}.key");
            let line_of = |nth, key| ConfigError::of_key(file, text, (&name, nth), key, "").line();
            let lives = keys.key.iter().enumerate().map(|(nth, of)| Life {
                starts: of.starts,
                ends: of.ends,
                starts_line: line_of(nth, "starts"),
                ends_line: line_of(nth, "ends"),
            });
            let keys = lives.collect();
            all.push(Lives { table, keys });
        }
        all
    }
}

impl Lives {
    /// Whether none of them is valid now, so many seconds after 1970, and why.
    pub(super) fn fault(&self, now: u64) -> Option<NoKey> {
        let is_over = |of: &&Life| of.ends.is_some_and(|ends| ends.seconds < now);
        let has_begun = |of: &Life| of.starts.is_none_or(|starts| starts.seconds <= now);
        let mut left = self.keys.iter().filter(|of| !is_over(of)).peekable();
        if left.peek().is_none() {
            let last = self.keys.iter().max_by_key(|of| of.ends)?;
            let ends = last.ends?;
            return Some(NoKey {
                key: format!("{}.key.ends", self.table),
                line: last.ends_line,
                what: format!("no key is valid any more: the last one ended {ends}"),
            });
        }
        let left: Vec<&Life> = left.collect();
        if left.iter().any(|of| has_begun(of)) {
            return None;
        }
        let first = left.iter().min_by_key(|of| of.starts)?;
        let starts = first.starts?;
        Some(NoKey {
            key: format!("{}.key.starts", self.table),
            line: first.starts_line,
            what: format!("no key is valid yet: the first one begins {starts}"),
        })
    }
}
