//! Quadruple-precision floating point (RFC 4506 §4.8).

use core::fmt;

/// A quadruple: IEEE 754 binary128, most significant octet first.
///
/// ```text
///  0                                                             127
/// +-+---------------+------------------------------------------------+
/// |S|  E, 15 bits   |                  F, 112 bits                   |
/// +-+---------------+------------------------------------------------+
/// ```
///
/// Two are equal if their octets are: 0 differs from -0, and a NaN equals itself.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quad(pub [u8; 16]);

const FRACTION_BITS: u32 = 112;
const FRACTION: u128 = (1 << FRACTION_BITS) - 1;
const EXPONENT_MAX: u128 = 0x7fff;
/// Bias of a quadruple's exponent less that of a double's.
const BIAS_DIFFERENCE: u64 = 16383 - 1023;
/// Fraction bits that a double lacks.
const EXTRA: u32 = FRACTION_BITS - 52;

impl Quad {
    /// The octets, as on the wire.
    #[inline]
    #[must_use]
    pub const fn to_octets(self) -> [u8; 16] {
        self.0
    }

    /// The nearest double, ties to even; ±∞ beyond a double's range. A NaN stays one.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        let bits = u128::from_be_bytes(self.0);
        let sign = low_u64(bits >> 64) & (1 << 63);
        let exponent = (bits >> FRACTION_BITS) & EXPONENT_MAX;
        let fraction = bits & FRACTION;
        if exponent == EXPONENT_MAX {
            let quiet = u64::from(fraction != 0) << 51;
            return f64::from_bits(sign | 0x7ff << 52 | quiet | low_u64(fraction >> EXTRA));
        }
        let exponent = low_u64(exponent);
        if exponent >= BIAS_DIFFERENCE + 0x7ff {
            return f64::from_bits(sign | 0x7ff << 52);
        }
        // Below, the number is `significand × 2^(exponent − bias − 112)`; a subnormal quadruple is far below any double.
        let (drop, base) = match exponent.checked_sub(BIAS_DIFFERENCE + 1) {
            Some(above) => (u64::from(EXTRA), above << 52),
            None => (u64::from(EXTRA) + BIAS_DIFFERENCE + 1 - exponent, 0),
        };
        if drop > u64::from(FRACTION_BITS) + 1 {
            return f64::from_bits(sign); // less than half of the least double
        }
        let significand = 1 << FRACTION_BITS | fraction;
        let kept = significand >> drop;
        let rest = significand & ((1 << drop) - 1);
        let half = 1 << (drop - 1);
        let up = rest > half || (rest == half && kept & 1 == 1);
        // The leading bit of a normal number adds one to the exponent, and so does rounding up to the next power of two.
        f64::from_bits(sign | (base + low_u64(kept) + u64::from(up)))
    }
}

/// The low half; the callers have nothing in the high one, or do not want it.
fn low_u64(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default()
}

impl From<f64> for Quad {
    /// The same number: every double is a quadruple.
    fn from(value: f64) -> Self {
        let bits = value.to_bits();
        let sign = u128::from(bits >> 63) << 127;
        let exponent = bits >> 52 & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        let magnitude = match (exponent, fraction) {
            (0, 0) => 0,
            (0, _) => {
                // Subnormal: the leading bit moves up to where a normal number has its hidden one.
                let shift = fraction.leading_zeros() - 11;
                let exponent = BIAS_DIFFERENCE + 1 - u64::from(shift);
                let fraction = u128::from(fraction << shift & ((1 << 52) - 1));
                u128::from(exponent) << FRACTION_BITS | fraction << EXTRA
            }
            (0x7ff, _) => EXPONENT_MAX << FRACTION_BITS | u128::from(fraction) << EXTRA,
            _ => {
                u128::from(exponent + BIAS_DIFFERENCE) << FRACTION_BITS
                    | u128::from(fraction) << EXTRA
            }
        };
        Self((sign | magnitude).to_be_bytes())
    }
}

impl fmt::Debug for Quad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Quad({:#034x} ≈ {:?})",
            u128::from_be_bytes(self.0),
            self.to_f64()
        )
    }
}
