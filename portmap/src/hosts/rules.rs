//! Rules, and what they decide about a caller.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::file::{logical_lines, parse_rule};
use super::pattern::{List, Match, Pattern};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) clients: List,
    pub(super) grants: bool,
}

/// Something in a file that has no effect, or not the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Path of the file.
    pub file: String,
    /// Line where the rule begins, from 1.
    pub line: usize,
    /// What it is about.
    pub text: String,
}

/// Rules that concern the portmapper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads both files, given as path and content; a missing one is empty. Rules of other daemons are left out.
    #[must_use]
    pub fn parse(allow: (&str, &str), deny: (&str, &str)) -> (Self, Vec<Remark>) {
        let mut rules = Self::default();
        let mut remarks = Vec::new();
        for ((file, text), grants) in [(allow, true), (deny, false)] {
            for (line, rule) in logical_lines(text) {
                let mut remark = |text: String| {
                    remarks.push(Remark {
                        file: file.to_owned(),
                        line,
                        text,
                    });
                };
                if let Some(rule) = parse_rule(&rule, grants, &mut remark) {
                    rules.rules.push(rule);
                }
            }
        }
        (rules, remarks)
    }

    /// The host names in the rules.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        fn walk(list: &List, names: &mut Vec<String>) {
            for pattern in &list.any {
                if let Pattern::Name(name, _) = pattern
                    && !names.contains(name)
                {
                    names.push(name.clone());
                }
            }
            if let Some(except) = &list.except {
                walk(except, names);
            }
        }
        let mut names = Vec::new();
        for rule in &self.rules {
            walk(&rule.clients, &mut names);
        }
        names
    }

    /// Gives the names their addresses. A name without any stays a pattern that is not understood.
    pub fn resolve(&mut self, addresses: &BTreeMap<String, Vec<IpAddr>>) {
        fn walk(list: &mut List, addresses: &BTreeMap<String, Vec<IpAddr>>) {
            for pattern in &mut list.any {
                if let Pattern::Name(name, found) = pattern
                    && let Some(known) = addresses.get(name)
                {
                    found.clone_from(known);
                }
            }
            if let Some(except) = &mut list.except {
                walk(except, addresses);
            }
        }
        for rule in &mut self.rules {
            walk(&mut rule.clients, addresses);
        }
    }

    /// The addresses that names have now; names without any are left out. What [`resolve`](Self::resolve) takes.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, Vec<IpAddr>> {
        fn walk(list: &List, addresses: &mut BTreeMap<String, Vec<IpAddr>>) {
            for pattern in &list.any {
                if let Pattern::Name(name, found) = pattern
                    && !found.is_empty()
                {
                    addresses.insert(name.clone(), found.clone());
                }
            }
            if let Some(except) = &list.except {
                walk(except, addresses);
            }
        }
        let mut addresses = BTreeMap::new();
        for rule in &self.rules {
            walk(&rule.clients, &mut addresses);
        }
        addresses
    }

    /// Whether nothing is denied to anybody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.rules.iter().all(|rule| rule.grants)
    }

    /// Whether a caller at that address may be served: the first rule that matches decides, `hosts.allow` before `hosts.deny`;
    /// without one it may.
    #[must_use]
    pub fn grants(&self, caller: IpAddr) -> bool {
        if self.is_open() {
            return true;
        }
        let caller = caller.to_canonical();
        for rule in &self.rules {
            let applies = match rule.clients.matches(caller) {
                Match::Yes => true,
                Match::No => false,
                Match::Unsure => !rule.grants,
            };
            if applies {
                return rule.grants;
            }
        }
        true
    }
}
