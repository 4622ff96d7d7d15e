//! From the local file to the wire: structure, type and mode together.

use super::convert::{AsciiEncoder, octets};
use super::deflate::Deflater;
use super::ebcdic::EbcdicEncoder;
use super::error::{CodecError, CodecErrorKind, Unsupported};
use super::frame::{Descriptor, FrameWriter, check_marker, take};
use super::options::{LineEnd, Options, RecordForm};
use super::{Mode, Structure, Type};
use memchr::memchr;

/// Octets of the local file in, octets of the wire out.
///
/// ```
/// use fairway_ftp::data::{Encoder, Format, Mode, Options, Structure, Type};
///
/// let mut encoder = Encoder::new(
///     Type::Ascii(Format::NonPrint),
///     Structure::Record,
///     Mode::Stream,
///     Options::default(),
/// )?;
/// let mut wire = Vec::new();
/// encoder.encode(b"two\nlines\n", &mut wire)?;
/// encoder.finish(&mut wire)?; // the file has ended
/// assert_eq!(wire, b"two\xff\x01lines\xff\x01\xff\x02");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    mode: Mode,
    text: TextEncoder,
    /// What records are here; `None` when the file has none.
    records: Option<RecordForm>,
    line_end: LineEnd,
    frame: FrameWriter,
    deflater: Option<Deflater>,
    /// Octets of the record so far.
    record: u64,
    /// A CR was taken that may belong to the end of a record.
    cr: bool,
    /// Octets of the local file that were taken.
    total: u64,
    /// Text on its way to the frame, and frames on their way to zlib.
    converted: Vec<u8>,
    framed: Vec<u8>,
    finished: bool,
    failed: Option<CodecError>,
}

#[derive(Debug)]
enum TextEncoder {
    Same,
    Ascii(AsciiEncoder),
    Ebcdic(Box<EbcdicEncoder>),
}

