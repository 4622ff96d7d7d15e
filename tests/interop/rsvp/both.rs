//! RSVP-15: one scenario, played on simulated machines and on namespaces, is one and the same exchange of messages.
//!
//! ```text
//!                    ┌─ simulated: daemons on our own stack, virtual time ──► transcript, how many messages, routes
//!  scenario (text) ──┤                                                            │ what is waited for, and set
//!                    └─ namespaces: rsvpd on Linux, real time ◄───────────────────┘
//! ```
//!
//! A transcript has, for every step, what each machine heard and said on each of its interfaces, in order. Of messages
//! that cross each other on different interfaces the order is chance. Times, acknowledgements and handles of
//! interfaces are no part of it.

mod namespaces;
mod play;
mod scenario;
mod simulated;

use std::path::{Path, PathBuf};

use fairway_tests::rsvp::possible;

use self::scenario::Scenario;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("interop/rsvp/scenarios")
        .join(name)
}

fn scenario(name: &str) -> Scenario {
    let text = std::fs::read_to_string(file(&format!("{name}.txt"))).unwrap();
    Scenario::read(&text)
}

/// Plays it on both, and compares.
fn is_the_same_on_both(name: &str) {
    let scenario = scenario(name);
    let simulated = simulated::play(&scenario);
    // What is compared must be something.
    assert!(simulated.transcript.len() == scenario.steps.len());
    if !possible(name) {
        return;
    }
    let real = namespaces::play(&scenario, &simulated);
    for (step, (wanted, got)) in simulated.transcript.iter().zip(&real).enumerate() {
        assert_eq!(
            got.exchange(),
            wanted.exchange(),
            "{name}, step {step}: {}",
            scenario.steps[step].text
        );
    }
}

#[test]
fn setup_and_teardown() {
    is_the_same_on_both("row");
}

#[test]
fn merging_refusal_and_blockade() {
    is_the_same_on_both("merge");
}

#[test]
fn local_repair() {
    is_the_same_on_both("repair");
}

/// In the style of the script that KOM's engine was tried with: sixteen machines, and most of what can go wrong.
#[test]
fn sixteen_machines() {
    let scenario = scenario("sixteen");
    let simulated = simulated::play(&scenario);
    let mut text = String::new();
    for (step, messages) in scenario.steps.iter().zip(&simulated.transcript) {
        text += &format!("# {}\n{messages}", step.text);
    }
    fairway_tests::assert_golden(file("sixteen.log"), &text);
}
