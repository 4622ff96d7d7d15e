//! The three nested headers of every IntServ object: RFC 2210 appendix 1.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | Vers=0|        Unused         |        Length (words)         |  message
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |    Service    |B|  Reserved   |        Length (words)         |  fragment of a service
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Parameter   |I|    Flags    |        Length (words)         |  parameter
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! //                            value                            //
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! B is the break bit. I and the other flags are sent as zero and ignored (RFC 2215 §2). Lengths do not count the
//! header they stand in.

use crate::wire::Reader;
use fairway_wire::numbers;

numbers! {
    /// A service (RFC 2215 §1); unknown ones survive and print as numbers.
    ServiceNumber(u8), "service {}" {
        /// Not a service: what holds for all of them.
        GENERAL = 1, "general";
        /// Guaranteed, RFC 2212.
        GUARANTEED = 2, "guaranteed";
        /// Controlled load, RFC 2211.
        CONTROLLED_LOAD = 5, "controlled load";
    }
}

numbers! {
    /// A parameter (RFC 2215 §3, RFC 2212); unknown ones survive and print as numbers.
    ParameterNumber(u8), "parameter {}" {
        /// Elements on the way that know Integrated Services.
        IS_HOPS = 4, "IS hops";
        /// Available path bandwidth.
        BANDWIDTH = 6, "path bandwidth";
        /// Minimum path latency.
        LATENCY = 8, "minimum path latency";
        /// Path MTU.
        MTU = 10, "path MTU";
        /// Token bucket.
        TOKEN_BUCKET = 127, "token bucket Tspec";
        /// Rate and slack of guaranteed service.
        RSPEC = 130, "Rspec";
        /// Rate-dependent error of the whole path.
        C_TOT = 133, "Ctot";
        /// Error that does not depend on the rate, of the whole path.
        D_TOT = 134, "Dtot";
        /// Rate-dependent error since the last reshaper.
        C_SUM = 135, "Csum";
        /// The other error since the last reshaper.
        D_SUM = 136, "Dsum";
    }
}

/// How octets fail to be an IntServ object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Another version than zero.
    #[error("version {0}")]
    Version(u8),
    /// A length goes beyond what there is.
    #[error("length beyond the end")]
    Length,
    /// A service that has to be there is not.
    #[error("no {0} fragment")]
    NoService(ServiceNumber),
    /// A parameter that has to be there is not.
    #[error("no {0}")]
    NoParameter(ParameterNumber),
    /// A parameter of another size.
    #[error("{0} of another size")]
    Size(ParameterNumber),
    /// A service or parameter that is there twice.
    #[error("{0} twice")]
    Twice(ServiceNumber),
}

/// One service's part of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawFragment<'a> {
    pub(super) service: ServiceNumber,
    pub(super) is_broken: bool,
    pub(super) octets: &'a [u8],
}

/// One parameter of a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawParameter<'a> {
    pub(super) number: ParameterNumber,
    pub(super) value: &'a [u8],
}

/// The fragments of an object.
///
/// Octets behind the length of the message header are ignored.
pub(super) fn fragments(
    octets: &[u8],
) -> Result<impl Iterator<Item = Result<RawFragment<'_>, FormError>>, FormError> {
    let mut reader = Reader::new(octets);
    let [version, _, l0, l1] = reader.array().ok_or(FormError::Length)?;
    if version >> 4 != 0 {
        return Err(FormError::Version(version >> 4));
    }
    let all = reader.take(words(l0, l1)).ok_or(FormError::Length)?;
    Ok(headed(all).map(|item| {
        item.map(|([service, flags], octets)| RawFragment {
            service: ServiceNumber(service),
            is_broken: flags & BREAK != 0,
            octets,
        })
    }))
}

impl<'a> RawFragment<'a> {
    /// The parameters of a fragment.
    pub(super) fn parameters(self) -> impl Iterator<Item = Result<RawParameter<'a>, FormError>> {
        headed(self.octets).map(|item| {
            item.map(|([number, _flags], value)| RawParameter {
                number: ParameterNumber(number),
                value,
            })
        })
    }

    /// One parameter by its number; the last, should there be several.
    pub(super) fn parameter(self, wanted: ParameterNumber) -> Result<RawParameter<'a>, FormError> {
        let mut found = Err(FormError::NoParameter(wanted));
        for parameter in self.parameters() {
            let parameter = parameter?;
            if parameter.number == wanted {
                found = Ok(parameter);
            }
        }
        found
    }
}

impl RawParameter<'_> {
    /// The value as so many words.
    pub(super) fn words<const N: usize>(self) -> Result<[u32; N], FormError> {
        let (chunks, rest) = self.value.as_chunks::<4>();
        let words: &[[u8; 4]; N] = chunks
            .try_into()
            .map_err(|_| FormError::Size(self.number))?;
        if !rest.is_empty() {
            return Err(FormError::Size(self.number));
        }
        Ok(words.map(u32::from_be_bytes))
    }
}

const BREAK: u8 = 0x80;

fn words(l0: u8, l1: u8) -> usize {
    usize::from(u16::from_be_bytes([l0, l1])) * 4
}

/// Items with two octets of their own and a length in words; ends at the first that is too long.
fn headed(octets: &[u8]) -> impl Iterator<Item = Result<([u8; 2], &[u8]), FormError>> {
    let mut reader = Reader::new(octets);
    core::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let item = reader
            .array()
            .and_then(|[a, b, l0, l1]| Some(([a, b], reader.take(words(l0, l1))?)));
        if item.is_none() {
            reader = Reader::new(&[]);
        }
        Some(item.ok_or(FormError::Length))
    })
}

/// Writes an object: headers first, their lengths when it is known what is in them.
#[derive(Debug)]
pub(super) struct Writer {
    octets: Vec<u8>,
    fragment: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        let mut octets = Vec::with_capacity(96);
        octets.extend_from_slice(&[0; 4]);
        Self {
            octets,
            fragment: 0,
        }
    }

    /// Begins the fragment of a service.
    pub(super) fn fragment(&mut self, service: ServiceNumber, is_broken: bool) {
        self.fragment = self.octets.len();
        self.octets
            .extend_from_slice(&[service.0, if is_broken { BREAK } else { 0 }, 0, 0]);
    }

    /// A parameter of whole words.
    pub(super) fn parameter(&mut self, number: ParameterNumber, words: &[u32]) {
        let len = u16::try_from(words.len()).unwrap_or(u16::MAX);
        self.octets.extend_from_slice(&[number.0, 0]);
        self.octets.extend_from_slice(&len.to_be_bytes());
        for word in words {
            self.octets.extend_from_slice(&word.to_be_bytes());
        }
        self.set_lengths();
    }

    /// What is behind a fragment's header, as it was.
    pub(super) fn raw(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        self.set_lengths();
    }

    fn set_lengths(&mut self) {
        for start in [0, self.fragment] {
            let behind = self.octets.len().saturating_sub(start + 4) / 4;
            let len = u16::try_from(behind).unwrap_or(u16::MAX).to_be_bytes();
            if let Some(field) = self.octets.get_mut(start + 2..start + 4) {
                field.copy_from_slice(&len);
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.set_lengths();
        self.octets
    }
}
