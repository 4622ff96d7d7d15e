//! What was typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use fairway_rsvp::daemon::config::{
    CONTROL_SOCKET, Endpoint, Octets, Protocol, Rate, ReservationEntry, SenderEntry, ServiceName,
    Span, StyleName, Traffic,
};

use crate::typed::{self, Source};

/// Shows what rsvpd knows, and sends and reserves by hand
///
/// Asks the daemon of this machine over its local socket. What is announced with `send` and reserved with `reserve` lasts as
/// long as the command runs.
#[derive(Debug, Parser)]
#[command(
    name = "rsvpctl",
    version,
    after_long_help = LONG_HELP,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The daemon's local socket
    #[arg(long, global = true, value_name = "PATH", default_value = CONTROL_SOCKET)]
    pub(crate) socket: PathBuf,

    /// Print JSON: one document, or one a line where things go on happening
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const LONG_HELP: &str = "\
Examples:
  rsvpctl send 192.0.2.9:5004 --from :5004 --rate 5Mbit/s
                             announce a sender of this machine, until ctrl-c
  rsvpctl reserve 192.0.2.9:5004
                             on the receiver: reserve what the sender says it sends
  rsvpctl reserve 192.0.2.9:5004 --delay 100ms
                             the same with a bound on the delay (guaranteed service)
  rsvpctl reservations       on any router between: who reserves what, and where
  rsvpctl interfaces         what is reserved of each link, and what can be
  rsvpctl traffic-control    what was sent of each reservation, and what went beyond it
  rsvpctl watch 192.0.2.9    messages about that destination as they pass
  rsvpctl sessions --json | jq '.sessions.sessions[].installed'

Exit status:
  0  done                    1  the daemon, or the network, said no
  2  wrong usage             3  no daemon answers, or not within five seconds
  4  what was to be waited for had not come
  (`rsvpctl send --help` and `rsvpctl reserve --help` say more)

Files:
  /run/rsvp/control.sock     the daemon's local socket

See also:
  rsvpd --help, RFC 2205, RFC 2210
";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How the daemon is
    Status,
    /// Interfaces: addresses, links, what is reserved of them
    #[command(visible_alias = "interface")]
    Interfaces,
    /// Sessions, with all that is known of them
    Sessions(Listing),
    /// Senders: path state
    Senders(Listing),
    /// Reservations, as they were asked for: reservation state
    Reservations(Listing),
    /// Reservations, as they are carried out: traffic control state, and the data they have carried
    Installed(Listing),
    /// Classes of traffic control, and what they have sent, dropped, and taken for excess
    #[command(visible_alias = "tc")]
    TrafficControl(Listing),
    /// What is asked of previous hops, and what keeps being refused there
    Requests(Listing),
    /// Neighbours
    #[command(visible_alias = "neighbors")]
    Neighbours,
    /// What was counted, of messages also by interface
    Counters,
    /// Applications, and what the daemon sends and reserves itself
    Applications,
    /// The last messages that passed
    Log {
        #[command(flatten)]
        filter: Filter,
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
        lines: usize,
    },
    /// Messages as they pass, until ctrl-c
    Watch(Filter),
    /// Be a sender, until ctrl-c
    #[command(after_long_help = SEND_HELP)]
    Send(SendArgs),
    /// Be a receiver that reserves, until ctrl-c
    #[command(after_long_help = RESERVE_HELP)]
    Reserve(ReserveArgs),
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Filter {
    /// Only of this destination: an address, or address:port
    #[arg(value_name = "DESTINATION", value_parser = typed::endpoint)]
    pub(crate) destination: Option<Endpoint>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) filter: Filter,

    /// At most so many sessions, or classes; no more than 10000
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    most: u16,
}

impl Listing {
    /// What is asked of the daemon.
    pub(crate) fn most(&self) -> usize {
        self.most.into()
    }
}

/// How long, and for whom.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Lasting {
    /// End with exit status 1 at the first failure: an error of the path or of the reservation, a reservation that cannot be
    /// asked for, or one of which less is granted than is asked for
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = typed::span)]
    pub(crate) time: Option<Span>,
}

const SEND_HELP: &str = "\
Examples:
  rsvpctl send 192.0.2.9:5004 --from :5004 --rate 5Mbit/s --bucket 20kB
  rsvpctl send 239.1.2.3:5004 --from 192.0.2.1:5004 --rate 1Mbit/s --ttl 8 --for 1h

No data is sent: this announces a program that does. What receivers reserve is printed as it comes.

