//! Records in mode S (RFC 959 §3.4.1): control codes of two octets between the data.
//!
//! ```text
//!   data  ...  data   11111111 00000001   data  ...   11111111 11111111  ...   11111111 00000010
//!                     EOR                             an octet 255             EOF (3: EOR and EOF)
//! ```

use super::error::CodecErrorKind;
use super::frame::{Descriptor, Part, take, take_octet};
use memchr::memchr;

const ESCAPE: u8 = 0xff;
const EOR: u8 = 1;
const EOF: u8 = 2;

/// Finds the control codes.
#[derive(Clone, Debug, Default)]
pub(super) struct EscapeReader {
    /// An escape has come, its second octet not yet.
    escaped: bool,
    /// What the last control code said and has not been told yet.
    end: Descriptor,
}

impl EscapeReader {
    pub(super) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        most: usize,
    ) -> Result<Option<Part<'a>>, CodecErrorKind> {
        loop {
            if let Some(end) = self.end.take_end() {
                return Ok(Some(end));
            }
            if self.escaped {
                let Some((code, _)) = input.split_first() else {
                    return Ok(None);
                };
                self.end = match *code {
                    ESCAPE => Descriptor::NONE,
                    EOR => Descriptor::EOR,
                    EOF => Descriptor::EOF,
                    3 => Descriptor::EOR.with(Descriptor::EOF),
                    code => return Err(CodecErrorKind::ControlCode(code)),
                };
                self.escaped = false;
                let code = take(input, 1);
                if self.end == Descriptor::NONE {
                    return Ok(Some(Part::Data(code)));
                }
                continue;
            }
            let head = input.get(..most).unwrap_or(input);
            match memchr(ESCAPE, head) {
                Some(0) => {
                    take_octet(input);
                    self.escaped = true;
                }
                Some(at) => return Ok(Some(Part::Data(take(input, at)))),
                None if head.is_empty() => return Ok(None),
                None => return Ok(Some(Part::Data(take(input, head.len())))),
            }
        }
    }
}

/// Appends `data` with its control codes.
pub(super) fn write_escaped(data: &[u8], end: Descriptor, out: &mut Vec<u8>) {
    let mut rest = data;
    while let Some(at) = memchr(ESCAPE, rest) {
        out.extend_from_slice(take(&mut rest, at + 1));
        out.push(ESCAPE);
    }
    out.extend_from_slice(rest);
    let mut code = 0;
    if end.has(Descriptor::EOR) {
        code |= EOR;
    }
    if end.has(Descriptor::EOF) {
        code |= EOF;
    }
    if code != 0 {
        out.extend_from_slice(&[ESCAPE, code]);
    }
}
