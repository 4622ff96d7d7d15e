//! `rpcinfo --json`, and numbers as they are written in `.x` files.

use serde_json::{Value, json};

use super::*;

fn documents(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_form_that_fails_prints_one_error() {
    let nowhere = "/nonexistent/socket";
    for (words, expected) in [
        (&["-p"][..], "can't contact portmapper: "),
        (&["-s"], "can't contact rpcbind: "),
        (&["-m"], "can't contact rpcbind: "),
        (&[], "can't contact rpcbind: "),
        (&["-l", "localhost", "9", "1"], "can't contact rpcbind: "),
        (&["-t", "127.0.0.1", "9"], "127.0.0.1: "),
        (&["-u", "127.0.0.1", "9", "1"], "127.0.0.1: "),
        (&["-T", "tcp", "127.0.0.1", "9"], ""),
        (&["-a", "x", "-T", "tcp", "9"], ""),
        (&["-b", "9", "1"], "broadcasts go to IP addresses"),
        (
            &["-d", "9", "1"],
            "Could not delete registration for prog 9 version 1",
        ),
        (
            &["-d", "nosuchprogram", "1"],
            "nosuchprogram is unknown service",
        ),
        (&["-d", "9", "x"], "x is illegal version number"),
        (&["-d", "9"], "wrong usage"),
        (&["-p", "-s"], "wrong usage"),
        (&["-z"], "wrong usage"),
        (&["--timeout", "2s"], "wrong usage"),
        (
            &["-n", "x", "-u", "127.0.0.1", "9"],
            "x is illegal port number",
        ),
    ] {
        let words = [words, &["--json", "--portmapper", nowhere]].concat();
        let output = rpcinfo(&words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let documents = documents(&output);
        let [document] = documents.as_slice() else {
            panic!("{words:?}: {documents:?}");
        };
        let error = document["error"].as_str().unwrap();
        assert!(
            error.starts_with(expected) && !error.is_empty(),
            "{words:?}: {error}"
        );
    }
}

#[test]
fn results_have_names_and_order() {
    let place = Place::new("json");
    let _daemon = place.start();
    on(async {
        let client = PmapV2Client::new(client(&place.path("s")).await);
        for vers in [3, 1, 2] {
            let mapping = Mapping { vers, ..port(9) };
            assert!(client.set(&mapping).await.unwrap());
        }
        assert_eq!(client.getport(&port(9)).await.unwrap(), 2009);
    });
    let socket = place.path("s");
    let socket = socket.to_str().unwrap();
    let one = |words: &[&str]| {
        let output = rpcinfo(&[words, &["--json", "--portmapper", socket]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        let mut documents = documents(&output);
        assert_eq!(documents.len(), 1, "{words:?}");
        documents.remove(0)
    };
    let versions = || {
        let short = one(&["-s"]);
        let rows = short["programs"].as_array().unwrap();
        let row = rows.iter().find(|row| row["program"] == 9).unwrap();
        row["versions"].clone()
    };
    assert_eq!(versions(), json!([1, 2, 3]));

    let statistics = one(&["-m"]);
    assert_eq!(
        statistics["versions"][0]["calls"],
        json!({"null": 0, "set": 3, "unset": 0, "getport": 1, "dump": 0, "callit": 0})
    );
    let v4 = statistics["versions"][2]["calls"].as_object().unwrap();
    assert_eq!(v4.len(), 13);
    assert_eq!(v4["getstat"], 1);

    assert_eq!(
        one(&["-d", "0x9", "0x3"]),
        json!({"program": 9, "version": 3, "netid": null})
    );
    assert_eq!(versions(), json!([1, 2]));
}

#[test]
fn program_and_version_may_be_hexadecimal() {
    let place = Place::new("hex");
    let _daemon = place.start();
    let socket = place.path("s");
    let socket = socket.to_str().unwrap();
    let ping = |program, version| {
        let words = ["-T", "local", "x", program, version, "--portmapper", socket];
        String::from_utf8(rpcinfo(&words).stdout).unwrap()
    };
    for program in ["0x186a0", "0X186A0", "100000"] {
        assert_eq!(
            ping(program, "0x3"),
            "program 100000 version 3 ready and waiting\n"
        );
    }
    for (words, told) in [
        (["-d", "0x", "1"], "rpcinfo: 0x is illegal program number\n"),
        (
            ["-d", "0x100000000", "1"],
            "rpcinfo: 0x100000000 is illegal program number\n",
        ),
        (["-d", "0xg", "1"], "rpcinfo: 0xg is unknown service\n"),
        (
            ["-d", "9", "0x100000000"],
            "rpcinfo: 0x100000000 is illegal version number\n",
        ),
    ] {
        let output = rpcinfo(&words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), told);
    }
}

#[test]
fn a_timeout_that_is_none_is_told_in_words() {
    for text in ["2s", "0", "1.5"] {
        let output = rpcinfo(&["--timeout", text, "-p"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            told.contains("seconds as a whole number expected, 1 or more"),
            "{told}"
        );
        assert!(!told.contains("digit"), "{told}");
    }
}
