//! Networks as text.

use fairway_sim::BitsPerSec;
use std::time::Duration;

/// Hosts, routers, and the links between them.
///
/// A line each: `host NAME…`, `router NAME…`, `link NAME NAME [RATE] [DELAY]`, with rates as `10Mbit/s` and delays as
/// `5ms` or `100us`; a link without a rate takes no time to send. What follows `#` is for people.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    pub(crate) hosts: Vec<String>,
    pub(crate) routers: Vec<String>,
    pub(crate) links: Vec<Line>,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) ends: [String; 2],
    pub(crate) rate: Option<BitsPerSec>,
    pub(crate) delay: Duration,
}

impl Topology {
    /// Reads it; a test whose network makes no sense fails.
    pub(crate) fn read(text: &str) -> Self {
        let mut topology = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let names = |words: std::str::SplitWhitespace<'_>| words.map(str::to_owned).collect();
            match words.next() {
                None => {}
                Some("host") => topology.hosts.extend::<Vec<_>>(names(words)),
                Some("router") => topology.routers.extend::<Vec<_>>(names(words)),
                Some("link") => topology.links.push(Line::read(words)),
                Some(other) => panic!("{other:?} is no part of a network: {line:?}"),
            }
        }
        topology
    }
}

impl Line {
    fn read<'a>(mut words: impl Iterator<Item = &'a str>) -> Self {
        let mut end = || words.next().expect("a link has two ends").to_owned();
        let mut line = Self {
            ends: [end(), end()],
            rate: None,
            delay: Duration::ZERO,
        };
        for word in words {
            let digits = word
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(word.len());
            let (number, unit) = word.split_at(digits);
            let number: u32 = number.parse().unwrap_or_else(|_| panic!("{word:?}"));
            match unit {
                "kbit/s" => line.rate = Some(BitsPerSec::kilo(number)),
                "Mbit/s" => line.rate = Some(BitsPerSec::mega(number)),
                "ms" => line.delay = Duration::from_millis(number.into()),
                "us" => line.delay = Duration::from_micros(number.into()),
                _ => panic!("{word:?} is neither a rate nor a delay"),
            }
        }
        line
    }
}

#[test]
fn a_network_is_read() {
    let topology = Topology::read(
        "host a b   # two of them\n\nrouter r\nlink a r 10Mbit/s 5ms\nlink r b 64kbit/s",
    );
    assert_eq!(topology.hosts, ["a", "b"]);
    assert_eq!(topology.routers, ["r"]);
    let [first, second] = topology.links.as_slice() else {
        panic!("{topology:?}")
    };
    assert_eq!(first.ends, ["a", "r"]);
    assert_eq!(first.rate, Some(BitsPerSec::mega(10)));
    assert_eq!(first.delay, Duration::from_millis(5));
    assert_eq!(
        (second.rate, second.delay),
        (Some(BitsPerSec::kilo(64)), Duration::ZERO)
    );
}
