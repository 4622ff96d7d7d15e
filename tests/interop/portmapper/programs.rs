//! Debian's programs register with portmapd, and are found through it (goal B9).

use std::process::Stdio;
use std::time::Duration;

use super::{Child, Daemon, Namespace, RPCINFO, SOON, ready, scratch, until};

/// What `rpcinfo -p` shows.
fn ports(namespace: &Namespace) -> String {
    Child::output(namespace.command(RPCINFO).arg("-p"), SOON).stdout
}

fn registers(test: &str, program: &[&str], number: &str) {
    if !ready(test, &[RPCINFO, program[0]]) {
        return;
    }
    let namespace = Namespace::new();
    let _daemon = Daemon::ours(test, &namespace, &[]);
    let mut command = namespace.command(program[0]);
    command
        .args(&program[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _program = Child::spawn(&mut command);
    let line = until(&format!("{number} to be registered"), SOON, || {
        let ports = ports(&namespace);
        ports
            .lines()
            .find(|line| line.contains(number) && line.contains("udp"))
            .map(str::to_owned)
    });
    let version = line.split_ascii_whitespace().nth(1).unwrap();
    let ping = Child::output(
        namespace
            .command(RPCINFO)
            .args(["-u", "127.0.0.1", number, version]),
        SOON,
    );
    assert_eq!(
        ping.stdout,
        format!("program {number} version {version} ready and waiting\n"),
        "{}",
        ping.stderr
    );
}

#[test]
fn statd_registers() {
    registers(
        "statd_registers",
        &["/usr/sbin/rpc.statd", "--no-notify", "--foreground"],
        "100024",
    );
}

#[test]
fn bootparamd_registers() {
    registers(
        "bootparamd_registers",
        &["/usr/sbin/rpc.bootparamd", "-d"],
        "100026",
    );
}

#[test]
fn rusersd_registers() {
    let test = "rusersd_registers";
    let program = "/usr/sbin/rpc.rusersd";
    if !ready(test, &[RPCINFO, program]) {
        return;
    }
    let namespace = Namespace::new();
    let _daemon = Daemon::ours(test, &namespace, &[]);
    // It goes into the background, so it gets process ids of its own, which all end with their first.
    let mut command = namespace.command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "sh", "-c"]);
    command.arg(format!("{program}; exec sleep infinity"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _program = Child::spawn(&mut command);
    until("100002 to be registered", SOON, || {
        ports(&namespace).contains("100002").then_some(())
    });
}

/// NFS-Ganesha with its memory back end: `showmount` and libnfs find it by portmapd.
#[test]
fn ganesha_serves_through_portmapd() {
    let test = "ganesha_serves_through_portmapd";
    let ganesha = "/usr/bin/ganesha.nfsd";
    if !ready(test, &[RPCINFO, ganesha, "/usr/sbin/showmount", "nfs-ls"]) {
        return;
    }
    let namespace = Namespace::new();
    let _daemon = Daemon::ours(test, &namespace, &[]);
    let folder = scratch(test);
    let config = folder.join("ganesha.conf");
    std::fs::write(
        &config,
        "NFS_CORE_PARAM { Enable_RQUOTA = false; Enable_NLM = false; Protocols = 3, 4; }\n\
         NFSv4 { RecoveryBackend = fs; Grace_Period = 5; Lease_Lifetime = 5; }\n\
         EXPORT { Export_Id = 1; Path = /mem; Pseudo = /mem; Access_Type = RW; Squash = None; SecType = none, sys; FSAL { Name = MEM; } }\n\
         MEM { Up_Test_Interval = 0; }\n",
    )
    .unwrap();
    let mut command = namespace.command(ganesha);
    command
        .arg("-F")
        .arg("-f")
        .arg(&config)
        .arg("-L")
        .arg(folder.join("log"))
        .arg("-p")
        .arg(folder.join("pid"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _ganesha = Child::spawn(&mut command);
    let limit = Duration::from_secs(60);
    until("NFS and MOUNT to be registered", limit, || {
        let ports = ports(&namespace);
        (ports.contains("100003") && ports.contains("100005")).then_some(())
    });
    let exports = until("showmount's list", limit, || {
        let output = Child::output(
            namespace
                .command("/usr/sbin/showmount")
                .args(["-e", "127.0.0.1"]),
            limit,
        );
        output.status.success().then_some(output.stdout)
    });
    assert!(
        exports.lines().any(|line| line.starts_with("/mem ")),
        "{exports}"
    );
    let listing = until("libnfs to list the export", limit, || {
        let output = Child::output(
            namespace
                .command("nfs-ls")
                .arg("nfs://127.0.0.1/mem?version=3"),
            limit,
        );
        output.status.success().then_some(output)
    });
    assert_eq!(listing.status.code(), Some(0));
}
