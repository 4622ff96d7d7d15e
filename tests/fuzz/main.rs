//! Throws damaged input at every decoder, for a time; `cargo test` replays the corpus only.
//!
//! A function must not panic, must not take more memory than it was allowed, and must keep the promises that it states itself. When one
//! does not, the input is written to a file and the program ends with the command that repeats it.

mod corpus;
mod functions;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use fairway_tests::Random;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::functions::{FUNCTIONS, Function};

#[global_allocator]
static COUNTED: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Runs the fuzz functions.
#[derive(Debug, Parser)]
#[command(name = "fuzz")]
struct Args {
    /// Time for each function.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where the random numbers begin; the clock decides otherwise. Printed at the start.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs one input, as a failed run left it, instead of random ones.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Which functions; none named is all.
    functions: Vec<String>,
}

/// Most inputs kept of those that a function understood.
const POOL: usize = 512;
/// Longest input, in octets.
const LONGEST: usize = 4096;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what it is for")]
fn main() -> ExitCode {
    let args = Args::parse();
    let chosen: Vec<&Function> = FUNCTIONS
        .iter()
        .filter(|function| {
            args.functions.is_empty() || args.functions.iter().any(|name| name == function.name)
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        eprintln!("fuzz: no such function; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    if let Some(file) = &args.input {
        let Ok(input) = std::fs::read(file) else {
            eprintln!("fuzz: cannot read {}", file.display());
            return ExitCode::from(2);
        };
        for function in chosen {
            println!("{}: {:?}", function.name, once(function, &input));
        }
        return ExitCode::SUCCESS;
    }
    let seed = args.seed.unwrap_or_else(|| {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or(1)
    });
    println!("fuzz: --seed {seed}");
    for function in chosen {
        match random_inputs(function, seed, Duration::from_secs(args.seconds)) {
            Ok((inputs, understood)) => {
                println!(
                    "fuzz: {:<16} {inputs:>9} inputs, {understood:>9} understood",
                    function.name
                );
            }
            Err(failure) => {
                eprintln!("fuzz: {}: {failure}", function.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Runs a function on damaged inputs until the time is over; gives how many there were and how many it understood.
fn random_inputs(function: &Function, seed: u64, time: Duration) -> Result<(u64, u64), String> {
    let mut random = Random::new(seed);
    let mut pool = corpus::of(function.name);
    for input in &pool {
        once(function, input).map_err(|failure| format!("corpus: {failure}"))?;
    }
    let end = now() + time;
    let (mut inputs, mut understood) = (0, 0);
    while now() < end {
        for _ in 0..64 {
            let input = function.input.make(&mut random, &pool, LONGEST);
            inputs += 1;
            match once(function, &input) {
                Ok(false) => {}
                Ok(true) => {
                    understood += 1;
                    if pool.len() < POOL {
                        pool.push(input);
                    } else if random.below(16) == 0 {
                        let at = random.below(POOL);
                        if let Some(old) = pool.get_mut(at) {
                            *old = input;
                        }
                    }
                }
                Err(failure) => {
                    let file = std::env::temp_dir().join(format!("fuzz-{}.bin", function.name));
                    let kept = std::fs::write(&file, &input);
                    return Err(format!(
                        "{failure}\n  seed {seed}, input {inputs} kept in {} ({kept:?}); again: fuzz --input {0} {}",
                        file.display(),
                        function.name
                    ));
                }
            }
        }
    }
    Ok((inputs, understood))
}

/// Runs a function on one input: whether it was understood, or what went wrong.
fn once(function: &Function, input: &[u8]) -> Result<bool, String> {
    let region = Region::new(COUNTED);
    let result = catch_unwind(AssertUnwindSafe(|| (function.run)(input)));
    let allocated = region.change().bytes_allocated;
    let understood = result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("panicked: {}", text.unwrap_or("?"))
    })?;
    let most = (function.most_memory)(input.len());
    if allocated > most {
        return Err(format!(
            "allocated {allocated} octets for an input of {}, at most {most}",
            input.len()
        ));
    }
    Ok(understood)
}

#[expect(clippy::disallowed_methods, reason = "fuzzing lasts for a real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test only: memory is counted for the whole process.
    #[test]
    fn every_function_stands_its_corpus_and_many_damaged_inputs() {
        let mut random = Random::for_test("fuzz", 1);
        for function in FUNCTIONS {
            let pool = corpus::of(function.name);
            assert!(!pool.is_empty(), "{}: no corpus", function.name);
            let mut understood = 0;
            for input in &pool {
                understood += usize::from(once(function, input).unwrap_or_else(|failure| {
                    panic!("{}: {failure}", function.name);
                }));
            }
            assert!(
                understood > 0,
                "{}: nothing in its corpus is valid",
                function.name
            );
            // Those that make hosts for each input take their time in a build that is not optimised.
            let tries =
                if function.name.starts_with("native-") || function.name == "ftp-tls-records" {
                    200
                } else {
                    2000
                };
            for _ in 0..tries {
                let input = function.input.make(&mut random, &pool, LONGEST);
                assert!(input.len() <= LONGEST);
                if let Err(failure) = once(function, &input) {
                    panic!("{}: {failure}\n{input:02x?}", function.name);
                }
            }
        }
    }
}
