//! SYN cookies: a handshake that the listener does not remember. RFC 4987 §3.6.
//!
//! The SYN-ACK's sequence number carries what must be known of the SYN when its acknowledgment comes back:
//!
//! ```text
//!  31       26 25  23 22                             0
//! +-----------+------+--------------------------------+
//! |  minutes  | size |             hash               |
//! +-----------+------+--------------------------------+
//! ```
//!
//! *minutes* is a slow clock modulo 64, *size* an index into [`SIZES`], and the hash covers the four-tuple, the peer's
//! sequence number and both. If the peer sends timestamps, the low bits of ours carry the other options: the peer's
//! window scale (15: none) and whether it does selective acknowledgments.

use fairway_wire::tcp::Options;
use fairway_wire::{Instant, SeqNumber};

use super::isn::low;
use super::table::FourTuple;
use crate::hash::Key;

/// The maximum segment sizes that a cookie can say; the next smaller is used.
const SIZES: [u16; 8] = [536, 1024, 1220, 1360, 1400, 1440, 1452, 1460];
/// How old a cookie may be, in minutes that have begun since.
const LIFE: u64 = 2;
const HASH_BITS: u32 = 23;
/// Bits of the timestamp: four of the window scale, one for SACK.
const STAMP_BITS: u32 = 5;
const NO_SCALE: u8 = 15;

/// What a cookie tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) mss: u16,
}

const fn minutes(now: Instant) -> u64 {
    now.as_nanos() / 60_000_000_000
}

fn hash(key: Key, tuple: FourTuple, irs: SeqNumber, minute: u64, size: u32) -> u32 {
    let [addresses, ports] = tuple.words();
    let word = u64::from(irs.0) << 32 | u64::from(size);
    low(key.strong(&[addresses, ports, word, minute])) & ((1 << HASH_BITS) - 1)
}

/// The initial sequence number that answers a SYN.
pub(crate) fn make(
    key: Key,
    now: Instant,
    tuple: FourTuple,
    irs: SeqNumber,
    mss: u16,
) -> SeqNumber {
    let at = SIZES.iter().rposition(|&size| size <= mss).unwrap_or(0);
    let size = u32::try_from(at).unwrap_or(0);
    let minute = minutes(now);
    let clock = low(minute) & 63;
    SeqNumber(clock << 26 | size << HASH_BITS | hash(key, tuple, irs, minute, size))
}

/// What the cookie `iss` tells, if it is one of ours and not too old.
pub(crate) fn check(
    key: Key,
    now: Instant,
    tuple: FourTuple,
    irs: SeqNumber,
    iss: SeqNumber,
) -> Option<Told> {
    let size = iss.0 >> HASH_BITS & 7;
    let present = minutes(now);
    let minute =
        (present.saturating_sub(LIFE)..=present).find(|&minute| low(minute) & 63 == iss.0 >> 26)?;
    if iss.0 & ((1 << HASH_BITS) - 1) != hash(key, tuple, irs, minute, size) {
        return None;
    }
    let mss = *SIZES.get(usize::try_from(size).ok()?)?;
    Some(Told { mss })
}

/// A timestamp near `clock`, and not after it, that carries the peer's options.
pub(crate) fn make_stamp(clock: u32, options: &Options, sack: bool) -> u32 {
    let scale = options.window_scale.map_or(NO_SCALE, |shift| shift.min(14));
    let bits = u32::from(scale) << 1 | u32::from(sack && options.sack_permitted);
    let stamp = clock & !((1 << STAMP_BITS) - 1) | bits;
    if SeqNumber(stamp).gt(SeqNumber(clock)) {
        stamp.wrapping_sub(1 << STAMP_BITS)
    } else {
        stamp
    }
}

/// The options that an echoed timestamp carries: window scale, selective acknowledgments.
pub(crate) fn read_stamp(echo: u32) -> (Option<u8>, bool) {
    let scale = u8::try_from(echo >> 1 & 15).unwrap_or(NO_SCALE);
    ((scale != NO_SCALE).then_some(scale), echo & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::{Instant, Key, Options, SeqNumber, check, make, make_stamp, read_stamp};
    use crate::tcp::table::FourTuple;

    const KEY: Key = Key([3, 4]);

    fn tuple(port: u16) -> FourTuple {
        FourTuple::new(
            "10.0.0.1:80".parse().unwrap(),
            std::net::SocketAddrV4::new([10, 0, 0, 2].into(), port),
        )
    }

    fn minute(count: u64) -> Instant {
        Instant::from_nanos(count * 60_000_000_000)
    }

    #[test]
    fn a_cookie_tells_the_segment_size_for_two_minutes() {
        let irs = SeqNumber(77);
        for (mss, told) in [(1460, 1460), (1459, 1452), (9000, 1460), (100, 536)] {
            let cookie = make(KEY, minute(100), tuple(5), irs, mss);
            for age in 0..=2 {
                let read = check(KEY, minute(100 + age), tuple(5), irs, cookie);
                assert_eq!(read.map(|read| read.mss), Some(told));
            }
            assert_eq!(check(KEY, minute(103), tuple(5), irs, cookie), None);
        }
    }

    #[test]
    fn a_cookie_is_good_for_its_handshake_only() {
        let cookie = make(KEY, minute(0), tuple(5), SeqNumber(77), 1460);
        assert_eq!(check(KEY, minute(0), tuple(6), SeqNumber(77), cookie), None);
        assert_eq!(check(KEY, minute(0), tuple(5), SeqNumber(78), cookie), None);
        assert_eq!(
            check(Key([3, 5]), minute(0), tuple(5), SeqNumber(77), cookie),
            None
        );
        assert_eq!(
            check(KEY, minute(0), tuple(5), SeqNumber(77), cookie + 1_u32),
            None
        );
    }

    #[test]
    fn a_timestamp_carries_the_other_options_and_is_not_in_the_future() {
        for clock in [0_u32, 31, 32, 1000, 1 << 31, u32::MAX] {
            for (window_scale, sack_permitted) in [
                (Some(7), true),
                (None, false),
                (Some(14), false),
                (Some(0), true),
            ] {
                let options = Options {
                    window_scale,
                    sack_permitted,
                    ..Options::default()
                };
                let stamp = make_stamp(clock, &options, true);
                assert!(clock.wrapping_sub(stamp) < 64);
                assert_eq!(read_stamp(stamp), (window_scale, sack_permitted));
            }
        }
    }
}
