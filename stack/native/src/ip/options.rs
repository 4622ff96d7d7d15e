//! What a host or router does about the options of a packet (RFC 791 §3.1, RFC 1122 §3.2.1.8, RFC 2113).
//!
//! Record route and timestamp are filled in where they stand. Source routes are refused, except by the last host on
//! them: they let a sender choose a way around filters, and answers would have to follow it back. Options not known
//! here are left alone (RFC 1122 §3.2.1.8: "silently ignore IP options they don't understand").

use fairway_wire::Instant;
use fairway_wire::ipv4::options::{IpOption, OptionBuffer, Options, RecordRoute, Stamp, Timestamp};
use fairway_wire::ipv4::{self, options::OptionError};
use std::net::Ipv4Addr;
use std::ops::Range;

/// Who writes into options, and when.
#[derive(Clone, Copy)]
pub(crate) struct Stamper<'a> {
    /// The address to record: of the interface that the packet leaves by, or that it is for (RFC 791 §3.1: "as known in
    /// the environment into which this datagram is being forwarded").
    pub(crate) local: Ipv4Addr,
    /// The time.
    pub(crate) now: Instant,
    /// Whether an address is one of this host's.
    pub(crate) is_local: &'a dyn Fn(Ipv4Addr) -> bool,
}

impl std::fmt::Debug for Stamper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stamper")
            .field("local", &self.local)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Pass {
        /// Something was written into the options: the header checksum is wrong now.
        changed: bool,
    },
    /// It is dropped: the event `ip_dooptions-badopt`, and an ICMP parameter problem.
    Refuse {
        /// The octet of the packet that is at fault.
        pointer: u8,
        /// The type of the option that it belongs to.
        option: u8,
    },
    /// It is dropped because of a source route: the event `ip_dooptions-badopt`, and "source route failed".
    SourceRouteRefused {
        /// The type of the option.
        option: u8,
    },
}

/// Obeys the options of a packet whose whole header is `header`. With `for_us`, this host is its destination.
///
/// Nothing is written unless all options make sense.
pub(crate) fn process(header: &mut [u8], for_us: bool, stamper: &Stamper<'_>) -> Verdict {
    let Some(options) = header.get_mut(ipv4::Header::LEN..) else {
        return PASS;
    };
    // Into a copy, so that a later option at fault leaves the packet as it came, for the error to quote.
    let mut copy = [0; ipv4::options::MAX_LEN];
    let Some(written) = copy.get_mut(..options.len()) else {
        return PASS;
    };
    written.copy_from_slice(options);
    match obey(written, for_us, stamper) {
        Ok(verdict) => {
            options.copy_from_slice(written);
            verdict
        }
        Err(verdict) => verdict,
    }
}

/// Whether a packet in transit, whose whole header is `header`, asks routers to look at it (RFC 2113 §2.1). It does not
/// if its options make no sense.
pub(crate) fn alerts_routers(header: &[u8]) -> bool {
    header
        .get(ipv4::Header::LEN..)
        .is_some_and(|options| examine(options, false).is_ok_and(|found| found.router_alert))
}

/// Nothing to do.
const PASS: Verdict = Verdict::Pass { changed: false };

fn obey(options: &mut [u8], for_us: bool, stamper: &Stamper<'_>) -> Result<Verdict, Verdict> {
    let found = examine(options, for_us)?;
    if let Some(range) = &found.record_route {
        write(options, range, |option| {
            RecordRoute::record(option, stamper.local)
        })?;
    }
    if let Some(range) = &found.timestamp {
        let time = milliseconds(stamper.now);
        write(options, range, |option| {
            Timestamp::record(option, stamper.local, time, |address| {
                (stamper.is_local)(address)
            })
        })?;
    }
    Ok(Verdict::Pass {
        changed: found.record_route.is_some() || found.timestamp.is_some(),
    })
}

/// The options of an answer to an echo or timestamp request whose options were `options`, after [`process`]:
/// the recorded route and the timestamps, whole (RFC 1122 §3.2.2.6, §3.2.2.8).
#[must_use]
pub(crate) fn reply(options: &[u8]) -> OptionBuffer {
    let mut back = OptionBuffer::new();
    for entry in Options::new(options).map_while(Result::ok) {
        if let IpOption::RecordRoute(_) | IpOption::Timestamp(_) = entry.option {
            // They fitted into the request.
            back.push(entry.octets);
        }
    }
    back
}

/// The time as options and ICMP messages tell it. The engine does not know when midnight was, so the number counts
/// from the host's beginning and has the bit that says so (RFC 791 §3.1, RFC 792).
#[must_use]
pub(crate) fn milliseconds(now: Instant) -> u32 {
    let milliseconds = (now.as_nanos() / 1_000_000) % u64::from(Timestamp::DAY);
    Stamp::NON_STANDARD | u32::try_from(milliseconds).unwrap_or(0)
}

