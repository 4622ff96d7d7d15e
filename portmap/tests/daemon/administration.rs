//! What an administrator meets: configuration, errors, the files for systemd.

use super::*;

fn portmapd(words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_portmapd"))
        .args(words)
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"", "{words:?}");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let place = Place::new("good");
    let file = place.path("c.toml");
    let words = ["--config", file.to_str().unwrap(), "--check-config"];
    assert_eq!(
        portmapd(&words),
        (Some(0), "portmapd: configuration is good\n".to_owned())
    );
}

#[test]
fn a_check_finds_users_that_do_not_exist() {
    let place = Place::new("users");
    let file = place.path("c.toml");
    let words = ["--config", file.to_str().unwrap(), "--check-config"];
    std::fs::write(&file, "port = 111\nuser = [\"no-such-user\"]\n").unwrap();
    let told = format!(
        "portmapd: {}:2: key `user`: no such user: no-such-user\n",
        file.display()
    );
    assert_eq!(portmapd(&words), (Some(2), told));
    std::fs::write(&file, "user = [\"no-such-user\", \"root\"]\n").unwrap();
    assert_eq!(portmapd(&words).0, Some(0));
}

#[test]
fn an_empty_socket_is_none() {
    let output = Command::new(env!("CARGO_BIN_EXE_portmapd"))
        .args(["--socket", "", "--config", "/dev/null", "--print-config"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("\nsocket = \"\"\n"), "{shown}");
}

#[test]
fn whoever_asks_for_help_by_h_is_told_how() {
    for words in [&["-h"][..], &["-h", "nonsense"]] {
        let (code, told) = portmapd(words);
        assert_eq!(code, Some(2));
        assert!(told.ends_with("; help is --help\n"), "{told}");
    }
    assert!(!portmapd(&["--port", "x"]).1.contains("rpcbind's"));
}

#[test]
fn a_socket_in_use_makes_think_of_rpcbind() {
    let place = Place::new("inuse");
    let _daemon = place.start();
    let file = place.path("c.toml");
    let (code, told) = portmapd(&["--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("/s: address already in use (EADDRINUSE): is rpcbind running?"),
        "{told}"
    );
}

#[test]
fn the_files_for_systemd_agree_with_the_daemon() {
    let unit = include_str!("../../etc/portmapd.service");
    let user = unit
        .lines()
        .find_map(|line| line.strip_prefix("User="))
        .unwrap();
    let default = fairway_portmap::config::Config::default().user;
    assert_eq!(default[0], user);
    let made: Vec<&str> = include_str!("../../etc/portmapd.sysusers")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_ascii_whitespace().nth(1))
        .collect();
    assert_eq!(made, [user]);
    // There are no man pages of ours.
    for text in [unit, include_str!("../../etc/portmapd.toml")] {
        assert!(!text.contains("man:") && !text.contains("portmapd("));
    }
}

#[test]
fn log_lines_are_flat_and_short() {
    let place = Place::new("log");
    let log = place.path("log");
    let stderr = std::fs::File::create(&log).unwrap();
    let daemon = place.start_with(&["-d", "-l"], stderr.into());
    on(async {
        let client = PmapV2Client::new(client(&place.path("s")).await);
        assert!(client.set(&port(7)).await.unwrap());
        assert!(client.set(&port(7)).await.unwrap());
    });
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    let socket = place.path("s");
    for expected in [
        format!("listening local={}\n", socket.display()),
        format!("call peer=local uid {} procedure=", nix::unistd::getuid()),
        "counters mappings=3 refused_not_local=0 ".to_owned(),
        "counters of the server calls=2 errors=0 connections=1 ".to_owned(),
    ] {
        assert!(log.contains(&expected), "{expected} in {log}");
    }
    for line in log.lines() {
        let rust = line.contains(" { ") || line.contains('(');
        assert!(line.len() < 300 && !rust, "{line}");
    }
}
