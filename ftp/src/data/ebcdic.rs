//! TYPE E: EBCDIC code pages (RFC 959 §3.1.1.2).
//!
//! All pages here hold the 256 characters of ISO 8859-1, each page in an order of its own; 1140 has the euro sign where
//! the currency sign was. The order is that of page 037 but for a few places, and so it is written below.
//!
//! EBCDIC has two controls for the end of a line: NL (0x15) and LF (0x25). RFC 959 wants NL; the Unicode mapping files
//! make it U+0085 and make LF U+000A. As z/OS UNIX does, the two change places here, so that NL is the local line end
//! and LF is U+0085, and nothing is lost; [`NewLine::Lf`] leaves them as in the mapping files.

use super::error::CodecErrorKind;
use super::options::{LineEnd, LocalCharset, Options, Unmappable};

/// An EBCDIC code page (CCSID).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodePage {
    /// 037: USA, Canada, the Netherlands, Portugal, Brazil. What `TYPE E` means on most hosts.
    #[default]
    Cp037,
    /// 273: Germany, Austria.
    Cp273,
    /// 277: Denmark, Norway.
    Cp277,
    /// 278: Finland, Sweden.
    Cp278,
    /// 280: Italy.
    Cp280,
    /// 284: Spain, Latin America.
    Cp284,
    /// 285: United Kingdom.
    Cp285,
    /// 297: France.
    Cp297,
    /// 500: "international", Belgium, Switzerland.
    Cp500,
    /// 1047: z/OS UNIX and C.
    Cp1047,
    /// 1140: 037 with the euro sign.
    Cp1140,
}

impl CodePage {
    /// The page of that number.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        Some(match number {
            37 => Self::Cp037,
            273 => Self::Cp273,
            277 => Self::Cp277,
            278 => Self::Cp278,
            280 => Self::Cp280,
            284 => Self::Cp284,
            285 => Self::Cp285,
            297 => Self::Cp297,
            500 => Self::Cp500,
            1047 => Self::Cp1047,
            1140 => Self::Cp1140,
            _ => return None,
        })
    }

    /// Where it differs from page 037: code, ISO 8859-1.
#[rustfmt::skip]
    const fn differences(self) -> &'static [(u8, u8)] {
        match self {
            Self::Cp037 | Self::Cp1140 => &[],
            Self::Cp273 => &[
                (0x43, 0x7b), (0x4a, 0xc4), (0x4f, 0x21), (0x59, 0x7e), (0x5a, 0xdc), (0x5f, 0x5e),
                (0x63, 0x5b), (0x6a, 0xf6), (0x7c, 0xa7), (0xa1, 0xdf), (0xb0, 0xa2), (0xb5, 0x40),
                (0xba, 0xac), (0xbb, 0x7c), (0xc0, 0xe4), (0xcc, 0xa6), (0xd0, 0xfc), (0xdc, 0x7d),
                (0xe0, 0xd6), (0xec, 0x5c), (0xfc, 0x5d),
            ],
            Self::Cp277 => &[
                (0x47, 0x7d), (0x4a, 0x23), (0x4f, 0x21), (0x5a, 0xa4), (0x5b, 0xc5), (0x5f, 0x5e),
                (0x67, 0x24), (0x6a, 0xf8), (0x70, 0xa6), (0x7b, 0xc6), (0x7c, 0xd8), (0x80, 0x40),
                (0x9c, 0x7b), (0x9e, 0x5b), (0x9f, 0x5d), (0xa1, 0xfc), (0xb0, 0xa2), (0xba, 0xac),
                (0xbb, 0x7c), (0xc0, 0xe6), (0xd0, 0xe5), (0xdc, 0x7e),
            ],
            Self::Cp278 => &[
                (0x43, 0x7b), (0x47, 0x7d), (0x4a, 0xa7), (0x4f, 0x21), (0x51, 0x60), (0x5a, 0xa4),
                (0x5b, 0xc5), (0x5f, 0x5e), (0x63, 0x23), (0x67, 0x24), (0x6a, 0xf6), (0x79, 0xe9),
                (0x7b, 0xc4), (0x7c, 0xd6), (0x9f, 0x5d), (0xa1, 0xfc), (0xb0, 0xa2), (0xb5, 0x5b),
                (0xba, 0xac), (0xbb, 0x7c), (0xc0, 0xe4), (0xcc, 0xa6), (0xd0, 0xe5), (0xdc, 0x7e),
                (0xec, 0x40),
            ],
            Self::Cp280 => &[
                (0x44, 0x7b), (0x48, 0x5c), (0x4a, 0xb0), (0x4f, 0x21), (0x51, 0x5d), (0x54, 0x7d),
                (0x58, 0x7e), (0x5a, 0xe9), (0x5f, 0x5e), (0x6a, 0xf2), (0x79, 0xf9), (0x7b, 0xa3),
                (0x7c, 0xa7), (0x90, 0x5b), (0xa1, 0xec), (0xb0, 0xa2), (0xb1, 0x23), (0xb5, 0x40),
                (0xba, 0xac), (0xbb, 0x7c), (0xc0, 0xe0), (0xcd, 0xa6), (0xd0, 0xe8), (0xdd, 0x60),
                (0xe0, 0xe7),
            ],
            Self::Cp284 => &[
                (0x49, 0xa6), (0x4a, 0x5b), (0x5a, 0x5d), (0x69, 0x23), (0x6a, 0xf1), (0x7b, 0xd1),
                (0xa1, 0xa8), (0xb0, 0xa2), (0xba, 0x5e), (0xbb, 0x21), (0xbd, 0x7e),
            ],
            Self::Cp285 => &[
                (0x4a, 0x24), (0x5b, 0xa3), (0xa1, 0xaf), (0xb0, 0xa2), (0xb1, 0x5b), (0xba, 0x5e),
                (0xbc, 0x7e),
            ],
            Self::Cp297 => &[
                (0x44, 0x40), (0x48, 0x5c), (0x4a, 0xb0), (0x4f, 0x21), (0x51, 0x7b), (0x54, 0x7d),
                (0x5a, 0xa7), (0x5f, 0x5e), (0x6a, 0xf9), (0x79, 0xb5), (0x7b, 0xa3), (0x7c, 0xe0),
                (0x90, 0x5b), (0xa0, 0x60), (0xa1, 0xa8), (0xb0, 0xa2), (0xb1, 0x23), (0xb5, 0x5d),
                (0xba, 0xac), (0xbb, 0x7c), (0xbd, 0x7e), (0xc0, 0xe9), (0xd0, 0xe8), (0xdd, 0xa6),
                (0xe0, 0xe7),
            ],
            Self::Cp500 => &[
                (0x4a, 0x5b), (0x4f, 0x21), (0x5a, 0x5d), (0x5f, 0x5e), (0xb0, 0xa2), (0xba, 0xac),
                (0xbb, 0x7c),
            ],
            Self::Cp1047 => &[
                (0x5f, 0x5e), (0xad, 0x5b), (0xb0, 0xac), (0xba, 0xdd), (0xbb, 0xa8), (0xbd, 0x5d),
            ],
        }
    }

    /// The ISO 8859-1 character of each code.
    fn characters(self, new_line: NewLine) -> [u8; 256] {
        let mut table = CP037;
        for (code, latin1) in self.differences() {
            if let Some(slot) = table.get_mut(usize::from(*code)) {
                *slot = *latin1;
            }
        }
        if new_line == NewLine::Nl {
            table.swap(usize::from(NL), usize::from(LF));
        }
        table
    }

    /// The code of each ISO 8859-1 character.
    fn codes(self, new_line: NewLine) -> [u8; 256] {
        let mut table = [0; 256];
        for (code, latin1) in (0..=u8::MAX).zip(self.characters(new_line)) {
            if let Some(slot) = table.get_mut(usize::from(latin1)) {
                *slot = code;
            }
        }
        table
    }
}

