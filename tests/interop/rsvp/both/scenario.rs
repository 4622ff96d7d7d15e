//! Scenarios as text.

use fairway_sim::BitsPerSec;
use std::time::Duration;

/// Machines, the links between them, and what happens, step by step.
///
/// ```text
/// host a b                            router r1 r2
/// link a r1 100Mbit/s 1ms
/// a send video b:5004 from=:5004 rate=1Mbit/s         a sender named video; where there is a time to wait
/// b reserve film b:5004 style=wf rate=2Mbit/s         a receiver named film; further keys as in rsvpd.toml
/// end film                                            what was named ends
/// cut r1 r2                                           a link has no carrier any more
/// reroute                                             routes are what they should be now
/// ```
#[derive(Debug, Default)]
pub(super) struct Scenario {
    pub(super) hosts: Vec<String>,
    pub(super) routers: Vec<String>,
    pub(super) links: Vec<LinkLine>,
    pub(super) steps: Vec<Step>,
}

/// A link.
#[derive(Debug)]
pub(super) struct LinkLine {
    pub(super) ends: [String; 2],
    pub(super) rate: u32,
    pub(super) delay_millis: u32,
}

impl LinkLine {
    pub(super) fn rate(&self) -> BitsPerSec {
        BitsPerSec::mega(self.rate)
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_millis.into())
    }
}

/// Something that happens.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) text: String,
    pub(super) what: What,
}

/// What happens.
#[derive(Debug)]
pub(super) enum What {
    /// An application begins.
    Begin {
        /// On this machine.
        machine: String,
        name: String,
        request: Asks,
    },
    /// An application ends.
    End(String),
    /// A link has no carrier.
    Cut([String; 2]),
    /// Routes are made anew.
    Reroute,
}

/// `send` or `reserve`, with its keys; names of machines stand for their addresses.
#[derive(Debug)]
pub(super) struct Asks {
    pub(super) is_sender: bool,
    pub(super) destination: String,
    pub(super) keys: Vec<(String, String)>,
}

impl Scenario {
    /// Reads it; one that makes no sense fails the test.
    pub(super) fn read(text: &str) -> Self {
        let mut scenario = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap().trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
            let pair = |one: &str, other: &str| [one.to_owned(), other.to_owned()];
            let what = match words.as_slice() {
                [] => continue,
                ["host", names @ ..] => {
                    scenario.hosts.extend::<Vec<_>>(owned(names));
                    continue;
                }
                ["router", names @ ..] => {
                    scenario.routers.extend::<Vec<_>>(owned(names));
                    continue;
                }
                ["link", one, other, rate, delay] => {
                    let number = |word: &str, unit: &str| -> u32 {
                        word.strip_suffix(unit).unwrap().parse().unwrap()
                    };
                    scenario.links.push(LinkLine {
                        ends: pair(one, other),
                        rate: number(rate, "Mbit/s"),
                        delay_millis: number(delay, "ms"),
                    });
                    continue;
                }
                ["end", name] => What::End((*name).to_owned()),
                ["cut", one, other] => What::Cut(pair(one, other)),
                ["reroute"] => What::Reroute,
                [
                    machine,
                    verb @ ("send" | "reserve"),
                    name,
                    destination,
                    keys @ ..,
                ] => {
                    let key = |word: &&str| {
                        let (key, value) = word.split_once('=').unwrap();
                        (key.to_owned(), value.to_owned())
                    };
                    What::Begin {
                        machine: (*machine).to_owned(),
                        name: (*name).to_owned(),
                        request: Asks {
                            is_sender: *verb == "send",
                            destination: (*destination).to_owned(),
                            keys: keys.iter().map(key).collect(),
                        },
                    }
                }
                _ => panic!("{line:?} is no part of a scenario"),
            };
            scenario.steps.push(Step {
                text: line.to_owned(),
                what,
            });
        }
        scenario
    }

    /// All machines.
    pub(super) fn machines(&self) -> impl Iterator<Item = &String> {
        self.hosts.iter().chain(&self.routers)
    }
}
