//! A client and a server: one call at a time, many in flight, large ones.

use crate::groups::server::ECHO;
use crate::lab::{Error, Lab, Place, serve, talk};

pub(crate) fn run(lab: &mut Lab) -> Result<(), Error> {
    talk("client and server");
    let tirpc = serve(lab.c("echod").args(["4200", "4201"]), 4201, ECHO)?;
    let ours = serve(lab.ours().args(["echod", "4210", "4211"]), 4211, ECHO)?;
    let ours2 = serve(
        lab.ours().args(["echod", "4230", "4231", "--workers", "2"]),
        4231,
        ECHO,
    )?;
    let bare = serve(lab.c("rawechod").args(["4220", "4221"]), 4221, ECHO)?;
    for _ in 0..lab.repeats() {
        for place in [Place::Same, Place::Split] {
            let name = format!("tirpc.cl-tirpc.{}", place.name());
            let mut command = lab.c("echoc");
            command.args([&name, "4200", "4201"]);
            lab.measure(&mut command, Some((&tirpc, place)));

            let name = format!("ours.cl.{}", place.name());
            let mut command = lab.ours();
            command.args(["client", &name, "4210", "4211"]);
            lab.measure(&mut command, Some((&ours, place)));
        }
        let place = Place::Same;
        let mut command = lab.ours();
        command.args([
            "client",
            "ours2.cl.same",
            "4230",
            "4231",
            "--workers",
            "2",
            "null",
        ]);
        lab.measure(&mut command, Some((&ours2, place)));
        let mut command = lab.ours();
        command.args(["client", "ours.at-tirpc.same", "4200", "4201", "null"]);
        lab.measure(&mut command, Some((&tirpc, place)));
        // One core for this one is set from outside: it has no setting of its own.
        let mut command = std::process::Command::new("taskset");
        command.args(["-c", "0"]);
        let peer = lab.rust();
        command
            .arg(peer.get_program())
            .args(["rpc", "4200", "4201"]);
        command.envs(
            peer.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        lab.measure(&mut command, Some((&tirpc, place)));

        let mut command = lab.ours();
        command.args([
            "client",
            "ours.at-bare.split",
            "4220",
            "4221",
            "null",
            "in-flight",
        ]);
        lab.measure(&mut command, Some((&bare, Place::Split)));
    }
    Ok(())
}
