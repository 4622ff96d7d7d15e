//! `rpcinfo`: asks portmappers what is registered, and programs whether they answer.

mod args;
mod broadcast;
mod delete;
mod lists;
mod ping;
mod tool;

use std::process::ExitCode;

use clap::Parser as _;
use fairway_portmap::address::Netid;
use fairway_rpc::programs::Programs;
use fairway_stack::Net;

use crate::args::{Args, USAGE, usage_error};
use crate::tool::{End, Outcome, Tool, print_error, say};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    Ports,
    Short,
    Statistics,
    List,
    Tcp,
    Udp,
    Address,
    Broadcast,
    Delete,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // What was typed is not known as a whole, but whether JSON is wanted is.
            if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
                print_error("wrong usage");
            }
            return usage_error(&error);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(End::Said(format!("rpcinfo: {error}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(end) => {
            match end {
                End::Usage => {
                    if args.json {
                        print_error("wrong usage");
                    }
                    say(&format!("Usage: {USAGE}"));
                }
                End::Said(text) | End::Untold(text) if args.json => print_error(&text),
                End::Said(text) => say(&text),
                End::Untold(_) | End::Quiet => {}
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Outcome {
    let net = Net::system();
    let chosen = [
        (args.ports, Function::Ports),
        (args.short, Function::Short),
        (args.statistics, Function::Statistics),
        (args.list, Function::List),
        (args.tcp, Function::Tcp),
        (args.udp, Function::Udp),
        (args.address.is_some(), Function::Address),
        (args.broadcast, Function::Broadcast),
        (args.delete, Function::Delete),
    ];
    let mut functions = chosen.iter().filter(|(is, _)| *is).map(|(_, f)| *f);
    let function = functions.next();
    let port = match &args.port {
        None => None,
        Some(text) => match text.trim_start().parse::<u16>() {
            Ok(port) => Some(port).filter(|port| *port != 0),
            Err(_) => return Err(End::Said(format!("rpcinfo: {text} is illegal port number"))),
        },
    };
    if functions.next().is_some() || (function == Some(Function::Address) && args.netid.is_none()) {
        return Err(End::Usage);
    }
    let programs = Programs::load(&net).await;
    let tool = Tool {
        net,
        args,
        programs,
    };
    match function {
        Some(Function::Ports) if port.is_some() => Err(End::Usage),
        Some(Function::Ports) => tool.ports().await,
        Some(Function::Short) => tool.mappings(true).await,
        Some(Function::Statistics) => tool.statistics().await,
        Some(Function::List) => tool.addresses().await,
        Some(Function::Tcp) => tool.ip_ping([Netid::Tcp, Netid::Tcp6], port).await,
        Some(Function::Udp) => tool.ip_ping([Netid::Udp, Netid::Udp6], port).await,
        Some(Function::Address) => tool.address_ping().await,
        Some(Function::Broadcast) => tool.broadcast().await,
        Some(Function::Delete) => tool.delete().await,
        None if args.words.len() > 1 => tool.program_ping().await,
        None => tool.mappings(false).await,
    }
}
