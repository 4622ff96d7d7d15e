//! The socket layer beside bare tokio: instructions and system calls of an exchange.

use std::process::Command;

use crate::groups::codec::{collected, instructions_of};
use crate::lab::{Error, Lab, talk};

const EXCHANGES: u32 = 1000;

pub(crate) fn run(lab: &mut Lab) -> Result<(), Error> {
    talk("socket layer");
    for protocol in ["tcp", "udp"] {
        for who in ["ours", "tokio"] {
            for (what, count) in [
                (
                    "instructions",
                    instructions as fn(&[&str]) -> Result<f64, Error>,
                ),
                ("syscalls", system_calls),
            ] {
                let counted = |times: u32| count(&["exchange", who, protocol, &times.to_string()]);
                let each = || -> Result<f64, Error> {
                    // What starting costs is in both.
                    let more = counted(100 + EXCHANGES)? - counted(100)?;
                    Ok(more / f64::from(EXCHANGES))
                };
                let name = format!("{who}.stack.{protocol}.{what}");
                match each() {
                    Ok(value) => lab.readings.add(
                        &name,
                        value,
                        if what == "syscalls" { "calls" } else { "instr" },
                    ),
                    Err(error) => lab.notes.push(format!("{name}: {error}")),
                }
            }
        }
    }
    Ok(())
}

fn instructions(arguments: &[&str]) -> Result<f64, Error> {
    collected(instructions_of(&std::env::current_exe()?).args(arguments))
}

fn system_calls(arguments: &[&str]) -> Result<f64, Error> {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-U", "calls,name"]);
    command.arg(std::env::current_exe()?).args(arguments);
    let output = command
        .output()
        .map_err(|error| format!("strace: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let total = said
        .lines()
        .find(|line| line.trim_end().ends_with("total"))
        .and_then(|line| line.split_whitespace().next()?.parse().ok());
    total.ok_or_else(|| format!("strace counted nothing: {said}").into())
}
