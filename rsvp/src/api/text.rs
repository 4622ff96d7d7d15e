//! Objects as text, in the layout that tools of RSVP know from the reference library: `rapi.md` §4.9.
//!
//! Numbers have three significant digits and a suffix: K, M, G, T for powers of 1000; `Inf` from 10¹⁵. Rates are octets
//! per second, sizes octets, times microseconds.

use core::fmt::{self, Write as _};

use crate::intserv::{Adspec, Flowspec, PathValues, ServiceNumber, Tspec};
use crate::wire::Sender;

/// A number of three digits with a suffix: `1.25M`, `64`, `Inf`.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mut value) = *self;
        if value >= 1e15 {
            return f.write_str("Inf");
        }
        let mut suffixes = ["K", "M", "G", "T"].iter();
        let mut suffix = "";
        while value >= 999.5
            && let Some(next) = suffixes.next()
        {
            value /= 1e3;
            suffix = next;
        }
        let digits = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        let text = format!("{value:.digits$}");
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        write!(f, "{text}{suffix}")
    }
}

fn bucket(tspec: &Tspec) -> String {
    format!(
        "T=[{}({}) {}B/s {} {}]",
        Number(tspec.rate().wide()),
        Number(tspec.bucket().wide()),
        Number(tspec.peak().wide()),
        Number(tspec.min_policed_unit().into()),
        Number(tspec.max_packet_size().into()),
    )
}

/// A Tspec: rate, depth in parentheses, peak rate, minimum policed unit, maximum packet size.
///
/// ```
/// use fairway_rsvp::{api::text, intserv::Tspec};
///
/// let tspec = Tspec::new(125e3, 10e3, f32::INFINITY, 64, 1500).unwrap();
/// assert_eq!(text::tspec(&tspec), "[T=[125K(10K) InfB/s 64 1.5K]]");
/// ```
#[must_use]
pub fn tspec(tspec: &Tspec) -> String {
    format!("[{}]", bucket(tspec))
}

/// A flowspec: `CL`, controlled load, with its Tspec; or `G`, guaranteed, with rate and slack before the Tspec.
#[must_use]
pub fn flowspec(flowspec: &Flowspec) -> String {
    match flowspec {
        Flowspec::ControlledLoad(tspec) => format!("[CL {} ]", bucket(tspec)),
        Flowspec::Guaranteed(tspec, rspec) => format!(
            "[G R={} S={} {}]",
            Number(rspec.rate.wide()),
            Number(rspec.slack_micros.into()),
            bucket(tspec)
        ),
    }
}

/// A filter or a sender template: address and port, `(*)` for any address and `*` for any port.
#[must_use]
pub fn sender(sender: &Sender) -> String {
    let address = sender.address();
    let mut text = if address.is_unspecified() {
        "(*)".to_owned()
    } else if address.is_ipv6() {
        format!("[{address}]")
    } else {
        address.to_string()
    };
    // Writing to a string cannot fail.
    let _written = match sender.port() {
        Some(0) => write!(text, ":*"),
        Some(port) => write!(text, ":{port}"),
        None => Ok(()),
    };
    text
}

fn values(values: PathValues) -> String {
    let latency = match values.latency.known() {
        Some(_) => Number(values.latency.micros().into()).to_string(),
        None => "?".to_owned(),
    };
    format!(
        "{} hop {}B/s {latency}us {}B",
        values.hops,
        Number(values.bandwidth.wide()),
        values.mtu
    )
}

/// An Adspec: hops, bandwidth, latency and MTU in general, then the services that the path offers, `CL` and `G`: with the
/// error terms C and D of guaranteed service, in total and since the last reshaper, and what a service has otherwise than
/// in general. `br!`: somewhere on the way it is missing.
#[must_use]
pub fn adspec(adspec: &Adspec) -> String {
    let broken = |is_broken| if is_broken { "br! " } else { "" };
    let own = |service| {
        let own = adspec.service(service);
        own.filter(|own| *own != adspec.general.values)
            .map_or_else(String::new, values)
    };
    let mut text = format!(
        "Adspec( {}{}",
        broken(adspec.general.is_broken),
        values(adspec.general.values)
    );
    if let Some(part) = &adspec.controlled_load {
        text += ", CL={";
        text += broken(part.is_broken);
        text += &own(ServiceNumber::CONTROLLED_LOAD);
        text += "}";
    }
    if let Some(part) = &adspec.guaranteed {
        text += ", G={";
        text += broken(part.is_broken);
        if let Some(terms) = part.terms {
            let (total, since) = (terms.total, terms.since_reshaper);
            text += &format!(
                "{}B {}us {}B {}us ",
                Number(total.c_octets.into()),
                Number(total.d_micros.into()),
                Number(since.c_octets.into()),
                Number(since.d_micros.into())
            );
        }
        text += &own(ServiceNumber::GUARANTEED);
        text += "}";
    }
    text + ")"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intserv::Bandwidth;

    /// rapi.md §4.9: three significant digits with a suffix.
    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (64.0, "64"),
            (999.0, "999"),
            (9.99e14, "999T"),
            (9.996e14, "1000T"),
            (1e15, "Inf"),
            (1500.0, "1.5K"),
            (125_000.0, "125K"),
            (1.25e6, "1.25M"),
            (12.34e9, "12.3G"),
            (40e12, "40T"),
            (1e15, "Inf"),
            (f64::INFINITY, "Inf"),
        ] {
            assert_eq!(Number(value).to_string(), text);
        }
    }

    /// rapi.md §4.9: the reference library's layout.
    #[test]
    fn objects_look_as_one_knows_them() {
        let bucket = Tspec::new(125e3, 10e3, f32::INFINITY, 64, 1500).unwrap();
        assert_eq!(tspec(&bucket), "[T=[125K(10K) InfB/s 64 1.5K]]");
        assert_eq!(
            flowspec(&Flowspec::ControlledLoad(bucket)),
            "[CL T=[125K(10K) InfB/s 64 1.5K] ]"
        );
        let guaranteed = Flowspec::guaranteed(bucket, 200e3, 17).unwrap();
        assert_eq!(
            flowspec(&guaranteed),
            "[G R=200K S=17 T=[125K(10K) InfB/s 64 1.5K]]"
        );
        let path = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
            .with_controlled_load(false)
            .with_guaranteed(true);
        assert_eq!(
            adspec(&path),
            "Adspec( 0 hop 1.25MB/s 0us 1500B, CL={br! }, G={0B 0us 0B 0us })"
        );
        for (of, text) in [
            ("10.0.0.1:5000", "10.0.0.1:5000"),
            ("0.0.0.0:0", "(*):*"),
            ("[2001:db8::1]:0", "[2001:db8::1]:*"),
        ] {
            let address: std::net::SocketAddr = of.parse().unwrap();
            assert_eq!(sender(&address.into()), text);
        }
    }
}
