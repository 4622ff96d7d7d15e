//! What may come over a data connection, in every type, structure and mode.

use std::num::NonZeroU16;

use fairway_ftp::data::{
    CodePage, CodecErrorKind, Decoder, Encoder, Event, Format, Level, Limits, LineEnd,
    LocalCharset, LoneCr, Mode, NewLine, Options, RecordForm, Structure, Type,
};

/// Most local octets of a file here.
const TOTAL: u64 = 128 << 10;
/// What a call may write beyond its limit.
const BEYOND: usize = 64 << 10;
/// How far a zlib stream may shrink here, and from where on that counts.
const RATIO: u32 = 100;
const RATIO_FROM: u64 = 32 << 10;

/// The first word says how; the octets behind it are on the wire, and then a local file.
pub(in super::super) fn codecs(input: &[u8]) -> bool {
    let Some(([how, form, text, cut], octets)) = input.split_first_chunk::<4>() else {
        return false;
    };
    let set = Set::new(*how, *form, *text, *cut);
    if Decoder::new(set.kind, set.structure, set.mode, set.options).is_err() {
        assert!(Encoder::new(set.kind, set.structure, set.mode, set.options).is_err());
        return false;
    }
    let piece = 1 + usize::from(*cut % 61);
    let whole = set.decode(octets, usize::MAX);
    let pieces = set.decode(octets, piece);
    match (&whole, &pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces, "the pieces matter"),
        (Err(_), Err(_)) => {}
        // How much of the stream has been read at a time decides which part of it is too good to be true.
        (Err(CodecErrorKind::Ratio(_)), _) | (_, Err(CodecErrorKind::Ratio(_))) => {}
        _ => panic!("{whole:?} at once, {pieces:?} in pieces"),
    }
    set.round(octets, piece);
    whole.is_ok()
}

/// How a file is sent.
struct Set {
    kind: Type,
    structure: Structure,
    mode: Mode,
    options: Options,
}

/// What a decoder made of a connection: the file, what else was said, and the octets that are another file's.
type Decoded = (Vec<u8>, Vec<Event>, usize);

impl Set {
    fn new(how: u8, form: u8, text: u8, cut: u8) -> Self {
        let kind = match how % 4 {
            0 => Type::Ascii(Format::NonPrint),
            1 => Type::Ebcdic(Format::NonPrint),
            2 => Type::Image,
            _ => Type::Local(36),
        };
        let mode = match how / 4 % 4 {
            0 => Mode::Stream,
            1 => Mode::Block,
            2 => Mode::Compressed,
            _ => Mode::Deflate,
        };
        let structure = match how / 16 % 2 {
            0 => Structure::File,
            _ => Structure::Record,
        };
        let pages = [37, 273, 277, 278, 280, 284, 285, 297, 500, 1047, 1140];
        let page = pages.get(usize::from(text) / 16 % 11).copied();
        let options = Options {
            line_end: if text & 1 == 0 {
                LineEnd::Lf
            } else {
                LineEnd::CrLf
            },
            lone_cr: if text & 2 == 0 {
                LoneCr::Bare
            } else {
                LoneCr::Nul
            },
            charset: if text & 4 == 0 {
                LocalCharset::Latin1
            } else {
                LocalCharset::Utf8
            },
            new_line: if text & 8 == 0 {
                NewLine::Nl
            } else {
                NewLine::Lf
            },
            code_page: page.and_then(CodePage::new).unwrap_or_default(),
            records: match form % 3 {
                0 => RecordForm::Lines,
                1 => RecordForm::Joined,
                _ => RecordForm::Fixed(NonZeroU16::new(u16::from(form)).unwrap_or(NonZeroU16::MAX)),
            },
            level: Level::new(cut % 10).unwrap_or_default(),
            limits: Limits {
                output: if cut & 64 == 0 { 1000 } else { 256 << 10 },
                total: Some(TOTAL),
                ratio: RATIO,
                ratio_from: RATIO_FROM,
            },
            ..Options::default()
        };
        Self {
            kind,
            structure,
            mode,
            options,
        }
    }

