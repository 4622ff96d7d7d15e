//! `ftp ping`.

use crate::args::PingArgs;
use crate::exit::{Failure, Outcome};
use crate::get::parse_one;
use crate::output::{clean, print, print_json};
use crate::tool::{Tool, lock};
use fairway_ftp::session::Note;
use fairway_stack::Instant;
use serde::Serialize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Json<'a> {
    Greeting {
        host: &'a str,
        port: u16,
        greeting: &'a str,
        time_secs: f64,
    },
    Login {
        time_secs: f64,
    },
    Answer {
        sequence: u32,
        time_secs: f64,
    },
    Summary {
        sent: u32,
        answered: u32,
        min_secs: f64,
        mean_secs: f64,
        max_secs: f64,
    },
}

pub(crate) async fn ping(tool: &Arc<Tool>, args: &PingArgs) -> Outcome {
    let url = parse_one(&args.url)?;
    let site = tool.site(&url).await?;
    let clock = tool.net.clock();
    let (host, port) = (site.server().host().to_owned(), site.server().port());
    // The first reply of a connection is its greeting.
    let greeting: Arc<Mutex<Option<(Instant, String)>>> = Arc::default();
    let (seen, now) = (Arc::clone(&greeting), clock.clone());
    let (board, verbose) = (tool.board.clone(), tool.options.verbose > 0);
    tool.client.set_trace(Some(Arc::new(move |server, note| {
        if let Note::Received(reply) = note {
            lock(&seen).get_or_insert_with(|| (now.now(), clean(&reply.text())));
        }
        if verbose {
            crate::tool::trace(&board, server.host(), note);
        }
    })));
    let start = clock.now();
    let login = site.noop().await;
    let ready = clock.now();
    let json = tool.options.json;
    if let Some((at, text)) = lock(&greeting).clone() {
        let time = at.saturating_duration_since(start);
        let first = text.lines().next().unwrap_or_default();
        if json {
            print_json(&Json::Greeting {
                host: &host,
                port,
                greeting: first,
                time_secs: time.as_secs_f64(),
            });
        } else {
            print(&format!(
                "{host} port {port}: connected and greeted in {}: {first}\n",
                shown(time)
            ));
        }
    }
    login.map_err(|error| Failure::ftp("", &error))?;
    let time = ready.saturating_duration_since(start);
    if json {
        print_json(&Json::Login {
            time_secs: time.as_secs_f64(),
        });
    } else {
        print(&format!(
            "logged in as {} in {}\n",
            clean(site.server().user()),
            shown(time)
        ));
    }
    let mut times = Vec::new();
    let mut failure = None;
    for sequence in 1..=args.count {
        if sequence > 1 {
            clock.sleep(Duration::from_secs_f64(args.interval)).await;
        }
        let asked = clock.now();
        if let Err(error) = site.noop().await {
            failure = Some(Failure::ftp("", &error));
            break;
        }
        let time = clock.now().saturating_duration_since(asked);
        times.push(time);
        let more = if json {
            print_json(&Json::Answer {
                sequence,
                time_secs: time.as_secs_f64(),
            })
        } else {
            print(&format!("answer {sequence}: {}\n", shown(time)))
        };
        if !more {
            return Ok(());
        }
    }
    let answered = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let (min, max) = (times.iter().min().copied(), times.iter().max().copied());
    if let (Some(min), Some(max)) = (min, max) {
        let mean = times.iter().sum::<Duration>() / answered;
        let sent = answered + u32::from(failure.is_some());
        if json {
            print_json(&Json::Summary {
                sent,
                answered,
                min_secs: min.as_secs_f64(),
                mean_secs: mean.as_secs_f64(),
                max_secs: max.as_secs_f64(),
            });
        } else {
            print(&format!(
                "{sent} asked, {answered} answered; least {}, mean {}, most {}\n",
                shown(min),
                shown(mean),
                shown(max)
            ));
        }
    }
    failure.map_or(Ok(()), Err)
}

fn shown(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}
