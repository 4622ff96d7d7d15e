//! A data connection, from its opening to its end.

use super::config::{Config, DataFault, Foreign, Script};
use super::data::{Event, Format, Mode, Place, Reader, Structure, Writer};
use super::files::Node;
use super::record::{DataConnection, Handshake};
use super::server::Shared;
use super::stream::Stream;
use super::tls::{Reuse, SessionTls, Use};
use fairway_stack::option::Linger;
use fairway_stack::{Family, TcpListener, TcpStream};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::UnboundedSender;

/// Octets read and written at a time.
const PORTION: usize = 65_536;

/// How long to wait for the string that an escape for the end of the file applies to: some send none.
const GRACE: Duration = Duration::from_secs(1);

/// Where the next data connection comes from.
pub(super) enum Target {
    /// From nowhere: no command said.
    None,
    /// From here to there: PORT, EPRT.
    Active(SocketAddr),
    /// From the peer to here: PASV, EPSV.
    Passive(TcpListener),
    /// Open already.
    Kept(Stream),
}

/// What is transferred.
pub(super) enum What {
    /// These octets, as they are on the wire.
    Send(Arc<Vec<u8>>),
    /// A file: its path, and where the first octet goes.
    Receive(Vec<u8>, Place),
}

/// A transfer to be made.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: usize,
    pub(super) config: Arc<Config>,
    pub(super) script: Script,
    pub(super) format: Format,
    pub(super) target: Target,
    /// The addresses of the control connection.
    pub(super) local: IpAddr,
    pub(super) peer: IpAddr,
    pub(super) what: What,
    /// TLS, if the data is protected, and whether as its client.
    pub(super) tls: Option<(Arc<SessionTls>, bool)>,
    /// The text of 150 (125).
    pub(super) text: String,
    /// Replies on their way to the control connection.
    pub(super) say: UnboundedSender<Say>,
}

/// A reply of a transfer.
#[derive(Debug)]
pub(super) enum Say {
    Line(String),
    Raw(Vec<u8>),
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no data connection.
    NoConnection,
    /// TLS did not begin on it.
    NoTls,
    /// TLS began anew and should have gone on.
    NotReused,
    /// It ended early.
    Closed,
    /// This server cut it.
    Cut,
    /// This server cut it and is to cut the control connection.
    CutAll,
    /// What came is no file.
    BadFormat,
    /// There is no room.
    Full,
}

/// The end of a transfer.
pub(super) struct Done {
    pub(super) result: Result<(), Failure>,
    /// The data connection, if it stays open.
    pub(super) kept: Option<Stream>,
}

/// Counts a data connection, and remembers it however it ends.
struct Meter {
    shared: Arc<Shared>,
    record: DataConnection,
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.shared.note_data(self.record.clone());
    }
}

impl Job {
    /// Makes the transfer.
    pub(super) async fn run(mut self) -> Done {
        let target = std::mem::replace(&mut self.target, Target::None);
        let again = matches!(target, Target::Kept(_));
        let early = again || self.config.early_150;
        if early {
            self.preliminary(if again { "125" } else { "150" });
        }
        let active = matches!(target, Target::Active(_));
        let failed = |failure| Done {
            result: Err(failure),
            kept: None,
        };
        let mut stream = match self.open(target).await {
            Ok(stream) => stream,
            Err(failure) => return failed(failure),
        };
        let first = self
            .config
            .tls
            .as_ref()
            .is_some_and(|tls| tls.handshake_first);
        let mut tls = None;
        for now in [true, false] {
            if now == first {
                (stream, tls) = match self.secure(stream).await {
                    Ok(secured) => secured,
                    Err(failure) => return failed(failure),
                };
            }
            if now && !early {
                self.preliminary("150");
            }
        }
        if self.script.data == Some(DataFault::FinalFirst) {
            let _ended = self
                .say
                .send(Say::Line("226 done before it began".to_owned()));
        }
        let tcp = stream.tcp();
        let peer = tcp.and_then(|tcp| tcp.peer_addr().ok());
        let local = tcp.and_then(|tcp| tcp.local_addr().ok());
        let mut meter = Meter {
            shared: Arc::clone(&self.shared),
            record: DataConnection {
                connection: self.connection,
                peer: peer.unwrap_or((self.peer, 0).into()),
                local: local.unwrap_or((self.local, 0).into()),
                active,
                sent: 0,
                received: 0,
                tls,
            },
        };
        let result = match &self.what {
            What::Send(octets) => {
                let octets = Arc::clone(octets);
                self.send(&mut stream, &octets, &mut meter).await
            }
            What::Receive(path, place) => {
                let (path, place) = (path.clone(), *place);
                self.receive(&mut stream, &path, place, &mut meter).await
            }
        };
        drop(meter);
        let stays = self.config.keep_data && !self.ends_by_close();
        let left = self.script.data == Some(DataFault::LeftOpen);
        let kept = (result.is_ok() && (stays || left)).then_some(stream);
        if let Some(DataFault::FinalLate(span)) = self.script.data {
            self.shared.net.clock().sleep(span).await;
        }
        Done { result, kept }
    }

