//! A control connection: lines in, replies out, with the faults of a [`Config`](super::Config).

use super::server::Shared;
use super::stream::Stream;
use super::tls::{SessionTls, Use, clear};
use fairway_stack::TcpStream;
use fairway_stack::option::{Linger, NoDelay, OobInline};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Longest line a client may send.
const LONGEST_LINE: usize = 65_536;

/// Telnet commands that come with ABOR, RFC 959 §4.1.3 and RFC 854.
const IAC: u8 = 255;

/// A control connection.
pub(super) struct Control {
    shared: Arc<Shared>,
    connection: usize,
    stream: Stream,
    read: Vec<u8>,
    sent: u64,
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>, connection: usize, stream: TcpStream) -> Self {
        // Urgent data is read where it is, as Telnet commands are; without the option one octet is lost.
        let _refused = stream.set(OobInline, true);
        let _refused = stream.set(NoDelay, true);
        Self {
            shared,
            connection,
            stream: Stream::Plain(stream),
            read: Vec::new(),
            sent: 0,
        }
    }

    /// The next line with its Telnet commands, without its end; `None` at the end of the connection.
    ///
    /// Cancel safe: what was read is kept.
    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.read.iter().position(|&octet| octet == b'\n') {
                let mut line: Vec<u8> = self.read.drain(..=end).collect();
                let _lf = line.pop();
                let _cr = line.pop_if(|octet| *octet == b'\r');
                return Ok(Some(line));
            }
            if self.read.len() > LONGEST_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            // One at a time: a longer read stops at urgent data, and the runtime then takes it that no more is there.
            let mut octets = [0; 512];
            let portion = match self.stream {
                Stream::Plain(_) => 1,
                Stream::Server(_) | Stream::Client(_) | Stream::Gone => octets.len(),
            };
            let room = octets.get_mut(..portion).unwrap_or_default();
            let count = self.stream.read(room).await?;
            if count == 0 {
                return Ok(None);
            }
            self.read.extend(octets.get(..count).unwrap_or_default());
        }
    }

    /// Sends octets, at the pace and up to the number that the config says.
    pub(super) async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        let config = self.shared.config();
        let left = config
            .cut_control
            .map_or(u64::MAX, |cut| cut.saturating_sub(self.sent));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let these = octets.get(..left).unwrap_or(octets);
        self.sent += u64::try_from(these.len()).unwrap_or(0);
        self.shared.note_reply(self.connection, these);
        match config.dribble {
            Some(pause) => {
                for octet in these {
                    self.pause(pause).await;
                    self.stream.write_all(&[*octet]).await?;
                    self.stream.flush().await?;
                }
            }
            None => {
                self.stream.write_all(these).await?;
                self.stream.flush().await?;
            }
        }
        if config.cut_control.is_some_and(|cut| self.sent >= cut) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Sends a reply: a line, or several, which get their ends here.
    pub(super) async fn reply(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        let end = self.shared.config().line_end;
        let mut octets = text
            .as_ref()
            .split(|&octet| octet == b'\n')
            .collect::<Vec<_>>()
            .join(end);
        octets.extend(end);
        self.send(&octets).await
    }

    /// Sends `octets` until the peer closes.
    pub(super) async fn endless(&mut self, octets: &[u8]) -> io::Result<()> {
        if octets.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let many = octets.repeat(1 + 4096 / octets.len());
        loop {
            self.stream.write_all(&many).await?;
        }
    }

    /// Makes the end of the connection a reset.
    pub(super) fn reset(&self) {
        if let Some(stream) = self.stream.tcp() {
            let _refused = stream.set(Linger, Some(Duration::ZERO));
        }
    }

    /// Whether there is TLS.
    pub(super) const fn is_secure(&self) -> bool {
        matches!(self.stream, Stream::Server(_))
    }

    /// Begins TLS. What was read before it is forgotten.
    pub(super) async fn secure(&mut self, tls: &SessionTls) -> io::Result<()> {
        self.read.clear();
        if let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Gone) {
            self.stream = tls.accept(stream, Use::Control).await?.0;
        }
        Ok(())
    }

    /// Ends TLS, and goes on without.
    pub(super) async fn clear(&mut self) -> io::Result<()> {
        let stream = std::mem::replace(&mut self.stream, Stream::Gone);
        self.stream = clear(stream).await?;
        Ok(())
    }

    /// Ends the connection in order: with close_notify, if there is TLS.
    pub(super) async fn close(&mut self) {
        // Who has gone first needs no farewell.
        drop(self.stream.shutdown().await);
    }

    pub(super) async fn pause(&self, span: Duration) {
        if !span.is_zero() {
            self.shared.net.clock().sleep(span).await;
        }
    }
}

/// `line` without Telnet commands: interrupt process, data mark and the negotiations there should not be.
pub(super) fn without_telnet(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut octets = line.iter().copied();
    while let Some(octet) = octets.next() {
        if octet != IAC {
            out.push(octet);
            continue;
        }
        match octets.next() {
            Some(IAC) => out.push(IAC),
            // WILL, WON'T, DO, DON'T have an option.
            Some(251..=254) => drop(octets.next()),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_telnet;

    #[test]
    fn telnet_commands_are_no_part_of_a_command() {
        assert_eq!(without_telnet(b"\xff\xf4\xff\xf2ABOR"), b"ABOR");
        assert_eq!(without_telnet(b"\xff\xfd\x06A\xff\xff"), b"A\xff");
    }
}