/// The EBCDIC control that ends a line, type E.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NewLine {
    /// NL, 0x15: RFC 959 §3.1.1.2.
    #[default]
    Nl,
    /// LF, 0x25.
    Lf,
}

const NL: u8 = 0x15;
const LF: u8 = 0x25;

/// Where 1140 has the euro sign: in 037 the currency sign, U+00A4.
const EURO: u8 = 0x9f;
const CURRENCY: u8 = 0xa4;

/// Page 037 with LF and NL as in the mapping files.
#[rustfmt::skip]
const CP037: [u8; 256] = [
    0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x9d, 0x85, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x0a, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a,
    0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
    0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0xac,
    0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
    0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
    0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0xdd, 0xde, 0xae,
    0x5e, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0x5b, 0x5d, 0xaf, 0xa8, 0xb4, 0xd7,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
    0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f,
];

/// Wire to local.
#[derive(Clone, Debug)]
pub(super) struct EbcdicDecoder {
    latin1: [u8; 256],
    euro: bool,
    line_end: LineEnd,
    charset: LocalCharset,
    unmappable: Unmappable,
}

impl EbcdicDecoder {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            latin1: options.code_page.characters(options.new_line),
            euro: options.code_page == CodePage::Cp1140,
            line_end: options.line_end,
            charset: options.charset,
            unmappable: options.unmappable,
        }
    }

    /// An octet becomes at most three. On failure says how many octets were good.
    pub(super) fn decode(
        &self,
        wire: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), (usize, CodecErrorKind)> {
        out.reserve(wire.len());
        for (at, code) in wire.iter().enumerate() {
            // The table has a place for every octet.
            let latin1 = self.latin1.get(usize::from(*code)).copied();
            let latin1 = latin1.unwrap_or_default();
            match latin1 {
                b'\n' => out.extend_from_slice(self.line_end.octets()),
                ..=0x7f => out.push(latin1),
                _ if self.euro && *code == EURO => match (self.charset, self.unmappable) {
                    (LocalCharset::Utf8, _) => out.extend_from_slice("€".as_bytes()),
                    (LocalCharset::Latin1, Unmappable::Substitute) => out.push(SUB),
                    (LocalCharset::Latin1, Unmappable::Fail) => {
                        return Err((at, CodecErrorKind::NoSuchCharacter('€')));
                    }
                },
                _ => match self.charset {
                    LocalCharset::Latin1 => out.push(latin1),
                    // Two octets: 110000xx 10xxxxxx.
                    LocalCharset::Utf8 => {
                        out.extend_from_slice(&[0xc0 | (latin1 >> 6), 0x80 | (latin1 & 0x3f)]);
                    }
                },
            }
        }
        Ok(())
    }
}

