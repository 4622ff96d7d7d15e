//! Messages of neighbours, played to one engine: what decoding them takes, and what an engine must remember of them.

use std::hint::black_box;

use bytes::Bytes;
use fairway_rsvp::msg::{Body, Flows, Message};
use fairway_rsvp::neighbour::Arrival;
use fairway_rsvp::wire::{FilterSpec, SenderTemplate};
use fairway_wire::Instant;

use super::count;
use super::scale::{Line, middle, sender, session};
use crate::lab::{Error, much, put, resident, thread_cpu};

/// Sessions before what is made once is made.
const WARM: u32 = 1000;

/// What the middle of three nodes heard while one session was set up.
fn heard() -> Result<Vec<(Arrival, Bytes)>, Error> {
    let mut line = Line::new(false)?;
    line.heard = Some(Vec::new());
    line.establish(0, 1);
    line.heard.ok_or_else(|| "nothing heard".into())
}

/// Path and Resv in turn: messages per second.
pub(super) fn decode() -> Result<(), Error> {
    let heard = heard()?;
    let times = much(4_000_000) / heard.len();
    let began = thread_cpu();
    for _ in 0..times {
        for (_, octets) in &heard {
            black_box(Message::decode(black_box(octets))?);
        }
    }
    let each = (thread_cpu() - began) / count(times * heard.len());
    put("ours.rsvp.decode", 1.0 / each, "/s");
    Ok(())
}

/// What an engine remembers of a session with a sender and a reservation, by the resident memory of this process.
pub(super) fn memory(sessions: u32) -> Result<(), Error> {
    let heard = heard()?;
    let mut engine = middle(false);
    let mut play = |numbers: std::ops::Range<u32>| -> Result<(), Error> {
        for number in numbers {
            for (arrival, octets) in &heard {
                let octets = of_session(octets, number)?;
                engine.handle_datagram(Instant::ZERO, arrival, &octets);
                while engine.poll_output().is_some() {}
            }
        }
        Ok(())
    };
    let now = || resident(std::process::id()).ok_or("no resident memory in /proc");
    play(0..WARM)?;
    let before = now()?;
    play(WARM..WARM + sessions)?;
    let each = (now()? - before) / f64::from(sessions);
    if engine.session_count() != usize::try_from(WARM + sessions)? {
        return Err(format!("only {} sessions", engine.session_count()).into());
    }
    put("ours.rsvp.memory", each, "octets");
    Ok(())
}

/// The same message about another session.
fn of_session(octets: &Bytes, number: u32) -> Result<Bytes, Error> {
    let mut message = Message::decode(octets)?;
    match &mut message.body {
        Body::Path(path) => {
            path.session = session(number);
            if let Some(descriptor) = &mut path.sender {
                descriptor.template = SenderTemplate(sender(number));
            }
        }
        Body::Resv(resv) => {
            resv.session = session(number);
            if let Flows::Ff(flows) = &mut resv.flows {
                for flow in flows {
                    flow.filter = FilterSpec(sender(number));
                }
            }
        }
        _ => {}
    }
    Ok(message.encode()?.into())
}
