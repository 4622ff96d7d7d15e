//! Our network stack, measured as the peers of bench/peers/stack measure theirs. Rates that end in `_cpu` are per CPU second.

mod cost;
mod engine;
mod facade;
mod forward;
mod goodput;
mod memory;
mod pair;
mod scripts;
mod sim;
mod tap;
mod wire;

use std::hint::black_box;

use crate::lab::{Error, thread_cpu};
use crate::runtime;

/// Measures each case once.
pub(crate) fn run(cases: &[String]) -> Result<(), Error> {
    for case in cases {
        match case.split(':').collect::<Vec<_>>().as_slice() {
            ["engine"] => engine::all()?,
            ["bulk"] => engine::bulk_alone()?,
            ["exchanges"] => engine::exchanges_alone()?,
            ["datagrams"] => engine::datagrams()?,
            ["idle", many] => engine::beside_idle(many.parse()?)?,
            ["event"] => cost::run(),
            ["loopback"] => runtime(1)?.block_on(facade::all())?,
            ["goodput", seeds] => goodput::run(seeds.parse()?)?,
            ["chains"] => sim::chains()?,
            ["simulators"] => sim::all()?,
            ["tap"] => runtime(1)?.block_on(tap::all())?,
            ["forward"] => forward::run()?,
            ["memory", what] => memory::run(what)?,
            ["scripts"] => scripts::run()?,
            ["wire"] => wire::run()?,
            _ => return Err(format!("no case '{case}'").into()),
        }
    }
    Ok(())
}

/// Nanoseconds of CPU time of one of `times`.
fn each<T>(times: usize, mut work: impl FnMut() -> T) -> f64 {
    let since = thread_cpu();
    for _ in 0..times {
        black_box(work());
    }
    (thread_cpu() - since) * 1e9 / count(times)
}

/// A number of things, to compute with.
#[expect(clippy::cast_precision_loss, reason = "numbers far below 2^52")]
fn count(many: usize) -> f64 {
    many as f64
}
