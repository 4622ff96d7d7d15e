//! Bars on stderr while files move, and lines between them.

use fairway_ftp::{Progress, ProgressSink};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a second the bars are drawn.
const DRAWN: u8 = 5;
/// Columns for a name, at most.
const NAME: usize = 40;

/// Where talk goes: stderr, above the bars if there are any. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    bars: Option<MultiProgress>,
    quiet: bool,
}

impl Board {
    pub(crate) fn new(quiet: bool) -> Self {
        let wanted = !quiet && io::stderr().is_terminal();
        let target = || ProgressDrawTarget::stderr_with_hz(DRAWN);
        Self {
            bars: wanted.then(|| MultiProgress::with_draw_target(target())),
            quiet,
        }
    }

    /// Says something that matters: a failure, or what was asked for.
    pub(crate) fn say(&self, text: &str) {
        let write = || {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(io::stderr().lock(), "{text}");
        };
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Says something good to know.
    pub(crate) fn tell(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Runs `work`, which writes to the terminal, while no bar is in its way.
    pub(crate) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(work),
            None => work(),
        }
    }

    /// Whether there are bars.
    pub(crate) const fn has_bars(&self) -> bool {
        self.bars.is_some()
    }

    /// Wipes what bars are drawn: who drew them was interrupted.
    pub(crate) fn wipe(&self) {
        if let Some(bars) = &self.bars {
            // A terminal that is gone shows none.
            let _ = bars.clear();
        }
    }

    /// Wipes them, and draws no more.
    pub(crate) fn end_bars(&self) {
        self.wipe();
        if let Some(bars) = &self.bars {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// A line for all of several files.
    pub(crate) fn total(&self, files: usize, octets: Option<u64>) -> Total {
        let bar = self
            .bars
            .as_ref()
            .filter(|_| files > 1)
            .map(|bars| bars.add(line(&format!("{files} files"), octets)));
        Total {
            board: self.clone(),
            bar: bar.map(|bar| Arc::new(Shared(bar))),
        }
    }
}

/// The line for all files.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    board: Board,
    bar: Option<Arc<Shared>>,
}

/// A line that is gone with the last who holds it.
#[derive(Debug)]
struct Shared(ProgressBar);

impl Total {
    /// A line for one file.
    pub(crate) fn file(&self, name: &str, octets: Option<u64>) -> FileBar {
        let bar = self.board.bars.as_ref().map(|bars| {
            let bar = line(name, octets);
            match &self.bar {
                Some(total) => bars.insert_before(&total.0, bar),
                None => bars.add(bar),
            }
        });
        FileBar {
            bar,
            total: self.bar.clone(),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The line of one file; gone when this is dropped.
#[derive(Debug)]
pub(crate) struct FileBar {
    bar: Option<ProgressBar>,
    total: Option<Arc<Shared>>,
}

impl FileBar {
    /// What a transfer tells its progress to.
    pub(crate) fn sink(&self) -> Option<ProgressSink> {
        let bar = self.bar.clone()?;
        let total = self.total.clone();
        let last = AtomicU64::new(0);
        let begun = AtomicU64::new(u64::MAX);
        Some(Arc::new(move |progress: &Progress| {
            let Progress {
                from,
                octets,
                total: size,
                ..
            } = *progress;
            // What was there before says nothing about the rate.
            if begun.swap(from, Ordering::Relaxed) == u64::MAX && from > 0 {
                bar.set_position(from);
                bar.reset_eta();
            }
            if let Some(size) = size.filter(|size| bar.length() != Some(*size)) {
                bar.set_length(size.max(from + octets));
                bar.set_style(style(true));
            }
            bar.set_position(from + octets);
            let before = last.swap(octets, Ordering::Relaxed);
            if let Some(total) = &total {
                total.0.inc(octets.saturating_sub(before));
            }
        }))
    }
}

impl Drop for FileBar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line that is not shown yet: where it is drawn is known when it is added to the others.
fn line(name: &str, octets: Option<u64>) -> ProgressBar {
    ProgressBar::with_draw_target(octets, ProgressDrawTarget::hidden())
        .with_style(style(octets.is_some()))
        .with_message(fitted(name))
}

/// The numbers take 36 columns and 29, the name the others: a line that is wider than the terminal leaves parts of
/// itself behind.
fn style(sized: bool) -> ProgressStyle {
    let template = if sized {
        "{wide_msg} {percent:>3}% [{bar:10}] {binary_bytes_per_sec:>12} {eta:>4}"
    } else {
        "{wide_msg} {binary_bytes:>10} {binary_bytes_per_sec:>12} {elapsed:>4}"
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// A name that is not too long: the end of a path tells more than its beginning.
fn fitted(name: &str) -> String {
    let clean = crate::output::name(name.as_bytes());
    let count = clean.chars().count();
    if count <= NAME {
        return clean;
    }
    let end: String = clean.chars().skip(count - (NAME - 1)).collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use super::{NAME, fitted, style};
    use indicatif::{ProgressBar, ProgressDrawTarget, TermLike};
    use std::io;
    use std::sync::{Arc, Mutex};

    #[test]
    fn the_end_of_a_long_name_is_kept() {
        assert_eq!(fitted("a"), "a");
        assert_eq!(fitted(&"x".repeat(100)).chars().count(), NAME);
        let long = "a/very/long/path/to/some/directory/with/a/file.tar.gz";
        assert!(fitted(long).ends_with("/a/file.tar.gz"));
    }

    /// A terminal that keeps what is written to it.
    #[derive(Clone, Debug)]
    struct Screen {
        columns: u16,
        text: Arc<Mutex<String>>,
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            self.columns
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.text.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_fits_into_the_terminal() {
        for (columns, sized) in [(40, true), (40, false), (80, true), (80, false)] {
            let text = Arc::default();
            let screen = Screen {
                columns,
                text: Arc::clone(&text),
            };
            let target = ProgressDrawTarget::term_like(Box::new(screen));
            let bar = ProgressBar::with_draw_target(Some(1_100_000_000), target)
                .with_style(style(sized))
                .with_message(fitted(&"x".repeat(100)));
            bar.set_position(1_090_000_000);
            bar.tick();
            let text = text.lock().unwrap();
            let last = text.trim_end().rsplit('…').next().unwrap();
            assert!(last.contains("/s"), "{text}");
            assert!(last.chars().count() < usize::from(columns), "{text}");
        }
    }
}