Exit status:
  0  ended by ctrl-c, SIGTERM or --for, and the last news was good, or there was none;
     with --until-reserved, somebody has reserved
  1  refused by the daemon, or the last news was an error, or that nothing is reserved any more;
     with --fail-fast, the first error ends it
  2  wrong usage
  3  no daemon, or it has ended
  4  with --until-reserved: nobody had reserved when --for was over, or ctrl-c or SIGTERM came
";

const RESERVE_HELP: &str = "\
Examples:
  rsvpctl reserve 192.0.2.9:5004
  rsvpctl reserve 239.1.2.3:5004 --style wf --rate 2Mbit/s
  rsvpctl reserve 192.0.2.9:5004 --delay 100ms
  rsvpctl reserve 192.0.2.9:5004 --service guaranteed --reserve 8Mbit/s
  rsvpctl reserve 192.0.2.9:5004 --until-confirmed --fail-fast --for 10s
                             in a script: can all of this be had?

Styles: ff reserves for each sender alone, se for the senders named together, wf for whoever sends.

Of controlled load nobody is granted more than the sender says it sends (RFC 2210). Routers count
the headers of their links, too (`rsvpctl interfaces`): packets of 64B with 14B in front of each
take 22 % more than their rate.

What this machine itself refuses, for another style or service in the session or a limit, is asked
for again every five seconds; what routers refuse, with each refresh. If the path of a sender
becomes such that --delay cannot be had, what was reserved for it is given up until it is as good
again; other senders keep theirs.

Exit status:
  0  ended by ctrl-c, SIGTERM or --for, and the last news was good, or there was none;
     with --until-confirmed, the reservation stands
  1  refused by the daemon or a router, and that was the last news;
     with --fail-fast, the first error ends it, and so does less being granted than --rate asks
     for: what is granted instead is printed
  2  wrong usage
  3  no daemon, or it has ended
  4  with --until-confirmed: not confirmed when --for was over, or ctrl-c or SIGTERM came
";

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct SendArgs {
    /// Where the data goes: address:port, or an address for protocols without ports
    #[arg(value_name = "DESTINATION", value_parser = typed::endpoint)]
    destination: Endpoint,

    /// Where it comes from: address:port, or :port for this machine's address [default: this machine, without a port]
    #[arg(long, value_name = "SOURCE", value_parser = typed::source)]
    from: Option<Source>,

    #[command(flatten)]
    traffic: TrafficArgs,

    /// How much is sent
    #[arg(long, value_name = "RATE", value_parser = typed::rate)]
    rate: Rate,

    /// The IP TTL of the data
    #[arg(long, value_name = "NUMBER", default_value_t = 64)]
    ttl: u8,

    /// udp, tcp, or a number
    #[arg(long, value_name = "NAME", value_parser = typed::protocol, default_value = "udp")]
    protocol: Protocol,

    /// End with exit status 0 as soon as somebody has reserved
    #[arg(long)]
    pub(crate) until_reserved: bool,

    #[command(flatten)]
    pub(crate) lasting: Lasting,
}

/// What sort of traffic it is, the rate aside.
#[derive(Clone, Debug, ClapArgs)]
struct TrafficArgs {
    /// The most that comes at once
    #[arg(long, value_name = "OCTETS", value_parser = typed::octets, default_value = "15kB", requires = "rate")]
    bucket: Octets,

    /// The rate at which it comes then [default: not known]
    #[arg(long, value_name = "RATE", value_parser = typed::rate, requires = "rate")]
    peak: Option<Rate>,

    /// Packets count as at least so long
    #[arg(long, value_name = "OCTETS", value_parser = typed::octets, default_value = "64B", requires = "rate")]
    min_packet: Octets,

    /// The longest packet
    #[arg(long, value_name = "OCTETS", value_parser = typed::octets, default_value = "1500B", requires = "rate")]
    max_packet: Octets,
}

impl TrafficArgs {
    const fn with_rate(&self, rate: Rate) -> Traffic {
        Traffic {
            rate,
            bucket: self.bucket,
            peak: self.peak,
            min_packet: self.min_packet,
            max_packet: self.max_packet,
        }
    }
}