/// The options that something is done about.
#[derive(Default)]
struct Found {
    record_route: Option<Range<usize>>,
    timestamp: Option<Range<usize>>,
    source_route: bool,
    router_alert: bool,
}

fn examine(options: &[u8], for_us: bool) -> Result<Found, Verdict> {
    let mut found = Found::default();
    for entry in Options::new(options) {
        let entry = entry.map_err(|error| refuse(options, error))?;
        let kind = entry.kind().0;
        // RFC 791 §3.1: each of them "appears at most once in a datagram".
        let twice = match entry.option {
            IpOption::RecordRoute(_) => found.record_route.replace(entry.range()).is_some(),
            IpOption::Timestamp(_) => found.timestamp.replace(entry.range()).is_some(),
            IpOption::LooseSourceRoute(route) | IpOption::StrictSourceRoute(route) => {
                if !for_us || !route.is_complete() {
                    return Err(Verdict::SourceRouteRefused { option: kind });
                }
                std::mem::replace(&mut found.source_route, true)
            }
            // RFC 2113 §2.1: other values are reserved, and ignored.
            IpOption::RouterAlert(value) => {
                found.router_alert |= value == 0;
                false
            }
            IpOption::EndOfList | IpOption::NoOperation | IpOption::Other { .. } => false,
        };
        if twice {
            return Err(Verdict::Refuse {
                pointer: pointer(entry.offset),
                option: kind,
            });
        }
    }
    Ok(found)
}

/// Lets `write` change the option at `range`.
fn write<T>(
    options: &mut [u8],
    range: &Range<usize>,
    write: impl FnOnce(&mut [u8]) -> Result<T, OptionError>,
) -> Result<(), Verdict> {
    let Some(option) = options.get_mut(range.clone()) else {
        return Ok(());
    };
    match write(option) {
        Ok(_) => Ok(()),
        Err(error) => Err(refuse(options, error.behind(range.start))),
    }
}

fn refuse(options: &[u8], error: OptionError) -> Verdict {
    // The option that the octet belongs to: the last that begins before it.
    let option = Options::new(options)
        .map_while(Result::ok)
        .take_while(|entry| entry.offset + entry.octets.len() <= error.offset)
        .last()
        .map_or(0, |entry| entry.offset + entry.octets.len());
    Verdict::Refuse {
        pointer: pointer(error.offset),
        option: options.get(option).copied().unwrap_or_default(),
    }
}