    /// Whether the end of the connection is the end of the file.
    const fn ends_by_close(&self) -> bool {
        matches!(self.format.structure, Structure::File)
            && matches!(self.format.mode, Mode::Stream | Mode::Deflate)
    }

    fn preliminary(&self, code: &str) {
        let say = match &self.script.preliminary {
            Some(octets) => Say::Raw(octets.clone()),
            None => Say::Line(format!("{code}{}", self.text)),
        };
        // Nobody hears it if the control connection is gone.
        let _ended = self.say.send(say);
    }

    /// Opens the data connection.
    async fn open(&self, target: Target) -> Result<Stream, Failure> {
        let clock = self.shared.net.clock();
        let opened = match target {
            Target::None => return Err(Failure::NoConnection),
            Target::Kept(stream) => return Ok(stream),
            Target::Active(peer) => {
                let from = self.config.active_from.unwrap_or(self.local);
                let connect = async {
                    let socket = self.shared.net.tcp_socket(Family::of(&peer)).ok()?;
                    if Family::of(&peer) == Family::of(&(from, 0).into()) {
                        socket.bind((from, 0).into()).ok()?;
                    }
                    socket.connect(peer).await.ok()
                };
                clock.timeout(self.config.data_wait, connect).await
            }
            Target::Passive(listener) => {
                let accept = self.accept(&listener);
                clock.timeout(self.config.data_wait, accept).await
            }
        };
        let stream = opened.ok().flatten().ok_or(Failure::NoConnection)?;
        Ok(Stream::Plain(stream))
    }

    /// Begins TLS on it, if it is to be protected and is not yet.
    async fn secure(&self, stream: Stream) -> Result<(Stream, Option<Handshake>), Failure> {
        let (tcp, (tls, as_client)) = match (stream, &self.tls) {
            (Stream::Plain(tcp), Some(tls)) => (tcp, tls),
            (stream, _) => return Ok((stream, None)),
        };
        let what = match self.what {
            What::Send(_) => Use::Download,
            What::Receive(..) => Use::Upload,
        };
        let begun = if *as_client {
            let peer = tcp.peer_addr().map_or(self.peer, |peer| peer.ip());
            tls.connect(tcp, peer).await
        } else {
            tls.accept(tcp, what).await
        };
        let (stream, handshake) = begun.map_err(|_| Failure::NoTls)?;
        let reuse = self.config.tls.as_ref().map(|tls| &tls.reuse);
        if !as_client && matches!(reuse, Some(Reuse::Required(_))) && handshake == Handshake::Full {
            return Err(Failure::NotReused);
        }
        Ok((stream, Some(handshake)))
    }

    /// Takes the connection of whoever may make one.
    async fn accept(&self, listener: &TcpListener) -> Option<TcpStream> {
        loop {
            let (stream, from) = listener.accept().await.ok()?;
            match self.config.foreign {
                _ if from.ip() == self.peer => return Some(stream),
                Foreign::Allowed | Foreign::OnlyPassive => return Some(stream),
                Foreign::Refused => return None,
                Foreign::Ignored => {}
            }
        }
    }

    /// After how many octets what happens.
    fn limit(&self) -> u64 {
        match self.script.data {
            Some(
                DataFault::CloseAt(n)
                | DataFault::TruncateAt(n)
                | DataFault::ResetAt(n)
                | DataFault::AllCloseAt(n)
                | DataFault::StallAt(n),
            ) => n,
            _ => u64::MAX,
        }
    }

    /// What happens after so many octets.
    async fn fault(&self, stream: &mut Stream) -> Failure {
        match self.script.data {
            Some(DataFault::StallAt(_)) => std::future::pending().await,
            Some(DataFault::ResetAt(_)) => {
                if let Some(stream) = stream.tcp() {
                    let _refused = stream.set(Linger, Some(Duration::ZERO));
                }
                Failure::Cut
            }
            Some(DataFault::AllCloseAt(_)) => Failure::CutAll,
            Some(DataFault::TruncateAt(_)) => {
                truncate(stream);
                Failure::Cut
            }
            _ => {
                drop(stream.shutdown().await);
                Failure::Cut
            }
        }
    }

    /// Ends the data connection in order, or as the settings have it.
    async fn close(&self, stream: &mut Stream) -> std::io::Result<()> {
        let silently = self
            .config
            .tls
            .as_ref()
            .is_some_and(|tls| tls.no_close_notify);
        if silently {
            truncate(stream);
            return Ok(());
        }
        stream.shutdown().await
    }