    /// All of a connection. No call writes more than it may, and no file becomes larger than it may.
    fn decode(&self, wire: &[u8], piece: usize) -> Result<Decoded, CodecErrorKind> {
        let mut decoder = Decoder::new(self.kind, self.structure, self.mode, self.options)
            .expect("this was possible before");
        let (mut file, mut events) = (Vec::new(), Vec::new());
        let (mut left, mut taken) = (wire.len(), 0_u64);
        'pieces: for mut rest in wire.chunks(piece) {
            let mut calls = 0;
            loop {
                let before = file.len();
                let progress = decoder.decode(rest, &mut file);
                let written = file.len() - before;
                let limits = &self.options.limits;
                assert!(written <= limits.output + BEYOND, "{written} octets");
                assert_eq!(decoder.local_octets(), file.len() as u64);
                let progress = progress.map_err(|error| {
                    assert_eq!(decoder.decode(b"x", &mut Vec::new()), Err(error));
                    error.kind
                })?;
                assert!(progress.consumed <= rest.len());
                assert!(
                    file.len() as u64 <= TOTAL,
                    "more than the limit, and no error"
                );
                rest = rest.get(progress.consumed..).unwrap_or_default();
                left -= progress.consumed;
                taken += progress.consumed as u64;
                if self.mode == Mode::Deflate {
                    let most = (taken + 1) * u64::from(RATIO);
                    assert!(file.len() as u64 <= most.max(RATIO_FROM), "a bomb");
                }
                events.extend(progress.events);
                if progress.ended && left > 0 && !self.mode.keeps_connection() {
                    // In the pieces to come.
                    let trailing = decoder
                        .decode(b"x", &mut file)
                        .expect_err("octets behind it");
                    assert_eq!(trailing.kind, CodecErrorKind::Trailing);
                    return Err(trailing.kind);
                }
                if progress.ended {
                    break 'pieces;
                }
                if !progress.again {
                    assert!(rest.is_empty(), "left what it wants");
                    break;
                }
                calls += 1;
                assert!(calls < 100_000, "no end");
            }
        }
        decoder.finish(&mut file).map_err(|error| error.kind)?;
        assert_eq!(decoder.local_octets(), file.len() as u64);
        let places = events.iter().map(|event| match event {
            Event::Marker { at, .. } | Event::Suspect { at, .. } => *at,
            _ => 0,
        });
        assert!(places.is_sorted(), "events in their order");
        Ok((file, events, left))
    }

    /// What is sent comes back, but for what is missing at the end of a record.
    fn round(&self, local: &[u8], piece: usize) {
        let options = &self.options;
        let ebcdic = matches!(self.kind, Type::Ebcdic(_));
        if ebcdic && options.line_end == LineEnd::CrLf {
            // NL and LF fall together when the local line end is neither.
            return;
        }
        let mut encoder = Encoder::new(self.kind, self.structure, self.mode, *options)
            .expect("this was possible before");
        let mut wire = Vec::new();
        let mut encoded = Ok(());
        for piece in local.chunks(piece) {
            encoded = encoded.and_then(|()| encoder.encode(piece, &mut wire));
        }
        encoded = encoded.and_then(|()| encoder.finish(&mut wire));
        assert!(wire.len() <= 8 * local.len() + 1024);
        if let Err(error) = encoded {
            let expected = matches!(
                error.kind,
                CodecErrorKind::NotUtf8 | CodecErrorKind::NoSuchCharacter(_)
            );
            assert!(ebcdic && expected, "{error}");
            assert!(error.offset <= local.len() as u64);
            return;
        }
        let mut expected = local.to_vec();
        if self.structure == Structure::Record && !expected.is_empty() {
            match options.records {
                RecordForm::Lines => {
                    let end: &[u8] = match options.line_end {
                        LineEnd::Lf => b"\n",
                        LineEnd::CrLf => b"\r\n",
                    };
                    if !expected.ends_with(end) {
                        expected.extend_from_slice(end);
                    }
                }
                RecordForm::Joined => {}
                RecordForm::Fixed(length) => {
                    let length = usize::from(length.get());
                    expected.resize(expected.len().next_multiple_of(length), 0);
                }
            }
        }
        let (file, events, left) = self
            .decode(&wire, piece)
            .unwrap_or_else(|kind| panic!("what was encoded is no good: {kind}"));
        assert_eq!((file, events.len(), left), (expected, 0, 0));
    }
}
