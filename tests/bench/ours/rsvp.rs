//! RSVP: engine, timers and messages, each alone; daemons in namespaces.

mod messages;
mod paths;
mod scale;

use std::hint::black_box;
use std::time::Duration;

use fairway_rsvp::timers::Timers;
use fairway_wire::Instant;

use self::messages::{decode, memory};
use self::scale::Line;
use crate::lab::{Error, much, process_cpu, put, thread_cpu};
use crate::runtime;

/// Measures each case once. What was given back before would be used again unseen, so that each is for a process of its
/// own where memory is looked at.
pub(crate) fn run(cases: &[String]) -> Result<(), Error> {
    for case in cases {
        match case.split(':').collect::<Vec<_>>().as_slice() {
            ["decode"] => decode()?,
            ["timers"] => timers()?,
            ["memory", sessions] => memory(sessions.parse()?)?,
            ["establish", sessions] => establish(sessions.parse()?)?,
            ["keep", sessions, minutes] => keep(false, sessions.parse()?, minutes.parse()?)?,
            ["summaries", sessions, minutes] => keep(true, sessions.parse()?, minutes.parse()?)?,
            ["setup", sessions] => block(paths::setup(sessions.parse()?))?,
            ["isolation", packets] => block(paths::isolation(packets.parse()?))?,
            ["guaranteed", packets] => block(paths::guaranteed(packets.parse()?))?,
            ["many", sessions] => block(paths::many(sessions.parse()?))?,
            _ => return Err(format!("no case '{case}'").into()),
        }
    }
    Ok(())
}

fn block(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    runtime(1)?.block_on(work)
}

/// A number of things, to compute with.
#[expect(clippy::cast_precision_loss, reason = "numbers far below 2^52")]
fn count(many: usize) -> f64 {
    many as f64
}

/// Sessions set up through three engines, each with a reservation: what that takes of the processor, all together.
fn establish(sessions: u32) -> Result<(), Error> {
    let began = process_cpu();
    let line = established(false, sessions)?;
    put(
        &format!("ours.rsvp.establish{sessions}"),
        process_cpu() - began,
        "s",
    );
    put(
        &format!("ours.rsvp.establish{sessions}.one"),
        line.busy * 1e6 / f64::from(sessions),
        "us",
    );
    Ok(())
}

/// A row of engines with reservations for so many sessions.
fn established(refresh_reduction: bool, sessions: u32) -> Result<Line, Error> {
    let mut line = Line::new(refresh_reduction)?;
    line.establish(0, sessions);
    let (known, reserved, lost) = (line.sessions(), line.reserved, line.lost);
    let wanted = usize::try_from(sessions)?;
    if (known, reserved, lost) != (wanted, wanted, 0) {
        return Err(
            format!("of {sessions}: {known} known, {reserved} reserved, {lost} lost").into(),
        );
    }
    Ok(line)
}

/// Sessions kept up for minutes: the share of a core that it takes the engine in the middle, and what it sends to each
/// of its two neighbours.
fn keep(refresh_reduction: bool, sessions: u32, minutes: u32) -> Result<(), Error> {
    let mut line = established(refresh_reduction, sessions)?;
    // What was new is refreshed as what is old before anything is measured.
    line.run(Duration::from_secs(60));
    (line.busy, line.sent) = (0.0, 0);
    line.run(Duration::from_secs(60) * minutes);
    let seconds = f64::from(60 * minutes);
    let how = if refresh_reduction {
        "summaries"
    } else {
        "keep"
    };
    let name = format!("ours.rsvp.{how}{sessions}");
    put(&name, 100.0 * line.busy / seconds, "%");
    let sent = f64::from(u32::try_from(line.sent)?);
    put(&format!("{name}.sent"), sent / seconds / 2.0, "/s");
    let gone = usize::try_from(sessions)?.saturating_sub(line.sessions()) + line.lost;
    put(&format!("{name}.lost"), count(gone), "sessions");
    Ok(())
}

/// Deadlines set, put off three times as soft state is, and passed: each of these is an operation.
fn timers() -> Result<(), Error> {
    let many = u32::try_from(much(1_000_000))?;
    // A generator of full period: every deadline between 15 s and 45 s.
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_nanos(15_000_000_000 + (state >> 33) % 30_000_000_000)
    };
    let began = thread_cpu();
    let mut timers = Timers::new();
    for key in 0..many {
        timers.set(key, Instant::ZERO + random());
    }
    for round in 1..4 {
        for key in 0..many {
            timers.set(
                key,
                Instant::ZERO + Duration::from_secs(10) * round + random(),
            );
        }
    }
    let mut passed = 0;
    while let Some(next) = timers.next() {
        while let Some(key) = timers.pop_due(next) {
            black_box(key);
            passed += 1;
        }
    }
    if passed != many {
        return Err(format!("{passed} of {many} passed").into());
    }
    let each = (thread_cpu() - began) / f64::from(5 * many);
    put("ours.rsvp.timers", each * 1e6, "us");
    Ok(())
}
