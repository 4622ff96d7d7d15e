//! `rsvpctl`: shows what rsvpd knows, and sends and reserves by hand.

mod args;
mod event;
mod goal;
mod text;
mod typed;
mod width;

use core::time::Duration;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use fairway_rsvp::daemon::config::Span;
use fairway_rsvp::daemon::control::protocol::{Reply, Request};
use fairway_stack::{LocalAddr, LocalReadHalf, LocalWriteHalf, Net, NetError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Command, Lasting};
use crate::goal::Goal;
use crate::text::Screen;

/// Exit codes, as the help lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done,
    Refused,
    Usage,
    NoAnswer,
    TooLate,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::NoAnswer => 3,
            Exit::TooLate => 4,
        })
    }
}

/// How it ends when it does not end well.
struct Failure {
    exit: Exit,
    text: String,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => {
            let _ = usage.print();
            return if usage.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            };
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(Failure {
            exit: Exit::Refused,
            text: error.to_string(),
        }),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if args.json {
                print(&args, &Reply::Error(failure.text));
            } else {
                let _ = writeln!(std::io::stderr(), "rsvpctl: {}", failure.text);
            }
            failure.exit.into()
        }
    }
}

/// How long a daemon that is well may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The daemon.
struct Daemon {
    write: LocalWriteHalf,
    lines: Lines<BufReader<LocalReadHalf>>,
}

impl Daemon {
    async fn connect(net: &Net, args: &Args) -> Result<Self, Failure> {
        let at = LocalAddr::path(&args.socket);
        let stream = net.connect_local(&at).await.map_err(|error| {
            let hint = match error {
                NetError::NotFound | NetError::ConnRefused => ": is rsvpd running?",
                NetError::Access => ": only for root and the socket's group",
                _ => "",
            };
            Failure {
                exit: Exit::NoAnswer,
                text: format!("{}: {error}{hint}", args.socket.display()),
            }
        })?;
        let (read, write) = stream.into_split();
        let lines = BufReader::new(read).lines();
        Ok(Self { write, lines })
    }

    async fn ask(&mut self, request: &Request) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(request).map_err(|error| Failure {
            exit: Exit::Usage,
            text: error.to_string(),
        })?;
        line.push(b'\n');
        self.write
            .write_all(&line)
            .await
            .map_err(|error| lost(&error.to_string()))
    }

    async fn reply(&mut self) -> Result<Reply, Failure> {
        match self.lines.next_line().await {
            Ok(Some(line)) => {
                serde_json::from_str(&line).map_err(|error| lost(&format!("{error}")))
            }
            Ok(None) => Err(lost("the daemon has ended")),
            Err(error) => Err(lost(&error.to_string())),
        }
    }
}

fn lost(why: &str) -> Failure {
    Failure {
        exit: Exit::NoAnswer,
        text: why.to_owned(),
    }
}

/// What a command asks for.
fn request(command: &Command) -> Request {
    let sessions = |listing: &args::Listing| Request::Sessions {
        destination: listing.filter.destination,
        most: listing.most(),
    };
    match command {
        Command::Status => Request::Status,
        Command::Interfaces => Request::Interfaces,
        Command::Sessions(listing)
        | Command::Senders(listing)
        | Command::Reservations(listing)
        | Command::Requests(listing) => sessions(listing),
        Command::Installed(listing) => Request::Installed {
            destination: listing.filter.destination,
            most: listing.most(),
        },
        Command::TrafficControl(listing) => Request::TrafficControl {
            destination: listing.filter.destination,
            most: listing.most(),
        },
        Command::Neighbours => Request::Neighbours,
        Command::Counters => Request::Counters,
        Command::Applications => Request::Applications,
        Command::Log { filter, lines } => Request::Log {
            destination: filter.destination,
            most: *lines,
        },
        Command::Watch(filter) => Request::Watch {
            destination: filter.destination,
        },
        Command::Send(args) => Request::Send(args.entry()),
        Command::Reserve(args) => Request::Reserve(args.entry()),
    }
}

