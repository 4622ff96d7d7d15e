//! TYPE A: line ends (RFC 959 §3.1.1.1), and nothing but them: octets of 128 and more pass, in whatever charset.
//!
//! On the wire a line ends with CR LF. RFC 854 knows CR NUL besides, for a CR alone, and no other CR; RFC 1123 §3.3.1
//! repeats it for Telnet. What is done here with local lines that end with LF:
//!
//! | wire | local | why |
//! |---|---|---|
//! | CR LF | LF | RFC 959 §3.1.1.1 |
//! | LF | LF | from servers that send Unix text as it is; there is no other way to take it. We never send it. |
//! | CR | CR | servers send files with a CR in a line as they are |
//! | CR NUL | CR NUL, or CR | [`LoneCr`] |
//!
//! Thus CR CR LF is CR LF here, and goes back as it came. With local lines that end with CR LF, nothing changes but
//! CR NUL by [`LoneCr::Nul`]; a lone LF, which is no line end in such a file and moves straight down on an NVT, stays.

use super::options::{LineEnd, LoneCr};
use memchr::{memchr, memchr_iter};

/// Wire to local.
#[derive(Clone, Debug)]
pub(super) struct AsciiDecoder {
    line_end: LineEnd,
    lone_cr: LoneCr,
    /// A CR that has not been given out: what follows decides.
    cr: bool,
}

impl AsciiDecoder {
    pub(super) const fn new(line_end: LineEnd, lone_cr: LoneCr) -> Self {
        Self {
            line_end,
            lone_cr,
            cr: false,
        }
    }

    /// Whether nothing changes.
    pub(super) fn is_transparent(&self) -> bool {
        self.line_end == LineEnd::CrLf && self.lone_cr == LoneCr::Bare
    }

    /// Whether a CR waits for what follows.
    pub(super) const fn holds_cr(&self) -> bool {
        self.cr
    }

    /// Never gives out more octets than have come.
    pub(super) fn decode(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        if self.is_transparent() {
            out.extend_from_slice(wire);
            return;
        }
        let mut rest = wire;
        out.reserve(rest.len() + 1);
        if self.cr && !rest.is_empty() {
            self.cr = false;
            rest = self.behind_cr(rest, out);
        }
        while let Some(at) = memchr(b'\r', rest) {
            let (line, end) = rest.split_at(at);
            out.extend_from_slice(line);
            let after = end.get(1..).unwrap_or_default();
            if after.is_empty() {
                self.cr = true;
                return;
            }
            rest = self.behind_cr(after, out);
        }
        out.extend_from_slice(rest);
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            out.push(b'\r');
        }
    }

    fn behind_cr<'a>(&self, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        match (rest, self.lone_cr) {
            ([b'\n', after @ ..], _) => {
                out.extend_from_slice(self.line_end.octets());
                after
            }
            ([0, after @ ..], LoneCr::Nul) => {
                out.push(b'\r');
                after
            }
            _ => {
                out.push(b'\r');
                rest
            }
        }
    }
}

/// Local to wire.
#[derive(Clone, Debug)]
pub(super) struct AsciiEncoder {
    line_end: LineEnd,
    lone_cr: LoneCr,
    /// A CR has been sent that will need a NUL unless LF follows: local CR LF and [`LoneCr::Nul`] only.
    cr: bool,
}

impl AsciiEncoder {
    pub(super) const fn new(line_end: LineEnd, lone_cr: LoneCr) -> Self {
        Self {
            line_end,
            lone_cr,
            cr: false,
        }
    }

    /// Whether nothing changes.
    pub(super) fn is_transparent(&self) -> bool {
        self.line_end == LineEnd::CrLf && self.lone_cr == LoneCr::Bare
    }

