//! What every function needs: names of programs, clients, and ways to say things.

use std::fmt;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use fairway_portmap::address::Netid;
use fairway_portmap::client::{self, Failure};
use fairway_rpc::programs::Programs;
use fairway_rpc::{CallError, Client, ClientConfig};
use fairway_stack::Net;
use serde::Serialize;

use crate::args::Args;

/// A list may take this long.
pub(crate) const LIST_WITHIN: Duration = Duration::from_secs(60);

/// Why the tool ends with status 1.
pub(crate) enum End {
    /// The usage is to be shown.
    Usage,
    /// This is to be said.
    Said(String),
    /// The classic tool says nothing about it; JSON does.
    Untold(String),
    /// All is said.
    Quiet,
}

pub(crate) type Outcome = Result<(), End>;

/// Everything a function needs.
pub(crate) struct Tool<'a> {
    pub(crate) net: Net,
    pub(crate) args: &'a Args,
    pub(crate) programs: Programs,
}

impl Tool<'_> {
    pub(crate) fn names(&self) -> impl Fn(u32) -> Option<String> {
        |number| {
            self.programs
                .by_number(number)
                .map(|program| program.name.clone())
        }
    }

    pub(crate) fn config(&self, within: Duration) -> ClientConfig {
        let within = self
            .args
            .timeout
            .map_or(within, |seconds| Duration::from_secs(seconds.into()));
        ClientConfig::default()
            .deadline(within)
            .connect_time(within)
    }

    pub(crate) fn program(&self, text: &str) -> Result<u32, End> {
        let illegal = || End::Said(format!("rpcinfo: {text} is illegal program number"));
        if let Some(digits) = hexadecimal(text) {
            return u32::from_str_radix(digits, 16).map_err(|_| illegal());
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map_err(|_| illegal());
        }
        match self.programs.by_name(text) {
            Some(program) => Ok(program.number),
            None => Err(End::Said(format!("rpcinfo: {text} is unknown service"))),
        }
    }

    pub(crate) fn netid(&self, complaint: impl Fn(&str) -> String) -> Result<Option<Netid>, End> {
        let Some(text) = &self.args.netid else {
            return Ok(None);
        };
        match Netid::new(text) {
            Netid::Other(_) => Err(End::Said(complaint(text))),
            netid => Ok(Some(netid)),
        }
    }

    /// The portmapper that lists: the one named, the host's, or this machine's; and the address it was reached at.
    pub(crate) async fn portmapper(
        &self,
        host: Option<&str>,
    ) -> Result<(Client, Option<SocketAddr>), End> {
        let complaint = |_: &str| {
            "rpcinfo: invalid transport: Netid not found in netconfig database".to_owned()
        };
        let netid = match host {
            Some(_) => self.netid(complaint)?,
            None => None,
        };
        let config = self.config(LIST_WITHIN);
        let contact =
            |failure: Failure| End::Said(format!("rpcinfo: can't contact rpcbind: {failure}"));
        if let Some(at) = &self.args.portmapper {
            return client::reach(&self.net, at, netid.as_ref(), config)
                .await
                .map_err(contact);
        }
        let Some(host) = host else {
            let client = client::local(&self.net, config).await.map_err(contact)?;
            return Ok((client, None));
        };
        let tried = match netid {
            Some(netid) => vec![netid],
            None => vec![Netid::Tcp, Netid::Tcp6, Netid::Udp, Netid::Udp6],
        };
        let mut last = Failure::translation();
        for netid in tried {
            match client::portmapper_of(&self.net, &netid, host, config.clone()).await {
                Ok((client, address)) => return Ok((client, address)),
                Err(failure) if failure.is_unknown_host() => {}
                Err(failure) => last = failure,
            }
        }
        Err(contact(last))
    }

    /// A client of a program over the first of the transports for which the host has an address.
    pub(crate) async fn client_of(
        &self,
        netids: &[Netid],
        host: &str,
        program: u32,
        version: u32,
        within: Duration,
    ) -> Result<Client, End> {
        let mut last = Failure::translation();
        for netid in netids {
            let config = self.config(within);
            let at = self.args.portmapper.as_ref();
            match client::dial(&self.net, at, netid, host, program, version, config).await {
                Ok(client) => return Ok(client),
                Err(failure) if failure.is_unknown_host() => last = failure,
                Err(failure) => return Err(End::Said(format!("{host}: {failure}"))),
            }
        }
        Err(End::Said(format!("{host}: {last}")))
    }
}

pub(crate) fn version_number(text: &str) -> Result<u32, End> {
    let number = text.trim_start();
    let number = number.strip_prefix('+').unwrap_or(number);
    let parsed = match hexadecimal(number) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    parsed.map_err(|_| End::Said(format!("rpcinfo: {text} is illegal version number")))
}

/// What follows `0x`, if only digits do: the way program numbers are written in `.x` files.
fn hexadecimal(text: &str) -> Option<&str> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then_some(digits)
}

/// The C library's words for a failed call.
pub(crate) fn words(error: &CallError) -> String {
    client::without_number(&error.classic_text())
}

/// Prints a report; a closed pipe is a quiet success.
pub(crate) fn print(args: &Args, report: &(impl fmt::Display + Serialize)) {
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        let line = serde_json::to_string(report).unwrap_or_default();
        writeln!(out, "{line}")
    } else {
        write!(out, "{report}")
    };
    let _ = out.flush();
}

/// `{"error": …}` on stdout; what the text form says bears the tool's name, which is not told here.
pub(crate) fn print_error(text: &str) {
    #[derive(Serialize)]
    struct Failed<'a> {
        error: &'a str,
    }
    let error = text.strip_prefix("rpcinfo: ").unwrap_or(text);
    let line = serde_json::to_string(&Failed { error }).unwrap_or_default();
    // A closed pipe changes nothing about the failure.
    let _ = writeln!(std::io::stdout(), "{line}");
}

pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