    async fn send(
        &self,
        stream: &mut Stream,
        octets: &[u8],
        meter: &mut Meter,
    ) -> Result<(), Failure> {
        let (portion, pause) = self.config.pace.unwrap_or((PORTION, Duration::ZERO));
        let limit = self.limit();
        let mut rest = octets;
        loop {
            let left = usize::try_from(limit - meter.record.sent).unwrap_or(usize::MAX);
            let count = portion.max(1).min(rest.len()).min(left);
            let (these, behind) = rest.split_at(count);
            if !pause.is_zero() {
                self.shared.net.clock().sleep(pause).await;
            }
            stream.write_all(these).await.map_err(|_| Failure::Closed)?;
            meter.record.sent += u64::try_from(count).unwrap_or(0);
            if meter.record.sent >= limit {
                stream.flush().await.map_err(|_| Failure::Closed)?;
                return Err(self.fault(stream).await);
            }
            rest = behind;
            if rest.is_empty() {
                if self.script.data == Some(DataFault::Endless) && !octets.is_empty() {
                    rest = octets;
                    continue;
                }
                break;
            }
        }
        stream.flush().await.map_err(|_| Failure::Closed)?;
        if self.ends_by_close() && self.script.data != Some(DataFault::LeftOpen) {
            self.close(stream).await.map_err(|_| Failure::Closed)?;
            if matches!(self.tls, Some((_, true))) {
                // Closed with the other's tickets unread it would be reset, and what was sent with it.
                let mut rest = [0; 512];
                let read = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
                let _ended = self.shared.net.clock().timeout(GRACE, read).await;
            }
        }
        Ok(())
    }

    async fn receive(
        &self,
        stream: &mut Stream,
        path: &[u8],
        place: Place,
        meter: &mut Meter,
    ) -> Result<(), Failure> {
        let (mut reader, mut writer) = (Reader::new(self.format), Writer::new(self.format, place));
        let (portion, pause) = self.config.pace.unwrap_or((PORTION, Duration::ZERO));
        let limit = self.limit();
        let mut buffer = vec![0; portion.clamp(1, 1 << 20)];
        loop {
            let left = usize::try_from(limit - meter.record.received).unwrap_or(usize::MAX);
            let room = left.min(buffer.len());
            let Some(room) = buffer.get_mut(..room).filter(|room| !room.is_empty()) else {
                return Err(self.fault(stream).await);
            };
            if !pause.is_zero() {
                self.shared.net.clock().sleep(pause).await;
            }
            let read = stream.read(room);
            let count = if reader.may_have_ended() {
                match self.shared.net.clock().timeout(GRACE, read).await {
                    Ok(read) => read.map_err(|_| Failure::Closed)?,
                    Err(_) => 0,
                }
            } else {
                read.await.map_err(|_| Failure::Closed)?
            };
            meter.record.received += u64::try_from(count).unwrap_or(0);
            let events = if count == 0 {
                reader.end()
            } else {
                reader.read(room.get(..count).unwrap_or_default())
            };
            let events = events.map_err(|error| match error {
                super::data::FormatError::Truncated => Failure::Closed,
                super::data::FormatError::BadEscape | super::data::FormatError::NotDeflated => {
                    Failure::BadFormat
                }
            })?;
            let written = self
                .shared
                .files
                .change(path, |node| self.write(events, &mut writer, node));
            self.shared.count(|counters| {
                counters.suspect_blocks += std::mem::take(&mut reader.suspect);
            });
            // A file removed meanwhile is written to all the same, as on any Unix: nobody sees it.
            if written.unwrap_or(Ok(count == 0))? {
                if count == 0 {
                    // Who sent everything may not wait for a farewell.
                    drop(self.close(stream).await);
                }
                return Ok(());
            }
        }
    }

    /// Writes what arrived; gives whether it was the end.
    fn write(
        &self,
        events: Vec<Event>,
        writer: &mut Writer,
        node: &mut Node,
    ) -> Result<bool, Failure> {
        for event in events {
            match event {
                Event::Octets(octets) => writer.octets(&octets, node),
                Event::EndOfRecord => writer.end_of_record(node),
                Event::EndOfFile => {
                    writer.end(node);
                    return Ok(true);
                }
                Event::Marker(text) => {
                    let theirs = String::from_utf8_lossy(&text).into_owned();
                    let ours = writer.place(node);
                    // RFC 1123 §4.1.3.4: the sender's marker first, then the receiver's.
                    let _ended = self
                        .say
                        .send(Say::Line(format!("110 MARK {theirs} = {ours}")));
                }
            }
            if self.config.room.is_some_and(|room| node.len() > room) {
                return Err(Failure::Full);
            }
        }
        Ok(false)
    }
}

/// Ends the connection below without a word of TLS.
fn truncate(stream: &Stream) {
    if let Some(stream) = stream.tcp() {
        let _gone = stream.shutdown(Shutdown::Write);
    }
}
