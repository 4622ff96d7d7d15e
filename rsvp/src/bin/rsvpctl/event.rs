//! What happens to what was sent or reserved, as text for people.

use core::fmt::Write as _;

use fairway_rsvp::daemon::control::value::{Error, EventOf, Flowspec};
use fairway_rsvp::shown::rate;

use crate::text::{adspec, flowspec, list, span, tspec};

/// What happens to what was sent or reserved, a line or a few.
pub(crate) fn event(of: &EventOf) -> String {
    match of {
        EventOf::Path { senders } if senders.is_empty() => "no sender any more\n".to_owned(),
        EventOf::Path { senders } => {
            let mut text = String::new();
            for of in senders {
                let _ = writeln!(text, "sender {}: {}", of.sender, tspec(&of.tspec));
                if let Some(path) = &of.adspec {
                    let _ = writeln!(text, "  path: {}", adspec(path));
                }
            }
            text
        }
        EventOf::Asked {
            style,
            senders,
            flowspecs,
            bound_micros,
        } => {
            let specs: Vec<String> = flowspecs.iter().map(flowspec).collect();
            let bound = bound_micros.map_or_else(String::new, |bound| {
                format!(", at most {} from end to end", span(bound))
            });
            format!(
                "reserving {style} {}: {}{bound}\n",
                list(senders),
                specs.join(", ")
            )
        }
        EventOf::NotAsked { sender: None, why } => format!("not reserved: {why}\n"),
        EventOf::NotAsked {
            sender: Some(sender),
            why,
        } => format!("not reserved for {sender}: {why}\n"),
        EventOf::Reservation {
            style,
            senders,
            flowspec: Some(spec),
        } => format!("reserved {style} {}: {}\n", list(senders), flowspec(spec)),
        EventOf::Reservation {
            style,
            senders,
            flowspec: None,
        } => format!("no longer reserved {style} {}\n", list(senders)),
        EventOf::PathSent {
            sender,
            tspec: of,
            outgoing,
        } if outgoing.is_empty() => {
            format!(
                "no route: the path of {sender}, {}, is not sent yet\n",
                tspec(of)
            )
        }
        EventOf::PathSent {
            sender,
            tspec: of,
            outgoing,
        } => format!(
            "path of {sender} sent by {}: {}; waiting for reservations …\n",
            outgoing.join(" "),
            tspec(of)
        ),
        EventOf::Waiting { senders } if senders.is_empty() => "waiting for a sender …\n".to_owned(),
        EventOf::Waiting { senders } => {
            format!("waiting for a sender: {} …\n", senders.join(" or "))
        }
        EventOf::Capped {
            senders,
            asked,
            granted,
        } => {
            let who = match senders.as_slice() {
                [] => "all senders together".to_owned(),
                senders => senders.join(" "),
            };
            format!(
                "granted for {who}: {} instead of {}; of controlled load nobody gets more than is sent (RFC 2210)\n",
                flowspec(granted),
                flowspec(asked),
            )
        }
        EventOf::PathError { error, sender } => format!("path error of {sender}: {}\n", error.text),
        EventOf::ReservationError {
            error,
            senders,
            flowspec: of,
            ..
        } => {
            let mut text = format!("reservation for {} failed: {}\n", list(senders), error.text);
            if let Some(of) = of.as_ref().filter(|_| is_for_bandwidth(error)) {
                let _ = writeln!(text, "  {}", with_headers(of));
            }
            text
        }
        EventOf::Confirmed { by, senders, .. } => {
            format!("confirmed by {by} for {}\n", list(senders))
        }
    }
}

/// RFC 2205 appendix B, code 1: bandwidth is not to be had.
const fn is_for_bandwidth(error: &Error) -> bool {
    error.code == 1 && error.value == 2
}

/// How much more a reservation takes of a link than its rate: routers tell only that there is too little.
fn with_headers(of: &Flowspec) -> String {
    use fairway_rsvp::intserv::Tspec;

    /// That of Ethernet.
    const HEADER: u32 = 14;
    let asked = of
        .reserved_bytes_per_sec
        .unwrap_or(of.tspec.rate_bytes_per_sec);
    let packet = of.tspec.min_packet_bytes.max(Tspec::LEAST_PACKET);
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let on_link = asked * (packet + HEADER) as f32 / packet as f32;
    format!(
        "asked for: {}; link headers count, too: {} on Ethernet, where packets of {packet}B have {HEADER}B in front of them",
        flowspec(of),
        rate(on_link)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_rsvp::daemon::control::value::Tspec;

    /// Admission counts link headers: who is refused is told so.
    #[test]
    fn a_refusal_says_what_counts() {
        let of = EventOf::ReservationError {
            error: Error {
                text: "admission control failure (bandwidth not available) at 10.0.0.9".to_owned(),
                code: 1,
                value: 2,
                node: [10, 0, 0, 9].into(),
                in_place: false,
                not_guilty: false,
            },
            style: "FF".to_owned(),
            senders: vec!["10.0.0.1:5004".to_owned()],
            flowspec: Some(Flowspec {
                service: "controlled-load".to_owned(),
                tspec: Tspec {
                    rate_bytes_per_sec: 1e6,
                    bucket_bytes: 15e3,
                    peak_bytes_per_sec: None,
                    min_packet_bytes: 140,
                    max_packet_bytes: 1500,
                },
                reserved_bytes_per_sec: None,
                slack_micros: None,
            }),
        };
        let text = event(&of);
        assert!(text.contains("asked for: CL 8Mbit/s b 15kB"), "{text}");
        assert!(text.contains("8.8Mbit/s on Ethernet"), "{text}");
    }
}
