//! How the demo tells what it does, in lines of at most 80 columns.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

/// A line that could not be written, because whoever read them has left (`cargo demo | head`), or the disk is full.
#[derive(Debug, thiserror::Error)]
#[error("cannot write: {0}")]
pub(crate) struct Unwritten(#[from] io::Error);

impl Unwritten {
    /// Whether the reader has left: nothing is wrong then.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

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
            colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn title(&self, text: &str) -> Result<(), Unwritten> {
        line("")?;
        line(&self.paint("1", text))
    }

    pub(crate) fn step(&self, text: &str) -> Result<(), Unwritten> {
        self.steps.set(self.steps.get() + 1);
        let number = self.paint("1;36", &self.steps.get().to_string());
        line("")?;
        line(&format!("{number} {}", self.paint("1", text)))
    }

    /// Each line of `text`, indented.
    pub(crate) fn say(&self, text: &str) -> Result<(), Unwritten> {
        text.lines().try_for_each(|text| line(&format!("  {text}")))
    }

    pub(crate) fn code(&self, text: &str) -> Result<(), Unwritten> {
        line("")?;
        for text in text.lines() {
            line(&format!("    {}", self.paint("33", text)))?;
        }
        line("")
    }

    pub(crate) fn table(&self, text: &str) -> Result<(), Unwritten> {
        line("")?;
        for (at, row) in text.lines().enumerate() {
            let row = if at == 0 {
                self.paint("2", row)
            } else {
                row.to_owned()
            };
            line(&format!("  {row}"))?;
        }
        Ok(())
    }

    pub(crate) fn exchange(&self, question: &str, answer: &str) -> Result<(), Unwritten> {
        line(&format!(
            "  {question:<32} {} {answer}",
            self.paint("2", "→")
        ))
    }

    pub(crate) fn counted(
        &self,
        procedure: &str,
        calls: u64,
        refused: u64,
    ) -> Result<(), Unwritten> {
        let word = if calls == 1 { "call, " } else { "calls," };
        line(&format!(
            "  {procedure:<24} {calls:>5} {word} {refused} refused"
        ))
    }

    pub(crate) fn figures(
        &self,
        what: &str,
        calls: usize,
        took: Duration,
    ) -> Result<(), Unwritten> {
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let seconds = took.as_secs_f64().max(1e-9);
        let rate = f64::from(calls) / seconds;
        line(&format!(
            "  {what:<20} {calls:>5} calls in {:>6.1} ms {rate:>9.0}/s {:>7.1} µs each",
            seconds * 1e3,
            seconds * 1e6 / f64::from(calls)
        ))
    }
}

fn line(text: &str) -> Result<(), Unwritten> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

#[expect(clippy::print_stderr, reason = "the demo's last word")]
pub(crate) fn failed(why: &str) {
    eprintln!("demo: {why}");
}
