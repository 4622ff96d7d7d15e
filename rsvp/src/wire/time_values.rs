//! TIME_VALUES: RFC 2205 §A.4.

use core::time::Duration;

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// How often the sender refreshes this state.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |               Refresh Period R (milliseconds)                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Any value is read; what is too short or too long to act on is for the receiver to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeValues {
    /// *R* in milliseconds.
    pub refresh_millis: u32,
}

impl TimeValues {
    /// *R* as a span of time.
    #[must_use]
    pub const fn refresh_period(self) -> Duration {
        Duration::from_millis(self.refresh_millis as u64)
    }
}

impl Object for TimeValues {
    const CLASS: ClassNum = ClassNum::TIME_VALUES;

    fn c_type(&self) -> CType {
        CType(1)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        if c_type != CType(1) {
            return Err(ObjectError::CType);
        }
        let mut reader = Reader::new(body.octets());
        let refresh_millis = reader.u32().ok_or(ObjectError::Size)?;
        reader
            .done(Self { refresh_millis })
            .ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.refresh_millis.to_be_bytes());
    }
}
