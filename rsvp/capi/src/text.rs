//! Objects as text, for the formatting calls (`rapi.md` §4.9): the layout of the reference library, as one knows it.

use core::fmt::{self, Write as _};

use fairway_rsvp::intserv::{Adspec, Flowspec, PathValues, ServiceNumber, Tspec};
use fairway_rsvp::wire::Sender;

use crate::code::Code;

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

/// A Tspec, or what is there in place of one.
pub(crate) fn tspec(tspec: Result<Option<Tspec>, Code>) -> String {
    match tspec {
        Ok(Some(tspec)) => format!("[{}]", bucket(&tspec)),
        Ok(None) => "TS[ ]".to_owned(),
        Err(_) => "TS[?]".to_owned(),
    }
}

/// A flowspec, or what is there in place of one.
pub(crate) fn flowspec(flowspec: Result<Option<Flowspec>, Code>) -> String {
    match flowspec {
        Ok(Some(Flowspec::ControlledLoad(tspec))) => format!("[CL {} ]", bucket(&tspec)),
        Ok(Some(Flowspec::Guaranteed(tspec, rspec))) => format!(
            "[G R={} S={} {}]",
            Number(rspec.rate.wide()),
            Number(rspec.slack_micros.into()),
            bucket(&tspec)
        ),
        Ok(None) => "[ ]".to_owned(),
        Err(_) => "[?]".to_owned(),
    }
}

/// A filter, or what is there in place of one.
pub(crate) fn filter(filter: Result<Option<Sender>, Code>) -> String {
    let sender = match filter {
        Ok(Some(sender)) => sender,
        Ok(None) => return "( )".to_owned(),
        Err(_) => return "(?)".to_owned(),
    };
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

/// An Adspec, or what is there in place of one.
pub(crate) fn adspec(adspec: Result<Option<Adspec>, Code>) -> String {
    let adspec = match adspec {
        Ok(Some(adspec)) => adspec,
        Ok(None) => return "Adspec()".to_owned(),
        Err(_) => return "Adspec(?)".to_owned(),
    };
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
    use fairway_rsvp::intserv::Bandwidth;

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
        assert_eq!(tspec(Ok(Some(bucket))), "[T=[125K(10K) InfB/s 64 1.5K]]");
        assert_eq!(
            flowspec(Ok(Some(Flowspec::ControlledLoad(bucket)))),
            "[CL T=[125K(10K) InfB/s 64 1.5K] ]"
        );
        let guaranteed = Flowspec::guaranteed(bucket, 200e3, 17).unwrap();
        assert_eq!(
            flowspec(Ok(Some(guaranteed))),
            "[G R=200K S=17 T=[125K(10K) InfB/s 64 1.5K]]"
        );
        let path = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
            .with_controlled_load(false)
            .with_guaranteed(true);
        assert_eq!(
            adspec(Ok(Some(path))),
            "Adspec( 0 hop 1.25MB/s 0us 1500B, CL={br! }, G={0B 0us 0B 0us })"
        );
        for (sender, text) in [
            ("10.0.0.1:5000", "10.0.0.1:5000"),
            ("0.0.0.0:0", "(*):*"),
            ("[2001:db8::1]:0", "[2001:db8::1]:*"),
        ] {
            let sender: std::net::SocketAddr = sender.parse().unwrap();
            assert_eq!(filter(Ok(Some(sender.into()))), text);
        }
    }

    #[test]
    fn what_is_not_there_has_a_text_too() {
        assert_eq!(tspec(Ok(None)), "TS[ ]");
        assert_eq!(flowspec(Ok(None)), "[ ]");
        assert_eq!(filter(Ok(None)), "( )");
        assert_eq!(adspec(Ok(None)), "Adspec()");
        assert_eq!(adspec(Err(Code::OBJTYPE)), "Adspec(?)");
    }
}