    /// Gives out at most twice as much as has come.
    pub(super) fn encode(&mut self, local: &[u8], out: &mut Vec<u8>) {
        out.reserve(local.len() + local.len() / 16 + 1);
        match (self.line_end, self.lone_cr) {
            (LineEnd::CrLf, LoneCr::Bare) => out.extend_from_slice(local),
            (LineEnd::Lf, LoneCr::Bare) => insert(local, b'\n', b"\r\n", out),
            (LineEnd::Lf, LoneCr::Nul) => {
                let mut rest = local;
                while let Some(at) = memchr(b'\r', rest) {
                    let (text, cr) = rest.split_at(at);
                    insert(text, b'\n', b"\r\n", out);
                    out.extend_from_slice(b"\r\0");
                    rest = cr.get(1..).unwrap_or_default();
                }
                insert(rest, b'\n', b"\r\n", out);
            }
            (LineEnd::CrLf, LoneCr::Nul) => {
                let mut rest = local;
                while let Some(first) = rest.first() {
                    if std::mem::take(&mut self.cr) && *first != b'\n' {
                        out.push(0);
                    }
                    let Some(at) = memchr(b'\r', rest) else {
                        out.extend_from_slice(rest);
                        return;
                    };
                    let (text, after) = rest.split_at_checked(at + 1).unwrap_or((rest, &[]));
                    out.extend_from_slice(text);
                    self.cr = true;
                    rest = after;
                }
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            out.push(0);
        }
    }
}

/// `octets` with `replacement` for each `octet`.
fn insert(octets: &[u8], octet: u8, replacement: &[u8], out: &mut Vec<u8>) {
    let mut rest = octets;
    while let Some(at) = memchr(octet, rest) {
        let (text, end) = rest.split_at(at);
        out.extend_from_slice(text);
        out.extend_from_slice(replacement);
        rest = end.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Counts how many octets a local file is on the wire in type A, structure F, mode S: for progress, and to find where
/// in a local file a transfer that broke at a wire octet goes on.
///
/// ```
/// use fairway_ftp::data::{AsciiSize, LineEnd, LoneCr};
///
/// let mut size = AsciiSize::new(LineEnd::Lf, LoneCr::Bare);
/// size.add(b"two\nlines\n");
/// assert_eq!(size.octets(), 12);
/// ```
#[derive(Clone, Debug)]
pub struct AsciiSize {
    line_end: LineEnd,
    lone_cr: LoneCr,
    cr: bool,
    octets: u64,
}

impl AsciiSize {
    /// Nothing counted yet.
    #[must_use]
    pub const fn new(line_end: LineEnd, lone_cr: LoneCr) -> Self {
        Self {
            line_end,
            lone_cr,
            cr: false,
            octets: 0,
        }
    }

    /// The file goes on with `local`.
    pub fn add(&mut self, local: &[u8]) {
        let count = |octet| memchr_iter(octet, local).count();
        let more = match (self.line_end, self.lone_cr) {
            (LineEnd::CrLf, LoneCr::Bare) => 0,
            (LineEnd::Lf, LoneCr::Bare) => count(b'\n'),
            (LineEnd::Lf, LoneCr::Nul) => count(b'\n') + count(b'\r'),
            (LineEnd::CrLf, LoneCr::Nul) => {
                let Some(last) = local.last() else { return };
                let mut lone = usize::from(self.cr && !local.starts_with(b"\n"));
                let inside = memchr_iter(b'\r', local).filter(|at| at + 1 < local.len());
                lone += inside
                    .filter(|at| local.get(at + 1) != Some(&b'\n'))
                    .count();
                self.cr = *last == b'\r';
                lone
            }
        };
        self.octets += octets(local.len()) + octets(more);
    }

    /// How many octets it is on the wire if the file ends here.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets + if self.cr { 1 } else { 0 }
    }
}

/// A length as a count of octets of a file.
pub(super) const fn octets(length: usize) -> u64 {
    length as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(ends: LineEnd, cr: LoneCr, chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut encoder = AsciiEncoder::new(ends, cr);
        let mut out = Vec::new();
        for chunk in chunks {
            encoder.encode(chunk, &mut out);
        }
        encoder.finish(&mut out);
        out
    }

    fn decoded(ends: LineEnd, cr: LoneCr, wire: &[u8], chunk: usize) -> Vec<u8> {
        let mut decoder = AsciiDecoder::new(ends, cr);
        let mut out = Vec::new();
        for chunk in wire.chunks(chunk) {
            decoder.decode(chunk, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn the_table_above_is_true() {
        let local = b"a\nb\r\nc\rd\r\0e\n\n\r".to_vec();
        let (lf, crlf) = (LineEnd::Lf, LineEnd::CrLf);
        let golden: [(_, _, &[u8]); 4] = [
            (lf, LoneCr::Bare, b"a\r\nb\r\r\nc\rd\r\0e\r\n\r\n\r"),
            (lf, LoneCr::Nul, b"a\r\nb\r\0\r\nc\r\0d\r\0\0e\r\n\r\n\r\0"),
            (crlf, LoneCr::Bare, &local),
            (crlf, LoneCr::Nul, b"a\nb\r\nc\r\0d\r\0\0e\n\n\r\0"),
        ];
        for (ends, cr, wire) in golden {
            for chunk in 1..local.len() + 1 {
                let chunks: Vec<_> = local.chunks(chunk).map(<[u8]>::to_vec).collect();
                assert_eq!(encoded(ends, cr, &chunks), wire, "{ends:?} {cr:?}");
                assert_eq!(decoded(ends, cr, wire, chunk), local, "{ends:?} {cr:?}");
            }
        }
        // A server that sends Unix text as it is.
        assert_eq!(decoded(lf, LoneCr::Bare, b"a\nb\r\n", 9), b"a\nb\n");
        assert_eq!(decoded(lf, LoneCr::Nul, b"a\r\0\n", 1), b"a\r\n");
    }

    fn ends() -> impl Strategy<Value = (LineEnd, LoneCr)> {
        prop_oneof![
            Just((LineEnd::Lf, LoneCr::Bare)),
            Just((LineEnd::Lf, LoneCr::Nul)),
            Just((LineEnd::CrLf, LoneCr::Bare)),
            Just((LineEnd::CrLf, LoneCr::Nul)),
        ]
    }

    fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let octet = prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), any::<u8>()];
        prop::collection::vec(prop::collection::vec(octet, 0..12), 0..12)
    }

    proptest! {
        #[test]
        fn any_file_comes_back((ends, cr) in ends(), chunks in chunks(), cut in 1_usize..9) {
            let wire = encoded(ends, cr, &chunks);
            prop_assert_eq!(decoded(ends, cr, &wire, cut), chunks.concat());
            let mut size = AsciiSize::new(ends, cr);
            chunks.iter().for_each(|chunk| size.add(chunk));
            prop_assert_eq!(size.octets(), octets(wire.len()));
        }
    }
}
