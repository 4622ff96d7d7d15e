//! Our server beside libtirpc's, a Rust one and a bare responder, under the same load generator.

use std::process::Command;

use fairway_tests::Child;

use crate::lab::{Error, Lab, Place, serve, talk};

/// `ECHO_PROG` of echo.x, version 1.
pub(crate) const ECHO: (u32, u32) = (0x2000_4321, 1);
/// NFS version 3, for its null procedure.
const NFS: (u32, u32) = (100_003, 3);

/// A server under load.
struct Subject {
    name: &'static str,
    child: Child,
    udp: u16,
    tcp: u16,
    call: (u32, u32),
}

pub(crate) fn run(lab: &mut Lab) -> Result<(), Error> {
    talk("servers under load");
    let mut subjects = Vec::new();
    let mut start = |name, command: &mut Command, udp, tcp, call| -> Result<(), Error> {
        let child = serve(command, tcp, call)?;
        subjects.push(Subject {
            name,
            child,
            udp,
            tcp,
            call,
        });
        Ok(())
    };
    start(
        "limit",
        lab.c("rawechod").args(["4100", "4101"]),
        4100,
        4101,
        ECHO,
    )?;
    start(
        "tirpc",
        lab.c("echod").args(["4110", "4111"]),
        4110,
        4111,
        ECHO,
    )?;
    start("nfs3", lab.rust().args(["nfs3d", "4121"]), 0, 4121, NFS)?;
    start(
        "ours",
        lab.ours().args(["echod", "4130", "4131"]),
        4130,
        4131,
        ECHO,
    )?;
    // (protocol, calls in flight on a connection, connections, where)
    let cases = [
        ("udp", 1, 1, Place::Same),
        ("tcp", 1, 1, Place::Same),
        ("udp", 16, 1, Place::Split),
        ("tcp", 32, 1, Place::Split),
        ("tcp", 256, 1, Place::Split),
        ("tcp", 8, 16, Place::Split),
    ];
    for _ in 0..lab.repeats() {
        for case in cases {
            for subject in &subjects {
                load(lab, subject, case);
            }
        }
    }
    drop(subjects);
    slow_clients(lab)?;
    idle_connections(lab)
}

fn load(
    lab: &mut Lab,
    subject: &Subject,
    (protocol, window, connections, place): (&str, u32, u32, Place),
) {
    let port = if protocol == "udp" {
        subject.udp
    } else {
        subject.tcp
    };
    if port == 0 {
        return;
    }
    let shape = if connections == 1 {
        format!("w{window}")
    } else {
        format!("w{window}c{connections}")
    };
    let name = format!(
        "{}.srv.null.{protocol}.{shape}.{}",
        subject.name,
        place.name()
    );
    let (program, version) = subject.call;
    let mut command = lab.c("loadgen");
    command.args([&name, protocol]).arg(port.to_string());
    command.args([program, version, 0, window, connections].map(|number| number.to_string()));
    lab.measure(&mut command, Some((&subject.child, place)));
}

/// Clients that send half a record, half a mark, or never read; the calls of another one beside them.
fn slow_clients(lab: &mut Lab) -> Result<(), Error> {
    talk("slow clients");
    let server = serve(lab.ours().args(["echod", "4140", "4141"]), 4141, ECHO)?;
    let mut client = lab.ours();
    lab.measure(client.args(["slow", "4141"]), Some((&server, Place::Free)));
    Ok(())
}

/// Ten thousand connections that say nothing.
fn idle_connections(lab: &mut Lab) -> Result<(), Error> {
    talk("idle connections");
    let many = 10_000;
    crate::ours::idle::raise_file_limit()?;
    let server = serve(lab.ours().args(["echod", "4150", "4151"]), 4151, ECHO)?;
    let mut client = lab.ours();
    client.args(["idle", "4151"]).arg(many.to_string());
    lab.measure(&mut client, Some((&server, Place::Free)));
    Ok(())
}
