//! Header lines: `--mtu=1500`.

use std::net::Ipv4Addr;

use super::super::ast::{Settings, Side};
use super::super::cursor::{Cursor, ParseError};
use super::super::knobs;

/// Reads what follows `--`.
pub(super) fn parse(cursor: &mut Cursor<'_>, settings: &mut Settings) -> Result<(), ParseError> {
    let start = cursor.mark();
    let name = cursor.word("the name of a header")?;
    cursor.expect("=")?;
    match name {
        "native-only" => settings.only = Some((Side::Native, reason(cursor)?)),
        "linux-only" => settings.only = Some((Side::Linux, reason(cursor)?)),
        "mtu" => {
            settings.mtu = cursor.number("the octets of an IP packet")?;
            if settings.mtu < 576 {
                return Err(cursor.error("an MTU is 576 at least"));
            }
        }
        "local-ip" => settings.local_ip = address(cursor)?,
        "remote-ip" => settings.remote_ip = address(cursor)?,
        "local-port" => settings.local_port = cursor.number("a port")?,
        "remote-port" => settings.remote_port = cursor.number("a port")?,
        "remote-isn" => settings.remote_isn = cursor.number("a sequence number")?,
        "congestion" => {
            let at = cursor.mark();
            let name = cursor.word("reno or cubic")?;
            if !matches!(name, "reno" | "cubic") {
                return Err(cursor.error_at(at, "reno or cubic expected"));
            }
            settings.congestion = name.to_owned();
        }
        "set" => {
            let at = cursor.mark();
            let knob = cursor.word("the name of a knob")?;
            if knobs::find(knob).is_none() {
                return Err(cursor.error_at(at, format!("no knob is called {knob}")));
            }
            cursor.expect("=")?;
            let value = cursor.number("a value")?;
            settings.knobs.push((knob.to_owned(), value));
        }
        _ => return Err(cursor.error_at(start, format!("no header is called {name}"))),
    }
    if cursor.at_end() {
        Ok(())
    } else {
        Err(cursor.expected("end of line"))
    }
}

/// The rest of the line; it may not be empty.
fn reason(cursor: &mut Cursor<'_>) -> Result<String, ParseError> {
    let reason = cursor.run(|_| true).trim();
    if reason.is_empty() {
        Err(cursor.expected("the reason"))
    } else {
        Ok(reason.to_owned())
    }
}

/// An IPv4 address.
pub(super) fn address(cursor: &mut Cursor<'_>) -> Result<Ipv4Addr, ParseError> {
    let start = cursor.mark();
    cursor
        .run(|c| c.is_ascii_digit() || c == '.')
        .parse()
        .map_err(|_| cursor.error_at(start, "an IPv4 address expected"))
}
