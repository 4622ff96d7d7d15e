//! What the runner notices, with a stack that does just what a test says.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use super::super::ast::{Action, Call, Packet, Settings, Side};
use super::super::executor::{Executor, Failure, Step, Value};
use super::super::flow::Flows;
use super::super::octets::{Sender, build};
use super::super::parser::parse;
use super::{Failed, run};

/// Sends its packets at their times and gives its results in order; calls that have none give 0.
struct Puppet {
    side: Side,
    now: Duration,
    packets: VecDeque<(Duration, Vec<u8>)>,
    results: VecDeque<Result<Value, Failure>>,
}

impl Executor for Puppet {
    fn side(&self) -> Side {
        self.side
    }

    fn now(&self) -> Duration {
        self.now
    }

    fn step(&mut self, until: Duration, watch: bool) -> Result<Step, String> {
        if let Some((at, packet)) = self.packets.pop_front_if(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            return Ok(Step::Packet(at, packet));
        }
        let glance = self.now + Duration::from_millis(1);
        if watch && glance < until {
            self.now = glance;
            return Ok(Step::Changed);
        }
        self.now = self.now.max(until);
        Ok(Step::Reached)
    }

    fn inject(&mut self, _packet: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn call(&mut self, _call: &Call, _data: &[u8], _named: Option<u32>) -> Result<Value, Failure> {
        self.results.pop_front().unwrap_or(Ok(Value::Number(0)))
    }

    fn tcp_info(&mut self, _socket: u32) -> Result<BTreeMap<&'static str, u64>, String> {
        Ok(BTreeMap::from([("cwnd", 10)]))
    }

    fn counter(&mut self, name: &str) -> Result<u64, String> {
        Err(format!("no counter {name}"))
    }

    fn event(&mut self, _name: &str) -> Result<u64, String> {
        Ok(3)
    }

    fn tolerance(&self, _wait: Duration) -> Duration {
        Duration::from_millis(1)
    }
}

/// A packet of the stack, written as a script would; its SYN has the number 5000 on the wire.
fn from_the_stack(text: &str) -> Vec<u8> {
    let script = parse(Path::new("a.pkt"), &format!("+0 < {text}")).unwrap();
    let Action::Inject(packet) = &script.statements[0].action else {
        panic!("no packet");
    };
    let mut flows = Flows::new(&Settings::default());
    flows.flow(flows.key(&Packet::default())).syn_sent(5000);
    build(packet, Sender::Local, &mut flows).unwrap()
}

/// A puppet that sends these at these milliseconds.
fn puppet(packets: &[(u64, &str)]) -> Puppet {
    Puppet {
        side: Side::Native,
        now: Duration::ZERO,
        packets: packets
            .iter()
            .map(|(at, text)| (Duration::from_millis(*at), from_the_stack(text)))
            .collect(),
        results: VecDeque::new(),
    }
}

fn failure(script: &str, mut puppet: Puppet) -> Failed {
    let script = parse(Path::new("a.pkt"), script).unwrap();
    *run(&script, &mut puppet).unwrap_err()
}

#[track_caller]
fn fails(script: &str, puppet: Puppet, line: usize, reason: &str) {
    let failed = failure(script, puppet);
    assert_eq!(failed.line, line, "{failed}");
    assert!(failed.to_string().contains(reason), "{failed}");
}

#[track_caller]
fn passes(script: &str, mut puppet: Puppet) -> Vec<String> {
    let script = parse(Path::new("a.pkt"), script).unwrap();
    match run(&script, &mut puppet) {
        Ok(passed) => passed.trace,
        Err(failed) => panic!("{failed}"),
    }
}

const SYN_ACK: &str = "S. 0:0(0) ack 1 win 100 <mss 1460>";
const OPEN: &str = "+0 < S 0:0(0) win 100 <mss 1000>\n+0 > S. 0:0(0) ack 1 <mss 1460>\n";

#[test]
fn what_is_as_written_passes_and_leaves_a_trace_in_relative_numbers() {
    let data = "P. 1:101(100) ack 1 win 100";
    let trace = passes(
        &format!("{OPEN}+0.2 > P. 1:101(100) ack 1 win 100"),
        puppet(&[(0, SYN_ACK), (200, data)]),
    );
    assert!(
        trace[2].ends_with("> P. 1:101(100) ack 1 win 100"),
        "{trace:?}"
    );
}

#[test]
fn every_field_that_differs_is_named() {
    let sent = [(0, SYN_ACK), (0, "P. 1:101(100) ack 1 win 100")];
    let differs =
        |expected: &str, reason| fails(&format!("{OPEN}+0 > {expected}"), puppet(&sent), 3, reason);
    differs(". 1:101(100) ack 1", "flags: expected ., got P.");
    differs("P. 2:102(100) ack 1", "sequence number: expected 2, got 1");
    differs("P. 1:100(99) ack 1", "octets of data: expected 99, got 100");
    differs(
        "P. 1:101(100) ack 2",
        "acknowledgement number: expected 2, got 1",
    );
    differs(
        "P. 1:101(100) ack 1 win 7~99",
        "window: expected 7~99, got 100",
    );
    differs(
        "P. 1:101(100) ack 1 <nop>",
        "options: expected <nop>, got <>",
    );
    differs("@9 P. 1:101(100) ack 1", "the ports");
    differs(
        "ip(ttl 3) P. 1:101(100) ack 1",
        "time to live: expected 3, got 64",
    );
    differs("udp (100)", "the protocol");
}

