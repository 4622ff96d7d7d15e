//! From the wire to the local file: mode, type and structure together.

use super::block::BlockReader;
use super::compressed::RunReader;
use super::convert::{AsciiDecoder, octets};
use super::deflate::Inflater;
use super::ebcdic::EbcdicDecoder;
use super::error::{CodecError, CodecErrorKind, Unsupported};
use super::frame::{FrameReader, Part};
use super::options::{LineEnd, Options, RecordForm};
use super::record::EscapeReader;
use super::{Mode, Structure, Type};

/// Most events of one call.
pub(super) const EVENTS: usize = 64;

/// What a call of [`Decoder::decode`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Progress {
    /// Octets of the input that are done with.
    pub consumed: usize,
    /// More may come from what is there: call again with the rest of the input, even if there is none, before waiting
    /// for more. When neither this nor `ended` is set, all input is consumed.
    pub again: bool,
    /// The mode says that the file ends here. In modes B and C, the rest of the input belongs to the next file.
    pub ended: bool,
    /// What else the sender said, in its order.
    pub events: Vec<Event>,
}

/// What a sender says besides the file (RFC 959 §3.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A restart marker.
    Marker {
        /// What to send with `REST` to go on from here.
        octets: Vec<u8>,
        /// Where here is: octets of the local file.
        at: u64,
    },
    /// The sender doubts some octets.
    Suspect {
        /// Where they begin: octets of the local file.
        at: u64,
        /// How many, on the wire.
        octets: u16,
    },
}

/// Octets of the wire in, octets of the local file out.
///
/// ```
/// use fairway_ftp::data::{Decoder, Format, Mode, Options, Structure, Type};
///
/// let mut decoder = Decoder::new(
///     Type::Ascii(Format::NonPrint),
///     Structure::File,
///     Mode::Stream,
///     Options::default(),
/// )?;
/// let mut file = Vec::new();
/// for mut input in [&b"two\r"[..], b"\nlines\r\n"] {
///     loop {
///         let progress = decoder.decode(input, &mut file)?;
///         input = &input[progress.consumed..];
///         // Write the file away here, and empty it.
///         if !progress.again {
///             break;
///         }
///     }
/// }
/// decoder.finish(&mut file)?; // the connection has ended
/// assert_eq!(file, b"two\nlines\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    mode: Mode,
    pub(super) options: Options,
    inflater: Option<Inflater>,
    frame: FrameReader,
    local: LocalWriter,
    /// Events behind a CR, type A: where they are depends on whether LF follows.
    held: Vec<Event>,
    /// Octets of the wire that are done with, and of the local file.
    wire: u64,
    total: u64,
    /// The frame said that the file ends.
    end_of_file: bool,
    ended: bool,
    failed: Option<CodecError>,
}

impl Decoder {
    /// A decoder for one file.
    ///
    /// # Errors
    /// [`Unsupported`] combinations.
    pub fn new(
        kind: Type,
        structure: Structure,
        mode: Mode,
        options: Options,
    ) -> Result<Self, Unsupported> {
        options.check(kind, structure)?;
        let frame = match (mode, structure) {
            (Mode::Block, _) => FrameReader::Blocks(BlockReader::default()),
            (Mode::Compressed, _) => FrameReader::Runs(RunReader::new(kind.filler())),
            (_, Structure::Record) => FrameReader::Escapes(EscapeReader::default()),
            (_, _) => FrameReader::Plain,
        };
        Ok(Self {
            mode,
            options,
            inflater: (mode == Mode::Deflate).then(Inflater::new),
            frame,
            local: LocalWriter::new(kind, structure, &options),
            held: Vec::new(),
            wire: 0,
            total: 0,
            end_of_file: false,
            ended: false,
            failed: None,
        })
    }

