//! Reads scripts. A line is a statement, a header, a comment or empty; the reference card (`README.md` beside the
//! runner) is the grammar. Errors name file, line and column.

mod call;
mod packet;
mod settings;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use super::ast::{
    Action, Assertion, Bounds, Moment, Script, Settings, Side, Statement, Subject, When,
};
use super::cursor::{Cursor, ParseError};

/// Reads a script; `path` is only for messages.
///
/// # Errors
/// The first thing that is not in the language.
pub fn parse(path: &Path, text: &str) -> Result<Script, ParseError> {
    let mut script = Script {
        path: path.to_owned(),
        settings: Settings::default(),
        statements: Vec::new(),
    };
    for (index, text) in text.lines().enumerate() {
        let (code, comment) = split_comment(text);
        let mut cursor = Cursor::new(path, index + 1, code);
        if cursor.at_end() {
            continue;
        }
        if cursor.eat("--") {
            if !script.statements.is_empty() {
                return Err(cursor.error("headers come before the first statement"));
            }
            settings::parse(&mut cursor, &mut script.settings)?;
            continue;
        }
        let statement = statement(&mut cursor, index + 1, code)?;
        let tagged = code.starts_with("native:") || code.starts_with("linux:");
        if tagged && comment.trim().is_empty() {
            return Err(cursor.error("a line for one side says why, in a comment at its end"));
        }
        script.statements.push(statement);
    }
    if script.statements.is_empty() {
        let cursor = Cursor::new(path, 1, "");
        return Err(cursor.error("a script has at least one statement"));
    }
    Ok(script)
}

/// The code of a line and its comment, which starts at `//` outside quotes.
fn split_comment(line: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '/' if !quoted => {
                if let Some(comment) = line.get(at..).and_then(|rest| rest.strip_prefix("//")) {
                    return (line.get(..at).unwrap_or(line).trim_end(), comment);
                }
            }
            _ => {}
        }
    }
    (line.trim_end(), "")
}

fn statement(cursor: &mut Cursor<'_>, line: usize, text: &str) -> Result<Statement, ParseError> {
    let tag = if cursor.eat("native:") {
        Some(Side::Native)
    } else if cursor.eat("linux:") {
        Some(Side::Linux)
    } else {
        None
    };
    let (when, returns) = time(cursor)?;
    let at = cursor.mark();
    let action = action(cursor)?;
    if !cursor.at_end() {
        return Err(cursor.expected("end of line"));
    }
    // Only the engine has events.
    let of_event = matches!(&action, Action::Assert(assertion) if matches!(assertion.subject, Subject::Event(_)));
    let only = if of_event { Some(Side::Native) } else { tag };
    let waits = matches!(action, Action::Call(..));
    if returns.is_some() && !waits {
        return Err(cursor.error_at(at, "only a call can return later than it is made"));
    }
    if !matches!(action, Action::Expect(_)) && !matches!(when, When::At(_)) {
        return Err(cursor.error_at(at, "only an expected packet can come at a range of times"));
    }
    Ok(Statement {
        line,
        text: text.trim().to_owned(),
        only,
        when,
        returns,
        action,
    })
}

/// `+0.1`, `0.1`, `+0.1~+0.3`, `+0...+0.2`, `*`.
fn time(cursor: &mut Cursor<'_>) -> Result<(When, Option<Moment>), ParseError> {
    if cursor.eat("*") {
        return Ok((When::Any, None));
    }
    let start = cursor.mark();
    let from = moment(cursor)?;
    if cursor.eat("...") {
        return Ok((When::At(from), Some(moment(cursor)?)));
    }
    if cursor.eat("~") {
        let to = moment(cursor)?;
        let ordered = match (from, to) {
            (Moment::After(from), Moment::After(to))
            | (Moment::Absolute(from), Moment::Absolute(to)) => from <= to,
            _ => true,
        };
        if !ordered {
            return Err(cursor.error_at(start, "this range ends before it starts"));
        }
        return Ok((When::Between(from, to), None));
    }
    Ok((When::At(from), None))
}

fn moment(cursor: &mut Cursor<'_>) -> Result<Moment, ParseError> {
    let start = cursor.mark();
    let relative = cursor.eat("+");
    let whole = cursor.run(|c| c.is_ascii_digit());
    // `0...0.2`: the dots are no decimal point.
    let fraction = if !cursor.rest().starts_with("...") && cursor.eat(".") {
        cursor.run(|c| c.is_ascii_digit())
    } else {
        ""
    };
    let no_time = || {
        let what = "a time expected, such as +0.1 (after the line before), 0.1 (from the start) or * (any)";
        cursor.error_at(start, what)
    };
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 6 {
        return Err(no_time());
    }
    let seconds: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| no_time())?
    };
    let micros: u64 = format!("{fraction:0<6}").parse().map_err(|_| no_time())?;
    let span = Duration::from_secs(seconds) + Duration::from_micros(micros);
    Ok(if relative {
        Moment::After(span)
    } else {
        Moment::Absolute(span)
    })
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action, ParseError> {
    if cursor.eat("<") {
        return Ok(Action::Inject(packet::to_send(cursor)?));
    }
    if cursor.eat(">") {
        return Ok(Action::Expect(packet::expected(cursor)?));
    }
    if cursor.eat_word("quiet") {
        return Ok(Action::Quiet);
    }
    if cursor.eat_word("expect") {
        return Ok(Action::Assert(assertion(cursor)?));
    }
    call::parse(cursor)
}

/// `tcp_info(4).cwnd = 10`, `counter tcp.rexmit = 1`, `event tcp_rexmit >= 1`.
fn assertion(cursor: &mut Cursor<'_>) -> Result<Assertion, ParseError> {
    let name = |cursor: &mut Cursor<'_>| {
        let name = cursor.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if name.is_empty() {
            Err(cursor.expected("a name"))
        } else {
            Ok(name.to_owned())
        }
    };
    let subject = if cursor.eat_word("tcp_info") {
        cursor.expect("(")?;
        let socket = cursor.number("a socket")?;
        cursor.expect(")")?;
        cursor.expect(".")?;
        Subject::TcpInfo(socket, cursor.word("a field of tcp_info")?.to_owned())
    } else if cursor.eat_word("counter") {
        Subject::Counter(name(cursor)?)
    } else if cursor.eat_word("event") {
        Subject::Event(name(cursor)?)
    } else {
        return Err(cursor.expected("tcp_info(…), counter or event"));
    };
    let bounds = if cursor.eat(">=") {
        Bounds {
            least: quantity(cursor)?,
            most: u64::MAX,
        }
    } else if cursor.eat("<=") {
        Bounds {
            least: 0,
            most: quantity(cursor)?,
        }
    } else {
        cursor.expect("=")?;
        bounds(cursor)?
    };
    Ok(Assertion { subject, bounds })
}

/// `10`, `10~20`, with `ms` or `s` for times, which are microseconds otherwise.
fn bounds(cursor: &mut Cursor<'_>) -> Result<Bounds, ParseError> {
    let least = quantity(cursor)?;
    let most = if cursor.eat("~") {
        quantity(cursor)?
    } else {
        least
    };
    Ok(Bounds { least, most })
}

fn quantity(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    let start = cursor.mark();
    let digits = cursor.run(|c| c.is_ascii_digit());
    let number: u64 = digits
        .parse()
        .map_err(|_| cursor.error_at(start, "a number expected"))?;
    let factor = if cursor.eat_word("us") {
        1
    } else if cursor.eat_word("ms") {
        1_000
    } else if cursor.eat_word("s") {
        1_000_000
    } else {
        1
    };
    Ok(number.saturating_mul(factor))
}
