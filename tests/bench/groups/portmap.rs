//! `portmapd` beside rpcbind.

use std::path::Path;
use std::process::{Command, Stdio};

use fairway_tests::{Child, Namespace};

use crate::lab::{Error, Lab, Place, answers_udp, now, pause, resident, serve, talk};

/// The portmapper, version 2.
const PORTMAP: (u32, u32) = (100_000, 2);

/// A port mapping daemon.
#[derive(Clone, Copy)]
struct Daemon {
    name: &'static str,
    ours: bool,
}

const DAEMONS: [Daemon; 2] = [
    Daemon {
        name: "rpcbind",
        ours: false,
    },
    Daemon {
        name: "ours",
        ours: true,
    },
];

impl Daemon {
    /// Both stay in front and keep no state between runs.
    fn command(self, lab: &Lab) -> Command {
        if self.ours {
            let mut command = lab.program("portmapd");
            command.arg("-f").stderr(Stdio::null());
            command
        } else {
            let mut command = Command::new("rpcbind");
            command.arg("-f");
            command
        }
    }

    fn rpcinfo(self, lab: &Lab) -> Command {
        if self.ours {
            lab.program("rpcinfo")
        } else {
            Command::new("rpcinfo")
        }
    }
}

pub(crate) fn run(lab: &mut Lab) -> Result<(), Error> {
    for _ in 0..lab.repeats() {
        for mappings in [10, 1000, 5000] {
            for daemon in DAEMONS {
                talk(&format!("{} with {mappings} mappings", daemon.name));
                with_mappings(lab, daemon, mappings)?;
            }
        }
        for _ in 0..5 {
            for daemon in DAEMONS {
                start(lab, daemon)?;
            }
        }
    }
    for daemon in DAEMONS {
        talk(&format!("{} asked by a stranger", daemon.name));
        amplification(lab, daemon)?;
    }
    Ok(())
}

fn with_mappings(lab: &mut Lab, daemon: Daemon, mappings: u32) -> Result<(), Error> {
    let child = serve(&mut daemon.command(lab), 111, PORTMAP)?;
    let set = |lab: &mut Lab, verb: &str| {
        let mut command = lab.c("rpcbset");
        command.args([daemon.name, verb, &mappings.to_string()]);
        lab.measure(&mut command, Some((&child, Place::Free)));
    };
    set(lab, "set");
    let wanted = 0x2001_0000 + mappings / 2;
    for (protocol, window, place) in [
        ("udp", 1, Place::Same),
        ("tcp", 1, Place::Same),
        ("udp", 16, Place::Split),
        ("tcp", 32, Place::Split),
    ] {
        let name = format!(
            "{}.getport.n{mappings}.{protocol}.w{window}.{}",
            daemon.name,
            place.name()
        );
        let mut command = lab.c("loadgen");
        command.args([&name, protocol, "111", "100000", "2", "3"]);
        command.args([window, 1, wanted, 1, 6, 0].map(|number: u32| number.to_string()));
        lab.measure(&mut command, Some((&child, place)));
    }
    if mappings == 1000 {
        let name = format!("{}.dump.n{mappings}.tcp.w1.same", daemon.name);
        let mut command = lab.c("loadgen");
        command.args([&name, "tcp", "111", "100000", "2", "4", "1", "1"]);
        lab.measure(&mut command, Some((&child, Place::Same)));
        for _ in 0..9 {
            let mut command = daemon.rpcinfo(lab);
            command.arg("-p").stdout(Stdio::null());
            let since = now();
            crate::lab::run(&mut command)?;
            let took = since.elapsed().as_secs_f64() * 1000.0;
            lab.readings
                .add(&format!("{}.rpcinfo", daemon.name), took, "ms");
        }
    }
    set(lab, "unset");
    Ok(())
}

/// From start to the first answer, and memory then.
fn start(lab: &mut Lab, daemon: Daemon) -> Result<(), Error> {
    let mut command = daemon.command(lab);
    let since = now();
    let mut child = Child::spawn(command.stdout(Stdio::null()));
    while !answers_udp("127.0.0.1:111", PORTMAP) {
        if let Some(status) = child.ended() {
            return Err(format!("{} ended: {status}", daemon.name).into());
        }
        if since.elapsed().as_secs() > 10 {
            return Err(format!("{} does not answer", daemon.name).into());
        }
        pause();
    }
    let took = since.elapsed().as_secs_f64() * 1000.0;
    lab.readings
        .add(&format!("{}.start", daemon.name), took, "ms");
    if let Some(octets) = resident(child.id()) {
        let name = format!("{}.resident", daemon.name);
        lab.readings.add(&name, octets / f64::from(1 << 20), "MiB");
    }
    Ok(())
}

/// What a host that is neither local nor listed gets over UDP for what it sends, from a table of 400 mappings.
fn amplification(lab: &mut Lab, daemon: Daemon) -> Result<(), Error> {
    let (home, stranger) = (Namespace::new(), Namespace::new());
    home.connect(
        ("inside", "192.0.2.1/24"),
        &stranger,
        ("outside", "192.0.2.2/24"),
    );
    let inside = |command: &Command| {
        let mut entered = home.command(command.get_program());
        entered.args(command.get_args());
        entered
    };
    let mut command = inside(&daemon.command(lab));
    let _child = Child::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let mut waiting = inside(lab.ours().args(["answers", "127.0.0.1"]));
    crate::lab::run(&mut waiting)?;
    let mut command = lab.c("rpcbset");
    command.args(["setup", "set", "400"]);
    crate::lab::run(inside(&command).stdout(Stdio::null()))?;
    let ours = std::env::current_exe()?;
    let mut command = stranger.command(Path::new(&ours));
    command.args([
        "amplify",
        "192.0.2.1",
        &format!("{}.amplification", daemon.name),
    ]);
    lab.measure(&mut command, None);
    Ok(())
}