/// The place of an octet of the options in the packet (RFC 792: the first octet is number 0).
fn pointer(offset: usize) -> u8 {
    u8::try_from(ipv4::Header::LEN + offset).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::{PASS, Stamper, Verdict, alerts_routers, milliseconds, process, reply};
    use fairway_wire::Instant;
    use fairway_wire::ipv4::options::{IpOption, OptionBuffer, Options, TimestampForm};
    use proptest::prelude::{any, proptest};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const NOW: Instant = Instant::from_nanos(5_000_000_000);
    fn run(options: &[u8], for_us: bool) -> (Verdict, Vec<u8>) {
        let mut header = vec![0; 20];
        header.extend_from_slice(options);
        let stamper = Stamper {
            local: US,
            now: NOW,
            is_local: &|address| address == US,
        };
        let verdict = process(&mut header, for_us, &stamper);
        (verdict, header[20..].to_vec())
    }

    /// RFC 791 §3.1, record route.
    #[test]
    fn our_address_is_recorded_in_the_next_place() {
        let mut options = OptionBuffer::new();
        options.push_record_route(2);
        let (first, after) = run(options.as_slice(), false);
        assert!(matches!(first, Verdict::Pass { changed: true, .. }));
        let (_, after) = run(&after, false);
        let (last, full) = run(&after, true);
        assert!(matches!(last, Verdict::Pass { .. }));
        assert_eq!(full, after);
        let entry = Options::new(&full).next().unwrap().unwrap();
        let IpOption::RecordRoute(route) = entry.option else {
            panic!("{entry:?}");
        };
        assert!(route.is_full() && route.recorded().eq([US, US]));
    }

    /// RFC 791 §3.1, timestamp: the three forms, and the overflow.
    #[test]
    fn our_time_is_recorded_as_the_form_asks() {
        for form in [TimestampForm::Times, TimestampForm::Addressed] {
            let mut options = OptionBuffer::new();
            options.push_timestamp(form, 1);
            let (_, after) = run(options.as_slice(), false);
            let (_, after) = run(&after, false);
            let entry = Options::new(&after).next().unwrap().unwrap();
            let IpOption::Timestamp(stamps) = entry.option else {
                panic!("{entry:?}");
            };
            let stamp = stamps.recorded().next().unwrap();
            assert_eq!(stamp.time, 0x8000_0000 | 5000);
            assert_eq!(stamps.overflow(), 1);
            let addressed = form == TimestampForm::Addressed;
            assert_eq!(stamp.address, addressed.then_some(US));
        }
    }

    #[test]
    fn a_prespecified_timestamp_is_for_the_node_it_names() {
        let other = Ipv4Addr::new(10, 0, 0, 9);
        for (named, expected) in [(US, 1), (other, 0)] {
            let mut options = OptionBuffer::new();
            options.push_prespecified_timestamp([named]);
            let (_, after) = run(options.as_slice(), false);
            let entry = Options::new(&after).next().unwrap().unwrap();
            let IpOption::Timestamp(stamps) = entry.option else {
                panic!("{entry:?}");
            };
            assert_eq!(stamps.recorded().count(), expected);
        }
    }

    /// RFC 2113 §2.1.
    #[test]
    fn router_alert_is_seen_unless_its_value_is_reserved() {
        let with = |options: &[u8]| [&[0; 20], options].concat();
        assert!(alerts_routers(&with(&[148, 4, 0, 0])));
        assert!(alerts_routers(&with(&[1, 148, 4, 0, 0, 0, 0, 0])));
        assert!(!alerts_routers(&with(&[148, 4, 0, 1])));
        assert!(!alerts_routers(&with(&[148, 9, 0, 0])), "cut off");
        assert!(!alerts_routers(&with(&[])));
    }

    /// RFC 1122 §3.2.1.8: the last host on a source route takes the packet.
    #[test]
    fn source_routes_are_refused_but_at_their_end() {
        for strict in [false, true] {
            let mut options = OptionBuffer::new();
            options.push_source_route(strict, [Ipv4Addr::new(10, 0, 0, 2)]);
            let option = if strict { 137 } else { 131 };
            let refused = Verdict::SourceRouteRefused { option };
            assert_eq!(run(options.as_slice(), false).0, refused);
            assert_eq!(run(options.as_slice(), true).0, refused);
            let mut complete = options.as_slice().to_vec();
            complete[2] = 8;
            assert_eq!(run(&complete, true).0, PASS);
            assert_eq!(run(&complete, false).0, refused);
        }
    }

    /// EVT-20: ip_dooptions-badopt; RFC 792: the pointer names the octet at fault.
    #[test]
    fn malformed_options_are_refused_at_the_octet_at_fault() {
        let cases: [(&[u8], u8, u8); 9] = [
            (&[7, 7, 4, 0, 0, 0, 0, 68, 7, 5, 0, 0, 0, 0], 29, 68),
            (&[7, 1, 4, 0], 21, 7),
            (&[7, 9, 4, 0], 21, 7),
            (&[7], 21, 7),
            (&[1, 1, 7, 7, 3, 0, 0, 0, 0], 24, 7),
            (&[7, 5, 4, 0, 0, 0, 0, 0], 22, 7),
            (&[68, 8, 5, 0xf0 | 7, 0, 0, 0, 0], 23, 68),
            (&[68, 8, 9, 0xf0, 0, 0, 0, 0], 23, 68),
            (&[7, 3, 4, 7, 3, 4], 23, 7),
        ];
        for (options, pointer, option) in cases {
            let refused = Verdict::Refuse { pointer, option };
            let (verdict, after) = run(options, false);
            assert_eq!(verdict, refused, "{options:?}");
            assert_eq!(after, options);
        }
    }

    /// RFC 1122 §3.2.1.8: unknown options are ignored.
    #[test]
    fn unknown_options_pass() {
        assert_eq!(
            run(&[200, 4, 1, 2, 1, 0, 9, 9], false),
            (PASS, vec![200, 4, 1, 2, 1, 0, 9, 9])
        );
    }

    /// RFC 1122 §3.2.2.6: "included in the IP header of the Echo Reply message, without truncation".
    #[test]
    fn an_answer_takes_route_and_times_along_and_nothing_else() {
        let options = [
            148, 4, 0, 0, 7, 7, 8, 10, 0, 0, 1, 1, 68, 8, 9, 0, 1, 2, 3, 4,
        ];
        assert_eq!(
            reply(&options).as_slice(),
            [7, 7, 8, 10, 0, 0, 1, 68, 8, 9, 0, 1, 2, 3, 4, 0]
        );
        assert!(reply(&[148, 4, 0, 0]).is_empty());
    }

    #[test]
    fn times_say_that_they_do_not_count_from_midnight() {
        let day = Instant::ZERO + Duration::from_secs(86_400 + 1);
        assert_eq!(milliseconds(day), 0x8000_0000 | 1000);
    }

    proptest! {
        #[test]
        fn nothing_is_written_into_what_is_refused(
            options in proptest::collection::vec(any::<u8>(), 0..40),
            for_us in any::<bool>(),
        ) {
            let (verdict, after) = run(&options, for_us);
            assert_eq!(after.len(), options.len());
            match verdict {
                Verdict::Pass { changed, .. } => assert!(changed || after == options),
                Verdict::Refuse { pointer, .. } => {
                    assert!((20..=60).contains(&pointer));
                    assert_eq!(after, options);
                }
                Verdict::SourceRouteRefused { .. } => assert_eq!(after, options),
            }
        }
    }
}
