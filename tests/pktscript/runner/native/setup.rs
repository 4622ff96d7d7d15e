//! A host of the engine as a script wants it, and what it counts.

use std::time::Duration;

use fairway_native::event::EventId;
use fairway_native::route::{Prefix, Route};
use fairway_native::tcp::Congestion;
use fairway_native::{InterfaceAddress, InterfaceConfig, InterfaceId, Setup, Stack};
use fairway_wire::Instant;
use std::net::Ipv4Addr;

use super::super::ast::Settings;

/// A host with one point-to-point interface and a default route through it.
pub(super) fn host(settings: &Settings) -> Result<(Stack, InterfaceId), String> {
    let mut setup = Setup::new("script", [7; 32]);
    // The buffer that Linux starts with, so that windows compare.
    setup.config.tcp.recv_buffer = 131_072;
    setup.config.tcp.congestion = if settings.congestion == "cubic" {
        Congestion::Cubic
    } else {
        Congestion::NewReno
    };
    // Off, as on Linux: it would change what is sent again after some timeouts.
    setup.config.tcp.black_hole_detection = false;
    for (knob, value) in &settings.knobs {
        turn(&mut setup, knob, *value)?;
    }
    let mut stack = Stack::new(setup);
    let interface = stack.add_interface(InterfaceConfig::point("script0", settings.mtu.into()));
    let address = InterfaceAddress::new(settings.local_ip, 24);
    let failed = |errno: fairway_native::Errno| format!("the host cannot be made: {errno}");
    stack
        .add_address(Instant::ZERO, interface, address)
        .map_err(failed)?;
    let everything = Prefix::new(Ipv4Addr::UNSPECIFIED, 0).ok_or("no default route")?;
    stack
        .add_route(Instant::ZERO, Route::new(everything, None, interface))
        .map_err(failed)?;
    Ok((stack, interface))
}

/// Turns a knob of the script.
fn turn(setup: &mut Setup, knob: &str, value: i64) -> Result<(), String> {
    let config = &mut setup.config;
    let on = value != 0;
    let bad = || format!("{knob} cannot be {value} here");
    let octet = || u8::try_from(value).map_err(|_| bad());
    let word = || u32::try_from(value).map_err(|_| bad());
    let seconds = || {
        u64::try_from(value)
            .map(Duration::from_secs)
            .map_err(|_| bad())
    };
    let tcp = &mut config.tcp;
    match knob {
        "black_hole_detection" => tcp.black_hole_detection = on,
        "challenge_ack_limit" => tcp.challenge_acks = word()?,
        "ecn" => tcp.ecn = on,
        "fin_timeout" => tcp.fin_wait_2_time = seconds()?,
        "fragment_time" => config.ip.fragment_time = seconds()?,
        "keepalive_interval" => tcp.keep_interval = seconds()?,
        "keepalive_probes" => tcp.keep_count = octet()?,
        "keepalive_time" => tcp.keep_idle = seconds()?,
        "orphan_retries" => tcp.orphan_retries = octet()?,
        "path_mtu_discovery_off" => tcp.path_mtu_discovery = !on,
        "retries" => tcp.retries = octet()?,
        "sack" => tcp.sack = on,
        "slow_start_after_idle" => tcp.restart_after_idle = on,
        "syn_ack_retries" => tcp.syn_ack_retries = octet()?,
        "syn_cookies" => {
            tcp.syn_cookies = on;
            if value > 1 {
                // No handshake is remembered, so every one needs a cookie.
                setup.limits.tcp.syn_cache = 0;
            }
        }
        "syn_retries" => tcp.syn_retries = octet()?,
        "timestamps" => tcp.timestamps = on,
        "window_scaling" => tcp.window_scale = on,
        _ => return Err(format!("the engine has no knob {knob}")),
    }
    Ok(())
}

/// How often an event was raised, by its name in the dictionary.
pub(super) fn event(stack: &Stack, name: &str) -> Result<u64, String> {
    let id: EventId = name
        .parse()
        .map_err(|_| format!("no event is called {name}"))?;
    Ok(stack.events().count_of(id))
}