async fn run(args: &Args) -> Result<Exit, Failure> {
    let net = Net::system();
    let clock = net.clock();
    let silent = |_| lost(&format!("no answer within {} s", PATIENCE.as_secs()));
    let deadline = clock.now() + PATIENCE;
    let asked = clock.timeout_at(deadline, async {
        let mut daemon = Daemon::connect(&net, args).await?;
        match daemon.ask(&request(&args.command)).await {
            Ok(()) => Ok(daemon),
            // It may have closed the connection with a word on why.
            Err(failure) => match daemon.reply().await {
                Ok(Reply::Error(text)) => Err(Failure {
                    exit: Exit::Refused,
                    text,
                }),
                _ => Err(failure),
            },
        }
    });
    let mut daemon = asked.await.map_err(silent)??;
    let (lasting, is_until) = match &args.command {
        Command::Watch(_) => (Lasting::default(), false),
        Command::Send(args) => (args.lasting.clone(), args.until_reserved),
        Command::Reserve(args) => (args.lasting.clone(), args.until_confirmed),
        _ => {
            let reply = clock.timeout_at(deadline, daemon.reply());
            let reply = reply.await.map_err(silent)??;
            return match reply {
                Reply::Error(text) => Err(Failure {
                    exit: Exit::Refused,
                    text,
                }),
                reply => {
                    print(args, &reply);
                    Ok(Exit::Done)
                }
            };
        }
    };
    let until = lasting.time.map(|span| clock.now() + span.0);
    let mut goal = Goal::new(lasting.fail_fast, is_until);
    let mut term = signal(SignalKind::terminate()).map_err(|error| Failure {
        exit: Exit::Refused,
        text: error.to_string(),
    })?;
    loop {
        let reply = tokio::select! { biased;
            _ = tokio::signal::ctrl_c() => return over(args, &goal, None),
            _ = term.recv() => return over(args, &goal, None),
            () = async {
                match until {
                    Some(until) => clock.sleep_until(until).await,
                    None => core::future::pending().await,
                }
            } => return over(args, &goal, lasting.time),
            reply = daemon.reply() => reply?,
        };
        if let Reply::Error(text) = reply {
            return Err(Failure {
                exit: Exit::Refused,
                text,
            });
        }
        let ends = goal.heard(&reply);
        if !print(args, &reply) {
            return Ok(ends.unwrap_or(goal.over()));
        }
        if let Some(exit) = ends {
            return Ok(exit);
        }
    }
}

/// The time is over; without one, it is interrupted.
fn over(args: &Args, goal: &Goal, time: Option<Span>) -> Result<Exit, Failure> {
    let exit = goal.over();
    if exit != Exit::TooLate {
        return Ok(exit);
    }
    let when = time.map_or_else(|| "yet".to_owned(), |time| format!("within {time}"));
    let text = match args.command {
        Command::Send(_) => format!("nobody has reserved {when}"),
        _ => format!("not confirmed {when}"),
    };
    Err(Failure { exit, text })
}

/// Prints an answer; `false` if nobody reads any more.
fn print(args: &Args, reply: &Reply) -> bool {
    let text = if args.json {
        String::from_utf8(json(&args.command, reply)).unwrap_or_default()
    } else {
        let text = text::text(&args.command, reply, &Screen::here());
        if text::is_talk(reply) {
            // Nobody has to read it.
            let _ = std::io::stderr().write_all(text.as_bytes());
            return true;
        }
        text
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

/// The document: of sessions only the part that was asked for.
fn json(command: &Command, reply: &Reply) -> Vec<u8> {
    let parts: &[&str] = match command {
        Command::Senders(_) => &["senders"],
        Command::Reservations(_) => &["reservations"],
        Command::Installed(_) => &["installed"],
        Command::Requests(_) => &["requests", "blockades"],
        _ => return reply.to_line(),
    };
    // From the text: its numbers have the digits that they are shown with elsewhere.
    let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(&reply.to_line()) else {
        return reply.to_line();
    };
    let sessions = document.pointer_mut("/sessions/sessions");
    let sessions = sessions.and_then(|sessions| sessions.as_array_mut());
    for session in sessions.into_iter().flatten() {
        let Some(session) = session.as_object_mut() else {
            continue;
        };
        // Whatever is a list is state of one kind.
        session.retain(|key, value| !value.is_array() || parts.contains(&key.as_str()));
    }
    format!("{document}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_rsvp::daemon::control::protocol::{SessionOf, Sessions};

    /// An empty list would say that there is nothing.
    #[test]
    fn what_was_not_asked_for_is_left_out() {
        let reply = Reply::Sessions(Sessions {
            sessions: vec![SessionOf {
                destination: [192, 0, 2, 9].into(),
                protocol: "udp".to_owned(),
                port: 5004,
                senders: Vec::new(),
                reservations: Vec::new(),
                installed: Vec::new(),
                requests: Vec::new(),
                blockades: Vec::new(),
                applications: 1,
            }],
            is_cut: true,
        });
        for (command, lists) in [
            ("senders", r#""protocol":"udp","senders":[]"#),
            ("requests", r#""protocol":"udp","requests":[]"#),
        ] {
            let args = Args::try_parse_from(["rsvpctl", command]).unwrap();
            let text = String::from_utf8(json(&args.command, &reply)).unwrap();
            assert!(text.contains(lists) && text.ends_with("}}\n"), "{text}");
            assert!(text.contains(r#""is_cut":true"#), "{text}");
            assert!(text.contains(r#""applications":1"#), "{text}");
            assert!(!text.contains("reservations"), "{text}");
            assert_eq!(text.contains("blockades"), command == "requests", "{text}");
        }
        let args = Args::try_parse_from(["rsvpctl", "sessions"]).unwrap();
        assert_eq!(json(&args.command, &reply), reply.to_line());
    }
}