#[test]
fn wildcards_take_anything() {
    let sent = [
        (0, SYN_ACK),
        (0, "P. 1:101(100) ack 1 win 100 <nop,nop,TS val 7 ecr 8>"),
    ];
    passes(&format!("{OPEN}* > p. * ack * <...>"), puppet(&sent));
    passes(
        &format!("{OPEN}+0 > P. 1:101(100) ack 1 <nop,nop,TS any>"),
        puppet(&sent),
    );
}

#[test]
fn packets_come_neither_early_nor_late_nor_never() {
    let at = |time| puppet(&[(0, SYN_ACK), (time, ". 1:1(0) ack 1 win 100")]);
    let script = format!("{OPEN}+0.2~+0.3 > . 1:1(0) ack 1");
    passes(&script, at(199));
    passes(&script, at(301));
    fails(&script, at(150), 3, "too early");
    fails(&script, at(302), 3, "nothing was sent");
    fails(
        &script,
        puppet(&[(0, SYN_ACK)]),
        3,
        "nothing was sent until",
    );
}

#[test]
fn what_nobody_expects_is_noticed_at_quiet_and_at_the_end() {
    let sent = [(0, SYN_ACK), (0, ". 1:1(0) ack 1 win 100")];
    fails(OPEN, puppet(&sent), 2, "nothing more expected");
    fails(
        &format!("{OPEN}+0.1 quiet\n+0 > . 1:1(0) ack 1"),
        puppet(&sent),
        3,
        "nothing more expected",
    );
}

#[test]
fn data_that_was_not_written_is_noticed() {
    let mut puppet = puppet(&[(0, SYN_ACK)]);
    // The octets of another place in the stream, with a checksum that fits.
    let mut wrong = from_the_stack("P. 51:151(100) ack 1 win 100");
    wrong[24..28].copy_from_slice(&5001_u32.to_be_bytes());
    let (source, destination) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    fairway_wire::tcp::fill_checksum(source, destination, &mut wrong[20..]);
    puppet.packets.push_back((Duration::ZERO, wrong));
    fails(
        &format!("{OPEN}+0 > P. 1:101(100) ack 1"),
        puppet,
        3,
        "octet 0 of the data",
    );
}

#[test]
fn a_wrong_checksum_of_the_stack_is_noticed() {
    let mut puppet = puppet(&[(0, SYN_ACK)]);
    let mut damaged = from_the_stack(". 1:1(0) ack 1 win 100");
    damaged[37] ^= 1;
    puppet
        .packets
        .push_back((Duration::from_millis(100), damaged));
    fails(
        &format!("{OPEN}+0.1 > . 1:1(0) ack 1"),
        puppet,
        3,
        "a wrong TCP checksum",
    );
}

#[test]
fn results_of_calls_are_compared() {
    let with = |results: &[Result<Value, Failure>]| Puppet {
        results: results.iter().cloned().collect(),
        ..puppet(&[])
    };
    let error = |name: &str| Err(Failure::Error(name.into()));
    let made = || Ok(Value::Number(0));
    let script = "+0 socket(tcp, nonblock) = 3\n+0 listen(3, 1) = 0";
    passes(script, with(&[made(), made()]));
    fails(
        script,
        with(&[made(), error("EINVAL")]),
        2,
        "returned -1 EINVAL",
    );
    fails(
        "+0 socket(tcp) = 3\n+0 read(4, 1) = 1",
        with(&[]),
        2,
        "no such socket",
    );
    let script = "+0 socket(tcp, nonblock) = 3\n+0 read(3, 10) = -1 EAGAIN";
    passes(script, with(&[made(), error("EAGAIN")]));
    let octets = |octets: &[u8]| Ok(Value::Octets(octets.to_vec()));
    let script = "+0 socket(tcp) = 3\n+0 read(3, 10) = 2";
    passes(script, with(&[made(), octets(&[0, 1])]));
    fails(
        script,
        with(&[made(), octets(&[0, 2])]),
        2,
        "not what the peer sent",
    );
    fails(
        script,
        with(&[made(), octets(&[0])]),
        2,
        "returned 1 octets",
    );
}

#[test]
fn a_call_returns_at_its_time() {
    let after = |waits: usize| Puppet {
        results: std::iter::once(Ok(Value::Number(0)))
            .chain(std::iter::repeat_n(
                Err(Failure::Error("EAGAIN".into())),
                waits,
            ))
            .chain([Ok(Value::Octets(Vec::new()))])
            .collect(),
        ..puppet(&[])
    };
    // The runner asks every millisecond.
    let script = "+0 socket(tcp) = 3\n+0...+0.02 read(3, 10) = 0";
    passes(script, after(20));
    fails(script, after(10), 2, "returned at");
    fails(script, after(40), 2, "still waiting");
    fails(
        "+0 socket(tcp) = 3\n+0 read(3, 10) = 0",
        after(10),
        2,
        "still waiting",
    );
}

#[test]
fn lines_of_the_other_side_are_passed_over() {
    let script = "+0 quiet\nlinux: +5 > . 1:1(0) ack 1 // not here\nnative: +0 expect event tcp-in = 3 // here";
    passes(script, puppet(&[]));
    let script = "+0 quiet\nnative: +0 > . 1:1(0) ack 1 // here";
    fails(script, puppet(&[]), 2, "nothing was sent");
}

#[test]
fn assertions_are_checked() {
    passes(
        "+0 expect tcp_info(3).cwnd = 10\n+0 expect event tcp-in = 3",
        puppet(&[]),
    );
    fails(
        "+0 expect tcp_info(3).cwnd = 9",
        puppet(&[]),
        1,
        "expected 9, got 10",
    );
    fails(
        "+0 expect tcp_info(3).weather = 9",
        puppet(&[]),
        1,
        "there is no weather",
    );
    fails(
        "+0 expect counter rain = 9",
        puppet(&[]),
        1,
        "no counter rain",
    );
}
