//! Clocks and the form of the figures.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Prints one figure.
pub fn put(name: &str, value: f64, unit: &str) {
    println!("{name} {value} {unit}");
}

/// The middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[values.len() / 2], values[(values.len() - 1) / 2])
}

/// `usual`, or a tenth of it in a short round.
pub fn much(usual: usize) -> usize {
    if std::env::var_os("BENCH_QUICK").is_some() { usual / 10 } else { usual }
}

fn clock(id: ClockId) -> Duration {
    clock_gettime(id).expect("a clock of this system").into()
}

/// CPU time of this process, all its threads.
pub fn process_cpu() -> Duration {
    clock(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of this thread since a point.
pub struct Timer(Duration);

impl Timer {
    pub fn start() -> Self {
        Self(clock(ClockId::CLOCK_THREAD_CPUTIME_ID))
    }

    pub fn cpu(&self) -> f64 {
        (clock(ClockId::CLOCK_THREAD_CPUTIME_ID) - self.0).as_secs_f64()
    }
}