    /// Whether the file is on the wire as it is here, so that the decoder can be left out.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        matches!(self.frame, FrameReader::Plain)
            && self.inflater.is_none()
            && match &self.local.text {
                TextDecoder::Same => true,
                TextDecoder::Ascii(decoder) => decoder.is_transparent(),
                TextDecoder::Ebcdic(_) => false,
            }
    }

    /// Octets of the local file so far.
    #[must_use]
    pub const fn local_octets(&self) -> u64 {
        self.total
    }

    /// Decodes `input`, and appends to `out`. Stops early, and says [`again`](Progress::again), when
    /// [`Limits::output`](super::Limits::output) octets have been appended.
    ///
    /// # Errors
    /// [`CodecError`]: the peer broke the rules of the mode, or a limit is reached. What is in `out` is good.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, CodecError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut progress = Progress::default();
        let mut rest = input;
        let start = out.len();
        let done = self.run(&mut rest, start, out, &mut progress);
        progress.consumed = input.len() - rest.len();
        progress.ended = self.ended;
        self.wire += octets(progress.consumed);
        self.total += octets(out.len() - start);
        match done.and_then(|()| self.check_rest(rest)) {
            Ok(()) => Ok(progress),
            Err(kind) => Err(self.fail(kind)),
        }
    }

    /// The connection has ended: a proper end in mode S with structure F, and else if an end of file has been seen.
    ///
    /// # Errors
    /// [`CodecErrorKind::Cut`] otherwise.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.ended {
            return Ok(());
        }
        if self.inflater.is_some() || !self.frame.may_end() {
            return Err(self.fail(CodecErrorKind::Cut));
        }
        let start = out.len();
        if self.frame.record_may_end() {
            self.local.end_of_record(out);
        }
        self.local.end_of_file(out);
        self.ended = true;
        self.total += octets(out.len() - start);
        self.check_limits().map_err(|kind| self.fail(kind))
    }

    fn run(
        &mut self,
        rest: &mut &[u8],
        start: usize,
        out: &mut Vec<u8>,
        progress: &mut Progress,
    ) -> Result<(), CodecErrorKind> {
        let Some(mut inflater) = self.inflater.take() else {
            self.parts(rest, start, out, progress)?;
            self.ended = self.end_of_file;
            return Ok(());
        };
        let done = loop {
            // Even if nothing is ready: the frame may have something to say still.
            let mut ready = inflater.ready();
            let done = self.parts(&mut ready, start, out, progress);
            let left = ready.len();
            inflater.leave(left);
            if done.is_err() || progress.again {
                break done;
            }
            match inflater.fill(rest) {
                Ok(true) if self.end_of_file => break Err(CodecErrorKind::Trailing),
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(kind) => break Err(kind),
            }
        };
        if done.is_ok() && !progress.again && inflater.finished() && !self.ended {
            match self.frame {
                FrameReader::Plain => self.local.end_of_file(out),
                _ if self.end_of_file => {}
                _ => return Err(CodecErrorKind::Cut),
            }
            self.ended = true;
        }
        self.inflater = Some(inflater);
        done
    }

    /// Parts off the front of `rest`, until there is no whole one, or the file ends, or it is enough for one call.
    fn parts(
        &mut self,
        rest: &mut &[u8],
        start: usize,
        out: &mut Vec<u8>,
        progress: &mut Progress,
    ) -> Result<(), CodecErrorKind> {
        while !self.end_of_file {
            let written = out.len() - start;
            let room = self.options.limits.output.max(1).saturating_sub(written);
            if room == 0 || progress.events.len() >= EVENTS {
                progress.again = true;
                break;
            }
            let most = (room / self.local.growth()).max(1);
            let at = self.total + octets(written);
            let Some(part) = self.frame.next(rest, most)? else {
                break;
            };
            if !self.held.is_empty() {
                self.release(&part, progress);
            }
            match part {
                Part::Data(data) => self.local.data(data, out)?,
                Part::Run(octet, count) => {
                    let run = [octet; 63];
                    let run = run.get(..count.into()).unwrap_or(&run);
                    self.local.data(run, out)?;
                }
                Part::EndOfRecord => self.local.end_of_record(out),
                Part::EndOfFile => {
                    self.local.end_of_file(out);
                    self.end_of_file = true;
                }
                Part::Marker(octets) => self.tell(Event::Marker { octets, at }, progress),
                Part::Suspect(octets) => self.tell(Event::Suspect { at, octets }, progress),
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: Event, progress: &mut Progress) {
        if self.local.holds_cr() {
            self.held.push(event);
        } else {
            progress.events.push(event);
        }
    }

    /// `part` follows on a CR and events. If it begins with LF, a sender that takes up there begins with the LF, which
    /// becomes a line end by itself: the CR is not to be kept. Else, or if lines end with CR LF here, it is.
    fn release(&mut self, part: &Part<'_>, progress: &mut Progress) {
        let kept = match part {
            Part::Data([first, ..]) | Part::Run(first, _) => {
                *first != b'\n' || self.local.line_end == LineEnd::CrLf
            }
            Part::Data([]) => return,
            Part::EndOfRecord | Part::EndOfFile => true,
            Part::Marker(_) | Part::Suspect(_) if self.held.len() < EVENTS => return,
            Part::Marker(_) | Part::Suspect(_) => false,
        };
        for mut event in self.held.drain(..) {
            match &mut event {
                Event::Marker { at, .. } | Event::Suspect { at, .. } => *at += u64::from(kept),
            }
            progress.events.push(event);
        }
    }

    fn check_rest(&self, rest: &[u8]) -> Result<(), CodecErrorKind> {
        if self.ended && !rest.is_empty() && !self.mode.keeps_connection() {
            return Err(CodecErrorKind::Trailing);
        }
        self.check_limits()
    }

    fn check_limits(&self) -> Result<(), CodecErrorKind> {
        let limits = &self.options.limits;
        if let Some(total) = limits.total
            && self.total > total
        {
            return Err(CodecErrorKind::TooLarge(total));
        }
        if self.mode == Mode::Deflate
            && self.total > limits.ratio_from
            && self.total / u64::from(limits.ratio.max(1)) > self.wire
        {
            return Err(CodecErrorKind::Ratio(limits.ratio));
        }
        Ok(())
    }

    fn fail(&mut self, kind: CodecErrorKind) -> CodecError {
        let error = kind.at(self.wire);
        self.failed = Some(error);
        error
    }
}

/// Type and structure, towards the local file.
#[derive(Debug)]
struct LocalWriter {
    text: TextDecoder,
    records: RecordForm,
    line_end: LineEnd,
    /// Octets of the record so far, as far as [`RecordForm::Fixed`] counts.
    record: u16,
}

#[derive(Debug)]
enum TextDecoder {
    Same,
    Ascii(AsciiDecoder),
    Ebcdic(Box<EbcdicDecoder>),
}

impl LocalWriter {
    fn new(kind: Type, structure: Structure, options: &Options) -> Self {
        let text = match (kind, structure) {
            // In a record nothing is a line end: its octets stay as they are.
            (Type::Ascii(_), Structure::File) => {
                TextDecoder::Ascii(AsciiDecoder::new(options.line_end, options.lone_cr))
            }
            (Type::Ebcdic(_), _) => TextDecoder::Ebcdic(EbcdicDecoder::new(options).into()),
            _ => TextDecoder::Same,
        };
        let records = match structure {
            Structure::Record => options.records,
            // Hosts that store records mark them in mode B even if the file has structure F: in text they are lines,
            // elsewhere nothing.
            _ if kind.is_text() => RecordForm::Lines,
            _ => RecordForm::Joined,
        };
        Self {
            text,
            records,
            line_end: options.line_end,
            record: 0,
        }
    }

    const fn holds_cr(&self) -> bool {
        match &self.text {
            TextDecoder::Ascii(decoder) => decoder.holds_cr(),
            TextDecoder::Same | TextDecoder::Ebcdic(_) => false,
        }
    }

    /// How many octets can become of one.
    const fn growth(&self) -> usize {
        match self.text {
            TextDecoder::Ebcdic(_) => 3,
            TextDecoder::Same | TextDecoder::Ascii(_) => 1,
        }
    }

    fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), CodecErrorKind> {
        if let RecordForm::Fixed(length) = self.records {
            let more = u16::try_from(data.len()).ok();
            self.record = more
                .and_then(|more| self.record.checked_add(more))
                .filter(|record| *record <= length.get())
                .ok_or(CodecErrorKind::RecordTooLong(length.get()))?;
        }
        match &mut self.text {
            TextDecoder::Same => out.extend_from_slice(data),
            TextDecoder::Ascii(decoder) => decoder.decode(data, out),
            TextDecoder::Ebcdic(decoder) => {
                decoder.decode(data, out).map_err(|(_, kind)| kind)?;
            }
        }
        Ok(())
    }

    fn end_of_record(&mut self, out: &mut Vec<u8>) {
        self.end_of_file(out);
        match self.records {
            RecordForm::Lines => out.extend_from_slice(self.line_end.octets()),
            RecordForm::Joined => {}
            RecordForm::Fixed(length) => {
                let missing = length.get().saturating_sub(self.record);
                out.resize(out.len() + usize::from(missing), 0);
            }
        }
        self.record = 0;
    }

    fn end_of_file(&mut self, out: &mut Vec<u8>) {
        if let TextDecoder::Ascii(decoder) = &mut self.text {
            decoder.finish(out);
        }
    }
}
