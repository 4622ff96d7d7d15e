//! Each state of a transfer × each event, with what comes of it: the table is kept beside this file, as is the machine
//! as a graph. `BLESS=1` writes them anew.

use super::script::Player;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How to get into each state; the name is that of the stage, with what the data connection is at where that matters.
const STATES: [(&str, &str); 15] = [
    ("Setting", "op STOR f type=I allo=9"),
    ("Allocating", "op STOR f allo=9"),
    ("PreTransfer", "op STOR f pret"),
    ("Asking", "op STOR f rest=5 via=EPSV,PASV"),
    ("Connecting", "op STOR f via=EPSV,PASV\nS: 229 (|||2000|)"),
    ("Listening", "op STOR f via=PORT,PASV"),
    (
        "Telling",
        "op STOR f via=PORT,PASV\n> listening 192.0.2.9:4000",
    ),
    ("Waiting", "op STOR f third=passive\nS: 229 (|||2000|)"),
    (
        "Restarting",
        "op STOR f rest=5\nS: 229 (|||2000|)\n> connected",
    ),
    ("Asked", "op STOR f\nS: 229 (|||2000|)\n> connected"),
    (
        "Flowing",
        "op STOR f\nS: 229 (|||2000|)\n> connected\nS: 150 go",
    ),
    (
        "Flowing, keep-alive out",
        "op STOR f\nS: 229 (|||2000|)\n> connected\nS: 150 go\n+ 30s",
    ),
    (
        "Flowing, data ended",
        "op STOR f\nS: 229 (|||2000|)\n> connected\nS: 150 go\n> ended",
    ),
    (
        "Final, data flowing",
        "op RETR f\nS: 229 (|||2000|)\n> connected\nS: 150 go\nS: 226 done",
    ),
    (
        "Final, keep-alive out",
        "op STOR f\nS: 229 (|||2000|)\n> connected\nS: 150 go\n+ 30s\n> ended\nS: 226 done",
    ),
];

const EVENTS: [&str; 20] = [
    "S: 150 go",
    "S: 200 fine",
    "S: 226 done",
    "S: 227 (10,0,0,1,7,208)",
    "S: 229 (|||2000|)",
    "S: 350 on",
    "S: 421 bye",
    "S: 425 no",
    "S: 500 what",
    "S: 550 no",
    "S: 633 no",
    "> connected",
    "> listening 192.0.2.9:4000",
    "> failed x",
    "> ended",
    "> broken x",
    "> go",
    "> eof",
    "+ 60s",
    "op RECOVER",
];

/// The stage, as its own name has it.
fn state(player: &Player) -> String {
    let shown = format!("{:?}", player.session);
    if player.session.dead().is_some() && !shown.contains("stage: ") {
        return "dead".into();
    }
    match shown.split_once("stage: ") {
        Some((_, stage)) if shown.contains("work: Transfer") => stage
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect(),
        Some(_) => "recovering".into(),
        None => "idle".into(),
    }
}

fn tables() -> (String, String) {
    let mut table = String::new();
    let mut edges = BTreeSet::new();
    for (name, way) in STATES {
        writeln!(table, "{name}").unwrap();
        for event in EVENTS {
            let mut player = Player::new();
            for line in way.lines() {
                player.take(line);
            }
            let before = state(&player);
            assert!(name.starts_with(&before), "{name} is {before}");
            player.log.clear();
            player.take(event);
            let mut outcome: Vec<&str> = player.log.lines().skip(1).collect();
            if outcome.is_empty() {
                outcome.push("-");
            }
            let after = state(&player);
            writeln!(table, "    {event:<26} {after:<12} {}", outcome.join(", ")).unwrap();
            if before != after && !matches!(&*after, "dead" | "recovering") {
                edges.insert(format!("    {before} -> {after};\n"));
            }
        }
    }
    let edges: String = edges.into_iter().collect();
    (table, format!("digraph transfer {{\n{edges}}}\n"))
}

#[test]
fn are_as_shown() {
    let (table, graph) = tables();
    for (name, actual) in [("transitions.txt", table), ("transitions.dot", graph)] {
        let path = format!("{}/src/session/tests/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = expected.lines().zip(actual.lines()).find(|(a, b)| a != b);
        assert!(
            expected == actual,
            "{name}: {differs:?}; BLESS=1 writes it anew"
        );
    }
}
