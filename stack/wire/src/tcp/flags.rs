//! The control bits: RFC 9293 §3.1, RFC 3168 §6.1.

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of control bits.
///
/// ```
/// use fairway_wire::tcp::Flags;
///
/// let flags = Flags::SYN | Flags::ACK;
/// assert!(flags.contains(Flags::SYN) && !flags.contains(Flags::RST));
/// assert_eq!(flags.to_string(), "S.");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// The sender has no more data.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(0x20);
    /// ECN echo, RFC 3168.
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced, RFC 3168.
    pub const CWR: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some bit of `other` is set.
    #[inline]
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits of both; `|` does the same where no constant is needed.
    #[inline]
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits of `self` that `other` has not.
    #[inline]
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no bit is set.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Sequence numbers that the bits take up: one each for SYN and FIN (RFC 9293 §3.4).
    #[inline]
    #[must_use]
    pub const fn sequence_len(self) -> u32 {
        let syn = self.contains(Self::SYN);
        let fin = self.contains(Self::FIN);
        match (syn, fin) {
            (false, false) => 0,
            (true, true) => 2,
            _ => 1,
        }
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Flags {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl BitAnd for Flags {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// The letters of packet scripts: `S`, `F`, `R`, `P`, `E`, `W`, `U`, and `.` for ACK; `-` if no bit is set.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 8] = [
            (Flags::FIN, "F"),
            (Flags::SYN, "S"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::ECE, "E"),
            (Flags::CWR, "W"),
            (Flags::URG, "U"),
            (Flags::ACK, "."),
        ];
        if self.is_empty() {
            return f.write_str("-");
        }
        for (flag, letter) in LETTERS {
            if self.contains(flag) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::Flags;

    #[test]
    fn sets_behave_as_sets() {
        let both = Flags::SYN | Flags::ACK;
        assert!(both.contains(Flags::SYN) && both.contains(both) && both.contains(Flags::NONE));
        assert!(!Flags::SYN.contains(both) && Flags::SYN.intersects(both));
        assert_eq!(both.without(Flags::SYN), Flags::ACK);
        assert_eq!(both & !Flags::ACK, Flags::SYN);
        assert!(Flags::default().is_empty() && !both.is_empty());
    }

    #[test]
    fn syn_and_fin_take_a_sequence_number_each() {
        // RFC 9293 §3.4.
        assert_eq!(Flags::ACK.sequence_len(), 0);
        assert_eq!((Flags::SYN | Flags::ACK).sequence_len(), 1);
        assert_eq!((Flags::FIN | Flags::PSH).sequence_len(), 1);
        assert_eq!((Flags::FIN | Flags::SYN).sequence_len(), 2);
    }

    #[test]
    fn every_flag_has_its_letter() {
        assert_eq!(Flags::NONE.to_string(), "-");
        assert_eq!(Flags(0xff).to_string(), "FSRPEWU.");
    }
}
