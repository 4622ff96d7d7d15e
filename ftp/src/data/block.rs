//! Mode B (RFC 959 §3.4.2): blocks, each with what its end is.
//!
//! ```text
//!  +----------------+----------------+----------------+
//!  | Descriptor     |    Byte Count                   |   128 EOR   64 EOF   32 suspected errors   16 restart marker
//!  |         8 bits |                      16 bits    |
//!  +----------------+----------------+----------------+
//! ```
//!
//! Several bits can be set; a block may be empty, as the one with EOF often is.

use super::error::CodecErrorKind;
use super::frame::{Descriptor, MARKER_LIMIT, Part, check_marker, take, take_octet};

/// Most octets of a block.
const BLOCK_LIMIT: usize = 0xffff;

/// Reads blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockReader {
    /// Octets of the header that have come, the last one lowest.
    header: u32,
    headers: u8,
    /// Of the block whose header has come.
    descriptor: Descriptor,
    left: u16,
    marker: Vec<u8>,
}

impl BlockReader {
    pub(super) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        most: usize,
    ) -> Result<Option<Part<'a>>, CodecErrorKind> {
        loop {
            if self.headers < 3 {
                let Some(octet) = take_octet(input) else {
                    return Ok(None);
                };
                self.header = (self.header << 8) | u32::from(octet);
                self.headers += 1;
                if self.headers == 3 {
                    let [_, descriptor, high, low] = self.header.to_be_bytes();
                    self.descriptor = Descriptor::new(descriptor)?;
                    self.left = u16::from_be_bytes([high, low]);
                    let marker = self.descriptor.has(Descriptor::MARKER);
                    if marker && !(1..=MARKER_LIMIT).contains(&usize::from(self.left)) {
                        return Err(CodecErrorKind::Marker);
                    }
                    if self.descriptor.take(Descriptor::SUSPECT) && !marker && self.left > 0 {
                        return Ok(Some(Part::Suspect(self.left)));
                    }
                }
                continue;
            }
            if self.left > 0 {
                let data = take(input, most.min(usize::from(self.left)));
                if data.is_empty() {
                    return Ok(None);
                }
                // No longer than `left`.
                self.left -= u16::try_from(data.len()).unwrap_or(self.left);
                if !self.descriptor.has(Descriptor::MARKER) {
                    return Ok(Some(Part::Data(data)));
                }
                self.marker.extend_from_slice(data);
                continue;
            }
            if self.descriptor.take(Descriptor::MARKER) {
                let marker = std::mem::take(&mut self.marker);
                check_marker(&marker)?;
                return Ok(Some(Part::Marker(marker)));
            }
            if let Some(end) = self.descriptor.take_end() {
                return Ok(Some(end));
            }
            self.headers = 0;
            self.header = 0;
        }
    }
}

/// Appends `data` in blocks, the last of which ends as `end` says.
pub(super) fn write_blocks(data: &[u8], end: Descriptor, out: &mut Vec<u8>) {
    let mut rest = data;
    if rest.is_empty() && end == Descriptor::NONE {
        return;
    }
    loop {
        let block = take(&mut rest, BLOCK_LIMIT);
        let end = if rest.is_empty() {
            end
        } else {
            Descriptor::NONE
        };
        // No longer than BLOCK_LIMIT.
        let count = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(end.0);
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(block);
        if rest.is_empty() {
            return;
        }
    }
}
