//! Asks for a password on the terminal, without echo.

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};

/// A terminal whose echo is off until this is dropped, also when the question is given up by Ctrl-C.
struct Silent {
    terminal: File,
    before: Termios,
    /// Whether the line has been typed, and its end was shown.
    typed: bool,
}

impl Silent {
    fn new() -> io::Result<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        silent.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(&terminal, SetArg::TCSADRAIN, &silent)?;
        Ok(Self {
            terminal,
            before,
            typed: false,
        })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        if !self.typed {
            let _ = writeln!(self.terminal);
        }
        // The terminal has gone if this fails.
        let _ = tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.before);
    }
}

/// The line that is typed.
///
/// # Errors
/// No terminal.
pub(crate) async fn password(question: &str) -> io::Result<String> {
    let mut silent = Silent::new()?;
    write!(silent.terminal, "{question}")?;
    silent.terminal.flush()?;
    let reader = silent.terminal.try_clone()?;
    let read = move || -> io::Result<String> {
        let mut line = String::new();
        if BufReader::new(reader).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(end);
        Ok(line)
    };
    let line = tokio::task::spawn_blocking(read).await;
    silent.typed = true;
    drop(silent);
    line.map_err(io::Error::other)?
}