impl SendArgs {
    /// What is asked of the daemon.
    pub(crate) fn entry(&self) -> SenderEntry {
        let unspecified = || match self.destination.address {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        SenderEntry {
            destination: self.destination,
            protocol: self.protocol,
            source: self.from.map(|source| match source {
                Source::Whole(source) => source,
                Source::Port(port) => Endpoint {
                    address: unspecified(),
                    port,
                },
            }),
            traffic: self.traffic.with_rate(self.rate),
            ttl: self.ttl,
        }
    }
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ReserveArgs {
    /// Where the data goes: this machine, or a group
    #[arg(value_name = "DESTINATION", value_parser = typed::endpoint)]
    destination: Endpoint,

    /// Only for this sender; may be repeated [default: all]
    #[arg(long = "from", value_name = "SOURCE", value_parser = typed::sender)]
    senders: Vec<Endpoint>,

    /// ff, se or wf
    #[arg(long, value_name = "STYLE", default_value = "ff", value_parser = typed::style)]
    style: StyleName,

    /// controlled-load or guaranteed [default: guaranteed with --delay or --reserve, else controlled-load]
    #[arg(long, value_name = "SERVICE", value_parser = typed::service)]
    service: Option<ServiceName>,

    /// The longest that packets may take, from end to end
    #[arg(long, value_name = "TIME", value_parser = typed::span, conflicts_with = "reserve")]
    delay: Option<Span>,

    /// The rate that is kept free; more than is sent makes packets sooner
    #[arg(long, value_name = "RATE", value_parser = typed::rate)]
    reserve: Option<Rate>,

    /// What is to be carried [default: what each sender says it sends]
    #[arg(long, value_name = "RATE", value_parser = typed::rate)]
    rate: Option<Rate>,

    #[command(flatten)]
    traffic: TrafficArgs,

    /// Do not ask for a confirmation
    #[arg(long)]
    no_confirm: bool,

    /// udp, tcp, or a number
    #[arg(long, value_name = "NAME", value_parser = typed::protocol, default_value = "udp")]
    protocol: Protocol,

    /// End with exit status 0 as soon as the reservation is confirmed, for each sender it is for; it ends with the command
    #[arg(long, conflicts_with = "no_confirm")]
    pub(crate) until_confirmed: bool,

    #[command(flatten)]
    pub(crate) lasting: Lasting,
}

impl ReserveArgs {
    /// What is asked of the daemon.
    pub(crate) fn entry(&self) -> ReservationEntry {
        let is_timed = self.delay.is_some() || self.reserve.is_some();
        let by_default = if is_timed {
            ServiceName::Guaranteed
        } else {
            ServiceName::ControlledLoad
        };
        ReservationEntry {
            destination: self.destination,
            protocol: self.protocol,
            style: self.style,
            senders: self.senders.clone(),
            service: self.service.unwrap_or(by_default),
            traffic: self.rate.map(|rate| self.traffic.with_rate(rate)),
            reserve: self.reserve,
            delay: self.delay,
            confirm: !self.no_confirm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_makes_sense() {
        Args::command().debug_assert();
    }

    fn parsed(words: &[&str]) -> Command {
        let all = ["rsvpctl"].iter().chain(words);
        Args::try_parse_from(all).unwrap().command
    }

    #[test]
    fn a_list_has_a_bound() {
        let Command::Senders(listing) = parsed(&["senders", "--most", "10000"]) else {
            panic!("another command");
        };
        assert_eq!(listing.most(), 10_000);
        let Command::TrafficControl(listing) = parsed(&["tc", "192.0.2.9"]) else {
            panic!("another command");
        };
        assert_eq!(listing.most(), 1000);
        for wrong in ["0", "10001"] {
            assert!(Args::try_parse_from(["rsvpctl", "sessions", "--most", wrong]).is_err());
        }
    }

    #[test]
    fn a_wished_delay_is_guaranteed_service() {
        let Command::Reserve(args) = parsed(&["reserve", "192.0.2.9:5004", "--delay", "30ms"])
        else {
            panic!("another command");
        };
        let entry = args.entry();
        assert_eq!(entry.service, ServiceName::Guaranteed);
        assert!(entry.confirm && entry.traffic.is_none());
    }

    /// Without a rate what each sender says it sends is asked for, whatever the rest says.
    #[test]
    fn a_bucket_is_one_of_a_rate() {
        let words = ["rsvpctl", "reserve", "192.0.2.9:5004", "--bucket", "9kB"];
        let error = Args::try_parse_from(words).unwrap_err();
        assert!(error.to_string().contains("--rate <RATE>"), "{error}");
        let with_rate = words.into_iter().chain(["--rate", "1Mbit/s"]);
        assert!(Args::try_parse_from(with_rate).is_ok());
    }

    #[test]
    fn a_port_alone_is_of_this_machine() {
        let words = [
            "send",
            "192.0.2.9:5004",
            "--from",
            ":4000",
            "--rate",
            "1Mbit/s",
        ];
        let Command::Send(args) = parsed(&words) else {
            panic!("another command");
        };
        let source = args.entry().source.unwrap();
        assert!(source.address.is_unspecified());
        assert_eq!(source.port, 4000);
        assert_eq!(args.entry().traffic.bucket, Octets(15_000));
    }
}
