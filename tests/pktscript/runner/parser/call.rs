//! Socket calls: `write(4, 1000) = 1000`.

use super::super::ast::{
    Action, Address, Call, Data, Direction, Host, Kind, MessageFlags, Outcome, Socket,
};
use super::super::cursor::{Cursor, ParseError};
use super::super::options;
use super::settings::address;

/// Reads a call and its outcome.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Action, ParseError> {
    let start = cursor.mark();
    let name = cursor.word("<, >, quiet, expect or a call")?;
    cursor.expect("(")?;
    let call = match name {
        "socket" => {
            let kind = if cursor.eat_word("tcp") {
                Kind::Tcp
            } else if cursor.eat_word("udp") {
                Kind::Udp
            } else {
                return Err(cursor.expected("tcp or udp"));
            };
            let nonblocking = nonblock(cursor)?;
            Call::Socket { kind, nonblocking }
        }
        "bind" => Call::Bind(socket(cursor)?, after_comma(cursor, host_and_port)?),
        "listen" => Call::Listen(
            socket(cursor)?,
            after_comma(cursor, |c| c.number("a backlog"))?,
        ),
        "connect" => Call::Connect(socket(cursor)?, after_comma(cursor, host_and_port)?),
        "accept" => Call::Accept {
            socket: socket(cursor)?,
            nonblocking: nonblock(cursor)?,
        },
        "read" | "recv" => Call::Receive {
            socket: socket(cursor)?,
            room: after_comma(cursor, |c| c.number("octets of room"))?,
            flags: message_flags(cursor)?,
        },
        "write" | "send" => Call::Send {
            socket: socket(cursor)?,
            data: after_comma(cursor, data)?,
            flags: message_flags(cursor)?,
            to: None,
        },
        "sendto" => Call::Send {
            socket: socket(cursor)?,
            data: after_comma(cursor, data)?,
            flags: MessageFlags::default(),
            to: Some(after_comma(cursor, host_and_port)?),
        },
        "shutdown" => Call::Shutdown(socket(cursor)?, after_comma(cursor, direction)?),
        "close" => Call::Close(socket(cursor)?),
        "setsockopt" => {
            let socket = socket(cursor)?;
            let option = after_comma(cursor, options::parse)?;
            let mut values = Vec::new();
            while cursor.eat(",") {
                values.push(option_value(cursor)?);
            }
            if values.is_empty() {
                return Err(cursor.expected("a comma and a value"));
            }
            Call::SetOption(socket, option, values)
        }
        "getsockopt" => Call::GetOption(socket(cursor)?, after_comma(cursor, options::parse)?),
        "poll" => Call::Poll(socket(cursor)?),
        "queued" => Call::Queued(socket(cursor)?),
        _ => return Err(cursor.error_at(start, format!("no call is named {name}"))),
    };
    cursor.expect(")")?;
    let at = cursor.mark();
    cursor.expect("=")?;
    let outcome = outcome(cursor)?;
    let names = matches!(call, Call::Socket { .. });
    if names && !matches!(outcome, Outcome::Number(3..) | Outcome::Error(_)) {
        return Err(cursor.error_at(at, "a new socket is given a number from 3"));
    }
    Ok(Action::Call(call, outcome))
}

fn socket(cursor: &mut Cursor<'_>) -> Result<Socket, ParseError> {
    cursor.number("a socket")
}

fn after_comma<T>(
    cursor: &mut Cursor<'_>,
    read: impl FnOnce(&mut Cursor<'_>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    cursor.expect(",")?;
    read(cursor)
}

fn nonblock(cursor: &mut Cursor<'_>) -> Result<bool, ParseError> {
    if !cursor.eat(",") {
        return Ok(false);
    }
    if cursor.eat_word("nonblock") {
        Ok(true)
    } else {
        Err(cursor.expected("nonblock"))
    }
}

/// `local:80`, `remote:80`, `any:80`, `192.0.2.9:80`.
fn host_and_port(cursor: &mut Cursor<'_>) -> Result<Address, ParseError> {
    let host = if cursor.eat("local") {
        Host::Local
    } else if cursor.eat("remote") {
        Host::Remote
    } else if cursor.eat("any") {
        Host::Any
    } else {
        Host::Ip(address(cursor)?)
    };
    cursor.expect(":")?;
    let port = cursor.number("a port")?;
    Ok(Address { host, port })
}

fn data(cursor: &mut Cursor<'_>) -> Result<Data, ParseError> {
    if cursor.peek() == Some('"') {
        Ok(Data::Text(cursor.quoted()?))
    } else {
        Ok(Data::Pattern(cursor.number("octets to send")?))
    }
}

fn message_flags(cursor: &mut Cursor<'_>) -> Result<MessageFlags, ParseError> {
    let mut flags = MessageFlags::default();
    if !cursor.eat(",") {
        return Ok(flags);
    }
    loop {
        let at = cursor.mark();
        match cursor.word("a flag")? {
            "0" => {}
            "MSG_OOB" => flags.oob = true,
            "MSG_PEEK" => flags.peek = true,
            "MSG_DONTWAIT" => flags.dont_wait = true,
            "MSG_WAITALL" => flags.wait_all = true,
            "MSG_MORE" => flags.more = true,
            other => return Err(cursor.error_at(at, format!("no flag is called {other}"))),
        }
        if !cursor.eat("|") {
            return Ok(flags);
        }
    }
}

fn direction(cursor: &mut Cursor<'_>) -> Result<Direction, ParseError> {
    let at = cursor.mark();
    match cursor.word("SHUT_RD, SHUT_WR or SHUT_RDWR")? {
        "SHUT_RD" => Ok(Direction::Read),
        "SHUT_WR" => Ok(Direction::Write),
        "SHUT_RDWR" => Ok(Direction::Both),
        _ => Err(cursor.error_at(at, "SHUT_RD, SHUT_WR or SHUT_RDWR expected")),
    }
}

/// A number, or the name of one.
fn option_value(cursor: &mut Cursor<'_>) -> Result<i64, ParseError> {
    let names = [
        ("IP_PMTUDISC_DONT", 0),
        ("IP_PMTUDISC_WANT", 1),
        ("IP_PMTUDISC_DO", 2),
        ("IP_PMTUDISC_PROBE", 3),
        ("reno", 0),
        ("cubic", 1),
    ];
    for (name, value) in names {
        if cursor.eat_word(name) {
            return Ok(value);
        }
    }
    cursor.number("a value")
}

fn outcome(cursor: &mut Cursor<'_>) -> Result<Outcome, ParseError> {
    if cursor.eat("*") {
        return Ok(Outcome::Any);
    }
    if cursor.peek() == Some('"') {
        return Ok(Outcome::Text(cursor.quoted()?));
    }
    if cursor.peek().is_some_and(|c| c.is_ascii_uppercase()) {
        let mut words = Vec::new();
        loop {
            words.push(cursor.word("a word")?.to_owned());
            if !cursor.eat("|") {
                words.sort();
                return Ok(Outcome::Words(words));
            }
        }
    }
    let start = cursor.mark();
    let number = cursor.number("a result")?;
    if number == -1 {
        let name = cursor.word("the name of an error")?;
        if !name.starts_with('E') {
            return Err(cursor.error_at(start, "-1 is followed by the name of an error"));
        }
        return Ok(Outcome::Error(name.to_owned()));
    }
    Ok(Outcome::Number(number))
}