/// Local to wire.
#[derive(Clone, Debug)]
pub(super) struct EbcdicEncoder {
    codes: [u8; 256],
    euro: bool,
    line_end: LineEnd,
    charset: LocalCharset,
    unmappable: Unmappable,
    /// A CR that may belong to a line end.
    cr: bool,
    /// The start of a character.
    partial: Vec<u8>,
}

impl EbcdicEncoder {
    /// `line_end` is `Lf` where somebody else has cut off the ends of lines.
    pub(super) fn new(options: &Options, line_end: LineEnd) -> Self {
        Self {
            codes: options.code_page.codes(options.new_line),
            euro: options.code_page == CodePage::Cp1140,
            line_end,
            charset: options.charset,
            unmappable: options.unmappable,
            cr: false,
            partial: Vec::new(),
        }
    }

    /// Octets that were taken and not coded yet.
    pub(super) fn held(&self) -> usize {
        usize::from(self.cr) + self.partial.len()
    }

    /// On failure says how many octets of `local` were good.
    pub(super) fn encode(
        &mut self,
        local: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), (usize, CodecErrorKind)> {
        out.reserve(local.len());
        let mut rest = local;
        let at = |rest: &[u8]| local.len() - rest.len();
        if self.charset == LocalCharset::Latin1 {
            for (good, octet) in local.iter().enumerate() {
                self.character(char::from(*octet), out)
                    .map_err(|kind| (good, kind))?;
            }
            return Ok(());
        }
        while !self.partial.is_empty() {
            let Some((first, after)) = rest.split_first() else {
                return Ok(());
            };
            self.partial.push(*first);
            match std::str::from_utf8(&self.partial) {
                Ok(text) => {
                    let character = text.chars().next().unwrap_or_default();
                    self.character(character, out)
                        .map_err(|kind| (at(rest), kind))?;
                    self.partial.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err((at(rest), CodecErrorKind::NotUtf8)),
            }
            rest = after;
        }
        loop {
            match rest {
                [] => return Ok(()),
                [octet @ ..=0x7f, after @ ..] => {
                    self.push(*octet, out);
                    rest = after;
                }
                [first, ..] => {
                    let width = match first {
                        ..=0xdf => 2,
                        ..=0xef => 3,
                        _ => 4,
                    };
                    let (head, after) = rest.split_at_checked(width).unwrap_or((rest, &[]));
                    match std::str::from_utf8(head) {
                        Ok(text) => {
                            let character = text.chars().next().unwrap_or_default();
                            self.character(character, out)
                                .map_err(|kind| (at(rest), kind))?;
                            rest = after;
                        }
                        Err(error) if error.error_len().is_none() && head.len() < width => {
                            self.partial.extend_from_slice(head);
                            return Ok(());
                        }
                        Err(_) => return Err((at(rest), CodecErrorKind::NotUtf8)),
                    }
                }
            }
        }
    }

    /// Nothing more comes: of the file, or of the record.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodecErrorKind> {
        if !self.partial.is_empty() {
            return Err(CodecErrorKind::NotUtf8);
        }
        self.release(out);
        Ok(())
    }

    fn character(&mut self, character: char, out: &mut Vec<u8>) -> Result<(), CodecErrorKind> {
        match u8::try_from(u32::from(character)) {
            Ok(CURRENCY) if self.euro => {}
            Ok(latin1) => {
                self.push(latin1, out);
                return Ok(());
            }
            Err(_) if self.euro && character == '€' => {
                self.release(out);
                out.push(EURO);
                return Ok(());
            }
            Err(_) => {}
        }
        match self.unmappable {
            Unmappable::Fail => Err(CodecErrorKind::NoSuchCharacter(character)),
            Unmappable::Substitute => {
                self.push(SUB, out);
                Ok(())
            }
        }
    }

    fn push(&mut self, latin1: u8, out: &mut Vec<u8>) {
        if self.line_end == LineEnd::CrLf {
            if latin1 == b'\n' {
                self.cr = false;
            }
            self.release(out);
            if latin1 == b'\r' {
                self.cr = true;
                return;
            }
        }
        out.push(self.code(latin1));
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            out.push(self.code(b'\r'));
        }
    }

    fn code(&self, latin1: u8) -> u8 {
        // The table has a place for every octet.
        let code = self.codes.get(usize::from(latin1)).copied();
        code.unwrap_or_default()
    }
}

/// Substitute, in ASCII and ISO 8859-1.
const SUB: u8 = 0x1a;

#[cfg(test)]
mod tests;
