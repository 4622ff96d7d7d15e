//! The network namespace of one script.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use super::super::ast::Settings;
use super::super::knobs;

/// The one interface.
const DEVICE: &str = "script0";

/// What every script starts from: the kernel's own defaults, where a machine may have others, and nothing that one
/// connection remembers for the next.
const SYSCTLS: [(&str, &str); 17] = [
    ("net.ipv6.conf.all.disable_ipv6", "1"),
    ("net.ipv6.conf.default.disable_ipv6", "1"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    ("net.ipv4.tcp_wmem", "4096 16384 4194304"),
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.ipv4.tcp_autocorking", "0"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_window_scaling", "1"),
    ("net.ipv4.tcp_ecn", "2"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_early_retrans", "3"),
    ("net.ipv4.tcp_shrink_window", "0"),
    ("net.ipv4.tcp_syn_linear_timeouts", "0"),
];

/// Moves the process into a new namespace and makes it as `settings` say.
pub(super) fn enter(settings: &Settings) -> Result<SyncDevice, String> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no network namespace: {error}"))?;
    for (name, value) in SYSCTLS {
        set(name, value)?;
    }
    for (name, value) in &settings.knobs {
        if let Some(knob) = knobs::find(name) {
            set(knob.sysctl, &value.to_string())?;
        }
    }
    let device = DeviceBuilder::new()
        .name(DEVICE)
        .layer(Layer::L3)
        .build_sync()
        .map_err(|error| format!("no TUN device: {error}"))?;
    let (local, mtu) = (settings.local_ip, settings.mtu);
    ip(&format!(
        "link set lo up\n\
         link set {DEVICE} mtu {mtu} up\n\
         address add {local}/24 dev {DEVICE}\n\
         route add default dev {DEVICE}\n"
    ))?;
    Ok(device)
}

fn set(sysctl: &str, value: &str) -> Result<(), String> {
    let path = format!("/proc/sys/{}", sysctl.replace('.', "/"));
    std::fs::write(&path, value).map_err(|error| format!("cannot set {sysctl} to {value}: {error}"))
}

/// Runs lines of `ip`.
fn ip(lines: &str) -> Result<(), String> {
    let failed = |error| format!("cannot run ip: {error}");
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("ip: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The counters of the namespace, as `Tcp.RetransSegs`.
pub(super) fn counters() -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for path in ["/proc/net/snmp", "/proc/net/netstat"] {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines();
        // Lines come in pairs: names, then values.
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let (Some((group, names)), Some((_, values))) =
                (names.split_once(':'), values.split_once(':'))
            else {
                continue;
            };
            for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
                if let Ok(value) = value.parse() {
                    counters.insert(format!("{group}.{name}"), value);
                }
            }
        }
    }
    counters
}
