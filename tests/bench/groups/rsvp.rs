//! RSVP: the engine with many sessions, and daemons on machines in a row.

use crate::lab::{Error, Lab, talk};

/// Measures these cases, each in a process of its own.
fn each(lab: &mut Lab, cases: &[&str]) {
    for case in cases {
        let mut command = lab.ours();
        lab.measure(command.args(["rsvp-engine", case]), None);
    }
}

/// The engine alone, between two others, on a clock of its own.
pub(crate) fn scale(lab: &mut Lab) -> Result<(), Error> {
    talk("many sessions");
    for _ in 0..lab.repeats() {
        each(
            lab,
            &["decode", "timers", "memory:50000", "establish:10000"],
        );
    }
    let long: &[&str] = if lab.quick() {
        &["keep:50000:4", "summaries:50000:4"]
    } else {
        &[
            "keep:50000:10",
            "keep:200000:10",
            "summaries:50000:10",
            "summaries:200000:10",
        ]
    };
    each(lab, long);
    Ok(())
}

/// Daemons on Linux, in namespaces; needs root.
pub(crate) fn paths(lab: &mut Lab) -> Result<(), Error> {
    talk("daemons in a row");
    if !fairway_tests::rsvp::possible("paths") {
        return Err("daemons in namespaces need root, iproute2 and nftables".into());
    }
    // Before anything is measured: a build takes minutes.
    talk("building rsvpd");
    fairway_tests::rsvp::programs();
    let cases: &[&str] = if lab.quick() {
        &["setup:50", "isolation:1500", "guaranteed:300", "many:1000"]
    } else {
        &["setup:1000", "isolation:5000", "guaranteed:1000"]
    };
    for _ in 0..lab.repeats() {
        each(lab, cases);
    }
    if !lab.quick() {
        each(lab, &["many:10000"]);
    }
    Ok(())
}