impl Encoder {
    /// An encoder for one file.
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
        let records = (structure == Structure::Record).then_some(options.records);
        let text = match kind {
            Type::Ascii(_) if records.is_none() => {
                TextEncoder::Ascii(AsciiEncoder::new(options.line_end, options.lone_cr))
            }
            Type::Ebcdic(_) => {
                // The ends of lines are cut off before if they are ends of records.
                let line_end = match records {
                    Some(RecordForm::Lines) => LineEnd::Lf,
                    _ => options.line_end,
                };
                TextEncoder::Ebcdic(EbcdicEncoder::new(&options, line_end).into())
            }
            _ => TextEncoder::Same,
        };
        let frame = match (mode, structure) {
            (Mode::Block, _) => FrameWriter::Blocks,
            (Mode::Compressed, _) => FrameWriter::Runs(kind.filler()),
            (_, Structure::Record) => FrameWriter::Escapes,
            (_, _) => FrameWriter::Plain,
        };
        Ok(Self {
            mode,
            text,
            records,
            line_end: options.line_end,
            frame,
            deflater: (mode == Mode::Deflate).then(|| Deflater::new(options.level)),
            record: 0,
            cr: false,
            total: 0,
            converted: Vec::new(),
            framed: Vec::new(),
            finished: false,
            failed: None,
        })
    }

    /// Whether the file is on the wire as it is here, so that the encoder can be left out.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.frame == FrameWriter::Plain
            && self.deflater.is_none()
            && match &self.text {
                TextEncoder::Same => true,
                TextEncoder::Ascii(encoder) => encoder.is_transparent(),
                TextEncoder::Ebcdic(_) => false,
            }
    }

    /// Encodes all of `local`, and appends to `out`: at most some eight octets for each, when every octet is a record.
    ///
    /// # Errors
    /// [`CodecError`]: type E cannot say what the file says.
    pub fn encode(&mut self, local: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.records {
            None | Some(RecordForm::Joined) => {
                self.segment(local, Descriptor::NONE, out)?;
            }
            Some(RecordForm::Lines) => self.lines(local, out)?,
            Some(RecordForm::Fixed(length)) => {
                let mut rest = local;
                while !rest.is_empty() {
                    let missing = u64::from(length.get()).saturating_sub(self.record);
                    let most = usize::try_from(missing).unwrap_or(usize::MAX);
                    let part = take(&mut rest, most);
                    let whole = part.len() == most;
                    self.segment(
                        part,
                        if whole {
                            Descriptor::EOR
                        } else {
                            Descriptor::NONE
                        },
                        out,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Says that a transfer can be taken up here: the receiver will give `marker` to its user, who sends it back with
    /// `REST` (RFC 959 §3.5). Returns where here is, in octets of the local file; that can be up to three octets before
    /// the end of what was encoded, when that end is the start of a character or of a line end.
    ///
    /// # Errors
    /// [`CodecErrorKind::NoMarkers`] in modes S and Z, [`CodecErrorKind::Marker`] for a marker that is not printable,
    /// has a space, or is empty or longer than [`MARKER_LIMIT`](super::MARKER_LIMIT). The encoder can be used further.
    pub fn insert_marker(&mut self, marker: &[u8], out: &mut Vec<u8>) -> Result<u64, CodecError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.mode.keeps_connection() {
            return Err(CodecErrorKind::NoMarkers(self.mode).at(self.total));
        }
        check_marker(marker).map_err(|kind| kind.at(self.total))?;
        match self.frame {
            // One string, whatever is in it.
            FrameWriter::Runs(_) => {
                let count = u8::try_from(marker.len()).unwrap_or_default();
                out.extend_from_slice(&[0, Descriptor::MARKER.0, count]);
                out.extend_from_slice(marker);
            }
            frame => frame.write(marker, Descriptor::MARKER, out),
        }
        let held = match &self.text {
            TextEncoder::Ebcdic(encoder) => encoder.held(),
            TextEncoder::Same | TextEncoder::Ascii(_) => 0,
        };
        Ok(self.total - octets(held + usize::from(self.cr)))
    }

    /// The file ends here. After it, the connection has to be closed in modes S and Z.
    ///
    /// # Errors
    /// [`CodecError`]: the file ends inside a character.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        if std::mem::take(&mut self.cr) {
            self.total -= 1;
            self.segment(b"\r", Descriptor::NONE, out)?;
        }
        let mut end = match self.frame {
            FrameWriter::Plain => Descriptor::NONE,
            _ => Descriptor::EOF,
        };
        // RFC 959 §3.4: the final EOR is explicit, too.
        if self.records.is_some() && self.record > 0 {
            end = end.with(Descriptor::EOR);
        }
        self.converted.clear();
        let ended = match &mut self.text {
            TextEncoder::Same => Ok(()),
            TextEncoder::Ascii(encoder) => {
                encoder.finish(&mut self.converted);
                Ok(())
            }
            TextEncoder::Ebcdic(encoder) => encoder.finish(&mut self.converted),
        };
        ended.map_err(|kind| self.fail(kind, self.total))?;
        let last = std::mem::take(&mut self.converted);
        self.frame(&last, end, out);
        if let Some(deflater) = &mut self.deflater {
            deflater.finish(out);
        }
        Ok(())
    }

    /// Lines are records.
    fn lines(&mut self, local: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut rest = local;
        // A CR held back is the start of a line end, or an octet like others.
        if self.cr && !rest.is_empty() {
            self.cr = false;
            self.total -= 1;
            if rest.first() == Some(&b'\n') {
                self.segment(&[], Descriptor::EOR, out)?;
                self.total += 2;
                take(&mut rest, 1);
            } else {
                self.segment(b"\r", Descriptor::NONE, out)?;
            }
        }
        let mut search = 0;
        while let Some(found) = rest.get(search..).and_then(|tail| memchr(b'\n', tail)) {
            let at = search + found;
            let line = rest.get(..at).unwrap_or_default();
            let line = match (self.line_end, line) {
                (LineEnd::Lf, line) => line,
                (LineEnd::CrLf, [line @ .., b'\r']) => line,
                (LineEnd::CrLf, _) => {
                    // A lone LF ends no line in such a file.
                    search = at + 1;
                    continue;
                }
            };
            self.segment(line, Descriptor::EOR, out)?;
            self.total += octets(self.line_end.octets().len());
            take(&mut rest, at + 1);
            search = 0;
        }
        if self.line_end == LineEnd::CrLf
            && let [line @ .., b'\r'] = rest
        {
            rest = line;
            self.cr = true;
        }
        self.segment(rest, Descriptor::NONE, out)?;
        self.total += u64::from(self.cr);
        Ok(())
    }

    /// A piece of the file that has nothing special inside and `end` behind it.
    fn segment(
        &mut self,
        local: &[u8],
        end: Descriptor,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let length = octets(local.len());
        let ends_record = end.has(Descriptor::EOR);
        let converted = match &mut self.text {
            TextEncoder::Same => None,
            TextEncoder::Ascii(encoder) => {
                if self.frame == FrameWriter::Plain && self.deflater.is_none() {
                    encoder.encode(local, out);
                    self.total += length;
                    return Ok(());
                }
                self.converted.clear();
                encoder.encode(local, &mut self.converted);
                Some(std::mem::take(&mut self.converted))
            }
            TextEncoder::Ebcdic(encoder) => {
                self.converted.clear();
                let mut done = encoder.encode(local, &mut self.converted);
                if done.is_ok() && ends_record {
                    let finished = encoder.finish(&mut self.converted);
                    done = finished.map_err(|kind| (local.len(), kind));
                }
                if let Err((good, kind)) = done {
                    return Err(self.fail(kind, self.total + octets(good)));
                }
                Some(std::mem::take(&mut self.converted))
            }
        };
        self.total += length;
        self.record = if ends_record { 0 } else { self.record + length };
        match converted {
            None => self.frame(local, end, out),
            Some(converted) => {
                self.frame(&converted, end, out);
                self.converted = converted;
            }
        }
        Ok(())
    }

    fn frame(&mut self, data: &[u8], end: Descriptor, out: &mut Vec<u8>) {
        match &mut self.deflater {
            None => self.frame.write(data, end, out),
            Some(deflater) if self.frame == FrameWriter::Plain => deflater.write(data, out),
            Some(deflater) => {
                self.framed.clear();
                self.frame.write(data, end, &mut self.framed);
                deflater.write(&self.framed, out);
            }
        }
    }

    fn fail(&mut self, kind: CodecErrorKind, offset: u64) -> CodecError {
        let error = kind.at(offset);
        self.failed = Some(error);
        error
    }
}
