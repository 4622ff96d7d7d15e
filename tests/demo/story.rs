//! How the demo tells what it does.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the demo's output"
)]

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::Duration;

/// Prints numbered steps; in bold and colour on a terminal that wants them.
#[derive(Debug)]
pub(crate) struct Story {
    steps: Cell<u32>,
    colour: bool,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            steps: Cell::new(0),
            colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn title(&self, text: &str) {
        println!("\n{}", self.paint("1", text));
    }

    pub(crate) fn step(&self, text: &str) {
        self.steps.set(self.steps.get() + 1);
        println!(
            "\n{} {}",
            self.paint("1;36", &self.steps.get().to_string()),
            self.paint("1", text)
        );
    }

    pub(crate) fn say(&self, text: &str) {
        println!("  {text}");
    }

    pub(crate) fn code(&self, text: &str) {
        println!();
        for line in text.lines() {
            println!("    {}", self.paint("33", line));
        }
        println!();
    }

    pub(crate) fn table(&self, text: &str) {
        println!();
        for (at, line) in text.lines().enumerate() {
            println!(
                "  {}",
                if at == 0 {
                    self.paint("2", line)
                } else {
                    line.to_owned()
                }
            );
        }
    }

    pub(crate) fn exchange(&self, question: &str, answer: &str) {
        println!("  {question:<32} {} {answer}", self.paint("2", "→"));
    }

    pub(crate) fn counted(&self, procedure: &str, calls: u64, refused: u64) {
        println!("  {procedure:<24} {calls:>5} calls, {refused} refused");
    }

    pub(crate) fn figures(&self, what: &str, calls: usize, took: Duration) {
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let seconds = took.as_secs_f64().max(1e-9);
        let rate = f64::from(calls) / seconds;
        println!(
            "  {what:<24} {calls:>5} calls in {:>7.1} ms {:>9.0} calls/s {:>7.1} µs each",
            seconds * 1e3,
            rate,
            seconds * 1e6 / f64::from(calls)
        );
    }
}

pub(crate) fn failed(why: &str) {
    eprintln!("demo: {why}");
}
